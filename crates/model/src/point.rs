//! A point of a time series: what metrics are made of.
//!
//! The model is InfluxDB's, because its line protocol is what metrics travel in everywhere: a measurement, tags that
//! name the series, fields that carry values, a time. Two points of the same measurement, tags and time are one point,
//! and the later value of a field wins: so writing again is harmless.

use base::Timestamp;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// A floating-point number; neither infinite nor NaN.
    Float(f64),
    /// A signed integer.
    Integer(i64),
    /// An unsigned integer. InfluxDB 1.x has none and gets a signed one.
    Unsigned(u64),
    /// True or false.
    Boolean(bool),
    /// A text.
    Text(String),
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What is measured; not empty.
    pub measurement: String,
    /// Which series, as (key, value), sorted by key, keys distinct, no empty value.
    pub tags: Vec<(String, String)>,
    /// What was measured, as (key, value), at least one, keys distinct.
    pub fields: Vec<(String, FieldValue)>,
    /// When.
    pub time: Timestamp,
}
