//! `/api/v1/audit`: the account of every source.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use model::{SourceId, SourceKey, SourceReport};
use queue::{LINES, Position, Queue, QueueError, TopicStats};
use schemars::JsonSchema;
use serde::Serialize;
use store::Reader;

use super::ndjson::{self, Control};
use super::sources::Problem as PathProblem;
use super::{Content, wants_ndjson};
use crate::app::App;
use crate::audit::{Account, QueueView, balance};
use crate::params::{Holds, Param, Params};
use crate::parts::NamedStore;
use crate::problem::Problem;

pub(crate) const PARAMS: &[Param] = &[
    Param::new(
        "path",
        Holds::Text,
        "Files: a path, a folder with all in it, or a glob (`*`, `**`, `?`, `[a-z]`, `{a,b}`).",
    ),
    crate::params::STORE,
    Param::new("stream", Holds::Text, "Files of this stream; a glob may be used."),
    Param::new("host", Holds::Text, "Files of this machine; a glob may be used."),
    Param::new("source", Holds::Text, "One file: its id, with or without the generation."),
    Param::new("limit", Holds::Number, "At most so many accounts, 1000 unless told."),
    Param::new("cursor", Holds::Text, "Go on where an answer ended: its `next`."),
];

/// A stream of accounts.
pub(crate) const ACCOUNTS: Content =
    Content { media: ndjson::MEDIA, schema: |generator| ndjson::line_schema::<Account>(generator) };

/// The accounts asked for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Audit")]
pub(crate) struct AuditAnswer {
    /// By path, then source and generation.
    accounts: Vec<Account>,
    /// The sums over all accounts asked for, also those that are not on this page.
    total: Total,
    /// What cannot be read or followed among the paths asked for.
    problems: Vec<PathProblem>,
    /// The cursor of the next page; null where there is no more.
    next: Option<String>,
    /// Whether every account asked for is complete.
    complete: bool,
}

/// Sums over accounts, in bytes.
#[derive(Default, Serialize, JsonSchema)]
struct Total {
    accounts: u64,
    incomplete: u64,
    size: u64,
    read: u64,
    queued: u64,
    stored: u64,
    in_flight: u64,
    dead_letter: u64,
    dropped: u64,
    missed: u64,
    expired: u64,
    gaps: u64,
}

impl Total {
    fn of(accounts: &[Account]) -> Self {
        let mut total = Self::default();
        for account in accounts {
            total.accounts += 1;
            total.incomplete += u64::from(!account.complete);
            total.size += account.size;
            total.read += account.read;
            total.queued += account.queued;
            total.stored += account.stored;
            total.in_flight += account.in_flight;
            total.dead_letter += account.dead_letter;
            total.dropped += account.dropped;
            total.missed += account.missed;
            total.expired += account.expired;
            total.gaps += account.gaps.iter().map(|(start, end)| end - start).sum::<u64>();
        }
        total
    }
}

pub(crate) async fn audit(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(&params)?;
    let streamed = wants_ndjson(&headers);
    let limits = &app.parts.limits;
    let limit = params.number("limit", if streamed { usize::MAX } else { 1000 }, 0, usize::MAX)?;
    let limit = if streamed { limit } else { limit.min(limits.list_entries) };
    let skip = params.number("cursor", 0, 0, usize::MAX)?;
    let mut accounts = match app.named_store(&params)? {
        Some(store) => accounts_in(&app, &app.reports(), store).await?,
        None => accounts(&app).await?,
    };
    accounts.retain(|account| wanted.account(account));
    accounts.sort_by(|a, b| (&a.path, a.source, a.generation).cmp(&(&b.path, b.source, b.generation)));
    let troubles = app.troubles().into_iter().filter(|trouble| wanted.trouble(trouble));
    let troubles = super::health::paused(&app).await.into_iter().chain(troubles);
    let problems: Vec<_> = troubles.take(limits.list_entries).map(PathProblem::from).collect();
    let complete = accounts.iter().all(|account| account.complete);
    let more = accounts.len() > skip.saturating_add(limit);
    let next = more.then(|| (skip + limit).to_string());
    let total = Total::of(&accounts);
    let page: Vec<_> = accounts.into_iter().skip(skip).take(limit).collect();
    if streamed {
        return Ok(ndjson::whole(lines(&page, &problems, complete, next)));
    }
    Ok(axum::Json(AuditAnswer { accounts: page, total, problems, next, complete }).into_response())
}

fn lines(page: &[Account], problems: &[PathProblem], complete: bool, next: Option<String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(page.len() * 512);
    for account in page {
        // Writing to a Vec cannot fail, and an account has a JSON form.
        let _ = serde_json::to_writer(&mut out, account);
        out.push(b'\n');
    }
    for problem in problems {
        Control::Problem { host: problem.host.as_deref(), path: &problem.path, reason: &problem.reason }
            .write(&mut out);
    }
    Control::End { complete, next, count: page.len() as u64 }.write(&mut out);
    out
}

/// The account of every source that anybody knows. The witnesses are asked from the source to the store, see
/// [`crate::audit`].
pub(crate) async fn accounts(app: &App) -> Result<Vec<Account>, Problem> {
    accounts_of(app, &app.reports()).await
}

/// The same, with what the agents have just said. Each source is looked for in the first store that its stream goes to.
pub(crate) async fn accounts_of(app: &App, reports: &[SourceReport]) -> Result<Vec<Account>, Problem> {
    let stores = &app.parts.stores;
    if stores.first().is_none_or(|first| first.leaves_out.is_empty()) {
        return accounts_by(app, reports, &*app.parts.store).await;
    }
    let mut all = Vec::new();
    for (n, store) in stores.iter().enumerate() {
        let mut more = accounts_in(app, reports, store).await?;
        more.retain(|account| stores[..n].iter().all(|earlier| earlier.leaves_out.contains(&account.stream)));
        all.extend(more);
    }
    Ok(all)
}

/// The accounts of one store. What does not go there is not missing there.
async fn accounts_in(app: &App, reports: &[SourceReport], store: &NamedStore) -> Result<Vec<Account>, Problem> {
    let mut accounts = accounts_by(app, reports, &*store.reader).await?;
    accounts.retain(|account| !store.leaves_out.contains(&account.stream));
    Ok(accounts)
}

async fn accounts_by(app: &App, reports: &[SourceReport], store: &dyn Reader) -> Result<Vec<Account>, Problem> {
    let reports: HashMap<_, _> = reports.iter().map(|report| (report.key, report)).collect();
    let mut keys: Vec<SourceKey> = reports.keys().copied().collect();
    if store.capabilities().coverage {
        let held = store.coverage(None).await?;
        keys.extend(held.into_iter().map(|c| c.key).filter(|key| !reports.contains_key(key)));
    }
    let views = match &app.parts.queue {
        Some(queue) => Some(ask_queue(&**queue, &keys).await?),
        None => None,
    };
    let mut coverage = HashMap::new();
    if store.capabilities().coverage {
        coverage.extend(store.coverage(None).await?.into_iter().map(|c| (c.key, c)));
    }
    // What came to the store only while we asked is whole from its side; the queue has it, or has had it.
    let asked: HashSet<_> = keys.iter().collect();
    let late: Vec<_> = coverage.keys().filter(|key| !asked.contains(key)).copied().collect();
    let one = |n: Option<usize>, key: SourceKey| {
        let view = views.as_ref().map(|held| QueueView {
            position: n.and_then(|n| held.positions.get(n).copied().flatten()),
            keeps_positions: held.keeps_positions,
            drained: held.drained,
        });
        balance(key, reports.get(&key).copied(), view, coverage.get(&key))
    };
    let known = keys.iter().enumerate().map(|(n, key)| one(Some(n), *key));
    Ok(known.chain(late.iter().map(|key| one(None, *key))).collect())
}

/// What the queue holds of all sources.
struct Held {
    positions: Vec<Option<Position>>,
    keeps_positions: bool,
    drained: bool,
}

async fn ask_queue(queue: &dyn Queue, keys: &[SourceKey]) -> Result<Held, QueueError> {
    let producer = queue.producer(LINES).await?;
    let positions = producer.positions(keys).await?;
    let drained = is_drained(&queue.stats(LINES).await?);
    Ok(Held { positions, keeps_positions: producer.keeps_positions(), drained })
}

/// Whether every group has committed all that the topic holds, and there is one.
pub(crate) fn is_drained(stats: &TopicStats) -> bool {
    let reads_all = |cursors: &model::Cursors| stats.partitions.iter().all(|(p, _, end, _)| cursors.get(*p) >= *end);
    !stats.groups.is_empty() && stats.groups.iter().all(|(_, cursors)| reads_all(cursors))
}

/// Which accounts are asked for.
pub(crate) struct Wanted {
    path: Option<Pattern>,
    stream: Option<Pattern>,
    host: Option<Pattern>,
    source: Option<(SourceId, Option<SourceKey>)>,
}

impl Wanted {
    pub(crate) fn read(params: &Params) -> Result<Self, Problem> {
        let pattern = |name| params.filled(name).map(|text| Pattern::new(name, text)).transpose();
        let source = params.filled("source").map(|text| match (text.parse::<SourceKey>(), text.parse::<SourceId>()) {
            (Ok(key), _) => Ok((key.source, Some(key))),
            (_, Ok(source)) => Ok((source, None)),
            (_, Err(wrong)) => Err(Problem::parameter("source", format!("source: {wrong}"))),
        });
        Ok(Self {
            path: pattern("path")?,
            stream: pattern("stream")?,
            host: pattern("host")?,
            source: source.transpose()?,
        })
    }

    pub(crate) fn account(&self, account: &Account) -> bool {
        let key = SourceKey::new(account.source, account.generation);
        let is = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|p| p.matches(text));
        is(&self.path, &account.path)
            && is(&self.stream, &account.stream)
            && is(&self.host, &account.host)
            && self.source.is_none_or(|(source, one)| source == key.source && one.is_none_or(|one| one == key))
    }

    fn trouble(&self, trouble: &crate::app::Trouble) -> bool {
        let own_host = trouble.host.as_deref().unwrap_or_default();
        self.stream.is_none()
            && self.source.is_none()
            && self.path.as_ref().is_none_or(|p| p.matches(&trouble.path))
            && self.host.as_ref().is_none_or(|p| p.matches(own_host))
    }
}

/// A text as it stands, a folder, or a glob.
struct Pattern {
    text: String,
    glob: Option<globset::GlobMatcher>,
}

impl Pattern {
    fn new(name: &'static str, text: &str) -> Result<Self, Problem> {
        let is_glob = text.contains(['*', '?', '[', '{']);
        let build = || globset::GlobBuilder::new(text).literal_separator(true).build();
        let glob = is_glob.then(build).transpose();
        let glob = glob.map_err(|wrong| Problem::parameter(name, format!("{name}={text}: {}", wrong.kind())))?;
        Ok(Self { text: text.to_owned(), glob: glob.map(|glob| glob.compile_matcher()) })
    }

    fn matches(&self, text: &str) -> bool {
        // A file whose very name looks like a glob is found by its name, too.
        text == self.text
            || match &self.glob {
                Some(glob) => glob.is_match(text),
                None => text.strip_prefix(self.text.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/')),
            }
    }
}

/// How long a probe of the parts may take.
pub(crate) const PROBE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_path_is_a_file_a_folder_or_a_glob() {
        for (pattern, path, is) in [
            ("/var/log/a.log", "/var/log/a.log", true),
            ("/var/log/a.log", "/var/log/a.log.1", false),
            ("/var/log", "/var/log/x/a.log", true),
            ("/var/log/", "/var/log/a.log", true),
            ("/var/lo", "/var/log/a.log", false),
            ("/var/log/*.log", "/var/log/a.log", true),
            ("/var/log/*.log", "/var/log/x/a.log", false),
            ("/var/**/*.log", "/var/log/x/a.log", true),
            ("/var/log/a[1].log", "/var/log/a[1].log", true),
            ("-", "-", true),
        ] {
            assert_eq!(Pattern::new("path", pattern).expect("right").matches(path), is, "{pattern} {path}");
        }
        let problem = Pattern::new("path", "/var/[a").err().expect("is wrong");
        assert!(problem.detail.starts_with("path=/var/[a: "), "{}", problem.detail);
    }

    #[test]
    fn a_queue_is_drained_when_every_group_has_read_all() {
        use model::{Cursors, Partition, QueueId};
        let at = |offset| Cursors { queue: QueueId(1), next: BTreeMap::from([(Partition(0), offset)]) };
        let stats = |groups: &[u64]| TopicStats {
            partitions: vec![(Partition(0), 2, 7, 100)],
            groups: groups.iter().map(|n| (n.to_string(), at(*n))).collect(),
            ..TopicStats::default()
        };
        for (groups, is) in [(&[][..], false), (&[6], false), (&[7], true), (&[7, 3], false)] {
            assert_eq!(is_drained(&stats(groups)), is, "{groups:?}");
        }
    }
}
