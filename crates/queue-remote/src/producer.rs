//! Appends to one topic: a thread that sends what has gathered, one call at a time, so that the order stays.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, SourceKey};
use parking_lot::{Condvar, Mutex};
use queue::driver::check_batch;
use queue::remote::wire::{self, Call, MAX_BODY};
use queue::{Ack, AckSender, Outcome, Position, Producer, QueueError};
use runtime::{JoinHandle, spawn_thread};

use crate::client::Client;

/// Most bytes taken and not yet answered.
const MAX_IN_FLIGHT: usize = 32 << 20;
/// Most bytes of payload in one call.
const MAX_CALL: usize = 8 << 20;
/// Longest payload.
const MAX_BATCH: usize = 16 << 20;
const SOON: Duration = Duration::from_millis(10);
/// What a batch costs besides its payload, in bytes.
const OVERHEAD: usize = 512;

const _: () = assert!(MAX_CALL + MAX_BATCH < MAX_BODY, "a call fits what servers take");

/// A way into a topic of the server.
pub struct RemoteProducer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    client: Arc<Client>,
    topic: String,
    inbox: Mutex<Inbox>,
    wake: Condvar,
}

#[derive(Default)]
struct Inbox {
    waiting: VecDeque<(Batch, AckSender)>,
    in_flight: usize,
    stop: bool,
}

fn cost(batch: &Batch) -> usize {
    batch.payload.len() + OVERHEAD
}

impl RemoteProducer {
    pub fn start(client: Arc<Client>, topic: &str) -> Result<Self, QueueError> {
        let shared = Shared { client, topic: topic.to_owned(), inbox: Mutex::default(), wake: Condvar::new() };
        let shared = Arc::new(shared);
        let sender = Arc::clone(&shared);
        let thread = spawn_thread(&format!("r-{topic}"), move || sender.run()).map_err(|error| {
            let path = format!("{}/{topic}", shared.client.url());
            QueueError::Io { action: "start a thread for", path, reason: error.to_string() }
        })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Takes nothing more, and waits until what was taken is answered.
    pub fn stop(&self) {
        self.shared.stop();
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(topic = %self.shared.topic, "the sender of the remote queue panicked");
        }
    }
}

impl Drop for RemoteProducer {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.inbox.lock().stop = true;
        self.wake.notify_one();
    }

    fn run(&self) {
        while let Some(group) = self.next_group() {
            let used: usize = group.iter().map(|(batch, _)| cost(batch)).sum();
            let outcomes = self.send(&group);
            self.inbox.lock().in_flight -= used;
            for ((_, ack), outcome) in group.into_iter().zip(outcomes) {
                // Whoever no longer waits does not want to know.
                let _ = ack.send(outcome);
            }
        }
    }

    /// Waits for batches; `None` when it is time to end and all are sent.
    fn next_group(&self) -> Option<Vec<(Batch, AckSender)>> {
        let mut inbox = self.inbox.lock();
        while inbox.waiting.is_empty() {
            if inbox.stop {
                return None;
            }
            self.wake.wait(&mut inbox);
        }
        let mut bytes = 0;
        let fits = |(batch, _): &&(Batch, AckSender)| {
            let first = bytes == 0;
            bytes += cost(batch);
            first || bytes <= MAX_CALL
        };
        let count = inbox.waiting.iter().take_while(fits).count();
        Some(inbox.waiting.drain(..count).collect())
    }

    fn send(&self, group: &[(Batch, AckSender)]) -> Vec<Result<Outcome, QueueError>> {
        let mut body = Vec::with_capacity(group.iter().map(|(batch, _)| cost(batch)).sum());
        group.iter().for_each(|(batch, _)| wire::put_batch(batch, &mut body));
        let answer = self.client.call(&self.topic, Call::Append, &body);
        let outcomes = answer.and_then(|answer| wire::outcomes(&answer).map_err(|e| wire::malformed(&e)));
        match outcomes {
            Ok(outcomes) if outcomes.len() == group.len() => outcomes,
            Ok(_) => vec![Err(wire::malformed(&model::WireError::Malformed("number of outcomes"))); group.len()],
            Err(error) => vec![Err(error); group.len()],
        }
    }
}

#[async_trait]
impl Producer for RemoteProducer {
    fn append(&self, batch: Batch) -> Ack {
        if let Err(error) = check_batch(&batch, MAX_BATCH) {
            return Ack::ready(Err(error));
        }
        let mut inbox = self.shared.inbox.lock();
        if inbox.stop {
            let at = self.shared.client.url().to_owned();
            return Ack::ready(Err(QueueError::Closed { at, reason: "it was closed".to_owned() }));
        }
        if inbox.in_flight > 0 && inbox.in_flight + cost(&batch) > MAX_IN_FLIGHT {
            return Ack::ready(Ok(Outcome::BackPressure { retry_after: SOON }));
        }
        let (sender, ack) = Ack::channel();
        inbox.in_flight += cost(&batch);
        inbox.waiting.push_back((batch, sender));
        self.shared.wake.notify_one();
        ack
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        let mut body = Vec::new();
        wire::put_keys(keys, &mut body);
        let answer = self.shared.client.ask(&self.shared.topic, Call::Positions, body).await?;
        wire::positions(&answer).map_err(|e| wire::malformed(&e))
    }
}
