//! One index: its stream of bytes, in one order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Explain, Timestamp};
use bytes::Bytes;
use model::{
    Batch, BatchFlags, BatchHeader, Codec, FileFacts, FileState, Format, Generation, RecordId, Revision, SourceKey,
    SourceReport,
};
use parking_lot::Mutex;
use queue::Outcome;
use store::{ContextRequest, Reader};

use super::ids::IdKey;
use super::{Document, Shared, Written};
use crate::EsError;
use crate::bulk::document::content_of;
use crate::names::{self};

/// About so many bytes of lines go into one batch.
const BATCH_BYTES: usize = 4 << 20;
/// Origins (a host and a path) told apart in one bulk; documents beyond them bear this machine's name.
const ORIGINS_MAX: usize = 256;
/// What the queue was found to hold otherwise than thought is sent again so often.
const TRIES: usize = 3;
/// After a start, so many of the newest documents of an index tell which ids are known.
const REMEMBERED: usize = 1 << 16;
/// So many of them are read at a time.
const REMEMBERED_PAGE: usize = 2_000;
/// What the queue holds is waited for so long to come to the store.
const STORED_WAIT: Duration = Duration::from_secs(20);

/// One index.
pub struct Lane {
    index: Arc<str>,
    /// Held while a bulk is on its way.
    at: tokio::sync::Mutex<At>,
    report: Mutex<SourceReport>,
}

/// Where the stream is.
struct At {
    key: SourceKey,
    /// Behind its last byte.
    end: u64,
    /// Whether `end` is known.
    known: bool,
    /// The queue has forgotten the stream, or lost the end of it: what comes next begins behind what it holds.
    behind: bool,
    /// Where it was when this run began: what comes before it was written by earlier ones.
    earlier: Option<(SourceKey, u64)>,
    /// Whether the ids of earlier runs are known.
    remembers: bool,
    /// Batches of which the queue has not said what became of them.
    unsure: Vec<Unsure>,
}

/// A batch that may have landed.
struct Unsure {
    start: u64,
    end: u64,
    ids: Vec<(IdKey, u64)>,
}

impl At {
    /// The queue holds everything before `held`: what was unsure there has landed, and its ids are known from now on.
    fn settle(&mut self, shared: &Shared, held: u64) {
        let is_landed = |batch: &Unsure| batch.end <= held;
        let (landed, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unsure).into_iter().partition(is_landed);
        self.unsure = open;
        let mut window = shared.window.lock();
        landed.into_iter().flat_map(|batch| batch.ids).for_each(|(id, content)| window.put(id, content));
    }
}

/// Documents of one origin, on their way in one batch.
struct Group {
    host: Arc<str>,
    path: Arc<str>,
    /// Their places among the documents given.
    places: Vec<usize>,
    payload: Vec<u8>,
}

impl Lane {
    /// Of an index.
    pub(super) fn new(index: Arc<str>, shared: &Shared) -> Self {
        let key = shared.state.key(&index);
        let report = SourceReport {
            key,
            host: shared.host.clone(),
            stream: index.clone(),
            path: own_path(&index),
            size: 0,
            read: 0,
            queued: 0,
            missed: Vec::new(),
            state: FileState::Following,
            changed_at: shared.clock.now(),
            file: FileFacts::default(),
        };
        let at = At { key, end: 0, known: false, behind: false, earlier: None, remembers: false, unsure: Vec::new() };
        Self { index, at: tokio::sync::Mutex::new(at), report: Mutex::new(report) }
    }

    /// What its account needs to know.
    pub(super) fn report(&self) -> SourceReport {
        self.report.lock().clone()
    }

    /// Takes documents; what became of each, in their order.
    pub(super) async fn write(&self, shared: &Shared, documents: Vec<Document>) -> Vec<Written> {
        let mut at = self.at.lock().await;
        let mut results: Vec<Option<Written>> = vec![None; documents.len()];
        if let Err(error) = self.prepare(shared, &mut at, &documents).await {
            return vec![Written::Refused(error); documents.len()];
        }
        let repeats = self.refuse_repeats(shared, &documents, &mut results);
        let mut left = self.groups(shared, &documents, &results);
        for attempt in 0..TRIES {
            if left.is_empty() {
                break;
            }
            if attempt > 0 {
                if let Err(error) = self.place(shared, &mut at).await {
                    fail(&mut left, &mut results, &error);
                    break;
                }
                // What was found to have landed after all may be the very same.
                self.refuse_repeats(shared, &documents, &mut results);
                left = self.groups(shared, &documents, &results);
            }
            self.send(shared, &mut at, &mut left, &documents, &mut results).await;
        }
        let error = EsError::unavailable("the queue holds another end of this index than was known; try again");
        fail(&mut left, &mut results, &error);
        // What repeats another document of the same bulk has its fate.
        for (place, first) in repeats {
            let fate = results[first].clone();
            results[place] = match fate {
                Some(Written::Created { .. } | Written::Same { .. }) => {
                    Some(repeat(&self.index, &documents[place], Some(documents[first].content)))
                }
                other => other,
            };
        }
        let unknown = || Written::Refused(EsError::unavailable("nothing is known of it"));
        results.into_iter().map(|result| result.unwrap_or_else(unknown)).collect()
    }

    async fn prepare(&self, shared: &Shared, at: &mut At, documents: &[Document]) -> Result<(), EsError> {
        self.place(shared, at).await?;
        if !at.remembers && documents.iter().any(|document| document.id.is_some()) {
            self.remember(shared, at).await?;
            at.remembers = true;
        }
        Ok(())
    }

    /// Learns where the stream ends, if that is not known.
    async fn place(&self, shared: &Shared, at: &mut At) -> Result<(), EsError> {
        if at.known {
            return Ok(());
        }
        at.key = shared.state.key(&self.index);
        let mut held = 0;
        if shared.producer.keeps_positions() {
            let positions = shared.producer.positions(&[at.key]).await?;
            held = positions.into_iter().next().flatten().map_or(0, |position| position.end);
            let mut end = held.max(if at.key == self.report.lock().key { at.end } else { 0 });
            if shared.store.capabilities().coverage {
                end = end.max(kept_end(&*shared.store, at.key).await?);
            }
            at.end = end;
            // What the queue holds has landed, whatever was said of it.
            at.settle(shared, held);
            // The rest has not: another batch will stand in its place.
            at.unsure.clear();
        } else if at.end > 0 {
            // Nobody can tell what became of the last batch, so its bytes must not get another meaning.
            shared.state.begin_anew()?;
            at.key = shared.state.key(&self.index);
            (at.end, at.unsure) = (0, Vec::new());
        }
        at.behind = held < at.end;
        at.known = true;
        at.earlier.get_or_insert((at.key, at.end));
        self.note(shared, at);
        Ok(())
    }

    fn note(&self, shared: &Shared, at: &At) {
        let mut report = self.report.lock();
        report.key = at.key;
        (report.size, report.read, report.queued) = (at.end, at.end, at.end);
        report.changed_at = shared.clock.now();
    }

    /// Fills the window with the ids of the newest documents of earlier runs.
    async fn remember(&self, shared: &Shared, at: &At) -> Result<(), EsError> {
        let capable = shared.store.capabilities();
        if !capable.coverage || !capable.context {
            tracing::warn!(index = %self.index, "the store cannot tell which documents it has, so repeats from before the start are not known");
            return Ok(());
        }
        let (mut key, mut end) = at.earlier.unwrap_or((at.key, at.end));
        if end == 0 && key.generation.0 > 0 {
            key.generation = Generation(key.generation.0 - 1);
            end = kept_end(&*shared.store, key).await?;
        }
        if end == 0 {
            return Ok(());
        }
        if !stored_up_to(shared, key, end, STORED_WAIT).await? {
            return Err(EsError::busy("the store has not all that the queue holds of this index yet; try again later"));
        }
        let mut found = Vec::new();
        let mut before = end;
        while found.len() < REMEMBERED && before > 0 {
            let id = RecordId { key, offset: before };
            let page = shared.store.context(&ContextRequest { id, before: REMEMBERED_PAGE, after: 0 }).await?;
            let hits: Vec<_> = page.hits.iter().filter(|hit| hit.id.offset < before).collect();
            let Some(first) = hits.first().map(|hit| hit.id.offset) else { break };
            for hit in hits.iter().rev() {
                if let Some(id) = hit.fields.iter().find(|(name, _)| name == names::ID) {
                    let id = String::from_utf8_lossy(&id.1);
                    found.push((IdKey::new(&self.index, &id), content_of(&hit.line)));
                }
            }
            before = first;
        }
        let mut window = shared.window.lock();
        found.into_iter().rev().for_each(|(key, content)| window.put(key, content));
        Ok(())
    }

    /// Answers the documents whose ids are known. Those that repeat one of the same bulk come back, with its place.
    fn refuse_repeats(
        &self,
        shared: &Shared,
        documents: &[Document],
        results: &mut [Option<Written>],
    ) -> Vec<(usize, usize)> {
        let window = shared.window.lock();
        let (mut seen, mut repeats) = (HashMap::new(), Vec::new());
        for (place, document) in documents.iter().enumerate() {
            let Some(id) = document.id.as_ref().filter(|_| results[place].is_none()) else { continue };
            let key = IdKey::new(&self.index, id);
            if let Some(known) = window.get(key) {
                results[place] = Some(repeat(&self.index, document, Some(known)));
            } else if let Some(first) = seen.get(&key) {
                repeats.push((place, *first));
                // A mark, so that it is not sent.
                results[place] = Some(repeat(&self.index, document, None));
            } else {
                seen.insert(key, place);
            }
        }
        repeats
    }

    /// What is to be sent, by origin, in pieces of a size.
    fn groups(&self, shared: &Shared, documents: &[Document], results: &[Option<Written>]) -> VecDeque<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut open: HashMap<(Arc<str>, Arc<str>), usize> = HashMap::new();
        for (place, document) in documents.iter().enumerate().filter(|(place, _)| results[*place].is_none()) {
            let mut origin = (
                document.host.clone().unwrap_or_else(|| shared.host.clone()),
                document.path.clone().unwrap_or_else(|| own_path(&self.index)),
            );
            if open.len() >= ORIGINS_MAX && !open.contains_key(&origin) {
                origin = (shared.host.clone(), own_path(&self.index));
            }
            let fits = |at: &usize| groups[*at].payload.len() + document.line.len() <= BATCH_BYTES;
            let at = match open.get(&origin).filter(|at| fits(at)) {
                Some(at) => *at,
                None => {
                    let (host, path) = origin.clone();
                    groups.push(Group { host, path, places: Vec::new(), payload: Vec::new() });
                    open.insert(origin, groups.len() - 1);
                    groups.len() - 1
                }
            };
            groups[at].places.push(place);
            groups[at].payload.extend_from_slice(&document.line);
        }
        groups.into()
    }

    /// Sends what is left, and notes what became of it. What comes out of place stays, to be sent again from where the
    /// stream really ends.
    async fn send(
        &self,
        shared: &Shared,
        at: &mut At,
        left: &mut VecDeque<Group>,
        documents: &[Document],
        results: &mut [Option<Written>],
    ) {
        let now = shared.clock.now();
        let mut start = at.end;
        let mut acks = Vec::with_capacity(left.len());
        for group in &*left {
            let batch = self.batch(group, at, start, now);
            start = batch.header.end;
            acks.push((batch.header.start, shared.producer.append(batch)));
        }
        let mut groups = std::mem::take(left).into_iter();
        for (start, ack) in acks {
            let outcome = ack.await;
            let Some(group) = groups.next() else { break };
            match outcome {
                Ok(Outcome::Appended(_)) => {
                    self.landed(shared, at, start, &group, documents, results);
                }
                Ok(Outcome::BackPressure { .. }) => {
                    let reason =
                        "the queue has no room now; what was read of files comes first out of it: try again later";
                    fail_one(&group, results, &EsError::busy(reason));
                }
                Ok(Outcome::Duplicate(_) | Outcome::Gap { .. }) if at.known => {
                    at.known = false;
                    left.push_back(group);
                }
                Ok(Outcome::Duplicate(_) | Outcome::Gap { .. }) => left.push_back(group),
                Err(error) => {
                    at.known = false;
                    at.unsure.push(self.unsure(start, &group, documents));
                    tracing::warn!(index = %self.index, error = %error.chain(), "a batch of documents was not taken");
                    fail_one(&group, results, &error.into());
                }
            }
        }
        if left.iter().any(|_| true) && results.iter().flatten().any(is_busy) {
            // Behind one that had no room nothing else can stand.
            fail(left, results, &EsError::busy("the queue has no room now; try again later"));
            at.known = false;
        }
    }

    fn batch(&self, group: &Group, at: &At, start: u64, now: Timestamp) -> Batch {
        let raw = Bytes::copy_from_slice(&group.payload);
        let end = start + raw.len() as u64;
        let (codec, payload, payload_crc) = codec::encode_payload(raw, Codec::Lz4);
        let count = group.places.len() as u32;
        let after_missed = at.behind && start == at.end;
        let header = BatchHeader {
            key: at.key,
            start,
            end,
            line_start: start,
            lines: count,
            records: count,
            flags: if after_missed { BatchFlags::AFTER_MISSED } else { BatchFlags::default() },
            codec,
            payload_len: payload.len() as u32,
            payload_crc,
            format: Format::Json,
            utc_offset_secs: 0,
            read_at: now,
            revision: Revision(0),
            stream: self.index.clone(),
            host: group.host.clone(),
            path: group.path.clone(),
            continuations: [].into(),
        };
        Batch { header: Arc::new(header), payload }
    }

    fn unsure(&self, start: u64, group: &Group, documents: &[Document]) -> Unsure {
        let known = |place: &usize| {
            let document = &documents[*place];
            document.id.as_ref().map(|id| (IdKey::new(&self.index, id), document.content))
        };
        let ids = group.places.iter().filter_map(known).collect();
        Unsure { start, end: start + group.payload.len() as u64, ids }
    }

    /// A batch is durable.
    fn landed(
        &self,
        shared: &Shared,
        at: &mut At,
        start: u64,
        group: &Group,
        documents: &[Document],
        results: &mut [Option<Written>],
    ) {
        // It continues what stands before it, so that has landed too, whatever was said of it.
        at.settle(shared, start);
        let mut offset = start;
        {
            let mut window = shared.window.lock();
            for place in &group.places {
                let document = &documents[*place];
                let id = match &document.id {
                    Some(id) => {
                        window.put(IdKey::new(&self.index, id), document.content);
                        id.clone()
                    }
                    None => RecordId { key: at.key, offset }.to_string(),
                };
                results[*place] = Some(Written::Created { id, offset });
                offset += document.line.len() as u64;
            }
        }
        at.end = at.end.max(offset);
        at.behind = false;
        // What might have stood here does not.
        at.unsure.retain(|batch| batch.start >= at.end);
        self.note(shared, at);
    }
}

fn own_path(index: &str) -> Arc<str> {
    format!("/es/{index}").into()
}

fn is_busy(written: &Written) -> bool {
    matches!(written, Written::Refused(error) if error.status == 429)
}

fn fail_one(group: &Group, results: &mut [Option<Written>], error: &EsError) {
    for place in &group.places {
        results[*place] = Some(Written::Refused(error.clone()));
    }
}

fn fail(left: &mut VecDeque<Group>, results: &mut [Option<Written>], error: &EsError) {
    while let Some(group) = left.pop_front() {
        fail_one(&group, results, error);
    }
}

/// What a document is answered whose id is there already, with a line of this hash.
fn repeat(index: &str, document: &Document, known: Option<u64>) -> Written {
    let id = document.id.clone().unwrap_or_default();
    if document.create {
        return Written::Refused(EsError::conflict(format!(
            "[{id}]: version conflict, document already exists (current version [1])"
        )));
    }
    if known.is_none_or(|known| known == document.content) {
        return Written::Same { id };
    }
    Written::Refused(EsError::illegal(format!(
        "the document [{id}] of [{index}] is there already with another content; logdrive keeps lines as they were \
         written, so it cannot be replaced"
    )))
}

/// Behind the last byte that the store has, or had, of a stream.
async fn kept_end(store: &dyn Reader, key: SourceKey) -> Result<u64, EsError> {
    let list = store.coverage(Some(key)).await?;
    let ends = list.iter().flat_map(|held| [&held.stored, &held.dropped, &held.expired, &held.dead_letter]);
    Ok(ends.map(base::Intervals::end).max().unwrap_or(0))
}

/// Waits until the store has a stream up to `end`; says whether it has.
pub(super) async fn stored_up_to(shared: &Shared, key: SourceKey, end: u64, most: Duration) -> Result<bool, EsError> {
    if !shared.store.capabilities().coverage {
        return Ok(false);
    }
    let until = Instant::now() + most;
    loop {
        if kept_end(&*shared.store, key).await? >= end {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
