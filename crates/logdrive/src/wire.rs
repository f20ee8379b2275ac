//! What the server answers, as this side reads it.

use serde::Deserialize;

/// One record, as `search` and `tail` answer it and as `--json` prints it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Hit {
    pub id: String,
    pub time: String,
    pub stream: String,
    pub host: String,
    pub level: String,
    pub line: String,
}

/// A line of a streamed answer that is about the stream itself.
#[derive(Debug, Deserialize)]
#[serde(tag = "_", rename_all = "snake_case")]
pub(crate) enum Control {
    /// The last line.
    End {
        /// Whether everything asked for is in it.
        complete: bool,
        /// There is more.
        #[serde(default)]
        next: Option<String>,
    },
    /// We were too slow: so many records were left out here.
    Skipped {
        /// How many.
        count: u64,
    },
    /// Nothing came for a while.
    Alive,
    /// What follows could not be given.
    Error {
        /// Why.
        problem: Problem,
    },
    /// A path that cannot be read or followed.
    Problem {
        /// The machine; absent where it is the server's own.
        host: Option<String>,
        /// Which path.
        path: String,
        /// Why.
        reason: String,
    },
    /// A word that this side does not know.
    #[serde(other)]
    Other,
}

/// An error as the server tells it (RFC 9457).
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub r#type: String,
    pub detail: String,
    /// For queries: the character, from 0.
    pub at: Option<usize>,
}

/// The account of one source, as `audit` answers it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    pub generation: u32,
    pub path: String,
    pub size: u64,
    pub read: u64,
    pub stored: u64,
    pub in_flight: u64,
    pub dead_letter: u64,
    pub dropped: u64,
    pub missed: u64,
    pub gaps: Vec<(u64, u64)>,
    pub complete: bool,
    #[serde(default)]
    pub expired: u64,
    #[serde(default)]
    pub unread: u64,
    #[serde(default)]
    pub stream: String,
    pub state: Option<String>,
    pub reason: Option<String>,
}
