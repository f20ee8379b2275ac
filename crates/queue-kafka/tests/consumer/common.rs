//! What the tests of consumers share.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use codec::{ParseRules, Parser};
use model::{Batch, Cursors, QueueId};
use queue::{Consumer, Delivery, Outcome, PollOptions, Producer, Queue as _};
use queue_kafka::{Framing, KafkaQueue, NewTopics, Options};

/// A name that no other run uses.
pub fn fresh(name: &str) -> String {
    format!("test-{name}-{:016x}", RandomState::new().build_hasher().finish())
}

/// Options whose topics are made, with so many partitions.
pub fn options(servers: &str, name: &str, partitions: u32, framing: Framing) -> Options {
    let mut options = Options::new(servers.split(','));
    options.lines.topic = fresh(name);
    options.lines.framing = framing;
    options.create_topics = Some(NewTopics { partitions: Some(partitions), replication: None });
    options
}

/// How long nothing that was sent takes to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A queue and the way into its lines.
pub async fn lines(options: &Options) -> (KafkaQueue, Arc<dyn Producer>) {
    let queue = KafkaQueue::connect(options.clone()).await.expect("connects");
    let lines = queue.producer(queue::LINES).await.expect("a producer");
    (queue, lines)
}

/// Appends batches, and waits for all.
pub async fn append(lines: &dyn Producer, batches: &[Batch]) {
    let acks: Vec<_> = batches.iter().map(|batch| lines.append(batch.clone())).collect();
    for ack in acks {
        let answer = ack.await;
        assert!(matches!(answer, Ok(Outcome::Appended(_))), "{answer:?}");
    }
}

/// What comes within a while, if anything does.
pub async fn poll(consumer: &mut dyn Consumer, max_wait: Duration) -> Vec<Delivery> {
    consumer.poll(PollOptions { max_bytes: 1 << 20, max_wait }).await.expect("polls")
}

/// Polls until so many records came.
pub async fn collect(consumer: &mut dyn Consumer, records: usize) -> Vec<Delivery> {
    let mut all: Vec<Delivery> = Vec::new();
    while records_in(&all) < records {
        let found = poll(consumer, PATIENCE).await;
        assert!(!found.is_empty(), "{} of {records} records came", records_in(&all));
        all.extend(found);
    }
    all
}

/// How many records came.
pub fn records_in(deliveries: &[Delivery]) -> usize {
    deliveries.iter().map(|delivery| delivery.batch.header.records as usize).sum()
}

/// The cursors behind deliveries.
pub fn past(queue: QueueId, deliveries: &[Delivery]) -> Cursors {
    let mut cursors = Cursors::start_of(queue);
    deliveries.iter().for_each(|delivery| cursors.pass(delivery.place));
    cursors
}

/// The lines of deliveries, with their ids.
pub fn records(deliveries: &[Delivery]) -> BTreeMap<String, Vec<u8>> {
    let mut parser = Parser::new();
    let mut all = BTreeMap::new();
    for delivery in deliveries {
        let parsed = parser.parse(&delivery.batch, &ParseRules::default()).expect("parses");
        for record in &parsed.records {
            all.insert(parsed.id(record).to_string(), parsed.line(record).to_vec());
        }
    }
    all
}
