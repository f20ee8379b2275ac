//! How long a question may still be worked on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Until when, and whether anybody still waits for the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget {
    until: Option<Instant>,
    abandoned: Arc<AtomicBool>,
}

/// Ends the work on a question when it is dropped: whoever waits for an answer holds it.
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Budget {
    /// Of a question asked now.
    pub fn new(deadline: Option<Duration>) -> (Self, Waiting) {
        let until = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let abandoned = Arc::new(AtomicBool::new(false));
        (Self { until, abandoned: abandoned.clone() }, Waiting(abandoned))
    }

    /// Whether to stop here. Asked once a page.
    pub fn is_spent(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
