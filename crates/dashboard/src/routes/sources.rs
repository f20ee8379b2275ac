//! `/api/v1/sources`, `/problems` and `/streams`: what is followed, what cannot be, and what it is collected as.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use base::Timestamp;
use model::{SourceId, SourceKey, SourceReport};
use schemars::JsonSchema;
use serde::Serialize;
use store::{FacetsRequest, Query, Scope, SearchRequest, TimeRange};

use crate::app::{App, Trouble};
use crate::audit::{Account, state_name, trouble};
use crate::params::{Holds, Param, Params};

pub(crate) const PARAMS: &[Param] = &[
    Param::new("limit", Holds::Number, "At most so many, 1000 unless told."),
    Param::new("cursor", Holds::Text, "Go on where an answer ended: its `next`."),
    Param::new("stream", Holds::Text, "Only those of this stream."),
    Param::new("host", Holds::Text, "Only those of this machine."),
    Param::new("source", Holds::Text, "Only this one: its id, without the generation."),
    Param::new("match", Holds::Text, "Only those whose path, host or stream contains this; case does not matter."),
    Param::new("sort", Holds::Text, "By path (unless told), lag, size or changed; the last three with the most first."),
];

/// The files that are followed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sources")]
pub(crate) struct SourcesAnswer {
    /// By path, then source and generation, unless told.
    sources: Vec<Source>,
    /// All that there are, also beyond `limit`.
    count: usize,
    /// The cursor of the next page; null where there is no more.
    next: Option<String>,
    /// The time between the points of each `lag_history`.
    lag_step_seconds: u64,
}

/// One source in one generation, as its agent sees it, and its account.
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
    /// How many files have stood at its path before it, as far as they are remembered.
    rotations: u32,
    /// How many generations of it are known.
    generations: u32,
    /// What tells the file from others at its path.
    identity: Identity,
    /// Bytes that a search finds; null where store and queue could not be asked.
    stored: Option<u64>,
    /// Bytes that are there and cannot be found yet; null as above.
    lag_bytes: Option<u64>,
    /// Bytes that were read and are nowhere; null as above.
    gap_bytes: Option<u64>,
    /// Where they are, the first 20 of them: `[start, end)`.
    gaps: Vec<(u64, u64)>,
    /// `lag_bytes` over the last ten minutes, oldest first; empty where it was 0 all the time.
    lag_history: Vec<u64>,
}

/// What tells a file from others at its path.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FileIdentity")]
struct Identity {
    /// The followed path that it belongs to, wherever it stands now.
    home: Option<String>,
    /// Its inode.
    inode: Option<u64>,
}

/// So many gaps are told of each.
const GAPS_SHOWN: usize = 20;

impl Source {
    fn of(report: &SourceReport, generations: u32, account: Option<&Account>, app: &App) -> Self {
        let lost = |account: &Account| -> Vec<(u64, u64)> {
            // What was not read yet is at the end, and is no gap.
            let cut = |(start, end): &(u64, u64)| (*start, (*end).min(account.read));
            account.gaps.iter().map(cut).filter(|(start, end)| start < end).collect()
        };
        let gaps = account.map(lost);
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
            rotations: report.file.rotations,
            generations,
            identity: Identity {
                home: (!report.file.home.is_empty()).then(|| report.file.home.to_string()),
                inode: (report.file.inode != 0).then_some(report.file.inode),
            },
            stored: account.map(|account| account.stored),
            lag_bytes: account.map(crate::overview::behind),
            gap_bytes: gaps.as_ref().map(|gaps| gaps.iter().map(|(start, end)| end - start).sum()),
            gaps: gaps.into_iter().flatten().take(GAPS_SHOWN).collect(),
            lag_history: app.overviews.lag_of(report.key),
        }
    }
}

/// Whether the parameters ask for it.
fn is_wanted(params: &Params, report: &SourceReport) -> bool {
    let is = |name, value: &str| params.filled(name).is_none_or(|wanted| wanted == value);
    let texts = [&report.path, &report.host, &report.stream];
    let contains = |part: &str| {
        let part = part.to_lowercase();
        texts.iter().any(|text| text.to_lowercase().contains(&part))
    };
    is("stream", &report.stream)
        && is("host", &report.host)
        && params.filled("source").is_none_or(|wanted| report.key.source.to_string() == wanted)
        && params.filled("match").is_none_or(contains)
}

pub(crate) async fn sources(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<SourcesAnswer>, crate::problem::Problem> {
    let limit = params.number("limit", 1000, 0, app.parts.limits.list_entries)?;
    let skip = params.number("cursor", 0, 0, usize::MAX)?;
    let sort = params.filled("sort").unwrap_or("path");
    if !["path", "lag", "size", "changed"].contains(&sort) {
        let detail = format!("sort={sort}: write path, lag, size or changed");
        return Err(crate::problem::Problem::parameter("sort", detail));
    }
    let mut reports = app.reports();
    // Files are shown as their agents see them even while store and queue cannot be asked.
    let accounts = super::audit::accounts_of(&app, &reports).await.unwrap_or_default();
    let key = |account: &Account| SourceKey::new(account.source, account.generation);
    let accounts: HashMap<SourceKey, Account> = accounts.into_iter().map(|account| (key(&account), account)).collect();
    let mut generations: HashMap<SourceId, u32> = HashMap::new();
    for report in &reports {
        *generations.entry(report.key.source).or_default() += 1;
    }
    reports.retain(|report| is_wanted(&params, report));
    reports.sort_by(|a, b| (&a.path, a.key).cmp(&(&b.path, b.key)));
    let mut most_first = |of: &dyn Fn(&SourceReport) -> i128| move_most_first(&mut reports, of);
    match sort {
        "lag" => most_first(&|report| accounts.get(&report.key).map_or(0, crate::overview::behind).into()),
        "size" => most_first(&|report| report.size.into()),
        "changed" => most_first(&|report| report.changed_at.as_micros().into()),
        _ => {}
    }
    let count = reports.len();
    let page = reports.iter().skip(skip).take(limit);
    let shown = page.map(|r| {
        let generations = generations.get(&r.key.source).copied().unwrap_or(1);
        Source::of(r, generations, accounts.get(&r.key), &app)
    });
    let sources: Vec<_> = shown.collect();
    let next = (count > skip.saturating_add(limit)).then(|| (skip + limit).to_string());
    Ok(Json(SourcesAnswer { sources, count, next, lag_step_seconds: crate::overview::LAG_STEP.as_secs() }))
}

fn move_most_first(reports: &mut [SourceReport], of: &dyn Fn(&SourceReport) -> i128) {
    reports.sort_by_key(|report| std::cmp::Reverse(of(report)));
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
    let mut troubles = app.troubles();
    // Who waits for the store or the queue may have told why already, and since when.
    let paused = super::health::paused(&app).await.into_iter();
    let paused: Vec<_> = paused.filter(|one| !troubles.iter().any(|known| known.says(one))).collect();
    troubles.splice(0..0, paused);
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
