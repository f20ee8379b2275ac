//! From the body's `aggs` to a tree of what is to be counted.

use base::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::date::{self, Calendar, Format};
use crate::query::{Clause, Reader, kind_of};
use crate::{EsError, names};

/// Deepest nesting.
const DEPTH_MAX: usize = 5;
/// Most aggregations in one request.
const COUNT_MAX: usize = 100;
/// Most values of `terms` in an answer.
const SIZE_MAX: usize = 10_000;

/// Aggregations side by side, by their names.
pub type Plan = Vec<(String, Agg)>;

/// One aggregation.
#[derive(Clone, Debug)]
pub struct Agg {
    /// What is counted.
    pub kind: Kind,
    /// What is counted within each of its buckets.
    pub sub: Plan,
}

/// What is counted.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Over time.
    DateHistogram(DateHistogram),
    /// Over numbers.
    Histogram(Histogram),
    /// By value.
    Terms(Terms),
    /// By query.
    Filters(Filters),
    /// By one query.
    Filter(Clause),
    /// How many different values.
    Cardinality(String),
    /// A number of numbers.
    Metric(Metric),
}

/// Counts over time.
#[derive(Clone, Debug)]
pub struct DateHistogram {
    /// How wide a bucket is.
    pub step: Step,
    /// Whose days and hours.
    pub zone: TimeZone,
    /// How far buckets are moved, in microseconds.
    pub offset: i64,
    /// Buckets with fewer are left out.
    pub min_count: u64,
    /// There are buckets from here to there at least, in microseconds.
    pub extended: Option<(i64, i64)>,
    /// There are no buckets beyond these.
    pub hard: Option<(i64, i64)>,
    /// How moments are written.
    pub format: Format,
    /// The latest first.
    pub descending: bool,
}

/// How wide a bucket of time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many microseconds.
    Fixed(i64),
    /// A unit of the calendar.
    Calendar(Calendar),
}

/// Counts over numbers.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Of which field.
    pub field: String,
    /// Width of a bucket.
    pub interval: f64,
    /// How far buckets are moved.
    pub offset: f64,
    /// Buckets with fewer are left out.
    pub min_count: u64,
    /// What stands in for a record without the field.
    pub missing: Option<f64>,
}

/// Counts by value.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Of which field.
    pub field: String,
    /// At most so many.
    pub size: usize,
    /// Values with fewer are left out.
    pub min_count: u64,
    /// What stands in for a record without the field.
    pub missing: Option<String>,
    /// Which come first: by what, and whether descending.
    pub order: Vec<(Order, bool)>,
}

/// By what buckets are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The number of records.
    Count,
    /// The value.
    Key,
    /// A number among its aggregations: its name, and which of its numbers.
    Metric(String, String),
}

/// Counts by query.
#[derive(Clone, Debug)]
pub struct Filters {
    /// The queries; with their names, where they have some.
    pub list: Vec<(Option<String>, Clause)>,
    /// The name of what none of them matches.
    pub other: Option<String>,
}

/// A number of numbers.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Of which field.
    pub field: String,
    /// Which.
    pub what: What,
    /// What stands in for a record without the field.
    pub missing: Option<f64>,
}

/// Which number of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The mean.
    Avg,
    /// All added up.
    Sum,
    /// How many.
    Count,
    /// All of these.
    Stats,
    /// And how far they are apart.
    Extended,
}

/// Reads `aggs`.
///
/// # Errors
/// What is wrong, or not supported.
pub fn read(value: &Value, now: Timestamp) -> Result<Plan, EsError> {
    let mut reader = Plans { queries: Reader::new(now), now, depth: 0, count: 0 };
    reader.list(value)
}

struct Plans {
    queries: Reader,
    now: Timestamp,
    depth: usize,
    count: usize,
}

impl Plans {
    fn list(&mut self, value: &Value) -> Result<Plan, EsError> {
        let body = object(value, "aggs")?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(EsError::illegal(format!("aggregations are nested at most {DEPTH_MAX} deep")));
        }
        let list = body.iter().map(|(name, value)| Ok((name.clone(), self.one(name, value)?))).collect();
        self.depth -= 1;
        list
    }

    fn one(&mut self, name: &str, value: &Value) -> Result<Agg, EsError> {
        self.count += 1;
        if self.count > COUNT_MAX {
            return Err(EsError::illegal(format!("a request has at most {COUNT_MAX} aggregations")));
        }
        let body = object(value, name)?;
        let (mut found, mut sub) = (None, Plan::new());
        for (key, value) in body {
            match key.as_str() {
                "aggs" | "aggregations" => sub = self.list(value)?,
                "meta" => {}
                kind => {
                    if let Some((first, _)) = found.replace((kind, value)) {
                        let reason =
                            format!("Found two aggregation type definitions in [{name}]: [{first}] and [{kind}]");
                        return Err(EsError::parsing(reason));
                    }
                }
            }
        }
        let Some((kind, value)) = found else {
            return Err(EsError::parsing(format!("Missing definition for aggregation [{name}]")));
        };
        let kind = self.kind(kind, value)?;
        if !sub.is_empty() && matches!(kind, Kind::Metric(_) | Kind::Cardinality(_)) {
            return Err(EsError::parsing(format!("Aggregator [{name}] cannot accept sub-aggregations")));
        }
        if let Kind::Terms(terms) = &kind {
            check_order(name, terms, &sub)?;
        }
        Ok(Agg { kind, sub })
    }

    fn kind(&mut self, kind: &str, value: &Value) -> Result<Kind, EsError> {
        let body = Body { kind, map: object(value, kind)? };
        Ok(match kind {
            "date_histogram" => Kind::DateHistogram(self.date_histogram(&body)?),
            "histogram" => Kind::Histogram(histogram(&body)?),
            "terms" => Kind::Terms(terms(&body)?),
            "filters" => Kind::Filters(self.filters(&body)?),
            "filter" => Kind::Filter(self.queries.read(value)?),
            "cardinality" => {
                body.only(&["field", "precision_threshold"])?;
                Kind::Cardinality(body.field()?)
            }
            _ => Kind::Metric(metric(&body)?),
        })
    }

    fn date_histogram(&mut self, body: &Body<'_>) -> Result<DateHistogram, EsError> {
        body.only(&[
            "field",
            "fixed_interval",
            "calendar_interval",
            "interval",
            "min_doc_count",
            "extended_bounds",
            "hard_bounds",
            "time_zone",
            "offset",
            "format",
            "order",
            "keyed",
        ])?;
        body.not_keyed()?;
        let field = body.field()?;
        if !names::is_time(&field) {
            return Err(EsError::unsupported(format!("[date_histogram] of [{field}]: only of [@timestamp]; it")));
        }
        let zone = body.text("time_zone")?.map_or(Ok(TimeZone::UTC), date::zone)?;
        let format =
            body.text("format")?.map_or_else(|| Ok(Format::read("strict_date_optional_time")?), Format::read)?;
        let bounds = |name: &str, now: Timestamp| -> Result<Option<(i64, i64)>, EsError> {
            let Some(value) = body.map.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
            let bounds = Body { kind: name, map: object(value, name)? };
            bounds.only(&["min", "max"])?;
            let end = |name: &str| -> Result<Option<date::Moment>, EsError> {
                let value = bounds.map.get(name).filter(|value| !value.is_null());
                value.map(|value| date::read(value, &Format::default(), &zone, now)).transpose()
            };
            let (min, max) = (end("min")?, end("max")?);
            let low = min.map_or(i64::MAX, |moment| moment.0.as_micros());
            Ok(Some((low, max.map_or(i64::MIN, |moment| moment.0.as_micros()))))
        };
        let extended = bounds("extended_bounds", self.now)?;
        if let Some((min, max)) = extended.filter(|(min, max)| min > max && *min != i64::MAX && *max != i64::MIN) {
            return Err(EsError::parsing(format!(
                "[extended_bounds.min][{}] cannot be greater than [extended_bounds.max][{}]",
                min / 1000,
                max / 1000
            )));
        }
        let hard = bounds("hard_bounds", self.now)?.map(|(min, max)| {
            (if min == i64::MAX { i64::MIN } else { min }, if max == i64::MIN { i64::MAX } else { max })
        });
        let order = order(body)?;
        if order.iter().any(|(by, _)| *by != Order::Key) {
            return Err(EsError::unsupported("an [order] of [date_histogram] other than by [_key]"));
        }
        Ok(DateHistogram {
            step: step(body)?,
            zone,
            offset: body.text("offset")?.map_or(Ok(0), |text| signed_interval(text, "offset"))?,
            min_count: body.number("min_doc_count")?.unwrap_or(0),
            extended,
            hard,
            format,
            descending: order.first().is_some_and(|(_, descending)| *descending),
        })
    }

    fn filters(&mut self, body: &Body<'_>) -> Result<Filters, EsError> {
        body.only(&["filters", "other_bucket", "other_bucket_key"])?;
        let list = match body.map.get("filters") {
            Some(Value::Object(named)) => named
                .iter()
                .map(|(name, query)| Ok((Some(name.clone()), self.queries.read(query)?)))
                .collect::<Result<Vec<_>, EsError>>()?,
            Some(Value::Array(list)) => {
                list.iter().map(|query| Ok((None, self.queries.read(query)?))).collect::<Result<Vec<_>, EsError>>()?
            }
            _ => return Err(EsError::parsing("[filters] needs [filters]: an object of queries, or a list")),
        };
        let other = match (body.text("other_bucket_key")?, body.map.get("other_bucket")) {
            (Some(name), _) => Some(name.to_owned()),
            (None, Some(Value::Bool(true))) => Some("_other_".to_owned()),
            _ => None,
        };
        Ok(Filters { list, other })
    }
}

fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, EsError> {
    value.as_object().ok_or_else(|| EsError::parsing(format!("[{name}] must be an object, not {}", kind_of(value))))
}

/// The body of an aggregation.
struct Body<'a> {
    kind: &'a str,
    map: &'a Map<String, Value>,
}

impl Body<'_> {
    fn only(&self, known: &[&str]) -> Result<(), EsError> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(EsError::unsupported(format!("[{key}] of [{}]", self.kind))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, EsError> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other, "a text")),
        }
    }

    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> EsError {
        EsError::parsing(format!("[{}] [{name}] must be {wanted}, not {value}", self.kind))
    }

    fn field(&self) -> Result<String, EsError> {
        match self.text("field")? {
            Some(field) => Ok(names::plain(field).to_owned()),
            None => Err(EsError::parsing(format!("[{}] needs [field]", self.kind))),
        }
    }

    /// A whole number; also as a text, as older dashboards write it.
    fn number(&self, name: &str) -> Result<Option<u64>, EsError> {
        let Some(value) = self.map.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.map(Some).ok_or_else(|| self.wrong(name, value, "a whole number"))
    }

    fn float(&self, name: &str) -> Result<Option<f64>, EsError> {
        let Some(value) = self.map.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.wrong(name, value, "a number"))
    }

    fn not_keyed(&self) -> Result<(), EsError> {
        match self.map.get("keyed") {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(_) => Err(EsError::unsupported(format!("[keyed] of [{}]", self.kind))),
        }
    }
}

fn step(body: &Body<'_>) -> Result<Step, EsError> {
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

fn signed_interval(text: &str, name: &str) -> Result<i64, EsError> {
    match text.strip_prefix('-') {
        Some(rest) => interval(rest, name).map(|micros| -micros),
        None => interval(text.strip_prefix('+').unwrap_or(text), name),
    }
}

fn histogram(body: &Body<'_>) -> Result<Histogram, EsError> {
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

fn terms(body: &Body<'_>) -> Result<Terms, EsError> {
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

fn order(body: &Body<'_>) -> Result<Vec<(Order, bool)>, EsError> {
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

fn check_order(name: &str, terms: &Terms, sub: &Plan) -> Result<(), EsError> {
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

fn metric(body: &Body<'_>) -> Result<Metric, EsError> {
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
