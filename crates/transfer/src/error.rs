//! What can go wrong in the transfer role.

use base::{ErrorKind, Explain, Retry};
use queue::QueueError;
use store::StoreError;

/// The transfer's failure.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A stream's rule is no regular expression.
    #[error("stream '{stream}': 'drop' has a rule that is no regular expression: {reason}")]
    Rule {
        /// Which stream.
        stream: String,
        /// Where and why.
        reason: String,
    },
    /// The query of a metric cannot be understood.
    #[error("metric '{name}': where: {reason}")]
    Metric {
        /// Which metric.
        name: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The definitions of older revisions cannot be read or written.
    #[error("cannot {action} {path}: {reason}")]
    Revisions {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// What a rule of metrics notes cannot be read or written.
    #[error("cannot {action} {path}: {reason}")]
    Note {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stage of the pipeline ended while others were at work.
    #[error("the {0} stage ended unexpectedly")]
    Stage(&'static str),
}

impl Explain for TransferError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Rule { .. } | Self::Metric { .. } => ErrorKind::Invalid,
            Self::Revisions { .. } | Self::Note { .. } | Self::Stage(_) => ErrorKind::Internal,
            Self::Queue(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Queue(error) => error.retry(),
            Self::Store(error) => error.retry(),
            _ => Retry::Never,
        }
    }
}
