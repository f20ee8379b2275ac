//! An API over parts in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, ManualClock, Timestamp};
use es_api::{Call, EsApi, Intake, IntakeOptions, Limits, Parts, Reply};
use queue::decorators::Faulty;
use queue::{LINES, MemoryOptions, MemoryQueue, PollOptions, Producer, Queue};
use serde_json::Value;
use store::{MemoryStore, StoreBatch, Writer};

/// 2026-01-31T10:00:00Z
pub const NOW: i64 = 1_769_853_600_000_000;

pub struct Server {
    pub api: EsApi,
    pub intake: Arc<Intake>,
    pub queue: Arc<MemoryQueue>,
    pub store: Arc<MemoryStore>,
    pub folder: PathBuf,
    clock: Arc<ManualClock>,
    limits: Limits,
}

impl Server {
    pub async fn start(folder: &std::path::Path) -> Self {
        Self::with(folder, MemoryOptions::default(), Limits::default()).await
    }

    pub async fn with(folder: &std::path::Path, options: MemoryOptions, limits: Limits) -> Self {
        let (queue, store) = (Arc::new(MemoryQueue::with(options)), Arc::new(MemoryStore::default()));
        Self::over(folder, queue, store, limits).await
    }

    /// Over a queue that loses calls and answers.
    pub async fn faulty(folder: &std::path::Path, seed: u64) -> Self {
        let (queue, store) = (Arc::new(MemoryQueue::new()), Arc::new(MemoryStore::default()));
        let faulty = Faulty::new(queue.clone(), seed, 0.3);
        let producer = loop {
            if let Ok(producer) = faulty.producer(LINES).await {
                break producer;
            }
        };
        Self::of(folder, producer, queue, store, Limits::default())
    }

    async fn over(folder: &std::path::Path, queue: Arc<MemoryQueue>, store: Arc<MemoryStore>, limits: Limits) -> Self {
        let producer: Arc<dyn Producer> = queue.producer(LINES).await.expect("opens");
        Self::of(folder, producer, queue, store, limits)
    }

    fn of(
        folder: &std::path::Path,
        producer: Arc<dyn Producer>,
        queue: Arc<MemoryQueue>,
        store: Arc<MemoryStore>,
        limits: Limits,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(NOW)));
        let shown: Arc<dyn Clock> = clock.clone();
        let options = IntakeOptions::new("box", Some(folder.to_owned()));
        let intake = Arc::new(Intake::open(options, producer, store.clone(), shown.clone()).expect("opens"));
        let parts = Parts { store: store.clone(), intake: Some(intake.clone()), clock: shown, limits };
        Self { api: EsApi::new(parts), intake, queue, store, folder: folder.to_owned(), clock, limits }
    }

    /// Another process over the same data.
    pub async fn restarted(self) -> Self {
        drop(self.api);
        Self::over(&self.folder, self.queue, self.store, self.limits).await
    }

    /// Brings what is in the queue to the store.
    pub async fn transfer(&self) {
        let mut consumer = self.queue.consumer(LINES, "store").await.expect("joins");
        let mut parser = codec::Parser::new();
        loop {
            let options = PollOptions { max_bytes: 64 << 20, max_wait: Duration::from_millis(1) };
            let deliveries = consumer.poll(options).await.expect("polls");
            if deliveries.is_empty() {
                return;
            }
            let mut cursors = consumer.committed().await.expect("knows");
            for delivery in deliveries {
                cursors.pass(delivery.place);
                let batch = parser.parse(&delivery.batch, &codec::ParseRules::default()).expect("parses");
                let batch = StoreBatch { place: delivery.place, batch: Arc::new(batch) };
                assert_eq!(self.store.write(&[batch]).await.expect("is written"), []);
            }
            consumer.commit(&cursors).await.expect("is noted");
        }
    }

    pub async fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        self.clock.advance_micros(1);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            encoding: None,
            body: body.as_bytes().to_vec().into(),
        };
        self.api.answer(call).await
    }

    pub async fn json(&self, method: &str, path: &str, body: &str) -> Value {
        let reply = self.call(method, path, body).await;
        let value = value(&reply);
        assert!(reply.status < 300, "{method} {path}: {value}");
        value
    }

    /// Asserts that a call is refused, in Elasticsearch's shape: its status, name and reason.
    pub async fn refused(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let reply = self.call(method, path, body).await;
        let value = value(&reply);
        assert!(reply.status >= 400, "{method} {path}: {value}");
        assert_eq!(value["status"], reply.status, "{value}");
        assert_eq!(value["error"]["root_cause"][0]["reason"], value["error"]["reason"]);
        let text = |name: &str| value["error"][name].as_str().expect("text").to_owned();
        (reply.status, text("type"), text("reason"))
    }
}

pub fn value(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&reply.body)))
}
