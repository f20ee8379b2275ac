use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::Arc;

use dashboard::SourceReports;
use model::{FileFacts, FileState, Generation, SourceId, SourceKey, SourceReport};
use serde_json::{Value, json};
use store::testing::BatchBuilder;

use crate::support::{Agent, NOW, Server, report};

/// An agent whose one source can be read again, or not.
struct Original {
    source: SourceReport,
    file: Result<PathBuf, String>,
}

impl SourceReports for Original {
    fn sources(&self) -> Vec<SourceReport> {
        vec![self.source.clone()]
    }

    fn problems(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn is_following(&self) -> bool {
        true
    }

    fn open(&self, _: SourceKey) -> Result<File, String> {
        self.file.clone().and_then(|path| File::open(path).map_err(|error| error.to_string()))
    }
}

#[test]
fn the_overview_adds_up() {
    let quarantined =
        SourceReport { state: FileState::Quarantined("it panicked".to_owned()), ..report(2, "/var/log/b.log", 10) };
    let agent = Agent {
        sources: vec![report(1, "/var/log/a.log", 100), quarantined],
        problems: vec![("/root/x".to_owned(), "permission denied".to_owned())],
    };
    let server = Server::with(|parts| parts.sources = Arc::new(agent));
    let overview = server.json("/api/v1/overview");
    let sums = &overview["completeness"];
    assert_eq!((&sums["size"], &sums["files"], &sums["incomplete"]), (&json!(110), &json!(2), &json!(2)));
    let of = |name: &str| sums[name].as_u64().expect("is a number");
    let parts = ["stored", "in_flight", "unread", "dead_letter", "dropped", "missed", "expired", "gaps"];
    assert_eq!(parts.map(of).iter().sum::<u64>(), of("size"), "{sums}");
    assert_eq!((&overview["first_run"], &overview["starting"]), (&json!(true), &json!(false)));
    let attention: Vec<_> = overview["attention"]
        .as_array()
        .expect("is a list")
        .iter()
        .map(|one| (one["kind"].as_str().unwrap_or_default(), one["subject"].as_str().unwrap_or_default()))
        .collect();
    let at =
        |wanted| attention.iter().position(|one| *one == wanted).unwrap_or_else(|| panic!("{wanted:?}: {attention:?}"));
    assert!(at(("quarantined", "/var/log/b.log")) < at(("problem", "/root/x")), "errors first: {attention:?}");
    assert_eq!(overview["problems"], 1);
    assert_eq!(overview["history"]["step_seconds"], 2);
    assert_eq!(overview["store"]["days_left"], Value::Null);
}

#[test]
fn pages_are_told_when_it_is_another_one() {
    let server = Server::with(|parts| parts.limits.heartbeat = std::time::Duration::from_millis(20));
    let stream = server.raw("GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("comes"));
    let mut data = || lines.by_ref().find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).expect("goes on");
    let first: Value = serde_json::from_str(&data()).expect("is JSON");
    assert_eq!(first["store"]["records"], 0);
    server.write_access(3);
    let seen = std::iter::from_fn(|| Some(data())).map(|text| serde_json::from_str::<Value>(&text).expect("is JSON"));
    let found = seen.take(10).find(|overview| overview["store"]["records"] == 3);
    assert_eq!(found.expect("is told")["first_run"], false);
    // Signs of life between the events.
    assert!(lines.by_ref().any(|line| line == ": alive"));
}

#[test]
fn so_many_pages_listen_and_no_more() {
    let server = Server::start();
    let request = "GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..64 {
        let mut stream = BufReader::new(server.raw(request));
        let mut line = String::new();
        stream.read_line(&mut line).expect("answers");
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        open.push(stream);
    }
    assert_eq!(server.problem("/api/v1/status")["type"], "/problems/exhausted");
}

#[test]
fn what_changed_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = |listen: &str| json!([{ "key": "listen", "value": listen, "origin": "default" }]);
    for listen in ["a", "b"] {
        let server = Server::with(|parts| {
            (parts.folder, parts.config) = (Some(folder.path().join("dashboard")), config(listen));
        });
        let changes = server.json("/api/v1/changes");
        let kinds: Vec<_> =
            changes["changes"].as_array().expect("is a list").iter().map(|c| c["kind"].clone()).collect();
        match listen {
            "a" => assert_eq!(kinds, ["start"]),
            _ => {
                assert_eq!(kinds, ["settings", "start", "start"]);
                let newest = &changes["changes"][0];
                let told = (&newest["subject"], &newest["before"], &newest["after"], &newest["at"]);
                assert_eq!(told, (&json!("listen"), &json!("a"), &json!("b"), &json!("2026-01-31T10:00:00Z")));
                assert_eq!(server.json("/api/v1/overview")["changes"][0], *newest);
            }
        }
        server.stop();
    }
}

/// A server whose store holds `stored` of a source whose file holds `written`.
fn verifying(stored: &[&[u8]], written: Result<&[u8], &str>) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    let file = written.map(|bytes| {
        File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("is written");
        path
    });
    let mut batch = BatchBuilder::new(7, 0, 0);
    for line in stored {
        batch.plain(line, NOW);
    }
    let source = report(7, "/var/log/a.log", batch.end());
    let original = Original { source, file: file.map_err(str::to_owned) };
    let server = Server::with(|parts| parts.sources = Arc::new(original));
    server.write(&[batch.build()]);
    (server, folder)
}

#[test]
fn what_is_stored_is_compared_with_its_file() {
    type Case<'a> = (&'a str, &'a [&'a [u8]], Result<&'a [u8], &'a str>, Value, Option<&'a str>);
    let none = json!([]);
    let cases: [Case<'_>; 4] = [
        ("the same", &[b"one", b"two\r", b"\xff\xfe"], Ok(b"one\ntwo\r\n\xff\xfe\n"), none.clone(), None),
        (
            "other bytes",
            &[b"one", b"two", b"three"],
            Ok(b"one\ntWo\nthree\n"),
            json!([{ "start": 4, "end": 8, "reason": "the stored bytes are others than those of the file" }]),
            None,
        ),
        (
            "a shorter file",
            &[b"one", b"two"],
            Ok(b"one\ntw"),
            json!([{ "start": 4, "end": 8, "reason": "the file ends before it" }]),
            None,
        ),
        ("no file", &[b"one"], Err("its file is no longer at /a"), none, Some("its file is no longer at /a")),
    ];
    for (what, stored, written, differs, unreadable) in cases {
        let (server, _folder) = verifying(stored, written);
        let (sources, control) = server.get("/api/v1/verify?path=/var/log").lines();
        assert_eq!(sources.len(), 1, "{what}");
        assert_eq!((&sources[0]["differs"], &sources[0]["unreadable"]), (&differs, &json!(unreadable)), "{what}");
        let end = control.last().expect("ends");
        let ended = (&end["_"], &end["complete"], &end["same"], &end["count"]);
        let same = differs.as_array().is_some_and(Vec::is_empty);
        assert_eq!(ended, (&json!("end"), &json!(unreadable.is_none()), &json!(same), &json!(1)), "{what}");
        let checked = if unreadable.is_none() { &sources[0]["stored_bytes"] } else { &json!(0) };
        assert_eq!(&sources[0]["checked_bytes"], checked, "{what}");
    }
}

#[test]
fn a_long_file_is_compared_in_steps_with_progress() {
    let line = [b'x'; 99];
    let lines: Vec<&[u8]> = (0..50_000).map(|_| &line[..]).collect();
    let written: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    let (server, _folder) = verifying(&lines, Ok(&written));
    let (sources, control) = server.get("/api/v1/verify").lines();
    let told = (&sources[0]["checked_records"], &sources[0]["checked_bytes"], &sources[0]["differing"]);
    assert_eq!(told, (&json!(50_000), &json!(5_000_000), &json!(0)));
    let progress: Vec<_> = control.iter().filter(|line| line["_"] == "progress").collect();
    assert!(!progress.is_empty());
    assert!(progress.iter().all(|line| line["total_bytes"] == 5_000_000 && line["path"] == "/var/log/a.log"));
}

#[test]
fn sources_tell_of_their_files() {
    let source = |n: u128, path: &str| report(n, path, 100 * n as u64);
    let facts = FileFacts { home: "/var/log/a.log".into(), inode: 77, rotations: 2 };
    let mut newer = SourceReport { file: facts, ..source(1, "/var/log/a.log") };
    newer.key = SourceKey::new(SourceId(1), Generation(1));
    let sources = vec![source(1, "/var/log/a.log"), newer, source(2, "/var/log/B.log"), source(3, "/srv/c.log")];
    let server = Server::with(|parts| parts.sources = Arc::new(Agent { sources, problems: vec![] }));
    let found = server.json("/api/v1/sources?match=A.LOG");
    assert_eq!((&found["count"], &found["next"]), (&json!(2), &Value::Null));
    let newer = &found["sources"][1];
    assert_eq!((&newer["rotations"], &newer["generations"]), (&json!(2), &json!(2)));
    assert_eq!(newer["identity"], json!({ "home": "/var/log/a.log", "inode": 77 }));
    let page = server.json("/api/v1/sources?sort=size&limit=1");
    assert_eq!((&page["sources"][0]["path"], &page["next"]), (&json!("/srv/c.log"), &json!("1")));
    let rest = server.json("/api/v1/sources?sort=size&limit=2&cursor=1");
    assert_eq!((&rest["sources"][0]["path"], &rest["next"]), (&json!("/var/log/B.log"), &json!("3")));
    assert!(server.problem("/api/v1/sources?sort=colour")["detail"].as_str().is_some_and(|d| d.contains("changed")));
}
