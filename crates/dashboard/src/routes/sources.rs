//! `/api/v1/sources`, `/problems` and `/streams`: what is followed, what cannot be, and what it is collected as.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use base::Timestamp;
use model::SourceReport;
use schemars::JsonSchema;
use serde::Serialize;
use store::{FacetsRequest, Query, Scope, SearchRequest, TimeRange};

use crate::app::{App, Trouble};
use crate::audit::{state_name, trouble};
use crate::params::{Holds, Param, Params};

pub(crate) const PARAMS: &[Param] = &[
    Param::new("limit", Holds::Number, "At most so many, 1000 unless told."),
    Param::new("stream", Holds::Text, "Only those of this stream."),
];

/// The files that are followed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sources")]
pub(crate) struct SourcesAnswer {
    /// By path, then source and generation.
    sources: Vec<Source>,
    /// All that there are, also beyond `limit`.
    count: usize,
}

/// One source in one generation, as its agent sees it.
#[derive(Serialize, JsonSchema)]
struct Source {
    source: String,
    generation: u32,
    path: String,
    host: String,
    stream: String,
    /// Bytes when last looked at.
    size: u64,
    /// How far it has been read.
    read: u64,
    /// How far the queue has acknowledged it.
    queued: u64,
    /// following, draining, finished, unreadable or quarantined.
    state: &'static str,
    /// Why it is not being read, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it last grew.
    changed_at: String,
}

impl From<SourceReport> for Source {
    fn from(report: SourceReport) -> Self {
        Self {
            source: report.key.source.to_string(),
            generation: report.key.generation.0,
            path: report.path.to_string(),
            host: report.host.to_string(),
            stream: report.stream.to_string(),
            size: report.size,
            read: report.read,
            queued: report.queued,
            state: state_name(&report.state),
            reason: trouble(&report.state),
            changed_at: report.changed_at.to_string(),
        }
    }
}

pub(crate) async fn sources(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<SourcesAnswer>, crate::problem::Problem> {
    let limit = params.number("limit", 1000, 0, app.parts.limits.list_entries)?;
    let mut reports = app.reports();
    if let Some(stream) = params.filled("stream") {
        reports.retain(|report| &*report.stream == stream);
    }
    reports.sort_by(|a, b| (&a.path, a.key).cmp(&(&b.path, b.key)));
    let count = reports.len();
    Ok(Json(SourcesAnswer { sources: reports.into_iter().take(limit).map(Source::from).collect(), count }))
}

/// What cannot be read, followed or taken.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problems")]
pub(crate) struct ProblemsAnswer {
    problems: Vec<Problem>,
    /// All that there are, also where not all are shown.
    count: usize,
}

/// A path that cannot be read or followed, or `queue` or `store` where that takes nothing now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PathProblem")]
pub(crate) struct Problem {
    /// The machine; absent for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub path: String,
    /// Why.
    pub reason: String,
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self { host: trouble.host, path: trouble.path, reason: trouble.reason }
    }
}

pub(crate) async fn problems(State(app): State<Arc<App>>) -> Json<ProblemsAnswer> {
    let mut troubles = super::health::paused(&app).await;
    troubles.extend(app.troubles());
    let count = troubles.len();
    let shown = troubles.into_iter().take(app.parts.limits.list_entries);
    Json(ProblemsAnswer { problems: shown.map(Problem::from).collect(), count })
}

/// What is collected together.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Streams")]
pub(crate) struct StreamsAnswer {
    /// By name.
    pub streams: Vec<Stream>,
    /// Whether everything was counted in time.
    pub complete: bool,
}

/// One stream.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Stream {
    pub name: String,
    /// Records held.
    pub records: u64,
    /// Files followed now.
    pub files: u64,
    /// Time of the newest record held.
    pub newest: Option<String>,
    /// When a file of it last grew.
    pub changed_at: Option<String>,
    /// Where its definition comes from, if this process follows it: `page`, `demo`, `command line`, `default`, or a
    /// place in a file.
    pub origin: Option<String>,
    /// What is followed for it, if this process does.
    pub paths: Vec<String>,
}

/// Streams shown at most.
const STREAMS_MAX: usize = 200;

pub(crate) async fn streams(State(app): State<Arc<App>>) -> Result<Json<StreamsAnswer>, crate::problem::Problem> {
    Ok(Json(all_streams(&app).await?))
}

pub(crate) async fn all_streams(app: &App) -> Result<StreamsAnswer, crate::problem::Problem> {
    let deadline = Some(app.parts.limits.default_deadline);
    let scope = Scope { query: Query::all(), range: TimeRange::ALL, deadline };
    let request = FacetsRequest::new(scope, vec!["stream".to_owned()], STREAMS_MAX);
    let counted = app.parts.store.facets(&request).await?;
    let mut complete = counted.complete;
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    for (name, records) in counted.facets.into_iter().flat_map(|facet| facet.values) {
        let scope = Scope { query: Query::equals("stream", &name), range: TimeRange::ALL, deadline };
        let newest = app.parts.store.search(&SearchRequest { scope, limit: 1, after: None }).await?;
        complete &= newest.complete;
        let newest = newest.hits.first().map(|hit| hit.time.to_string());
        streams.insert(name.clone(), Stream { name, records, newest, ..Stream::default() });
    }
    let mut changed: BTreeMap<&str, (u64, Timestamp)> = BTreeMap::new();
    let reports = app.reports();
    for report in &reports {
        let (files, at) = changed.entry(&report.stream).or_insert((0, Timestamp::MIN));
        *files += u64::from(matches!(report.state, model::FileState::Following));
        *at = report.changed_at.max(*at);
    }
    for (name, (files, at)) in changed.into_iter().take(STREAMS_MAX) {
        let stream = streams.entry(name.to_owned()).or_default();
        name.clone_into(&mut stream.name);
        stream.files = files;
        stream.changed_at = Some(at.to_string());
    }
    for followed in app.parts.control.streams().into_iter().take(STREAMS_MAX) {
        let stream = streams.entry(followed.name.clone()).or_default();
        stream.name = followed.name;
        stream.origin = Some(followed.origin);
        stream.paths = followed.paths;
    }
    Ok(StreamsAnswer { streams: streams.into_values().collect(), complete })
}
