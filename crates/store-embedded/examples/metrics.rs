//! How fast metrics are answered: a day of 200 series, a point every 10 s.
//!
//! `cargo run --release -p store-embedded --example metrics -- [SERIES]`

use std::time::Instant;

use base::Timestamp;
use model::{FieldValue, Point};
use store::TimeRange;
use store::metrics::{Aggregate, PointReader as _, PointWriter as _, SeriesRequest};
use store_embedded::{EmbeddedMetrics, MetricsOptions};

const FIRST: i64 = 1_790_035_200_000_000;
const STEP: i64 = 10_000_000;
const DAY: i64 = 8640;

fn point(n: i64, series: i64) -> Point {
    // A clock that trembles, a gauge that wanders, a counter.
    let at = FIRST + n * STEP + (n * 7919 + series * 31) % 900;
    let wander = (n as f64 / 500.0 + series as f64).sin() * 40.0 + 50.0 + (n * series % 17) as f64 / 100.0;
    Point {
        measurement: "cpu".to_owned(),
        tags: vec![("cpu".to_owned(), format!("cpu{}", series % 8)), ("host".to_owned(), format!("h{}", series / 8))],
        fields: vec![
            ("usage".to_owned(), FieldValue::Float((wander * 100.0).round() / 100.0)),
            ("ticks".to_owned(), FieldValue::Integer(n * 997 + series)),
        ],
        time: Timestamp::from_micros(at),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let series = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200i64);
    let folder = std::env::temp_dir().join(format!("metrics-example-{}", std::process::id()));
    let store = EmbeddedMetrics::open(&folder, MetricsOptions::default())?;
    let began = Instant::now();
    for n in 0..DAY {
        let points: Vec<Point> = (0..series).map(|series| point(n, series)).collect();
        store.write(&points).await?;
    }
    let took = began.elapsed().as_secs_f64();
    let values = (DAY * series * 2) as f64;
    println!("written: {values} values in {took:.1} s, {:.0} values/s", values / took);
    drop(store);
    let began = Instant::now();
    let store = EmbeddedMetrics::open(&folder, MetricsOptions::default())?;
    println!("opened in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    let at = |n: i64| Timestamp::from_micros(FIRST + n * STEP);
    for (name, aggregate, field, step, group_by) in [
        ("mean of all, 5 min", Aggregate::Mean, "usage", 300, vec![]),
        ("mean by host and cpu, 5 min", Aggregate::Mean, "usage", 300, vec!["host".to_owned(), "cpu".to_owned()]),
        ("rate by host, 1 min", Aggregate::Rate, "ticks", 60, vec!["host".to_owned()]),
        ("max by host, 10 s", Aggregate::Max, "usage", 10, vec!["host".to_owned()]),
    ] {
        let request = SeriesRequest {
            measurement: "cpu".to_owned(),
            field: field.to_owned(),
            aggregate,
            tags: Vec::new(),
            group_by,
            range: TimeRange { since: at(0), until: at(DAY + 1) },
            step_micros: step * 1_000_000,
            limit: 1000,
        };
        let mut best = f64::MAX;
        let mut points = 0;
        for _ in 0..5 {
            let began = Instant::now();
            points = store.series(&request).await?.series.iter().map(|series| series.points.len()).sum();
            best = best.min(began.elapsed().as_secs_f64() * 1e3);
        }
        println!("{name}: {best:.0} ms, {points} points");
    }
    let bytes: u64 = std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum();
    println!("{:.1} bytes a value on disk", bytes as f64 / values);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
