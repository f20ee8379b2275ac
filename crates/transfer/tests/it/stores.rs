//! Several stores, several members: nobody waits for another, and nothing is lost in between.

use std::sync::Arc;

use async_trait::async_trait;
use base::Intervals;
use config::{Start, StreamConfig};
use model::{Cursors, QueueId, Revision, SourceKey};
use queue::{LINES, MemoryOptions, MemoryQueue, Queue};
use store::decorators::Faulty as FaultyStore;
use store::{
    Capabilities, Context, ContextRequest, Coverage, Facets, FacetsRequest, FieldInfo, Histogram, HistogramRequest,
    MemoryLimits, MemoryStore, Query, Reader, Refusal, Scope, SearchPage, SearchRequest, Store, StoreBatch, StoreError,
    StoreStats, Tail, Writer,
};
use tokio::sync::watch;

use crate::common::{append, batch, committed, dead_letters, lines, part, parts, start_parts, stop, until};

/// A store that leaves the cursors to the queue, as search engines do.
pub struct Plain(pub MemoryStore);

#[async_trait]
impl Writer for Plain {
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        self.0.write(batches).await
    }
    async fn note_dead_letters(&self, key: SourceKey, ranges: &Intervals) -> Result<(), StoreError> {
        self.0.note_dead_letters(key, ranges).await
    }
    fn durable(&self) -> watch::Receiver<Cursors> {
        self.0.durable()
    }
    async fn attach(&self, queue: QueueId) -> Result<(), StoreError> {
        self.0.attach(queue).await
    }
    async fn flush(&self) -> Result<(), StoreError> {
        self.0.flush().await
    }
}

#[async_trait]
impl Reader for Plain {
    fn capabilities(&self) -> Capabilities {
        Capabilities { carries_cursors: false, ..self.0.capabilities() }
    }
    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        self.0.search(request).await
    }
    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        self.0.histogram(request).await
    }
    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        self.0.facets(request).await
    }
    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        self.0.fields(scope).await
    }
    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        self.0.context(request).await
    }
    fn tail(&self, query: &Query) -> Result<Tail, StoreError> {
        self.0.tail(query)
    }
    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        self.0.coverage(key).await
    }
    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.0.stats().await
    }
}

fn stream(name: &str, stores: &[&str]) -> StreamConfig {
    let stores = stores.iter().map(|store| (*store).to_owned()).collect();
    StreamConfig { stores, revision: Revision(1), ..StreamConfig::new(name, Vec::new()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_store_delays_nobody_and_catches_up() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let dead = Arc::new(FaultyStore::faulty(MemoryStore::default(), 1, 1000, 0));
    let live = Arc::new(MemoryStore::default());
    let (first, second): (Arc<dyn Store>, Arc<dyn Store>) = (dead.clone(), live.clone());
    let stores = vec![part("default", &first, Start::Beginning), part("archive", &second, Start::Beginning)];
    let (supervisor, handle) = start_parts(parts(&queue, stores), &[]);
    append(&*queue, batch(1, 0, &[b"one", b"two"])).await;
    until("the living store has them", async || lines(&*live).await.len() == 2).await;
    until("its cursor moves", async || committed(&queue, LINES, "store-archive").await == 1).await;
    assert_eq!(committed(&queue, LINES, "store").await, 0);
    until("the dead one is listed", async || !handle.problems().is_empty()).await;
    let problems = handle.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].0 == "store default" && problems[0].1.contains("injected fault"), "{problems:?}");
    dead.heal();
    until("the dead one has them too", async || lines(dead.inner()).await.len() == 2).await;
    until("nothing is listed", async || handle.problems().is_empty()).await;
    stop(&supervisor).await;
    assert_eq!(committed(&queue, LINES, "store").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_added_later_begins_where_it_is_told() {
    for carries in [true, false] {
        let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
        let at = append(&*queue, batch(1, 0, &[b"old"])).await;
        let new = || -> Arc<dyn Store> {
            if carries { Arc::new(MemoryStore::default()) } else { Arc::new(Plain(MemoryStore::default())) }
        };
        let (all, late) = (new(), new());
        let stores = || vec![part("all", &all, Start::Beginning), part("late", &late, Start::End)];
        let (supervisor, _) = start_parts(parts(&queue, stores()), &[]);
        until("the first has the old line", async || lines(&all).await.len() == 1).await;
        until("the second has taken its place", async || committed(&queue, LINES, "store-late").await == 1).await;
        stop(&supervisor).await;
        let at = append(&*queue, batch(1, at, &[b"between"])).await;
        let (supervisor, _) = start_parts(parts(&queue, stores()), &[]);
        append(&*queue, batch(1, at, &[b"new"])).await;
        until("both have the new line", async || lines(&late).await.len() == 2 && lines(&all).await.len() == 3).await;
        stop(&supervisor).await;
        assert_eq!(lines(&late).await, [&b"between"[..], b"new"], "carries cursors: {carries}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_to_the_stores_it_names() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let (default, archive) = (Arc::new(MemoryStore::default()), Arc::new(MemoryStore::default()));
    let (first, second): (Arc<dyn Store>, Arc<dyn Store>) = (default.clone(), archive.clone());
    let stores = vec![part("default", &first, Start::Beginning), part("archive", &second, Start::Beginning)];
    let streams = [stream("audit", &["archive"]), stream("web", &[])];
    let parts = parts(&queue, stores);
    let metrics = parts.metrics.clone();
    let (supervisor, handle) = start_parts(parts, &streams);
    for (source, name) in [(1, "web"), (2, "audit"), (3, "unknown"), (4, "audit")] {
        let mut batch = batch(source, 0, &[name.as_bytes()]);
        Arc::make_mut(&mut batch.header).stream = name.into();
        append(&*queue, batch).await;
    }
    until("the archive has all", async || lines(&*archive).await.len() == 4).await;
    until("the cursor passes what is not for the other", async || committed(&queue, LINES, "store").await == 4).await;
    stop(&supervisor).await;
    assert_eq!(lines(&*default).await, [&b"web"[..], b"unknown"]);
    let coverage = default.coverage(None).await.unwrap();
    let strange = coverage.iter().filter(|source| source.stream == "audit");
    assert!(strange.flat_map(|source| source.stored.ranges()).next().is_none());
    let names: Vec<_> = handle.streams().into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["unknown", "web"]);
    let text = metrics.text();
    let figure = r#"logdrive_transfer_records_total{store="archive",stream="audit"} 2"#;
    assert!(text.contains(figure), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_and_go_while_lines_arrive() {
    for carries in [true, false] {
        let options = MemoryOptions { partitions: 4, ..MemoryOptions::default() };
        let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::with(options));
        let store: Arc<dyn Store> =
            if carries { Arc::new(MemoryStore::default()) } else { Arc::new(Plain(MemoryStore::default())) };
        let join = || start_parts(parts(&queue, vec![part("default", &store, Start::Beginning)]), &[]).0;
        let mut ends = [0; 8];
        let mut total = 0;
        let mut members = vec![join()];
        for round in 0..60 {
            for source in 0..8u128 {
                let text = format!("{source} {round}");
                let end = &mut ends[source as usize];
                *end = append(&*queue, batch(source + 1, *end, &[text.as_bytes()])).await;
                total += 1;
            }
            match round % 20 {
                5 | 10 => members.push(join()),
                15 | 18 => stop(&members.remove(0)).await,
                _ => tokio::task::yield_now().await,
            }
        }
        until("all lines", async || lines(&store).await.len() == total).await;
        for member in members {
            stop(&member).await;
        }
        assert_eq!(lines(&store).await.len(), total, "once each");
        assert_eq!(committed(&queue, LINES, "store").await, total as u64, "carries cursors: {carries}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_store_has_its_dead_letters() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let narrow = |line_bytes| -> Arc<dyn Store> {
        Arc::new(Plain(MemoryStore::new(MemoryLimits { line_bytes, ..MemoryLimits::default() })))
    };
    let (first, second) = (narrow(20), narrow(10));
    append(&*queue, batch(1, 0, &[b"twelve bytes", b"twenty-two bytes long.", b"short"])).await;
    // One after the other: the second refuses a line that stands before the one that the first refused.
    let (supervisor, _) = start_parts(parts(&queue, vec![part("default", &first, Start::Beginning)]), &[]);
    until("committed behind the letter", async || committed(&queue, LINES, "store").await == 1).await;
    stop(&supervisor).await;
    let stores = vec![part("default", &first, Start::Beginning), part("narrow", &second, Start::Beginning)];
    let (supervisor, _) = start_parts(parts(&queue, stores), &[]);
    until("committed too", async || committed(&queue, LINES, "store-narrow").await == 1).await;
    stop(&supervisor).await;
    let mut letters = dead_letters(&queue, 3).await;
    letters.sort_by_key(|letter| (letter.reason.clone(), letter.header.start));
    let told: Vec<_> =
        letters.iter().map(|letter| (letter.header.key.source.0, letter.header.start, &letter.reason[..13])).collect();
    assert_eq!(told, [(1, 0, "store 'narrow"), (1, 13, "store 'narrow"), (1, 13, "the line is 2")]);
    assert_eq!(&letters[0].bytes[..], b"twelve bytes\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_for_dead_letters_is_a_problem_and_loses_nothing() {
    let options = MemoryOptions { max_bytes: 4096, ..MemoryOptions::default() };
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::with(options));
    // Somebody who never reads keeps the letters' topic full.
    let reader = queue.consumer(queue::DEAD_LETTERS, "reader").await.unwrap();
    let limits = MemoryLimits { line_bytes: 100, ..MemoryLimits::default() };
    let store: Arc<dyn Store> = Arc::new(Plain(MemoryStore::new(limits)));
    let (supervisor, handle) = start_parts(parts(&queue, vec![part("default", &store, Start::Beginning)]), &[]);
    let long = [b'x'; 1500];
    let mut at = 0;
    for _ in 0..3 {
        let sent = batch(1, at, &[&long]);
        at = sent.header.end;
        until("there is room for the line", async || {
            let appended = queue.producer(LINES).await.unwrap().append(sent.clone()).await.unwrap();
            !matches!(appended, queue::Outcome::BackPressure { .. })
        })
        .await;
    }
    until("it is listed", async || handle.problems().iter().any(|(_, text)| text.contains("dead letters"))).await;
    assert_eq!(committed(&queue, LINES, "store").await, 2, "not behind a letter that is not kept");
    drop(reader);
    let mut reader = queue.consumer(queue::DEAD_LETTERS, "reader").await.unwrap();
    reader.commit(&Cursors { queue: queue.id(), next: [(model::Partition(0), 2)].into() }).await.unwrap();
    until("committed", async || committed(&queue, LINES, "store").await == 3).await;
    assert!(handle.problems().is_empty(), "{:?}", handle.problems());
    stop(&supervisor).await;
}
