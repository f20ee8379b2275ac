//! Patterns, the way of a record, completion, and answers to keep.

use std::io::Read;

use model::{Format, Level};
use queue::testing::BatchOf;
use queue::{LINES, Queue as _};
use serde_json::json;
use store::testing::BatchBuilder;

use crate::support::{NOW, Server};

#[test]
fn lines_of_a_shape_are_counted_together() {
    let server = Server::start();
    let mut batch = BatchBuilder::new(8, 0, 0);
    for n in 0..500 {
        let line = format!("user u{n} logged in from 10.0.0.{}", n % 250);
        batch.line(line.as_bytes(), NOW - n, Level::Info, Format::Plain, &[]);
    }
    batch.line(b"disk is full", NOW, Level::Error, Format::Plain, &[]);
    server.write(&[batch.build()]);
    let answer = server.json("/api/v1/patterns");
    assert_eq!((&answer["sampled"], &answer["total"], &answer["complete"]), (&json!(501), &json!(501), &json!(true)));
    let first = &answer["patterns"][0];
    assert_eq!(first["pattern"], "user u<num> logged in from <ip>");
    assert_eq!((&first["count"], &first["levels"]), (&json!(500), &json!({ "info": 500 })));
    assert_eq!(first["example"]["line"], "user u0 logged in from 10.0.0.0");
    let query = first["query"].as_str().expect("a query").replace(' ', "%20").replace('"', "%22");
    assert_eq!(server.json(&format!("/api/v1/histogram?q={query}"))["total"], 500);
    let rare = server.json("/api/v1/patterns?order=rare&limit=1&sample=100");
    assert_eq!(rare["patterns"][0]["pattern"], "disk is full");
    assert_eq!((&rare["sampled"], &rare["total"], &rare["distinct"]), (&json!(100), &json!(501), &json!(2)));
    assert_eq!(rare["complete"], false);
    assert_eq!(server.problem("/api/v1/patterns?order=odd")["parameter"], "order");
    assert_eq!(server.json("/api/v1/patterns?q=nowhere")["patterns"], json!([]));
}

#[test]
fn the_way_of_a_record_is_told() {
    let server = Server::start();
    let batch = BatchOf::source(8).at(0).text("one\ntwo\n");
    let key = batch.header.key;
    server.runtime.block_on(async {
        let producer = server.queue.producer(LINES).await.expect("a topic");
        producer.append(batch).await.expect("is taken");
    });
    let mut stored = BatchBuilder::new(8, 0, 0);
    stored.plain(b"one", NOW).plain(b"two", NOW);
    server.write(&[stored.build()]);
    let answer = server.json(&format!("/api/v1/where/{key}.4"));
    assert_eq!(answer["found"], true, "{answer}");
    let steps = answer["steps"].as_array().expect("steps");
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().expect("a name")).collect();
    assert_eq!(names, ["file", "batch", "queue", "store"]);
    assert_eq!((&steps[0]["start"], &steps[0]["end"]), (&json!(4), &json!(8)));
    assert_eq!((&steps[1]["start"], &steps[1]["end"], &steps[1]["records"]), (&json!(0), &json!(8), &json!(2)));
    assert_eq!((&steps[2]["partition"], &steps[2]["offset"], &steps[2]["acked"]), (&json!(0), &json!(0), &json!(null)));
    assert_eq!((&steps[3]["kind"], &steps[3]["name"]), (&json!("head"), &json!("memory")));
    let missing = server.json(&format!("/api/v1/where/{key}.100"));
    assert_eq!((&missing["found"], &missing["steps"][3]["name"]), (&json!(false), &json!(null)));
    assert!(missing["steps"][3]["note"].as_str().expect("says why").contains("not come here"), "{missing}");
    assert_eq!(server.problem("/api/v1/where/x")["parameter"], "id");
}

#[test]
fn completes_fields_and_values() {
    let server = Server::start();
    server.write_access(20);
    let answer = server.json("/api/v1/complete?q=sta");
    assert_eq!((&answer["from"], &answer["to"]), (&json!(0), &json!(3)));
    assert_eq!(answer["suggestions"], json!([{ "text": "status:", "kind": "field", "count": 20 }]));
    let answer = server.json("/api/v1/complete?q=level:error%20status:");
    assert_eq!(answer["suggestions"], json!([{ "text": "500", "kind": "value", "count": 2 }]));
    let answer = server.json("/api/v1/complete?q=status:2%20x&at=8&since=1h");
    assert_eq!((&answer["from"], &answer["to"]), (&json!(7), &json!(8)));
    assert_eq!(server.json("/api/v1/complete?q=%22some")["suggestions"], json!([]));
}

#[test]
fn answers_can_be_kept() {
    let server = Server::start();
    server.write_access(300);
    let mut batch = BatchBuilder::new(8, 0, 0);
    batch.line(b"a \"b\",\xff\nc", NOW, Level::Warn, Format::Plain, &[]);
    server.write(&[batch.build()]);
    let csv = server.get("/api/v1/search?format=csv&columns=time,level,status,line&download");
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"logdrive-2026-01-31T100000.csv\"");
    let text = csv.text();
    assert!(
        text.starts_with(
            "time,level,status,line\r\n2026-01-31T10:00:00Z,warn,,\"a \"\"b\"\",\u{fffd}\nc\"\r\n\
             2026-01-31T09:59:59Z,error,500,GET /299 HTTP/1.1\r\n"
        ),
        "{text}"
    );
    assert_eq!(text.matches("\r\n").count(), 302);
    let raw = server.get("/api/v1/search?format=raw&limit=2");
    assert_eq!(raw.body, b"a \"b\",\xff\nc\nGET /299 HTTP/1.1\n");
    let packed = server.get("/api/v1/search?format=ndjson&gzip&download&q=GET");
    assert_eq!(packed.header("content-type"), "application/gzip");
    assert!(packed.header("content-disposition").ends_with(".ndjson.gz\""));
    let mut lines = String::new();
    flate2::read::GzDecoder::new(&*packed.body).read_to_string(&mut lines).expect("is whole");
    assert_eq!(lines.lines().count(), 301);
    assert!(lines.ends_with("{\"_\":\"end\",\"complete\":true,\"next\":null,\"count\":300}\n"), "{lines}");
    let page = server.get("/api/v1/search?format=json&limit=1&download");
    assert_eq!(page.json()["hits"].as_array().map(Vec::len), Some(1));
    assert!(page.header("content-disposition").ends_with(".json\""));
    for (path, parameter) in [
        ("/api/v1/search?format=xml", "format"),
        ("/api/v1/search?format=json&all", "format"),
        ("/api/v1/search?format=raw&columns=a", "columns"),
    ] {
        assert_eq!(server.problem(path)["parameter"], parameter, "{path}");
    }
}
