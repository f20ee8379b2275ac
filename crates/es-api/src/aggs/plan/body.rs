//! The bodies of single aggregations.

use serde_json::{Map, Value};

use super::{Histogram, Kind, Metric, Order, Plan, SIZE_MAX, Step, Terms, What};
use crate::date::Calendar;
use crate::query::kind_of;
use crate::{EsError, names};

pub(super) fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, EsError> {
    value.as_object().ok_or_else(|| EsError::parsing(format!("[{name}] must be an object, not {}", kind_of(value))))
}

/// The body of an aggregation.
pub(super) struct Body<'a> {
    pub(super) kind: &'a str,
    pub(super) map: &'a Map<String, Value>,
}

impl Body<'_> {
    pub(super) fn only(&self, known: &[&str]) -> Result<(), EsError> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(EsError::unsupported(format!("[{key}] of [{}]", self.kind))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, EsError> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other, "a text")),
        }
    }

    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> EsError {
        EsError::parsing(format!("[{}] [{name}] must be {wanted}, not {value}", self.kind))
    }

    pub(super) fn field(&self) -> Result<String, EsError> {
        match self.text("field")? {
            Some(field) => Ok(names::plain(field).to_owned()),
            None => Err(EsError::parsing(format!("[{}] needs [field]", self.kind))),
        }
    }

    /// A whole number; also as a text, as older dashboards write it.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, EsError> {
        let Some(value) = self.map.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.map(Some).ok_or_else(|| self.wrong(name, value, "a whole number"))
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, EsError> {
        let Some(value) = self.map.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.wrong(name, value, "a number"))
    }

    pub(super) fn not_keyed(&self) -> Result<(), EsError> {
        match self.map.get("keyed") {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(_) => Err(EsError::unsupported(format!("[keyed] of [{}]", self.kind))),
        }
    }
}

pub(super) fn step(body: &Body<'_>) -> Result<Step, EsError> {
    let given = ["fixed_interval", "calendar_interval", "interval"].map(|name| body.text(name));
    let [fixed, calendar, either] = given;
    let fixed_step = |text: &str| interval(text, "fixed_interval").map(Step::Fixed);
    match (fixed?, calendar?, either?) {
        (Some(text), None, None) => fixed_step(text),
        (None, Some(text), None) => {
            let unit = Calendar::read(text).ok_or_else(|| {
                EsError::illegal(format!("The supplied interval [{text}] could not be parsed as a calendar interval."))
            });
            Ok(Step::Calendar(unit?))
        }
        // Before Elasticsearch 8 there was one name for both.
        (None, None, Some(text)) => match Calendar::read(text) {
            Some(unit) => Ok(Step::Calendar(unit)),
            None => fixed_step(text),
        },
        (None, None, None) => Err(EsError::illegal("Invalid interval specified, must be non-null and non-empty")),
        _ => Err(EsError::illegal("Cannot use [fixed_interval] with [calendar_interval] or [interval]")),
    }
}

/// `30s`, `500ms`, `1d`, in microseconds.
pub fn interval(text: &str, name: &str) -> Result<i64, EsError> {
    let wrong = || {
        EsError::illegal(format!(
            "failed to parse setting [{name}] with value [{text}] as a time value: write 30s, 5m, 1h"
        ))
    };
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match &text[digits..] {
        "micros" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        "h" => 3600e6,
        "d" => 86_400e6,
        _ => return Err(wrong()),
    };
    let micros = number * unit;
    if !(1.0..=9e17).contains(&micros) { Err(wrong()) } else { Ok(micros as i64) }
}

pub(super) fn signed_interval(text: &str, name: &str) -> Result<i64, EsError> {
    match text.strip_prefix('-') {
        Some(rest) => interval(rest, name).map(|micros| -micros),
        None => interval(text.strip_prefix('+').unwrap_or(text), name),
    }
}

pub(super) fn histogram(body: &Body<'_>) -> Result<Histogram, EsError> {
    body.only(&["field", "interval", "offset", "min_doc_count", "missing", "keyed"])?;
    body.not_keyed()?;
    let interval = body.float("interval")?.filter(|interval| *interval > 0.0);
    Ok(Histogram {
        field: body.field()?,
        interval: interval.ok_or_else(|| EsError::illegal("[interval] must be >0 for histogram aggregation"))?,
        offset: body.float("offset")?.unwrap_or(0.0),
        min_count: body.number("min_doc_count")?.unwrap_or(0),
        missing: body.float("missing")?,
    })
}

pub(super) fn terms(body: &Body<'_>) -> Result<Terms, EsError> {
    // How many a shard sends, and how it walks its segments, changes nothing where there is one.
    let known = [
        "field",
        "size",
        "shard_size",
        "min_doc_count",
        "shard_min_doc_count",
        "missing",
        "order",
        "show_term_doc_count_error",
        "execution_hint",
        "collect_mode",
    ];
    body.only(&known)?;
    let size = usize::try_from(body.number("size")?.unwrap_or(10)).unwrap_or(usize::MAX);
    if size == 0 || size > SIZE_MAX {
        return Err(EsError::illegal(format!("[size] of [terms] must be from 1 to {SIZE_MAX}, not {size}")));
    }
    let min_count = body.number("min_doc_count")?.unwrap_or(1);
    if min_count == 0 {
        return Err(EsError::unsupported("[min_doc_count: 0] of [terms], which asks for values that no record has,"));
    }
    let missing = match body.map.get("missing") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
        Some(other) => return Err(body.wrong("missing", other, "a single value")),
    };
    let field = body.field()?;
    if names::is_time(&field) {
        return Err(EsError::unsupported("[terms] of [@timestamp]"));
    }
    Ok(Terms { field, size, min_count, missing, order: order(body)? })
}

pub(super) fn order(body: &Body<'_>) -> Result<Vec<(Order, bool)>, EsError> {
    let list = match body.map.get("order") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    };
    let mut orders = Vec::new();
    for one in list {
        for (by, direction) in object(one, "order")? {
            let descending = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("desc") => true,
                Some("asc") => false,
                _ => return Err(EsError::parsing(format!("Unknown order direction {direction}: there are asc, desc"))),
            };
            let by = match by.as_str() {
                "_count" => Order::Count,
                "_key" | "_term" => Order::Key,
                path => {
                    let end = path.trim_end_matches(']');
                    let (name, number) = end.split_once(['[', '.']).unwrap_or((end, "value"));
                    Order::Metric(name.to_owned(), number.to_owned())
                }
            };
            orders.push((by, descending));
        }
    }
    Ok(orders)
}

pub(super) fn check_order(name: &str, terms: &Terms, sub: &Plan) -> Result<(), EsError> {
    for (by, _) in &terms.order {
        let Order::Metric(metric, number) = by else { continue };
        let known = sub.iter().find(|(known, _)| known == metric).map(|(_, agg)| &agg.kind);
        let fits = match known {
            Some(Kind::Cardinality(_)) => number == "value",
            Some(Kind::Metric(metric)) => metric.what.has(number),
            _ => false,
        };
        if !fits {
            return Err(EsError::illegal(format!(
                "Invalid aggregation order path [{metric}.{number}] of [{name}]: there is no such number among its aggregations"
            )));
        }
    }
    Ok(())
}

pub(super) fn metric(body: &Body<'_>) -> Result<Metric, EsError> {
    let what = match body.kind {
        "min" => What::Min,
        "max" => What::Max,
        "avg" => What::Avg,
        "sum" => What::Sum,
        "value_count" => What::Count,
        "stats" => What::Stats,
        "extended_stats" => What::Extended,
        kind => return Err(EsError::unsupported(format!("the aggregation [{kind}]"))),
    };
    let known: &[&str] = if what == What::Extended { &["field", "missing", "sigma"] } else { &["field", "missing"] };
    body.only(known)?;
    if body.float("sigma")?.is_some_and(|sigma| sigma != 2.0) {
        return Err(EsError::unsupported("a [sigma] of [extended_stats] other than 2"));
    }
    Ok(Metric { field: body.field()?, what, missing: body.float("missing")? })
}
