//! The queue on Apache Kafka: one message per record, so that any consumer reads the plain lines.
//!
//! Decision: what goes out is written by us, straight from the verbatim range into record batches that the broker
//! stores as they are; what comes in is read by us too, and only the membership of consumer groups is left to
//! librdkafka. Kafka does not keep how far each source is held, so the producer is idempotent only within its life
//! ([`queue::Producer::keeps_positions`]); what arrives twice is recognised by its id in the store.
//!
//! Must not know: files, how lines are parsed, any store.
#![deny(missing_docs)]

pub mod client;
#[cfg(feature = "consumer")]
mod consumer;
mod error;
mod options;
pub mod producer;
pub mod record;
mod topics;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::QueueId;
use parking_lot::Mutex;
use queue::driver::check_name;
use queue::{Consumer, Producer, Queue, QueueError, TopicStats};

use client::Cluster;
pub use options::{Acks, Compression, Framing, Mechanism, NewTopics, Options, Partitioner, Route, Sasl, Tls};
use producer::KafkaProducer;
pub use topics::{Template, seam_partition, topic_hash};

/// A Kafka cluster as a queue.
pub struct KafkaQueue {
    cluster: Arc<Cluster>,
    producers: Mutex<HashMap<String, Arc<KafkaProducer>>>,
}

impl KafkaQueue {
    /// Asks the brokers who they are. Must be called within a tokio runtime; connections live in it.
    ///
    /// # Errors
    /// `Invalid` where the options cannot be right, `Unavailable` where no broker answers, `Refused` where one says no.
    pub async fn connect(options: Options) -> Result<Self, QueueError> {
        options.check()?;
        let cluster = Cluster::connect(options).await?;
        Ok(Self { cluster, producers: Mutex::default() })
    }

    /// The connections, for whoever looks closer than the seam does.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }
}

#[async_trait]
impl Queue for KafkaQueue {
    fn id(&self) -> QueueId {
        self.cluster.id()
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        check_name("topic", topic)?;
        if let Some(held) = self.producers.lock().get(topic) {
            return Ok(held.clone());
        }
        let made = KafkaProducer::open(self.cluster.clone(), topic).await?;
        Ok(self.producers.lock().entry(topic.to_owned()).or_insert(made).clone())
    }

    #[cfg(feature = "consumer")]
    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        check_name("topic", topic)?;
        check_name("group", group)?;
        Ok(Box::new(consumer::KafkaConsumer::join(self.cluster.clone(), topic, group).await?))
    }

    #[cfg(not(feature = "consumer"))]
    async fn consumer(&self, _topic: &str, _group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        Err(QueueError::Invalid("this logdrive was built without the feature 'consumer' of queue-kafka".to_owned()))
    }

    #[cfg(feature = "consumer")]
    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        check_name("topic", topic)?;
        let mut stats = consumer::stats(&self.cluster, topic).await?;
        stats.paused = self.producers.lock().get(topic).and_then(|producer| producer.problem());
        Ok(stats)
    }

    #[cfg(not(feature = "consumer"))]
    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        let paused = self.producers.lock().get(topic).and_then(|producer| producer.problem());
        Ok(TopicStats { paused, ..TopicStats::default() })
    }

    #[cfg(feature = "consumer")]
    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        check_name("topic", topic)?;
        check_name("group", group)?;
        consumer::forget(&self.cluster, topic, group).await
    }

    #[cfg(not(feature = "consumer"))]
    async fn forget(&self, _topic: &str, _group: &str) -> Result<(), QueueError> {
        Err(QueueError::Invalid("this logdrive was built without the feature 'consumer' of queue-kafka".to_owned()))
    }

    async fn close(&self) -> Result<(), QueueError> {
        let producers: Vec<_> = self.producers.lock().values().cloned().collect();
        for producer in producers {
            producer.close().await?;
        }
        self.cluster.close();
        Ok(())
    }
}
