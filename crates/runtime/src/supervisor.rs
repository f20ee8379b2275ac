//! Keeps workers running: a worker that fails or panics is started again, each time after a longer wait.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base::{Backoff, Clock, Timestamp};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::{Shutdown, SystemClock};

/// How a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// At work.
    Running,
    /// Failed; starts again after a wait.
    Waiting,
    /// Ended as it should.
    Finished,
}

/// What is known of a worker.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerReport {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: WorkerState,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it was started last.
    pub started_at: Timestamp,
}

/// After such a time without fault the wait before a restart is short again.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);

/// Owns the workers of a process. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    shutdown: Shutdown,
    tasks: Arc<Mutex<JoinSet<()>>>,
    reports: Arc<Mutex<BTreeMap<String, WorkerReport>>>,
}

impl Supervisor {
    /// Workers end when `shutdown` is called. Must be made and used within a tokio runtime.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, tasks: Arc::default(), reports: Arc::default() }
    }

    /// Another one for workers that end with `shutdown`, at another time than these; all are shown together.
    #[must_use]
    pub fn stage(&self, shutdown: Shutdown) -> Self {
        Self { shutdown, tasks: Arc::default(), reports: self.reports.clone() }
    }

    /// The signal that ends the workers.
    pub const fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts a worker. `start` makes its future, again after every fault; the future ends with `Ok` when it is done
    /// (at the latest soon after the shutdown it is handed is called).
    pub fn spawn<F, W, E>(&self, name: impl Into<String>, start: F)
    where
        F: Fn(Shutdown) -> W + Send + 'static,
        W: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let (name, this) = (name.into(), self.clone());
        self.tasks.lock().spawn(async move { this.keep_running(name, start).await });
    }

    /// Starts a worker that works on a thread of its own; otherwise as [`Supervisor::spawn`].
    pub fn spawn_blocking<F, E>(&self, name: impl Into<String>, work: F)
    where
        F: Fn(Shutdown) -> Result<(), E> + Send + Sync + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let name = name.into();
        let (work, thread_name) = (Arc::new(work), name.clone());
        self.spawn(name, move |shutdown| {
            let (work, thread_name) = (work.clone(), thread_name.clone());
            async move {
                let (tell, told) = tokio::sync::oneshot::channel();
                let thread = crate::spawn_thread(&thread_name, move || {
                    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| work(shutdown)));
                    // Nobody listens only where the whole process is ending.
                    let _ = tell.send(outcome);
                });
                thread.map_err(|refused| format!("cannot start a thread: {refused}"))?;
                match told.await {
                    Ok(Ok(outcome)) => outcome.map_err(|e| e.to_string()),
                    Ok(Err(panic)) => Err(panic_text(&*panic)),
                    Err(_) => Err("its thread vanished".to_owned()),
                }
            }
        });
    }

    /// Waits until every worker has ended. Call the shutdown first.
    pub async fn join(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks.lock());
            if tasks.is_empty() {
                return;
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    /// How each worker is, by name.
    pub fn reports(&self) -> Vec<WorkerReport> {
        self.reports.lock().values().cloned().collect()
    }

    async fn keep_running<F, W, E>(self, name: String, start: F)
    where
        F: Fn(Shutdown) -> W,
        W: Future<Output = Result<(), E>>,
        E: std::fmt::Display,
    {
        let seed = name.bytes().fold(17u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30), seed);
        loop {
            let started = std::time::Instant::now();
            self.note(&name, WorkerState::Running, None);
            let reason = match CatchPanic(start(self.shutdown.clone())).await {
                Ok(Ok(())) => {
                    self.note(&name, WorkerState::Finished, None);
                    return;
                }
                Ok(Err(failed)) => failed.to_string(),
                Err(panic) => panic_text(&*panic),
            };
            if started.elapsed() > HEALTHY_AFTER {
                backoff.reset();
            }
            let wait = backoff.next_wait();
            error!(worker = %name, error = %reason, wait_ms = wait.as_millis() as u64, "worker failed, starts again");
            self.note(&name, WorkerState::Waiting, Some(reason));
            if !self.shutdown.sleep(wait).await {
                info!(worker = %name, "worker ended while waiting to start again");
                return;
            }
        }
    }

    fn note(&self, name: &str, state: WorkerState, error: Option<String>) {
        let mut reports = self.reports.lock();
        let report = reports.entry(name.to_owned()).or_insert_with(|| WorkerReport {
            name: name.to_owned(),
            state: WorkerState::Running,
            restarts: 0,
            last_error: None,
            started_at: SystemClock.now(),
        });
        if state == WorkerState::Running && report.state == WorkerState::Waiting {
            report.restarts += 1;
            report.started_at = SystemClock.now();
        }
        report.state = state;
        report.last_error = error.or_else(|| report.last_error.take());
    }
}

/// Turns a panic while a future is polled into its output.
struct CatchPanic<F>(F);

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the inner future is never moved out of the pinned wrapper.
        let inner = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
        match std::panic::catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "without a text".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn starts_a_failing_worker_again_and_counts() {
        let supervisor = Supervisor::new(Shutdown::new());
        let tries = Arc::new(AtomicU32::new(0));
        let seen = tries.clone();
        supervisor.spawn("flaky", move |_| {
            let n = seen.fetch_add(1, Ordering::SeqCst);
            async move {
                match n {
                    0 => Err("first".to_owned()),
                    1 => panic!("second"),
                    _ => Ok(()),
                }
            }
        });
        supervisor.join().await;
        let report = &supervisor.reports()[0];
        assert_eq!((report.restarts, &report.state), (2, &WorkerState::Finished));
        assert_eq!(report.last_error.as_deref(), Some("panicked: second"));
    }

    #[tokio::test]
    async fn a_blocking_worker_is_told_to_stop() {
        let shutdown = Shutdown::new();
        let supervisor = Supervisor::new(shutdown.clone());
        supervisor.spawn_blocking("loop", |shutdown| {
            while !shutdown.is_called() {
                std::thread::yield_now();
            }
            Ok::<(), String>(())
        });
        shutdown.call();
        supervisor.join().await;
        assert_eq!(supervisor.reports()[0].state, WorkerState::Finished);
    }
}
