//! Connections: accepting, refusing, draining.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Explain as _;
use runtime::{Shutdown, Supervisor};
use serde_json::json;
use store::MemoryStore;
use store::decorators::{Counting, Operation, Slow};

use crate::support::{Chunked, PATIENCE, Server, until};

fn read_all(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // A connection that is reset has ended, too.
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn a_port_in_use_is_named_with_the_fix() {
    let server = Server::start();
    let parts = dashboard::Parts {
        stores: Vec::new(),
        store: server.store.clone(),
        queue: None,
        sources: Arc::new(()),
        control: Arc::new(()),
        letters: None,
        documents: None,
        supervisor: None,
        metrics: telemetry::Metrics::default(),
        points: None,
        config: json!({}),
        clock: Arc::new(runtime::SystemClock),
        folder: None,
        limits: dashboard::Limits::default(),
    };
    let refused = dashboard::build(server.address, parts).err().expect("is in use");
    assert_eq!(refused.kind(), base::ErrorKind::Conflict);
    let text = refused.to_string();
    assert!(text.contains(&server.address.to_string()) && text.contains("--listen 127.0.0.1:0"), "{text}");
}

#[test]
fn half_a_head_is_not_waited_for() {
    let timeout = Duration::from_millis(100);
    let server = Server::with(|parts| parts.limits.header_timeout = timeout);
    for begun in ["", "GET /health HTT", "GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        let started = Instant::now();
        let said = read_all(server.raw(begun));
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{begun}: {said}");
        assert!(started.elapsed() >= timeout && started.elapsed() < PATIENCE, "{begun}: {:?}", started.elapsed());
    }
    // One that trickles in gets no more time than one that stands still.
    let mut stream = server.raw("GET /health HTTP/1.1\r\n");
    until("the trickle is cut off", || (&stream).write_all(b"x: y\r\n").is_err());
    let _ = stream.flush();
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_body_must_come_in_time_and_fit() {
    let server = Server::with(|parts| {
        (parts.limits.request_timeout, parts.limits.body_bytes) = (Duration::from_millis(100), 1000);
    });
    let head = "POST /api/v1/agents/a/sources HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let said = read_all(server.raw(&format!("{head}connection: close\r\ncontent-length: 100\r\n\r\n{{")));
    assert!(said.starts_with("HTTP/1.1 504") && said.contains("/problems/timeout"), "{said}");
    let large = server.post("/api/v1/agents/a/sources", "application/json", &[b' '; 2000]);
    assert_eq!((large.status, &large.json()["type"]), (413, &json!("/problems/too-large")));
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let server = Server::with(|parts| {
        parts.limits.request_timeout = Duration::from_millis(50);
        parts.store = Arc::new(Slow::slow(MemoryStore::default(), PATIENCE));
    });
    assert_eq!(server.problem("/api/v1/search")["type"], "/problems/timeout");
}

#[test]
fn there_are_so_many_connections_and_no_more() {
    let server = Server::with(|parts| parts.limits.connections_per_peer = 2);
    let request = "GET /api/v1/tail HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let first = Chunked::new(server.raw(request));
    let _second = Chunked::new(server.raw(request));
    let mut third = TcpStream::connect(server.address).expect("the system accepts");
    third.set_read_timeout(Some(PATIENCE)).expect("is a socket");
    let _ = third.write_all(request.as_bytes());
    assert_eq!(read_all(third), "", "is closed without an answer");
    drop(first);
    until("there is room again", || {
        let mut probe = server.raw("GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut text = String::new();
        probe.read_to_string(&mut text).is_ok() && text.starts_with("HTTP/1.1 200")
    });
}

#[test]
fn answers_in_progress_end_before_the_server_does() {
    let slow = Slow::slow(MemoryStore::default(), Duration::from_millis(200));
    let store = Arc::new(Counting::counting(slow));
    let server = Server::with(|parts| parts.store = store.clone());
    let idle = server.raw("");
    let asked = server.raw("GET /api/v1/search HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let tail = Chunked::new(server.raw("GET /api/v1/tail HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    until("the question is asked", || store.begun(Operation::Search) > 0);
    let address = server.address;
    server.stop();
    let said = read_all(asked);
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("{\"hits\":[],\"next\":null,\"complete\":true}"),
        "{said}"
    );
    let mut tail = tail;
    assert_eq!(std::iter::from_fn(|| tail.next()).last().expect("says something")["_"], "end");
    assert_eq!(read_all(idle), "");
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let server = Server::with(|parts| {
        parts.limits.drain = Duration::from_millis(50);
        parts.store = Arc::new(Slow::slow(MemoryStore::default(), PATIENCE));
    });
    let asked = server.raw("GET /api/v1/search HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let begun = Instant::now();
    server.stop();
    assert_eq!(read_all(asked), "");
    assert!(begun.elapsed() < PATIENCE / 2);
}

#[test]
fn it_runs_without_a_supervisor_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runs");
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        let parts = dashboard::Parts {
            stores: Vec::new(),
            store: Arc::new(MemoryStore::default()),
            queue: None,
            sources: Arc::new(()),
            control: Arc::new(()),
            letters: None,
            documents: None,
            supervisor: Some(Supervisor::new(shutdown.clone())),
            metrics: telemetry::Metrics::default(),
            points: None,
            config: json!({}),
            clock: Arc::new(runtime::SystemClock),
            folder: None,
            limits: dashboard::Limits::default(),
        };
        let dashboard = dashboard::build(SocketAddr::from(([127, 0, 0, 1], 0)), parts).expect("can listen");
        shutdown.call();
        dashboard.run(shutdown).await.expect("ends at once");
    });
}

#[test]
fn other_methods_and_foreign_hosts_are_refused() {
    let server = Server::start();
    let answer = server.post("/api/v1/search", "text/plain", b"");
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
    let said =
        read_all(server.raw("GET /api/v1/agents/x/sources HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    assert!(said.starts_with("HTTP/1.1 405") && said.contains("allow: POST"), "{said}");
    let said = read_all(server.raw("HEAD /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("\r\n\r\n"), "{said}");
    let head =
        "POST /api/v1/queue/lines/stats HTTP/1.1\r\nhost: localhost:1\r\nconnection: close\r\ncontent-length: 0\r\n";
    for (origin, status) in [("http://evil.example", "403"), ("null", "403"), ("http://localhost:1", "200")] {
        let said = read_all(server.raw(&format!("{head}origin: {origin}\r\n\r\n")));
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{origin}: {said}");
    }
    for (host, status) in [("evil.example", "403"), ("localhost:1", "200"), ("127.0.0.1", "200")] {
        let said = read_all(server.raw(&format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")));
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {said}");
    }
}

#[test]
fn who_asks_while_it_starts_is_told_so() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runs");
    let _guard = runtime.enter();
    let door = dashboard::Door::new(([127, 0, 0, 1], 0).into()).expect("can listen");
    let address = door.address();
    door.doing("opening the store");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ask = |path: &str| {
        let mut answer = agent.get(format!("http://{address}{path}")).call().expect("answers");
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, again) = (answer.status().as_u16(), header("retry-after"));
        (status, again, answer.body_mut().read_to_string().expect("is text"))
    };
    let (status, again, said) = ask("/api/v1/search?q=x");
    assert_eq!((status, again.as_deref()), (503, Some("1")));
    let said: serde_json::Value = serde_json::from_str(&said).expect("is JSON");
    assert_eq!(said["type"], "/problems/starting");
    assert_eq!(said["detail"], "the server is opening the store; ask again in a moment");
    assert_eq!(ask("/health").0, 200);
    let (status, _, page) = ask("/explore");
    assert!(status == 503 && page.contains("opening the store"), "{page}");
    let supervisor = runtime::Supervisor::new(runtime::Shutdown::new());
    let parts = crate::support::parts(Default::default(), Default::default(), &supervisor);
    dashboard::build_behind(door, parts).start(&supervisor);
    assert_eq!(ask("/api/v1/search?q=x").0, 200, "the same socket, at once");
}
