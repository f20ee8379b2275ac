//! Points of one moment, as they are gathered.

use base::Timestamp;
use codec::line_protocol::{Precision, encode, fit};
use model::{FieldValue, Point};

/// The points of one machine at one moment.
#[derive(Debug)]
pub struct Points {
    host: String,
    time: Timestamp,
    list: Vec<Point>,
}

/// A whole number, as Telegraf writes all of its counters.
pub fn integer(value: u64) -> FieldValue {
    FieldValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A number.
pub const fn float(value: f64) -> FieldValue {
    FieldValue::Float(value)
}

/// A part of a whole, in percent; nothing of nothing is nothing.
pub fn percent(part: u64, whole: u64) -> FieldValue {
    FieldValue::Float(if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 })
}

impl Points {
    pub fn new(host: &str, time: Timestamp) -> Self {
        Self { host: host.to_owned(), time, list: Vec::new() }
    }

    /// Adds one; a tag without a value is left out, and a point without fields.
    pub fn add<'a>(
        &mut self,
        measurement: &str,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
        fields: impl IntoIterator<Item = (&'a str, FieldValue)>,
    ) {
        let fitting = |(key, value): (&str, &str)| (key.to_owned(), fit(value).into_owned());
        let mut tags: Vec<(String, String)> = tags.into_iter().map(fitting).collect();
        tags.push(fitting(("host", &self.host)));
        tags.retain(|(_, value)| !value.is_empty());
        tags.sort_unstable();
        let fields: Vec<_> = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        if !fields.is_empty() {
            self.list.push(Point { measurement: measurement.to_owned(), tags, fields, time: self.time });
        }
    }

    /// One line each.
    pub fn lines(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for point in &self.list {
            // What has no form as a line (a number that is none) is left out.
            let _ = encode(point, Precision::Nanoseconds, &mut out);
        }
        out
    }

    /// Each as a line without host and time, for tests.
    #[cfg(test)]
    pub fn shown(&self) -> Vec<String> {
        let text = String::from_utf8(self.lines()).unwrap_or_default();
        let short = |line: &str| line.rsplit_once(' ').map_or(line, |(line, _)| line).replace(",host=h", "");
        text.lines().map(short).collect()
    }

    /// None of a machine named `h`, for tests.
    #[cfg(test)]
    pub fn none() -> Self {
        Self::new("h", Timestamp::from_micros(0))
    }
}
