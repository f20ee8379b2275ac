//! The machine's own points reach the queue once each, whatever the queue does meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, AgentHandle, Parts};
use base::Timestamp;
use codec::line_protocol::{Precision, lines, parse};
use config::{Config, HostMetricsConfig};
use model::{Batch, Place, Point, SourceKey};
use parking_lot::Mutex;
use queue::{Ack, Outcome, Position, Producer, QueueError};
use runtime::{Shutdown, SystemClock};

/// What the queue does with the next batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Takes,
    /// Takes it and says that it failed.
    Mumbles,
    Refuses,
    IsFull,
    /// Has lost what it had.
    Forgets,
}

/// A queue that holds each source from 0 on without holes, in one of several moods.
#[derive(Default)]
struct Fickle {
    moods: Mutex<Vec<Mood>>,
    stuck: std::sync::atomic::AtomicBool,
    held: Mutex<BTreeMap<SourceKey, Vec<u8>>>,
    ends: Mutex<BTreeMap<SourceKey, u64>>,
}

impl Fickle {
    fn answer(&self, batch: &Batch) -> Result<Outcome, QueueError> {
        let header = &batch.header;
        let payload = codec::decode_payload(batch, 1 << 20).expect("a payload as its header says");
        assert_eq!(payload.iter().filter(|byte| **byte == b'\n').count(), header.records as usize);
        let mood = self.moods.lock().pop().unwrap_or(Mood::Takes);
        let refused = Err(QueueError::Unavailable { at: "test".to_owned(), reason: "refused".to_owned() });
        if mood == Mood::Refuses || self.stuck.load(std::sync::atomic::Ordering::SeqCst) {
            return refused;
        }
        if mood == Mood::IsFull {
            return Ok(Outcome::BackPressure { retry_after: Duration::ZERO });
        }
        let mut ends = self.ends.lock();
        if mood == Mood::Forgets {
            ends.clear();
        }
        let end = ends.entry(header.key).or_default();
        if header.end <= *end {
            return Ok(Outcome::Duplicate(Position { end: *end, open_line: None }));
        }
        if header.start != *end {
            return Ok(Outcome::Gap { expected: Position { end: *end, open_line: None } });
        }
        *end = header.end;
        self.held.lock().entry(header.key).or_default().extend_from_slice(&payload);
        if mood == Mood::Mumbles { refused } else { Ok(Outcome::Appended(Place::default())) }
    }

    fn points(&self) -> Vec<Point> {
        let held = self.held.lock();
        let all = held.values().flat_map(|bytes| lines(bytes));
        all.map(|line| parse(line, Precision::Nanoseconds, Timestamp::MIN).expect("line protocol")).collect()
    }

    fn moments(&self) -> BTreeSet<Timestamp> {
        self.points().iter().map(|point| point.time).collect()
    }
}

#[async_trait::async_trait]
impl Producer for Fickle {
    fn append(&self, batch: Batch) -> Ack {
        Ack::ready(self.answer(&batch))
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        Ok(vec![None; keys.len()])
    }
}

const INTERVAL: Duration = Duration::from_millis(40);

fn build(data: &std::path::Path, queue: &Arc<Fickle>, enabled: bool) -> Agent {
    let mut config = Config::new("this machine", data);
    config.host_metrics = HostMetricsConfig { enabled, interval: INTERVAL };
    let parts = Parts { producer: queue.clone(), clock: Arc::new(SystemClock), stdin: None };
    agent::build(&config, parts).expect("builds").with_host_metrics(queue.clone())
}

/// Runs until `done`.
async fn run(queue: &Arc<Fickle>, done: impl Fn(&Fickle, &AgentHandle) -> bool) -> AgentHandle {
    let data = tempfile::tempdir().expect("a folder");
    let agent = build(data.path(), queue, true);
    let (handle, shutdown) = (agent.handle(), Shutdown::new());
    let until = async {
        while !done(queue, &handle) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        shutdown.call();
    };
    let (ran, ()) = tokio::join!(agent.run(shutdown.clone()), until);
    ran.expect("runs");
    handle
}

fn check(queue: &Fickle) {
    let mut seen = BTreeSet::new();
    let (mut moments, mut measurements) = (BTreeSet::new(), BTreeSet::new());
    for point in queue.points() {
        assert_eq!(point.time.as_micros() % INTERVAL.as_micros() as i64, 0, "{point:?}");
        assert!(point.tags.contains(&("host".to_owned(), "this machine".to_owned())), "{point:?}");
        assert!(seen.insert((point.measurement.clone(), point.tags.clone(), point.time)), "twice: {point:?}");
        moments.insert(point.time);
        measurements.insert(point.measurement);
    }
    for name in ["system", "mem", "processes"] {
        assert!(measurements.contains(name), "{measurements:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_interval_is_one_sample() {
    let queue = Arc::new(Fickle::default());
    let handle = run(&queue, |queue, _| queue.moments().len() >= 4).await;
    check(&queue);
    assert_eq!(handle.stats().host_samples, queue.moments().len() as u64, "what was measured last is delivered too");
    assert_eq!(handle.stats().host_samples_dropped, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_point_is_lost_or_repeated_whatever_the_queue_does() {
    let queue = Arc::new(Fickle::default());
    let moods = [Mood::Takes, Mood::Mumbles, Mood::Refuses, Mood::Takes, Mood::IsFull, Mood::Mumbles];
    queue.moods.lock().extend(moods.repeat(3));
    let handle = run(&queue, |queue, _| queue.moods.lock().is_empty() && queue.moments().len() >= 3).await;
    check(&queue);
    assert_eq!(handle.stats().host_samples, queue.moments().len() as u64);
    assert_eq!(queue.held.lock().len(), 1, "one source for one run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_has_lost_the_source_gets_a_new_generation_of_it() {
    let queue = Arc::new(Fickle::default());
    queue.moods.lock().extend([Mood::Forgets, Mood::Takes, Mood::Takes]);
    run(&queue, |queue, _| queue.held.lock().len() == 2 && queue.moments().len() >= 5).await;
    check(&queue);
    let generations: Vec<_> = queue.held.lock().keys().map(|key| key.generation.0).collect();
    assert_eq!(generations, [0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_takes_nothing_holds_up_no_measuring_and_is_told_of() {
    let queue = Arc::new(Fickle::default());
    queue.stuck.store(true, std::sync::atomic::Ordering::SeqCst);
    let stuck = |queue: &Fickle, handle: &AgentHandle| {
        let told = handle.problems().iter().any(|problem| problem.reason.contains("refused"));
        if told && handle.stats().host_samples >= 3 {
            queue.stuck.store(false, std::sync::atomic::Ordering::SeqCst);
        }
        queue.moments().len() >= 4
    };
    let handle = run(&queue, stuck).await;
    check(&queue);
    assert_eq!(handle.problems(), [], "all is well again");
}

#[tokio::test]
async fn nothing_is_measured_where_nobody_asked() {
    let queue = Arc::new(Fickle::default());
    let data = tempfile::tempdir().expect("a folder");
    let agent = build(data.path(), &queue, false);
    let (handle, shutdown) = (agent.handle(), Shutdown::new());
    let later = async {
        tokio::time::sleep(INTERVAL * 3).await;
        shutdown.call();
    };
    let (ran, ()) = tokio::join!(agent.run(shutdown.clone()), later);
    ran.expect("runs");
    assert_eq!((handle.stats().host_samples, queue.points().len()), (0, 0));
}
