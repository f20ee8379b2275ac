//! A queue that keeps no positions takes everything twice: whatever happens, what is sent again is what was sent
//! before. Random lives of a followed file, with crashes of the agent and of the machine; over all of them a record's
//! name stands for the same bytes, and the records tile the file.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::ByteSize;
use common::Yard;
use model::{Batch, BatchHeader, FileState, Place, SourceKey};
use parking_lot::Mutex;
use proptest::prelude::*;
use queue::{Ack, AckSender, Outcome, Position, Producer, QueueError};

/// A record as it was sent: its bytes, and what parsing depends on.
type Sent = (Vec<u8>, Arc<BatchHeader>);

/// What was ever appended, over all lives of the agent.
#[derive(Default)]
struct Log {
    /// By name: a record's source, generation, offset.
    records: BTreeMap<(SourceKey, u64), Sent>,
    /// Names that were given twice, to different records.
    conflicts: Vec<String>,
    repeated: usize,
}

impl Log {
    fn take(&mut self, batch: &Batch, same_header: bool) {
        let raw = codec::decode_payload(batch, 1 << 30).expect("decodes");
        let header = &batch.header;
        let starts: Vec<usize> = std::iter::once(0)
            .chain(memchr::memchr_iter(b'\n', &raw).map(|at| at + 1))
            .filter(|at| *at < raw.len() && !header.continuations.contains(&(*at as u32)))
            .collect();
        assert_eq!(starts.len(), header.records as usize);
        for (n, start) in starts.iter().enumerate() {
            let end = starts.get(n + 1).copied().unwrap_or(raw.len());
            let name = (header.key, header.start + *start as u64);
            let bytes = raw[*start..end].to_vec();
            if let Some((before, by)) = self.records.get(&name) {
                self.repeated += 1;
                if *before != bytes || (same_header && by != header) {
                    let (was, is) = (String::from_utf8_lossy(before), String::from_utf8_lossy(&bytes));
                    self.conflicts.push(format!("{name:?}\nwas {was:?}\n{by:?}\nis {is:?}\n{header:?}"));
                }
            } else {
                self.records.insert(name, (bytes, header.clone()));
            }
        }
    }

    fn bytes(&self) -> usize {
        self.records.values().map(|(bytes, _)| bytes.len()).sum()
    }

    /// The bytes of each source, put together of its records.
    fn sources(&self) -> BTreeMap<SourceKey, Vec<u8>> {
        let mut sources: BTreeMap<SourceKey, Vec<u8>> = BTreeMap::new();
        for ((key, offset), (bytes, header)) in &self.records {
            let so_far = sources.entry(*key).or_default();
            assert_eq!(so_far.len() as u64, *offset, "the records do not tile {key}: {header:?}");
            so_far.extend_from_slice(bytes);
        }
        sources
    }
}

/// A producer for one life of the agent.
struct Life {
    log: Arc<Mutex<Log>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<SourceKey, Position>,
    acks: Vec<(AckSender, Outcome)>,
    appends: u64,
    full: bool,
    /// What arrives from now on has not been sent: the agent is dead, and does not know.
    dead: bool,
    /// The machine may have crashed: read times of what follows may differ.
    lost_notes: bool,
}

impl Life {
    /// Lets some acks go, the oldest first.
    fn release(&self, n: usize) {
        let mut state = self.state.lock();
        let n = n.min(state.acks.len());
        for (sender, outcome) in state.acks.drain(..n) {
            // Nobody listens where the agent has given up.
            let _ = sender.send(Ok(outcome));
        }
    }
}

#[async_trait::async_trait]
impl Producer for Life {
    fn append(&self, batch: Batch) -> Ack {
        let mut state = self.state.lock();
        if state.dead {
            return Ack::ready(Err(QueueError::Injected("dead")));
        }
        if state.full {
            return Ack::ready(Ok(Outcome::BackPressure { retry_after: Duration::from_millis(5) }));
        }
        state.appends += 1;
        if state.appends.is_multiple_of(13) {
            return Ack::ready(Err(QueueError::Injected("refused")));
        }
        let header = &batch.header;
        match state.held.get(&header.key).copied() {
            Some(held) if header.end <= held.end => return Ack::ready(Ok(Outcome::Duplicate(held))),
            Some(held) if header.start != held.end => return Ack::ready(Ok(Outcome::Gap { expected: held })),
            _ => {}
        }
        self.log.lock().take(&batch, !state.lost_notes);
        let open_line = header.flags.has(model::BatchFlags::LAST_IS_OPEN).then_some(header.line_start);
        state.held.insert(header.key, Position { end: header.end, open_line });
        if state.appends.is_multiple_of(17) {
            return Ack::ready(Err(QueueError::Injected("taken, but not said so")));
        }
        let (sender, ack) = Ack::channel();
        state.acks.push((sender, Outcome::Appended(Place::default())));
        ack
    }

    fn keeps_positions(&self) -> bool {
        false
    }

    async fn positions(&self, _: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        panic!("it keeps none")
    }
}

#[derive(Clone, Debug)]
enum Op {
    Lines(usize),
    Trace { split: usize, wait: u64 },
    Part { wait: u64 },
    Long(usize),
    Rotate,
    CopyTruncate { crash: bool },
    Crash { keeps: Option<u8> },
    Restart,
    Full(bool),
    Acks(usize),
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let wait = || prop_oneof![Just(0u64), 0u64..20, 40u64..120];
    let op = prop_oneof![
        6 => (1usize..60).prop_map(Op::Lines),
        5 => (1usize..120, wait()).prop_map(|(split, wait)| Op::Trace { split, wait }),
        4 => wait().prop_map(|wait| Op::Part { wait }),
        2 => (300usize..4000).prop_map(Op::Long),
        3 => Just(Op::Rotate),
        2 => any::<bool>().prop_map(|crash| Op::CopyTruncate { crash }),
        7 => prop::option::of(any::<u8>()).prop_map(|keeps| Op::Crash { keeps }),
        1 => Just(Op::Restart),
        2 => any::<bool>().prop_map(Op::Full),
        6 => (1usize..30).prop_map(Op::Acks),
        5 => wait().prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 5..40)
}

struct Story {
    yard: Yard,
    log: Arc<Mutex<Log>>,
    life: Arc<Life>,
    lives: usize,
    written: Vec<String>,
    rotated: usize,
    format: &'static str,
    lost_notes: bool,
}

impl Story {
    fn new(format: &'static str) -> Self {
        let mut yard = Yard::new(&["app.log"]);
        let agent = &mut yard.config.agent;
        agent.block_bytes = ByteSize(1 << 10);
        agent.line_bytes_max = ByteSize(600);
        agent.multiline_bytes_max = ByteSize(900);
        agent.partial_line_timeout = Duration::from_millis(60);
        agent.multiline_timeout = Duration::from_millis(30);
        agent.rotate_wait = Duration::from_millis(100);
        agent.sweep_interval = Duration::from_millis(5);
        agent.scan_interval = Duration::from_millis(50);
        let log = Arc::new(Mutex::new(Log::default()));
        let life = Arc::new(Life { log: log.clone(), state: Mutex::default() });
        let mut story = Self { yard, log, life, lives: 0, written: Vec::new(), rotated: 0, format, lost_notes: false };
        story.live();
        story
    }

    fn live(&mut self) {
        let state = State { lost_notes: self.lost_notes, ..State::default() };
        self.life = Arc::new(Life { log: self.log.clone(), state: Mutex::new(state) });
        self.yard.producer = Some(self.life.clone());
        self.yard.start();
    }

    /// The agent dies; with `keeps`, the machine too, and so much of what was not synced is on the disk.
    fn crash(&mut self, keeps: Option<u8>) {
        self.life.state.lock().dead = true;
        let synced = self.yard.handle().stats().checkpoint_synced_bytes;
        self.lives += 1;
        let data = self.yard.folder.path().join(format!("data{}", self.lives));
        copy(&self.yard.config.data.join("agent"), &data.join("agent"));
        if let Some(keeps) = keeps {
            let path = data.join("agent/checkpoints.log");
            let len = std::fs::metadata(&path).expect("is there").len();
            let kept = synced + len.saturating_sub(synced) * u64::from(keeps) / 255;
            let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
            file.set_len(kept.min(len)).expect("cuts");
            self.lost_notes = true;
        }
        self.yard.abandon();
        self.yard.config.data = data;
        self.live();
    }

    fn write(&mut self, text: String) {
        self.yard.append("app.log", &text);
        self.written.push(text);
    }

    fn head(&self) -> String {
        let n = self.written.len();
        match self.format {
            "timestamped" => format!("2024-01-31 10:00:00,{:03} ERROR [main] c.e.App: {n}", n % 1000),
            "late" if n > 12 => format!("2024-01-31 10:00:00,{:03} ERROR [main] c.e.App: {n}", n % 1000),
            _ => format!("line {n}"),
        }
    }

    fn apply(&mut self, op: &Op) {
        let exists = self.yard.path("app.log").exists();
        match op {
            Op::Lines(lines) => {
                let text: String =
                    (0..*lines).map(|i| format!("{} #{i} {}\n", self.head(), "x".repeat(i * 31 % 90))).collect();
                self.write(text);
            }
            Op::Trace { split, wait } => {
                let n = self.written.len();
                let trace = format!(
                    "{} failed\njava.lang.IllegalStateException: no {n}\n\tat a.b.C(D.java:{n})\n\tat a.b.E(F.java:{n})\n",
                    self.head()
                );
                self.in_two(&trace, (*split).min(trace.len() - 1), *wait);
            }
            Op::Part { wait } => {
                let line = format!("{} in two pieces\n", self.head());
                self.in_two(&line, line.len() / 2, *wait);
            }
            Op::Long(len) => {
                let line = format!("{} {}\n", self.head(), "y".repeat(*len));
                self.write(line);
            }
            Op::Rotate if exists => {
                self.shift();
                self.yard.rename("app.log", "app.log.1");
                self.write(format!("{} after rotation\n", self.head()));
                // A file that nobody has seen before its next rotation is told by its name; twice is too much.
                self.settle();
            }
            Op::CopyTruncate { crash } if exists => self.copy_truncate(*crash),
            Op::Crash { keeps } => self.crash(*keeps),
            Op::Restart => {
                self.life.release(usize::MAX);
                self.life.state.lock().full = false;
                self.settle();
                self.yard.stop();
                self.live();
            }
            Op::Full(full) => self.life.state.lock().full = *full,
            Op::Acks(n) => self.life.release(*n),
            Op::Wait(millis) => std::thread::sleep(Duration::from_millis(*millis)),
            _ => {}
        }
    }

    fn in_two(&mut self, text: &str, at: usize, wait: u64) {
        let (first, second) = text.split_at(at);
        self.yard.append("app.log", first);
        std::thread::sleep(Duration::from_millis(wait));
        if wait % 3 == 1 {
            self.life.release(2);
            self.crash(None);
        }
        self.yard.append("app.log", second);
        self.written.push(text.to_owned());
    }

    fn shift(&mut self) {
        for n in (1..=self.rotated).rev() {
            self.yard.rename(&format!("app.log.{n}"), &format!("app.log.{}", n + 1));
        }
        self.rotated += 1;
    }

    fn copy_truncate(&mut self, crash: bool) {
        self.shift();
        // What the witnesses need: some of it is acknowledged.
        self.write(format!("{} before\n", self.head()));
        self.settle();
        self.acknowledged();
        let text: String = (0..20).map(|i| format!("{} before the copy {i}\n", self.head())).collect();
        self.write(text);
        std::fs::copy(self.yard.path("app.log"), self.yard.path("app.log.1")).expect("copies");
        if crash {
            self.crash(None);
        }
        self.yard.truncate("app.log");
        // Two such rotations at once leave nothing to tell the copies by.
        self.settle();
    }

    fn acknowledged(&self) {
        let len = std::fs::metadata(self.yard.path("app.log")).map_or(0, |at| at.len());
        let path = self.yard.path("app.log").to_string_lossy().into_owned();
        self.yard.until("it is acknowledged", |yard| {
            self.life.release(usize::MAX);
            let found = |s: &model::SourceReport| {
                *s.path == *path && s.state == FileState::Following && s.queued == len && s.size == len
            };
            yard.handle().sources().iter().any(found)
        });
    }

    /// Waits until everything that was written was sent.
    fn settle(&self) {
        self.life.state.lock().full = false;
        let bytes: usize = self.written.iter().map(String::len).sum();
        let began = std::time::Instant::now();
        self.yard.until(&format!("{bytes} bytes are sent"), |yard| {
            self.life.release(usize::MAX);
            let log = self.log.lock();
            assert!(log.conflicts.is_empty(), "{} conflicts\n{}", log.conflicts.len(), log.conflicts[0]);
            if log.bytes() < bytes && began.elapsed() > Duration::from_secs(10) {
                let all: Vec<_> = log.records.iter().map(|((key, at), (bytes, _))| (*key, *at, bytes.len())).collect();
                panic!("{bytes} are not sent: {all:?}\n{:#?}", yard.handle().sources());
            }
            log.bytes() >= bytes
        });
    }

    fn judge(self) {
        self.settle();
        let log = self.log.lock();
        let mut found = BTreeMap::new();
        for bytes in log.sources().values() {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                *found.entry(String::from_utf8_lossy(line).into_owned()).or_insert(0) += 1;
            }
        }
        let mut wanted = BTreeMap::new();
        for line in self.written.iter().flat_map(|text| text.split_inclusive('\n')) {
            *wanted.entry(line.to_owned()).or_insert(0) += 1;
        }
        let sources: Vec<_> = log.sources().iter().map(|(key, bytes)| (*key, bytes.len())).collect();
        let show = |line: &String| line.chars().take(60).collect::<String>();
        let lost: Vec<_> = wanted.keys().filter(|line| !found.contains_key(*line)).map(show).collect();
        let extra: Vec<_> = found.iter().filter(|(line, n)| wanted.get(*line) != Some(*n)).collect();
        let extra: Vec<_> = extra.into_iter().map(|(line, n)| (show(line), n)).collect();
        assert!(
            lost.is_empty() && extra.is_empty(),
            "lost {} {:?}\nextra {} {:?}\nrepeated {}\n{sources:?}\n{:#?}",
            lost.len(),
            lost.first(),
            extra.len(),
            extra.first(),
            log.repeated,
            self.yard.handle().sources()
        );
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        // What is being written beside may be gone by now.
        let _ = std::fs::copy(entry.path(), to.join(entry.file_name()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(12),
        max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_name_stands_for_the_same_bytes_in_all_lives(
        ops in ops(), format in prop_oneof![Just("timestamped"), Just("plain"), Just("late")],
    ) {
        eprintln!("CASE {format} {ops:?}");
        let mut story = Story::new(format);
        for op in &ops {
            story.apply(op);
        }
        story.judge();
    }
}
