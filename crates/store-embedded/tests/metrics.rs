//! The metrics store in a folder: the suite, and what a crash, a full head, many days and retention leave.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, Timestamp};
use model::{FieldValue, Point};
use parking_lot::Mutex;
use proptest::prelude::*;
use store::TimeRange;
use store::metrics::testing::{EPOCH, ask, put, value};
use store::metrics::{Aggregate, MemoryMetrics, PointReader as _, PointWriter as _, SeriesRequest};
use store_embedded::{EmbeddedMetrics, MetricsOptions};

/// A head of this size is full with every write.
const TINY: ByteSize = ByteSize(1);

fn open(folder: &Path, head_bytes: ByteSize) -> EmbeddedMetrics {
    EmbeddedMetrics::open(folder, MetricsOptions { head_bytes, ..MetricsOptions::default() }).expect("opens")
}

async fn empty(head_bytes: ByteSize) -> Option<(Box<EmbeddedMetrics>, tempfile::TempDir)> {
    let folder = tempfile::tempdir().expect("a folder");
    Some((Box::new(open(folder.path(), head_bytes)), folder))
}

mod in_the_head {
    store::metrics_conformance!(super::empty(base::ByteSize::mib(16)));
}

mod in_chunks {
    store::metrics_conformance!(super::empty(super::TINY));
}

fn files(folder: &Path, suffix: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("lists")
        .map(|entry| entry.expect("lists").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(suffix))
        .collect();
    names.sort();
    names
}

fn sum() -> SeriesRequest {
    SeriesRequest { aggregate: Aggregate::Sum, ..store::metrics::testing::request("m") }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_crash_up_to_a_torn_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path(), ByteSize::mib(1));
    put(&store, &[value("m", &[("a", "x")], 1.0, 1)]).await;
    put(&store, &[value("m", &[("a", "y")], 2.0, 1)]).await;
    // Nothing is closed: as after kill -9. The last frame was not whole.
    let journal = folder.path().join(&files(folder.path(), ".log")[0]);
    let mut bytes = std::fs::read(&journal).expect("reads");
    bytes.extend_from_slice(&[40, 0, 0, 0, 1, 2, 3, 4, 0, 1]);
    std::fs::write(&journal, &bytes).expect("writes");
    let again = open(folder.path(), ByteSize::mib(1));
    assert_eq!(ask(&again, &sum()).await, [(vec![], vec![(0, 3.0)])]);
    // What follows is not written behind the tear.
    put(&again, &[value("m", &[("a", "x")], 5.0, 1)]).await;
    let third = open(folder.path(), ByteSize::mib(1));
    assert_eq!(ask(&third, &sum()).await, [(vec![], vec![(0, 7.0)])]);
    assert_eq!(files(folder.path(), ".log").len(), 2);
}

#[tokio::test]
async fn a_wrong_byte_in_a_chunk_is_an_error_and_no_wrong_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path(), TINY);
    put(&store, &[value("m", &[], 1.0, 1)]).await;
    let chunk = folder.path().join(&files(folder.path(), ".chunk")[0]);
    let mut bytes = std::fs::read(&chunk).expect("reads");
    bytes[10] ^= 0x40;
    std::fs::write(&chunk, &bytes).expect("writes");
    let error = store.series(&sum()).await.expect_err("is damaged");
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[tokio::test]
async fn chunks_of_a_day_are_merged_and_the_later_value_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path(), TINY);
    for n in 0..30 {
        put(&store, &[value("m", &[], f64::from(n), 1), value("m", &[], 1.0, 10 + i64::from(n))]).await;
    }
    assert!(files(folder.path(), ".chunk").len() < 8, "{:?}", files(folder.path(), ".chunk"));
    assert_eq!(files(folder.path(), ".log"), Vec::<String>::new());
    for store in [store, open(folder.path(), TINY)] {
        let all = SeriesRequest { step_micros: 1_000_000_000, ..sum() };
        assert_eq!(ask(&store, &all).await, [(vec![], vec![(0, 29.0 + 30.0)])]);
    }
}

struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn days_are_removed_with_their_series() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(Hands(Mutex::new(EPOCH)));
    let options = MetricsOptions {
        head_bytes: TINY,
        retention_age: Some(Duration::from_secs(3 * DAY as u64)),
        clock: clock.clone(),
        ..MetricsOptions::default()
    };
    let store = EmbeddedMetrics::open(folder.path(), options).expect("opens");
    put(&store, &[value("old", &[("host", "a")], 1.0, 0), value("m", &[("host", "b")], 1.0, 0)]).await;
    *clock.0.lock() = EPOCH.plus_micros(2 * DAY * 1_000_000);
    put(&store, &[value("m", &[("host", "c")], 1.0, 2 * DAY)]).await;
    assert_eq!(files(folder.path(), ".chunk").len(), 2);
    *clock.0.lock() = EPOCH.plus_micros(5 * DAY * 1_000_000);
    put(&store, &[value("m", &[("host", "d")], 1.0, 5 * DAY)]).await;
    assert_eq!(store.tag_values("m", "host", 10).await.expect("answers"), ["c", "d"]);
    let names: Vec<String> = store.measurements().await.expect("answers").into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["m"]);
    assert_eq!(files(folder.path(), ".chunk").len(), 2);
}

#[tokio::test]
async fn series_are_bounded_and_the_others_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = MetricsOptions { series_max: 3, ..MetricsOptions::default() };
    let store = EmbeddedMetrics::open(folder.path(), options).expect("opens");
    let host = |n: usize| value("m", &[("host", &n.to_string())], 1.0, 1);
    let points: Vec<Point> = [0, 1, 2, 3, 0, 4].map(host).into();
    let refusals = store.write(&points).await.expect("takes");
    assert_eq!(refusals.iter().map(|refusal| refusal.point).collect::<Vec<_>>(), [3, 5]);
    assert!(refusals[0].reason.contains("3 already"), "{}", refusals[0].reason);
    assert_eq!(ask(&store, &sum()).await, [(vec![], vec![(0, 3.0)])]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_at_once_all_are_durable() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path(), ByteSize(4 << 10));
    let writers = (0..20).map(|n: i64| {
        let store = store.clone();
        async move {
            for at in 0..10 {
                put(&store, &[value("m", &[("w", &n.to_string())], 1.0, at)]).await;
            }
        }
    });
    let all: Vec<_> = writers.map(runtime::ahead).collect();
    for one in all {
        one.await.expect("goes well");
    }
    for store in [store, open(folder.path(), ByteSize::mib(1))] {
        assert_eq!(ask(&store, &sum()).await, [(vec![], vec![(0, 200.0)])]);
    }
}

/// What is done with a store.
#[derive(Clone, Debug)]
enum Op {
    Write(Vec<(u8, u8, i64, u8)>),
    Reopen,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    // Three days, few moments: so values meet.
    let point = (0u8..3, 0u8..5, 0i64..40, any::<u8>());
    let op = prop_oneof![6 => prop::collection::vec(point, 1..20).prop_map(Op::Write), 1 => Just(Op::Reopen)];
    prop::collection::vec(op, 1..30)
}

fn made(&(series, kind, at, number): &(u8, u8, i64, u8)) -> Point {
    let field = match kind {
        0 => FieldValue::Text("x".to_owned()),
        1 => FieldValue::Boolean(true),
        2 => FieldValue::Integer(i64::from(number) - 100),
        3 => FieldValue::Unsigned(u64::from(number)),
        _ => FieldValue::Float(f64::from(number) / 4.0),
    };
    let mut point = value("m", &[("s", &series.to_string())], 0.0, at * 7919);
    point.fields = vec![("value".to_owned(), field)];
    point
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written, in whatever order, however often it becomes chunks: as if it were in memory.
    #[test]
    fn answers_as_the_one_in_memory_does(ops in ops(), head in 1u64..4000) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let memory = MemoryMetrics::default();
            let mut store = open(folder.path(), ByteSize(head));
            for op in &ops {
                match op {
                    Op::Write(points) => {
                        let points: Vec<Point> = points.iter().map(made).collect();
                        put(&memory, &points).await;
                        put(&store, &points).await;
                    }
                    Op::Reopen => store = open(folder.path(), ByteSize(head)),
                }
            }
            for aggregate in [Aggregate::Sum, Aggregate::Count, Aggregate::Last, Aggregate::Rate] {
                for (since, until) in [(0, 400_000), (7919, 7919 * 20)] {
                    let at = |seconds: i64| EPOCH.plus_micros(seconds * 1_000_000);
                    let request = SeriesRequest {
                        aggregate,
                        group_by: vec!["s".to_owned()],
                        range: TimeRange { since: at(since), until: at(until) },
                        step_micros: 20_000_000_000,
                        ..sum()
                    };
                    assert_eq!(ask(&store, &request).await, ask(&memory, &request).await, "{request:?}");
                }
            }
        });
    }
}
