//! What a server answers, as far as it is shown. What an older server does not know is left empty.

use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Overview {
    pub completeness: Completeness,
    pub rates: Rates,
    pub lag: Lag,
    pub store: Store,
    pub queue: Option<Queue>,
    pub agents: Agents,
    pub history: History,
    pub attention: Vec<Attention>,
    pub changes: Vec<Change>,
    pub starting: bool,
    pub problems: u64,
    pub workers: Counts,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Completeness {
    pub percent: f64,
    pub size: u64,
    pub stored: u64,
    pub in_flight: u64,
    pub unread: u64,
    pub dead_letter: u64,
    pub dropped: u64,
    pub missed: u64,
    pub expired: u64,
    pub gaps: u64,
    pub files: u64,
    pub incomplete: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rates {
    pub lines_per_second: f64,
    pub bytes_per_second: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lag {
    pub seconds: f64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Store {
    pub records: u64,
    pub disk_bytes: u64,
    pub line_bytes: u64,
    pub days_left: Option<f64>,
    pub free_bytes: Option<u64>,
    pub paused: Option<String>,
    pub unreachable: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Queue {
    pub bytes: u64,
    pub lag_batches: u64,
    pub dead_letters: u64,
    pub paused: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Agents {
    pub up: u64,
    pub total: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct History {
    pub step_seconds: u64,
    pub lines_per_second: Vec<f64>,
    pub lag_seconds: Vec<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attention {
    pub kind: String,
    pub severity: String,
    pub subject: String,
    pub text: String,
    pub since: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub at: String,
    pub kind: String,
    pub subject: String,
    pub text: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub running: u64,
    pub waiting: u64,
    pub finished: u64,
    pub restarts: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sources {
    pub sources: Vec<Source>,
    pub count: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub source: String,
    pub generation: u32,
    pub path: String,
    pub host: String,
    pub stream: String,
    pub size: u64,
    pub read: u64,
    pub state: String,
    pub reason: Option<String>,
    pub changed_at: String,
    pub rotations: u32,
    pub stored: Option<u64>,
    pub lag_bytes: Option<u64>,
    pub gap_bytes: Option<u64>,
    pub lag_history: Vec<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemoteAgents {
    pub agents: Vec<RemoteAgent>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemoteAgent {
    pub host: String,
    pub reported_at: String,
    pub problems: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Letters {
    pub dead_letters: Vec<Letter>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Letter {
    pub id: String,
    pub stream: String,
    pub host: String,
    pub path: String,
    pub reason: String,
    pub line: String,
    pub read_at: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Workers {
    pub workers: Vec<Worker>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Worker {
    pub name: String,
    pub state: String,
    pub restarts: u64,
    pub last_error: Option<String>,
    pub started_at: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problems {
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub host: Option<String>,
    pub path: String,
    pub reason: String,
}
