//! From the verbatim range of a batch to a record batch of Kafka (version 2), in one pass.
//!
//! Decision: what the headers of all records of a batch have in common is encoded once per batch; per record only the
//! lengths and the digits of the offset are. So a record costs a search for its newline and copies of a few pieces.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;
use model::{Batch, BatchFlags, BatchHeader};

use super::compress::compress;
use super::labels::Labels;
use crate::options::{Compression, Framing};
use crate::record::framed;

/// Bytes before the records.
pub const HEADER_LEN: usize = 61;
const CRC_AT: usize = 17;
const CRC_FROM: usize = 21;

/// Appends a number as Kafka's records have it: zigzag, seven bits a byte.
pub fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// How many bytes [`put_varint`] appends for a length or a count.
pub const fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - ((value << 1) | 1).leading_zeros();
    (bits as usize).div_ceil(7)
}

/// A stretch of a batch that is to be sent.
#[derive(Clone, Debug)]
pub struct Part {
    /// The batch's header.
    pub header: Arc<BatchHeader>,
    /// Its payload, as it stands in the file.
    pub payload: Bytes,
    /// Which bytes of the payload: whole records.
    pub range: Range<usize>,
    /// The key of its messages.
    pub key: Option<Bytes>,
    /// What one message is.
    pub framing: Framing,
}

/// Some records of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which part.
    pub part: usize,
    /// Their bytes in its payload.
    pub range: Range<usize>,
    /// How many messages they are.
    pub records: u32,
}

/// A record batch, without its producer, its sequence and its checksum: see [`seal`].
#[derive(Clone, Debug)]
pub struct Encoded {
    /// As it is sent.
    pub bytes: Vec<u8>,
    /// How many messages.
    pub records: u32,
    /// What it holds, in order.
    pub spans: Vec<Span>,
}

/// What became of some parts.
#[derive(Debug, Default)]
pub struct Output {
    /// The record batches, in order.
    pub batches: Vec<Encoded>,
    /// Records that no record batch can hold.
    pub too_large: Vec<Span>,
}

/// What to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How to compress.
    pub compression: Compression,
    /// Most bytes of a record batch, as it is sent.
    pub bytes: usize,
    /// Most bytes of records that are compressed together.
    pub plain_bytes: usize,
}

/// Encodes parts, in order. `scratch` is only there to be used again.
pub fn encode<'p>(parts: impl IntoIterator<Item = &'p Part>, limits: Limits, scratch: &mut Vec<u8>) -> Output {
    let parts: Vec<&Part> = parts.into_iter().collect();
    let mut encoder = Encoder::new(limits, scratch);
    for (n, part) in parts.iter().enumerate() {
        encoder.part(n, part);
    }
    encoder.flush();
    let mut output = encoder.output;
    if output.batches.iter().all(|batch| batch.bytes.len() <= limits.bytes) {
        return output;
    }
    // More was compressed together than fits now: again, in batches that fit even if nothing can be compressed.
    let small = Limits { plain_bytes: limits.bytes - HEADER_LEN, ..limits };
    for batch in std::mem::take(&mut output.batches) {
        if batch.bytes.len() <= limits.bytes {
            output.batches.push(batch);
            continue;
        }
        let again: Vec<Part> = batch.spans.iter().map(|span| parts[span.part].stretch(span.range.clone())).collect();
        let mut split = encode(&again, small, scratch);
        let spans = split.batches.iter_mut().flat_map(|batch| &mut batch.spans).chain(&mut split.too_large);
        spans.for_each(|span| span.part = batch.spans[span.part].part);
        output.batches.extend(split.batches);
        output.too_large.extend(split.too_large);
    }
    output
}

impl Part {
    /// Other bytes of the same batch.
    #[must_use]
    pub fn stretch(&self, range: Range<usize>) -> Self {
        Self { range, ..self.clone() }
    }

    /// The bytes of each of its messages.
    pub fn record_ranges(&self) -> Vec<Range<usize>> {
        match self.framing {
            Framing::Record => records(self).map(|record| record.start..record.end).collect(),
            Framing::Batch => vec![self.range.clone()],
        }
    }
}

struct Encoder<'a> {
    limits: Limits,
    /// Records that are not in a batch yet.
    plain: &'a mut Vec<u8>,
    count: u32,
    first_time: i64,
    last_time: i64,
    spans: Vec<Span>,
    output: Output,
}

impl<'a> Encoder<'a> {
    fn new(limits: Limits, plain: &'a mut Vec<u8>) -> Self {
        plain.clear();
        Self { limits, plain, count: 0, first_time: 0, last_time: 0, spans: Vec::new(), output: Output::default() }
    }

    fn part(&mut self, n: usize, part: &Part) {
        let mut labels = Labels::new(part);
        if part.framing == Framing::Batch {
            return self.whole(n, part, &labels);
        }
        let mut from = part.range.start;
        let mut count = 0;
        for record in records(part) {
            let value = &part.payload[record.value.clone()];
            labels.at(part, record.start, record.end, record.value.end < record.end);
            // An upper bound is enough to keep to, and quicker than the exact size.
            let most = value.len() + labels.len() + 40;
            if self.count > 0 && self.plain.len() + most > self.limits.plain_bytes {
                self.close(n, from..record.start, count);
                (from, count) = (record.start, 0);
                self.flush();
            }
            self.begin(labels.time);
            if HEADER_LEN + most > self.limits.bytes {
                self.close(n, from..record.start, count);
                count = 0;
                self.alone(&labels, value, Span { part: n, range: record.start..record.end, records: 1 });
                from = record.end;
                continue;
            }
            labels.put(self.plain, labels.time - self.first_time, self.count, value);
            self.count += 1;
            count += 1;
        }
        self.close(n, from..part.range.end, count);
    }

    /// A part as one message.
    fn whole(&mut self, n: usize, part: &Part, labels: &Labels) {
        let mut value = Vec::new();
        framed::encode_batch(&Batch { header: part.header.clone(), payload: part.payload.clone() }, &mut value);
        let most = value.len() + labels.len() + 40;
        if self.count > 0 && self.plain.len() + most > self.limits.plain_bytes {
            self.flush();
        }
        self.begin(labels.time);
        let span = Span { part: n, range: part.range.clone(), records: 1 };
        if HEADER_LEN + most > self.limits.bytes {
            return self.alone(labels, &value, span);
        }
        labels.put(self.plain, labels.time - self.first_time, self.count, &value);
        self.count += 1;
        self.spans.push(span);
    }

    /// Notes the time of the next record.
    fn begin(&mut self, time: i64) {
        if self.count == 0 {
            (self.first_time, self.last_time) = (time, time);
        }
        self.last_time = self.last_time.max(time);
    }

    /// Notes what of a part was written since it was noted last.
    fn close(&mut self, part: usize, range: Range<usize>, records: u32) {
        if records > 0 {
            self.spans.push(Span { part, range, records });
        }
    }

    /// A record that only fits, if at all, compressed and in a batch of its own. There is none open.
    fn alone(&mut self, labels: &Labels, value: &[u8], span: Span) {
        if self.count > 0 {
            self.flush();
            self.begin(labels.time);
        }
        labels.put(self.plain, 0, 0, value);
        self.count = 1;
        self.spans.push(span.clone());
        self.flush();
        if self.output.batches.last().is_some_and(|batch| batch.bytes.len() > self.limits.bytes) {
            self.output.batches.pop();
            self.output.too_large.push(span);
        }
    }

    fn flush(&mut self) {
        if self.count == 0 {
            return;
        }
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.plain.len() / 2);
        bytes.resize(HEADER_LEN, 0);
        let compressed = compress(self.limits.compression, self.plain, &mut bytes);
        if !compressed {
            bytes.extend_from_slice(self.plain);
        }
        bytes.shrink_to(bytes.len() + bytes.len() / 8);
        let code = if compressed { self.limits.compression.code() } else { 0 };
        put_header(&mut bytes, code, self.count, self.first_time, self.last_time);
        let spans = std::mem::take(&mut self.spans);
        self.output.batches.push(Encoded { bytes, records: self.count, spans });
        self.plain.clear();
        self.count = 0;
    }
}

fn put_header(bytes: &mut [u8], attributes: u8, records: u32, first_time: i64, last_time: i64) {
    let len = (bytes.len() - 12) as i32;
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(8, &len.to_be_bytes());
    put(12, &(-1i32).to_be_bytes()); // leader epoch: the broker's
    put(16, &[2]); // magic
    put(22, &[attributes]);
    put(23, &(records as i32 - 1).to_be_bytes());
    put(27, &first_time.to_be_bytes());
    put(35, &last_time.to_be_bytes());
    put(57, &(records as i32).to_be_bytes());
}

/// Who produces and which number a record batch has; -1 where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The producer's id.
    pub id: i64,
    /// The producer's epoch.
    pub epoch: i16,
    /// The number of the first record.
    pub sequence: i32,
}

impl Seal {
    /// Without idempotence.
    pub const NONE: Self = Self { id: -1, epoch: -1, sequence: -1 };
}

/// Completes a record batch. May be called again with another seal.
pub fn seal(bytes: &mut [u8], seal: Seal) {
    bytes[43..51].copy_from_slice(&seal.id.to_be_bytes());
    bytes[51..53].copy_from_slice(&seal.epoch.to_be_bytes());
    bytes[53..57].copy_from_slice(&seal.sequence.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[CRC_FROM..]);
    bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
}

/// Where a record stands in a payload.
struct Stands {
    start: usize,
    /// Behind its newline, if it has one.
    end: usize,
    /// Without its last newline.
    value: Range<usize>,
}

/// The records of a part.
fn records(part: &Part) -> impl Iterator<Item = Stands> + '_ {
    let bytes = &part.payload[..part.range.end];
    let mut at = part.range.start;
    let letter = part.header.flags.has(BatchFlags::DEAD_LETTER);
    let mut joined = part.header.continuations.iter().map(|at| *at as usize).skip_while(move |n| *n <= at).peekable();
    std::iter::from_fn(move || {
        if at >= bytes.len() {
            return None;
        }
        let start = at;
        if letter {
            at = bytes.len();
            let from = memchr(b'\n', bytes).map_or(at, |newline| newline + 1);
            let newline = usize::from(from < at && bytes.last() == Some(&b'\n'));
            return Some(Stands { start, end: at, value: from..at - newline });
        }
        loop {
            let Some(newline) = memchr(b'\n', &bytes[at..]) else {
                at = bytes.len();
                return Some(Stands { start, end: at, value: start..at });
            };
            at += newline + 1;
            if joined.next_if_eq(&at).is_none() {
                return Some(Stands { start, end: at, value: start..at - 1 });
            }
        }
    })
}
