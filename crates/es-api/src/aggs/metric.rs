//! Numbers of numbers, and how many different values there are.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::plan::What;

/// Numbers added up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    count: u64,
    sum: f64,
    /// What the sum leaves out by rounding (Kahan).
    lost: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, lost: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Numbers {
    /// One more.
    pub fn add(&mut self, number: f64) {
        self.count += 1;
        let with = number - self.lost;
        let sum = self.sum + with;
        self.lost = (sum - self.sum) - with;
        self.sum = sum;
        self.squares += number * number;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// One more of which only the presence counts.
    pub const fn add_present(&mut self) {
        self.count += 1;
    }

    fn avg(&self) -> f64 {
        self.sum / self.count as f64
    }

    fn variance(&self) -> f64 {
        let (n, avg) = (self.count as f64, self.avg());
        (self.squares / n - avg * avg).max(0.0)
    }

    /// One of its numbers, by its name; `None` where there were no numbers to make it of.
    pub fn get(&self, what: What, name: &str) -> Option<f64> {
        let name = match (what, name) {
            (What::Min, "value") => "min",
            (What::Max, "value") => "max",
            (What::Avg, "value") => "avg",
            (What::Sum, "value") => "sum",
            (What::Count, "value") => "count",
            _ => name,
        };
        let some = self.count > 0;
        match name {
            "count" => Some(self.count as f64),
            "sum" => Some(self.sum),
            "min" => some.then_some(self.min),
            "max" => some.then_some(self.max),
            "avg" => some.then(|| self.avg()),
            "sum_of_squares" => some.then_some(self.squares),
            "variance" => some.then(|| self.variance()),
            "std_deviation" => some.then(|| self.variance().sqrt()),
            _ => None,
        }
    }

    /// As an answer holds it.
    pub fn show(&self, what: What) -> Map<String, Value> {
        let number = |name: &str| self.get(what, name).map_or(Value::Null, |number| json!(number));
        let mut map = Map::new();
        match what {
            What::Count => drop(map.insert("value".to_owned(), self.count.into())),
            What::Stats | What::Extended => {
                map.insert("count".to_owned(), self.count.into());
                for name in ["min", "max", "avg", "sum"] {
                    map.insert(name.to_owned(), number(name));
                }
                if what == What::Extended {
                    self.show_spread(&mut map);
                }
            }
            _ => drop(map.insert("value".to_owned(), number("value"))),
        }
        map
    }

    fn show_spread(&self, map: &mut Map<String, Value>) {
        let some = self.count > 0;
        let number = |value: f64| if some { json!(value) } else { Value::Null };
        let (variance, deviation) = (self.variance(), self.variance().sqrt());
        let sampling = if self.count > 1 { variance * self.count as f64 / (self.count - 1) as f64 } else { f64::NAN };
        let (avg, apart) = (self.avg(), 2.0 * deviation);
        map.insert("sum_of_squares".to_owned(), number(self.squares));
        map.insert("variance".to_owned(), number(variance));
        map.insert("variance_population".to_owned(), number(variance));
        map.insert("variance_sampling".to_owned(), number(sampling));
        map.insert("std_deviation".to_owned(), number(deviation));
        map.insert("std_deviation_population".to_owned(), number(deviation));
        map.insert("std_deviation_sampling".to_owned(), number(sampling.sqrt()));
        map.insert(
            "std_deviation_bounds".to_owned(),
            json!({ "upper": number(avg + apart), "lower": number(avg - apart) }),
        );
    }
}

impl What {
    /// Whether it has a number of this name to order by.
    pub fn has(self, name: &str) -> bool {
        match self {
            Self::Stats => matches!(name, "count" | "min" | "max" | "avg" | "sum"),
            Self::Extended => {
                matches!(
                    name,
                    "count" | "min" | "max" | "avg" | "sum" | "sum_of_squares" | "variance" | "std_deviation"
                )
            }
            _ => name == "value",
        }
    }
}

/// So many of the smallest hashes are kept: up to as many different values the count is exact.
const KEPT: usize = 4096;

/// How many different values there are: the smallest hashes are kept, and how close together they lie tells how many
/// there are in all (within 4 % in most cases).
#[derive(Clone, Debug, Default)]
pub struct Distinct(BTreeSet<u64>);

impl Distinct {
    /// One more value. Says whether more memory is taken now.
    pub fn add(&mut self, value: &[u8]) -> bool {
        let hash = xxhash_rust::xxh3::xxh3_64(value);
        if self.0.len() < KEPT {
            return self.0.insert(hash);
        }
        if self.0.last().is_some_and(|last| hash < *last) && self.0.insert(hash) {
            self.0.pop_last();
        }
        false
    }

    /// How many.
    pub fn count(&self) -> u64 {
        match self.0.last() {
            Some(last) if self.0.len() == KEPT => {
                let part = *last as f64 / u64::MAX as f64;
                ((KEPT - 1) as f64 / part).round() as u64
            }
            _ => self.0.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_add_up() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.show(What::Avg), *json!({ "value": null }).as_object().expect("an object"));
        assert_eq!(numbers.show(What::Sum), *json!({ "value": 0.0 }).as_object().expect("an object"));
        for number in [1.0, 2.0, 3.0, 4.0] {
            numbers.add(number);
        }
        let stats = json!({ "count": 4, "min": 1.0, "max": 4.0, "avg": 2.5, "sum": 10.0 });
        assert_eq!(numbers.show(What::Stats), *stats.as_object().expect("an object"));
        assert_eq!(numbers.get(What::Extended, "variance"), Some(1.25));
        assert_eq!(numbers.show(What::Extended)["std_deviation_bounds"]["upper"], json!(2.5 + 2.0 * 1.25f64.sqrt()));
    }

    #[test]
    fn different_values_are_counted() {
        for (values, error) in [(10u64, 0), (4000, 0), (100_000, 4000)] {
            let mut distinct = Distinct::default();
            for _ in 0..2 {
                for n in 0..values {
                    distinct.add(n.to_string().as_bytes());
                }
            }
            assert!(distinct.count().abs_diff(values) <= error, "{values}: {}", distinct.count());
        }
    }
}
