//! What the tests against real brokers share: topics of their own, and kcat as the reader that is not ours.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base::Clock as _;
use model::Batch;
use queue::{Outcome, Producer, Queue as _, QueueError};
use queue_kafka::{KafkaQueue, NewTopics, Options};

/// A name that no other run uses.
pub fn fresh(name: &str) -> String {
    format!("test-{name}-{:016x}", RandomState::new().build_hasher().finish())
}

/// Options whose topics are made, with names of their own.
pub fn options(servers: &str, name: &str) -> Options {
    let mut options = Options::new(servers.split(','));
    options.lines.topic = fresh(name);
    options.dead_letters = format!("{}-dead", options.lines.topic);
    options.create_topics = Some(NewTopics { partitions: Some(2), replication: None });
    options
}

/// A queue and the way into its lines.
pub async fn lines(options: &Options) -> (KafkaQueue, Arc<dyn Producer>) {
    let queue = KafkaQueue::connect(options.clone()).await.expect("connects");
    let lines = queue.producer(queue::LINES).await.expect("a producer");
    (queue, lines)
}

/// Appends all, many under way, and waits for all.
pub async fn append_all(lines: &dyn Producer, batches: &[Batch]) {
    let mut acks = Vec::new();
    for batch in batches {
        acks.push(append(lines, batch).await);
    }
    for ack in acks {
        let answer = ack.await;
        assert!(matches!(answer, Ok(Outcome::Appended(_))), "{answer:?}");
    }
}

/// Appends one as if it were read now (what is old the broker's retention may take away at once), again while there
/// is no room.
pub async fn append(lines: &dyn Producer, batch: &Batch) -> queue::Ack {
    let mut batch = batch.clone();
    Arc::make_mut(&mut batch.header).read_at = runtime::SystemClock.now();
    loop {
        let mut ack = lines.append(batch.clone());
        match ack.try_wait() {
            None => return ack,
            Some(Ok(Outcome::BackPressure { retry_after })) => tokio::time::sleep(retry_after).await,
            Some(answer) => return queue::Ack::ready(answer),
        }
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

/// What kcat reads of a topic, in its format; `None` where it is not installed.
pub fn kcat(servers: &str, topic: &str, format: &str) -> Option<Vec<u8>> {
    let args = ["-C", "-b", servers, "-t", topic, "-o", "beginning", "-e", "-q", "-f", format];
    let out = Command::new("kcat").args(args).output().ok()?;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(out.stdout)
}

/// The error of a connection that must not come about.
pub async fn refused(options: Options) -> QueueError {
    match KafkaQueue::connect(options).await {
        Ok(_) => panic!("it connected"),
        Err(error) => error,
    }
}
