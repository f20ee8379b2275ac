//! What the cases share: topics of their own, and calls repeated while they fail for the moment.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use base::{Explain as _, Retry};
use model::{Batch, Cursors, Partition, Place, QueueId, SourceKey};

use super::Capabilities;
use super::records::records_of;
use crate::{Ack, Consumer, Delivery, Outcome, PollOptions, Position, Producer, Queue, QueueError, TopicStats};

const TRIES: usize = 1000;
/// Nothing that was appended takes so long to come.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// A topic that no other run uses.
pub fn topic(name: &str) -> String {
    format!("suite-{name}-{:016x}", RandomState::new().build_hasher().finish())
}

/// Whether to call again: it failed for the moment.
pub fn again(error: &QueueError) -> bool {
    error.retry() == Retry::Later && !matches!(error, QueueError::Closed { .. })
}

/// Calls until it does not fail for the moment.
macro_rules! repeated {
    ($call:expr) => {{
        let mut tries = 0;
        loop {
            match $call {
                Err(error) if again(&error) && tries < TRIES => tries += 1,
                done => break done,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }};
}

/// A producer.
pub async fn producer(queue: &dyn Queue, topic: &str) -> Arc<dyn Producer> {
    repeated!(queue.producer(topic).await).expect("a producer")
}

/// A member of a group.
pub async fn consumer(queue: &dyn Queue, topic: &str, group: &str) -> Box<dyn Consumer> {
    repeated!(queue.consumer(topic, group).await).expect("a consumer")
}

/// Commits.
pub async fn commit(consumer: &mut dyn Consumer, cursors: &Cursors) {
    repeated!(consumer.commit(cursors).await).expect("commits");
}

/// What was committed.
pub async fn committed(consumer: &dyn Consumer) -> Cursors {
    repeated!(consumer.committed().await).expect("committed cursors")
}

/// Seeks, or says why not.
pub async fn seek(consumer: &mut dyn Consumer, cursors: &Cursors) -> Result<(), QueueError> {
    repeated!(consumer.seek(cursors).await)
}

/// Commits, or says why not.
pub async fn try_commit(consumer: &mut dyn Consumer, cursors: &Cursors) -> Result<(), QueueError> {
    repeated!(consumer.commit(cursors).await)
}

/// How full a topic is.
pub async fn stats(queue: &dyn Queue, topic: &str) -> TopicStats {
    repeated!(queue.stats(topic).await).expect("stats")
}

/// Forgets a group, or says why not.
pub async fn forget(queue: &dyn Queue, topic: &str, group: &str) -> Result<(), QueueError> {
    repeated!(queue.forget(topic, group).await)
}

/// Where a source stands.
pub async fn position(producer: &dyn Producer, key: SourceKey) -> Option<Position> {
    repeated!(producer.positions(&[key]).await).expect("positions")[0]
}

/// Polls.
pub async fn poll(consumer: &mut dyn Consumer, max_bytes: usize, max_wait: Duration) -> Vec<Delivery> {
    repeated!(consumer.poll(PollOptions { max_bytes, max_wait }).await).expect("polls")
}

/// What became of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Put {
    /// The last answer.
    pub outcome: Outcome,
    /// Whether an earlier try failed, so that *duplicate* may stand for *appended*.
    pub repeated: bool,
}

/// Appends one batch, again while that fails for the moment.
pub async fn put(producer: &dyn Producer, batch: &Batch) -> Put {
    let mut repeated = false;
    for _ in 0..TRIES {
        match producer.append(batch.clone()).await {
            Ok(Outcome::BackPressure { retry_after }) => tokio::time::sleep(retry_after).await,
            Ok(outcome) => return Put { outcome, repeated },
            Err(error) => assert!(again(&error), "append failed: {error}"),
        }
        repeated = true;
        tokio::time::sleep(PAUSE).await;
    }
    panic!("append failed {TRIES} times");
}

/// Appends one batch that must be taken.
pub async fn appended(producer: &dyn Producer, batch: &Batch) {
    let Put { outcome, repeated } = put(producer, batch).await;
    let fits = matches!(outcome, Outcome::Appended(_)) || (repeated && matches!(outcome, Outcome::Duplicate(_)));
    assert!(fits, "{}..{}: {outcome:?}", batch.header.start, batch.header.end);
}

/// Appends batches as an agent does: many under way, and from the place that the queue names where one did not fit.
pub async fn send_all(queue: &dyn Queue, topic: &str, batches: &[Batch]) {
    let producer = producer(queue, topic).await;
    let mut left: Vec<Batch> = batches.to_vec();
    for _ in 0..TRIES {
        let acks: Vec<Ack> = left.iter().map(|batch| producer.append(batch.clone())).collect();
        let mut wait = Duration::ZERO;
        let mut rest = Vec::new();
        for (batch, ack) in std::mem::take(&mut left).into_iter().zip(acks) {
            match ack.await {
                Ok(Outcome::Appended(_) | Outcome::Duplicate(_)) => continue,
                Ok(Outcome::Gap { .. }) => {}
                Ok(Outcome::BackPressure { retry_after }) => wait = retry_after,
                Err(error) => assert!(again(&error), "append failed: {error}"),
            }
            rest.push(batch);
        }
        left = rest;
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
    panic!("{} batches could not be appended", left.len());
}

/// Polls until so many batches came.
pub async fn collect(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        let found = poll(consumer, 1 << 20, PATIENCE).await;
        assert!(!found.is_empty(), "{} batches came, {count} were expected", all.len());
        all.extend(found);
    }
    all
}

/// Everything that a group has not read yet of so many batches, committed.
pub async fn delivered(queue: &dyn Queue, topic: &str, group: &str, count: usize) -> Vec<Delivery> {
    let mut consumer = consumer(queue, topic, group).await;
    let all = collect(&mut *consumer, count).await;
    commit(&mut *consumer, &past(queue.id(), &all)).await;
    all
}

/// How many records there are in batches.
pub fn records<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> usize {
    batches.into_iter().map(|batch| batch.header.records as usize).sum()
}

/// How many records came.
pub fn records_in(deliveries: &[Delivery]) -> usize {
    records(deliveries.iter().map(|delivery| &delivery.batch))
}

/// Polls until so many records came.
pub async fn collect_records(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    while records_in(&all) < count {
        let found = poll(consumer, 1 << 20, PATIENCE).await;
        assert!(!found.is_empty(), "{} records came, {count} were expected", records_in(&all));
        all.extend(found);
    }
    all
}

/// All that was sent, as a group gets it, committed.
pub async fn delivered_all(queue: &dyn Queue, topic: &str, group: &str, sent: &[Batch]) -> Vec<Delivery> {
    let mut consumer = consumer(queue, topic, group).await;
    let all = collect_records(&mut *consumer, records(sent)).await;
    commit(&mut *consumer, &past(queue.id(), &all)).await;
    all
}

/// The cursors behind deliveries.
pub fn past(queue: QueueId, deliveries: &[Delivery]) -> Cursors {
    let mut cursors = Cursors::start_of(queue);
    deliveries.iter().for_each(|delivery| cursors.pass(delivery.place));
    cursors
}

/// That each batch sent came once, unchanged (or at least each record, where the queue cuts batches anew), in the order
/// of its source, and that offsets count up by partition.
pub fn assert_all_once(capabilities: &Capabilities, sent: &[Batch], came: &[Delivery]) {
    if capabilities.keeps_batches {
        assert_same(
            by_source(sent, |batch| vec![batch.clone()]),
            by_source(batches(came), |batch| vec![batch.clone()]),
        );
    } else {
        assert_same(by_source(sent, records_of), by_source(batches(came), records_of));
    }
    let mut last: HashMap<Partition, Place> = HashMap::new();
    for delivery in came {
        let place = delivery.place;
        if let Some(before) = last.insert(place.partition, place) {
            let up = place.offset > before.offset;
            let dense = place.offset == before.offset + 1;
            assert!(
                if capabilities.dense_offsets { dense } else { up },
                "offsets of partition {} count up: {before}, {place}",
                place.partition
            );
        }
    }
}

fn batches(came: &[Delivery]) -> impl Iterator<Item = &Batch> {
    came.iter().map(|delivery| &delivery.batch)
}

fn by_source<'a, T>(
    batches: impl IntoIterator<Item = &'a Batch>,
    what: impl Fn(&Batch) -> Vec<T>,
) -> HashMap<SourceKey, Vec<T>> {
    let mut map: HashMap<SourceKey, Vec<T>> = HashMap::new();
    batches.into_iter().for_each(|batch| map.entry(batch.header.key).or_default().extend(what(batch)));
    map
}

fn assert_same<T: PartialEq + Debug>(sent: HashMap<SourceKey, Vec<T>>, came: HashMap<SourceKey, Vec<T>>) {
    assert_eq!(sent.len(), came.len(), "as many sources");
    for (key, all) in sent {
        assert_eq!(came.get(&key), Some(&all), "source {key}");
    }
}
