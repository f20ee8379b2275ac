//! What an error means to the code that gets it: what kind it is, and whether trying again can help.

use std::fmt::Write as _;

/// What an error asks of whoever gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller gave something that cannot be right: a flag, a key, a query, a body.
    Invalid,
    /// What was asked for is not there.
    NotFound,
    /// Somebody else holds it, or it has changed meanwhile.
    Conflict,
    /// A bound was reached (queue full, disk full, body too large): slow down or make room.
    Exhausted,
    /// The other side is not reachable or not ready.
    Unavailable,
    /// Stored data is not what was written.
    Corrupt,
    /// The operating system refused, or we are at fault.
    Internal,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same call may succeed later.
    Later,
    /// It will fail again until somebody changes something.
    Never,
}

/// Answered by the error type of every crate.
pub trait Explain: std::error::Error {
    /// What the error asks of the caller.
    fn kind(&self) -> ErrorKind;

    /// Whether trying again can help. By default it follows from the kind.
    fn retry(&self) -> Retry {
        match self.kind() {
            ErrorKind::Exhausted | ErrorKind::Unavailable => Retry::Later,
            _ => Retry::Never,
        }
    }

    /// The error and all its causes in one line, for logs and answers.
    fn chain(&self) -> String
    where
        Self: Sized,
    {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}
