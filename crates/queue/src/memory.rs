//! A queue in memory, with the same contract as the durable ones: for tests, and the yardstick of the suite.
//!
//! Bounded: where what the groups have not read fills it, producers get back-pressure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::Timestamp;
use model::{Batch, Cursors, Partition, Place, QueueId, SourceKey};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::driver::{
    Group, HighWaters, LocalConsumer, Log, Verdict, after, check_batch, check_name, judge, partition_of,
};
use crate::{Ack, Consumer, Delivery, Here, Located, Outcome, Position, Producer, Queue, QueueError, TopicStats};

/// How a [`MemoryQueue`] is made.
#[derive(Clone, Copy, Debug)]
pub struct MemoryOptions {
    /// The identity of its data.
    pub id: QueueId,
    /// Partitions of each topic.
    pub partitions: u32,
    /// Most bytes of payload held by a topic.
    pub max_bytes: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { id: QueueId(1), partitions: 1, max_bytes: 64 << 20 }
    }
}

/// A queue in memory.
#[derive(Default)]
pub struct MemoryQueue {
    options: MemoryOptions,
    topics: Mutex<HashMap<String, Arc<Topic>>>,
    closed: Arc<AtomicBool>,
}

impl MemoryQueue {
    /// With one partition a topic and 64 MiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// As told.
    pub fn with(options: MemoryOptions) -> Self {
        Self { options, ..Self::default() }
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, QueueError> {
        check_name("topic", name)?;
        let mut topics = self.topics.lock();
        let make = || Arc::new(Topic::new(self.options, Arc::clone(&self.closed)));
        Ok(Arc::clone(topics.entry(name.to_owned()).or_insert_with(make)))
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    fn id(&self) -> QueueId {
        self.options.id
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        Ok(self.topic(topic)?)
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        check_name("group", group)?;
        Ok(Box::new(LocalConsumer::join(self.topic(topic)?, group)))
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        let topic = self.topic(topic)?;
        let partitions = {
            let held = topic.held.lock();
            let lanes = held.lanes.iter().zip(0..);
            lanes.map(|(lane, n)| (Partition(n), lane.first, lane.end(), lane.bytes as u64)).collect()
        };
        let known = topic.groups.lock();
        let mut unread: Vec<_> =
            known.iter().filter(|(_, group)| group.is_unread()).map(|(name, _)| name.clone()).collect();
        unread.sort();
        let mut groups: Vec<_> = known
            .iter()
            .map(|(name, group)| (name.clone(), Cursors { queue: self.id(), next: group.committed().clone() }))
            .collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(TopicStats { partitions, groups, paused: None, unread })
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        check_name("group", group)?;
        let topic = self.topic(topic)?;
        let mut groups = topic.groups.lock();
        if groups.get(group).is_some_and(|group| !group.is_unread()) {
            return Err(QueueError::InUse { group: group.to_owned() });
        }
        groups.remove(group);
        Ok(())
    }

    async fn locate(&self, topic: &str, key: SourceKey, offset: u64) -> Result<Located, QueueError> {
        let topic = self.topic(topic)?;
        let held = topic.held.lock();
        for (lane, partition) in held.lanes.iter().zip(0..) {
            for (batch, n) in lane.entries.iter().zip(lane.first..) {
                let header = &batch.header;
                if header.key == key && (header.start..header.end).contains(&offset) {
                    let place = Place { partition: Partition(partition), offset: n };
                    return Ok(Located::Here(Box::new(Here {
                        place,
                        header: header.clone(),
                        at: None,
                        segment: None,
                    })));
                }
            }
        }
        Ok(Located::NotHeld)
    }

    async fn close(&self) -> Result<(), QueueError> {
        self.closed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

#[derive(Default)]
struct Lane {
    first: u64,
    entries: VecDeque<Batch>,
    bytes: usize,
}

impl Lane {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn drop_before(&mut self, offset: u64) {
        while self.first < offset {
            let Some(batch) = self.entries.pop_front() else { break };
            self.bytes -= batch.payload.len();
            self.first += 1;
        }
    }
}

#[derive(Default)]
struct Held {
    lanes: Vec<Lane>,
    marks: HighWaters,
}

struct Topic {
    options: MemoryOptions,
    closed: Arc<AtomicBool>,
    held: Mutex<Held>,
    groups: Mutex<HashMap<String, Group>>,
    changed: Notify,
}

impl Topic {
    fn new(options: MemoryOptions, closed: Arc<AtomicBool>) -> Self {
        let lanes = (0..options.partitions.max(1)).map(|_| Lane::default()).collect();
        Self {
            options,
            closed,
            held: Mutex::new(Held { lanes, marks: HighWaters::default() }),
            groups: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// How far every group that is known has come in a partition; 0 where there is none.
    fn passed_by_all(&self, partition: Partition) -> u64 {
        let groups = self.groups.lock();
        groups.values().map(|g| g.committed().get(&partition).copied().unwrap_or(0)).min().unwrap_or(0)
    }

    fn take(&self, batch: Batch) -> Result<Outcome, QueueError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        check_batch(&batch, self.options.max_bytes)?;
        let header = Arc::clone(&batch.header);
        let partition = partition_of(header.key.source, self.partitions());
        let mut held = self.held.lock();
        match judge(held.marks.get(header.key), &header) {
            Verdict::Duplicate(position) => return Ok(Outcome::Duplicate(position)),
            Verdict::Gap(expected) => return Ok(Outcome::Gap { expected }),
            Verdict::Take => {}
        }
        let full = |held: &Held| {
            held.lanes.iter().map(|lane| lane.bytes).sum::<usize>() + batch.payload.len() > self.options.max_bytes
        };
        if full(&held) {
            for n in 0..self.partitions() {
                held.lanes[n as usize].drop_before(self.passed_by_all(Partition(n)));
            }
            if full(&held) {
                return Ok(Outcome::BackPressure { retry_after: Duration::from_millis(10) });
            }
        }
        held.marks.note(header.key, after(&header), Timestamp::default());
        let lane = &mut held.lanes[partition.0 as usize];
        let place = Place { partition, offset: lane.end() };
        lane.bytes += batch.payload.len();
        lane.entries.push_back(batch);
        drop(held);
        self.changed.notify_waiters();
        Ok(Outcome::Appended(place))
    }
}

fn closed() -> QueueError {
    QueueError::Closed { at: "memory".to_owned(), reason: "it was closed".to_owned() }
}

#[async_trait]
impl Producer for Topic {
    fn append(&self, batch: Batch) -> Ack {
        Ack::ready(self.take(batch))
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        let held = self.held.lock();
        Ok(keys.iter().map(|key| held.marks.get(*key)).collect())
    }
}

#[async_trait]
impl Log for Topic {
    type Hint = ();

    fn queue(&self) -> QueueId {
        self.options.id
    }

    fn partitions(&self) -> u32 {
        self.options.partitions.max(1)
    }

    fn range(&self, partition: Partition) -> (u64, u64) {
        let held = self.held.lock();
        held.lanes.get(partition.0 as usize).map_or((0, 0), |lane| (lane.first, lane.end()))
    }

    fn fetch(
        &self,
        partition: Partition,
        from: u64,
        max_bytes: usize,
        (): &mut (),
        out: &mut Vec<Delivery>,
    ) -> Result<u64, QueueError> {
        let held = self.held.lock();
        let lane = &held.lanes[partition.0 as usize];
        let (first, end) = (lane.first, lane.end());
        if from < first || from > end {
            return Err(QueueError::OutOfRange { partition, asked: from, first, end });
        }
        let (mut next, mut bytes) = (from, 0);
        for batch in lane.entries.range((from - first) as usize..) {
            bytes += batch.payload.len();
            if bytes > max_bytes && next > from {
                break;
            }
            out.push(Delivery { place: Place { partition, offset: next }, batch: batch.clone() });
            next += 1;
        }
        Ok(next)
    }

    fn groups(&self) -> &Mutex<HashMap<String, Group>> {
        &self.groups
    }

    fn changed(&self) -> &Notify {
        &self.changed
    }

    async fn save(&self, group: &str, cursors: &Cursors) -> Result<(), QueueError> {
        self.groups.lock().entry(group.to_owned()).or_default().note(&cursors.next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Capabilities, run};

    #[tokio::test]
    async fn keeps_the_contract() {
        for partitions in [1, 3] {
            let options = MemoryOptions { partitions, max_bytes: 1 << 20, ..MemoryOptions::default() };
            run(&MemoryQueue::with(options), &Capabilities::whole(partitions, Some(1 << 20))).await;
        }
    }

    #[tokio::test]
    async fn takes_nothing_once_closed() {
        let queue = MemoryQueue::new();
        let lines = queue.producer("lines").await.expect("opens");
        queue.close().await.expect("closes");
        let batch = crate::testing::BatchOf::source(1).at(0).text("late\n");
        assert!(matches!(lines.append(batch).await, Err(QueueError::Closed { .. })));
    }

    #[tokio::test]
    async fn a_backlog_does_not_keep_other_partitions_waiting() {
        let queue = MemoryQueue::with(MemoryOptions { partitions: 8, ..MemoryOptions::default() });
        let lines = queue.producer("lines").await.expect("opens");
        let sources: Vec<u128> =
            (0..8).map(|n| (1..).find(|s| partition_of(model::SourceId(*s), 8).0 == n)).map(Option::unwrap).collect();
        for source in &sources[1..] {
            for n in 0..20 {
                let batch = crate::testing::BatchOf::source(*source).at(n * 100).text(&format!("{n:0>99}\n"));
                assert!(matches!(lines.append(batch).await, Ok(Outcome::Appended(_))));
            }
        }
        let mut consumer = queue.consumer("lines", "g").await.expect("joins");
        let live = crate::testing::BatchOf::source(sources[0]).at(0).text("live\n");
        assert!(matches!(lines.append(live).await, Ok(Outcome::Appended(_))));
        let mut seen = [0; 8];
        for _ in 0..3 {
            let options = crate::PollOptions { max_bytes: 450, max_wait: Duration::ZERO };
            for delivery in consumer.poll(options).await.expect("polls") {
                seen[delivery.place.partition.0 as usize] += 1;
            }
        }
        assert_eq!(seen[0], 1, "{seen:?}");
        assert!(seen[1..].iter().all(|n| (1..=3).contains(n)), "{seen:?}");
    }
}
