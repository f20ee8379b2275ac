//! A batch in the making: neighbouring messages whose bytes stood side by side in one source.

use std::sync::Arc;

use base::Timestamp;
use memchr::memchr_iter;
use model::{Batch, BatchFlags, BatchHeader, Codec, Place, SourceKey};
use queue::Delivery;

use super::meta::RecordMeta;

/// Most bytes of a batch that is made of messages; one message may be more.
pub const RUN_MAX: usize = 1 << 20;
/// Room for a run to begin with: about what an agent reads at a time, so that most runs neither grow nor hold memory
/// that is cleared by the system for nothing.
const ROOM: usize = 272 << 10;

/// What the headers `stream`, `host` and `path` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Names<'a> {
    /// What is collected together.
    pub stream: &'a [u8],
    /// The machine that read it.
    pub host: &'a [u8],
    /// The file.
    pub path: &'a [u8],
}

/// A message with its identity.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Whose it is.
    pub key: SourceKey,
    /// Where its bytes stand in the source.
    pub start: u64,
    /// What else is known of it.
    pub meta: RecordMeta,
    /// As its headers say.
    pub names: Names<'a>,
    /// Without its newline.
    pub value: &'a [u8],
    /// Why it is a dead letter.
    pub reason: &'a [u8],
    /// Its number in the partition.
    pub offset: i64,
}

/// A batch in the making.
pub struct Run<'a> {
    key: SourceKey,
    start: u64,
    end: u64,
    line_start: u64,
    lines: u32,
    records: u32,
    meta: RecordMeta,
    names: Names<'a>,
    payload: Vec<u8>,
    continuations: Vec<u32>,
    last: i64,
    /// Nothing more may follow in the same batch.
    closed: bool,
    /// For messages that have all headers but the digits of the id in common with the last one: what stands before
    /// and behind those digits.
    pub frame: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Run<'a> {
    /// With its first record.
    pub fn new(record: &Record<'a>, room: usize) -> Self {
        let meta = record.meta;
        let mut this = Self {
            key: record.key,
            start: record.start,
            end: record.start,
            line_start: record.start.saturating_sub(meta.line_before),
            lines: 0,
            records: 0,
            meta,
            names: record.names,
            payload: Vec::with_capacity(room.min(ROOM)),
            continuations: Vec::new(),
            last: record.offset,
            closed: !meta.newline || meta.flags.has(BatchFlags::LAST_IS_OPEN),
            frame: None,
        };
        if meta.flags.has(BatchFlags::DEAD_LETTER) {
            this.letter(record);
        } else {
            this.push(record.value, meta.newline, record.offset);
        }
        this
    }

    fn letter(&mut self, record: &Record<'_>) {
        self.payload.extend_from_slice(record.reason);
        self.payload.push(b'\n');
        self.payload.extend_from_slice(record.value);
        if record.meta.newline {
            self.payload.push(b'\n');
        }
        self.end = self.start.saturating_add(record.meta.letter_len);
        (self.lines, self.records, self.closed) = (1, 1, true);
    }

    /// Whether a record that is like the one before it, and stands there, may follow.
    pub fn takes(&self, start: u64, len: usize) -> bool {
        !self.closed && start == self.end && self.payload.len() + len < RUN_MAX
    }

    /// Whether a record may follow.
    pub fn takes_record(&self, record: &Record<'_>) -> bool {
        let (first, next) = (&self.meta, &record.meta);
        self.takes(record.start, record.value.len())
            && record.key == self.key
            && next.flags == BatchFlags::default()
            && next.line_before == 0
            && (next.format, next.utc_offset_secs, next.revision)
                == (first.format, first.utc_offset_secs, first.revision)
            && next.read_at == first.read_at
            && record.names == self.names
    }

    /// Appends a record that may follow.
    #[inline]
    pub fn push(&mut self, value: &[u8], newline: bool, offset: i64) {
        let from = self.payload.len();
        self.payload.extend_from_slice(value);
        if newline {
            self.payload.push(b'\n');
        }
        let whole = self.payload.len() - from;
        for at in memchr_iter(b'\n', value) {
            if at + 1 < whole {
                self.continuations.push((from + at + 1) as u32);
                self.lines += 1;
            }
        }
        self.lines += 1;
        self.records += 1;
        self.end += whole as u64;
        self.last = offset;
        self.closed |= !newline;
    }

    /// The batch, at its place. `place` has the partition.
    pub fn finish(mut self, place: Place) -> Option<Delivery> {
        if self.end == self.start {
            return None;
        }
        if self.payload.len() < self.payload.capacity() / 2 {
            self.payload.shrink_to_fit();
        }
        let text = |bytes: &[u8]| -> Arc<str> { String::from_utf8_lossy(bytes).into() };
        let header = BatchHeader {
            key: self.key,
            start: self.start,
            end: self.end,
            line_start: self.line_start,
            lines: self.lines,
            records: self.records,
            flags: self.meta.flags,
            codec: Codec::None,
            payload_len: self.payload.len() as u32,
            payload_crc: crc32c::crc32c(&self.payload),
            format: self.meta.format,
            utc_offset_secs: self.meta.utc_offset_secs,
            read_at: self.meta.read_at,
            revision: self.meta.revision,
            stream: text(self.names.stream),
            host: text(self.names.host),
            path: text(self.names.path),
            continuations: self.continuations.into(),
        };
        let batch = Batch { header: Arc::new(header), payload: self.payload.into() };
        Some(Delivery { place: Place { offset: self.last as u64, ..place }, batch })
    }
}

/// Milliseconds, as brokers count, as a moment.
pub fn moment(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis.saturating_mul(1000))
}
