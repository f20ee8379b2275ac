//! Records that Kafka will never take, as dead letters: they go to a topic of their own with the reason.

use std::ops::Range;
use std::sync::Arc;

use model::{Batch, BatchFlags, BatchHeader, Codec};

use super::encode::Part;

/// The records of a stretch as dead letters; in several where one would be longer than `most` bytes.
pub fn letters(part: &Part, range: Range<usize>, reason: &str, most: usize) -> Vec<Batch> {
    let header = &*part.header;
    let letter = header.flags.has(BatchFlags::DEAD_LETTER);
    // A letter that is too long itself: its payload begins with the reason it already has.
    let from = if letter { part.payload.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) } else { 0 };
    let bytes = if letter { &part.payload[from..] } else { &part.payload[range.clone()] };
    let first = if letter { header.start } else { header.start + range.start as u64 };
    let count = bytes.len().div_ceil(most.max(1)).max(1);
    let chunks = bytes.chunks(most.max(1)).enumerate();
    chunks
        .map(|(n, chunk)| {
            let part_of = if count > 1 { format!(" (part {} of {count})", n + 1) } else { String::new() };
            let reason = format!("{}{part_of}", reason.replace('\n', " "));
            one(header, first + (n * most) as u64, chunk, &reason)
        })
        .collect()
}

fn one(header: &BatchHeader, start: u64, bytes: &[u8], reason: &str) -> Batch {
    let mut payload = Vec::with_capacity(reason.len() + 1 + bytes.len());
    payload.extend_from_slice(reason.as_bytes());
    payload.push(b'\n');
    payload.extend_from_slice(bytes);
    let header = BatchHeader {
        start,
        end: start + bytes.len() as u64,
        line_start: header.line_start.min(start),
        lines: 1,
        records: 1,
        flags: BatchFlags::AFTER_MISSED.with(BatchFlags::DEAD_LETTER),
        codec: Codec::None,
        payload_len: payload.len() as u32,
        payload_crc: crc32c::crc32c(&payload),
        continuations: Arc::new([]),
        ..header.clone()
    };
    Batch { header: Arc::new(header), payload: payload.into() }
}
