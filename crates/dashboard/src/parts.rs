//! What the dashboard is made of: everything it shows is handed to it.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use model::{SourceKey, SourceReport};
use serde::Serialize;

use crate::control::Control;
use crate::letters::Letters;

/// What the agent of this process knows of its files.
pub trait SourceReports: Send + Sync {
    /// Each followed source, in each generation that is still known.
    fn sources(&self) -> Vec<SourceReport>;

    /// What cannot be read, or followed, and why: path and reason.
    fn problems(&self) -> Vec<(String, String)>;

    /// Whether an agent runs in this process.
    fn is_following(&self) -> bool {
        false
    }

    /// A number that is another one whenever anything known of the files changed; cheap.
    fn pulse(&self) -> u64 {
        0
    }

    /// What this process's transfer has brought to the store, stream by stream; `None` where it has none.
    fn brought(&self) -> Option<Vec<Brought>> {
        None
    }

    /// Opens the file of a source, if it still is what the source was read from; otherwise, why not.
    ///
    /// # Errors
    /// A text that says why its bytes cannot be read any more.
    fn open(&self, key: SourceKey) -> Result<File, String> {
        Err(format!("no agent here reads {key}"))
    }
}

/// What was brought to the store of one stream since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Its name.
    pub stream: Arc<str>,
    /// Records.
    pub records: u64,
    /// Bytes of their ranges.
    pub bytes: u64,
    /// Records that parsed in no format.
    pub unparsed: u64,
}

/// No agent in this process.
impl SourceReports for () {
    fn sources(&self) -> Vec<SourceReport> {
        Vec::new()
    }

    fn problems(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// A store that can be asked for by name.
#[derive(Clone)]
pub struct NamedStore {
    /// As the settings call it.
    pub name: String,
    /// Where its records are found.
    pub reader: Arc<dyn store::Reader>,
    /// Streams that do not go there: nothing of theirs is missing.
    pub leaves_out: HashSet<String>,
}

/// What the dashboard shows.
pub struct Parts {
    /// Where records are found.
    pub store: Arc<dyn store::Reader>,
    /// All stores by name, the first of which is that one; none, where there is no other.
    pub stores: Vec<NamedStore>,
    /// The queue, where it is this process's own (it is then offered to other machines too) or can be asked.
    pub queue: Option<Arc<dyn queue::Queue>>,
    /// The agent of this process; `()` where there is none.
    pub sources: Arc<dyn SourceReports>,
    /// Takes documents as Elasticsearch does; without it they are refused.
    pub documents: Option<Arc<es_api::Intake>>,
    /// Changes what that agent follows; `()` where there is none.
    pub control: Arc<dyn Control>,
    /// Settles the dead letters of this process's transfer, if there is one.
    pub letters: Option<Arc<dyn Letters>>,
    /// The workers of this process.
    pub supervisor: Option<runtime::Supervisor>,
    /// The metrics of this process.
    pub metrics: telemetry::Metrics,
    /// Where points are kept, if they can be read.
    pub points: Option<Arc<dyn store::metrics::MetricsStore>>,
    /// The settings with their origins, free of secrets, as they are to be shown.
    pub config: serde_json::Value,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where is kept what the page must remember (what changed, saved searches); `None`: in memory only.
    pub folder: Option<PathBuf>,
    /// Bounds of the HTTP side.
    pub limits: Limits,
}

/// Bounds of the HTTP side, shown at `/api/v1/config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "LimitsShown")]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address.
    pub connections_per_peer: usize,
    /// A request's head must be there after so long; an idle connection is closed after it.
    pub header_timeout: Duration,
    /// A request's body must be there, and its answer begun, after so long.
    pub request_timeout: Duration,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a request's body that carries batches.
    pub batch_body_bytes: usize,
    /// Such bodies in memory at a time; more wait.
    pub batch_bodies: usize,
    /// Answers get so long to end at shutdown.
    pub drain: Duration,
    /// A question that names no deadline gets this one.
    pub default_deadline: Duration,
    /// The longest deadline that can be asked for.
    pub deadline_max: Duration,
    /// Hits in one answer that is not streamed.
    pub page_hits: usize,
    /// About so many bytes in one answer that is not streamed: then it ends early, with a cursor.
    pub page_bytes: usize,
    /// Entries of any other list in one answer.
    pub list_entries: usize,
    /// A tail says that it is alive after such a silence.
    pub heartbeat: Duration,
    /// Remote agents whose reports are kept.
    pub remote_hosts: usize,
    /// Reports kept of one remote agent.
    pub remote_sources: usize,
    /// Topics of the queue that can be used from outside.
    pub remote_topics: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_peer: 256,
            header_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(60),
            body_bytes: 8 << 20,
            batch_body_bytes: 64 << 20,
            batch_bodies: 4,
            drain: Duration::from_secs(5),
            default_deadline: Duration::from_secs(10),
            deadline_max: Duration::from_secs(600),
            page_hits: 10_000,
            page_bytes: 64 << 20,
            list_entries: 10_000,
            heartbeat: Duration::from_secs(5),
            remote_hosts: 256,
            remote_sources: 10_000,
            remote_topics: 64,
        }
    }
}

/// The bounds with units in their names.
#[derive(Serialize)]
struct LimitsShown {
    connections: usize,
    connections_per_peer: usize,
    header_timeout_ms: u64,
    request_timeout_ms: u64,
    body_bytes: usize,
    batch_body_bytes: usize,
    batch_bodies: usize,
    drain_ms: u64,
    default_deadline_ms: u64,
    deadline_ms_max: u64,
    page_hits: usize,
    page_bytes: usize,
    list_entries: usize,
    heartbeat_ms: u64,
    remote_hosts: usize,
    remote_sources: usize,
    remote_topics: usize,
}

impl From<Limits> for LimitsShown {
    fn from(limits: Limits) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            connections: limits.connections,
            connections_per_peer: limits.connections_per_peer,
            header_timeout_ms: millis(limits.header_timeout),
            request_timeout_ms: millis(limits.request_timeout),
            body_bytes: limits.body_bytes,
            batch_body_bytes: limits.batch_body_bytes,
            batch_bodies: limits.batch_bodies,
            drain_ms: millis(limits.drain),
            default_deadline_ms: millis(limits.default_deadline),
            deadline_ms_max: millis(limits.deadline_max),
            page_hits: limits.page_hits,
            page_bytes: limits.page_bytes,
            list_entries: limits.list_entries,
            heartbeat_ms: millis(limits.heartbeat),
            remote_hosts: limits.remote_hosts,
            remote_sources: limits.remote_sources,
            remote_topics: limits.remote_topics,
        }
    }
}
