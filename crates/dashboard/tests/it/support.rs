//! A server with parts in memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{ManualClock, Timestamp};
use dashboard::{Limits, Parts, SourceReports};
use model::{FileState, Format, Generation, Level, SourceId, SourceKey, SourceReport};
use queue::MemoryQueue;
use runtime::{Shutdown, Supervisor};
use serde_json::Value;
use store::testing::BatchBuilder;
use store::{MemoryStore, StoreBatch, Writer};

/// Nothing in a test takes as long as this, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// 2026-01-31T10:00:00Z
pub const NOW: i64 = 1_769_853_600_000_000;

/// What an agent would say.
#[derive(Default)]
pub struct Agent {
    pub sources: Vec<SourceReport>,
    pub problems: Vec<(String, String)>,
}

impl SourceReports for Agent {
    fn sources(&self) -> Vec<SourceReport> {
        self.sources.clone()
    }

    fn problems(&self) -> Vec<(String, String)> {
        self.problems.clone()
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub store: Arc<MemoryStore>,
    pub queue: Arc<MemoryQueue>,
    pub supervisor: Supervisor,
    pub shutdown: Shutdown,
    pub runtime: tokio::runtime::Runtime,
    http: ureq::Agent,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The lines of a stream: those that are items, and the control lines.
    pub fn lines(&self) -> (Vec<Value>, Vec<Value>) {
        assert_eq!(self.header("content-type"), "application/x-ndjson");
        let text = std::str::from_utf8(&self.body).expect("is UTF-8");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
        lines.into_iter().partition(|line| line.get("_").is_none())
    }
}

impl Server {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Parts)) -> Self {
        Self::over(MemoryStore::default(), change)
    }

    pub fn over(store: MemoryStore, change: impl FnOnce(&mut Parts)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runs");
        let (store, queue) = (Arc::new(store), Arc::new(MemoryQueue::new()));
        let shutdown = Shutdown::new();
        let supervisor = Supervisor::new(shutdown.clone());
        let mut parts = parts(store.clone(), queue.clone(), &supervisor);
        change(&mut parts);
        let guard = runtime.enter();
        let dashboard = dashboard::build(SocketAddr::from(([127, 0, 0, 1], 0)), parts).expect("can listen");
        let address = dashboard.address();
        dashboard.start(&supervisor);
        drop(guard);
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        Self { address, store, queue, supervisor, shutdown, runtime, http: config.into() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_as(path, "*/*")
    }

    pub fn get_as(&self, path: &str, accept: &str) -> Answer {
        answer(self.http.get(self.url(path)).header("accept", accept).call())
    }

    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        answer(self.http.post(self.url(path)).header("content-type", content_type).send(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.http.put(self.url(path)).header("content-type", "application/json").send(body.to_string()))
    }

    pub fn delete(&self, path: &str) -> Answer {
        answer(self.http.delete(self.url(path)).call())
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Asserts that a request is refused, and returns the problem.
    pub fn problem(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert!(answer.status >= 400, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status, "{path}");
        problem
    }

    pub fn write(&self, batches: &[StoreBatch]) {
        let refused = self.runtime.block_on(self.store.write(batches)).expect("is written");
        assert_eq!(refused, []);
    }

    /// `n` access-like records of a second each up to now, of one file.
    pub fn write_access(&self, n: usize) {
        let mut batch = BatchBuilder::new(7, 0, 0);
        for i in 0..n {
            let (line, status) = (format!("GET /{i} HTTP/1.1"), if i % 10 == 9 { "500" } else { "200" });
            let level = if i % 10 == 9 { Level::Error } else { Level::Info };
            let time = NOW - (n - i) as i64 * 1_000_000;
            batch.line(line.as_bytes(), time, level, Format::Access, &[("status", status.as_bytes())]);
        }
        self.write(&[batch.build()]);
    }

    /// Opens a connection of its own and sends what is given.
    pub fn raw(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("is a socket");
        stream.write_all(text.as_bytes()).expect("is sent");
        stream
    }

    /// Asks on a connection of its own, with the path as it stands.
    pub fn raw_get(&self, path: &str) -> String {
        let mut said = Vec::new();
        let mut stream = self.raw(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
        stream.read_to_end(&mut said).expect("answers");
        String::from_utf8_lossy(&said).into_owned()
    }

    pub fn stop(self) {
        self.shutdown.call();
        self.runtime.block_on(self.supervisor.join());
    }
}

/// A dashboard's parts in memory.
pub fn parts(store: Arc<MemoryStore>, queue: Arc<MemoryQueue>, supervisor: &Supervisor) -> Parts {
    Parts {
        store,
        stores: Vec::new(),
        queue: Some(queue),
        sources: Arc::new(Agent::default()),
        control: Arc::new(()),
        letters: None,
        documents: None,
        supervisor: Some(supervisor.clone()),
        metrics: telemetry::Metrics::default(),
        points: Some(Arc::new(store::metrics::MemoryMetrics::default())),
        config: serde_json::json!({ "host": { "value": "h1", "origin": "default" } }),
        clock: Arc::new(ManualClock::at(Timestamp::from_micros(NOW))),
        folder: None,
        limits: Limits::default(),
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.expect("answers");
    let mut body = Vec::new();
    response.body_mut().as_reader().read_to_end(&mut body).expect("is whole");
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

/// A report of an agent.
pub fn report(source: u128, path: &str, size: u64) -> SourceReport {
    SourceReport {
        key: SourceKey::new(SourceId(source), Generation(0)),
        host: "h1".into(),
        stream: "web".into(),
        path: path.into(),
        size,
        read: size,
        queued: size,
        missed: Vec::new(),
        state: FileState::Following,
        changed_at: Timestamp::from_micros(NOW),
        file: Default::default(),
    }
}

/// Waits until something is so.
pub fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Reads a chunked answer from a connection of our own, line by line.
pub struct Chunked(BufReader<TcpStream>, Vec<u8>);

impl Chunked {
    /// Reads past the head.
    pub fn new(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(reader.read_line(&mut line).expect("comes") > 0, "the connection ended in the head");
        }
        Self(reader, Vec::new())
    }

    /// The next line; `None` where the answer ended as it should.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.1.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.1.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("is JSON"));
            }
            let mut size = String::new();
            self.0.read_line(&mut size).expect("comes");
            let size = usize::from_str_radix(size.trim(), 16).expect("is a chunk's size");
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk).expect("comes");
            if size == 0 {
                return None;
            }
            self.1.extend_from_slice(&chunk[..size]);
        }
    }
}
