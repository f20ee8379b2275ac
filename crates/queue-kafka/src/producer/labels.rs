//! What a message carries besides its line, encoded once for all records of a batch.

use std::io::Write as _;

use model::{BatchFlags, BatchHeader};

use super::encode::{Part, put_varint, varint_len};
use crate::options::Framing;
use crate::record::meta::RecordMeta;
use crate::record::{BATCH, HOST, ID, META, PATH, REASON, STREAM, framed};

/// Key and headers of the messages of one part. Only the digits of the offset differ from record to record.
pub struct Labels {
    /// In milliseconds since 1970.
    pub time: i64,
    /// Length and bytes of the key.
    key: Vec<u8>,
    /// From the number of headers to the last byte before the offset's digits.
    head: Vec<u8>,
    /// Where in `head` the length of the id stands (always one byte), and how many bytes of it come before the digits.
    id: Option<(usize, usize)>,
    digits: Digits,
    /// From behind the digits up to the last header.
    middle: Vec<u8>,
    /// The last header of a record in the midst of a batch.
    common: Vec<u8>,
    /// The last header of this record, where it is another one.
    special: Option<Vec<u8>>,
}

/// A number in decimal.
struct Digits {
    text: [u8; 20],
    from: usize,
}

impl Digits {
    const NONE: Self = Self { text: [b'0'; 20], from: 20 };

    fn set(&mut self, mut value: u64) {
        self.from = self.text.len();
        loop {
            self.from -= 1;
            self.text[self.from] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.text[self.from..]
    }
}

impl Labels {
    /// Of a part.
    pub fn new(part: &Part) -> Self {
        let header = &*part.header;
        let mut key = Vec::new();
        match &part.key {
            Some(bytes) => put_bytes(&mut key, bytes),
            None => put_varint(&mut key, -1),
        }
        let mut this = Self {
            time: header.read_at.as_micros().div_euclid(1000),
            key,
            head: Vec::new(),
            id: None,
            digits: Digits::NONE,
            middle: Vec::new(),
            common: Vec::new(),
            special: None,
        };
        match part.framing {
            Framing::Record => this.of_records(part, header),
            Framing::Batch => {
                put_varint(&mut this.head, 1);
                put_header(&mut this.head, BATCH, &[framed::VERSION]);
            }
        }
        this
    }

    fn of_records(&mut self, part: &Part, header: &BatchHeader) {
        let reason = reason(part);
        put_varint(&mut self.head, if reason.is_some() { 6 } else { 5 });
        put_bytes(&mut self.head, ID.as_bytes());
        let len_at = self.head.len();
        self.head.push(0);
        let _ = write!(self.head, "{}.", header.key);
        self.id = Some((len_at, self.head.len() - len_at - 1));
        for (name, value) in [(HOST, &header.host), (PATH, &header.path), (STREAM, &header.stream)] {
            put_header(&mut self.middle, name, value.as_bytes());
        }
        if let Some(reason) = reason {
            put_header(&mut self.middle, REASON, reason);
        }
        self.common = meta_header(&RecordMeta::of(header));
    }

    /// Moves on to the record at `start..end` of the part's payload.
    pub fn at(&mut self, part: &Part, start: usize, end: usize, newline: bool) {
        let Some((len_at, before)) = self.id else { return };
        let header = &*part.header;
        let letter = header.flags.has(BatchFlags::DEAD_LETTER);
        self.digits.set(if letter { header.start } else { header.start + start as u64 });
        self.head[len_at] = ((before + self.digits.bytes().len()) << 1) as u8;
        if !letter && start != 0 && newline && (end as u64) < header.range_len() {
            self.special = None;
            return;
        }
        let meta = match letter {
            true => RecordMeta::letter(header, newline),
            false => RecordMeta::at(header, start as u64, end as u64, newline),
        };
        self.special = (!meta.is_common()).then(|| meta_header(&meta));
    }

    fn last(&self) -> &[u8] {
        self.special.as_deref().unwrap_or(&self.common)
    }

    /// How many bytes key and headers take.
    pub fn len(&self) -> usize {
        self.key.len() + self.head.len() + self.digits.bytes().len() + self.middle.len() + self.last().len()
    }

    /// Appends a message.
    pub fn put(&self, out: &mut Vec<u8>, time_delta: i64, offset_delta: u32, value: &[u8]) {
        let (digits, last) = (self.digits.bytes(), self.last());
        let len =
            1 + signed_len(time_delta) + varint_len(offset_delta as usize) + varint_len(value.len()) + value.len();
        let len = len + self.key.len() + self.head.len() + digits.len() + self.middle.len() + last.len();
        out.reserve(len + 10);
        put_varint(out, len as i64);
        out.push(0);
        put_varint(out, time_delta);
        put_varint(out, i64::from(offset_delta));
        out.extend_from_slice(&self.key);
        put_varint(out, value.len() as i64);
        out.extend_from_slice(value);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(digits);
        out.extend_from_slice(&self.middle);
        out.extend_from_slice(last);
    }
}

/// The first line of a dead letter.
fn reason(part: &Part) -> Option<&[u8]> {
    let letter = part.header.flags.has(BatchFlags::DEAD_LETTER);
    letter.then(|| part.payload.split(|byte| *byte == b'\n').next().unwrap_or_default())
}

fn signed_len(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (u64::BITS - (zigzag | 1).leading_zeros()).div_ceil(7) as usize
}

fn meta_header(meta: &RecordMeta) -> Vec<u8> {
    let (mut bytes, mut out) = (Vec::new(), Vec::new());
    meta.encode(&mut bytes);
    put_header(&mut out, META, &bytes);
    out
}

fn put_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    put_bytes(out, name.as_bytes());
    put_bytes(out, value);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}
