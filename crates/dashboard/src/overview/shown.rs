//! The overview as it is answered.

use base::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::changes::Change;

/// What is to be known at one look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Overview {
    /// When it was looked at.
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    pub completeness: Completeness,
    pub rates: Rates,
    pub lag: Lag,
    pub store: Store,
    /// Null where the queue cannot be asked from here.
    pub queue: Option<Queue>,
    pub agents: Agents,
    pub history: History,
    /// What somebody should look at: errors first.
    pub attention: Vec<Attention>,
    /// The newest changes, newest first.
    pub changes: Vec<Change>,
    /// Nothing has been stored yet.
    pub first_run: bool,
    /// The store has not answered yet.
    pub starting: bool,
    /// What cannot be read, followed or taken: as many as `/api/v1/problems` lists.
    pub problems: u64,
    pub workers: Workers,
}

/// Where every byte of every file is: `size` is the sum of all that follows it up to `gaps`, but for `before_start`,
/// which is a part of `missed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Completeness {
    /// Of what has arrived, the share that is stored, or left out on purpose; rounded down.
    pub percent: f64,
    pub size: u64,
    pub stored: u64,
    pub in_flight: u64,
    /// Not read yet.
    pub unread: u64,
    pub dead_letter: u64,
    pub dropped: u64,
    /// Never read.
    pub missed: u64,
    /// What of `missed` a stream was told to leave out.
    pub before_start: u64,
    pub expired: u64,
    /// Nowhere, although it was read.
    pub gaps: u64,
    /// Sources and generations.
    pub files: u64,
    /// Of these, those that are not all there yet.
    pub incomplete: u64,
    /// When this was added up; with many files that is done less often. Null where it was not yet.
    #[serde(serialize_with = "text_if_known")]
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
}

/// Means over the last seconds, of what came to the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Rates {
    /// Records, to be exact: lines that belong together count once.
    pub lines_per_second: f64,
    pub bytes_per_second: f64,
}

/// What is written, and cannot be found yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Lag {
    /// For so long the oldest of it has been there.
    pub seconds: f64,
    pub bytes: u64,
}

/// How full the store is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OverviewStore")]
pub(crate) struct Store {
    pub records: u64,
    pub disk_bytes: u64,
    pub line_bytes: u64,
    /// Until its disk is full, as it grows now; null where that is not known, or retention comes first.
    pub days_left: Option<f64>,
    /// On its disk, to 64 MiB; null where that is not known.
    pub free_bytes: Option<u64>,
    /// Oldest time held.
    #[serde(serialize_with = "text_if_known")]
    #[schemars(with = "Option<String>")]
    pub oldest: Option<Timestamp>,
    /// Newest time held.
    #[serde(serialize_with = "text_if_known")]
    #[schemars(with = "Option<String>")]
    pub newest: Option<Timestamp>,
    /// Why nothing is taken now, if so.
    pub paused: Option<String>,
    /// Why it cannot be asked, if so.
    pub unreachable: Option<String>,
}

/// How full the queue is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OverviewQueue")]
pub(crate) struct Queue {
    /// On its disk.
    pub bytes: u64,
    /// Batches that the slowest group has not made durable yet.
    pub lag_batches: u64,
    /// Records that a store refused for good, as far as they are held.
    pub dead_letters: u64,
    /// Why nothing is taken now, if so.
    pub paused: Option<String>,
}

/// Who follows files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OverviewAgents")]
pub(crate) struct Agents {
    /// Those that have reported within the last half minute, and that of this process.
    pub up: u64,
    pub total: u64,
}

/// The last minutes, oldest first; the last number is of now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct History {
    pub step_seconds: u64,
    pub lines_per_second: Vec<f64>,
    pub lag_seconds: Vec<f64>,
    pub disk_bytes: Vec<u64>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Something is or will be lost, or stands still.
    Error,
    /// It may become so.
    Warn,
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Attention {
    /// What it is, stable: silent, agent_silent, unreadable, quarantined, problem, parse_errors, gaps, missed,
    /// dead_letters, disk, store, queue, worker, lag.
    pub kind: &'static str,
    pub severity: Severity,
    /// A path, a host, a stream, a worker; empty where it is about all.
    pub subject: String,
    /// In English, without a period.
    pub text: String,
    /// Since when it is seen (for silence: since when it lasts).
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub since: Timestamp,
    pub action: Action,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Action {
    /// Which words the page has for it.
    pub label_key: &'static str,
    /// Where it leads, within the page.
    pub href: String,
}

/// The workers of the server, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OverviewWorkers")]
pub(crate) struct Workers {
    pub running: u64,
    /// Failed, and starting again after a wait.
    pub waiting: u64,
    pub finished: u64,
    /// How often one was started again.
    pub restarts: u64,
}

fn text<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn text_if_known<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}
