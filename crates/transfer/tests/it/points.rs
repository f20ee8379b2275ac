//! Points that travel as lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use base::Timestamp;
use model::Point;
use parking_lot::Mutex;
use queue::{METRICS, MemoryQueue, Queue};
use store::StoreError;
use store::metrics::{MemoryMetrics, PointReader, PointRefusal, PointWriter};

use crate::common::{append_to, batch, committed, dead_letters, parts, start_parts, stop, until};

/// Fails a few times, refuses some points, and keeps the others in the order they came.
pub struct Picky {
    pub fails: AtomicU32,
    pub refuses: &'static str,
    pub taken: Mutex<Vec<Point>>,
}

#[async_trait]
impl PointWriter for Picky {
    async fn write(&self, points: &[Point]) -> Result<Vec<PointRefusal>, StoreError> {
        if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(StoreError::Refused { at: "h:8086".to_owned(), reason: "database not found".to_owned() });
        }
        let mut refusals = Vec::new();
        for (n, point) in points.iter().enumerate() {
            if point.measurement == self.refuses {
                refusals.push(PointRefusal { point: n, reason: "field type conflict".to_owned() });
            } else {
                self.taken.lock().push(point.clone());
            }
        }
        Ok(refusals)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_become_points_and_the_others_dead_letters() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let picky = Arc::new(Picky { fails: AtomicU32::new(3), refuses: "disk", taken: Mutex::default() });
    let text: [&[u8]; 5] =
        [b"cpu,host=a usage=1.5 1700000000000001000", b"no point", b"disk used=1i", b"", b"mem used=7i"];
    let end = append_to(&*queue, METRICS, batch(1, 0, &text)).await;
    let mut parts = parts(&queue, Vec::new());
    parts.points = Some(picky.clone());
    let (supervisor, handle) = start_parts(parts, &[]);
    until("the store that refuses is listed", async || {
        handle.problems().iter().any(|(who, text)| who == "metrics store" && text.contains("database not found"))
    })
    .await;
    until("committed", async || committed(&queue, METRICS, "store-metrics").await == 1).await;
    assert!(handle.problems().is_empty());
    let mut damaged = batch(1, end, &[b"cpu usage=2"]);
    Arc::make_mut(&mut damaged.header).payload_crc ^= 1;
    append_to(&*queue, METRICS, damaged).await;
    until("committed", async || committed(&queue, METRICS, "store-metrics").await == 2).await;
    stop(&supervisor).await;
    let taken = picky.taken.lock().clone();
    let point = |n: usize| (taken[n].measurement.as_str(), taken[n].time.as_micros());
    // Without a time of its own it has that of its reading.
    assert_eq!((taken.len(), point(0), point(1)), (2, ("cpu", 1_700_000_000_000_001), ("mem", 1_700_000_000_000_000)));
    let letters = dead_letters(&queue, 3).await;
    let bytes: Vec<_> = letters.iter().map(|letter| &letter.bytes[..]).collect();
    assert_eq!(bytes, [&b"no point"[..], b"disk used=1i", b"cpu usage=2\n"]);
    assert!(letters[0].reason.contains("line protocol"), "{}", letters[0].reason);
    assert!(letters[1].reason.ends_with("field type conflict"));
    assert_eq!((letters[1].header.key.source.0, letters[1].header.start), (1, text[0].len() as u64 + 1 + 9));
    let stores = handle.stores();
    assert_eq!((stores[0].streams[0].1.records, stores[0].streams[0].1.dead_letters), (3, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_are_there_once_after_a_replay() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let metrics = Arc::new(MemoryMetrics::default());
    let text: Vec<String> =
        (0..500).map(|n| format!("cpu,core={} usage={n} {}", n % 4, n * 1_000_000_000u64)).collect();
    let mut at = 0;
    for lines in text.chunks(10) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        at = append_to(&*queue, METRICS, batch(1, at, &lines)).await;
    }
    let mut parts = parts(&queue, Vec::new());
    parts.points = Some(metrics.clone());
    let (supervisor, _) = start_parts(parts, &[]);
    until("committed", async || committed(&queue, METRICS, "store-metrics").await == 50).await;
    stop(&supervisor).await;
    let answer = metrics.measurements().await.unwrap();
    assert_eq!(answer.len(), 1);
    let points = metrics.series(&count_of("cpu", "usage")).await.unwrap();
    let counted: f64 = points.series.iter().flat_map(|series| &series.points).map(|(_, value)| *value).sum();
    assert_eq!(counted, 500.0);
}

fn count_of(measurement: &str, field: &str) -> store::metrics::SeriesRequest {
    store::metrics::SeriesRequest {
        measurement: measurement.to_owned(),
        field: field.to_owned(),
        aggregate: store::metrics::Aggregate::Count,
        tags: Vec::new(),
        group_by: Vec::new(),
        range: store::TimeRange { since: Timestamp::from_micros(0), until: Timestamp::from_micros(3_600_000_000) },
        step_micros: 3_600_000_000,
        limit: 10,
    }
}
