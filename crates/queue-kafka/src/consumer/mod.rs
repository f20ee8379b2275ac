//! Members of consumer groups, and what they read.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Cursors, Partition};
use queue::{Delivery, PollOptions, QueueError, TopicStats};

use crate::client::Cluster;

/// A member of a consumer group.
pub(crate) struct KafkaConsumer;

impl KafkaConsumer {
    pub(crate) async fn join(_cluster: Arc<Cluster>, _topic: &str, _group: &str) -> Result<Self, QueueError> {
        Ok(Self)
    }
}

pub(crate) async fn stats(_cluster: &Arc<Cluster>, _topic: &str) -> Result<TopicStats, QueueError> {
    Ok(TopicStats::default())
}

#[async_trait]
impl queue::Consumer for KafkaConsumer {
    async fn poll(&mut self, _options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        Ok(Vec::new())
    }

    fn assignment(&self) -> Vec<Partition> {
        Vec::new()
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        Ok(Cursors::default())
    }

    async fn seek(&mut self, _cursors: &Cursors) -> Result<(), QueueError> {
        Ok(())
    }

    async fn commit(&mut self, _cursors: &Cursors) -> Result<(), QueueError> {
        Ok(())
    }
}
