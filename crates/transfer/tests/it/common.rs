//! Batches, transfers, and what is in a store.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use config::{Start, StreamConfig, TransferConfig};
use model::{Batch, BatchFlags, BatchHeader, Codec, Format, Generation, Revision, SourceId, SourceKey};
use queue::{DEAD_LETTERS, LINES, Outcome, PollOptions, Queue};
use runtime::{Shutdown, Supervisor, SystemClock};
use store::{Query, Reader, Scope, SearchRequest, Store};
use telemetry::Metrics;
use transfer::{DeadLetter, Parts, StorePart};

/// A batch of plain lines that begins at `start`.
pub fn batch(source: u128, start: u64, lines: &[&[u8]]) -> Batch {
    let payload: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    let header = BatchHeader {
        key: SourceKey::new(SourceId(source), Generation(0)),
        start,
        end: start + payload.len() as u64,
        line_start: start,
        lines: lines.len() as u32,
        records: lines.len() as u32,
        flags: BatchFlags::default(),
        codec: Codec::None,
        payload_len: payload.len() as u32,
        payload_crc: crc32c::crc32c(&payload),
        format: Format::Unknown,
        utc_offset_secs: 0,
        read_at: Timestamp::from_micros(1_700_000_000_000_000),
        revision: Revision(1),
        stream: "s".into(),
        host: "h".into(),
        path: "/s.log".into(),
        continuations: Arc::new([]),
    };
    Batch { header: Arc::new(header), payload: Bytes::from(payload) }
}

pub async fn append(queue: &dyn Queue, batch: Batch) -> u64 {
    append_to(queue, LINES, batch).await
}

pub async fn append_to(queue: &dyn Queue, topic: &str, batch: Batch) -> u64 {
    let producer = queue.producer(topic).await.unwrap();
    let end = batch.header.end;
    assert!(matches!(producer.append(batch).await.unwrap(), Outcome::Appended(_)));
    end
}

pub fn part(name: &str, store: &Arc<dyn Store>, start: Start) -> StorePart {
    StorePart { name: name.to_owned(), store: store.clone(), start }
}

pub fn parts(queue: &Arc<dyn Queue>, stores: Vec<StorePart>) -> Parts {
    Parts {
        queue: queue.clone(),
        stores,
        points: None,
        rules: Vec::new(),
        rules_folder: None,
        revisions: None,
        metrics: Metrics::default(),
        clock: Arc::new(SystemClock),
    }
}

/// Starts a transfer to one store.
pub fn start(
    queue: &Arc<dyn Queue>,
    store: &Arc<dyn Store>,
    streams: &[StreamConfig],
) -> (Supervisor, transfer::TransferHandle) {
    start_parts(parts(queue, vec![part("default", store, Start::Beginning)]), streams)
}

pub fn start_parts(parts: Parts, streams: &[StreamConfig]) -> (Supervisor, transfer::TransferHandle) {
    let built = transfer::build(&TransferConfig::default(), streams, parts).unwrap();
    let supervisor = Supervisor::new(Shutdown::new());
    let handle = built.handle();
    built.start(&supervisor);
    (supervisor, handle)
}

/// What a group has committed to, over all partitions.
pub async fn committed(queue: &Arc<dyn Queue>, topic: &str, group: &str) -> u64 {
    let stats = queue.stats(topic).await.unwrap();
    let group = stats.groups.iter().find(|(name, _)| name == group);
    group.map_or(0, |(_, cursors)| cursors.next.values().sum())
}

/// The dead letters that are there, at least so many.
pub async fn dead_letters(queue: &Arc<dyn Queue>, count: usize) -> Vec<DeadLetter> {
    let mut consumer = queue.consumer(DEAD_LETTERS, "test").await.unwrap();
    let options = PollOptions { max_bytes: 1 << 20, max_wait: Duration::from_secs(1) };
    let mut letters = Vec::new();
    for _ in 0..10 {
        letters.extend(consumer.poll(options).await.unwrap());
        if letters.len() >= count {
            break;
        }
    }
    letters.iter().map(|letter| transfer::read_dead_letter(&letter.batch)).collect()
}

pub async fn lines(store: &impl Reader) -> Vec<Vec<u8>> {
    let scope = Scope { query: Query::all(), ..Scope::everything() };
    let page = store.search(&SearchRequest { scope, limit: 100_000, after: None }).await.unwrap();
    let mut hits = page.hits;
    hits.sort_by_key(|hit| hit.id);
    hits.into_iter().map(|hit| hit.line).collect()
}

/// Waits until `done` says so; the test's own deadline ends what never comes.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub async fn stop(supervisor: &Supervisor) {
    supervisor.shutdown().call();
    supervisor.join().await;
}
