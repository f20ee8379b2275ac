//! From a URL to an engine: the one place that names the drivers.

use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Explain, Retry};
use config::{Config, QueueUrl, StoreConfig, StoreUrl};
use queue::Queue;
use queue_embedded::EmbeddedQueue;
use queue_remote::RemoteQueue;
use store::Store;
use store_embedded::EmbeddedStore;

use crate::failure::Failure;
use crate::terminal::note;

/// Opens the queue that the settings name.
pub(crate) async fn open_queue(config: &Config) -> Result<Arc<dyn Queue>, Failure> {
    // One bound for the disk that both engines are on.
    let (config, reserve_free) = (&config.queue, config.stores[0].free_bytes_min.0);
    match &config.url {
        QueueUrl::Embedded(folder) => {
            let options = queue_embedded::Options {
                partitions: config.partitions,
                max_bytes: config.retention_bytes.0,
                // What every group has read is of no more use here, unless somebody wants to read it again.
                keep_bytes: if config.retention_age.is_zero() { 0 } else { config.retention_bytes.0 / 2 },
                keep_age: config.retention_age,
                reserve_free,
                ..queue_embedded::Options::default()
            };
            let queue = EmbeddedQueue::open(folder, options).map_err(|error| Failure::Failed(error.chain()))?;
            Ok(Arc::new(queue))
        }
        QueueUrl::Remote(url) => connect(url).await,
        QueueUrl::Kafka(_) => Err(Failure::Usage("queue.url: Kafka is not supported yet".to_owned())),
    }
}

/// Waits for a server that is not there yet: the files keep their lines until it is.
async fn connect(url: &str) -> Result<Arc<dyn Queue>, Failure> {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10), 1);
    loop {
        let error = match RemoteQueue::connect(url, None).await {
            Ok(queue) => return Ok(Arc::new(queue)),
            Err(error) => error,
        };
        if error.retry() == Retry::Never {
            return Err(Failure::of(&error));
        }
        if backoff.tries() == 0 {
            note(&format!("waiting for the server: {}", error.chain()));
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

/// Opens the store that the settings name.
pub(crate) fn open_store(config: &StoreConfig) -> Result<Arc<dyn Store>, Failure> {
    match &config.url {
        StoreUrl::Embedded(folder) => {
            let options = store_embedded::Options {
                head_bytes: config.head_bytes,
                head_age: config.head_age,
                retention_age: config.retention_age,
                retention_bytes: config.retention_bytes,
                free_bytes_min: config.free_bytes_min,
                ..store_embedded::Options::default()
            };
            let store = EmbeddedStore::open(folder, options).map_err(|error| Failure::Failed(error.chain()))?;
            Ok(store)
        }
        StoreUrl::Search { .. } => Err(Failure::Usage("store.url: search engines are not supported yet".to_owned())),
    }
}
