//! A member of a consumer group that keeps its place: through failures, lost batches, and partitions that come and go.
//!
//! Decision: where reading begins in a partition is decided when it becomes ours, whether that is at the start or
//! later, from the one who knows best: what is written to, if it keeps cursors, or else the group.

use std::collections::BTreeSet;
use std::time::Duration;

use base::{Explain, Retry};
use config::Start;
use model::{Cursors, Partition, Place};
use queue::{Consumer, Delivery, PollOptions, Queue, QueueError, TopicStats};
use tokio::sync::watch;
use tracing::{debug, error, warn};

use crate::TransferError;
use crate::problems::Patience;

/// How long a poll waits for something new; also how often cursors are committed at the least.
const POLL_WAIT: Duration = Duration::from_millis(200);
/// After a poll that failed.
const FAULT_WAIT: Duration = Duration::from_secs(1);

const READ: &str = "cannot read from the queue";
const COMMIT: &str = "cannot commit to the queue";

/// What is read, and from where on.
pub struct Plan {
    pub topic: &'static str,
    pub group: String,
    /// Where a group that is new begins.
    pub start: Start,
    /// How far everything is kept for sure, where whoever keeps it knows; it is believed rather than the group.
    pub held: Option<watch::Receiver<Cursors>>,
    pub poll_bytes: usize,
}

/// One member of a group.
pub struct Reading {
    consumer: Box<dyn Consumer>,
    queue: std::sync::Arc<dyn Queue>,
    plan: Plan,
    patience: Patience,
    /// Behind what was handed out.
    reached: Cursors,
    owned: BTreeSet<Partition>,
    committed: Cursors,
    /// Nobody of this group has ever read anything.
    is_new: bool,
    /// Batches that could not be read.
    pub unreadable: u64,
}

impl Reading {
    /// Joins the group. `None`: told to stop.
    pub async fn join(
        queue: &std::sync::Arc<dyn Queue>,
        plan: Plan,
        patience: Patience,
    ) -> Result<Option<Self>, TransferError> {
        let joined = patience
            .wait(READ, || async {
                let consumer = queue.consumer(plan.topic, &plan.group).await?;
                let committed = consumer.committed().await?;
                Ok::<_, QueueError>((consumer, committed))
            })
            .await?;
        let Some((consumer, committed)) = joined else { return Ok(None) };
        let start = Cursors::start_of(queue.id());
        let is_new = committed.next.is_empty();
        Ok(Some(Self {
            consumer,
            queue: queue.clone(),
            plan,
            patience,
            reached: start.clone(),
            owned: BTreeSet::new(),
            committed: start,
            is_new,
            unreadable: 0,
        }))
    }

    /// The partitions that were ours at the last poll.
    pub const fn owned(&self) -> &BTreeSet<Partition> {
        &self.owned
    }

    /// Behind what was handed out of a partition.
    pub const fn reached(&self) -> &Cursors {
        &self.reached
    }

    /// Goes back to where reading begins, in all partitions.
    pub fn again(&mut self) {
        self.owned.clear();
        self.reached.next.clear();
    }

    /// The next batches; none where none came, or where the queue cannot be read now.
    pub async fn poll(&mut self) -> Result<Vec<Delivery>, TransferError> {
        match self.try_poll().await {
            Ok(deliveries) => {
                self.patience.problems.clear(&self.patience.who, READ);
                Ok(deliveries)
            }
            Err(QueueError::Unreadable { place, reason }) => self.skip(place, &reason).await.map(|()| Vec::new()),
            Err(QueueError::OutOfRange { partition, asked, first, end }) => {
                warn!(%partition, asked, first, end, "the queue no longer holds the cursor, goes on with what it holds");
                self.reached.next.insert(partition, first);
                self.seek_reached().await.map(|()| Vec::new())
            }
            Err(error) if error.retry() == Retry::Later => {
                self.patience.problems.note(&self.patience.who, READ, &error.chain());
                self.patience.shutdown.sleep(FAULT_WAIT).await;
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn try_poll(&mut self) -> Result<Vec<Delivery>, QueueError> {
        self.follow().await?;
        let options = PollOptions { max_bytes: self.plan.poll_bytes, max_wait: POLL_WAIT };
        let mut deliveries = self.consumer.poll(options).await?;
        if self.begins_elsewhere() {
            // Of partitions that became ours meanwhile: not from where they are to be read.
            deliveries.retain(|delivery| self.owned.contains(&delivery.place.partition));
        }
        deliveries.iter().for_each(|delivery| self.reached.pass(delivery.place));
        Ok(deliveries)
    }

    /// Whether partitions may begin elsewhere than where the group has committed to.
    const fn begins_elsewhere(&self) -> bool {
        self.plan.held.is_some() || matches!(self.plan.start, Start::End)
    }

    /// Takes up partitions that have become ours and lets go of those that are no longer.
    async fn follow(&mut self) -> Result<(), QueueError> {
        let now: BTreeSet<Partition> = self.consumer.assignment().into_iter().collect();
        if now == self.owned {
            return Ok(());
        }
        self.reached.next.retain(|partition, _| now.contains(partition));
        self.committed.next.retain(|partition, _| now.contains(partition));
        let gained: Vec<Partition> = now.difference(&self.owned).copied().collect();
        if !gained.is_empty() {
            let committed = self.consumer.committed().await?;
            let from_end = self.is_new && self.plan.start == Start::End;
            let ends = if from_end { self.queue.stats(self.plan.topic).await? } else { TopicStats::default() };
            for partition in &gained {
                if let Some(next) = self.beginning(*partition, &committed, &ends) {
                    self.reached.next.insert(*partition, next);
                }
            }
            if self.begins_elsewhere() {
                self.seek_within().await?;
            }
            if from_end {
                let mut begun = self.reached.clone();
                begun.next.retain(|partition, _| gained.contains(partition));
                match self.consumer.commit(&begun).await {
                    // Another member reads some of them by now: it begins there itself.
                    Err(QueueError::Owned { .. }) => {}
                    committed => committed?,
                }
            }
            self.is_new = false;
        }
        debug!(who = %self.patience.who, partitions = ?now, "partitions read");
        self.owned = now;
        Ok(())
    }

    /// Where a partition that is ours from now on is read from; `None`: from the first batch that is held.
    fn beginning(&self, partition: Partition, committed: &Cursors, ends: &TopicStats) -> Option<u64> {
        let held = self.plan.held.as_ref().map(|held| held.borrow());
        let known = held.as_ref().filter(|held| held.queue == self.queue.id());
        let known = known.and_then(|held| held.next.get(&partition).copied());
        let noted = committed.next.get(&partition).copied();
        let end = || ends.partitions.iter().find(|(known, ..)| *known == partition).map(|(_, _, end, _)| *end);
        match (held.is_some(), self.plan.start) {
            // What was lost there is taken again as far as the queue still holds it.
            (true, Start::Beginning) => known,
            (true, Start::End) => known.or(noted).or_else(end),
            (false, _) => noted.or_else(end),
        }
    }

    /// Goes to what was reached; where that is no longer there, to what is.
    async fn seek_within(&mut self) -> Result<(), QueueError> {
        loop {
            match self.consumer.seek(&self.reached).await {
                Err(QueueError::OutOfRange { partition, asked, first, end }) if asked != first => {
                    warn!(%partition, asked, first, end, "the queue no longer holds the cursor, goes on with what it holds");
                    self.reached.next.insert(partition, first);
                }
                sought => return sought,
            }
        }
    }

    async fn seek_reached(&mut self) -> Result<(), TransferError> {
        Ok(self.seek_within().await?)
    }

    /// Goes on behind a batch that the queue can no longer read: one bad block of a disk must not hold up all that
    /// comes after it. The bytes show up as a gap in the audit.
    async fn skip(&mut self, place: Place, reason: &str) -> Result<(), TransferError> {
        error!(%place, %reason, "a batch of the queue cannot be read and is left out; the audit shows the gap");
        self.unreadable += 1;
        self.reached.pass(place);
        self.seek_reached().await
    }

    /// Notes how far everything is kept. What another member reads by now, it commits; what cannot be noted now is
    /// noted later.
    pub async fn commit(&mut self, durable: &Cursors) -> Result<(), TransferError> {
        if durable.queue != self.queue.id() {
            return Ok(());
        }
        let owned = self.consumer.assignment();
        let moved = |(partition, next): &(&Partition, &u64)| {
            owned.contains(*partition) && self.committed.next.get(*partition).is_none_or(|held| held < *next)
        };
        let next = durable.next.iter().filter(moved).map(|(partition, next)| (*partition, *next)).collect();
        let cursors = Cursors { queue: durable.queue, next };
        if cursors.next.is_empty() {
            return Ok(());
        }
        let (who, problems) = (&self.patience.who, &self.patience.problems);
        match self.consumer.commit(&cursors).await {
            Ok(()) => {
                self.committed.queue = cursors.queue;
                self.committed.next.extend(cursors.next);
                problems.clear(who, COMMIT);
            }
            Err(QueueError::Owned { group, partition }) => debug!(%group, %partition, "another member reads it now"),
            Err(error @ QueueError::OutOfRange { .. }) => problems.note(who, COMMIT, &error.chain()),
            Err(error) if error.retry() == Retry::Later => problems.note(who, COMMIT, &error.chain()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
