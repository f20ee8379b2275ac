//! What can go wrong with a store.

use base::{ErrorKind, Explain};

/// A store's failure. A record that the store refuses for good is no error: see [`crate::Refusal`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The query cannot be parsed.
    #[error("cannot understand the query at character {at}: {reason}")]
    Query {
        /// Where, in characters from 0.
        at: usize,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A request that cannot be right (a cursor, a range in the wrong order, a limit).
    #[error("invalid {what}: {reason}")]
    Invalid {
        /// Which part of the request.
        what: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// This store cannot do that.
    #[error("this store does not support {0}")]
    Unsupported(&'static str),
    /// No room: disk or bound reached.
    #[error("the store at {at} takes nothing now: {reason}")]
    Exhausted {
        /// Folder or address.
        at: String,
        /// Which bound, and what makes room.
        reason: String,
    },
    /// The other side does not answer, or the store is shutting down.
    #[error("the store at {at} cannot be reached: {reason}")]
    Unavailable {
        /// Folder or address.
        at: String,
        /// What happened.
        reason: String,
    },
    /// The other side says no until somebody sets something right: credentials, a database that is missing, another
    /// product or version than expected. It is asked again, so that work goes on by itself once that is done.
    #[error("the store at {at} refuses: {reason}")]
    Refused {
        /// Address.
        at: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {reason}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Stored bytes are not what was written.
    #[error("{path} is damaged: {reason}")]
    Corrupt {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Stored by a newer logdrive.
    #[error("{path} was written in version {found} of its format, this logdrive knows {known}; use the newer logdrive")]
    Version {
        /// Which file.
        path: String,
        /// The version found.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// A fault injected by a test.
    #[error("injected fault: {0}")]
    Injected(&'static str),
}

impl Explain for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Query { .. } | Self::Invalid { .. } | Self::Unsupported(_) => ErrorKind::Invalid,
            Self::Exhausted { .. } => ErrorKind::Exhausted,
            Self::Unavailable { .. } | Self::Refused { .. } | Self::Injected(_) => ErrorKind::Unavailable,
            Self::Io { .. } => ErrorKind::Internal,
            Self::Corrupt { .. } | Self::Version { .. } => ErrorKind::Corrupt,
        }
    }
}
