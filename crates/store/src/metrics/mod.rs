//! The metrics side of the seam: points in, series out.
//!
//! Decision: a point is idempotent by measurement, tags and time, and is durable when `write` returns, so that whoever
//! delivers commits its cursor right after. Reading is by one request that every engine can answer: one field of one
//! measurement, aggregated over steps, by some tags.

mod fold;
mod memory;
pub mod testing;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use model::{FieldValue, Point};

use crate::{StoreError, TimeRange};

pub use fold::Fold;
pub use memory::MemoryMetrics;

/// At most so many series in an answer.
pub const METRIC_SERIES_MAX: usize = 10_000;
/// At most so many steps in a range.
pub const STEPS_MAX: i64 = 50_000;
/// At most so many values of a tag in an answer.
pub const TAG_VALUES_MAX: usize = 100_000;

/// A point that the store will never take, and why. The others were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointRefusal {
    /// Which of the points given.
    pub point: usize,
    /// What the store said.
    pub reason: String,
}

/// Puts points into a store.
#[async_trait]
pub trait PointWriter: Send + Sync {
    /// Takes points; they are durable when it returns. A point that is there already is written over.
    ///
    /// # Errors
    /// Where nothing can be taken now; all of it may be given again.
    async fn write(&self, points: &[Point]) -> Result<Vec<PointRefusal>, StoreError>;
}

/// How the values of a step become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many there are.
    Count,
    /// The latest; of several at one moment, the greatest.
    Last,
    /// The growth of a counter per second; where it falls, it began anew at 0. Of each series by itself, from each of
    /// its points in the range to the next, told by the step of the later one: all growth of the step by all the time
    /// it took. The rates of the series of a group are added up.
    Rate,
}

/// What series to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRequest {
    /// Of which measurement.
    pub measurement: String,
    /// Of which field. Only values that are numbers count.
    pub field: String,
    /// How the values of a step become one.
    pub aggregate: Aggregate,
    /// Only points with these values of these tags; an empty value stands for points without the tag.
    pub tags: Vec<(String, String)>,
    /// One series for each combination of these tags' values; all together where there are none.
    pub group_by: Vec<String>,
    /// From when until when.
    pub range: TimeRange,
    /// Length of a step, in microseconds; steps begin at multiples of it since 1970.
    pub step_micros: i64,
    /// At most so many series.
    pub limit: usize,
}

impl SeriesRequest {
    /// Whether it can be right.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check(&self) -> Result<(), StoreError> {
        let invalid = |what, reason: String| Err(StoreError::Invalid { what, reason });
        if self.measurement.is_empty() || self.field.is_empty() {
            return invalid("series", "a measurement and a field must be named".to_owned());
        }
        if self.range.since > self.range.until {
            let (since, until) = (self.range.since, self.range.until);
            return invalid("time range", format!("it begins at {since} and ends before that, at {until}"));
        }
        if self.step_micros <= 0 {
            return invalid("step", "it must be longer than nothing".to_owned());
        }
        let length = self.range.until.as_micros().saturating_sub(self.range.since.as_micros());
        if length / self.step_micros > STEPS_MAX {
            let steps = length / self.step_micros;
            return invalid("step", format!("the range has {steps} such steps, at most {STEPS_MAX}; make it longer"));
        }
        if self.limit == 0 || self.limit > METRIC_SERIES_MAX {
            return invalid("limit", format!("from 1 to {METRIC_SERIES_MAX}, not {}", self.limit));
        }
        let grouped: BTreeSet<&String> = self.group_by.iter().collect();
        if grouped.len() < self.group_by.len() || self.group_by.iter().any(String::is_empty) {
            return invalid("group", "each tag once, by its name".to_owned());
        }
        Ok(())
    }
}

/// Whether a point is one at all: what no store can take.
///
/// # Errors
/// What is wrong with it.
pub fn check_point(point: &Point) -> Result<(), String> {
    if point.measurement.is_empty() {
        return Err("it has no measurement".to_owned());
    }
    if point.fields.is_empty() {
        return Err("it has no field".to_owned());
    }
    if let Some((key, _)) = point.tags.iter().find(|(key, value)| key.is_empty() || value.is_empty()) {
        return Err(format!("its tag '{key}' is empty"));
    }
    if !point.tags.is_sorted_by(|a, b| a.0 < b.0) {
        return Err("its tags are not sorted, each once".to_owned());
    }
    let infinite = |value: &FieldValue| matches!(value, FieldValue::Float(value) if !value.is_finite());
    if let Some((key, _)) = point.fields.iter().find(|(key, value)| key.is_empty() || infinite(value)) {
        return Err(format!("its field '{key}' has no name, or no finite number as its value"));
    }
    Ok(())
}

/// The number that a value is, if it is one. Truth and text are none.
pub fn number(value: &FieldValue) -> Option<f64> {
    match value {
        FieldValue::Float(value) => Some(*value),
        FieldValue::Integer(value) => Some(*value as f64),
        FieldValue::Unsigned(value) => Some(*value as f64),
        FieldValue::Boolean(_) | FieldValue::Text(_) => None,
    }
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The values of the tags grouped by, in the order asked; empty where a point has none.
    pub tags: Vec<(String, String)>,
    /// The value of each step that has one, ascending by the step's beginning.
    pub points: Vec<(Timestamp, f64)>,
}

/// An answer to a [`SeriesRequest`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesAnswer {
    /// The series, by their tags ascending.
    pub series: Vec<Series>,
    /// Whether nothing was left out for the sake of a bound.
    pub complete: bool,
}

/// What is known of a measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasurementInfo {
    /// Its name.
    pub name: String,
    /// The keys of its tags, ascending.
    pub tags: Vec<String>,
    /// The keys of its fields that are numbers, ascending.
    pub fields: Vec<String>,
}

/// Reads points back.
#[async_trait]
pub trait PointReader: Send + Sync {
    /// The measurements, by name.
    ///
    /// # Errors
    /// Where the store cannot be asked now.
    async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError>;

    /// The values of a tag, ascending, at most `limit`.
    ///
    /// # Errors
    /// Where the store cannot be asked now.
    async fn tag_values(&self, measurement: &str, tag: &str, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Series by step.
    ///
    /// # Errors
    /// `Invalid` where the request cannot be right.
    async fn series(&self, request: &SeriesRequest) -> Result<SeriesAnswer, StoreError>;
}

/// A metrics store that can be written and read.
pub trait MetricsStore: PointWriter + PointReader {}

impl<T: PointWriter + PointReader + ?Sized> MetricsStore for T {}

#[async_trait]
impl<T: PointWriter + ?Sized> PointWriter for Arc<T> {
    async fn write(&self, points: &[Point]) -> Result<Vec<PointRefusal>, StoreError> {
        (**self).write(points).await
    }
}

#[async_trait]
impl<T: PointReader + ?Sized> PointReader for Arc<T> {
    async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError> {
        (**self).measurements().await
    }

    async fn tag_values(&self, measurement: &str, tag: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        (**self).tag_values(measurement, tag, limit).await
    }

    async fn series(&self, request: &SeriesRequest) -> Result<SeriesAnswer, StoreError> {
        (**self).series(request).await
    }
}
