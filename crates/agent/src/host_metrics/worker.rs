//! Measures at every interval and hands what was measured to the queue.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Explain as _, Timestamp};
use model::SourceId;
use queue::{Ack, Outcome, Producer, QueueError};
use runtime::{Shutdown, Supervisor};
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

use super::outbox::Outbox;
use super::sampler::Sampler;
use crate::settings::Settings;
use crate::status::{Shared, add};

/// What stands for a path in problems.
const NAME: &str = "host metrics";
const PROC: &str = "/proc";
/// Bytes that wait for a queue that takes none: hours of a usual machine.
const ROOM: usize = 4 << 20;
/// At the end, what was measured is waited for so long.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// Measuring that has not begun.
pub(crate) struct HostMetrics {
    settings: Arc<Settings>,
    producer: Arc<dyn Producer>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    interval_micros: i64,
    outbox: Outbox,
    sampler: Option<Sampler>,
    /// The batch on its way has been given to the queue.
    ack: Option<Ack>,
    /// It is given to the queue again then.
    retry_at: Option<Instant>,
    backoff: Backoff,
}

impl HostMetrics {
    /// A source of its own: this host, this process, this moment.
    pub fn new(
        settings: &Arc<Settings>,
        producer: Arc<dyn Producer>,
        clock: &Arc<dyn Clock>,
        shared: &Arc<Shared>,
        host_id: u128,
        interval: Duration,
    ) -> Self {
        let mut bytes = host_id.to_le_bytes().to_vec();
        bytes.extend_from_slice(&clock.now().as_micros().to_le_bytes());
        bytes.extend_from_slice(&std::process::id().to_le_bytes());
        bytes.extend_from_slice(NAME.as_bytes());
        let source = SourceId(xxh3_128(&bytes));
        Self {
            settings: settings.clone(),
            producer,
            clock: clock.clone(),
            shared: shared.clone(),
            interval_micros: i64::try_from(interval.as_micros()).unwrap_or(i64::MAX).max(1000),
            outbox: Outbox::new(source, settings.host.clone(), settings.codec, ROOM),
            sampler: None,
            ack: None,
            retry_at: None,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(10), source.0 as u64),
        }
    }

    /// Starts measuring as one of `supervisor`'s workers.
    pub fn start(self, supervisor: &Supervisor) {
        // After a fault it goes on with what it had gathered.
        let this = Arc::new(tokio::sync::Mutex::new(self));
        supervisor.spawn("host-metrics", move |shutdown| {
            let this = this.clone();
            async move {
                this.lock().await.run(shutdown).await;
                Ok::<(), Infallible>(())
            }
        });
    }

    /// Works until the shutdown, and then until what was measured is in the queue, or for a moment.
    async fn run(&mut self, shutdown: Shutdown) {
        self.look(None).await;
        let mut last = self.moment();
        while !shutdown.is_called() {
            self.send();
            let wait = self.until_next(last);
            tokio::select! {
                () = shutdown.called() => {}
                () = self.delivered() => {}
                () = tokio::time::sleep(wait) => {
                    let at = self.moment();
                    // A clock that was set back has us wait; one moment is measured once.
                    if at > last {
                        self.look(Some(at)).await;
                    }
                    last = at;
                }
            }
        }
        let until = Instant::now() + LAST_WAIT;
        while !self.outbox.is_empty() {
            self.send();
            if tokio::time::timeout_at(until, self.delivered()).await.is_err() {
                tracing::warn!("the last host metrics could not be delivered");
                return;
            }
        }
    }

    /// The interval that has begun: every machine measures at the same moments.
    fn moment(&self) -> Timestamp {
        let now = self.clock.now().as_micros();
        Timestamp::from_micros(now - now.rem_euclid(self.interval_micros))
    }

    /// How long it is until the interval after the one that began at `last`, but never longer than one.
    fn until_next(&self, last: Timestamp) -> Duration {
        let next = last.plus_micros(self.interval_micros);
        let interval = Duration::from_micros(self.interval_micros.unsigned_abs());
        next.since(self.clock.now()).min(interval)
    }

    /// Measures as of `at`; without it, only what later samples are measured from.
    async fn look(&mut self, at: Option<Timestamp>) {
        let (sampler, host) = (self.sampler.take(), self.settings.host.clone());
        let looked = runtime::blocking(move || {
            let mut sampler = sampler.unwrap_or_else(|| Sampler::new(Path::new(PROC), &host));
            let lines = at.map(|at| sampler.sample(at).lines());
            (sampler, lines)
        });
        let counters = &self.shared.counters;
        match looked.await {
            Ok((sampler, lines)) => {
                self.sampler = Some(sampler);
                if let Some(lines) = lines {
                    add(&counters.host_samples, 1);
                    let dropped = self.outbox.put(lines);
                    add(&counters.host_samples_dropped, dropped);
                }
            }
            // The next look begins with a new one.
            Err(runtime::Panicked) => {
                add(&counters.faults, 1);
                tracing::error!("measuring the host failed, it is tried again");
            }
        }
    }

    /// Gives the queue what it should have next, unless it has it or wants to be left alone.
    fn send(&mut self) {
        if self.ack.is_some() || self.retry_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        self.retry_at = None;
        self.ack = self.outbox.batch(self.clock.now()).map(|batch| self.producer.append(batch));
    }

    /// Ends when there is something to send: the queue has answered, or its time is over.
    async fn delivered(&mut self) {
        if let Some(at) = self.retry_at {
            return tokio::time::sleep_until(at).await;
        }
        let Some(ack) = &mut self.ack else { return std::future::pending().await };
        let answer = ack.await;
        self.ack = None;
        self.judge(answer);
    }

    fn judge(&mut self, answer: Result<Outcome, QueueError>) {
        let wait = match answer {
            Ok(Outcome::Appended(_) | Outcome::Duplicate(_)) => {
                self.outbox.landed();
                self.backoff.reset();
                self.shared.well(NAME);
                return;
            }
            Ok(Outcome::Gap { .. }) => {
                self.outbox.begin_anew();
                self.backoff.next_wait()
            }
            Ok(Outcome::BackPressure { retry_after }) => retry_after.max(Duration::from_millis(1)),
            Err(error) => {
                let reason = format!("the queue refuses them, tried again: {}", error.chain());
                self.shared.trouble(NAME, reason, self.clock.now());
                self.backoff.next_wait()
            }
        };
        self.retry_at = Some(Instant::now() + wait);
    }
}
