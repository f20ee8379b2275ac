//! What becomes of batches on their way, and of the checkpoints that depend on it.

use std::task::Context;
use std::time::Duration;

use base::{Explain, Retry};

use super::Shard;
use crate::status::add;
use crate::tail::{Landing, Mono};

/// After a refusal without a time to wait.
const RESEND_MIN: Duration = Duration::from_millis(2);
/// The queue is never asked more seldom than this.
const RESEND_MAX: Duration = Duration::from_secs(2);

impl Shard {
    /// Looks at the batches on their way.
    pub(super) fn take_acks(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let waker = self.links.alarm.waker();
        let mut cx = Context::from_waker(&waker);
        let flying = std::mem::take(&mut self.flying);
        for index in flying {
            let Some(tail) = self.tails[index].as_mut() else { continue };
            if let Some(at) = tail.resend_at {
                if at <= self.now && crate::tail::settle(&mut tail.flights, &mut cx) {
                    self.guard(index, |shard| {
                        shard.resend(index, 1);
                        Ok(())
                    });
                }
            } else {
                let landing = crate::tail::land(&mut tail.flights, &mut cx);
                self.landed(index, landing);
                let waits = |tail: &crate::tail::Tail| {
                    tail.resend_at.is_none()
                        && tail.flights.front().is_some_and(|first| first.ack.is_none() && first.noted)
                };
                if self.tails[index].as_deref().is_some_and(waits) {
                    self.guard(index, |shard| {
                        shard.resend(index, usize::MAX);
                        Ok(())
                    });
                }
            }
            if self.tails[index].as_ref().is_some_and(|tail| !tail.flights.is_empty()) {
                self.flying.push(index);
            }
        }
    }

    fn landed(&mut self, index: usize, landing: Landing) {
        self.in_flight -= landing.freed;
        self.pace.landed(landing.freed);
        add(&self.links.shared.counters.duplicate_batches, landing.duplicates);
        let now = self.now;
        let Some(tail) = self.tails[index].as_mut() else { return };
        if landing.freed > 0 {
            (tail.landed_at, tail.stuck) = (now, false);
        }
        let progress = landing.acked.is_some_and(|(mark, _)| mark.end > tail.acked.end);
        if let Some((mark, witness)) = landing.acked {
            tail.acked = mark;
            tail.acked_witness = witness;
            tail.is_begun = true;
        }
        if progress {
            tail.patience.reset();
            tail.backoff.reset();
        }
        if let Some(mark) = landing.reread {
            tracing::debug!(path = %tail.path.display(), at = mark.end, "the queue asks for another place");
            tail.restart_at(mark, None);
            if !progress {
                tail.resend_at = Some(now + tail.patience.next_wait());
            }
        }
        if let Some(error) = &landing.refused
            && error.retry() == Retry::Never
        {
            let reason = format!("the queue refuses its batch: {}", error.chain());
            return self.fault(index, reason);
        }
        if let Some(wait) = landing.resend {
            let wait = if landing.refused.is_some() { tail.patience.next_wait() } else { wait };
            tail.resend_at = Some(now + wait.clamp(RESEND_MIN, RESEND_MAX));
        }
        let wake: Option<Mono> = tail.resend_at;
        if let Some(error) = landing.refused {
            tracing::debug!(%error, "the queue refused a batch; it is sent again");
        }
        if landing.acked.is_some() || landing.reread.is_some() {
            self.note(index);
            self.attend(index);
        }
        if let Some(at) = wake {
            self.timer(index, at);
        }
    }

    /// Sends what is in flight once more, in order: after a refusal only the first, and the rest once it has landed.
    fn resend(&mut self, index: usize, at_most: usize) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        tail.resend_at = None;
        for flight in tail.flights.iter_mut().take(at_most).filter(|flight| flight.ack.is_none() && flight.noted) {
            flight.ack = Some(self.links.producer.append(flight.batch.clone()));
            add(&self.links.shared.counters.resent_batches, 1);
        }
        self.links.alarm.ring();
    }
}
