//! A member of a group at the server.
//!
//! A member that the server no longer knows (it restarted, or we were silent for too long) joins again and reads on
//! from what the group has committed: some batches come twice, none is left out.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use model::wire::Reader;
use model::{Cursors, Partition, WireError};
use parking_lot::Mutex;
use queue::remote::wire::{self, Call, MAX_WAIT, Poll, Polled};
use queue::{Consumer, Delivery, PollOptions, QueueError};

use crate::client::Client;

const TRIES: usize = 3;

/// A member of a group at the server.
pub struct RemoteConsumer {
    client: Arc<Client>,
    topic: String,
    group: String,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    member: u64,
    /// Polls answered.
    polls: u64,
    assignment: Vec<Partition>,
}

fn malformed(error: WireError) -> QueueError {
    wire::malformed(&error)
}

impl RemoteConsumer {
    pub async fn join(client: Arc<Client>, topic: &str, group: &str) -> Result<Self, QueueError> {
        let consumer = Self { client, topic: topic.to_owned(), group: group.to_owned(), state: Mutex::default() };
        consumer.join_again().await?;
        Ok(consumer)
    }

    async fn join_again(&self) -> Result<(), QueueError> {
        let member = RandomState::new().build_hasher().finish();
        let mut body = Vec::new();
        wire::put_join(member, &self.group, &mut body);
        let mut tries = 0;
        // Repeated here under the same number: were its answer lost, the next try under another one would share the
        // partitions with a member that is nobody.
        let answer = loop {
            tries += 1;
            match self.client.ask(&self.topic, Call::Join, body.clone()).await {
                Err(QueueError::Unavailable { .. }) if tries < TRIES => {}
                answer => break answer?,
            }
        };
        let assignment = wire::partitions(&mut Reader::new(&answer)).map_err(malformed)?;
        *self.state.lock() = State { member, polls: 0, assignment };
        Ok(())
    }

    fn member(&self) -> u64 {
        self.state.lock().member
    }

    /// Calls as the member that we are; joins again where the server does not know it.
    async fn ask(&self, call: Call, body: impl Fn(&State, &mut Vec<u8>)) -> Result<Bytes, QueueError> {
        let mut joined = false;
        loop {
            let mut bytes = Vec::new();
            body(&self.state.lock().clone(), &mut bytes);
            match self.client.ask(&self.topic, call, bytes).await {
                Err(error) if !joined && wire::is_unknown_member(&error) => {
                    tracing::info!(topic = %self.topic, group = %self.group, "the server forgot us: joining again");
                    self.join_again().await?;
                    joined = true;
                }
                answer => return answer,
            }
        }
    }
}

#[async_trait]
impl Consumer for RemoteConsumer {
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        let deadline = Instant::now() + options.max_wait.min(Duration::from_secs(24 * 3600));
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = self
                .ask(Call::Poll, |state, out| {
                    let (max_bytes, max_wait) = (options.max_bytes as u64, left.min(MAX_WAIT));
                    Poll { member: state.member, number: state.polls + 1, max_bytes, max_wait }.put(out);
                })
                .await?;
            let polled = Polled::take(answer).map_err(malformed)?;
            let mut state = self.state.lock();
            state.polls += 1;
            state.assignment = polled.assignment;
            if !polled.deliveries.is_empty() || left <= MAX_WAIT {
                return Ok(polled.deliveries);
            }
        }
    }

    fn assignment(&self) -> Vec<Partition> {
        self.state.lock().assignment.clone()
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        let answer = self.ask(Call::Committed, |state, out| wire::put_join(state.member, "", out)).await?;
        wire::cursors(&mut Reader::new(&answer)).map_err(malformed)
    }

    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        let answer = self.ask(Call::Seek, |state, out| wire::put_member_cursors(state.member, cursors, out)).await?;
        self.state.lock().assignment = wire::partitions(&mut Reader::new(&answer)).map_err(malformed)?;
        Ok(())
    }

    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.ask(Call::Commit, |state, out| wire::put_member_cursors(state.member, cursors, out)).await.map(drop)
    }
}

impl Drop for RemoteConsumer {
    fn drop(&mut self) {
        let mut body = Vec::new();
        wire::put_join(self.member(), "", &mut body);
        let (client, topic) = (Arc::clone(&self.client), std::mem::take(&mut self.topic));
        // Not waited for; where it does not arrive, the server notices the silence.
        let leave = move || {
            let left = (0..TRIES).any(|_| client.call(&topic, Call::Leave, &body).is_ok());
            tracing::debug!(%topic, left, "a consumer ends");
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            drop(runtime::blocking(leave));
        } else {
            leave();
        }
    }
}
