//! The reader: one thread that owns every followed file.
//!
//! Decision: one thread takes hints, looks at files, cuts blocks and hands them to the queue; nothing it owns is
//! locked. It never waits for the queue: acks ring the same bell as hints. Files take [`turns`] of one block. Whatever
//! goes wrong with one file is caught around that file.

mod acks;
mod adopt;
mod ahead;
mod files;
mod locate;
mod notes;
mod pace;
mod plan;
mod scan;
mod step;
mod turns;

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use base::{Clock, Timestamp};
use model::{FileState, SourceId};
use queue::Producer;
use runtime::Shutdown;

pub(crate) use locate::{Answer, Ask};

use crate::buffer::Pool;
use crate::checkpoint::Checkpoints;
use crate::discover::Follow;
use crate::plan::Plans;
use crate::settings::Settings;
use crate::status::{Shared, add, set};
use crate::tail::{Fault, Mono, Tail};
use crate::wake::Alarm;
use crate::watch::{Hint, Watch};

/// What the reader is made of.
pub(crate) struct Links {
    /// What is followed, as it may change; and which revision of it `settings` and `follow` are.
    pub plans: Arc<Plans>,
    pub plan_revision: u64,
    pub settings: Arc<Settings>,
    pub follow: Arc<Follow>,
    pub producer: Arc<dyn Producer>,
    pub clock: Arc<dyn Clock>,
    pub shared: Arc<Shared>,
    pub alarm: Arc<Alarm>,
    pub shutdown: Shutdown,
    /// Who this machine is.
    pub host_id: u128,
    /// Until when names of rotated files were known: what is born later is new.
    pub known_until: Timestamp,
    /// Questions to the queue.
    pub asks: tokio::sync::mpsc::Sender<Vec<Ask>>,
    /// Answers of the queue.
    pub answers: Receiver<Vec<Answer>>,
    pub checkpoints: Checkpoints,
}

/// The reader.
pub(crate) struct Shard {
    links: Links,
    began: Instant,
    /// The time of this round.
    now: Mono,
    tails: Vec<Option<Box<Tail>>>,
    free: Vec<usize>,
    by_source: HashMap<SourceId, usize>,
    by_inode: HashMap<(u64, u64, i64), SourceId>,
    by_path: HashMap<Arc<Path>, usize>,
    /// Files that are followed by way of a symlink, by where they are.
    by_target: HashMap<PathBuf, usize>,
    filesystems: HashMap<u64, u64>,
    /// Files that are no logs, or copies of what is known.
    ignored: HashSet<SourceId>,
    /// Inodes of sources of earlier runs that may have something left.
    left_over: HashSet<u64>,
    /// Files with little to read.
    live: VecDeque<usize>,
    /// Files with much to read.
    ready: VecDeque<usize>,
    /// The same, whose bytes may soon be gone.
    at_risk: VecDeque<usize>,
    /// The number of the turn.
    turn: u32,
    pace: pace::Pace,
    /// Bytes in flight of files of which nothing lands.
    stuck: usize,
    flying: Vec<usize>,
    timers: BTreeSet<(Mono, usize)>,
    to_locate: Vec<usize>,
    hot: Vec<usize>,
    cold_at: usize,
    in_flight: usize,
    open: usize,
    pool: Pool,
    watch: Watch,
    hints: Vec<Hint>,
    scan: scan::ScanState,
    /// The first scan for each stream: what that finds was there before.
    first_scans: Vec<u64>,
    room: step::Room,
    next: Next,
    dirty: Vec<usize>,
    ahead: ahead::Ahead,
    /// Files that appeared before then are known: what the next run need not wonder about.
    complete_until: Timestamp,
}

/// When the regular things are due.
#[derive(Default)]
struct Next {
    sweep: Mono,
    hints: Mono,
    flush: Mono,
    alive: Mono,
    utc_offset: Mono,
}

/// Between two looks at hints and acks so many blocks are read.
const BLOCKS_A_ROUND: usize = 16;
/// A file that panics so often within [`PANICS_WITHIN`] is quarantined.
const PANICS_MAX: usize = 5;
const PANICS_WITHIN: Duration = Duration::from_secs(600);
/// A quarantined file is tried again so seldom.
const QUARANTINE: Duration = Duration::from_secs(600);
/// Changes reach the checkpoints so soon.
const FLUSH: Duration = Duration::from_millis(500);
/// At the end, batches on their way are waited for so long.
const LAST_WAIT: Duration = Duration::from_secs(3);

impl Shard {
    pub fn new(links: Links) -> Self {
        let settings = &links.settings;
        let pool = Pool::new(crate::identity::TAIL_LEN + settings.block, settings.window / settings.block);
        Self {
            began: Instant::now(),
            now: Mono::ZERO,
            tails: Vec::new(),
            free: Vec::new(),
            by_source: HashMap::new(),
            by_inode: HashMap::new(),
            by_path: HashMap::new(),
            by_target: HashMap::new(),
            filesystems: HashMap::new(),
            ignored: HashSet::new(),
            left_over: HashSet::new(),
            live: VecDeque::new(),
            ready: VecDeque::new(),
            at_risk: VecDeque::new(),
            turn: 0,
            pace: pace::Pace::new(settings.window, settings.block),
            stuck: 0,
            flying: Vec::new(),
            timers: BTreeSet::new(),
            to_locate: Vec::new(),
            hot: Vec::new(),
            cold_at: 0,
            in_flight: 0,
            open: 0,
            pool,
            watch: Watch::new(),
            hints: Vec::new(),
            scan: scan::ScanState::default(),
            first_scans: vec![1; settings.streams.len()],
            room: step::Room::default(),
            next: Next::default(),
            dirty: Vec::new(),
            ahead: ahead::Ahead::new(!links.producer.keeps_positions()),
            complete_until: links.known_until,
            links,
        }
    }

    /// Works until the shutdown is called.
    pub fn run(&mut self) {
        self.remember_left_over();
        while !self.links.shutdown.is_called() {
            self.now = self.began.elapsed();
            self.round();
            let wait = self.idle_time();
            let hints = if self.now >= self.next.hints { self.watch.fd() } else { None };
            self.links.alarm.wait(hints, wait);
        }
        self.finish_up();
    }

    /// Everything that is due now.
    fn round(&mut self) {
        add(&self.links.shared.counters.rounds, 1);
        if self.links.plans.revision() != self.links.plan_revision {
            self.take_plan();
        }
        self.take_answers();
        if self.now >= self.next.hints {
            self.take_hints();
        }
        if self.scan.is_due(self.now) {
            self.scan_all();
        }
        if self.now >= self.next.sweep {
            self.sweep();
        }
        self.take_acks();
        self.keep_pace();
        self.ring_timers();
        self.ask_positions();
        self.read_some();
        self.send_noted();
        if self.now >= self.next.flush {
            self.flush_checkpoints();
        }
        self.set_gauges();
    }

    /// How long nothing is due.
    fn idle_time(&self) -> Duration {
        if self.can_read() {
            return Duration::ZERO;
        }
        let mut next = self.next.sweep.min(self.scan.due());
        if let Some((at, _)) = self.timers.first() {
            next = next.min(*at);
        }
        if self.now < self.next.hints {
            next = next.min(self.next.hints);
        }
        if !self.dirty.is_empty() {
            next = next.min(self.next.flush);
        }
        for at in [self.ahead.due(), self.pace_due()].into_iter().flatten() {
            next = next.min(at);
        }
        next.saturating_sub(self.began.elapsed())
    }

    fn read_some(&mut self) {
        for _ in 0..BLOCKS_A_ROUND {
            let Some(index) = self.next_reader() else { return };
            self.guard(index, |shard| shard.step(index));
        }
    }

    /// Does something for one file; what goes wrong stays with that file.
    fn guard(&mut self, index: usize, work: impl FnOnce(&mut Self) -> std::io::Result<()>) {
        match std::panic::catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.unreadable(index, &error),
            Err(panic) => self.panicked(index, &*panic),
        }
    }

    /// The system refused: the file is tried again, each time after a longer wait.
    fn unreadable(&mut self, index: usize, error: &std::io::Error) {
        let now = self.now;
        let at = self.links.clock.now();
        let Some(tail) = self.tails[index].as_mut() else { return };
        let until = now + tail.backoff.next_wait();
        self.links.shared.trouble(&tail.path.display().to_string(), format!("{error}; tried again"), at);
        tail.fault = Some(Fault { state: FileState::Unreadable(error.to_string()), until });
        add(&self.links.shared.counters.faults, 1);
        self.timer(index, until);
        self.note(index);
    }

    /// A fault of ours: the file begins again where the queue has it; after too many it is left alone for a while.
    fn panicked(&mut self, index: usize, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned());
        self.fault(index, format!("its reader failed: {text}"));
    }

    /// Begins again where the queue has the file, after a wait; after too many faults in a row, a long one.
    fn fault(&mut self, index: usize, reason: String) {
        let now = self.now;
        add(&self.links.shared.counters.faults, 1);
        let Some(tail) = self.tails[index].as_mut() else { return };
        tracing::error!(path = %tail.path.display(), %reason, "a file failed");
        tail.panics.retain(|at| now.saturating_sub(*at) < PANICS_WITHIN);
        tail.panics.push(now);
        let quarantined = tail.panics.len() >= PANICS_MAX;
        let until = now + if quarantined { QUARANTINE } else { tail.backoff.next_wait() };
        self.in_flight -= tail.in_flight();
        tail.flights.clear();
        let (acked, witness) = (tail.acked, tail.acked_witness);
        tail.restart_at(acked, witness);
        tail.resend_at = None;
        let state = if quarantined { FileState::Quarantined(reason) } else { FileState::Unreadable(reason) };
        tail.fault = Some(Fault { state, until });
        self.timer(index, until);
        self.note(index);
    }

    fn timer(&mut self, index: usize, at: Mono) {
        self.timers.insert((at, index));
    }

    fn ring_timers(&mut self) {
        while let Some((at, index)) = self.timers.first().copied() {
            if at > self.now {
                return;
            }
            self.timers.pop_first();
            self.attend(index);
        }
    }

    fn take_hints(&mut self) {
        let mut hints = std::mem::take(&mut self.hints);
        if let Err(error) = self.watch.read(&mut hints) {
            tracing::warn!(%error, "hints cannot be read; looking will do");
        }
        if !hints.is_empty() {
            // The next ones wait a little: by then, many are one.
            self.next.hints = self.now + self.links.settings.hints;
        }
        for hint in hints.drain(..) {
            match hint {
                Hint::Written(path) => match self.by_path.get(&*path) {
                    Some(&index) => self.attend(index),
                    None => self.examine_path(&path),
                },
                Hint::Named(path) => self.examine_path(&path),
                Hint::Folder(path) => {
                    self.new_folder(&path);
                    self.scan.soon(self.now);
                }
                Hint::Folders | Hint::Overflow => self.scan.soon(self.now),
            }
        }
        self.hints = hints;
    }

    fn set_gauges(&self) {
        let counters = &self.links.shared.counters;
        set(&counters.files, self.tails.len() - self.free.len());
        set(&counters.open_files, self.open);
        set(&counters.in_flight_bytes, self.in_flight);
        set(&counters.watched_folders, self.watch.len());
    }

    /// Waits a little for batches on their way, and leaves checkpoints that are as good as can be.
    fn finish_up(&mut self) {
        let until = self.began.elapsed() + LAST_WAIT;
        while self.in_flight > 0 && self.now < until {
            self.now = self.began.elapsed();
            self.take_acks();
            self.send_noted();
            if self.in_flight > 0 {
                self.links.alarm.wait(None, Duration::from_millis(10));
            }
        }
        self.flush_checkpoints();
        self.links.shared.counters.in_flight_bytes.store(0, Ordering::Relaxed);
    }
}
