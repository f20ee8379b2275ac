//! `/api/v1/stats` and `/workers`: how full, and how well.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use queue::{DEAD_LETTERS, LINES, Queue, QueueError};
use runtime::WorkerState;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::problem::Problem;

/// How full store and queue are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stats")]
pub(crate) struct StatsAnswer {
    pub store: Store,
    /// Absent where the queue is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueStats>,
    /// Files known to agents.
    pub sources: usize,
    /// What cannot be read or followed.
    pub problems: usize,
    pub workers: Vec<Worker>,
}

/// How full the store is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoreStats")]
pub(crate) struct Store {
    pub records: u64,
    /// Bytes of their lines.
    pub line_bytes: u64,
    pub disk_bytes: u64,
    /// Parts on disk.
    pub parts: u64,
    /// Bytes of lines that are not in a part yet.
    pub head_bytes: u64,
    /// Oldest time held.
    pub oldest: Option<String>,
    /// Newest time held.
    pub newest: Option<String>,
    /// Why nothing is taken now, if so.
    pub paused: Option<String>,
}

/// How full the queue is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct QueueStats {
    /// Identity of its data, in hexadecimal.
    id: String,
    pub topics: Vec<Topic>,
}

/// How full a topic is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Topic {
    pub topic: String,
    pub partitions: Vec<Partition>,
    pub groups: Vec<Group>,
    /// Why nothing is taken now, if so.
    pub paused: Option<String>,
}

/// One lane of a topic.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Partition {
    partition: u32,
    /// First offset held; offsets count batches.
    first: u64,
    /// Behind the last offset held.
    end: u64,
    /// On disk.
    pub bytes: u64,
}

/// How far a consumer group has come.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Group {
    group: String,
    /// Batches that it has not committed yet, over all partitions.
    pub lag: u64,
}

/// How a worker is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Worker {
    pub name: String,
    /// running, waiting (failed, starts again) or finished.
    pub state: &'static str,
    /// How often it was started again.
    restarts: u64,
    /// Why it failed last.
    last_error: Option<String>,
    /// When it was started last.
    started_at: String,
}

/// The workers of this process.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Workers")]
pub(crate) struct WorkersAnswer {
    workers: Vec<Worker>,
}

pub(crate) async fn stats(State(app): State<Arc<App>>) -> Result<Json<StatsAnswer>, Problem> {
    Ok(Json(all(&app).await?))
}

pub(crate) async fn all(app: &App) -> Result<StatsAnswer, Problem> {
    let store = app.parts.store.stats().await?;
    let queue = match &app.parts.queue {
        Some(queue) => {
            let topics = vec![topic(&**queue, LINES).await?, topic(&**queue, DEAD_LETTERS).await?];
            Some(QueueStats { id: format!("{:016x}", queue.id().0), topics })
        }
        None => None,
    };
    let store = Store {
        records: store.records,
        line_bytes: store.line_bytes,
        disk_bytes: store.disk_bytes,
        parts: store.parts,
        head_bytes: store.head_bytes,
        oldest: store.oldest.map(|at| at.to_string()),
        newest: store.newest.map(|at| at.to_string()),
        paused: store.paused,
    };
    Ok(StatsAnswer {
        store,
        queue,
        sources: app.reports().len(),
        problems: app.troubles().len(),
        workers: all_workers(app),
    })
}

async fn topic(queue: &dyn Queue, name: &str) -> Result<Topic, QueueError> {
    let stats = queue.stats(name).await?;
    let groups = stats.groups.iter().map(|(group, cursors)| {
        let behind =
            |(p, first, end, _): &(model::Partition, u64, u64, u64)| end.saturating_sub(cursors.get(*p).max(*first));
        Group { group: group.clone(), lag: stats.partitions.iter().map(behind).sum() }
    });
    let groups = groups.collect();
    let lane = |(p, first, end, bytes): &(model::Partition, u64, u64, u64)| Partition {
        partition: p.0,
        first: *first,
        end: *end,
        bytes: *bytes,
    };
    let partitions = stats.partitions.iter().map(lane).collect();
    Ok(Topic { topic: name.to_owned(), partitions, groups, paused: stats.paused })
}

pub(crate) async fn workers(State(app): State<Arc<App>>) -> Json<WorkersAnswer> {
    Json(WorkersAnswer { workers: all_workers(&app) })
}

pub(crate) fn all_workers(app: &App) -> Vec<Worker> {
    let reports = app.parts.supervisor.as_ref().map(runtime::Supervisor::reports).unwrap_or_default();
    let shown = |report: runtime::WorkerReport| Worker {
        name: report.name,
        state: match report.state {
            WorkerState::Running => "running",
            WorkerState::Waiting => "waiting",
            WorkerState::Finished => "finished",
        },
        restarts: report.restarts,
        last_error: report.last_error,
        started_at: report.started_at.to_string(),
    };
    reports.into_iter().map(shown).collect()
}
