//! A producer that keeps the queue's contract and everything it takes, and an agent that follows a temporary folder
//! into it. The judge puts the bytes together again and compares.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent::{Agent, AgentHandle, Parts};
use base::ByteSize;
use config::{AgentConfig, Config, StreamConfig};
use model::{Batch, BatchFlags, BatchHeader, Place, SourceKey, SourceReport};
use parking_lot::Mutex;
use queue::{Ack, Outcome, Position, Producer, QueueError};
use runtime::{Shutdown, SystemClock};

/// What is held of one source.
#[derive(Clone, Default)]
pub struct Held {
    pub bytes: Vec<u8>,
    /// Where the held bytes begin (after what was missed on purpose).
    pub from: u64,
    pub open_line: Option<u64>,
    pub headers: Vec<Arc<BatchHeader>>,
    /// Bytes left out in the middle, by their place.
    pub holes: Vec<(u64, u64)>,
}

impl Held {
    pub fn end(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }

    /// The records, cut where the headers say.
    pub fn records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        for header in &self.headers {
            let range = &self.bytes[(header.start - self.from) as usize..(header.end - self.from) as usize];
            let mut start = 0;
            for (at, byte) in range.iter().enumerate() {
                let next = at + 1;
                let ends = *byte == b'\n' && !header.continuations.contains(&(next as u32));
                if ends || next == range.len() {
                    records.push(range[start..next].to_vec());
                    start = next;
                }
            }
        }
        records
    }
}

/// Keeps the contract of a queue.
#[derive(Default)]
pub struct Recorder {
    pub held: Mutex<BTreeMap<SourceKey, Held>>,
    pub full: AtomicBool,
    pub unreachable: AtomicBool,
    /// Every n-th append fails, in turns by refusal, by back-pressure, and by taking it and not saying so.
    pub fail_every: AtomicU64,
    pub appends: AtomicU64,
    /// Appends to a path that contains this panic.
    pub panic_on: Mutex<Option<String>>,
    pub violations: Mutex<Vec<String>>,
    /// Acks are kept until they are released.
    pub hold_acks: AtomicBool,
    /// Only those of paths that contain this.
    pub hold_only: Mutex<Option<String>>,
    pub held_acks: Mutex<Vec<(queue::AckSender, Outcome)>>,
    /// The paths of what was appended, in order.
    pub order: Mutex<Vec<String>>,
}

impl Recorder {
    fn violation(&self, header: &BatchHeader, what: &str) {
        self.violations.lock().push(format!("{what}: {header:?}"));
    }

    /// What every batch must be, whatever became of it.
    fn check(&self, batch: &Batch) -> Vec<u8> {
        let header = &*batch.header;
        let raw = codec::decode_payload(batch, 1 << 30).expect("decodes").to_vec();
        if raw.is_empty() || raw.len() as u64 != header.range_len() {
            self.violation(header, "its length is wrong");
        }
        let lines = raw.split_inclusive(|byte| *byte == b'\n').count() as u32;
        if header.lines != lines || header.records != lines - header.continuations.len() as u32 {
            self.violation(header, "its counts are wrong");
        }
        let open = raw.last() != Some(&b'\n');
        if open != header.flags.has(BatchFlags::LAST_IS_OPEN) || (open && header.records != 1) {
            self.violation(header, "its end is wrong");
        }
        if header.continuations.iter().any(|at| raw[*at as usize - 1] != b'\n') {
            self.violation(header, "a continuation is no line start");
        }
        raw
    }

    fn take(&self, batch: &Batch) -> Outcome {
        let header = &batch.header;
        let raw = self.check(batch);
        let mut all = self.held.lock();
        let known = all.get(&header.key);
        let position = known.map_or(Position { end: 0, open_line: None }, |held| Position {
            end: held.end(),
            open_line: held.open_line,
        });
        if known.is_some() && header.end <= position.end {
            return Outcome::Duplicate(position);
        }
        let after_missed = header.flags.has(BatchFlags::AFTER_MISSED) && header.start > position.end;
        if header.start != position.end && !after_missed {
            return Outcome::Gap { expected: position };
        }
        let continues = header.flags.has(BatchFlags::FIRST_CONTINUES);
        if continues != position.open_line.is_some() || header.line_start != position.open_line.unwrap_or(header.start)
        {
            self.violation(header, "it does not continue the line as it should");
        }
        let held = all.entry(header.key).or_insert_with(|| Held { from: header.start, ..Held::default() });
        let end = held.end();
        if header.start > end {
            held.holes.push((end, header.start));
            let zeros = (header.start - end) as usize;
            held.bytes.extend(std::iter::repeat_n(0, zeros));
        }
        held.bytes.extend_from_slice(&raw);
        held.open_line = header.flags.has(BatchFlags::LAST_IS_OPEN).then_some(header.line_start);
        held.headers.push(header.clone());
        Outcome::Appended(Place::default())
    }

    /// Everything held, by path, joined in the order of the generations.
    pub fn by_path(&self, path: &Path) -> Vec<Held> {
        let shown = path.to_string_lossy();
        let all = self.held.lock();
        all.values().filter(|held| *held.headers[0].path == *shown).cloned().collect()
    }

    pub fn all_bytes(&self) -> usize {
        self.held.lock().values().map(|held| held.bytes.len()).sum()
    }

    /// Lets the acks go that were kept first.
    pub fn release(&self, n: usize) {
        let mut held = self.held_acks.lock();
        let n = n.min(held.len());
        for (sender, outcome) in held.drain(..n) {
            // Nobody listens only where the agent has ended.
            let _ = sender.send(Ok(outcome));
        }
    }

    /// All lines held, sorted.
    pub fn lines(&self) -> Vec<String> {
        let all = self.held.lock();
        let mut lines: Vec<String> = all
            .values()
            .flat_map(|held| held.bytes.split_inclusive(|byte| *byte == b'\n'))
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        lines.sort();
        lines
    }
}

#[async_trait::async_trait]
impl Producer for Recorder {
    fn append(&self, batch: Batch) -> Ack {
        if let Some(part) = &*self.panic_on.lock()
            && batch.header.path.contains(part.as_str())
        {
            panic!("asked to");
        }
        if self.unreachable.load(Ordering::SeqCst) {
            return Ack::ready(Err(QueueError::Injected("unreachable")));
        }
        if self.full.load(Ordering::SeqCst) {
            return Ack::ready(Ok(Outcome::BackPressure { retry_after: Duration::from_millis(5) }));
        }
        let n = self.appends.fetch_add(1, Ordering::SeqCst) + 1;
        let every = self.fail_every.load(Ordering::SeqCst);
        if every > 0 && n.is_multiple_of(every) {
            return match n / every % 3 {
                0 => Ack::ready(Err(QueueError::Injected("refused"))),
                1 => Ack::ready(Ok(Outcome::BackPressure { retry_after: Duration::from_millis(1) })),
                _ => {
                    self.take(&batch);
                    Ack::ready(Err(QueueError::Injected("taken, but not said so")))
                }
            };
        }
        let outcome = self.take(&batch);
        self.order.lock().push(batch.header.path.to_string());
        let is_held = |part: &String| batch.header.path.contains(part);
        if self.hold_acks.load(Ordering::SeqCst) && self.hold_only.lock().as_ref().is_none_or(is_held) {
            let (sender, ack) = Ack::channel();
            self.held_acks.lock().push((sender, outcome));
            return ack;
        }
        Ack::ready(Ok(outcome))
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(QueueError::Injected("unreachable"));
        }
        let all = self.held.lock();
        let position = |held: &Held| Position { end: held.end(), open_line: held.open_line };
        Ok(keys.iter().map(|key| all.get(key).map(position)).collect())
    }
}

/// A folder with logs, an agent's data, and what the queue took.
pub struct Yard {
    pub folder: tempfile::TempDir,
    pub logs: PathBuf,
    pub config: Config,
    pub recorder: Arc<Recorder>,
    /// Stands in for the recorder.
    pub producer: Option<Arc<dyn Producer>>,
    running: Option<Running>,
}

struct Running {
    handle: AgentHandle,
    shutdown: Shutdown,
    thread: std::thread::JoinHandle<()>,
}

impl Yard {
    /// Follows `patterns`, which are below the folder of logs.
    pub fn new(patterns: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = folder.path().join("logs");
        std::fs::create_dir(&logs).expect("makes");
        let paths = patterns.iter().map(|pattern| join(&logs, pattern)).collect();
        let data = folder.path().join("data");
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            agent: AgentConfig {
                in_flight_bytes: ByteSize(64 << 10),
                block_bytes: ByteSize(4 << 10),
                line_bytes_max: ByteSize(16 << 10),
                sweep_interval: Duration::from_millis(20),
                scan_interval: Duration::from_millis(200),
                partial_line_timeout: Duration::from_millis(600),
                multiline_timeout: Duration::from_millis(300),
                multiline_bytes_max: ByteSize(8 << 10),
                rotate_wait: Duration::from_millis(150),
                deleted_held_bytes_max: ByteSize::mib(100),
                open_files_max: 64,
                checkpoints: "agent".into(),
                report_to: None,
            },
            streams: vec![StreamConfig::new("test", paths)],
            ..Config::new("here", data)
        };
        Self { folder, logs, config, recorder: Arc::default(), producer: None, running: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.logs.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("writes");
    }

    pub fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.path(name)).expect("opens");
        file.write_all(content.as_ref()).expect("writes");
    }

    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).expect("renames");
    }

    pub fn truncate(&self, name: &str) {
        std::fs::OpenOptions::new().write(true).open(self.path(name)).expect("opens").set_len(0).expect("truncates");
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).expect("removes");
    }

    pub fn build(&self, stdin: Option<Box<dyn std::io::Read + Send>>) -> Agent {
        let producer = self.producer.clone().unwrap_or_else(|| self.recorder.clone());
        let parts = Parts { producer, clock: Arc::new(SystemClock), stdin };
        agent::build(&self.config, parts).expect("builds")
    }

    pub fn start(&mut self) {
        self.start_with(None);
    }

    pub fn start_with(&mut self, stdin: Option<Box<dyn std::io::Read + Send>>) {
        let agent = self.build(stdin);
        let (handle, shutdown) = (agent.handle(), Shutdown::new());
        let until = shutdown.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(agent.run(until)).expect("runs");
        });
        self.running = Some(Running { handle, shutdown, thread });
    }

    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown.call();
            running.thread.join().expect("ends");
        }
    }

    /// Leaves the agent to itself; it ends some time after.
    pub fn abandon(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown.call();
        }
    }

    pub fn handle(&self) -> &AgentHandle {
        &self.running.as_ref().expect("it runs").handle
    }

    pub fn lose_checkpoints(&self) {
        let path = self.config.data.join("agent/checkpoints.log");
        std::fs::remove_file(path).expect("removes");
    }

    /// Waits until `holds`; what `else_shown` says is shown where that does not come.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            if began.elapsed() > Duration::from_secs(20) {
                let sources = self.running.as_ref().map(|running| running.handle.sources());
                let problems = self.running.as_ref().map(|running| running.handle.problems());
                panic!("never: {what}\n{sources:#?}\n{problems:#?}\nheld {}", self.recorder.all_bytes());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until so many bytes are held, and that nothing breaks the contract.
    pub fn until_held(&self, bytes: usize) {
        self.until(&format!("{bytes} bytes are held"), |yard| yard.recorder.all_bytes() >= bytes);
        self.judge();
    }

    pub fn judge(&self) {
        assert_eq!(*self.recorder.violations.lock(), Vec::<String>::new());
    }

    pub fn source_at(&self, name: &str) -> Option<SourceReport> {
        let path = self.path(name).to_string_lossy().into_owned();
        self.handle().sources().into_iter().rev().find(|source| *source.path == *path)
    }

    /// What is held of the files headed by `name`, one after the other.
    pub fn text(&self, name: &str) -> String {
        let held = self.recorder.by_path(&self.path(name));
        held.iter().map(|held| String::from_utf8_lossy(&held.bytes).into_owned()).collect()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown.call();
            if !std::thread::panicking() {
                running.thread.join().expect("ends");
            }
        }
    }
}

fn join(logs: &Path, pattern: &str) -> String {
    if pattern == "-" {
        return pattern.to_owned();
    }
    logs.join(pattern).to_string_lossy().into_owned()
}

/// So many numbered lines of varied length.
pub fn lines(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("line {n} {}\n", "x".repeat(n * 7919 % 150))).collect()
}
