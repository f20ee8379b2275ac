//! Metrics: what is measured, the values of tags, series.

use std::sync::Arc;

use base::Timestamp;
use model::{FieldValue, Point};
use serde_json::json;
use store::metrics::{MemoryMetrics, PointWriter as _};

use crate::support::{NOW, Server};

fn point(host: &str, seconds_ago: i64, used: f64) -> Point {
    Point {
        measurement: "mem".to_owned(),
        tags: vec![("host".to_owned(), host.to_owned())],
        fields: vec![
            ("used".to_owned(), FieldValue::Float(used)),
            ("note".to_owned(), FieldValue::Text("x".to_owned())),
        ],
        time: Timestamp::from_micros(NOW - seconds_ago * 1_000_000),
    }
}

fn server() -> Server {
    let points = Arc::new(MemoryMetrics::default());
    let server = Server::with(|parts| parts.points = Some(points.clone()));
    let all = [point("a", 60, 1.0), point("a", 50, 3.0), point("b", 60, 10.0), point("b", 4000, 7.0)];
    server.runtime.block_on(points.write(&all)).expect("takes");
    server
}

#[test]
fn tells_what_is_measured() {
    let server = server();
    assert_eq!(
        server.json("/api/v1/metrics/measurements"),
        json!({ "measurements": [{ "name": "mem", "tags": ["host"], "fields": ["used"] }] })
    );
    assert_eq!(server.json("/api/v1/metrics/tags?measurement=mem&tag=host"), json!({ "values": ["a", "b"] }));
    assert_eq!(server.json("/api/v1/metrics/tags?measurement=mem&tag=host&limit=1"), json!({ "values": ["a"] }));
}

#[test]
fn tells_series_of_the_last_hour_by_tags() {
    let server = server();
    let at = (NOW / 1_000_000 - 60) as f64;
    let answer = server.json("/api/v1/metrics/series?measurement=mem&field=used&by=host&step=60");
    assert_eq!(
        answer["series"],
        json!([
            { "tags": { "host": "a" }, "points": [[at, 2.0]] },
            { "tags": { "host": "b" }, "points": [[at, 10.0]] },
        ])
    );
    assert_eq!((&answer["step_seconds"], &answer["complete"]), (&json!(60.0), &json!(true)));
    let answer = server.json("/api/v1/metrics/series?measurement=mem&field=used&aggregate=sum&step=1m");
    assert_eq!(answer["series"], json!([{ "tags": {}, "points": [[at, 14.0]] }]));
    let answer =
        server.json("/api/v1/metrics/series?measurement=mem&field=used&tag.host=b&since=2h&aggregate=count&step=1h");
    assert_eq!(answer["series"][0]["points"].as_array().map(Vec::len), Some(2));
}

#[test]
fn says_what_is_wrong_with_a_question() {
    let server = server();
    for (query, parameter) in [
        ("field=used", "measurement"),
        ("measurement=mem&field=used&aggregate=median", "aggregate"),
        ("measurement=mem&field=used&step=0", "step"),
        ("measurement=mem&field=used&since=1h&until=2h", "since"),
        ("measurement=mem&field=used&tag.=x", "tag."),
        ("measurement=mem&field=used&since=30d&step=1s", "step"),
    ] {
        let answer = server.get(&format!("/api/v1/metrics/series?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert_eq!(answer.json()["parameter"], parameter, "{query}");
    }
    let without = Server::with(|parts| parts.points = None);
    assert_eq!(without.get("/api/v1/metrics/measurements").status, 501);
}
