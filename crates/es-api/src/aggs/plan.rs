//! From the body's `aggs` to a tree of what is to be counted.

mod body;

use base::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::date::{self, Calendar, Format};
use crate::query::{Clause, Reader};
use crate::{EsError, names};

pub use body::interval;
use body::{Body, check_order, histogram, metric, object, order, signed_interval, step, terms};

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
        let format = body.text("format")?.map_or_else(|| Format::read("strict_date_optional_time"), Format::read)?;
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
