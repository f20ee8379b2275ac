//! A rule at work: poll → parse → measure → write what is over → note → commit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Explain, Timestamp};
use config::{Start, TransferConfig};
use model::{Cursors, Partition};
use queue::{Delivery, LINES, Queue};
use runtime::Shutdown;
use store::metrics::PointWriter;
use tokio::sync::watch;
use tracing::{info, warn};

use super::windows::{Counts, Note, Windows};
use super::{Rule, note};
use crate::TransferError;
use crate::pipeline::{Outcome, Parsers, empty, parse_all};
use crate::problems::{Patience, Problems};
use crate::reading::{Plan, Reading};
use crate::revisions::Revisions;
use crate::status::RuleFigures;

/// A partition that has been read to its end and is silent for so long no longer keeps windows open.
pub const SILENT: Duration = Duration::from_secs(30);
/// How often points are written, at most.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// How often it is noted how far was read, at most.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// Points given to the store at a time.
const POINTS_MAX: usize = 5000;

const TAKES_NOTHING: &str = "waits for the metrics store";
const REFUSED: &str = "has points that the metrics store refuses";
const NOT_ALL: &str = "makes no points";
const FAILS: &str = "fails";

/// What makes the points of one rule.
pub struct RulePipeline {
    pub rule: Arc<Rule>,
    pub config: TransferConfig,
    pub queue: Arc<dyn Queue>,
    pub points: Arc<dyn PointWriter>,
    pub revisions: Arc<Revisions>,
    /// Where it notes how far it is.
    pub note: Option<PathBuf>,
    pub clock: Arc<dyn Clock>,
    pub figures: RuleFigures,
    pub problems: Problems,
}

/// What is held while the partitions stay the same.
struct Work {
    windows: Windows,
    owned: Vec<Partition>,
    noted: Option<Note>,
    /// When something of the rule's streams was last met in a partition.
    met_at: BTreeMap<Partition, Timestamp>,
    /// When what was last polled of a partition had been read from its file.
    read_at: BTreeMap<Partition, Timestamp>,
    settled_at: Timestamp,
    noted_at: Timestamp,
}

impl RulePipeline {
    /// The consumer group.
    pub fn group(&self) -> String {
        format!("{}-rule-{}", self.config.group, self.rule.name)
    }

    pub async fn run(self: Arc<Self>, shutdown: &Shutdown) -> Result<(), TransferError> {
        let who = format!("metric {}", self.rule.name);
        let patience = Patience { who: who.into(), problems: self.problems.clone(), shutdown: shutdown.clone() };
        let ended = self.run_patiently(&patience).await;
        match &ended {
            Ok(()) => self.problems.clear(&patience.who, FAILS),
            Err(error) => self.problems.note(&patience.who, FAILS, &error.chain()),
        }
        ended
    }

    async fn run_patiently(self: &Arc<Self>, patience: &Patience) -> Result<(), TransferError> {
        let Some((mut noted, start)) = self.recall(patience).await? else { return Ok(()) };
        let (from, held) = watch::channel(start);
        let plan = Plan {
            topic: LINES,
            group: self.group(),
            start: Start::Beginning,
            held: Some(held),
            poll_bytes: self.config.poll_bytes.as_usize(),
        };
        let Some(mut reading) = Reading::join(&self.queue, plan, patience.clone()).await? else { return Ok(()) };
        let (mut owned, mut work): (Vec<Partition>, Option<Work>) = (Vec::new(), None);
        let parsers: Arc<Parsers> = Arc::default();
        while !patience.shutdown.is_called() {
            let deliveries = reading.poll().await?;
            self.figures.unreadable(std::mem::take(&mut reading.unreadable));
            if !reading.owned().iter().eq(&owned) {
                // Whose partitions change begins again from what was noted, so that nothing counts twice.
                owned = reading.owned().iter().copied().collect();
                noted = work.take().and_then(|work| work.noted).or(noted);
                let start = from.borrow().clone();
                work = self.begin(&owned, noted.clone(), &start, patience).await?;
                reading.again();
                continue;
            }
            let Some(work) = &mut work else { continue };
            self.measure(deliveries, work, &parsers).await?;
            if !self.settle(work, patience).await? {
                return Ok(());
            }
            if let Some(note) = &work.noted {
                let cursors = note.cursors();
                reading.commit(&cursors).await?;
                from.send_replace(cursors);
            }
        }
        Ok(())
    }

    /// What was noted last, and where to begin. Where the note is gone although the group has come somewhere, it goes
    /// on from there; where the rule says something else now, too, but for what the queue still holds.
    async fn recall(&self, patience: &Patience) -> Result<Option<(Option<Note>, Cursors)>, TransferError> {
        let path = self.note.clone();
        let loaded = runtime::blocking(move || path.map_or(Ok(None), |path| note::load(&path)));
        let id = self.queue.id();
        let loaded = loaded.await.map_err(|_| TransferError::Stage("note"))??;
        if let Some(note) = loaded.filter(|note| note.fits(&self.rule, id)) {
            let cursors = note.cursors();
            return Ok(Some((Some(note), cursors)));
        }
        let asked = patience.wait("cannot ask the queue", || self.queue.stats(LINES)).await?;
        let Some(stats) = asked else { return Ok(None) };
        let group = self.group();
        let cursors = stats.groups.into_iter().find(|(name, _)| *name == group).map(|(_, cursors)| cursors);
        let mut cursors = cursors.filter(|cursors| cursors.queue == id).unwrap_or(Cursors::start_of(id));
        cursors.next.retain(|_, next| *next > 0);
        if !cursors.next.is_empty() {
            warn!(rule = %self.rule.name, "nothing is noted of this rule as it is; windows without their beginning are left out");
        }
        Ok(Some((None, cursors)))
    }

    /// Begins over the partitions that are ours, if they are all.
    async fn begin(
        &self,
        owned: &[Partition],
        noted: Option<Note>,
        start: &Cursors,
        patience: &Patience,
    ) -> Result<Option<Work>, TransferError> {
        if owned.is_empty() {
            return Ok(None);
        }
        let asked = patience.wait("cannot ask the queue", || self.queue.stats(LINES)).await?;
        let Some(stats) = asked else { return Ok(None) };
        if stats.partitions.iter().any(|(partition, ..)| !owned.contains(partition)) {
            let text = format!(
                "it reads {} of {} partitions; another transfer runs the same rule, and only one may",
                owned.len(),
                stats.partitions.len()
            );
            patience.problems.note(&patience.who, NOT_ALL, &text);
            return Ok(None);
        }
        patience.problems.clear(&patience.who, NOT_ALL);
        let now = self.clock.now();
        info!(rule = %self.rule.name, partitions = owned.len(), "measures lines");
        Ok(Some(Work {
            windows: Windows::new(self.rule.clone(), noted.clone(), start),
            owned: owned.to_vec(),
            noted,
            met_at: owned.iter().map(|partition| (*partition, now)).collect(),
            read_at: BTreeMap::new(),
            settled_at: Timestamp::MIN,
            noted_at: now,
        }))
    }

    async fn measure(
        self: &Arc<Self>,
        deliveries: Vec<Delivery>,
        work: &mut Work,
        parsers: &Arc<Parsers>,
    ) -> Result<(), TransferError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        for Delivery { place, batch } in &deliveries {
            work.read_at.insert(place.partition, batch.header.read_at);
            if self.rule.wants(&batch.header.stream) {
                work.met_at.insert(place.partition, now);
            }
        }
        let (this, parsers) = (self.clone(), parsers.clone());
        let parsed = runtime::blocking(move || {
            parse_all(deliveries, &parsers, &this.revisions, |stream| !this.rule.wants(stream))
        });
        for outcome in parsed.await.map_err(|_| TransferError::Stage("parse"))? {
            let batch = match outcome {
                Outcome::Parsed(batch, _) | Outcome::Passed(batch) => batch,
                // Whoever writes lines puts it into the dead letters.
                Outcome::Unreadable(place, batch, _) => empty(place, &batch),
            };
            work.windows.take(batch.place, &batch.batch);
        }
        Ok(())
    }

    /// Writes what is over and notes it. `false`: told to stop before.
    async fn settle(&self, work: &mut Work, patience: &Patience) -> Result<bool, TransferError> {
        let now = self.clock.now();
        if now.since(work.settled_at) < SETTLE_EVERY {
            return Ok(true);
        }
        work.settled_at = now;
        self.figures.count(&std::mem::take(&mut work.windows.counts));
        self.rest(work, now).await;
        let due = work.windows.due(&work.owned);
        for points in due.chunks(POINTS_MAX) {
            let Some(refusals) = patience.wait(TAKES_NOTHING, || self.points.write(points)).await? else {
                return Ok(false);
            };
            self.figures.points(points.len() as u64, refusals.len() as u64);
            match refusals.first() {
                Some(refusal) => patience.problems.note(&patience.who, REFUSED, &refusal.reason),
                None => patience.problems.clear(&patience.who, REFUSED),
            }
        }
        work.windows.close(&work.owned);
        if now.since(work.noted_at) >= NOTE_EVERY || !due.is_empty() {
            let next = work.windows.note();
            if work.noted.as_ref() != Some(&next) {
                self.save(next.clone()).await?;
                work.noted = Some(next);
            }
            work.noted_at = now;
        }
        patience.problems.clear(&patience.who, FAILS);
        Ok(true)
    }

    /// Lets partitions rest in which nothing of the rule's streams comes.
    async fn rest(&self, work: &mut Work, now: Timestamp) {
        let silent = |since: Option<&Timestamp>| since.is_some_and(|since| now.since(*since) >= SILENT);
        let behind = work.windows.behind(&work.owned);
        let quiet: Vec<_> = behind.into_iter().filter(|partition| silent(work.met_at.get(partition))).collect();
        if quiet.is_empty() {
            return;
        }
        // Nothing is known of a partition that cannot be asked: it is waited for.
        let Ok(stats) = self.queue.stats(LINES).await else { return };
        for partition in quiet {
            let end = stats.partitions.iter().find(|(known, ..)| *known == partition).map(|(_, _, end, _)| *end);
            let is_read = end.is_some_and(|end| work.windows.next(partition) >= end);
            let is_live = work.read_at.get(&partition).is_some_and(|at| now.since(*at) < SILENT);
            if is_read || is_live {
                work.windows.rest(partition);
            }
        }
    }

    async fn save(&self, next: Note) -> Result<(), TransferError> {
        let Some(path) = self.note.clone() else { return Ok(()) };
        let saved = runtime::blocking(move || note::save(&next, &path));
        saved.await.map_err(|_| TransferError::Stage("note"))?
    }
}

impl Counts {
    /// By the name under which they are shown.
    pub const fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("counted", self.taken),
            ("late", self.late),
            ("ahead", self.ahead),
            ("no_number", self.no_number),
            ("twice", self.twice),
            ("other", self.other),
        ]
    }
}
