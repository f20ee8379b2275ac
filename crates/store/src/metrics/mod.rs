//! The metrics side of the seam: points in, series out.
//!
//! Decision: a point is idempotent by measurement, tags and time, and is durable when `write` returns, so that whoever
//! delivers commits its cursor right after. Reading is by one request that every engine can answer: one field of one
//! measurement, aggregated over steps, by some tags.

use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use model::Point;

use crate::{StoreError, TimeRange};

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
    /// The latest.
    Last,
    /// The growth of a counter per second; where it falls, it began anew at 0.
    Rate,
}

/// What series to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRequest {
    /// Of which measurement.
    pub measurement: String,
    /// Of which field.
    pub field: String,
    /// How the values of a step become one.
    pub aggregate: Aggregate,
    /// Only points with these values of these tags.
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
