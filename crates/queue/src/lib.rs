//! The seam between whoever collects and whoever stores: a durable queue of batches.
//!
//! Decision: the unit is the batch (a header and a verbatim byte range), and the queue, not the collector, knows how
//! far each source has come. It keeps the high-water of each (source, generation), takes what continues it, answers
//! *duplicate* to what it has and *gap* to what comes too early. So a collector may lose all its state, a network may
//! repeat itself, and the queue still holds every byte once. The price: a batch of one source must follow the one
//! before it, so a source stays on one partition.
//!
//! Must not know: any driver, files being followed, how lines are parsed.
#![deny(missing_docs)]

pub mod decorators;
pub mod driver;
mod error;
mod located;
mod memory;
pub mod remote;
pub mod testing;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, Cursors, Partition, Place, QueueId, SourceKey};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

pub use error::QueueError;
pub use located::{Here, Located};
pub use memory::{MemoryOptions, MemoryQueue};

/// The topic that lines travel on.
pub const LINES: &str = "lines";
/// The topic of what could not be delivered.
pub const DEAD_LETTERS: &str = "dead-letters";
/// How the reason of a dead letter begins that a producer made, because its queue will never take the record.
pub const NOT_TAKEN: &str = "not taken by the queue: ";
/// The topic of points, in line protocol: host metrics, one line a point.
pub const METRICS: &str = "metrics";

/// How far the queue holds a source, contiguously from where it began.
///
/// A batch that ends in an open line ([`model::BatchFlags::LAST_IS_OPEN`]) has that line alone, so its header's
/// `line_start` is where the open line begins; queues refuse any other as invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Offset behind the last byte held.
    pub end: u64,
    /// If the last byte held is not the end of a line: where that line begins.
    pub open_line: Option<u64>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable, here.
    Appended(Place),
    /// All of it was there before; nothing was written.
    Duplicate(Position),
    /// It does not continue what is held of its source: send from `expected.end` on (0 where nothing is held).
    /// A batch that overlaps what is held without continuing it is answered so too.
    Gap {
        /// How far the source is held.
        expected: Position,
    },
    /// There is no room: try again later. Nothing was written.
    BackPressure {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Resolves when the fate of an appended batch is known. Dropping it does not undo the append.
pub struct Ack {
    receiver: oneshot::Receiver<Result<Outcome, QueueError>>,
    held_back: Option<Pin<Box<Sleep>>>,
    tap: Option<AckTap>,
}

/// Sees the answer of an [`Ack`] on its way to whoever waits for it.
pub type AckTap = Arc<dyn Fn(&Result<Outcome, QueueError>) + Send + Sync>;

/// The other end of an [`Ack`], for drivers.
pub type AckSender = oneshot::Sender<Result<Outcome, QueueError>>;

impl Ack {
    /// A pair for a driver: it keeps the sender and hands out the ack.
    pub fn channel() -> (AckSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self { receiver, held_back: None, tap: None })
    }

    /// One whose fate is known at once.
    pub fn ready(outcome: Result<Outcome, QueueError>) -> Self {
        let (sender, ack) = Self::channel();
        // The receiver is alive: we hold it.
        let _ = sender.send(outcome);
        ack
    }

    /// The same, but not known before `delay` has passed (see [`decorators::Slow`]).
    #[must_use]
    pub fn held_back(self, delay: Duration) -> Self {
        Self { held_back: Some(Box::pin(tokio::time::sleep(delay))), ..self }
    }

    /// The same, seen by `tap` on its way (see [`decorators::Counting`]).
    #[must_use]
    pub fn tapped(self, tap: AckTap) -> Self {
        let tap: AckTap = match self.tap {
            None => tap,
            Some(first) => Arc::new(move |answer| {
                first(answer);
                tap(answer);
            }),
        };
        Self { tap: Some(tap), ..self }
    }

    fn seen(tap: Option<&AckTap>, answer: Result<Outcome, QueueError>) -> Result<Outcome, QueueError> {
        if let Some(tap) = tap {
            tap(&answer);
        }
        answer
    }

    /// The outcome if it is known by now, for callers on a thread of their own.
    pub fn try_wait(&mut self) -> Option<Result<Outcome, QueueError>> {
        if self.held_back.as_ref().is_some_and(|sleep| sleep.deadline() > Instant::now()) {
            return None;
        }
        let answer = match self.receiver.try_recv() {
            Ok(answer) => answer,
            Err(oneshot::error::TryRecvError::Empty) => return None,
            Err(oneshot::error::TryRecvError::Closed) => Err(dropped()),
        };
        Some(Self::seen(self.tap.as_ref(), answer))
    }

    /// Waits on a thread of the caller's own (never within an async task).
    ///
    /// # Errors
    /// What the queue answered.
    pub fn wait(self) -> Result<Outcome, QueueError> {
        if let Some(sleep) = self.held_back {
            std::thread::sleep(sleep.deadline().saturating_duration_since(Instant::now()));
        }
        Self::seen(self.tap.as_ref(), self.receiver.blocking_recv().unwrap_or_else(|_| Err(dropped())))
    }
}

impl Future for Ack {
    type Output = Result<Outcome, QueueError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(sleep) = &mut self.held_back {
            ready!(sleep.as_mut().poll(cx));
            self.held_back = None;
        }
        let answer = ready!(Pin::new(&mut self.receiver).poll(cx)).unwrap_or_else(|_| Err(dropped()));
        Poll::Ready(Self::seen(self.tap.as_ref(), answer))
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

fn dropped() -> QueueError {
    QueueError::Closed { at: String::new(), reason: "it was dropped before the batch was durable".to_owned() }
}

/// Puts batches into one topic. Cheap to share; all methods may be called from any thread.
#[async_trait]
pub trait Producer: Send + Sync {
    /// Takes a batch. Batches of one source are handled in the order of the calls; the call itself does not wait for
    /// the disk or the network (at most for a lock), and the ack resolves once the batch is durable.
    fn append(&self, batch: Batch) -> Ack;

    /// Whether the queue itself keeps, durably, how far it holds each source. Where it does not (a queue of records,
    /// shared with other programs), it knows only what passed through this producer since it was made: it takes the
    /// first batch of any source wherever that starts, and whoever appends must keep durable what it cut where, before
    /// it appends, and must expect that records arrive twice.
    fn keeps_positions(&self) -> bool {
        true
    }

    /// How far each source is held, in the order asked. `None`: nothing is known of it.
    ///
    /// # Errors
    /// Where the queue cannot be asked now.
    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError>;
}

/// A batch on its way out.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where it stands.
    pub place: Place,
    /// What it is, as it was appended.
    pub batch: Batch,
}

/// How much to hand out at once.
#[derive(Clone, Copy, Debug)]
pub struct PollOptions {
    /// At most so many bytes of payload, though at least one batch where there is any.
    pub max_bytes: usize,
    /// How long to wait for the first batch.
    pub max_wait: Duration,
}

/// One member of a consumer group, reading one topic. Each partition is owned by one member of the group at a time.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The next batches of the partitions owned, each partition in order; empty where none came in time.
    ///
    /// # Errors
    /// Where the queue cannot be read; the position is unchanged and the call may be repeated. `Unreadable` stays
    /// until the caller seeks behind the place it names.
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError>;

    /// The partitions owned now, ascending.
    fn assignment(&self) -> Vec<Partition>;

    /// The cursors committed for the group.
    ///
    /// # Errors
    /// Where the queue cannot be asked now.
    async fn committed(&self) -> Result<Cursors, QueueError>;

    /// Reads on from `cursors` in the partitions owned, without committing.
    ///
    /// # Errors
    /// `OtherQueue` where they are of other data, `OutOfRange` where an offset is not held. A partition that the
    /// cursors do not name is read from the first offset that is held.
    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError>;

    /// Durably notes how far the group has come. Never moves backwards.
    ///
    /// # Errors
    /// Where it could not be noted; the commit may be repeated. `OtherQueue` and `OutOfRange` as for `seek`, `Owned`
    /// where it would move a partition that another member owns.
    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError>;
}

/// How full a topic is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicStats {
    /// By partition: first offset held, offset behind the last, bytes held on disk.
    pub partitions: Vec<(Partition, u64, u64, u64)>,
    /// By group: its committed cursors.
    pub groups: Vec<(String, Cursors)>,
    /// Why nothing is taken now (for instance, the disk is full), if so.
    pub paused: Option<String>,
    /// Of the groups those for which data is held although nobody reads for them now. Always none where data is held
    /// for a time and not for groups.
    pub unread: Vec<String>,
}

impl TopicStats {
    /// Entries that a group has not read yet.
    pub fn behind(&self, cursors: &Cursors) -> u64 {
        let behind = |(partition, first, end, _): &(Partition, u64, u64, u64)| {
            end.saturating_sub(cursors.next.get(partition).copied().unwrap_or(0).max(*first))
        };
        self.partitions.iter().map(behind).sum()
    }
}

/// A queue: the root from which producers and consumers are made.
#[async_trait]
pub trait Queue: Send + Sync {
    /// The identity of its data.
    fn id(&self) -> QueueId;

    /// A way into a topic, which is made if it is not there.
    ///
    /// # Errors
    /// Where the topic cannot be opened or made.
    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError>;

    /// A new member of a consumer group; partitions are shared out among its members. Dropping it leaves the group.
    ///
    /// # Errors
    /// Where the topic cannot be opened or made.
    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError>;

    /// How full a topic is and how far its groups have come.
    ///
    /// # Errors
    /// Where the queue cannot be asked now.
    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError>;

    /// Forgets how far a group has come, so that nothing is held for it any more; one that is not known is forgotten
    /// already. Whoever joins it later begins as a new group does.
    ///
    /// # Errors
    /// `InUse` where somebody reads for it now; where the queue cannot be asked.
    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError>;

    /// Where a byte of a source is in a topic. For people who ask, not for the path of the lines: it may take a walk
    /// over all that is held.
    ///
    /// # Errors
    /// Where the queue cannot be asked now.
    async fn locate(&self, _topic: &str, _key: SourceKey, _offset: u64) -> Result<Located, QueueError> {
        Ok(Located::Unknown)
    }

    /// Makes everything appended durable and stops taking more.
    ///
    /// # Errors
    /// Where the last write failed.
    async fn close(&self) -> Result<(), QueueError>;
}
