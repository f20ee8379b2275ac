//! InfluxDB's line protocol: a point as a line of text, as metrics travel everywhere.
//!
//! ```text
//! measurement,tag=value,tag=value field=1.5,field=2i,field=3u,field=true,field="text" 1795000000000000000
//! ```
//!
//! Decision: reading is as lenient as InfluxDB itself and names the column of what it cannot read; writing is faithful
//! or refuses: what would come back as another point is never written. Line breaks and a backslash at the end of a
//! name have no form in line protocol; [`fit`] makes such a text fit.

mod encode;
mod parse;
#[cfg(test)]
mod tests;

use base::{ErrorKind, Explain};

pub use encode::{encode, fit};
pub use parse::{lines, parse};

/// In what the times of lines are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As line protocol is without saying so.
    #[default]
    Nanoseconds,
    /// As we keep times.
    Microseconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Whole seconds.
    Seconds,
}

/// A line that is no line protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not line protocol at column {column}: {reason}")]
pub struct ParseError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl Explain for ParseError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// A point that line protocol has no form for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line protocol cannot carry {what}: {reason}")]
pub struct EncodeError {
    /// Which part of the point.
    pub what: String,
    /// Why not.
    pub reason: &'static str,
}

impl Explain for EncodeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}
