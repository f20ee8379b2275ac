//! Opening a partition: the newest snapshot of the high-waters, then the entries of the last segment up to the first
//! byte that is not as it was written. No other segment is read.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use base::Timestamp;
use model::{BatchHeader, QueueId};
use queue::QueueError;
use queue::driver::{HighWaters, after};

use crate::disk::io_error;
use crate::frame::{FRAME, Frame};
use crate::marks;
use crate::segment::{HEAD, Segment, SegmentId, is_recycled};

/// Offsets left out where the log lost entries that a group had read: nobody's cursor is that far.
const LEFT_OUT: u64 = 1 << 20;

/// A partition as it was found.
pub struct Found {
    /// Its segments, oldest first.
    pub segments: VecDeque<Segment>,
    /// How far each source is held.
    pub marks: HighWaters,
    /// Files to write again.
    pub recycled: Vec<PathBuf>,
    /// Where to go on in the last segment; `None`: begin a new one.
    pub tail: Option<Tail>,
    /// The segment to begin where there is no tail.
    pub next: SegmentId,
}

/// Where to go on writing in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Behind its last entry, in bytes.
    pub at: u64,
    /// The next offset.
    pub end: u64,
    /// Checksum of its last entry (0 where it has none).
    pub crc: u32,
}

/// Looks at a folder. `least_end`: the furthest cursor of any group, which the log must reach.
pub fn recover(folder: &Path, queue: QueueId, least_end: u64) -> Result<Found, QueueError> {
    let (mut ids, recycled) = list(folder)?;
    ids.sort_by_key(|(id, _)| id.number);
    let Some((last, _)) = ids.last().cloned() else {
        let next = if least_end == 0 { SegmentId::FIRST } else { left_out(SegmentId::FIRST, 0, least_end) };
        let (segments, marks) = (VecDeque::new(), HighWaters::default());
        return Ok(Found { segments, marks, recycled, tail: None, next });
    };
    let (from, mut marks) = newest_marks(folder, &ids)?;
    let mut segments = VecDeque::new();
    for (n, (id, path)) in ids.iter().enumerate() {
        let meta = fs::metadata(path).map_err(|e| io_error("look at", path, &e))?;
        let changed = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let changed = Timestamp::from_micros(changed.map_or(0, |d| d.as_micros() as i64));
        let end = ids.get(n + 1).map_or(id.base, |(next, _)| next.previous_end);
        segments.push_back(Segment::sealed(*id, path.clone(), end, meta.len(), changed));
    }
    let mut tail = None;
    for (n, segment) in segments.iter().enumerate().skip(from) {
        let bound = if n + 1 < segments.len() { segment.end() } else { u64::MAX };
        tail = scan(segment, queue, bound, &mut marks)?;
        if n + 1 < segments.len() && tail.is_none_or(|t| t.end < bound) {
            tracing::error!(file = %segment.path.display(), "a segment is damaged: high-waters may be too low");
        }
    }
    let segment = &segments[segments.len() - 1];
    if let Some(tail) = tail {
        // What a killed process wrote and did not sync is taken for appended from now on: so it must be durable.
        let file = segment.file().map_err(|e| io_error("open", &segment.path, &e))?;
        file.sync_data().map_err(|e| io_error("sync", &segment.path, &e))?;
        segment.grow(tail.at, tail.end, segment.changed_at());
    }
    let end = segment.end();
    let mut next = last.next(end);
    if end < least_end {
        tracing::error!(
            folder = %folder.display(), end, read = least_end,
            "the queue lost entries at its end that had been read; offsets are left out",
        );
        (tail, next) = (None, left_out(last, end, least_end));
    }
    Ok(Found { segments, marks, recycled, tail, next })
}

const fn left_out(last: SegmentId, end: u64, least_end: u64) -> SegmentId {
    SegmentId { number: last.number + 1, previous_end: end, base: least_end + LEFT_OUT }
}

type Files = (Vec<(SegmentId, PathBuf)>, Vec<PathBuf>);

fn list(folder: &Path) -> Result<Files, QueueError> {
    let (mut segments, mut recycled) = (Vec::new(), Vec::new());
    let failed = |e: std::io::Error| io_error("list", folder, &e);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if let Some(id) = SegmentId::from_file_name(name) {
            segments.push((id, path));
        } else if is_recycled(&path) {
            recycled.push(path);
        } else if path.extension().is_some_and(|e| e == "tmp") {
            // Half-written when the process ended; nothing refers to it.
            let _ = fs::remove_file(&path);
        }
    }
    Ok((segments, recycled))
}

/// The newest snapshot that is whole, and the index of the segment from whose start it is.
fn newest_marks(folder: &Path, ids: &[(SegmentId, PathBuf)]) -> Result<(usize, HighWaters), QueueError> {
    for (n, (id, _)) in ids.iter().enumerate().rev() {
        if let Some(marks) = marks::read(folder, id.number)? {
            return Ok((n, marks));
        }
    }
    if ids.first().is_some_and(|(id, _)| id.number > SegmentId::FIRST.number) {
        tracing::error!(folder = %folder.display(), "no snapshot of the high-waters is whole: sources may come again");
    }
    Ok((0, HighWaters::default()))
}

/// Walks over the entries of a segment up to offset `bound`, notes what they say of their sources, and answers where
/// they end. `None` where not even the segment's head is right.
fn scan(segment: &Segment, queue: QueueId, bound: u64, marks: &mut HighWaters) -> Result<Option<Tail>, QueueError> {
    let path = &segment.path;
    let file = File::open(path).map_err(|e| io_error("open", path, &e))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut head = [0; HEAD as usize];
    let whole = reader.read_exact(&mut head).is_ok();
    let format = |source| QueueError::Format { path: path.display().to_string(), source };
    if !whole || !segment.id.check_head(queue, &head).map_err(format)? {
        tracing::warn!(file = %path.display(), "the head of the last segment is not whole: taken as empty");
        return Ok(None);
    }
    reader.seek(SeekFrom::Start(HEAD)).map_err(|e| io_error("read", path, &e))?;
    let mut tail = Tail { at: HEAD, end: segment.id.base, crc: 0 };
    let mut buffer = Vec::new();
    while tail.end < bound {
        let left = segment.size().saturating_sub(tail.at);
        let Some((frame, header)) = next_entry(&mut reader, &mut buffer, left)? else { break };
        if frame.segment != segment.id.number || frame.offset != tail.end || frame.previous_crc != tail.crc {
            break;
        }
        marks.note(header.key, after(&header), frame.appended_at);
        segment.remember(tail.end, tail.at);
        tail = Tail { at: tail.at + frame.len() as u64, end: tail.end + 1, crc: frame.crc };
    }
    Ok(Some(tail))
}

/// The next entry if it is whole. The error is for a header of a newer version only, which must not be cut off.
fn next_entry(
    reader: &mut BufReader<File>,
    buffer: &mut Vec<u8>,
    left: u64,
) -> Result<Option<(Frame, BatchHeader)>, QueueError> {
    buffer.resize(FRAME, 0);
    if reader.read_exact(buffer).is_err() {
        return Ok(None);
    }
    let Some(frame) = Frame::parse(buffer) else { return Ok(None) };
    if frame.len() as u64 > left {
        return Ok(None);
    }
    buffer.resize(frame.len(), 0);
    if reader.read_exact(&mut buffer[FRAME..]).is_err() || !frame.fits(buffer) {
        return Ok(None);
    }
    let (header, payload) = buffer[FRAME..].split_at(frame.header_len);
    let header = match BatchHeader::decode(header) {
        Ok(header) => header,
        Err(source @ model::WireError::Version { .. }) => {
            return Err(QueueError::Format { path: "the last segment".to_owned(), source });
        }
        Err(_) => return Ok(None),
    };
    Ok((crc32c::crc32c(payload) == header.payload_crc).then_some((frame, header)))
}
