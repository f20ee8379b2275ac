//! The queue that the settings name.

use std::sync::Arc;

use base::Explain;
use config::{Config, QueueUrl, StoreConfig, StoreUrl};
use queue::{Producer, Queue, QueueError};
use queue_embedded::EmbeddedQueue;
use queue_remote::RemoteQueue;

use super::until_it_works;
use crate::failure::Failure;

/// Opens the queue that the settings name.
pub(crate) async fn open_queue(config: &Config) -> Result<Arc<dyn Queue>, Failure> {
    match &config.queue.url {
        QueueUrl::Embedded(folder) => {
            let queue = &config.queue;
            let options = queue_embedded::Options {
                partitions: queue.partitions,
                max_bytes: queue.retention_bytes.0,
                // What every group has read is of no more use here, unless somebody wants to read it again.
                keep_bytes: if queue.retention_age.is_zero() { 0 } else { queue.retention_bytes.0 / 2 },
                keep_age: queue.retention_age,
                reserve_free: reserve(&config.stores),
                ..queue_embedded::Options::default()
            };
            let queue = EmbeddedQueue::open(folder, options).map_err(|error| Failure::Failed(error.chain()))?;
            Ok(Arc::new(queue))
        }
        QueueUrl::Remote(url) => {
            let connect = || async { RemoteQueue::connect(url, None).await };
            Ok(Arc::new(until_it_works(connect, never).await.map_err(failure)?))
        }
        #[cfg(feature = "kafka")]
        QueueUrl::Kafka(brokers) => {
            let connect = || queue_kafka::KafkaQueue::connect(super::kafka::options(config, brokers));
            Ok(Arc::new(until_it_works(connect, never).await.map_err(failure)?))
        }
        #[cfg(not(feature = "kafka"))]
        QueueUrl::Kafka(_) => Err(Failure::Usage(
            "queue.url: this logdrive was built without Kafka; build it with 'cargo build --release --features kafka'"
                .to_owned(),
        )),
    }
}

/// A way into a topic; one that is not there, or may not be used, is waited for.
pub(crate) async fn open_producer(queue: &dyn Queue, topic: &str) -> Result<Arc<dyn Producer>, Failure> {
    until_it_works(|| queue.producer(topic), never).await.map_err(failure)
}

/// One bound for the disk that embedded queue and store are on.
fn reserve(stores: &[StoreConfig]) -> u64 {
    let embedded = stores.iter().filter(|store| matches!(store.url, StoreUrl::Embedded(_)));
    let bounds = embedded.map(|store| store.free_bytes_min.0);
    bounds.max().unwrap_or_else(|| queue_embedded::Options::default().reserve_free)
}

/// What no waiting makes right.
fn never(error: &QueueError) -> bool {
    !matches!(error, QueueError::Unavailable { .. } | QueueError::Refused { .. })
}

/// Of options that cannot be right, the reason says all: it names the key.
fn failure(error: QueueError) -> Failure {
    match error {
        QueueError::Invalid(reason) => Failure::Usage(reason),
        error => Failure::of(&error),
    }
}
