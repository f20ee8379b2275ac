//! Records that a store will never take, kept in a topic of their own with the reason.
//!
//! A dead letter is a batch of one record: the header names the record's own range, so the account stays exact; the
//! payload is the reason, a newline, and the record's bytes.

use std::sync::Arc;

use base::Intervals;
use bytes::Bytes;
use model::{Batch, BatchFlags, BatchHeader, Codec, ParsedBatch};
use queue::{Outcome, Producer, QueueError};
use tracing::{error, warn};

use crate::TransferError;
use crate::problems::Patience;

/// So much is kept of a line that is too long for the dead letters too.
const KEPT_BYTES: usize = 64 << 10;

/// How the reason of a whole batch begins: its bytes are not what was sent.
pub const UNREADABLE: &str = "unreadable batch: ";

const NOT_KEPT: &str = "cannot keep dead letters";
const NO_ROOM: &str = "waits with dead letters";

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
    let mut header = batch.header.clone();
    let key = model::letter_source(header.key, &reason);
    if key != header.key {
        Arc::make_mut(&mut header).key = key;
    }
    DeadLetter { header, reason, bytes }
}

/// One record of a parsed batch as a dead letter.
pub fn of_record(batch: &ParsedBatch, record: usize, reason: &str) -> Batch {
    let record = &batch.records[record];
    let start = batch.header.start + u64::from(record.start);
    let from = record.start as usize;
    letter(&batch.header, start, &batch.payload[from..from + record.size as usize], reason)
}

/// A piece of a batch's payload, from byte `start` of it on, as a dead letter.
pub fn of_range(header: &BatchHeader, start: usize, bytes: &[u8], reason: &str) -> Batch {
    letter(header, header.start + start as u64, bytes, reason)
}

/// A whole batch, whose payload cannot be read, as a dead letter.
pub fn of_batch(batch: &Batch, reason: &str) -> Batch {
    let reason = format!("{UNREADABLE}{reason}");
    let mut letter = letter(&batch.header, batch.header.start, &batch.payload, &reason);
    let header = Arc::make_mut(&mut letter.header);
    header.end = batch.header.end;
    letter
}

fn letter(header: &BatchHeader, start: u64, bytes: &[u8], reason: &str) -> Batch {
    let header = BatchHeader {
        start,
        end: start + bytes.len() as u64,
        line_start: start,
        lines: 1,
        records: 1,
        flags: BatchFlags::AFTER_MISSED.with(BatchFlags::DEAD_LETTER),
        codec: Codec::None,
        continuations: Arc::new([]),
        ..header.clone()
    };
    with_payload(Arc::new(header), reason, bytes)
}

/// Where the dead letters of one pipeline go.
pub struct Cemetery {
    pub letters: Arc<dyn Producer>,
    /// The store that refuses, where it is not the first.
    pub of: Option<String>,
    pub patience: Patience,
}

impl Cemetery {
    /// Puts a dead letter into its topic and waits until it is durable. Answers its range; `None`: told to stop before.
    pub async fn bury(&self, letter: Batch) -> Result<Option<Intervals>, TransferError> {
        let range = [(letter.header.start, letter.header.end)].into_iter().collect();
        let letter = self.addressed(letter);
        let buried = match self.append(&letter).await {
            Err(error @ QueueError::Invalid(_)) if letter.payload.len() > KEPT_BYTES => {
                warn!(error = %error, "a dead letter is too long for the queue, its beginning is kept");
                self.append(&shortened(&letter)).await
            }
            buried => buried,
        };
        match buried {
            Ok(buried) => Ok(buried.then_some(range)),
            Err(error @ QueueError::Invalid(_)) => {
                error!(error = %error, path = &*letter.header.path, "a dead letter cannot be kept, its line is only in its file");
                Ok(Some(range))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// `false`: told to stop before there was room.
    async fn append(&self, letter: &Batch) -> Result<bool, QueueError> {
        let Patience { who, problems, shutdown } = &self.patience;
        loop {
            let appended = self.patience.wait(NOT_KEPT, || self.letters.append(letter.clone())).await?;
            match appended {
                None => return Ok(false),
                Some(Outcome::Appended(_) | Outcome::Duplicate(_) | Outcome::Gap { .. }) => {
                    problems.clear(who, NO_ROOM);
                    return Ok(true);
                }
                Some(Outcome::BackPressure { retry_after }) => {
                    problems.note(who, NO_ROOM, "the queue has no room for them; drop or retry some (/api/v1/dead-letters), or raise queue.retention_bytes");
                    if !shutdown.sleep(retry_after).await {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn addressed(&self, mut letter: Batch) -> Batch {
        let DeadLetter { reason, bytes, .. } = read_dead_letter(&letter);
        let (key, reason) = model::letter_of_store(letter.header.key, self.of.as_deref(), &reason);
        Arc::make_mut(&mut letter.header).key = key;
        with_payload(letter.header, &reason, &bytes)
    }
}

fn shortened(letter: &Batch) -> Batch {
    let DeadLetter { reason, bytes, .. } = read_dead_letter(letter);
    let reason = format!("{reason} (of its {} bytes, the first {KEPT_BYTES} are here)", bytes.len());
    with_payload(letter.header.clone(), &reason, &bytes[..bytes.len().min(KEPT_BYTES)])
}

fn with_payload(mut header: Arc<BatchHeader>, reason: &str, bytes: &[u8]) -> Batch {
    let mut payload = reason.replace('\n', " ").into_bytes();
    payload.push(b'\n');
    payload.extend_from_slice(bytes);
    let changed = Arc::make_mut(&mut header);
    changed.payload_len = payload.len() as u32;
    changed.payload_crc = crc32c::crc32c(&payload);
    Batch { header, payload: payload.into() }
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
        assert_eq!(read.reason, "unreadable batch: mapping conflict");
        assert_eq!(read.bytes, batch.payload);
    }
}
