//! Reading entries from segment files: one read for all that is asked, its batches are slices of that one buffer.
//!
//! The read is done where poll is called. What was appended a moment ago is in the page cache; a consumer far behind
//! waits for the disk here, bounded by what it asks for at once.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::{Batch, BatchHeader, Place};
use queue::{Delivery, QueueError};
use rustix::buffer::spare_capacity;

use crate::disk::io_error;
use crate::frame::{FRAME, Frame};
use crate::partition::Partition;
use crate::segment::Segment;

/// Read at once, in bytes, at least and at most (more only for one long entry).
const LEAST: usize = 4 << 10;
const MOST: usize = 8 << 20;

/// Where the next entry stands, if the next fetch goes on where the last one ended.
#[derive(Default)]
pub struct Hint {
    segment: u64,
    offset: u64,
    at: u64,
}

impl Partition {
    /// See [`queue::driver::Log::fetch`].
    pub fn fetch(
        &self,
        mut from: u64,
        max_bytes: usize,
        hint: &mut Hint,
        out: &mut Vec<Delivery>,
    ) -> Result<u64, QueueError> {
        let (first, end) = self.range();
        if from < first || from > end {
            return Err(QueueError::OutOfRange { partition: self.number, asked: from, first, end });
        }
        let before = out.len();
        while from < end && out.len() == before {
            let Some((segment, next_base)) = self.segment_of(from) else { break };
            if from >= segment.end() {
                // The end of a segment, or offsets that were left out.
                from = next_base;
                continue;
            }
            from = self.fetch_from(&segment, from, max_bytes, hint, out)?;
        }
        Ok(from)
    }

    /// The segment that holds an offset or is the last before it, and where the one after that begins.
    fn segment_of(&self, offset: u64) -> Option<(Arc<Segment>, u64)> {
        let segments = self.segments.read();
        let behind = segments.partition_point(|s| s.id.base <= offset);
        let segment = segments.get(behind.checked_sub(1)?)?;
        Some((Arc::clone(segment), segments.get(behind).map_or(u64::MAX, |s| s.id.base)))
    }

    fn fetch_from(
        &self,
        segment: &Segment,
        mut from: u64,
        max_bytes: usize,
        hint: &mut Hint,
        out: &mut Vec<Delivery>,
    ) -> Result<u64, QueueError> {
        // In this order: whoever sees the offset sees the bytes.
        let (end, len) = (segment.end(), segment.len());
        let file = segment.file().map_err(|e| io_error("open", &segment.path, &e))?;
        let mut at = if (hint.segment, hint.offset) == (segment.id.number, from) {
            hint.at
        } else {
            seek(segment, file, from, len)?
        };
        let mut room = max_bytes;
        let mut chunk = read(file, &segment.path, at, max_bytes.clamp(LEAST, MOST) + 2 * FRAME, len)?;
        let mut used = 0;
        let before = out.len();
        while from < end {
            let first = out.len() == before;
            let wrong = |what: &str| damaged(&segment.path, at, what);
            let Some(frame) = Frame::parse(&chunk[used..]) else {
                if !first {
                    break;
                }
                return Err(wrong("no entry begins here"));
            };
            if !first && frame.payload_len > room {
                break;
            }
            if used + frame.len() > chunk.len() {
                if !first {
                    break;
                }
                (chunk, used) = (read(file, &segment.path, at, frame.len(), len)?, 0);
                if frame.len() > chunk.len() {
                    return Err(wrong("the entry is longer than its file"));
                }
            }
            let batch = entry(&chunk, used, &frame, segment, from, at)?;
            out.push(Delivery { place: Place { partition: self.number, offset: from }, batch });
            room = room.saturating_sub(frame.payload_len);
            (from, at, used) = (from + 1, at + frame.len() as u64, used + frame.len());
        }
        *hint = Hint { segment: segment.id.number, offset: from, at };
        Ok(from)
    }
}

fn damaged(path: &Path, at: u64, reason: &str) -> QueueError {
    QueueError::Corrupt { path: path.display().to_string(), at, reason: reason.to_owned() }
}

/// Up to `want` bytes from a place, not beyond `len`.
pub(crate) fn read(file: &File, path: &Path, at: u64, want: usize, len: u64) -> Result<Bytes, QueueError> {
    let want = want.min(usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX));
    let mut bytes = Vec::with_capacity(want);
    while bytes.len() < want {
        let from = at + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), from) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io_error("read", path, &error.into())),
        }
    }
    bytes.truncate(want);
    Ok(Bytes::from(bytes))
}

/// The batch of an entry, if every byte of it is as it was written.
fn entry(
    chunk: &Bytes,
    used: usize,
    frame: &Frame,
    segment: &Segment,
    offset: u64,
    at: u64,
) -> Result<Batch, QueueError> {
    let wrong = |what: &str| damaged(&segment.path, at, what);
    let bytes = chunk.slice(used..used + frame.len());
    if frame.segment != segment.id.number || frame.offset != offset || !frame.fits(&bytes) {
        return Err(wrong("the entry is another one or its header has changed"));
    }
    let header = BatchHeader::decode(&bytes[FRAME..FRAME + frame.header_len])
        .map_err(|source| QueueError::Format { path: segment.path.display().to_string(), source })?;
    let payload = bytes.slice(FRAME + frame.header_len..);
    if crc32c::crc32c(&payload) != header.payload_crc {
        return Err(wrong("the payload has changed"));
    }
    Ok(Batch { header: Arc::new(header), payload })
}

/// Walks over entries to the one at an offset, and remembers places on the way.
fn seek(segment: &Segment, file: &File, offset: u64, len: u64) -> Result<u64, QueueError> {
    let (mut here, mut at) = segment.near(offset);
    while here < offset {
        segment.remember(here, at);
        let bytes = read(file, &segment.path, at, FRAME, len)?;
        let frame = Frame::parse(&bytes).filter(|f| f.segment == segment.id.number && f.offset == here);
        let Some(frame) = frame else { return Err(damaged(&segment.path, at, "no entry begins here")) };
        (here, at) = (here + 1, at + frame.len() as u64);
    }
    Ok(at)
}
