//! Metrics that are made of lines.

use std::fmt;
use std::time::Duration;

/// `[[metric]]`: each window of the lines of some streams becomes a point for each combination of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricConfig {
    /// The measurement.
    pub name: String,
    /// Of which streams; of all where none is named.
    pub streams: Vec<String>,
    /// Only lines that match this query; all where there is none.
    pub filter: Option<String>,
    /// The field whose numbers are taken; none is needed to count.
    pub field: Option<String>,
    /// What is made of a window.
    pub values: Vec<MetricValue>,
    /// The fields that become labels.
    pub by: Vec<String>,
    /// How long a window is; windows begin at multiples of it since 1970.
    pub window: Duration,
    /// A line that comes so late still changes its window's point.
    pub lateness: Duration,
}

/// What is made of the numbers of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricValue {
    /// How many lines.
    Count,
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Their mean.
    Mean,
    /// The quantile of so many thousandths: 999 is p99.9.
    Quantile(u16),
}

impl MetricValue {
    /// Whether it needs numbers.
    pub const fn needs_field(self) -> bool {
        !matches!(self, Self::Count)
    }
}

/// `count`, `p99.9`
impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Sum => f.write_str("sum"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Mean => f.write_str("mean"),
            Self::Quantile(thousandths) if thousandths % 10 == 0 => write!(f, "p{}", thousandths / 10),
            Self::Quantile(thousandths) => write!(f, "p{}.{}", thousandths / 10, thousandths % 10),
        }
    }
}
