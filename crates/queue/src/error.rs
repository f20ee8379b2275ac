//! What can go wrong with a queue.

use base::{ErrorKind, Explain};
use model::{Partition, Place, QueueId, WireError};

/// A queue's failure. Outcomes that are part of the work (duplicate, gap, back-pressure) are no errors: see
/// [`crate::Outcome`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// The queue is shutting down, or has been closed after a failed write.
    #[error("the queue at {at} is closed: {reason}")]
    Closed {
        /// Folder or address.
        at: String,
        /// Why.
        reason: String,
    },
    /// The other side does not answer, or not now.
    #[error("the queue at {at} cannot be reached: {reason}")]
    Unavailable {
        /// Folder or address.
        at: String,
        /// What happened.
        reason: String,
    },
    /// The other side answers, and says no: who we are, what version we speak, whether a topic is there.
    #[error("the queue at {at} refuses: {reason}")]
    Refused {
        /// Folder or address.
        at: String,
        /// What it said, and what to do.
        reason: String,
        /// Whether somebody has to change something here before it can work.
        lasting: bool,
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
    #[error("{path} is damaged at byte {at}: {reason}")]
    Corrupt {
        /// Which file.
        path: String,
        /// Where in it.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// An entry that was durable cannot be read any more. Whoever reads may go on behind it.
    #[error("the batch at {place} cannot be read: {reason}")]
    Unreadable {
        /// Where it stands.
        place: Place,
        /// Which file is damaged where, and how.
        reason: String,
    },
    /// Stored by a newer logdrive, or not a queue at all.
    #[error("{path}: {source}")]
    Format {
        /// Which file.
        path: String,
        /// What is wrong.
        source: WireError,
    },
    /// Cursors of another queue's data.
    #[error("these cursors belong to queue {found:?}, this is queue {here:?}; its data was replaced")]
    OtherQueue {
        /// The queue that the cursors name.
        found: QueueId,
        /// This queue.
        here: QueueId,
    },
    /// A place that retention has removed, or that was never there.
    #[error("partition {partition} holds offsets {first} to {end}, not {asked}")]
    OutOfRange {
        /// Which lane.
        partition: Partition,
        /// What was asked for.
        asked: u64,
        /// The first offset held.
        first: u64,
        /// Behind the last offset held.
        end: u64,
    },
    /// A partition is read by another member of the group.
    #[error("partition {partition} of group '{group}' is owned by another member")]
    Owned {
        /// The group.
        group: String,
        /// Which lane.
        partition: Partition,
    },
    /// A group cannot be forgotten while somebody reads for it.
    #[error("group '{group}' is being read; end whoever reads for it, then forget it")]
    InUse {
        /// The group.
        group: String,
    },
    /// A batch that cannot be right.
    #[error("invalid batch: {0}")]
    Invalid(String),
    /// A fault injected by a test.
    #[error("injected fault: {0}")]
    Injected(&'static str),
}

impl Explain for QueueError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { lasting: true, .. } => ErrorKind::Invalid,
            Self::Closed { .. } | Self::Unavailable { .. } | Self::Refused { .. } | Self::Injected(_) => {
                ErrorKind::Unavailable
            }
            Self::Io { .. } => ErrorKind::Internal,
            Self::Corrupt { .. } | Self::Unreadable { .. } | Self::Format { .. } => ErrorKind::Corrupt,
            Self::OtherQueue { .. } | Self::Owned { .. } | Self::InUse { .. } => ErrorKind::Conflict,
            Self::OutOfRange { .. } => ErrorKind::NotFound,
            Self::Invalid(_) => ErrorKind::Invalid,
        }
    }
}
