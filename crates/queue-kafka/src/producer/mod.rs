//! Batches into Kafka.
//!
//! Decision: one task owns everything that is on its way (no lock per batch beyond the one of the inbox, none per
//! line), encoding and compressing goes to threads, and each partition is a lane in which nothing overtakes. What a
//! broker refuses for the moment stays in its lane and is sent again; nobody but the bound of bytes in flight tells the
//! files to wait.

mod compress;
pub mod encode;
mod engine;
mod labels;
mod lane;
#[cfg(test)]
mod lane_tests;
mod letters;
mod partition;
mod request;
mod routes;
mod shared;
mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, BatchFlags, Codec, SourceKey};
use queue::driver::check_batch;
use queue::{Ack, Outcome, Position, Producer, QueueError};
use runtime::{Ahead, ahead};
use tokio::time::{Instant, timeout};

use crate::client::Cluster;
use engine::Engine;
pub(crate) use shared::Budget;
pub use shared::Counts;
use shared::Shared;
use sources::Taken;

/// After back-pressure it is worth trying again: about the time of a request.
const RETRY_AFTER: Duration = Duration::from_millis(20);
/// What a batch takes besides its payload, about.
const OVERHEAD: usize = 512;
/// How long closing waits for what is on its way.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// A way into one topic of the seam.
pub struct KafkaProducer {
    cluster: Arc<Cluster>,
    shared: Arc<Shared>,
    _engine: Ahead<()>,
}

impl KafkaProducer {
    /// Opens a topic. Where its name is constant, it must be there, or it is made.
    ///
    /// # Errors
    /// `Refused` where there is no such topic and none is to be made.
    pub async fn open(cluster: Arc<Cluster>, topic: &str) -> Result<Arc<Self>, QueueError> {
        for name in cluster.options().topics_of(topic) {
            if !name.contains('{') {
                cluster.topic(&name).await?;
            }
        }
        let shared = Arc::new(Shared::new(cluster.address()));
        let engine = Engine::new(cluster.clone(), shared.clone(), topic)?;
        Ok(Arc::new(Self { cluster, shared, _engine: ahead(engine.run()) }))
    }

    /// Why something does not get on now, if so.
    pub fn problem(&self) -> Option<String> {
        self.shared.problem()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Takes nothing more and waits until all that was taken is durable.
    ///
    /// # Errors
    /// `Unavailable` where that takes too long.
    pub async fn close(&self) -> Result<(), QueueError> {
        self.shared.close();
        let drained = timeout(CLOSE_WITHIN, self.shared.drained()).await;
        drained.map_err(|_| QueueError::Unavailable {
            at: self.cluster.address(),
            reason: self.problem().unwrap_or_else(|| "what was sent last is not acknowledged".to_owned()),
        })
    }

    fn take(&self, batch: Batch) -> Ack {
        if let Err(error) = self.check(&batch) {
            return Ack::ready(Err(error));
        }
        let (sender, ack) = Ack::channel();
        let cost = batch.payload.len() + OVERHEAD;
        let mut inbox = self.shared.inbox.lock();
        if let Some(closed) = &inbox.closed {
            return Ack::ready(Err(closed.clone()));
        }
        // A dead letter belongs to no contiguous range: whatever comes is taken.
        let letter = batch.header.flags.has(BatchFlags::DEAD_LETTER);
        if !letter {
            match inbox.sources.judge(&batch.header) {
                Taken::Take => {}
                Taken::Is(outcome) => return Ack::ready(Ok(outcome)),
                Taken::Wait => {
                    inbox.sources.wait(batch.header.key, batch.header.end, sender);
                    return ack;
                }
            }
        }
        if !self.cluster.budget().take(cost) {
            return Ack::ready(Ok(Outcome::BackPressure { retry_after: RETRY_AFTER }));
        }
        if !letter {
            inbox.sources.take(&batch.header, Instant::now());
        }
        inbox.push(batch, cost, sender);
        drop(inbox);
        self.shared.wake.notify_one();
        ack
    }

    fn check(&self, batch: &Batch) -> Result<(), QueueError> {
        check_batch(batch, self.cluster.options().in_flight_bytes)?;
        if batch.header.codec == Codec::None {
            return Ok(());
        }
        let what = "a batch for Kafka must not be compressed: Kafka compresses it; set agent.compression = \"none\"";
        Err(QueueError::Invalid(what.to_owned()))
    }
}

#[async_trait]
impl Producer for KafkaProducer {
    fn append(&self, batch: Batch) -> Ack {
        self.take(batch)
    }

    fn keeps_positions(&self) -> bool {
        false
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        let inbox = self.shared.inbox.lock();
        Ok(keys.iter().map(|key| inbox.sources.position(*key)).collect())
    }
}
