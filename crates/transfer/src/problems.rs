//! What somebody should look at: said once in the log, listed for as long as it lasts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Explain, Retry, Timestamp};
use parking_lot::Mutex;
use runtime::Shutdown;
use tracing::{info, warn};

/// A call that is under way when the process ends may take so long yet.
const LAST_CALL: Duration = Duration::from_secs(5);
/// Between the first two tries, and between later ones at the most.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// The problems of all pipelines, by whom they trouble.
#[derive(Clone)]
pub struct Problems {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<BTreeMap<(String, &'static str), Problem>>>,
}

struct Problem {
    text: String,
    since: Timestamp,
}

impl Problems {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Arc::default() }
    }

    /// Notes that `what` troubles somebody, who tries again.
    pub fn note(&self, who: &str, what: &'static str, text: &str) {
        self.put(who, what, text, ", trying again");
    }

    /// Notes that `what` is so, until somebody does something about it.
    pub fn note_state(&self, who: &str, what: &'static str, text: &str) {
        self.put(who, what, text, "");
    }

    fn put(&self, who: &str, what: &'static str, text: &str, then: &str) {
        let mut known = self.known.lock();
        match known.get_mut(&(who.to_owned(), what)) {
            Some(problem) if problem.text == text => {}
            Some(problem) => text.clone_into(&mut problem.text),
            None => {
                warn!(who, error = text, "{what}{then}");
                let problem = Problem { text: text.to_owned(), since: self.clock.now() };
                known.insert((who.to_owned(), what), problem);
            }
        }
    }

    /// It is over.
    pub fn clear(&self, who: &str, what: &'static str) {
        if self.known.lock().remove(&(who.to_owned(), what)).is_some() {
            info!(who, "no longer: {what}");
        }
    }

    /// Who is troubled, by what and since when.
    pub fn list(&self) -> Vec<(String, String)> {
        let known = self.known.lock();
        known.iter().map(|((who, what), p)| (who.clone(), format!("{what} since {}: {}", p.since, p.text))).collect()
    }
}

/// Whoever calls others and waits where they cannot answer now.
#[derive(Clone)]
pub struct Patience {
    /// Who waits, as problems name it: `store archive`.
    pub who: Arc<str>,
    pub problems: Problems,
    pub shutdown: Shutdown,
}

impl Patience {
    /// Makes a call again and again while it fails for now; `what` is the problem that this is. `None`: told to stop
    /// before it succeeded.
    pub async fn wait<T, E, F>(&self, what: &'static str, mut call: impl FnMut() -> F) -> Result<Option<T>, E>
    where
        E: Explain,
        F: Future<Output = Result<T, E>>,
    {
        let seed = self.who.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut backoff = Backoff::new(WAITS.0, WAITS.1, seed);
        loop {
            let answer = tokio::select! {
                biased;
                answer = call() => answer,
                () = self.last_call() => return Ok(None),
            };
            match answer {
                Ok(answer) => {
                    self.problems.clear(&self.who, what);
                    return Ok(Some(answer));
                }
                Err(error) if error.retry() == Retry::Later => {
                    // The first failure may be a slip; a second is a problem.
                    if backoff.tries() > 0 {
                        self.problems.note(&self.who, what, &error.chain());
                    }
                    if !self.shutdown.sleep(backoff.next_wait()).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn last_call(&self) {
        self.shutdown.called().await;
        tokio::time::sleep(LAST_CALL).await;
    }
}

#[cfg(test)]
mod tests {
    use base::ManualClock;
    use store::StoreError;

    use super::*;

    fn patience() -> Patience {
        let problems = Problems::new(Arc::new(ManualClock::at(Timestamp::from_micros(0))));
        Patience { who: "store a".into(), problems, shutdown: Shutdown::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_problem_is_listed_while_it_lasts() {
        let patience = patience();
        let tries = std::cell::Cell::new(0);
        let seen = &patience.problems;
        let call = || async {
            tries.set(tries.get() + 1);
            if tries.get() == 4 {
                assert_eq!(seen.list().len(), 1);
                assert!(seen.list()[0].1.starts_with("takes nothing since 1970"), "{:?}", seen.list());
                return Ok(());
            }
            Err(StoreError::Injected("not now"))
        };
        assert!(matches!(patience.wait("takes nothing", call).await, Ok(Some(()))));
        assert!(patience.problems.list().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hangs_does_not_hold_up_the_end() {
        let patience = patience();
        patience.shutdown.call();
        let hung = std::future::pending::<Result<(), StoreError>>;
        assert!(matches!(patience.wait("takes nothing", hung).await, Ok(None)));
    }

    #[tokio::test]
    async fn what_will_never_work_is_not_tried_again() {
        let never = || async { Err::<(), _>(StoreError::Unsupported("this")) };
        assert!(patience().wait("takes nothing", never).await.is_err());
    }
}
