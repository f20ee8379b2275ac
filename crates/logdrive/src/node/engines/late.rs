//! A way into a topic that may not be there yet, and for which nothing else waits.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, SourceKey};
use queue::{Ack, Outcome, Position, Producer, Queue, QueueError};
use runtime::Supervisor;

use super::open_producer;

/// How long to wait where the topic is not open yet.
const SOON: Duration = Duration::from_secs(1);

/// Answers that there is no room until its topic is open.
pub(crate) struct Late {
    opened: OnceLock<Arc<dyn Producer>>,
    keeps_positions: bool,
    topic: &'static str,
}

impl Late {
    /// Opens `topic` under the supervisor, however long that takes.
    pub(crate) fn open(
        queue: Arc<dyn Queue>,
        topic: &'static str,
        keeps_positions: bool,
        supervisor: &Supervisor,
    ) -> Arc<dyn Producer> {
        let late = Arc::new(Self { opened: OnceLock::new(), keeps_positions, topic });
        let opening = late.clone();
        supervisor.spawn(format!("open-{topic}"), move |shutdown| {
            let (queue, late) = (queue.clone(), opening.clone());
            async move {
                let opened = tokio::select! {
                    opened = open_producer(&*queue, topic) => opened,
                    () = shutdown.called() => return Ok(()),
                };
                // Set at most once: this worker ends with it.
                let _ = late.opened.set(opened.map_err(|failure| failure.to_string())?);
                Ok::<(), String>(())
            }
        });
        late
    }
}

#[async_trait]
impl Producer for Late {
    fn append(&self, batch: Batch) -> Ack {
        match self.opened.get() {
            Some(producer) => producer.append(batch),
            None => Ack::ready(Ok(Outcome::BackPressure { retry_after: SOON })),
        }
    }

    fn keeps_positions(&self) -> bool {
        self.keeps_positions
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        match self.opened.get() {
            Some(producer) => producer.positions(keys).await,
            None => Err(QueueError::Unavailable {
                at: format!("topic {}", self.topic),
                reason: "it is not open yet".to_owned(),
            }),
        }
    }
}
