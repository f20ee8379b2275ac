//! Kafka keeps the contract of queues, in both framings.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use e2e::services::address;
use model::QueueId;
use queue::decorators::Faulty;
use queue::testing::{Capabilities, run, survives_reopening_as};
use queue::{Consumer, LINES, Producer, Queue, QueueError, TopicStats};
use queue_kafka::{Framing, KafkaQueue, Options};
use tokio::sync::Mutex;

use crate::common::options;

const fn capabilities(framing: Framing) -> Capabilities {
    let whole = matches!(framing, Framing::Batch);
    Capabilities { partitions: 2, capacity: None, keeps_positions: false, keeps_batches: whole, dense_offsets: whole }
}

/// Kafka, with each topic of the suite as the lines of a queue of its own: only lines may go batch by batch.
struct Lines {
    options: Options,
    id: QueueId,
    queues: Mutex<HashMap<String, Arc<KafkaQueue>>>,
}

impl Lines {
    async fn connect(options: Options) -> Self {
        let id = KafkaQueue::connect(options.clone()).await.expect("connects").id();
        Self { options, id, queues: Mutex::default() }
    }

    async fn queue(&self, topic: &str) -> Result<Arc<KafkaQueue>, QueueError> {
        let mut queues = self.queues.lock().await;
        if let Some(queue) = queues.get(topic) {
            return Ok(queue.clone());
        }
        let mut options = self.options.clone();
        topic.clone_into(&mut options.lines.topic);
        let queue = Arc::new(KafkaQueue::connect(options).await?);
        queues.insert(topic.to_owned(), queue.clone());
        Ok(queue)
    }
}

#[async_trait]
impl Queue for Lines {
    fn id(&self) -> QueueId {
        self.id
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        self.queue(topic).await?.producer(LINES).await
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        self.queue(topic).await?.consumer(LINES, group).await
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        self.queue(topic).await?.stats(LINES).await
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        self.queue(topic).await?.forget(LINES, group).await
    }

    async fn close(&self) -> Result<(), QueueError> {
        for queue in self.queues.lock().await.values() {
            queue.close().await?;
        }
        Ok(())
    }
}

async fn keeps_the_contract(framing: Framing, test: &str) {
    let Some(servers) = address("KAFKA", test) else { return };
    let options = options(&servers, "suite", 2, framing);
    let queue = Lines::connect(options.clone()).await;
    run(&queue, &capabilities(framing)).await;
    survives_reopening_as(Arc::new(queue), &capabilities(framing), |before| async move {
        before.close().await.expect("closes");
        drop(before);
        Arc::new(Lines::connect(options).await) as Arc<dyn Queue>
    })
    .await;
}

#[tokio::test]
async fn a_message_per_record_keeps_the_contract() {
    keeps_the_contract(Framing::Record, "a_message_per_record_keeps_the_contract").await;
}

#[tokio::test]
async fn a_message_per_batch_keeps_the_contract() {
    keeps_the_contract(Framing::Batch, "a_message_per_batch_keeps_the_contract").await;
}

#[tokio::test]
async fn faults_are_survived() {
    let Some(servers) = address("KAFKA", "faults_are_survived") else { return };
    let queue = KafkaQueue::connect(options(&servers, "faulty", 2, Framing::Record)).await.expect("connects");
    run(&Faulty::new(Arc::new(queue), 7, 0.05), &capabilities(Framing::Record)).await;
}
