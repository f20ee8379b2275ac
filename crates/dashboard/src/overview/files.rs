//! What becomes of each file from look to look: whether it fell silent, how far behind it is, and what happened to it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use base::Timestamp;
use model::{FileState, SourceKey, SourceReport};

use super::attention::Sign;
use crate::audit::Account;
use crate::changes::Change;

/// So many sources are watched; of more, nothing is told but the account.
const WATCHED_MAX: usize = 20_000;
/// How many points of a file's lag are kept, and how far they are apart.
const LAG_POINTS: usize = 60;
pub(crate) const LAG_STEP: Duration = Duration::from_secs(10);
/// Only who has grown so often can fall silent.
const GROWN_MIN: u32 = 10;
/// Silence is at least so long, and so many times the longest pause before.
const SILENT_MIN: Duration = Duration::from_secs(120);
const SILENT_TIMES: u32 = 5;
/// After so long, nobody waits for it any more.
const SILENT_MAX: Duration = Duration::from_secs(24 * 3600);
/// So many files that came or went together are told one by one.
const TOLD_MAX: usize = 5;

/// What is remembered of one source.
#[derive(Clone, Debug, Default)]
struct Watched {
    size: u64,
    changed_at: Timestamp,
    grown: u32,
    /// The longest time between two growths.
    pause_max: Duration,
    trouble: bool,
    gone: bool,
    /// Bytes behind, the newest last.
    behind: VecDeque<u64>,
}

/// All that is remembered.
#[derive(Default)]
pub(crate) struct Files {
    watched: HashMap<SourceKey, Watched>,
    streams: BTreeSet<String>,
    /// What was there before this process looked is no news.
    begun: bool,
    lag_step_at: Option<Duration>,
}

impl Files {
    /// Takes note of what agents say now, and tells what happened since they were asked before.
    pub(crate) fn look(&mut self, reports: &[SourceReport]) -> Vec<Change> {
        let mut events = Events::default();
        let homes: HashSet<&str> = match self.begun {
            true => reports.iter().filter(|r| self.watched.contains_key(&r.key)).map(|r| &*r.file.home).collect(),
            false => HashSet::new(),
        };
        let alive: HashSet<&str> = reports
            .iter()
            .filter(|report| !matches!(report.state, FileState::Finished))
            .map(|report| &*report.file.home)
            .collect();
        for report in reports {
            if !self.streams.contains(&*report.stream) {
                self.streams.insert(report.stream.to_string());
                if self.begun {
                    events.streams.push(report.stream.to_string());
                }
            }
            let is_full = self.watched.len() >= WATCHED_MAX;
            match self.watched.get_mut(&report.key) {
                Some(watched) => watched.see(report, alive.contains(&*report.file.home), &mut events),
                None if !is_full => {
                    let home_is_known = !report.file.home.is_empty() && homes.contains(&*report.file.home);
                    if self.begun {
                        events.appeared(report, home_is_known);
                    }
                    self.watched.insert(report.key, Watched::of(report));
                }
                None => {}
            }
        }
        if self.watched.len() > reports.len() {
            let known: HashSet<_> = reports.iter().map(|report| report.key).collect();
            self.watched.retain(|key, _| known.contains(key));
        }
        self.begun = true;
        events.told()
    }

    /// Notes how far each source is behind, now and then.
    pub(crate) fn note_lag(&mut self, accounts: &[Account], tick: Duration) {
        if self.lag_step_at.is_some_and(|at| tick < at) {
            return;
        }
        self.lag_step_at = Some(tick + LAG_STEP);
        for account in accounts {
            let Some(watched) = self.watched.get_mut(&SourceKey::new(account.source, account.generation)) else {
                continue;
            };
            let behind = behind(account);
            // What has never been behind needs no memory.
            if behind == 0 && watched.behind.iter().all(|bytes| *bytes == 0) {
                watched.behind = VecDeque::new();
                continue;
            }
            watched.behind.push_back(behind);
            while watched.behind.len() > LAG_POINTS {
                watched.behind.pop_front();
            }
        }
    }

    /// How far sources were behind, oldest first, a point each ten seconds; only those that were.
    pub(crate) fn lags(&self) -> HashMap<SourceKey, Vec<u64>> {
        let behind = self.watched.iter().filter(|(_, watched)| !watched.behind.is_empty());
        behind.map(|(key, watched)| (*key, watched.behind.iter().copied().collect())).collect()
    }

    /// What is to be said of files now.
    pub(crate) fn signs(&self, reports: &[SourceReport], now: Timestamp) -> Vec<Sign> {
        let mut signs = Vec::new();
        for report in reports {
            let path = || report.path.to_string();
            match &report.state {
                FileState::Unreadable(reason) => {
                    signs.push(Sign::Unreadable { path: path(), reason: reason.clone() });
                }
                FileState::Quarantined(reason) => {
                    signs.push(Sign::Quarantined { path: path(), reason: reason.clone() });
                }
                // Nobody expects a file to grow that was moved away from where it was followed.
                FileState::Following if report.file.home.is_empty() || report.path == report.file.home => {
                    let usual = self.watched.get(&report.key).and_then(|watched| watched.silent_beyond(now));
                    if let Some(usual) = usual {
                        let usual_seconds = usual.as_secs().max(1);
                        signs.push(Sign::Silent { path: path(), since: report.changed_at, usual_seconds });
                    }
                }
                FileState::Following | FileState::Draining | FileState::Finished => {}
            }
        }
        signs
    }
}

/// Bytes of a source that are there and cannot be found yet.
pub(crate) fn behind(account: &Account) -> u64 {
    account.unread + account.in_flight
}

impl Watched {
    fn of(report: &SourceReport) -> Self {
        Self {
            size: report.size,
            changed_at: report.changed_at,
            trouble: is_trouble(&report.state),
            gone: report.state == FileState::Finished,
            ..Self::default()
        }
    }

    fn see(&mut self, report: &SourceReport, home_lives: bool, events: &mut Events) {
        if report.size > self.size {
            if self.grown > 0 {
                self.pause_max = self.pause_max.max(report.changed_at.since(self.changed_at));
            }
            self.grown = self.grown.saturating_add(1);
            self.size = report.size;
            self.changed_at = report.changed_at;
        }
        let trouble = is_trouble(&report.state);
        if trouble != self.trouble {
            self.trouble = trouble;
            events.trouble(report);
        }
        let gone = report.state == FileState::Finished;
        if gone && !self.gone && !home_lives {
            events.gone.push(report.path.to_string());
        }
        self.gone = gone;
    }

    /// The longest pause before, if this one is far beyond it.
    fn silent_beyond(&self, now: Timestamp) -> Option<Duration> {
        let silence = now.since(self.changed_at);
        let limit = SILENT_MIN.max(self.pause_max.saturating_mul(SILENT_TIMES));
        (self.grown >= GROWN_MIN && silence > limit && silence < SILENT_MAX).then_some(self.pause_max)
    }
}

fn is_trouble(state: &FileState) -> bool {
    matches!(state, FileState::Unreadable(_) | FileState::Quarantined(_))
}

/// What happened between two looks.
#[derive(Default)]
struct Events {
    appeared: Vec<String>,
    gone: Vec<String>,
    streams: Vec<String>,
    others: Vec<Change>,
}

impl Events {
    fn appeared(&mut self, report: &SourceReport, home_is_known: bool) {
        let path = report.path.to_string();
        if report.key.generation.0 > 0 {
            let text =
                format!("the file was truncated; its content begins anew as generation {}", report.key.generation);
            self.others.push(Change::new("source", path, text));
        } else if home_is_known && report.file.rotations > 0 {
            let text = format!("rotated: another file stands there now, number {}", report.file.rotations + 1);
            self.others.push(Change::new("source", &*report.file.home, text));
        } else if report.state != FileState::Finished {
            self.appeared.push(path);
        }
    }

    fn trouble(&mut self, report: &SourceReport) {
        let text = match &report.state {
            FileState::Unreadable(reason) => format!("cannot be read: {reason}"),
            FileState::Quarantined(reason) => format!("put aside, as handling it failed: {reason}"),
            _ => "is read again".to_owned(),
        };
        self.others.push(Change::new("source", &*report.path, text));
    }

    fn told(mut self) -> Vec<Change> {
        let mut told = several("source", &self.appeared, ["is followed from now on", "files are followed from now on"]);
        told.extend(several("source", &self.gone, ["is gone", "files are gone"]));
        let new = ["a stream that was not there before", "streams that were not there before"];
        told.extend(several("stream", &self.streams, new));
        let more = self.others.len().saturating_sub(4 * TOLD_MAX);
        self.others.truncate(4 * TOLD_MAX);
        told.append(&mut self.others);
        if more > 0 {
            told.push(Change::new("source", "", format!("{more} more files changed")));
        }
        told
    }
}

/// One by one where they are few, and together where they are many.
fn several(kind: &str, names: &[String], [one, many]: [&str; 2]) -> Vec<Change> {
    if names.len() <= TOLD_MAX {
        return names.iter().map(|name| Change::new(kind, name.clone(), one)).collect();
    }
    let text = format!("{} {many}, among them {}", names.len(), names[0]);
    vec![Change::new(kind, "", text)]
}

#[cfg(test)]
mod tests {
    use model::{FileFacts, Generation, SourceId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
    }

    fn report(source: u128, path: &str, size: u64, seconds: i64) -> SourceReport {
        SourceReport {
            key: SourceKey::new(SourceId(source), Generation(0)),
            host: "h".into(),
            stream: "web".into(),
            path: path.into(),
            size,
            read: size,
            queued: size,
            missed: Vec::new(),
            state: FileState::Following,
            changed_at: at(seconds),
            file: FileFacts { home: path.into(), inode: 1, rotations: 0 },
        }
    }

    fn told(changes: Vec<Change>) -> Vec<String> {
        changes.into_iter().map(|change| format!("{}: {}", change.subject, change.text)).collect()
    }

    #[test]
    fn a_file_that_grew_steadily_and_stopped_is_silent() {
        let mut files = Files::default();
        // Once in ten seconds, twelve times; and one that never grew.
        for n in 0..=12 {
            files.look(&[report(1, "/a", n as u64, n * 10), report(2, "/b", 5, 0)]);
        }
        let last = [report(1, "/a", 12, 120), report(2, "/b", 5, 0)];
        for (now, silent) in [(121, false), (239, false), (241, true), (3600, true), (90_000, false)] {
            let signs = files.signs(&last, at(now));
            let want = Sign::Silent { path: "/a".to_owned(), since: at(120), usual_seconds: 10 };
            assert_eq!(signs, if silent { vec![want] } else { vec![] }, "at {now}");
        }
        // Where it was rotated, it need not grow any more.
        let mut rotated = report(1, "/a.1", 12, 120);
        rotated.file.home = "/a".into();
        assert_eq!(files.signs(&[rotated], at(3600)), []);
    }

    #[test]
    fn what_was_there_is_no_news_and_what_comes_is() {
        let mut files = Files::default();
        assert_eq!(told(files.look(&[report(1, "/a", 1, 0)])), Vec::<String>::new());
        let mut other = report(2, "/b", 1, 0);
        other.stream = "db".into();
        let look = told(files.look(&[report(1, "/a", 1, 0), other.clone()]));
        assert_eq!(look, ["/b: is followed from now on", "db: a stream that was not there before"]);
        // Rotated: /a is /a.1 now, and a new file stands at /a.
        let mut old = report(1, "/a.1", 1, 0);
        old.file.home = "/a".into();
        old.state = FileState::Draining;
        let mut new = report(3, "/a", 1, 5);
        new.file.rotations = 1;
        let look = told(files.look(&[old.clone(), new.clone(), other.clone()]));
        assert_eq!(look, ["/a: rotated: another file stands there now, number 2"]);
        // The old one is read to its end: no news. The other is deleted: that is.
        old.state = FileState::Finished;
        other.state = FileState::Finished;
        assert_eq!(told(files.look(&[old, new.clone(), other])), ["/b: is gone"]);
        let mut again = new.clone();
        (again.key.generation, again.size) = (Generation(1), 0);
        let look = told(files.look(&[new, again]));
        assert_eq!(look, ["/a: the file was truncated; its content begins anew as generation 1"]);
    }

    #[test]
    fn trouble_is_told_when_it_comes_and_when_it_goes() {
        let mut files = Files::default();
        let well = report(1, "/a", 1, 0);
        let bad = SourceReport { state: FileState::Quarantined("it panicked".to_owned()), ..well.clone() };
        files.look(std::slice::from_ref(&well));
        assert_eq!(told(files.look(std::slice::from_ref(&bad))), ["/a: put aside, as handling it failed: it panicked"]);
        assert_eq!(files.look(std::slice::from_ref(&bad)), []);
        let sign = Sign::Quarantined { path: "/a".to_owned(), reason: "it panicked".to_owned() };
        assert_eq!(files.signs(&[bad], at(0)), [sign]);
        assert_eq!(told(files.look(&[well])), ["/a: is read again"]);
    }

    #[test]
    fn many_are_told_together() {
        let mut files = Files::default();
        files.look(&[]);
        let many: Vec<_> = (0..300).map(|n| report(n, &format!("/{n}"), 1, 0)).collect();
        let look = told(files.look(&many));
        assert_eq!(look[0], ": 300 files are followed from now on, among them /0");
    }
}
