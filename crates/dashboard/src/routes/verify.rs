//! `/api/v1/verify`: compares what is stored with the files it came from, byte by byte.
//!
//! Decision: the ranges that the store says it holds are walked in the order of the file; a search by place gives the
//! records, and the file their bytes. Whoever asks sets the pace: the next piece of work is done when the one before
//! was taken, so closing the connection ends it. A file that changed while it was compared is told apart from lines
//! that differ, as it is recognised again before anything is called a difference.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use model::{RecordId, SourceKey};
use schemars::JsonSchema;
use serde::Serialize;
use store::{ContextRequest, Hit};
use tokio::sync::OwnedSemaphorePermit;

use super::audit::{Wanted, accounts};
use super::{Content, ndjson};
use crate::app::App;
use crate::audit::Account;
use crate::params::{Holds, Param, Params};
use crate::problem::{self, Problem};

pub(crate) const PARAMS: &[Param] = &[
    Param::new("path", Holds::Text, "Files: a path, a folder with all in it, or a glob; all of them unless told."),
    Param::new("stream", Holds::Text, "Files of this stream; a glob may be used."),
    Param::new("host", Holds::Text, "Files of this machine; a glob may be used."),
    Param::new("source", Holds::Text, "One file: its id, with or without the generation."),
];

/// So many are under way at a time.
pub(crate) const VERIFYING_MAX: usize = 2;
/// Bytes of a file compared in a step.
const STEP_BYTES: usize = 1 << 20;
/// Records compared in a step.
const STEP_RECORDS: usize = 4096;
/// Progress is told so often.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// So many differing ranges are told of each source.
const DIFFERS_SHOWN: usize = 20;

/// Lines of the answer.
pub(crate) const LINES: Content = Content {
    media: ndjson::MEDIA,
    schema: |generator| {
        let (source, control) = (generator.subschema_for::<Verified>(), generator.subschema_for::<Told>());
        schemars::json_schema!({
            "description": "Each line is one of these. Those that begin with {\"_\": are about the stream itself.",
            "oneOf": [source, control],
        })
    },
};

/// One source, compared.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
struct Verified {
    source: String,
    generation: u32,
    path: String,
    host: String,
    stream: String,
    /// Bytes that the store says it holds.
    stored_bytes: u64,
    /// Of these, bytes that were compared.
    checked_bytes: u64,
    checked_records: u64,
    /// Bytes of the file that are not in the store (on their way, dropped, expired), and so were not compared.
    not_stored_bytes: u64,
    /// Where store and file differ, the first 20 ranges.
    differs: Vec<Difference>,
    /// All ranges where they do.
    differing: u64,
    /// Why not all that is stored could be compared, if so.
    unreadable: Option<String>,
}

/// A range of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Difference {
    start: u64,
    end: u64,
    reason: &'static str,
}

const OTHER_BYTES: &str = "the stored bytes are others than those of the file";
const NOT_FOUND: &str = "it is counted as stored, and no search finds it";
const FILE_ENDS: &str = "the file ends before it";

/// A line about the stream itself.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "_", rename_all = "snake_case")]
#[schemars(rename = "VerifyControl")]
enum Told<'a> {
    /// How far it has come.
    Progress {
        done_bytes: u64,
        total_bytes: u64,
        /// Which source it is at.
        source: String,
        path: &'a str,
    },
    /// The last line of a stream that was not cut off.
    End {
        /// Whether everything that is stored of the sources asked for was compared.
        complete: bool,
        /// Whether nothing that was compared differs.
        same: bool,
        /// Sources told of.
        count: u64,
        checked_bytes: u64,
        checked_records: u64,
        /// Sources with differences.
        differing: u64,
        /// Sources of which not all could be compared.
        unreadable: u64,
        next: Option<String>,
    },
}

pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(&params)?;
    let Ok(place) = app.verifying.clone().try_acquire_owned() else {
        let detail = format!("{VERIFYING_MAX} comparisons are under way; wait for one to end, or end it");
        return Err(Problem::new(&problem::EXHAUSTED, detail));
    };
    let mut accounts = accounts(&app).await?;
    accounts.retain(|account| wanted.account(account));
    accounts.sort_by(|a, b| (&a.path, a.source, a.generation).cmp(&(&b.path, b.source, b.generation)));
    let work = Work {
        total: accounts.iter().map(|account| account.stored).sum(),
        rest: accounts.into(),
        app,
        at: None,
        done: Sums::default(),
        told_at: None,
        ended: false,
        _place: place,
    };
    Ok(ndjson::answer(stream::unfold(work, |mut work| async {
        let chunk = work.chunk().await?;
        Some((chunk, work))
    })))
}

#[derive(Default)]
struct Sums {
    bytes: u64,
    skipped: u64,
    checked: u64,
    records: u64,
    sources: u64,
    differing: u64,
    unreadable: u64,
}

/// What is to be compared yet.
struct Work {
    app: Arc<App>,
    rest: VecDeque<Account>,
    at: Option<One>,
    total: u64,
    done: Sums,
    told_at: Option<Instant>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

/// The source that is being compared.
struct One {
    key: SourceKey,
    file: Option<Arc<File>>,
    /// Ranges to go, and how far the first of them is done.
    ranges: VecDeque<(u64, u64)>,
    told: Verified,
}

/// What became of a step.
enum Step {
    Going,
    Done,
}

impl Work {
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut out = Vec::new();
        while out.is_empty() {
            if self.app.shutdown.is_called() {
                // Cut off without an end: whoever reads knows that it is not whole.
                return None;
            }
            self.step(&mut out).await;
        }
        Some(Bytes::from(out))
    }

    async fn step(&mut self, out: &mut Vec<u8>) {
        if self.at.is_none() {
            let Some(account) = self.rest.pop_front() else { return self.end(out) };
            self.at = Some(One::begin(&self.app, &account).await);
        }
        let Some(one) = &mut self.at else { return };
        match one.step(&self.app).await {
            Step::Going => {}
            Step::Done => {
                write(out, &one.told);
                self.done.count(&one.told);
                self.at = None;
                return;
            }
        }
        if self.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told_at = Some(Instant::now());
            let done_bytes = self.done.bytes + one.told.checked_bytes;
            let (total_bytes, source) = (self.total, one.key.to_string());
            write(out, &Told::Progress { done_bytes, total_bytes, source, path: &one.told.path });
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        let done = &self.done;
        let end = Told::End {
            complete: done.unreadable == 0 && done.skipped == 0,
            same: done.differing == 0,
            count: done.sources,
            checked_bytes: done.checked,
            checked_records: done.records,
            differing: done.differing,
            unreadable: done.unreadable,
            next: None,
        };
        write(out, &end);
    }
}

impl Sums {
    fn count(&mut self, told: &Verified) {
        self.bytes += told.stored_bytes;
        self.checked += told.checked_bytes;
        self.records += told.checked_records;
        self.sources += 1;
        self.differing += u64::from(told.differing > 0);
        self.unreadable += u64::from(told.unreadable.is_some());
        self.skipped +=
            u64::from(told.unreadable.is_none() && told.differing == 0 && told.checked_bytes < told.stored_bytes);
    }
}

fn write(out: &mut Vec<u8>, line: &impl Serialize) {
    // Writing to a Vec cannot fail, and these shapes have a JSON form.
    let _ = serde_json::to_writer(&mut *out, line);
    out.push(b'\n');
}

impl One {
    async fn begin(app: &Arc<App>, account: &Account) -> Self {
        let key = SourceKey::new(account.source, account.generation);
        let mut one = Self {
            key,
            file: None,
            ranges: VecDeque::new(),
            told: Verified {
                source: key.source.to_string(),
                generation: key.generation.0,
                path: account.path.clone(),
                host: account.host.clone(),
                stream: account.stream.clone(),
                ..Verified::default()
            },
        };
        let able = app.parts.store.capabilities();
        if !able.context || !able.coverage {
            one.told.unreadable = Some("this store does not give the lines of a file in its order".to_owned());
            return one;
        }
        match app.parts.store.coverage(Some(key)).await {
            Ok(held) => one.ranges = held.iter().flat_map(|held| held.stored.ranges()).copied().collect(),
            Err(error) => one.told.unreadable = Some(base::Explain::chain(&error)),
        }
        one.told.stored_bytes = one.ranges.iter().map(|(start, end)| end - start).sum();
        one.told.not_stored_bytes = account.size.saturating_sub(one.told.stored_bytes);
        if one.told.stored_bytes > 0 {
            match opened(app, key).await {
                Ok(file) => one.file = Some(Arc::new(file)),
                Err(reason) => one.told.unreadable = Some(reason),
            }
        }
        one
    }

    /// Compares the next piece.
    async fn step(&mut self, app: &Arc<App>) -> Step {
        let (Some(file), Some(&(start, end))) = (&self.file, self.ranges.front()) else { return Step::Done };
        let window = match read(file.clone(), start, end).await {
            Ok(window) => window,
            Err(reason) => return self.stop(reason),
        };
        let id = RecordId { key: self.key, offset: start };
        // As many as the file has lines here: so what is asked for is about as long as what is compared it with.
        let after = memchr_count(&window).clamp(1, STEP_RECORDS);
        let found = match app.parts.store.context(&ContextRequest { id, before: 0, after }).await {
            Ok(found) => found,
            Err(error) => return self.stop(base::Explain::chain(&error)),
        };
        let (file, hits) = (file.clone(), found.hits);
        let Ok(compared) = runtime::blocking(move || compare(&*file, &hits, start, end)).await else {
            return self.stop("the comparison failed here".to_owned());
        };
        self.take(app, compared, start, end).await
    }

    async fn take(&mut self, app: &Arc<App>, compared: Result<Compared, String>, start: u64, end: u64) -> Step {
        let compared = match compared {
            Ok(compared) => compared,
            Err(reason) => return self.stop(reason),
        };
        if !compared.differs.is_empty() {
            // A file that was truncated or replaced meanwhile is no difference; nor is what retention removed.
            if let Err(reason) = opened(app, self.key).await {
                return self.stop(reason);
            }
            let held = app.parts.store.coverage(Some(self.key)).await.unwrap_or_default();
            let is_held = |d: &Difference| held.iter().any(|held| held.stored.covers(d.start, d.end));
            for difference in compared.differs.into_iter().filter(|d| d.reason != NOT_FOUND || is_held(d)) {
                self.told.differing += 1;
                if self.told.differs.len() < DIFFERS_SHOWN {
                    self.told.differs.push(difference);
                }
            }
        }
        self.told.checked_bytes += compared.upto.min(end) - start;
        self.told.checked_records += compared.records;
        match compared.upto {
            upto if upto >= end => {
                self.ranges.pop_front();
            }
            upto => self.ranges[0].0 = upto,
        }
        if self.ranges.is_empty() { Step::Done } else { Step::Going }
    }

    fn stop(&mut self, reason: String) -> Step {
        self.told.unreadable = Some(reason);
        self.ranges.clear();
        Step::Done
    }
}

async fn opened(app: &Arc<App>, key: SourceKey) -> Result<File, String> {
    let app = Arc::clone(app);
    let opened = runtime::blocking(move || app.parts.sources.open(key)).await;
    opened.unwrap_or_else(|_| Err("it could not be opened here".to_owned()))
}

/// The bytes of the file from `start`, as far as they are compared at once.
async fn read(file: Arc<File>, start: u64, end: u64) -> Result<Vec<u8>, String> {
    let len = usize::try_from(end - start).unwrap_or(STEP_BYTES).min(STEP_BYTES);
    let reading = runtime::blocking(move || read_at(&*file, start, len)).await;
    reading.unwrap_or_else(|_| Err("it could not be read here".to_owned()))
}

fn memchr_count(window: &[u8]) -> usize {
    window.iter().filter(|byte| **byte == b'\n').count()
}

/// Bytes that can be read by offset.
trait Bytewise {
    fn read_at(&self, room: &mut [u8], offset: u64) -> std::io::Result<usize>;
}

impl Bytewise for File {
    fn read_at(&self, room: &mut [u8], offset: u64) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, room, offset)
    }
}

fn read_at(file: &impl Bytewise, offset: u64, len: usize) -> Result<Vec<u8>, String> {
    let mut room = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut room[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("the file cannot be read: {error}")),
        }
    }
    room.truncate(filled);
    Ok(room)
}

/// What a step found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compared {
    /// How far it came: at least one byte further.
    upto: u64,
    records: u64,
    differs: Vec<Difference>,
}

impl Compared {
    fn differ(&mut self, start: u64, end: u64, reason: &'static str) {
        match self.differs.last_mut() {
            Some(last) if last.end == start && last.reason == reason => last.end = end,
            _ => self.differs.push(Difference { start, end, reason }),
        }
    }
}

/// Compares the records found from `start` on, up to `end`, with the file.
fn compare(file: &impl Bytewise, hits: &[Hit], start: u64, end: u64) -> Result<Compared, String> {
    let mut compared = Compared { upto: start, ..Compared::default() };
    let within = hits.iter().filter(|hit| (start..end).contains(&hit.id.offset));
    for hit in within {
        let (at, size) = (hit.id.offset, u64::from(hit.size));
        if at > compared.upto {
            compared.differ(compared.upto, at, NOT_FOUND);
        }
        let bytes = read_at(file, at, hit.size as usize)?;
        if bytes.len() < hit.size as usize {
            compared.differ(at, at + size, FILE_ENDS);
        } else if bytes.strip_suffix(b"\n").filter(|line| *line == hit.line).is_none() && bytes != hit.line {
            compared.differ(at, at + size, OTHER_BYTES);
        }
        compared.records += 1;
        compared.upto = compared.upto.max(at + size.max(1));
    }
    let ended = hits.last().is_none_or(|last| last.id.offset >= end);
    if compared.upto < end && (ended || compared.records == 0) {
        compared.differ(compared.upto, end, NOT_FOUND);
        compared.upto = end;
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use model::{Format, Generation, Level, Marks, SourceId};

    use super::*;

    struct Text(&'static [u8]);

    impl Bytewise for Text {
        fn read_at(&self, room: &mut [u8], offset: u64) -> std::io::Result<usize> {
            let rest = self.0.get(offset as usize..).unwrap_or_default();
            // One byte at a time: a disk may give less than was asked for.
            let read = rest.len().min(room.len()).min(1);
            room[..read].copy_from_slice(&rest[..read]);
            Ok(read)
        }
    }

    fn hit(offset: u64, line: &str, size: u32) -> Hit {
        Hit {
            id: RecordId { key: SourceKey::new(SourceId(1), Generation(0)), offset },
            time: Timestamp::default(),
            stream: String::new(),
            host: String::new(),
            path: String::new(),
            level: Level::Unknown,
            format: Format::Unknown,
            marks: Marks::default(),
            line: line.as_bytes().to_vec(),
            size,
            fields: Vec::new(),
        }
    }

    #[test]
    fn stored_lines_are_compared_with_the_file() {
        let file = Text(b"one\ntwo\r\nthree");
        let (one, two, three) = (hit(0, "one", 4), hit(4, "two\r", 5), hit(9, "three", 5));
        let differs = |start, end, reason| vec![Difference { start, end, reason }];
        type Case = (&'static str, Vec<Hit>, u64, u64, u64, Vec<Difference>);
        let table: [Case; 8] = [
            ("all", vec![one.clone(), two.clone(), three.clone()], 14, 14, 3, vec![]),
            ("a page", vec![one.clone(), two.clone()], 14, 9, 2, vec![]),
            ("beyond the range", vec![one.clone(), two.clone()], 4, 4, 1, vec![]),
            ("other bytes", vec![one.clone(), hit(4, "tWo\r", 5)], 9, 9, 2, differs(4, 9, OTHER_BYTES)),
            ("shorter", vec![one.clone(), hit(4, "two", 5)], 9, 9, 2, differs(4, 9, OTHER_BYTES)),
            ("a hole", vec![one.clone(), three.clone()], 14, 14, 2, differs(4, 9, NOT_FOUND)),
            ("nothing", vec![], 14, 14, 0, differs(0, 14, NOT_FOUND)),
            ("the file is shorter", vec![one, two, hit(9, "three more", 11)], 20, 20, 3, differs(9, 20, FILE_ENDS)),
        ];
        for (what, hits, end, upto, records, differs) in table {
            let compared = compare(&file, &hits, 0, end).expect("is read");
            assert_eq!(compared, Compared { upto, records, differs }, "{what}");
        }
    }

    #[test]
    fn neighbouring_differences_are_one() {
        let compared = compare(&Text(b"a\nb\n"), &[hit(0, "x", 2), hit(2, "y", 2)], 0, 4).expect("is read");
        assert_eq!(compared.differs, [Difference { start: 0, end: 4, reason: OTHER_BYTES }]);
    }
}
