//! The side that has the queue: answers calls, and keeps a consumer for each remote member.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::WireError;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::wire::{self, Call, Poll, Polled};
use crate::{Consumer, Outcome, PollOptions, Queue, QueueError};

/// Bounds on remote members.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Most members at once.
    pub members: usize,
    /// A member that has not called for so long has left.
    pub silence: Duration,
    /// Most bytes in one answer to a poll.
    pub max_bytes: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { members: 1000, silence: Duration::from_secs(60), max_bytes: 8 << 20 }
    }
}

/// Answers the calls of remote queues.
pub struct Server {
    queue: Arc<dyn Queue>,
    limits: SessionLimits,
    members: Mutex<HashMap<u64, Arc<Member>>>,
}

struct Member {
    topic: String,
    seen: Mutex<Instant>,
    session: tokio::sync::Mutex<Session>,
}

struct Session {
    consumer: Box<dyn Consumer>,
    /// The number of the last poll and its answer, to be given again if it was lost.
    last: Option<(u64, Bytes)>,
}

impl Server {
    /// Offers a queue.
    pub fn new(queue: Arc<dyn Queue>, limits: SessionLimits) -> Self {
        Self { queue, limits, members: Mutex::default() }
    }

    /// Answers one call.
    pub async fn call(&self, topic: &str, call: Call, body: Bytes) -> Bytes {
        let done = match call {
            Call::Id => Ok(wire::answer(Ok(self.queue.id()), |id, out| out.extend_from_slice(&id.0.to_le_bytes()))),
            Call::Append => self.append(topic, body).await,
            Call::Positions => self.positions(topic, &body).await,
            Call::Join => self.join(topic, &body).await,
            Call::Leave => self.leave(&body),
            Call::Poll => return self.poll(&body).await.unwrap_or_else(|error| refused(error).into()),
            Call::Committed => self.committed(&body).await,
            Call::Seek => self.seek(&body).await,
            Call::Commit => self.commit(&body).await,
            Call::Forget => self.forget(topic, &body).await,
            Call::Stats => self.queue.stats(topic).await.map(|stats| wire::answer(Ok(stats), wire::put_stats)),
        };
        done.unwrap_or_else(refused).into()
    }

    async fn append(&self, topic: &str, body: Bytes) -> Result<Vec<u8>, QueueError> {
        let batches = wire::take_batches(body).map_err(malformed)?;
        if let Some(batch) = batches.iter().find(|b| crc32c::crc32c(&b.payload) != b.header.payload_crc) {
            let header = &batch.header;
            let range = format!("{} {}..{}", header.key, header.start, header.end);
            return Err(QueueError::Invalid(format!("the payload of {range} changed on the way")));
        }
        let producer = self.queue.producer(topic).await?;
        let acks: Vec<_> = batches.into_iter().map(|batch| producer.append(batch)).collect();
        let mut outcomes: Vec<Result<Outcome, QueueError>> = Vec::with_capacity(acks.len());
        for ack in acks {
            outcomes.push(ack.await);
        }
        Ok(wire::answer(Ok(outcomes), |outcomes, out| wire::put_outcomes(outcomes, out)))
    }

    async fn positions(&self, topic: &str, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let keys = wire::keys(body).map_err(malformed)?;
        let positions = self.queue.producer(topic).await?.positions(&keys).await?;
        Ok(wire::answer(Ok(positions), |positions, out| wire::put_positions(positions, out)))
    }

    async fn join(&self, topic: &str, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let (id, group) = wire::join(body).map_err(malformed)?;
        self.forget_silent();
        let known = self.members.lock().get(&id).cloned();
        let member = match known {
            Some(member) if member.topic == topic => member,
            Some(_) => return Err(QueueError::Invalid("this member reads another topic".to_owned())),
            None => {
                let consumer = self.queue.consumer(topic, &group).await?;
                let session = tokio::sync::Mutex::new(Session { consumer, last: None });
                let member = Member { topic: topic.to_owned(), seen: Mutex::new(Instant::now()), session };
                self.admit(id, Arc::new(member))?
            }
        };
        let assignment = member.session.lock().await.consumer.assignment();
        Ok(wire::answer(Ok(assignment), |assignment, out| wire::put_partitions(assignment, out)))
    }

    fn admit(&self, id: u64, member: Arc<Member>) -> Result<Arc<Member>, QueueError> {
        let mut members = self.members.lock();
        if members.len() >= self.limits.members {
            let reason = format!("{} remote consumers are connected, no more are taken", members.len());
            return Err(QueueError::Unavailable { at: "the server".to_owned(), reason });
        }
        // Where a repeated call was quicker, its member stays and this one leaves its group again.
        Ok(Arc::clone(members.entry(id).or_insert(member)))
    }

    fn forget_silent(&self) {
        let mut members = self.members.lock();
        members.retain(|_, member| {
            member.session.try_lock().is_err() || member.seen.lock().elapsed() < self.limits.silence
        });
    }

    fn member(&self, id: u64) -> Result<Arc<Member>, QueueError> {
        self.forget_silent();
        let member = self.members.lock().get(&id).cloned().ok_or_else(wire::unknown_member)?;
        *member.seen.lock() = Instant::now();
        Ok(member)
    }

    fn leave(&self, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let (id, _) = wire::join(body).map_err(malformed)?;
        drop(self.members.lock().remove(&id));
        Ok(wire::answer(Ok(()), |(), _| {}))
    }

    async fn poll(&self, body: &[u8]) -> Result<Bytes, QueueError> {
        let poll = Poll::take(body).map_err(malformed)?;
        let member = self.member(poll.member)?;
        let mut session = member.session.lock().await;
        if let Some((number, answer)) = &session.last
            && *number == poll.number
        {
            return Ok(answer.clone());
        }
        let max_bytes = usize::try_from(poll.max_bytes).unwrap_or(usize::MAX).min(self.limits.max_bytes);
        let options = PollOptions { max_bytes, max_wait: poll.max_wait.min(wire::MAX_WAIT) };
        let deliveries = session.consumer.poll(options).await?;
        let polled = Polled { assignment: session.consumer.assignment(), deliveries };
        let answer = Bytes::from(wire::answer(Ok(polled), Polled::put));
        session.last = Some((poll.number, answer.clone()));
        *member.seen.lock() = Instant::now();
        Ok(answer)
    }

    async fn forget(&self, topic: &str, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let (_, group) = wire::join(body).map_err(malformed)?;
        // Members that are gone without a word read no more.
        self.forget_silent();
        self.queue.forget(topic, &group).await?;
        Ok(wire::answer(Ok(()), |(), _| {}))
    }

    async fn committed(&self, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let (id, _) = wire::join(body).map_err(malformed)?;
        let member = self.member(id)?;
        let cursors = member.session.lock().await.consumer.committed().await?;
        Ok(wire::answer(Ok(cursors), wire::put_cursors))
    }

    async fn seek(&self, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let (id, cursors) = wire::member_cursors(body).map_err(malformed)?;
        let member = self.member(id)?;
        let mut session = member.session.lock().await;
        session.consumer.seek(&cursors).await?;
        session.last = None;
        let assignment = session.consumer.assignment();
        Ok(wire::answer(Ok(assignment), |assignment, out| wire::put_partitions(assignment, out)))
    }

    async fn commit(&self, body: &[u8]) -> Result<Vec<u8>, QueueError> {
        let (id, cursors) = wire::member_cursors(body).map_err(malformed)?;
        let member = self.member(id)?;
        member.session.lock().await.consumer.commit(&cursors).await?;
        Ok(wire::answer(Ok(()), |(), _| {}))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is used as a function value")]
fn malformed(error: WireError) -> QueueError {
    wire::malformed(&error)
}

fn refused(error: QueueError) -> Vec<u8> {
    wire::answer(Err(error), |(), _| {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryQueue;
    use crate::testing::{BatchOf, put};

    async fn joined(server: &Server, id: u64) {
        let mut body = Vec::new();
        wire::put_join(id, "group", &mut body);
        let answer = server.call("lines", Call::Join, body.into()).await;
        assert!(wire::open_answer(&answer).is_ok());
    }

    async fn polled(server: &Server, member: u64, number: u64) -> Result<Polled, QueueError> {
        let mut body = Vec::new();
        Poll { member, number, max_bytes: 1, max_wait: Duration::ZERO }.put(&mut body);
        let answer = server.call("lines", Call::Poll, body.into()).await;
        wire::open_answer(&answer).map(|body| Polled::take(body).expect("decodes"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_given_again_and_the_silent_leave() {
        let queue = Arc::new(MemoryQueue::new());
        let lines = queue.producer("lines").await.expect("opens");
        for n in 0..3 {
            put(&*lines, &BatchOf::source(1).numbered(n)).await;
        }
        let server = Server::new(queue, SessionLimits::default());
        joined(&server, 5).await;
        joined(&server, 5).await;
        assert_eq!(server.members.lock().len(), 1, "joining twice is joining once");
        let offset = |polled: Polled| polled.deliveries[0].place.offset;
        assert_eq!(polled(&server, 5, 1).await.map(offset).expect("polls"), 0);
        assert_eq!(polled(&server, 5, 1).await.map(offset).expect("polls"), 0);
        assert_eq!(polled(&server, 5, 2).await.map(offset).expect("polls"), 1);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(polled(&server, 5, 3).await.is_err_and(|error| wire::is_unknown_member(&error)));
        joined(&server, 6).await;
        assert_eq!(polled(&server, 6, 1).await.map(offset).expect("polls"), 0, "nothing was committed");
    }
}
