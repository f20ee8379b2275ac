//! `/api/v1/where/{id}`: the way of one record, from its file to where it is found, with the time of each step.
//!
//! Decision: nothing is kept for this on the way; each place is asked when somebody wants to know. What a place cannot
//! tell any more is null, and `note` says why.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use base::Explain as _;
use model::{BatchHeader, Marks, RecordId, SourceReport};
use queue::{Here, LINES, Located, Queue};
use schemars::JsonSchema;
use serde::Serialize;
use store::{ContextRequest, Hit, StoreError, Whereabouts};

use crate::app::App;
use crate::audit::state_name;
use crate::problem::Problem;

/// The way of one record.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Where")]
pub(crate) struct WhereAnswer {
    /// The record.
    id: String,
    /// Whether the store holds it.
    found: bool,
    /// In the order in which it went.
    steps: Vec<Step>,
}

/// A place on the way of a record. What is not known is null, and `note` says why.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
#[schemars(rename = "WhereStep")]
enum Step {
    /// The bytes of its file.
    File {
        /// Where the file stands now, or stood when it was read.
        path: Option<String>,
        host: Option<String>,
        stream: Option<String>,
        /// Where its bytes begin.
        start: u64,
        /// Behind its bytes, with the newline if it has one.
        end: Option<u64>,
        /// Bytes of the file when last looked at.
        size: Option<u64>,
        /// following, draining, finished, unreadable or quarantined.
        state: Option<&'static str>,
        /// The time that the line itself gives.
        at: Option<String>,
        note: Option<String>,
    },
    /// The range that was read and sent as one.
    Batch {
        /// Its first byte.
        start: Option<u64>,
        /// Behind its last byte.
        end: Option<u64>,
        /// Records in it.
        records: Option<u32>,
        /// When it was read.
        at: Option<String>,
        note: Option<String>,
    },
    /// Its place in the queue.
    Queue {
        topic: &'static str,
        partition: Option<u32>,
        offset: Option<u64>,
        /// The file of the queue that holds it, where there is one.
        segment: Option<String>,
        /// When it came in.
        at: Option<String>,
        /// Whether every reader has said that it has it for good.
        acked: Option<bool>,
        note: Option<String>,
    },
    /// What of the store holds it.
    Store {
        /// head (memory), part (a file) or index (of a server).
        kind: Option<&'static str>,
        /// Which.
        name: Option<String>,
        /// Since when; merging parts makes a new one.
        at: Option<String>,
        note: Option<String>,
    },
}

/// No place may take longer to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The consumer group in which dead letters are looked at: it does not read lines.
const OURS: &str = "dashboard";

pub(crate) async fn place(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<WhereAnswer>, Problem> {
    let id = id.parse::<RecordId>().map_err(|wrong| Problem::parameter("id", wrong.to_string()))?;
    let found = app.parts.store.context(&ContextRequest { id, before: 0, after: 0 }).await?;
    let hit = found.anchor.and_then(|at| found.hits.into_iter().nth(at));
    let report = app.reports().into_iter().find(|report| report.key == id.key);
    let (queued, held) = tokio::join!(located(&app, id), held(&app, id));
    let header = match (&queued, &held) {
        (Ok(Located::Here(here)), _) => Some(here.header.clone()),
        (_, Ok(Some(place))) => place.batch.clone(),
        _ => None,
    };
    let steps = vec![
        file(id, hit.as_ref(), report.as_ref(), header.as_deref()),
        batch(header.as_deref(), hit.is_some()),
        in_queue(&app, &queued, hit.is_some()).await,
        in_store(&app, id, held, hit.is_some()).await,
    ];
    Ok(Json(WhereAnswer { id: id.to_string(), found: hit.is_some(), steps }))
}

async fn located(app: &App, id: RecordId) -> Result<Located, String> {
    let Some(queue) = &app.parts.queue else { return Err("the queue is not here".to_owned()) };
    match tokio::time::timeout(PATIENCE, queue.locate(LINES, id.key, id.offset)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(error.chain()),
        Err(_) => Err(format!("it was not found within {PATIENCE:?}")),
    }
}

async fn held(app: &App, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
    let late = || StoreError::Unavailable { at: "store".to_owned(), reason: format!("no answer within {PATIENCE:?}") };
    tokio::time::timeout(PATIENCE, app.parts.store.whereabouts(id)).await.unwrap_or_else(|_| Err(late()))
}

fn file(id: RecordId, hit: Option<&Hit>, report: Option<&SourceReport>, header: Option<&BatchHeader>) -> Step {
    let known = |of_report: fn(&SourceReport) -> &str, of_hit: fn(&Hit) -> &str, of_batch: fn(&BatchHeader) -> &str| {
        report.map(of_report).or_else(|| hit.map(of_hit)).or_else(|| header.map(of_batch)).map(str::to_owned)
    };
    let own_time = hit.filter(|hit| !hit.marks.has(Marks::TIME_IS_READ_TIME));
    let note = match (hit, report) {
        (Some(_), Some(_)) if own_time.is_none() => Some("the line gives no time".to_owned()),
        (_, Some(_)) => None,
        _ => Some("no agent that reports here follows the file any more".to_owned()),
    };
    Step::File {
        path: known(|report| &report.path, |hit| &hit.path, |header| &header.path),
        host: known(|report| &report.host, |hit| &hit.host, |header| &header.host),
        stream: known(|report| &report.stream, |hit| &hit.stream, |header| &header.stream),
        start: id.offset,
        end: hit.map(|hit| id.offset + u64::from(hit.size)),
        size: report.map(|report| report.size),
        state: report.map(|report| state_name(&report.state)),
        at: own_time.map(|hit| hit.time.to_string()),
        note,
    }
}

fn batch(header: Option<&BatchHeader>, is_held: bool) -> Step {
    let gone = "known only while the queue or the store's head holds it";
    let note = header.is_none().then(|| if is_held { gone } else { "not known" }.to_owned());
    Step::Batch {
        start: header.map(|header| header.start),
        end: header.map(|header| header.end),
        records: header.map(|header| header.records),
        at: header.map(|header| header.read_at.to_string()),
        note,
    }
}

async fn in_queue(app: &App, queued: &Result<Located, String>, is_held: bool) -> Step {
    let note = match queued {
        Ok(Located::Here(_)) => None,
        Ok(Located::NotHeld) if is_held => {
            Some("it has passed out of the queue: every reader had it for good".to_owned())
        }
        Ok(Located::NotHeld) => Some("the queue does not hold it".to_owned()),
        Ok(Located::Unknown) => Some("this queue does not tell where a record is".to_owned()),
        Err(reason) => Some(reason.clone()),
    };
    let here: Option<&Here> = match queued {
        Ok(Located::Here(here)) => Some(here),
        _ => None,
    };
    let acked = match (&app.parts.queue, here) {
        (Some(queue), Some(here)) => acked(&**queue, here).await,
        (_, None) if is_held && matches!(queued, Ok(Located::NotHeld)) => Some(true),
        _ => None,
    };
    Step::Queue {
        topic: LINES,
        partition: here.map(|here| here.place.partition.0),
        offset: here.map(|here| here.place.offset),
        segment: here.and_then(|here| here.segment.clone()),
        at: here.and_then(|here| here.at).map(|at| at.to_string()),
        acked,
        note,
    }
}

async fn acked(queue: &dyn Queue, here: &Here) -> Option<bool> {
    let stats = tokio::time::timeout(PATIENCE, queue.stats(LINES)).await.ok()?.ok()?;
    let mut readers = stats.groups.iter().filter(|(name, _)| name != OURS).peekable();
    readers.peek()?;
    Some(readers.all(|(_, cursors)| cursors.get(here.place.partition) > here.place.offset))
}

async fn in_store(app: &App, id: RecordId, held: Result<Option<Whereabouts>, StoreError>, is_held: bool) -> Step {
    let empty = |note: String| Step::Store { kind: None, name: None, at: None, note: Some(note) };
    match held {
        Ok(Some(place)) => Step::Store {
            kind: Some(place.holder.name()),
            name: Some(place.name),
            at: place.at.map(|at| at.to_string()),
            note: place.at.is_none().then(|| "since when is not noted".to_owned()),
        },
        Ok(None) if is_held => empty("it moved while it was looked for; ask again".to_owned()),
        Ok(None) => empty(why_not(app, id).await),
        Err(error) => empty(error.chain()),
    }
}

/// Why the store does not hold a record, as its account says.
async fn why_not(app: &App, id: RecordId) -> String {
    let Ok(Ok(all)) = tokio::time::timeout(PATIENCE, app.parts.store.coverage(Some(id.key))).await else {
        return "the store does not hold it, and cannot say why".to_owned();
    };
    let Some(source) = all.first() else { return "the store holds nothing of this source".to_owned() };
    let why = [
        (&source.expired, "retention has removed it"),
        (&source.dropped, "a rule of its stream drops it"),
        (&source.dead_letter, "the store refused it: it is among the dead letters"),
        (&source.stored, "no record begins at this byte"),
    ];
    let found = why.into_iter().find(|(ranges, _)| ranges.contains(id.offset));
    found.map_or("it has not come here (yet)", |(_, why)| why).to_owned()
}
