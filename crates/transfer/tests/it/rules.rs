//! Metrics from lines, through crashes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use base::{ManualClock, Timestamp};
use config::{MetricConfig, MetricValue};
use model::{Batch, FieldValue, Format};
use parking_lot::Mutex;
use queue::{LINES, MemoryOptions, MemoryQueue, Queue};
use transfer::Parts;

use crate::common::{append, batch, committed, parts, start_parts, stop, until};
use crate::points::Picky;

/// 2023-11-14T22:13:20Z, when all batches are read; a multiple of ten seconds.
const READ_AT: i64 = 1_700_000_000;

fn rule() -> MetricConfig {
    MetricConfig {
        name: "took".to_owned(),
        streams: Vec::new(),
        filter: Some("level:info".to_owned()),
        field: Some("ms".to_owned()),
        values: vec![MetricValue::Count, MetricValue::Sum, MetricValue::Quantile(500)],
        by: vec!["route".to_owned()],
        window: Duration::from_secs(10),
        lateness: Duration::from_secs(20),
    }
}

/// Lines as (seconds before the reading, route, milliseconds).
fn lines(source: u128, start: u64, lines: &[(i64, &str, f64)]) -> Batch {
    let text = |(ago, route, ms): &(i64, &str, f64)| {
        let time = Timestamp::from_micros((READ_AT - ago) * 1_000_000);
        format!("{{\"time\":\"{time}\",\"level\":\"info\",\"route\":\"{route}\",\"ms\":{ms}}}")
    };
    let text: Vec<String> = lines.iter().map(text).collect();
    let mut batch = batch(source, start, &text.iter().map(|line| line.as_bytes()).collect::<Vec<_>>());
    Arc::make_mut(&mut batch.header).format = Format::Json;
    batch
}

fn picky(fails: u32) -> Arc<Picky> {
    Arc::new(Picky { fails: AtomicU32::new(fails), refuses: "", taken: Mutex::default() })
}

/// The last point of each series and time: (seconds before the reading, route) → count and sum.
fn held(picky: &Picky) -> BTreeMap<(i64, String), (i64, f64)> {
    let mut held = BTreeMap::new();
    for point in &*picky.taken.lock() {
        let route = point.tags.iter().find(|(key, _)| key == "route").map(|(_, value)| value.clone()).unwrap();
        let field = |name: &str| point.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let Some(FieldValue::Integer(count)) = field("count") else { panic!("{point:?}") };
        let Some(FieldValue::Float(sum)) = field("sum") else { panic!("{point:?}") };
        held.insert((READ_AT - point.time.as_micros() / 1_000_000, route), (count, sum));
    }
    held
}

struct Setting {
    queue: Arc<dyn Queue>,
    points: Arc<Picky>,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Setting {
    fn new(partitions: u32, fails: u32) -> Self {
        let options = MemoryOptions { partitions, ..MemoryOptions::default() };
        Self {
            queue: Arc::new(MemoryQueue::with(options)),
            points: picky(fails),
            clock: Arc::new(ManualClock::at(Timestamp::from_micros(READ_AT * 1_000_000))),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn parts(&self) -> Parts {
        let mut parts = parts(&self.queue, Vec::new());
        parts.points = Some(self.points.clone());
        parts.rules = vec![rule()];
        parts.rules_folder = Some(self.folder.path().join("rules"));
        parts.clock = self.clock.clone();
        parts
    }

    /// Waits while time goes on, two seconds at a time.
    async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        until(what, async || {
            self.clock.advance_micros(2_000_000);
            done().await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_is_written_and_the_cursor_follows_over_what_is_closed() {
    let setting = Setting::new(1, 3);
    let (supervisor, handle) = start_parts(setting.parts(), &[]);
    let at = append(&*setting.queue, lines(1, 0, &[(100, "/a", 1.0), (99, "/b", 5.0), (98, "/a", 2.5)])).await;
    let at = append(&*setting.queue, lines(1, at, &[(80, "/a", 7.0)])).await;
    setting
        .until("the store that fails is listed", async || {
            handle.problems().iter().any(|(who, text)| who == "metric took" && text.contains("database not found"))
        })
        .await;
    setting.until("the first window", async || held(&setting.points).len() == 2).await;
    assert_eq!(committed(&setting.queue, LINES, "store-rule-took").await, 0, "a late line may still come");
    let at = append(&*setting.queue, lines(1, at, &[(97, "/a", 0.5)])).await;
    setting.until("rewritten", async || held(&setting.points)[&(100, "/a".to_owned())] == (3, 4.0)).await;
    append(&*setting.queue, lines(1, at, &[(50, "/c", 1.0)])).await;
    setting.until("the second window", async || held(&setting.points).contains_key(&(80, "/a".to_owned()))).await;
    // The window at 80 s is closed by the line at 50 s; the one at 50 s is open and begins in the last batch.
    setting.until("committed", async || committed(&setting.queue, LINES, "store-rule-took").await == 3).await;
    stop(&supervisor).await;
    assert_eq!(held(&setting.points)[&(80, "/a".to_owned())], (1, 7.0));
    assert!(handle.problems().is_empty(), "{:?}", handle.problems());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_points_are_the_same_through_restarts() {
    let whole = points_of(&[]).await;
    let broken = points_of(&[3, 11, 17, 18, 30]).await;
    assert_eq!(whole.values().map(|(count, _)| count).sum::<i64>(), 40 * 3);
    assert_eq!(whole, broken);
}

/// Forty batches over three partitions and six sources; the transfer is stopped and started before some of them.
async fn points_of(restarts: &[i64]) -> BTreeMap<(i64, String), (i64, f64)> {
    let setting = Setting::new(3, 0);
    let mut running = start_parts(setting.parts(), &[]);
    let mut ends = [0; 6];
    for n in 0..40i64 {
        if restarts.contains(&n) {
            // In the middle of windows, with some written and some not.
            setting.until("something was read", async || !setting.points.taken.lock().is_empty() || n < 10).await;
            stop(&running.0).await;
            running = start_parts(setting.parts(), &[]);
        }
        let source = (n * 7 % 6) as usize;
        let ago = 1000 - n * 5;
        let text = [(ago, "/a", n as f64 * 0.1), (ago + 9, "/b", 1.0 / (n + 1) as f64), (ago - 3, "/a", 0.3)];
        ends[source] = append(&*setting.queue, lines(source as u128 + 1, ends[source], &text)).await;
    }
    for (source, end) in ends.iter().enumerate() {
        append(&*setting.queue, lines(source as u128 + 1, *end, &[(0, "/end", 0.0)])).await;
    }
    let count = || held(&setting.points).values().map(|(count, _)| count).sum::<i64>();
    setting.until("every line is in a point", async || count() >= 40 * 3).await;
    stop(&running.0).await;
    held(&setting.points)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_partition_is_passed_over() {
    let setting = Setting::new(4, 0);
    let (supervisor, _) = start_parts(setting.parts(), &[]);
    append(&*setting.queue, lines(1, 0, &[(100, "/a", 1.0), (10, "/a", 1.0)])).await;
    setting.until("a point although three partitions are empty", async || !held(&setting.points).is_empty()).await;
    stop(&supervisor).await;
    assert_eq!(held(&setting.points)[&(100, "/a".to_owned())], (1, 1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_transfer_may_run_a_rule() {
    let setting = Setting::new(2, 0);
    let (first, first_handle) = start_parts(setting.parts(), &[]);
    until("the first reads", async || setting.queue.stats(LINES).await.unwrap().groups.len() == 1).await;
    let mut second = setting.parts();
    second.rules_folder = None;
    let (second, second_handle) = start_parts(second, &[]);
    let says = |handle: &transfer::TransferHandle| handle.problems().iter().any(|(_, text)| text.contains("1 of 2"));
    until("both say so", async || says(&first_handle) && says(&second_handle)).await;
    let mut ends = [0; 3];
    for ago in [100, 10] {
        for (source, end) in ends.iter_mut().enumerate() {
            *end = append(&*setting.queue, lines(source as u128 + 1, *end, &[(ago, "/a", 1.0)])).await;
        }
    }
    stop(&second).await;
    setting
        .until("the first goes on alone, whole", async || {
            held(&setting.points).get(&(100, "/a".to_owned())) == Some(&(3, 3.0))
        })
        .await;
    assert!(!says(&first_handle));
    stop(&first).await;
}

#[test]
fn a_rule_that_cannot_be_right_names_itself() {
    let mut wrong = rule();
    wrong.filter = Some("level:(".to_owned());
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let mut parts = parts(&queue, Vec::new());
    parts.points = Some(picky(0));
    parts.rules = vec![wrong];
    let error = transfer::build(&config::TransferConfig::default(), &[], parts).err().unwrap().to_string();
    assert!(error.contains("'took'") && error.contains("where"), "{error}");
}
