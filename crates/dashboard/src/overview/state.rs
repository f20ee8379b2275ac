//! What the worker remembers from look to look, and the overview that it makes of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{HumanDuration, Timestamp};
use model::{SourceKey, SourceReport};
use runtime::WorkerState;

use super::STEP;
use super::attention::{ATTENTION_MAX, Sign, is_late, is_short, unparsed_percent};
use super::figures::{Room, Track, completeness};
use super::files::{Files, behind};
use super::sample::{Engines, Sample};
use super::shown::{Attention, Completeness, History, Lag, Overview, Rates, Store};
use crate::app::App;
use crate::audit::Account;
use crate::changes::Change;
use crate::routes::accounts_of;

/// Adding up the account may take one part in so many of the time: where something moves, and where nothing does.
const ACCOUNT_PACE: (u32, u32) = (50, 500);
/// What is on its way and has not moved for so many accounts is stuck.
const STUCK_AFTER: u32 = 5;
/// It is added up again after so long even where nothing seems to have changed.
const ACCOUNT_AGE: Duration = Duration::from_secs(30);
/// Witnesses that take longer have not answered.
const ACCOUNT_WAIT: Duration = Duration::from_secs(30);
/// Points of the history.
const HISTORY: usize = 120;
/// Points by which the growth of the store is judged: a day of minutes.
const GROWTH: usize = 24 * 60;
const GROWTH_STEP: Duration = Duration::from_secs(60);
/// Shares of lines that do not parse are of so long.
const PARSE_STEP: Duration = Duration::from_secs(600);
/// Changes in the overview.
const CHANGES_SHOWN: usize = 20;
/// What is free on a disk is told this exactly: it changes all the time.
const FREE_STEP: u64 = 64 << 20;
/// More dead letters are told so often.
const LETTERS_TOLD: Duration = Duration::from_secs(60);

/// How far sources were behind, by source; only those that were.
pub(crate) type Lags = HashMap<SourceKey, Vec<u64>>;

/// Everything from look to look.
pub(crate) struct State {
    begun: Instant,
    engines: Engines,
    files: Files,
    account: LastAccount,
    records: Track,
    bytes: Track,
    growth: Track,
    growth_due: Duration,
    history: VecDeque<(f64, f64, u64)>,
    parsed: Parsed,
    /// When each thing was seen first, by kind and subject.
    first_seen: BTreeMap<(&'static str, String), Timestamp>,
    before: Option<Before>,
    letters_told: Option<Duration>,
    shown: Option<Arc<Overview>>,
    lags: Arc<Lags>,
}

/// The account as it was added up last.
#[derive(Default)]
struct LastAccount {
    pulse: u64,
    at: Duration,
    /// How long it took.
    took: Duration,
    /// How often it was the same as before.
    same: u32,
    known: Option<Completeness>,
    reports: Vec<SourceReport>,
    size: u64,
    /// Files of which something was lost.
    gap_files: u64,
    /// How far what was seen of all files came, over time.
    sizes: Track,
    lag: Lag,
}

/// What was counted of each stream a while ago.
#[derive(Default)]
struct Parsed {
    due: Duration,
    counts: BTreeMap<Arc<str>, (u64, u64)>,
    signs: Vec<Sign>,
}

/// What a change is told against.
struct Before {
    store_paused: Option<String>,
    queue_paused: Option<String>,
    dead_letters: u64,
    restarts: BTreeMap<String, u64>,
    silent_agents: Vec<String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            engines: Engines::default(),
            files: Files::default(),
            account: LastAccount::default(),
            records: Track::default(),
            bytes: Track::default(),
            growth: Track::default(),
            growth_due: Duration::ZERO,
            history: VecDeque::new(),
            parsed: Parsed::default(),
            first_seen: BTreeMap::new(),
            before: None,
            letters_told: None,
            shown: None,
            lags: Arc::default(),
        }
    }
}

impl State {
    /// Looks at everything; the overview, where it is another one than before.
    pub(crate) async fn look(&mut self, app: &App) -> Option<Arc<Overview>> {
        let tick = self.begun.elapsed();
        let sample = self.engines.sample(app, tick).await;
        self.account(app, &sample, tick).await;
        self.note_rates(&sample, tick);
        self.note_changes(app, &sample, tick);
        let mut overview = self.overview(app, &sample);
        if let Some(shown) = &self.shown {
            let at = std::mem::replace(&mut overview.at, shown.at);
            if **shown == overview {
                return None;
            }
            overview.at = at;
        }
        let overview = Arc::new(overview);
        self.shown = Some(Arc::clone(&overview));
        Some(overview)
    }

    /// How far sources were behind.
    pub(crate) fn lags(&self) -> Arc<Lags> {
        Arc::clone(&self.lags)
    }

    /// Adds up the account of all files, if it may be another one, and it is not too soon.
    async fn account(&mut self, app: &App, sample: &Sample, tick: Duration) {
        // Where the store does not answer, what was known before stands.
        if sample.store.is_err() {
            return;
        }
        let last = &self.account;
        let moves = last.pulse != sample.pulse || (last.lag.bytes > 0 && last.same < STUCK_AFTER);
        if last.known.is_some() && !is_due(tick.saturating_sub(last.at), last.took, moves) {
            // What waits gets older.
            if self.account.lag.bytes > 0 {
                self.account.note_lag(tick);
            }
            return;
        }
        let begun = Instant::now();
        let reports = app.reports();
        let accounts = tokio::time::timeout(ACCOUNT_WAIT, accounts_of(app, &reports)).await;
        // The witnesses could not all be asked: what was known before stands.
        let Ok(Ok(accounts)) = accounts else {
            (self.account.at, self.account.took) = (tick, begun.elapsed());
            return;
        };
        for change in self.files.look(&reports) {
            app.changes.note(sample.at, change);
        }
        self.files.note_lag(&accounts, tick);
        self.lags = Arc::new(self.files.lags());
        let last = &mut self.account;
        let mut sums = completeness(&accounts);
        // The same sums are not other sums because they were added up again.
        sums.at = last.known.as_ref().and_then(|known| known.at);
        last.same = last.same.saturating_add(1);
        if last.known.as_ref() != Some(&sums) {
            sums.at = Some(sample.at);
            last.same = 0;
        }
        last.sizes.push(tick, accounts.iter().map(|account| account.size).sum(), HISTORY);
        last.lag.bytes = accounts.iter().map(behind).sum();
        last.size = sums.size;
        last.known = Some(sums);
        last.gap_files = accounts.iter().filter(|account| has_lost(account)).count() as u64;
        last.reports = reports;
        (last.pulse, last.at) = (sample.pulse, tick);
        last.took = begun.elapsed();
        last.note_lag(tick);
    }

    fn note_rates(&mut self, sample: &Sample, tick: Duration) {
        let (records, bytes) = sample.flow();
        self.records.push(tick, records, HISTORY);
        self.bytes.push(tick, bytes, HISTORY);
        if tick >= self.growth_due {
            self.growth_due = tick + GROWTH_STEP;
            self.growth.push(tick, bytes, GROWTH);
        }
        let disk = sample.store.as_ref().map_or(0, |store| store.disk_bytes);
        if self.history.is_empty() {
            // As long as it ever is: a history that grows would be another one at each look.
            self.history.resize(HISTORY, (0.0, 0.0, disk));
        }
        self.history.push_back((rounded(self.records.step_rate()), rounded(self.account.lag.seconds), disk));
        while self.history.len() > HISTORY {
            self.history.pop_front();
        }
        if tick >= self.parsed.due {
            self.parsed.due = tick + PARSE_STEP;
            self.parsed.counts = sample.brought.iter().flatten().map(counts_of).collect();
        }
        let counts = &self.parsed.counts;
        let newest = sample.brought.iter().flatten().filter_map(|stream| {
            let (records, unparsed) = counts.get(&stream.stream).copied().unwrap_or_default();
            let percent =
                unparsed_percent(stream.records.saturating_sub(records), stream.unparsed.saturating_sub(unparsed))?;
            Some(Sign::Unparsed { stream: stream.stream.to_string(), percent })
        });
        let newest: Vec<_> = newest.collect();
        // Just after the count began anew there is too little to judge by: what was known stands.
        if !newest.is_empty() || tick + PARSE_STEP / 2 > self.parsed.due {
            self.parsed.signs = newest;
        }
    }

    fn note_changes(&mut self, app: &App, sample: &Sample, tick: Duration) {
        let now = Before::of(sample);
        if let Some(before) = &self.before {
            let tell = self.letters_told.is_none_or(|told| tick >= told + LETTERS_TOLD);
            for change in before.compared(&now) {
                app.changes.note(sample.at, change);
            }
            if now.dead_letters > before.dead_letters && tell {
                self.letters_told = Some(tick);
                let text = "records were refused by a store for good";
                let counts = (Some(before.dead_letters.to_string()), Some(now.dead_letters.to_string()));
                app.changes.note(sample.at, Change::new("dead_letter", "", text).between(counts.0, counts.1));
            }
        }
        let told = self.before.as_ref().map(|before| before.dead_letters);
        let is_told = self.letters_told == Some(tick);
        // What was not told yet is told together with what comes.
        let dead_letters = match told {
            Some(told) if now.dead_letters > told && !is_told => told,
            _ => now.dead_letters,
        };
        self.before = Some(Before { dead_letters, ..now });
    }

    fn overview(&mut self, app: &App, sample: &Sample) -> Overview {
        let store = self.store(app, sample);
        let lag = self.account.lag.clone();
        let signs = self.signs(app, sample, &store, &lag);
        let problems = signs.problems;
        let attention = self.attention(signs.all, sample.at);
        let round = |rate: f64| rounded(rate);
        Overview {
            at: sample.at,
            completeness: self.account.known.clone().unwrap_or_else(|| completeness(&[])),
            rates: Rates { lines_per_second: round(self.records.rate()), bytes_per_second: self.bytes.rate().round() },
            lag,
            first_run: sample.store.as_ref().is_ok_and(|store| store.records == 0) && sample.flow().0 == 0,
            starting: self.account.known.is_none() && sample.store.is_err(),
            store,
            queue: sample.queue.clone(),
            agents: sample.agents(),
            history: History {
                step_seconds: STEP.as_secs(),
                lines_per_second: self.history.iter().map(|point| point.0).collect(),
                lag_seconds: self.history.iter().map(|point| point.1).collect(),
                disk_bytes: self.history.iter().map(|point| point.2).collect(),
            },
            attention,
            changes: app.changes.newest(CHANGES_SHOWN),
            problems,
            workers: sample.workers(),
        }
    }

    fn store(&self, app: &App, sample: &Sample) -> Store {
        let stats = match &sample.store {
            Ok(stats) => stats,
            Err(reason) => return Store { unreachable: Some(reason.clone()), ..Store::default() },
        };
        let setting = |key: &str| setting(&app.parts.config, key);
        let retention_age = setting("store.retention_age").and_then(|text| text.parse::<HumanDuration>().ok());
        let room = Room {
            disk_bytes: stats.disk_bytes,
            line_bytes: stats.line_bytes,
            free_bytes: stats.free_bytes,
            per_day: self.growth.per_day(),
            retention_bytes: setting("store.retention_bytes")
                .and_then(|text| text.parse::<base::ByteSize>().ok())
                .map(|size| size.0),
            retention_days: retention_age.map(|age| age.0.as_secs_f64() / 86_400.0),
        };
        Store {
            records: stats.records,
            disk_bytes: stats.disk_bytes,
            line_bytes: stats.line_bytes,
            days_left: room.days_left(),
            free_bytes: stats.free_bytes.map(|free| free / FREE_STEP * FREE_STEP),
            oldest: stats.oldest,
            newest: stats.newest,
            paused: stats.paused.clone(),
            unreachable: None,
        }
    }

    fn signs(&self, app: &App, sample: &Sample, store: &Store, lag: &Lag) -> Signs {
        let mut all = self.files.signs(&self.account.reports, sample.at);
        all.extend(self.parsed.signs.iter().cloned());
        let troubles = app.troubles();
        let paused = store.paused.iter().chain(sample.queue.iter().filter_map(|queue| queue.paused.as_ref())).count();
        let problems = (troubles.len() + paused) as u64;
        let known: std::collections::HashSet<String> = all.iter().map(Sign::subject).collect();
        let other = troubles.into_iter().filter(|trouble| !known.contains(&trouble.path)).take(ATTENTION_MAX);
        all.extend(other.map(|t| Sign::Trouble { host: t.host, subject: t.path, reason: t.reason }));
        all.extend(sample.silent_agents().map(|(host, at)| Sign::AgentSilent { host: host.clone(), since: *at }));
        if let Some(sums) = &self.account.known {
            let missed = sums.missed - sums.before_start;
            all.extend((missed > 0).then_some(Sign::Missed { bytes: missed }));
            all.extend((sums.gaps > 0).then_some(Sign::Gaps { bytes: sums.gaps, files: self.account.gap_files }));
        }
        if let Some(queue) = &sample.queue {
            let count = queue.dead_letters;
            all.extend((count > 0).then_some(Sign::DeadLetters { count }));
            all.extend(queue.paused.clone().map(|reason| Sign::QueuePaused { reason }));
        }
        all.extend(store.days_left.filter(|days| is_short(*days)).map(|days| Sign::DaysLeft { days }));
        all.extend(store.paused.clone().map(|reason| Sign::StorePaused { reason }));
        all.extend(store.unreachable.clone().map(|reason| Sign::StoreAway { reason }));
        let waiting = sample.workers.iter().filter(|worker| worker.state == WorkerState::Waiting);
        all.extend(waiting.map(|worker| Sign::WorkerWaiting {
            name: worker.name.clone(),
            reason: worker.last_error.clone().unwrap_or_default(),
        }));
        all.extend(is_late(lag.seconds).then_some(Sign::Lag { seconds: lag.seconds }));
        Signs { all, problems }
    }

    /// Errors first, then what is seen for longest.
    fn attention(&mut self, signs: Vec<Sign>, now: Timestamp) -> Vec<Attention> {
        let mut seen = BTreeMap::new();
        let mut attention = Vec::with_capacity(signs.len());
        for sign in signs {
            let key = (sign.kind(), sign.subject());
            let first = *self.first_seen.get(&key).unwrap_or(&now);
            attention.push(sign.shown(first));
            seen.insert(key, first);
        }
        self.first_seen = seen;
        attention.sort_by(|a, b| (a.severity, a.since, a.kind).cmp(&(b.severity, b.since, b.kind)));
        attention.truncate(ATTENTION_MAX);
        attention
    }
}

struct Signs {
    all: Vec<Sign>,
    problems: u64,
}

impl LastAccount {
    fn note_lag(&mut self, tick: Duration) {
        let found = self.size.saturating_sub(self.lag.bytes);
        self.lag.seconds = rounded(if self.lag.bytes == 0 { 0.0 } else { self.sizes.older_than(found, tick) });
    }
}

/// Whether the account is to be added up again, so long after it was and took so long.
fn is_due(since: Duration, took: Duration, moves: bool) -> bool {
    match moves {
        true => since >= took * ACCOUNT_PACE.0,
        false => since >= ACCOUNT_AGE && since >= took * ACCOUNT_PACE.1,
    }
}

fn has_lost(account: &Account) -> bool {
    account.gaps.iter().map(|(start, end)| end - start).sum::<u64>() > account.unread
}

fn counts_of(stream: &crate::parts::Brought) -> (Arc<str>, (u64, u64)) {
    (stream.stream.clone(), (stream.records, stream.unparsed))
}

/// To a tenth: what is smaller is no news.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// A setting as it is shown.
fn setting<'a>(config: &'a serde_json::Value, key: &str) -> Option<&'a str> {
    let all = config.as_array()?;
    all.iter().find(|item| item["key"] == key)?["value"].as_str()
}

impl Before {
    fn of(sample: &Sample) -> Self {
        let queue = sample.queue.as_ref();
        Self {
            store_paused: sample.store.as_ref().ok().and_then(|store| store.paused.clone()),
            queue_paused: queue.and_then(|queue| queue.paused.clone()),
            dead_letters: queue.map_or(0, |queue| queue.dead_letters),
            restarts: sample.workers.iter().map(|worker| (worker.name.clone(), worker.restarts)).collect(),
            silent_agents: sample.silent_agents().map(|(host, _)| host.clone()).collect(),
        }
    }

    /// What is otherwise now, but for dead letters.
    fn compared(&self, now: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, was, is) in
            [("store", &self.store_paused, &now.store_paused), ("queue", &self.queue_paused, &now.queue_paused)]
        {
            match (was, is) {
                (None, Some(why)) => changes.push(Change::new(name, name, format!("the {name} takes nothing: {why}"))),
                (Some(_), None) => changes.push(Change::new(name, name, format!("the {name} goes on"))),
                _ => {}
            }
        }
        for (worker, restarts) in &now.restarts {
            let was = self.restarts.get(worker).copied().unwrap_or(0);
            if *restarts > was {
                let change = Change::new("worker", worker, "failed and was started again");
                changes.push(change.between(Some(was.to_string()), Some(restarts.to_string())));
            }
        }
        let silent = |host: &&String, before: &Self| before.silent_agents.contains(*host);
        for host in now.silent_agents.iter().filter(|host| !silent(host, self)) {
            changes.push(Change::new("agent", host, "its agent does not report any more"));
        }
        for host in self.silent_agents.iter().filter(|host| !silent(host, now)) {
            changes.push(Change::new("agent", host, "its agent reports again"));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_added_up_as_often_as_it_is_cheap() {
        let table = [
            // Few files: at each look while anything moves, seldom where nothing does.
            (2.0, 0.005, true, true),
            (2.0, 0.005, false, false),
            (30.0, 0.005, false, true),
            // Many: two hundredths of the time, or two thousandths.
            (2.0, 0.1, true, false),
            (5.0, 0.1, true, true),
            (30.0, 0.1, false, false),
            (50.0, 0.1, false, true),
        ];
        for (since, took, moves, due) in table {
            let (since, took) = (Duration::from_secs_f64(since), Duration::from_secs_f64(took));
            assert_eq!(is_due(since, took, moves), due, "{since:?} after one of {took:?}, moves: {moves}");
        }
    }

    fn before() -> Before {
        Before {
            store_paused: None,
            queue_paused: None,
            dead_letters: 0,
            restarts: [("agent".to_owned(), 1)].into(),
            silent_agents: vec![],
        }
    }

    #[test]
    fn what_is_otherwise_is_told_once() {
        let told = |before: &Before, now: &Before| -> Vec<String> {
            before.compared(now).into_iter().map(|c| format!("{} {}: {}", c.kind, c.subject, c.text)).collect()
        };
        let well = before();
        let bad = Before {
            store_paused: Some("the disk is full".to_owned()),
            queue_paused: Some("too".to_owned()),
            restarts: [("agent".to_owned(), 3), ("new".to_owned(), 0)].into(),
            silent_agents: vec!["far".to_owned()],
            ..before()
        };
        assert_eq!(told(&well, &well), Vec::<String>::new());
        assert_eq!(
            told(&well, &bad),
            [
                "store store: the store takes nothing: the disk is full",
                "queue queue: the queue takes nothing: too",
                "worker agent: failed and was started again",
                "agent far: its agent does not report any more",
            ]
        );
        let again =
            ["store store: the store goes on", "queue queue: the queue goes on", "agent far: its agent reports again"];
        assert_eq!(told(&bad, &well), again);
    }

    #[test]
    fn settings_are_found_by_their_key() {
        let config = serde_json::json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }]);
        assert_eq!((setting(&config, "b"), setting(&config, "c")), (Some("2"), None));
        assert_eq!(setting(&serde_json::json!({}), "a"), None);
    }
}
