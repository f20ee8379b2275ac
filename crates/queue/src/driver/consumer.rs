//! The consumer of a queue in this process: one loop for every driver that can fetch by offset.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Cursors, Partition, Place, QueueId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Group, MemberId};
use crate::{Consumer, Delivery, PollOptions, QueueError};

/// One topic, as a consumer sees it.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// What makes the next fetch cheap (an open file, a place in it). A default one is always right.
    type Hint: Default + Send + Sync;

    /// The identity of the queue's data.
    fn queue(&self) -> QueueId;

    /// How many partitions there are.
    fn partitions(&self) -> u32;

    /// First offset held, and the offset behind the last one that may be read.
    fn range(&self, partition: Partition) -> (u64, u64);

    /// Appends the batches from offset `from` on to `out`: at most `max_bytes` of payload, though at least one where
    /// there is any. Answers the offset to go on from.
    ///
    /// # Errors
    /// `OutOfRange` where `from` is not held; whatever reading brings.
    fn fetch(
        &self,
        partition: Partition,
        from: u64,
        max_bytes: usize,
        hint: &mut Self::Hint,
        out: &mut Vec<Delivery>,
    ) -> Result<u64, QueueError>;

    /// The groups that are known, by name.
    fn groups(&self) -> &Mutex<HashMap<String, Group>>;

    /// Woken whenever something was appended or a group changed.
    fn changed(&self) -> &Notify;

    /// Durably notes how far a group has come (the further of this and what is noted).
    ///
    /// # Errors
    /// Where it could not be noted.
    async fn save(&self, group: &str, cursors: &Cursors) -> Result<(), QueueError>;
}

struct Lane<H> {
    partition: Partition,
    next: u64,
    hint: H,
}

/// A member of a group, reading a [`Log`].
pub struct LocalConsumer<L: Log> {
    log: Arc<L>,
    group: String,
    member: MemberId,
    epoch: u64,
    lanes: Vec<Lane<L::Hint>>,
    turn: usize,
}

impl<L: Log> LocalConsumer<L> {
    /// Joins a group.
    pub fn join(log: Arc<L>, group: &str) -> Self {
        let member = log.groups().lock().entry(group.to_owned()).or_default().join();
        log.changed().notify_waiters();
        Self { log, group: group.to_owned(), member, epoch: 0, lanes: Vec::new(), turn: 0 }
    }

    /// Takes up the partitions that are ours now: those that were ours before go on, new ones start where the group
    /// has committed to.
    fn follow_membership(&mut self) {
        let groups = self.log.groups().lock();
        let Some(group) = groups.get(&self.group) else { return };
        if group.epoch() == self.epoch {
            return;
        }
        self.epoch = group.epoch();
        let owned = group.assignment(self.member, self.log.partitions());
        self.lanes.retain(|lane| owned.contains(&lane.partition));
        for partition in owned {
            if !self.lanes.iter().any(|lane| lane.partition == partition) {
                let committed = group.committed().get(&partition).copied();
                let next = committed.unwrap_or(0).max(self.log.range(partition).0);
                self.lanes.push(Lane { partition, next, hint: L::Hint::default() });
            }
        }
    }

    /// Every partition that has something gets its share, so that one with a backlog does not keep the others waiting;
    /// where there is no room for all, the next call goes on with those that got nothing.
    fn fetch(&mut self, max_bytes: usize) -> Result<Vec<Delivery>, QueueError> {
        let mut out = Vec::new();
        let count = self.lanes.len();
        let mut waiting = self.lanes.iter().filter(|lane| lane.next < self.log.range(lane.partition).1).count();
        let (mut room, mut next_turn) = (max_bytes, self.turn.wrapping_add(1));
        for step in 0..count {
            let lane = &mut self.lanes[(self.turn + step) % count];
            let (_, end) = self.log.range(lane.partition);
            if lane.next >= end {
                continue;
            }
            if room == 0 && !out.is_empty() {
                next_turn = self.turn + step;
                break;
            }
            let share = room / waiting.max(1);
            waiting = waiting.saturating_sub(1);
            let before = out.len();
            match self.log.fetch(lane.partition, lane.next, share, &mut lane.hint, &mut out) {
                Ok(next) => lane.next = next,
                // What the other lanes gave is handed out first; this one fails again on the next call.
                Err(_) if before > 0 => {
                    out.truncate(before);
                    break;
                }
                Err(QueueError::Corrupt { path, at, reason }) => {
                    let place = Place { partition: lane.partition, offset: lane.next };
                    return Err(QueueError::Unreadable {
                        place,
                        reason: format!("{path} is damaged at byte {at}: {reason}"),
                    });
                }
                Err(error) => return Err(error),
            }
            room = room.saturating_sub(out[before..].iter().map(|d| d.batch.payload.len()).sum());
        }
        self.turn = next_turn % count.max(1);
        Ok(out)
    }
}

#[async_trait]
impl<L: Log> Consumer for LocalConsumer<L> {
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        let deadline = Instant::now() + options.max_wait;
        let log = Arc::clone(&self.log);
        loop {
            // Registered before looking, so that nothing which arrives in between is slept through.
            let mut changed = std::pin::pin!(log.changed().notified());
            changed.as_mut().enable();
            self.follow_membership();
            let found = self.fetch(options.max_bytes)?;
            if !found.is_empty() || timeout_at(deadline, changed).await.is_err() {
                return Ok(found);
            }
        }
    }

    fn assignment(&self) -> Vec<Partition> {
        let groups = self.log.groups().lock();
        groups.get(&self.group).map(|g| g.assignment(self.member, self.log.partitions())).unwrap_or_default()
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        let groups = self.log.groups().lock();
        let next = groups.get(&self.group).map(|g| g.committed().clone()).unwrap_or_default();
        Ok(Cursors { queue: self.log.queue(), next })
    }

    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        if cursors.queue != self.log.queue() {
            return Err(QueueError::OtherQueue { found: cursors.queue, here: self.log.queue() });
        }
        self.follow_membership();
        let target = |partition: Partition| {
            let (first, end) = self.log.range(partition);
            let asked = cursors.next.get(&partition).copied().unwrap_or(first);
            if asked < first || asked > end {
                return Err(QueueError::OutOfRange { partition, asked, first, end });
            }
            Ok(asked)
        };
        let targets = self.lanes.iter().map(|lane| target(lane.partition)).collect::<Result<Vec<_>, _>>()?;
        for (lane, next) in self.lanes.iter_mut().zip(targets) {
            (lane.next, lane.hint) = (next, L::Hint::default());
        }
        Ok(())
    }

    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        {
            let groups = self.log.groups().lock();
            if let Some(group) = groups.get(&self.group) {
                group.check_commit(&self.group, self.member, self.log.queue(), cursors)?;
            }
        }
        for (&partition, &asked) in &cursors.next {
            if partition.0 >= self.log.partitions() {
                return Err(QueueError::OutOfRange { partition, asked, first: 0, end: 0 });
            }
            let (first, end) = self.log.range(partition);
            if asked > end {
                return Err(QueueError::OutOfRange { partition, asked, first, end });
            }
        }
        self.log.save(&self.group, cursors).await
    }
}

impl<L: Log> Drop for LocalConsumer<L> {
    fn drop(&mut self) {
        if let Some(group) = self.log.groups().lock().get_mut(&self.group) {
            group.leave(self.member);
        }
        self.log.changed().notify_waiters();
    }
}
