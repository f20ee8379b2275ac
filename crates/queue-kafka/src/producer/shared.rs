//! What a producer's callers and its task both touch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use model::Batch;
use parking_lot::Mutex;
use queue::{AckSender, QueueError};
use tokio::sync::Notify;

use super::sources::Sources;

/// What a producer's callers and its task both touch.
pub struct Shared {
    /// Where the brokers are, for errors.
    pub at: String,
    /// What was handed in.
    pub inbox: Mutex<Inbox>,
    /// Rung when something is in the inbox.
    pub wake: Notify,
    drained: Notify,
    problems: Mutex<BTreeMap<String, String>>,
    /// Figures.
    pub figures: Figures,
}

/// What was handed in and not fetched yet, and how far each source was taken.
#[derive(Default)]
pub struct Inbox {
    /// How far each source was taken.
    pub sources: Sources,
    /// Batch, bytes taken of the budget, who waits.
    pub batches: Vec<(Batch, usize, AckSender)>,
    /// Why nothing more is taken.
    pub closed: Option<QueueError>,
    /// Taken and neither durable nor given up.
    pub open: usize,
}

impl Inbox {
    /// One more.
    pub fn push(&mut self, batch: Batch, cost: usize, sender: AckSender) {
        self.open += 1;
        self.batches.push((batch, cost, sender));
    }
}

/// Figures that only grow.
#[derive(Default)]
pub struct Figures {
    /// Messages that are durable.
    pub records: AtomicU64,
    /// Bytes of record batches sent, repetitions included.
    pub sent_bytes: AtomicU64,
    /// Record batches that were sent again.
    pub resent: AtomicU64,
    /// Records that went to the dead letters.
    pub dead_letters: AtomicU64,
}

/// What a producer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that are durable.
    pub records: u64,
    /// Bytes of record batches sent, repetitions included.
    pub sent_bytes: u64,
    /// Record batches that were sent again: each may stand twice in Kafka where idempotence could not be kept.
    pub resent: u64,
    /// Records that went to the dead letters because Kafka will never take them.
    pub dead_letters: u64,
}

impl Shared {
    /// Nothing handed in yet.
    pub fn new(at: String) -> Self {
        Self {
            at,
            inbox: Mutex::default(),
            wake: Notify::new(),
            drained: Notify::new(),
            problems: Mutex::default(),
            figures: Figures::default(),
        }
    }

    /// Notes what does not get on and why; told in the log when it is new.
    pub fn note(&self, what: &str, why: String) {
        let mut problems = self.problems.lock();
        if problems.get(what) != Some(&why) {
            tracing::warn!(what, error = %why, "Kafka does not take it now; it is kept and sent again");
            problems.insert(what.to_owned(), why);
        }
    }

    /// It gets on again.
    pub fn clear(&self, what: &str) {
        let mut problems = self.problems.lock();
        if !problems.is_empty() && problems.remove(what).is_some() {
            tracing::info!(what, "Kafka takes it again");
        }
    }

    /// Why something does not get on now, if so.
    pub fn problem(&self) -> Option<String> {
        self.problems.lock().values().next().cloned()
    }

    /// Takes nothing more.
    pub fn close(&self) {
        self.end("it was closed");
        self.wake.notify_one();
        self.settled();
    }

    /// Takes nothing more, for a reason.
    pub fn end(&self, reason: &str) -> QueueError {
        let mut inbox = self.inbox.lock();
        let closed = QueueError::Closed { at: self.at.clone(), reason: reason.to_owned() };
        inbox.closed.get_or_insert(closed).clone()
    }

    /// Rings whoever waits for everything to be done, if it is.
    pub fn settled(&self) {
        if self.inbox.lock().open == 0 {
            self.drained.notify_waiters();
        }
    }

    /// Waits until nothing is on its way.
    pub async fn drained(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.inbox.lock().open == 0 {
                return;
            }
            drained.await;
        }
    }

    /// The figures.
    pub fn counts(&self) -> Counts {
        let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Counts {
            records: of(&self.figures.records),
            sent_bytes: of(&self.figures.sent_bytes),
            resent: of(&self.figures.resent),
            dead_letters: of(&self.figures.dead_letters),
        }
    }
}

/// Bytes in flight over all topics, bounded.
pub struct Budget {
    used: AtomicUsize,
    most: usize,
}

impl Budget {
    /// At most so many.
    pub const fn new(most: usize) -> Self {
        Self { used: AtomicUsize::new(0), most }
    }

    /// Takes some if there is room; something is taken in any case where nothing else is in flight.
    pub fn take(&self, bytes: usize) -> bool {
        let room = |used: usize| (used == 0 || used + bytes <= self.most).then_some(used + bytes);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_ok()
    }

    /// Gives some back.
    pub fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}
