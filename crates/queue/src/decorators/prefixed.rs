//! Puts a prefix before every topic, so that several users of one queue do not meet.

use std::sync::Arc;

use async_trait::async_trait;
use model::QueueId;

use crate::driver::check_name;
use crate::{Consumer, Producer, Queue, QueueError, TopicStats};

/// A queue whose topics are those of another that begin with a prefix.
pub struct Prefixed {
    inner: Arc<dyn Queue>,
    prefix: String,
}

impl Prefixed {
    /// Topic `name` is topic `prefix` + `name` of `inner`.
    pub fn new(inner: Arc<dyn Queue>, prefix: &str) -> Self {
        Self { inner, prefix: prefix.to_owned() }
    }

    fn name(&self, topic: &str) -> Result<String, QueueError> {
        check_name("topic", topic)?;
        Ok(format!("{}{topic}", self.prefix))
    }
}

#[async_trait]
impl Queue for Prefixed {
    fn id(&self) -> QueueId {
        self.inner.id()
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        self.inner.producer(&self.name(topic)?).await
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consumer(&self.name(topic)?, group).await
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        self.inner.stats(&self.name(topic)?).await
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        self.inner.forget(&self.name(topic)?, group).await
    }

    async fn close(&self) -> Result<(), QueueError> {
        self.inner.close().await
    }
}
