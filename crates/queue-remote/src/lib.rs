//! The embedded queue of another process, over its HTTP API.
//!
//! Decision: calls are plain blocking HTTP on threads of their own, one for each topic that is written, the pool of
//! blocking threads for the rest. So an agent needs no HTTP stack for sockets that wait, and batches that arrive while
//! one call is under way form the next, like the group commit at the other end. Every call may be repeated.
//!
//! Must not know: how the other side keeps its data.
#![deny(missing_docs)]

mod client;
mod consumer;
mod producer;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::QueueId;
use parking_lot::Mutex;
use queue::driver::check_name;
use queue::remote::wire::{self, Call};
use queue::{Consumer, LINES, Producer, Queue, QueueError, TopicStats};

use client::Client;
use consumer::RemoteConsumer;
use producer::RemoteProducer;

/// A queue behind `http://host:port`.
pub struct RemoteQueue {
    client: Arc<Client>,
    id: QueueId,
    producers: Mutex<HashMap<String, Arc<RemoteProducer>>>,
}

impl RemoteQueue {
    /// Asks the server at `url` for its queue's identity; `token` is sent along with every call.
    ///
    /// # Errors
    /// `Invalid` where the URL is none or the token is refused, `Unavailable` where the server cannot be reached.
    pub async fn connect(url: &str, token: Option<&str>) -> Result<Self, QueueError> {
        let client = Arc::new(Client::new(url, token)?);
        let answer = client.ask(LINES, Call::Id, Vec::new()).await?;
        let id = answer.first_chunk::<8>().map(|id| QueueId(u64::from_le_bytes(*id)));
        let id = id.ok_or_else(|| wire::malformed(&model::WireError::Short))?;
        Ok(Self { client, id, producers: Mutex::default() })
    }
}

#[async_trait]
impl Queue for RemoteQueue {
    fn id(&self) -> QueueId {
        self.id
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        check_name("topic", topic)?;
        let mut producers = self.producers.lock();
        if let Some(producer) = producers.get(topic) {
            return Ok(Arc::clone(producer) as Arc<dyn Producer>);
        }
        let producer = Arc::new(RemoteProducer::start(Arc::clone(&self.client), topic)?);
        producers.insert(topic.to_owned(), Arc::clone(&producer));
        Ok(producer)
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        check_name("topic", topic)?;
        check_name("group", group)?;
        Ok(Box::new(RemoteConsumer::join(Arc::clone(&self.client), topic, group).await?))
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        let answer = self.client.ask(topic, Call::Stats, Vec::new()).await?;
        wire::stats(&answer).map_err(|e| wire::malformed(&e))
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        check_name("topic", topic)?;
        check_name("group", group)?;
        let mut body = Vec::new();
        wire::put_join(0, group, &mut body);
        self.client.ask(topic, Call::Forget, body).await.map(drop)
    }

    async fn close(&self) -> Result<(), QueueError> {
        let producers: Vec<_> = self.producers.lock().drain().map(|(_, producer)| producer).collect();
        let ended = runtime::blocking(move || producers.iter().for_each(|producer| producer.stop()));
        ended.await.map_err(|_| QueueError::Closed {
            at: self.client.url().to_owned(),
            reason: "the process is ending".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
