//! Standard input: a stream of bytes that cannot be read twice.
//!
//! Decision: two threads. One only reads, and stops reading while the other cannot follow, so that whoever writes to
//! us waits. The other cuts and sends as for a file; what was sent is kept until it has landed.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use base::{Backoff, Clock, Timestamp};
use bytes::Bytes;
use codec::Framing;
use config::ParseChoice;
use model::{Batch, BatchFlags, BatchHeader, FileState, Format, Generation, SourceId, SourceKey, SourceReport};
use queue::Producer;
use runtime::Shutdown;
use xxhash_rust::xxh3::xxh3_128;

use crate::AgentError;
use crate::discover::STDIN;
use crate::identity::Witness;
use crate::ledger::Entry;
use crate::reader::{self, Flush, Held, Plan, Range, Reach};
use crate::settings::Settings;
use crate::status::{Shared, add};
use crate::tail::{Flight, Mark, land, settle};

/// Standard input that is not read yet.
pub(crate) struct Stdin {
    input: Box<dyn Read + Send>,
    stream: usize,
    key: SourceKey,
}

/// Blocks between the two threads.
const BLOCKS: usize = 2;
/// How often acks are looked at while some are awaited.
const ACKS: Duration = Duration::from_millis(2);
/// At the end, batches on their way are waited for so long.
const LAST_WAIT: Duration = Duration::from_secs(3);
/// The format is looked for in so many blocks.
const DETECT_TRIES: u32 = 64;

impl Stdin {
    /// A source of its own: this host, this process, this moment.
    pub fn new(input: Box<dyn Read + Send>, stream: usize, host_id: u128, now: Timestamp) -> Self {
        let mut bytes = host_id.to_le_bytes().to_vec();
        bytes.extend_from_slice(&now.as_micros().to_le_bytes());
        bytes.extend_from_slice(&std::process::id().to_le_bytes());
        bytes.extend_from_slice(STDIN.as_bytes());
        Self { input, stream, key: SourceKey::new(SourceId(xxh3_128(&bytes)), Generation(0)) }
    }

    /// Starts both threads. The answer comes when all that was read is delivered, or soon after the shutdown.
    pub fn start(
        self,
        settings: &Arc<Settings>,
        producer: &Arc<dyn Producer>,
        clock: &Arc<dyn Clock>,
        shared: &Arc<Shared>,
        shutdown: &Shutdown,
    ) -> Result<tokio::sync::oneshot::Receiver<()>, AgentError> {
        let (blocks, taken) = sync_channel(BLOCKS);
        let (input, len) = (self.input, settings.block);
        runtime::spawn_thread("stdin", move || pump(input, len, &blocks)).map_err(AgentError::Thread)?;
        let stream = &settings.streams[self.stream];
        let worker = Worker {
            framing: stream.framing(Format::Unknown),
            settings: settings.clone(),
            producer: producer.clone(),
            clock: clock.clone(),
            shared: shared.clone(),
            shutdown: shutdown.clone(),
            stream: self.stream,
            key: self.key,
            pending: Vec::new(),
            at: Mark::default(),
            acked: Mark::default(),
            held: None,
            ended: None,
            grown_at: Instant::now(),
            changed_at: clock.now(),
            flights: VecDeque::new(),
            in_flight: 0,
            resend_at: None,
            backoff: Backoff::new(Duration::from_millis(5), Duration::from_secs(2), self.key.source.0 as u64),
            detect_tries: 0,
            continuations: Vec::new(),
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        let work = move || {
            worker.run(&taken);
            // Nobody listens only where the agent has ended.
            let _ = tell.send(());
        };
        runtime::spawn_thread("stdin-cut", work).map_err(AgentError::Thread)?;
        Ok(told)
    }
}

/// Reads blocks until the input ends or nobody wants more. An error ends it too; the text says which.
fn pump(mut input: Box<dyn Read + Send>, len: usize, blocks: &SyncSender<Result<Vec<u8>, String>>) {
    let mut room = vec![0; len];
    loop {
        let read = match input.read(&mut room) {
            Ok(0) => return,
            Ok(n) => Ok(room[..n].to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error.to_string()),
        };
        let failed = read.is_err();
        if blocks.send(read).is_err() || failed {
            return;
        }
    }
}

/// Cuts and sends.
struct Worker {
    settings: Arc<Settings>,
    producer: Arc<dyn Producer>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    shutdown: Shutdown,
    stream: usize,
    key: SourceKey,
    framing: Framing,
    /// Bytes read and not sent; they follow `at`.
    pending: Vec<u8>,
    at: Mark,
    acked: Mark,
    held: Option<Held>,
    /// The input is over; with an error, if it failed.
    ended: Option<Option<String>>,
    grown_at: Instant,
    changed_at: Timestamp,
    flights: VecDeque<Flight>,
    in_flight: usize,
    resend_at: Option<Instant>,
    backoff: Backoff,
    detect_tries: u32,
    continuations: Vec<u32>,
}

impl Worker {
    fn run(mut self, blocks: &Receiver<Result<Vec<u8>, String>>) {
        self.note();
        let mut stop_at = None;
        loop {
            if self.shutdown.is_called() {
                // What was read is delivered, whether its last line is complete or not: nobody can read it again.
                let at = *stop_at.get_or_insert_with(|| Instant::now() + LAST_WAIT);
                self.ended.get_or_insert(None);
                if Instant::now() >= at {
                    return;
                }
            }
            self.take_acks();
            if self.ended.is_some() && self.pending.is_empty() && self.flights.is_empty() {
                return self.note();
            }
            let room = self.in_flight + self.settings.block <= self.settings.window && self.resend_at.is_none();
            if room && self.ended.is_none() && self.pending.len() < self.settings.longest {
                self.take_block(blocks);
            } else if self.in_flight > 0 || !room {
                std::thread::sleep(ACKS);
            }
            if room {
                self.cut();
            }
            self.note();
        }
    }

    fn take_block(&mut self, blocks: &Receiver<Result<Vec<u8>, String>>) {
        let wait = if self.in_flight > 0 { ACKS } else { Duration::from_millis(50) };
        match blocks.recv_timeout(wait) {
            Ok(Ok(block)) => {
                self.pending.extend_from_slice(&block);
                self.grown_at = Instant::now();
                self.changed_at = self.clock.now();
                self.held = None;
            }
            Ok(Err(reason)) => {
                self.shared.trouble(STDIN, format!("cannot be read any further: {reason}"), self.clock.now());
                self.ended = Some(Some(reason));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.ended = Some(self.ended.take().flatten()),
        }
    }

    /// Sends whatever of the pending bytes can be sent.
    fn cut(&mut self) {
        while !self.pending.is_empty() && self.in_flight + self.settings.block <= self.settings.window {
            let flush = self.flush();
            if self.held.is_some() && flush < Flush::Single {
                return;
            }
            self.recognise();
            let reach = if self.pending.len() >= self.settings.longest { Reach::Longest } else { Reach::End };
            let some = self.pending.len().min(self.settings.longest);
            let mut continuations = std::mem::take(&mut self.continuations);
            let plan = reader::plan(
                &self.pending[..some],
                self.framing,
                self.settings.limits,
                flush,
                reach,
                &mut continuations,
            );
            self.continuations = continuations;
            match plan {
                Plan::Send(range) => self.send(range),
                Plan::Hold(held) => {
                    self.held = Some(held);
                    return;
                }
                Plan::Longer => return,
            }
        }
    }

    /// What silence, or the end, has released.
    fn flush(&self) -> Flush {
        let (silence, waits) = (self.grown_at.elapsed(), self.settings.waits);
        let line_due = if self.ended.is_some() { Duration::ZERO } else { waits.partial };
        waits.released(silence, line_due)
    }

    fn recognise(&mut self) {
        let stream = &self.settings.streams[self.stream];
        if stream.parse != ParseChoice::Auto
            || self.framing.format != Format::Unknown
            || self.detect_tries >= DETECT_TRIES
        {
            return;
        }
        if let Some(end) = codec::cut_last_newline(&self.pending) {
            self.detect_tries += 1;
            self.framing = stream.framing(codec::detect(&self.pending[..end]));
        }
    }

    fn send(&mut self, range: Range) {
        let rest = self.pending.split_off(range.len);
        let raw = Bytes::from(std::mem::replace(&mut self.pending, rest));
        let witness = Witness::of(&raw);
        let (codec, payload, payload_crc) = codec::encode_payload(raw, self.settings.codec);
        let stream = &self.settings.streams[self.stream];
        let (start, end) = (self.at.end, self.at.end + range.len as u64);
        let line_start = self.at.open_line.unwrap_or(start);
        let mut flags = BatchFlags::default();
        if self.at.open_line.is_some() {
            flags = flags.with(BatchFlags::FIRST_CONTINUES);
        }
        if range.open {
            flags = flags.with(BatchFlags::LAST_IS_OPEN);
        }
        let header = BatchHeader {
            key: self.key,
            start,
            end,
            line_start,
            lines: range.lines,
            records: range.records,
            flags,
            codec,
            payload_len: payload.len() as u32,
            payload_crc,
            format: self.framing.format,
            utc_offset_secs: stream.utc_offset_secs.unwrap_or_else(|| jiff::Zoned::now().offset().seconds()),
            read_at: self.clock.now(),
            revision: stream.revision,
            stream: stream.name.clone(),
            host: self.settings.host.clone(),
            path: STDIN.into(),
            continuations: self.continuations.as_slice().into(),
        };
        self.count(&header);
        self.at = Mark { end, open_line: range.open.then_some(line_start) };
        self.held = None;
        let held = payload.len();
        self.in_flight += held;
        let batch = Batch { header: Arc::new(header), payload };
        let ack = Some(self.producer.append(batch.clone()));
        self.flights.push_back(Flight { batch, ack, noted: true, mark: self.at, witness, held });
    }

    fn count(&self, header: &BatchHeader) {
        let counters = &self.shared.counters;
        add(&counters.read_bytes, header.range_len());
        add(&counters.read_lines, u64::from(header.lines));
        add(&counters.read_records, u64::from(header.records));
        add(&counters.sent_batches, 1);
        add(&counters.sent_bytes, u64::from(header.payload_len));
    }

    fn take_acks(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        if let Some(at) = self.resend_at {
            if at <= Instant::now() && settle(&mut self.flights, &mut cx) {
                self.resend(1);
            }
            return;
        }
        let landing = land(&mut self.flights, &mut cx);
        self.in_flight -= landing.freed;
        if let Some((mark, _)) = landing.acked {
            self.acked = mark;
            self.backoff.reset();
        }
        if let Some(error) = &landing.refused {
            self.shared.trouble(STDIN, format!("the queue refuses a batch, tried again: {error}"), self.clock.now());
        } else if landing.acked.is_some() && self.ended.as_ref().is_none_or(Option::is_none) {
            self.shared.well(STDIN);
        }
        if landing.reread.is_some() {
            // What the queue lost cannot be read again: go on with what comes.
            self.shared.trouble(STDIN, "the queue has lost what it had of it".to_owned(), self.clock.now());
        }
        if let Some(wait) = landing.resend {
            let wait = if landing.refused.is_some() { self.backoff.next_wait() } else { wait };
            self.resend_at = Some(Instant::now() + wait);
        } else if self.flights.front().is_some_and(|first| first.ack.is_none()) {
            self.resend(usize::MAX);
        }
    }

    /// Sends what is in flight once more, in order: after a refusal only the first, and the rest once it has landed.
    fn resend(&mut self, at_most: usize) {
        self.resend_at = None;
        for flight in self.flights.iter_mut().take(at_most).filter(|flight| flight.ack.is_none()) {
            flight.ack = Some(self.producer.append(flight.batch.clone()));
            add(&self.shared.counters.resent_batches, 1);
        }
    }

    fn note(&self) {
        let read = self.at.end + self.pending.len() as u64;
        let over = self.ended.is_some() && self.pending.is_empty() && self.flights.is_empty();
        let state = match &self.ended {
            Some(Some(reason)) => FileState::Unreadable(reason.clone()),
            _ if over => FileState::Finished,
            Some(None) => FileState::Draining,
            None => FileState::Following,
        };
        let report = SourceReport {
            key: self.key,
            host: self.settings.host.clone(),
            stream: self.settings.streams[self.stream].name.clone(),
            path: STDIN.into(),
            size: read,
            read: self.at.end,
            queued: self.acked.end,
            missed: Vec::new(),
            state,
            changed_at: self.changed_at,
            file: model::FileFacts::default(),
        };
        self.shared.ledger.lock().put(Entry {
            report,
            open_line: self.acked.open_line,
            format: self.framing.format,
            gave_up: false,
            witness: None,
            prefix: Witness::default(),
            home: STDIN.into(),
            inode: 0,
            copy_of: None,
            sent: VecDeque::new(),
        });
    }
}
