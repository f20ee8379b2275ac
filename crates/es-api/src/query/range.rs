//! `range`: of the moment, or of any other field.

use std::ops::Bound;

use base::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use store::TimeRange;
use store::query::Test;

use super::{Clause, object, only, scalar};
use crate::date::{self, Format};
use crate::{EsError, names};

pub(super) fn range(inner: &Value, now: Timestamp) -> Result<Clause, EsError> {
    let body = object(inner, "range")?;
    let Some((field, limits)) = body.iter().next().filter(|_| body.len() == 1) else {
        return Err(EsError::parsing("[range] query needs exactly one field"));
    };
    let limits = object(limits, "range")?;
    let known = [
        "gte",
        "gt",
        "lte",
        "lt",
        "from",
        "to",
        "include_lower",
        "include_upper",
        "format",
        "time_zone",
        "boost",
        "relation",
        "_name",
    ];
    only(limits, "range", &known)?;
    let get = |name: &str| limits.get(name).filter(|value| !value.is_null());
    let with = |name: &str| limits.get(name).is_none_or(|value| value != &Value::Bool(false));
    let low = match (get("gte"), get("gt"), get("from")) {
        (Some(value), ..) => Bound::Included(value),
        (_, Some(value), _) => Bound::Excluded(value),
        (_, _, Some(value)) if with("include_lower") => Bound::Included(value),
        (_, _, Some(value)) => Bound::Excluded(value),
        _ => Bound::Unbounded,
    };
    let high = match (get("lte"), get("lt"), get("to")) {
        (Some(value), ..) => Bound::Included(value),
        (_, Some(value), _) => Bound::Excluded(value),
        (_, _, Some(value)) if with("include_upper") => Bound::Included(value),
        (_, _, Some(value)) => Bound::Excluded(value),
        _ => Bound::Unbounded,
    };
    let name = names::plain(field);
    if names::is_time(name) {
        let format = get("format").and_then(Value::as_str).map_or_else(|| Ok(Format::default()), Format::read)?;
        let zone = get("time_zone").and_then(Value::as_str).map_or(Ok(TimeZone::UTC), date::zone)?;
        let read = |value: &Value| date::read(value, &format, &zone, now);
        return Ok(Clause { range: time(low, high, read)?, ..Clause::all() });
    }
    let text = |bound: Bound<&Value>| -> Result<Bound<String>, EsError> {
        Ok(match bound {
            Bound::Included(value) => Bound::Included(scalar(value, "range")?),
            Bound::Excluded(value) => Bound::Excluded(scalar(value, "range")?),
            Bound::Unbounded => Bound::Unbounded,
        })
    };
    let test = match (text(low)?, text(high)?) {
        (Bound::Unbounded, Bound::Unbounded) => Test::Exists,
        (low, high) => Test::Range { low, high },
    };
    Ok(Clause::of(names::field(name, test)))
}

/// The half-open range of time between two ends, where a date that names a day means all of it.
pub(super) fn time<T>(
    low: Bound<T>,
    high: Bound<T>,
    read: impl Fn(T) -> Result<date::Moment, EsError>,
) -> Result<TimeRange, EsError> {
    let since = match low {
        Bound::Included(value) => read(value)?.0,
        Bound::Excluded(value) => read(value)?.1.plus_micros(1),
        Bound::Unbounded => Timestamp::MIN,
    };
    let until = match high {
        Bound::Included(value) => read(value)?.1.plus_micros(1),
        Bound::Excluded(value) => read(value)?.0,
        Bound::Unbounded => Timestamp::MAX,
    };
    Ok(TimeRange { since, until: until.max(since) })
}
