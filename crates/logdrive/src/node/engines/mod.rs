//! From a URL to an engine: the one place that names the drivers.
//!
//! An engine that is not there, or refuses, is waited for: the files and the queue keep the lines until it takes them.
//! Only what can never work as it is written (a setting that cannot be right, data of a newer version) ends the start.

#[cfg(feature = "kafka")]
mod kafka;
mod late;
mod metrics;
mod queue;
mod store;

use std::time::Duration;

use base::{Backoff, Explain};

use crate::terminal::note;

pub(crate) use late::Late;
pub(crate) use metrics::open_metrics;
pub(crate) use queue::{open_producer, open_queue};
pub(crate) use store::open_stores;

/// How long between two tries, first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Tries until it works, or can never work. What is in the way is told once, and again where it changes.
async fn until_it_works<T, E, F>(mut attempt: impl FnMut() -> F, never: impl Fn(&E) -> bool) -> Result<T, E>
where
    E: Explain,
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT, 1);
    let mut told = String::new();
    loop {
        let error = match attempt().await {
            Ok(works) => {
                if !told.is_empty() {
                    note("it works now");
                }
                return Ok(works);
            }
            Err(error) => error,
        };
        if never(&error) {
            return Err(error);
        }
        let says = error.chain();
        if says != told {
            note(&format!("waiting: {says}"));
            told = says;
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use ::queue::QueueError;

    use super::*;

    fn refused(lasting: bool) -> QueueError {
        QueueError::Refused { at: "k:9092".to_owned(), reason: "no such topic".to_owned(), lasting }
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_is_waited_for() {
        let tries = AtomicU32::new(0);
        let attempt = || async {
            match tries.fetch_add(1, Ordering::Relaxed) {
                n @ 0..3 => Err(refused(n > 0)),
                _ => Ok("works"),
            }
        };
        let never = |error: &QueueError| matches!(error, QueueError::Invalid(_));
        assert_eq!(until_it_works(attempt, never).await.unwrap(), "works");
        assert_eq!(tries.load(Ordering::Relaxed), 4);
        let wrong = || async { Err::<(), _>(QueueError::Invalid("x".to_owned())) };
        assert!(matches!(until_it_works(wrong, never).await, Err(QueueError::Invalid(_))));
    }
}
