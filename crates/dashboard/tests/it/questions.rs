//! Histogram, facets, fields, context, streams.

use model::{Format, Level};
use serde_json::json;
use store::testing::BatchBuilder;

use crate::support::{NOW, Server};

#[test]
fn counts_over_time_and_by_field() {
    let server = Server::start();
    server.write_access(60);
    let all = server.json("/api/v1/histogram?interval=10s");
    assert_eq!((&all["total"], &all["interval_seconds"], &all["by"]), (&json!(60), &json!(10.0), &json!(null)));
    assert_eq!(all["start"], "2026-01-31T09:59:00Z");
    assert_eq!(all["series"], json!([{ "value": "", "total": 60, "counts": [10, 10, 10, 10, 10, 10] }]));
    let by = server.json("/api/v1/histogram?interval=30s&by=status&q=GET");
    assert_eq!(
        by["series"],
        json!([
            { "value": "200", "total": 54, "counts": [27, 27] },
            { "value": "500", "total": 6, "counts": [3, 3] },
        ])
    );
    assert_eq!(server.problem("/api/v1/histogram?interval=soon")["parameter"], "interval");
    assert_eq!(server.problem("/api/v1/histogram?interval=0s")["parameter"], "interval");
}

#[test]
fn values_with_counts() {
    let server = Server::start();
    server.write_access(60);
    let mut batch = BatchBuilder::new(8, 0, 0);
    batch.plain(b"of no level", NOW);
    server.write(&[batch.build()]);
    let answer = server.json("/api/v1/facets?fields=status,level&limit=1");
    assert_eq!(answer["total"], 61);
    assert_eq!(
        answer["facets"][0],
        json!({ "field": "status", "present": 60, "absent": 1, "distinct": 2, "exact": true,
                "values": [{ "value": "200", "count": 54 }] })
    );
    let values = |how: &str| {
        let answer = server.json(&format!("/api/v1/facets?fields=level&{how}"));
        let values = answer["facets"][0]["values"].as_array().expect("values").clone();
        values.into_iter().map(|value| value["value"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values("order=rare"), ["unknown", "error", "info"]);
    assert_eq!(values("order=name"), ["error", "info", "unknown"]);
    assert_eq!(values("match=N&limit=1"), ["info"]);
    assert_eq!(server.json("/api/v1/search?q=level:unknown")["hits"][0]["line"], "of no level");
    let over_time = server.json("/api/v1/histogram?by=level&interval=1h");
    assert_eq!(over_time["series"][2]["value"], "unknown");
    let over_time = server.json("/api/v1/histogram?by=status&interval=1h&series=1");
    let shown = |n: usize| (&over_time["series"][n]["value"], &over_time["series"][n]["total"]);
    assert_eq!(shown(1), (&json!("(other)"), &json!(6)));
    assert_eq!(shown(2), (&json!(""), &json!(1)));
    assert_eq!((&over_time["series"][1]["other"], &over_time["series"][2]["absent"]), (&json!(true), &json!(true)));
    assert_eq!(server.problem("/api/v1/facets?fields=level&order=size")["parameter"], "order");
    assert_eq!(answer["facets"][1]["values"], json!([{ "value": "info", "count": 54 }]));
    assert_eq!(server.problem("/api/v1/facets")["detail"], "parameter 'fields' is missing");
    assert_eq!(server.problem("/api/v1/facets?fields=,")["parameter"], "fields");
}

#[test]
fn fields_by_number_of_records() {
    let server = Server::start();
    server.write_access(5);
    let mut batch = BatchBuilder::new(8, 0, 0);
    batch.line(b"x", NOW, Level::Info, Format::Json, &[("user", b"ann"), ("status", b"1")]);
    server.write(&[batch.build()]);
    let answer = server.json("/api/v1/fields");
    let names: Vec<_> = answer["fields"].as_array().expect("fields").iter().map(|f| &f["name"]).collect();
    assert_eq!(names, [&json!("status"), &json!("user")]);
    let answer = server.json("/api/v1/fields?limit=1");
    assert_eq!((answer["fields"].as_array().map(Vec::len), &answer["truncated"]), (Some(1), &json!(true)));
}

#[test]
fn neighbours_in_the_file() {
    let server = Server::start();
    server.write_access(20);
    let hit = &server.json("/api/v1/search?limit=1&q=%22GET%20/10%22")["hits"][0];
    let id = hit["id"].as_str().expect("an id");
    let answer = server.json(&format!("/api/v1/context?id={id}&before=2&after=1"));
    let lines: Vec<_> = answer["hits"].as_array().expect("hits").iter().map(|hit| &hit["line"]).collect();
    assert_eq!(lines, ["GET /8 HTTP/1.1", "GET /9 HTTP/1.1", "GET /10 HTTP/1.1", "GET /11 HTTP/1.1"]);
    assert_eq!((&answer["anchor"], &answer["hits"][2]), (&json!(2), hit));
    let (hits, controls) = server.get_as(&format!("/api/v1/context?id={id}"), "application/x-ndjson").lines();
    assert_eq!((hits.len(), controls.len()), (20, 1));

    assert_eq!(server.problem("/api/v1/context?id=7")["parameter"], "id");
    assert_eq!(server.problem("/api/v1/context")["parameter"], "id");
    let other = id.rsplit_once('.').expect("has dots").0.replace('7', "6") + ".0";
    assert_eq!(server.problem(&format!("/api/v1/context?id={other}"))["status"], 404);
    assert_eq!(server.problem(&format!("/api/v1/line/{other}"))["type"], "/problems/not-found");
    assert_eq!(server.problem("/api/v1/line/x")["status"], 400);
}

#[test]
fn streams_with_their_newest() {
    let server = Server::start();
    server.write_access(3);
    let mut batch = BatchBuilder::new(8, 0, 0).origin("app \"x\"", "h2", "/app.log");
    batch.plain(b"x", NOW);
    server.write(&[batch.build()]);
    let answer = server.json("/api/v1/streams");
    assert_eq!(
        answer["streams"],
        json!([
            { "name": "app \"x\"", "records": 1, "files": 0, "newest": "2026-01-31T10:00:00Z", "changed_at": null, "origin": null, "paths": [] },
            { "name": "web", "records": 3, "files": 0, "newest": "2026-01-31T09:59:59Z", "changed_at": null, "origin": null, "paths": [] },
        ])
    );
}
