//! What a rule takes of a record.

use std::borrow::Cow;
use std::time::Duration;

use codec::line_protocol;
use config::{MetricConfig, MetricValue};
use model::{FieldValue, ParsedBatch};
use store::query::{Matcher, any_number, compile, value_of};
use store::{BatchRow, Query};

use super::windows::Tally;
use crate::TransferError;

/// A label's value is cut at so many bytes.
const LABEL_BYTES_MAX: usize = 256;

/// A rule made ready.
pub struct Rule {
    pub name: String,
    streams: Vec<String>,
    matcher: Option<Matcher>,
    field: Option<String>,
    values: Vec<MetricValue>,
    pub by: Vec<String>,
    /// In microseconds.
    pub window: i64,
    /// In microseconds.
    pub lateness: i64,
    /// Changes when what the rule says changes.
    pub revision: u64,
}

/// What a rule says of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is none of its records.
    Other,
    /// It is, but its field is no number.
    NoNumber,
    /// Its labels, and its number where the rule has a field.
    Taken(Vec<String>, Option<f64>),
}

impl Rule {
    /// Of its settings.
    ///
    /// # Errors
    /// A query that cannot be parsed, named with its rule.
    pub fn new(config: &MetricConfig) -> Result<Self, TransferError> {
        let wrong =
            |error: store::StoreError| TransferError::Metric { name: config.name.clone(), reason: error.to_string() };
        let parse = |text: &String| Query::parse(text).and_then(|query| compile(&query)).map_err(wrong);
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        Ok(Self {
            name: config.name.clone(),
            streams: config.streams.clone(),
            matcher: config.filter.as_ref().map(parse).transpose()?,
            field: config.field.clone(),
            values: config.values.clone(),
            by: config.by.clone(),
            window: micros(config.window).max(1),
            lateness: micros(config.lateness),
            revision: u64::from(crc32c::crc32c(format!("{config:?}").as_bytes())),
        })
    }

    /// Whether it takes records of a stream at all.
    pub fn wants(&self, stream: &str) -> bool {
        self.streams.is_empty() || self.streams.iter().any(|name| name == stream)
    }

    /// What it takes of record number `row`.
    pub fn judge(&self, batch: &ParsedBatch, row: usize) -> Verdict {
        let record = BatchRow::new(batch, row);
        if self.matcher.as_ref().is_some_and(|matcher| !matcher.matches(&record)) {
            return Verdict::Other;
        }
        let number = match &self.field {
            None => None,
            Some(field) => match value_of(&record, field).as_deref().and_then(any_number) {
                None => return Verdict::NoNumber,
                number => number,
            },
        };
        Verdict::Taken(
            self.by.iter().map(|name| value_of(&record, name).map(label).unwrap_or_default()).collect(),
            number,
        )
    }

    /// The fields of a window's point.
    pub fn fields(&self, tally: &Tally) -> Vec<(String, FieldValue)> {
        let float = |number: f64| number.is_finite().then_some(FieldValue::Float(number));
        let of = |value: &MetricValue| match value {
            MetricValue::Count => Some(FieldValue::Integer(i64::try_from(tally.count).unwrap_or(i64::MAX))),
            MetricValue::Sum => float(tally.sum),
            MetricValue::Min => float(tally.min),
            MetricValue::Max => float(tally.max),
            MetricValue::Mean => float(tally.sum / tally.count as f64),
            MetricValue::Quantile(thousandths) => {
                let found = tally.sketch.quantile(f64::from(*thousandths) / 1000.0)?;
                float(found.clamp(tally.min, tally.max))
            }
        };
        self.values.iter().filter_map(|value| Some((value.to_string(), of(value)?))).collect()
    }
}

/// A value as a tag can carry it.
fn label(value: Cow<'_, [u8]>) -> String {
    let cut = &value[..value.len().min(LABEL_BYTES_MAX)];
    line_protocol::fit(&String::from_utf8_lossy(cut)).into_owned()
}
