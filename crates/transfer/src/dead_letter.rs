//! Records that a store will never take, kept in a topic of their own with the reason.
//!
//! A dead letter is a batch of one record: the header names the record's own range, so the account stays exact; the
//! payload is the reason, a newline, and the record's bytes.

use std::sync::Arc;

use base::Intervals;
use bytes::Bytes;
use model::{Batch, BatchFlags, BatchHeader, Codec, ParsedBatch};
use queue::{Outcome, Producer};
use runtime::Shutdown;

use crate::TransferError;

/// A dead letter, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose range it is.
    pub header: Arc<BatchHeader>,
    /// Why it is here.
    pub reason: String,
    /// The bytes of its range.
    pub bytes: Bytes,
}

/// Reads a batch of the dead-letter topic.
pub fn read_dead_letter(batch: &Batch) -> DeadLetter {
    let end = batch.payload.iter().position(|byte| *byte == b'\n').unwrap_or(batch.payload.len());
    let reason = String::from_utf8_lossy(&batch.payload[..end]).into_owned();
    let bytes = batch.payload.slice((end + 1).min(batch.payload.len())..);
    DeadLetter { header: batch.header.clone(), reason, bytes }
}

/// One record of a parsed batch as a dead letter.
pub fn of_record(batch: &ParsedBatch, record: usize, reason: &str) -> Batch {
    let record = &batch.records[record];
    let start = batch.header.start + u64::from(record.start);
    let from = record.start as usize;
    letter(&batch.header, start, &batch.payload[from..from + record.size as usize], reason)
}

/// A whole batch, whose payload cannot be read, as a dead letter.
pub fn of_batch(batch: &Batch, reason: &str) -> Batch {
    let mut letter = letter(&batch.header, batch.header.start, &batch.payload, reason);
    let header = Arc::make_mut(&mut letter.header);
    header.end = batch.header.end;
    letter
}

fn letter(header: &BatchHeader, start: u64, bytes: &[u8], reason: &str) -> Batch {
    let mut payload = reason.replace('\n', " ").into_bytes();
    payload.push(b'\n');
    payload.extend_from_slice(bytes);
    let header = BatchHeader {
        start,
        end: start + bytes.len() as u64,
        line_start: start,
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

/// Puts dead letters into their topic and waits until they are durable. Returns their ranges.
pub async fn bury(letters: Vec<Batch>, into: &dyn Producer, shutdown: &Shutdown) -> Result<Intervals, TransferError> {
    let mut ranges = Intervals::new();
    for letter in letters {
        ranges.insert(letter.header.start, letter.header.end);
        loop {
            match into.append(letter.clone()).await? {
                Outcome::Appended(_) | Outcome::Duplicate(_) | Outcome::Gap { .. } => break,
                Outcome::BackPressure { retry_after } => {
                    if !shutdown.sleep(retry_after).await {
                        return Err(TransferError::Stage("dead letter"));
                    }
                }
            }
        }
    }
    Ok(ranges)
}

#[cfg(test)]
pub(crate) mod tests {
    use base::Timestamp;
    use model::{Format, Generation, Revision, SourceId, SourceKey};

    use super::*;

    pub fn header(start: u64, len: u64) -> BatchHeader {
        BatchHeader {
            key: SourceKey::new(SourceId(1), Generation(0)),
            start,
            end: start + len,
            line_start: start,
            lines: 1,
            records: 1,
            flags: BatchFlags::default(),
            codec: Codec::None,
            payload_len: len as u32,
            payload_crc: 0,
            format: Format::Unknown,
            utc_offset_secs: 0,
            read_at: Timestamp::from_micros(0),
            revision: Revision(0),
            stream: "s".into(),
            host: "h".into(),
            path: "p".into(),
            continuations: Arc::new([]),
        }
    }

    #[test]
    fn a_letter_keeps_range_bytes_and_reason() {
        let batch = Batch { header: Arc::new(header(100, 6)), payload: Bytes::from_static(b"a\nb\x00c\n") };
        let read = read_dead_letter(&of_batch(&batch, "mapping\nconflict"));
        assert_eq!((read.header.start, read.header.end), (100, 106));
        assert_eq!(read.reason, "mapping conflict");
        assert_eq!(read.bytes, batch.payload);
    }
}
