//! What the agent knows of a source: the left side of the account that `audit` balances.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::SourceKey;

/// Why bytes of a source never reached the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedReason {
    /// The file was deleted with bytes unread and nobody held it open any more.
    DeletedUnread,
    /// The file was truncated with bytes unread.
    TruncatedUnread,
    /// Deleted files held open exceeded their bound.
    HeldTooMuch,
    /// The stream says to start at the end of files that it finds.
    BeforeStart,
}

impl MissedReason {
    /// Its name in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeletedUnread => "deleted_unread",
            Self::TruncatedUnread => "truncated_unread",
            Self::HeldTooMuch => "held_too_much",
            Self::BeforeStart => "before_start",
        }
    }
}

/// A range of a source that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// First byte.
    pub start: u64,
    /// Behind the last byte.
    pub end: u64,
    /// Why.
    pub reason: MissedReason,
}

/// How a followed file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum FileState {
    /// Being followed.
    Following,
    /// No longer under a followed path (rotated or deleted), being read to its end.
    Draining,
    /// Read to its end and gone from the followed paths, or of an older generation.
    Finished,
    /// Cannot be read now; tried again. The text says why.
    Unreadable(String),
    /// Its worker failed repeatedly; tried again seldom. The text says why.
    Quarantined(String),
}

/// What is known of the file behind a source, beyond its bytes. Older agents say nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileFacts {
    /// The followed path that it belongs to, wherever it stands now; empty where that is not known.
    pub home: Arc<str>,
    /// Its inode; 0 where that is not known, or there is none.
    pub inode: u64,
    /// How many files have stood at that path before it, as far as they are remembered.
    pub rotations: u32,
}

/// What the agent knows of one source in one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Which one.
    pub key: SourceKey,
    /// The machine.
    pub host: Arc<str>,
    /// The stream.
    pub stream: Arc<str>,
    /// The path where it was last seen.
    pub path: Arc<str>,
    /// Its size when last looked at, in bytes (for a generation that is over: what it had reached).
    pub size: u64,
    /// How far it has been read, in bytes.
    pub read: u64,
    /// How far the queue has acknowledged it, in bytes.
    pub queued: u64,
    /// What will never be read, and why.
    pub missed: Vec<Missed>,
    /// How it is.
    pub state: FileState,
    /// When it last grew.
    pub changed_at: Timestamp,
    /// The file itself.
    #[serde(default)]
    pub file: FileFacts,
}
