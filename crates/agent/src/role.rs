//! The agent as a role: built from configuration and parts, run until the shutdown.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use base::{Backoff, Clock, Timestamp};
use config::{Config, HostMetricsConfig, StreamConfig};
use model::{SourceKey, SourceReport};
use parking_lot::Mutex;
use queue::Producer;
use runtime::{Shutdown, Supervisor};

use crate::AgentError;
use crate::checkpoint::Checkpoints;
use crate::discover::{Follow, STDIN};
use crate::host_metrics::HostMetrics;
use crate::ledger::Ledger;
use crate::plan::{Plan, Plans, Prospect};
use crate::settings::Settings;
use crate::shard::{Links, Shard};
use crate::status::{Problem, Shared, Stats};
use crate::stdin::Stdin;
use crate::wake::Alarm;

/// What the agent is given.
pub struct Parts {
    /// Where batches go.
    pub producer: Arc<dyn Producer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Standard input, if a stream names it (`-`).
    pub stdin: Option<Box<dyn Read + Send>>,
}

/// An agent that is not running yet.
pub struct Agent {
    settings: Arc<Settings>,
    plans: Arc<Plans>,
    producer: Arc<dyn Producer>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    alarm: Arc<Alarm>,
    host_id: u128,
    known_until: Timestamp,
    checkpoints: Option<Checkpoints>,
    stdin: Option<Stdin>,
    measuring: HostMetricsConfig,
    host_metrics: Option<HostMetrics>,
}

/// Answers for an agent, whether it runs or not.
#[derive(Clone)]
pub struct AgentHandle {
    shared: Arc<Shared>,
    plans: Arc<Plans>,
    clock: Arc<dyn Clock>,
}

impl AgentHandle {
    /// What is known of each source in each generation.
    pub fn sources(&self) -> Vec<SourceReport> {
        self.shared.reports()
    }

    /// What a stream would find if it were followed now. Looks at the disk.
    ///
    /// # Errors
    /// Where a pattern is no glob, or a path is relative.
    pub fn prospect(&self, stream: &StreamConfig) -> Result<Prospect, AgentError> {
        self.plans.prospect(stream)
    }

    /// The stream that follows a path, if one does.
    pub fn follower(&self, path: &Path) -> Option<String> {
        self.plans.follower(path)
    }

    /// Follows one more stream, at once, until the process ends.
    ///
    /// # Errors
    /// Where a pattern is no glob, a path is relative, or there is a stream of that name.
    pub fn follow(&self, stream: &StreamConfig) -> Result<(), AgentError> {
        self.plans.add(stream, self.clock.now())
    }

    /// Follows a stream no longer: what its files hold now is still read. `false`: there is none of that name.
    pub fn unfollow(&self, name: &str) -> bool {
        self.plans.remove(name)
    }

    /// What keeps paths from being followed, by path.
    pub fn problems(&self) -> Vec<Problem> {
        self.shared.problems.lock().values().cloned().collect()
    }

    /// Opens the file of a source, if it still is what the source was read from.
    ///
    /// # Errors
    /// Why its bytes cannot be read any more, for people.
    pub fn open(&self, key: SourceKey) -> Result<File, String> {
        crate::original::open(&self.shared.ledger.lock(), key)?.checked()
    }

    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        self.shared.counters.stats()
    }
}

/// Checks the patterns and opens the cache of checkpoints. Nothing runs yet.
///
/// # Errors
/// Where a pattern is no glob, sizes do not fit together, or the folder of the checkpoints cannot be used.
pub fn build(config: &Config, parts: Parts) -> Result<Agent, AgentError> {
    let settings = Settings::resolve(config)?;
    let mut ledger = Ledger::default();
    let (checkpoints, known_until) = Checkpoints::open(&settings.checkpoints, &mut ledger, parts.clock.now())?;
    let follow = Follow::new(&config.streams, &config.data)?;
    let io = |action, source| AgentError::Io { action, path: settings.checkpoints.display().to_string(), source };
    let host_id = crate::identity::host_id(&settings.checkpoints).map_err(|error| io("name this machine in", error))?;
    let alarm = Alarm::new().map_err(|error| io("make an event for", error))?;
    let now = parts.clock.now();
    let shared = Arc::new(Shared { ledger: Mutex::new(ledger), ..Shared::default() });
    let synced = usize::try_from(checkpoints.synced()).unwrap_or(usize::MAX);
    crate::status::set(&shared.counters.checkpoint_synced_bytes, synced);
    let reads_stdin = |stream: &config::StreamConfig| stream.paths.iter().any(|path| path == STDIN);
    let stdin = match (config.streams.iter().position(reads_stdin), parts.stdin) {
        (Some(stream), Some(input)) => Some(Stdin::new(input, stream, host_id, now)),
        _ => None,
    };
    let settings = Arc::new(settings);
    let plan = Plan { settings: settings.clone(), follow: Arc::new(follow) };
    Ok(Agent {
        settings,
        plans: Arc::new(Plans::new(plan, alarm.clone())),
        producer: parts.producer,
        clock: parts.clock,
        shared,
        alarm,
        host_id,
        known_until,
        checkpoints: Some(checkpoints),
        stdin,
        measuring: config.host_metrics,
        host_metrics: None,
    })
}

impl Agent {
    /// Answers for this agent.
    pub fn handle(&self) -> AgentHandle {
        AgentHandle { shared: self.shared.clone(), plans: self.plans.clone(), clock: self.clock.clone() }
    }

    /// Has it measure its machine too, where the configuration asks for that, and hand what it finds to `producer`, which
    /// is one of the topic [`queue::METRICS`].
    #[must_use]
    pub fn with_host_metrics(mut self, producer: Arc<dyn Producer>) -> Self {
        let HostMetricsConfig { enabled, interval } = self.measuring;
        let measuring =
            || HostMetrics::new(&self.settings, producer, &self.clock, &self.shared, self.host_id, interval);
        self.host_metrics = enabled.then(measuring);
        self
    }

    /// Works until `shutdown` is called. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Where the reader's thread cannot be started.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), AgentError> {
        let stdin = match self.stdin.take() {
            Some(stdin) => Some(stdin.start(&self.settings, &self.producer, &self.clock, &self.shared, &shutdown)?),
            None => None,
        };
        let supervisor = Supervisor::new(shutdown.clone());
        if let Some(metrics) = self.host_metrics.take() {
            metrics.start(&supervisor);
        }
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30), self.host_id as u64);
        while !shutdown.is_called() {
            let failed = self.run_reader(&shutdown).await?;
            if let Some(reason) = failed {
                tracing::error!(%reason, "the reader failed, starts again");
                shutdown.sleep(backoff.next_wait()).await;
            }
        }
        if let Some(delivered) = stdin {
            // Where its thread is gone, there is nothing to wait for.
            let _ = delivered.await;
        }
        supervisor.join().await;
        Ok(())
    }

    /// Runs the reader on a thread of its own, and answers its questions. Why it failed, if it did.
    async fn run_reader(&mut self, shutdown: &Shutdown) -> Result<Option<String>, AgentError> {
        let checkpoints = match self.checkpoints.take() {
            Some(checkpoints) => checkpoints,
            None => Checkpoints::open(&self.settings.checkpoints, &mut Ledger::default(), self.known_until)?.0,
        };
        let (plan_revision, plan) = self.plans.now();
        let (asks, mut questions) = tokio::sync::mpsc::channel(4);
        let (answers, taken) = sync_channel(8);
        let links = Links {
            plan_revision,
            plans: self.plans.clone(),
            settings: plan.settings,
            follow: plan.follow,
            producer: self.producer.clone(),
            clock: self.clock.clone(),
            shared: self.shared.clone(),
            alarm: self.alarm.clone(),
            shutdown: shutdown.clone(),
            host_id: self.host_id,
            known_until: self.known_until,
            asks,
            answers: taken,
            checkpoints,
        };
        let (tell, mut told) = tokio::sync::oneshot::channel();
        let thread = runtime::spawn_thread("agent", move || {
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Shard::new(links).run()));
            // Nobody listens only where the whole process is ending.
            let _ = tell.send(ran.is_err().then(|| "it panicked".to_owned()));
        });
        thread.map_err(AgentError::Thread)?;
        let answering = crate::locator::answer(&*self.producer, &mut questions, &answers, &self.alarm);
        let outcome = tokio::select! {
            outcome = &mut told => outcome,
            () = answering => told.await,
            () = ring_at(shutdown, &self.alarm) => told.await,
        };
        Ok(outcome.unwrap_or_else(|_| Some("its thread vanished".to_owned())))
    }
}

/// Rings when the shutdown is called.
async fn ring_at(shutdown: &Shutdown, alarm: &Alarm) {
    shutdown.called().await;
    alarm.ring();
}
