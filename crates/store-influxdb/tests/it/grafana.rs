//! The dashboards in `docs/grafana`, replayed: each of their queries finds points of a real host in each server.

use std::path::Path;

use base::Timestamp;
use codec::line_protocol::{Precision, lines, parse};
use model::Point;
use serde_json::Value;
use store::metrics::testing::put;

use crate::common::{ORG, TOKEN, address, open, unique, v1, v2};

/// What a host measured, every 10 s for most of a minute.
const SAMPLES: &[u8] = include_bytes!("host-metrics.txt");

fn points() -> Vec<Point> {
    let read = |line: &[u8]| parse(line, Precision::Nanoseconds, Timestamp::MIN).expect("line protocol");
    lines(SAMPLES).map(read).collect()
}

/// When the samples begin and end, with some room.
fn range() -> (String, String) {
    let times: Vec<Timestamp> = points().iter().map(|point| point.time).collect();
    let (first, last) = (times.iter().min().expect("points"), times.iter().max().expect("points"));
    (first.plus_micros(-1_000_000).to_string(), last.plus_micros(11_000_000).to_string())
}

fn read(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/grafana").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The queries of a dashboard, with what they are for.
fn queries(file: &str) -> Vec<(String, String)> {
    let dashboard = read(file);
    let panels = dashboard["panels"].as_array().expect("panels");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let of_panels = panels.iter().map(|panel| (text(&panel["title"]), text(&panel["targets"][0]["query"])));
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let of_variables = variables.iter().filter(|variable| variable["type"] == "query");
    let queries = of_panels.chain(of_variables.map(|variable| (text(&variable["name"]), text(&variable["query"]))));
    queries.collect()
}

async fn answer(request: reqwest::RequestBuilder) -> String {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a text");
    assert!(status.is_success(), "{text}");
    text
}

#[tokio::test]
async fn every_panel_for_influxql_shows_something() {
    let Some(address) = address("INFLUXDB1") else { return };
    let database = unique("grafana");
    put(&*open(&address, v1(&database)), &points()).await;
    let (since, until) = range();
    for (title, query) in queries("host-metrics.json") {
        let query = query
            .replace("$timeFilter", &format!("time >= '{since}' AND time < '{until}'"))
            .replace("$__interval", "10s")
            .replace("$host", "(.*)");
        let arguments = [("db", database.as_str()), ("q", query.as_str())];
        let text = answer(reqwest::Client::new().get(format!("{address}/query")).query(&arguments)).await;
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let rows = json["results"][0]["series"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|series| series["values"].as_array().cloned().unwrap_or_default());
        // The first column is the time.
        let values = rows.flat_map(|row| row.as_array().cloned().unwrap_or_default().into_iter().skip(1));
        assert!(values.filter(|value| !value.is_null()).count() > 0, "{title}: {query} gives {text}");
    }
}

#[tokio::test]
async fn every_panel_for_flux_shows_something() {
    let Some(address) = address("INFLUXDB2") else { return };
    let bucket = unique("grafana");
    put(&*open(&address, v2(&bucket)), &points()).await;
    let (since, until) = range();
    for (title, query) in queries("host-metrics-flux.json") {
        let query = query
            .replace("v.timeRangeStart", &since)
            .replace("v.timeRangeStop", &until)
            .replace("v.windowPeriod", "10s")
            .replace("v.defaultBucket", &format!("\"{bucket}\""))
            .replace("${host:regex}", "(.*)");
        let request = reqwest::Client::new()
            .post(format!("{address}/api/v2/query"))
            .query(&[("org", ORG)])
            .header("authorization", format!("Token {TOKEN}"))
            .header("content-type", "application/vnd.flux")
            .header("accept", "application/csv")
            .body(query.clone());
        let text = answer(request).await;
        assert!(!text.contains("error,reference"), "{title}: {query} gives {text}");
        assert!(text.trim().lines().count() > 1, "{title}: {query} gives nothing");
    }
}

#[test]
fn data_sources_name_what_the_drivers_write_into() {
    let (one, two) = (read("datasource-influxql.json"), read("datasource-flux.json"));
    assert_eq!((one["type"].as_str(), two["type"].as_str()), (Some("influxdb"), Some("influxdb")));
    assert_eq!(one["jsonData"]["version"], "InfluxQL");
    assert_eq!(two["jsonData"]["version"], "Flux");
    assert!(one["jsonData"]["dbName"].is_string() && two["jsonData"]["defaultBucket"].is_string());
}
