//! How many bulks may be on their way: as many as the server takes without slowing down.
//!
//! Decision: one more for each round that went well, half of them at a refusal, a little fewer when answers take twice
//! as long as they did: additive increase, multiplicative decrease, as in networks, so that several writers share a
//! server fairly without knowing of each other.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The limit, and what moves it. Pure.
#[derive(Clone, Debug)]
pub struct Limit {
    now: f64,
    max: f64,
    /// The usual time of an answer for a byte, in seconds; moves slowly up, and down at once.
    usual: Option<f64>,
}

/// What happened to a bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken, in so long, with so many bytes.
    Taken(Duration, usize),
    /// The server has too much to do.
    Busy,
    /// It did not answer, or failed.
    Failed,
}

impl Limit {
    /// Begins with two at a time, and is never more than `max`.
    pub fn new(max: usize) -> Self {
        let max = max.max(1) as f64;
        Self { now: max.min(2.0), max, usual: None }
    }

    /// How many now.
    pub fn get(&self) -> usize {
        self.now as usize
    }

    /// Learns.
    pub fn learn(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Busy | Outcome::Failed => self.now = (self.now / 2.0).max(1.0),
            Outcome::Taken(took, bytes) => {
                let cost = took.as_secs_f64() / bytes.max(1 << 16) as f64;
                let usual = *self.usual.get_or_insert(cost);
                self.usual = Some(if cost < usual { cost } else { usual + (cost - usual) * 0.02 });
                if cost > usual * 4.0 && took > Duration::from_secs(1) {
                    self.now = (self.now * 0.9).max(1.0);
                } else {
                    self.now = (self.now + 1.0 / self.now).min(self.max);
                }
            }
        }
    }
}

/// Lets in as many as the limit says.
pub struct Pace {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: Limit,
    busy: usize,
}

/// A place among those on their way.
pub struct Turn<'a>(&'a Pace);

impl Pace {
    /// Never more than `max`.
    pub fn new(max: usize) -> Self {
        Self { state: Mutex::new(State { limit: Limit::new(max), busy: 0 }), freed: Notify::new() }
    }

    /// How many may be on their way now.
    pub fn limit(&self) -> usize {
        self.state.lock().limit.get()
    }

    /// Waits for a place.
    pub async fn turn(&self) -> Turn<'_> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state.lock();
                if state.busy < state.limit.get() {
                    state.busy += 1;
                    return Turn(self);
                }
            }
            freed.await;
        }
    }

    /// Learns from what happened.
    pub fn learn(&self, outcome: Outcome) {
        self.state.lock().limit.learn(outcome);
        self.freed.notify_waiters();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().busy -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Outcome = Outcome::Taken(Duration::from_millis(100), 1 << 20);

    #[test]
    fn grows_by_one_a_round_and_halves_at_a_refusal() {
        let mut limit = Limit::new(8);
        assert_eq!(limit.get(), 2);
        for _ in 0..40 {
            limit.learn(QUICK);
        }
        assert_eq!(limit.get(), 8);
        limit.learn(Outcome::Busy);
        assert_eq!(limit.get(), 4);
        for _ in 0..9 {
            limit.learn(Outcome::Failed);
        }
        assert_eq!(limit.get(), 1);
        limit.learn(QUICK);
        assert_eq!(limit.get(), 2);
    }

    #[test]
    fn answers_that_take_much_longer_than_usual_slow_it_down() {
        let mut limit = Limit::new(8);
        (0..40).for_each(|_| limit.learn(QUICK));
        (0..10).for_each(|_| limit.learn(Outcome::Taken(Duration::from_secs(3), 1 << 20)));
        assert!(limit.get() < 5, "{limit:?}");
    }

    #[tokio::test]
    async fn no_more_than_the_limit_are_let_in() {
        let pace = Pace::new(1);
        let first = pace.turn().await;
        let second = pace.turn();
        tokio::pin!(second);
        let waits = tokio::time::timeout(Duration::from_millis(10), second.as_mut()).await;
        assert!(waits.is_err(), "there is one place");
        drop(first);
        second.await;
    }
}
