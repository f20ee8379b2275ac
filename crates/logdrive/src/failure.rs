//! How a command fails: one line on standard error, and an exit code.

use std::fmt;
use std::io;

use base::{ErrorKind, Explain};

/// 1: it failed. 2: it was asked for in a way that cannot be right.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What failed, on which key, file or address, and the fix.
    Failed(String),
    /// Bad usage or configuration.
    Usage(String),
    /// A query that cannot be understood.
    Query {
        /// Where, in characters from 0.
        at: usize,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Whoever read our output has gone; that is how `| head` ends, and no failure.
    Closed,
    /// It was said already.
    Silent(u8),
}

impl Failure {
    /// What a library says, with its causes.
    pub(crate) fn of(error: &impl Explain) -> Self {
        match error.kind() {
            ErrorKind::Invalid => Self::Usage(error.chain()),
            _ => Self::Failed(error.chain()),
        }
    }

    /// Shows the place in the query; other failures stay as they are.
    pub(crate) fn in_query(self, query: &str) -> Self {
        let Self::Query { at, reason } = self else { return self };
        // One line is shown, whatever the query holds, so that the caret stands where it should.
        let shown: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self::Usage(format!("{reason}\n  {shown}\n  {}^", " ".repeat(at)))
    }

    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) | Self::Query { .. } => 2,
            Self::Closed => 0,
            Self::Silent(code) => *code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::Query { reason: text, .. } => f.write_str(text),
            Self::Closed | Self::Silent(_) => Ok(()),
        }
    }
}

impl From<config::ConfigError> for Failure {
    fn from(error: config::ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Only output is written by way of `?` on an [`io::Error`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(format!("cannot write the output: {error}")),
        }
    }
}
