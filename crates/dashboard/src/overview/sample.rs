//! One look at the parts: cheap figures each time, and those of engines that answer slowly less often.

use std::time::{Duration, Instant};

use base::{Explain as _, Timestamp};
use model::Place;
use queue::{DEAD_LETTERS, LINES, TopicStats};
use runtime::{WorkerReport, WorkerState};
use store::StoreStats;

use super::shown;
use crate::app::App;
use crate::parts::Brought;
use crate::routes::PROBE;

/// Whoever takes this long to answer is asked so many times less often.
const PACE: u32 = 200;
/// And this seldom at most.
const PACE_MAX: Duration = Duration::from_secs(60);
/// An agent elsewhere that has not reported for so long is silent. It reports each two seconds.
const AGENT_SILENT: Duration = Duration::from_secs(30);

/// So many dead letters are counted one by one.
const LETTERS_EXACT: u64 = 10_000;

/// What was seen.
pub(crate) struct Sample {
    pub at: Timestamp,
    pub store: Result<StoreStats, String>,
    pub queue: Option<shown::Queue>,
    pub brought: Option<Vec<Brought>>,
    /// Those elsewhere: name, and when they reported last.
    pub agents: Vec<(String, Timestamp)>,
    pub follows_here: bool,
    pub workers: Vec<WorkerReport>,
    /// Changes whenever anything known of files did, so that their account is added up only then.
    pub pulse: u64,
}

/// What engines answered last.
#[derive(Default)]
pub(crate) struct Engines {
    store: Paced<Result<StoreStats, String>>,
    queue: Paced<Option<shown::Queue>>,
}

struct Paced<T> {
    known: Option<T>,
    due: Duration,
}

impl<T> Default for Paced<T> {
    fn default() -> Self {
        Self { known: None, due: Duration::ZERO }
    }
}

impl<T: Clone> Paced<T> {
    async fn get(&mut self, tick: Duration, ask: impl Future<Output = T>) -> T {
        if let Some(known) = self.known.as_ref().filter(|_| tick < self.due) {
            return known.clone();
        }
        let begun = Instant::now();
        let answer = ask.await;
        self.due = tick + (begun.elapsed() * PACE).min(PACE_MAX);
        self.known = Some(answer.clone());
        answer
    }
}

impl Engines {
    /// Looks at everything.
    pub(crate) async fn sample(&mut self, app: &App, tick: Duration) -> Sample {
        let store = self.store.get(tick, store_stats(app)).await;
        let queue = self.queue.get(tick, queue_stats(app)).await;
        let brought = app.parts.sources.brought();
        let remote = app.remote.all();
        let workers = app.parts.supervisor.as_ref().map(runtime::Supervisor::reports).unwrap_or_default();
        let mut pulse = Pulse::default();
        pulse.add(app.parts.sources.pulse());
        pulse.add(store.as_ref().map_or(0, |store| store.records));
        pulse.add(brought.iter().flatten().map(|stream| stream.bytes).sum());
        pulse.add(queue.as_ref().map_or(0, |queue| queue.lag_batches));
        for source in remote.iter().flat_map(|host| &host.sources) {
            pulse.add(source.size ^ source.queued.rotate_left(32));
        }
        Sample {
            at: app.parts.clock.now(),
            store,
            queue,
            brought,
            agents: remote.iter().map(|host| (host.host.clone(), host.at)).collect(),
            follows_here: app.parts.sources.is_following(),
            workers,
            pulse: pulse.0,
        }
    }
}

/// Mixes numbers into one that changes when any of them does.
#[derive(Default)]
struct Pulse(u64);

impl Pulse {
    fn add(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

async fn store_stats(app: &App) -> Result<StoreStats, String> {
    match tokio::time::timeout(PROBE, app.parts.store.stats()).await {
        Ok(answer) => answer.map_err(|error| error.chain()),
        Err(_) => Err(format!("it did not answer within {PROBE:?}")),
    }
}

async fn queue_stats(app: &App) -> Option<shown::Queue> {
    let queue = app.parts.queue.as_ref()?;
    let asked = async { (queue.stats(LINES).await, queue.stats(DEAD_LETTERS).await) };
    let (lines, letters) = tokio::time::timeout(PROBE, asked).await.ok()?;
    let (lines, letters) = (lines.ok()?, letters.unwrap_or_default());
    let bytes = |stats: &TopicStats| stats.partitions.iter().map(|(_, _, _, bytes)| bytes).sum::<u64>();
    let lag = lines.groups.iter().map(|(_, cursors)| {
        let behind =
            |(p, first, end, _): &(model::Partition, u64, u64, u64)| end.saturating_sub(cursors.get(*p).max(*first));
        lines.partitions.iter().map(behind).sum::<u64>()
    });
    Some(shown::Queue {
        bytes: bytes(&lines) + bytes(&letters),
        lag_batches: lag.max().unwrap_or(0),
        dead_letters: open_letters(app, &letters),
        paused: lines.paused.or(letters.paused),
    })
}

/// Dead letters held, less those that were settled; where there are very many, those that were are among them.
fn open_letters(app: &App, stats: &TopicStats) -> u64 {
    let held: u64 = stats.partitions.iter().map(|(_, first, end, _)| end.saturating_sub(*first)).sum();
    let Some(letters) = app.parts.letters.as_ref().filter(|_| held <= LETTERS_EXACT) else { return held };
    let places = stats
        .partitions
        .iter()
        .flat_map(|&(partition, first, end, _)| (first..end).map(move |offset| Place { partition, offset }));
    places.filter(|place| !letters.is_settled(*place)).count() as u64
}

impl Sample {
    /// Records and bytes that came to the store since the process started, or that it holds.
    pub(crate) fn flow(&self) -> (u64, u64) {
        match (&self.brought, &self.store) {
            (Some(brought), _) => (brought.iter().map(|s| s.records).sum(), brought.iter().map(|s| s.bytes).sum()),
            (None, Ok(store)) => (store.records, store.line_bytes),
            (None, Err(_)) => (0, 0),
        }
    }

    /// The agents elsewhere that are silent, and since when.
    pub(crate) fn silent_agents(&self) -> impl Iterator<Item = &(String, Timestamp)> {
        self.agents.iter().filter(|(_, at)| self.at.since(*at) > AGENT_SILENT)
    }

    /// How many agents there are.
    pub(crate) fn agents(&self) -> shown::Agents {
        let total = self.agents.len() as u64 + u64::from(self.follows_here);
        shown::Agents { up: total - self.silent_agents().count() as u64, total }
    }

    /// The workers, counted.
    pub(crate) fn workers(&self) -> shown::Workers {
        let mut counted = shown::Workers::default();
        for worker in &self.workers {
            match worker.state {
                WorkerState::Running => counted.running += 1,
                WorkerState::Waiting => counted.waiting += 1,
                WorkerState::Finished => counted.finished += 1,
            }
            counted.restarts += worker.restarts;
        }
        counted
    }
}
