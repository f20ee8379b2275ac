use std::io::Write;
use std::time::Duration;

use serde_json::json;
use store::testing::BatchBuilder;
use store::{MemoryLimits, MemoryStore, TailLimits};

use crate::support::{Chunked, NOW, Server};

const TAIL: &str = "GET /api/v1/tail HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[test]
fn gives_what_comes_in_and_says_that_it_is_alive() {
    let server = Server::with(|parts| parts.limits.heartbeat = Duration::from_millis(20));
    server.write_access(3);
    let request = "GET /api/v1/tail?q=level:error&backlog=5 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut tail = Chunked::new(server.raw(request));
    assert_eq!(tail.next(), Some(json!({ "_": "alive" })), "none of the three is an error");
    let mut batch = BatchBuilder::new(8, 0, 0);
    batch.plain(b"no", NOW);
    batch.line(b"yes", NOW, model::Level::Error, model::Format::Plain, &[]);
    server.write(&[batch.build()]);
    let mut beats = 0;
    let hit = loop {
        match tail.next().expect("goes on") {
            line if line["_"] == "alive" => beats += 1,
            line => break line,
        }
    };
    assert_eq!(hit["line"], "yes");
    while beats < 3 {
        assert_eq!(tail.next(), Some(json!({ "_": "alive" })));
        beats += 1;
    }
    server.shutdown.call();
    let end = std::iter::from_fn(|| tail.next()).last().expect("says something");
    assert_eq!(end, json!({ "_": "end", "complete": false, "next": null, "count": 1 }));
}

#[test]
fn begins_with_the_newest_that_are_there() {
    let server = Server::start();
    server.write_access(30);
    let request = TAIL.replace("tail", "tail?backlog=2");
    let mut tail = Chunked::new(server.raw(&request));
    assert_eq!(tail.next().expect("comes")["line"], "GET /28 HTTP/1.1");
    assert_eq!(tail.next().expect("comes")["line"], "GET /29 HTTP/1.1");
    assert_eq!(tail.next(), Some(json!({ "_": "alive" })));
    let mut batch = BatchBuilder::new(8, 0, 0);
    batch.plain(b"new", NOW);
    server.write(&[batch.build()]);
    assert_eq!(tail.next().expect("comes")["line"], "new");
}

#[test]
fn a_slow_reader_is_told_exactly_how_many_it_missed() {
    let limits = TailLimits { batches: 4, ..TailLimits::default() };
    let server = Server::over(MemoryStore::new(MemoryLimits { tail: limits, ..MemoryLimits::default() }), |_| {});
    let mut tail = Chunked::new(server.raw(TAIL));
    assert_eq!(tail.next(), Some(json!({ "_": "alive" })));
    // Far more than a pair of sockets can hold.
    let line = vec![b'x'; 64 << 10];
    let written = 1000;
    for n in 0..written {
        let mut batch = BatchBuilder::new(8, 0, n * (line.len() as u64 + 1));
        batch.plain(&line, NOW);
        server.write(&[batch.build()]);
    }
    let (mut got, mut skipped) = (0, 0);
    while got + skipped < written {
        let line = tail.next().expect("goes on");
        match line["_"].as_str() {
            None => got += 1,
            Some("skipped") => skipped += line["count"].as_u64().expect("a number"),
            Some("alive") => {}
            Some(_) => panic!("{line}"),
        }
    }
    assert_eq!(got + skipped, written);
    assert!(got > 0 && skipped > 0, "got {got}, skipped {skipped}");
    let metrics = server.get("/metrics").text();
    assert!(metrics.contains(&format!("logdrive_dashboard_skipped_records_total {skipped}")), "{metrics}");
}

#[test]
fn above_its_rate_lines_are_left_out_and_counted() {
    let server = Server::start();
    let path = "tail?q=line&max_rate=10&frame_ms=20";
    let mut tail = Chunked::new(server.raw(&TAIL.replace("tail", path)));
    assert_eq!(tail.next(), Some(json!({ "_": "alive" })));
    let written = 3000;
    let mut batch = BatchBuilder::new(8, 0, 0);
    for n in 0..written {
        batch.plain(format!("line {n}").as_bytes(), NOW);
        batch.plain(b"another", NOW);
    }
    server.write(&[batch.build()]);
    let (mut got, mut skipped, mut rates) = (0, 0, Vec::new());
    while got + skipped < written || rates.last() != Some(&0) {
        let line = tail.next().expect("goes on");
        match line["_"].as_str() {
            None => got += 1,
            Some("skipped") => skipped += line["count"].as_u64().expect("a number"),
            Some("rate") => rates.push(line["per_second"].as_u64().expect("a number")),
            Some(_) => assert_eq!(line, json!({ "_": "alive" })),
        }
    }
    assert_eq!((got, skipped), (10, written - 10));
    assert!(rates[0] > 0 && rates.iter().sum::<u64>() <= written, "{rates:?}: what was left out counts, and once");
}

#[test]
fn goes_on_behind_a_record() {
    let server = Server::start();
    server.write_access(30);
    let hits = server.json("/api/v1/search?limit=30");
    let id = |n: usize| hits["hits"][29 - n]["id"].as_str().expect("an id").to_owned();
    let from = |query: String| {
        let mut tail = Chunked::new(server.raw(&TAIL.replace("tail", &format!("tail?{query}"))));
        let lines = std::iter::from_fn(|| tail.next().filter(|line| line["_"] != "alive"));
        lines.map(|line| if line["_"].is_null() { line["line"].clone() } else { line }).collect::<Vec<_>>()
    };
    assert_eq!(from(format!("since_id={}", id(27))), ["GET /28 HTTP/1.1", "GET /29 HTTP/1.1"]);
    assert_eq!(from(format!("since_id={}", id(29))), [json!(null); 0]);
    let skipped = json!({ "_": "skipped", "count": 8 });
    assert_eq!(from(format!("since_id={}&backlog=1", id(20))), [skipped, json!("GET /29 HTTP/1.1")]);
    assert_eq!(server.problem("/api/v1/tail?since_id=x")["parameter"], "since_id");
    assert_eq!(server.problem("/api/v1/tail?max_rate=fast")["parameter"], "max_rate");
}

#[test]
fn a_listener_that_is_gone_leaves_its_place() {
    let limits = TailLimits { followers: 1, ..TailLimits::default() };
    let server = Server::over(MemoryStore::new(MemoryLimits { tail: limits, ..MemoryLimits::default() }), |parts| {
        parts.limits.heartbeat = Duration::from_millis(5);
    });
    let tail = Chunked::new(server.raw(TAIL));
    let refused = server.problem("/api/v1/tail");
    assert_eq!((&refused["type"], &refused["status"]), (&json!("/problems/exhausted"), &json!(429)));
    drop(tail);
    crate::support::until("the place is free", || {
        let mut stream = server.raw(TAIL);
        let mut status = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut status).expect("answers");
        let _ = stream.flush();
        &status == b"HTTP/1.1 200"
    });
}
