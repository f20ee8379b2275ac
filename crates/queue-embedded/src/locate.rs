//! Finding the batch that holds a byte of a source.
//!
//! Decision: by walking over the frames of the source's partition, the newest segment first. Nobody asks often, so
//! there is no index to keep, and the walk has an end: what is not found within it is called unknown.

use std::sync::Arc;

use model::{BatchHeader, Place, SourceKey};
use queue::{Here, Located, QueueError};

use crate::disk::io_error;
use crate::frame::{FRAME, Frame};
use crate::partition::Partition;
use crate::reader::read;
use crate::segment::{HEAD, Segment};

/// Frames looked at, at most.
const FRAMES_MAX: usize = 500_000;
/// Read at once: a frame and most headers.
const CHUNK: usize = 4 << 10;

impl Partition {
    /// The batch that holds a byte of a source.
    ///
    /// # Errors
    /// Where a segment cannot be read.
    pub fn locate(&self, key: SourceKey, offset: u64) -> Result<Located, QueueError> {
        let segments: Vec<Arc<Segment>> = self.segments.read().iter().rev().cloned().collect();
        let mut left = FRAMES_MAX;
        for segment in segments {
            if let Some((frame, header)) = find(&segment, key, offset, &mut left)? {
                let place = Place { partition: self.number, offset: frame.offset };
                let segment = segment.path.file_name().map(|name| name.to_string_lossy().into_owned());
                return Ok(Located::Here(Box::new(Here {
                    place,
                    header: Arc::new(header),
                    at: Some(frame.appended_at),
                    segment,
                })));
            }
            if left == 0 {
                return Ok(Located::Unknown);
            }
        }
        Ok(Located::NotHeld)
    }
}

fn find(
    segment: &Segment,
    key: SourceKey,
    offset: u64,
    left: &mut usize,
) -> Result<Option<(Frame, BatchHeader)>, QueueError> {
    // In this order: whoever sees the offset sees the bytes.
    let (end, len) = (segment.end(), segment.len());
    let (mut number, mut at) = (segment.id.base, HEAD);
    if number == end {
        return Ok(None);
    }
    let file = segment.file().map_err(|e| io_error("open", &segment.path, &e))?;
    while number < end && *left > 0 {
        *left -= 1;
        let mut bytes = read(file, &segment.path, at, CHUNK, len)?;
        let Some(frame) = Frame::parse(&bytes).filter(|f| f.segment == segment.id.number && f.offset == number) else {
            // Offsets were left out here after damage; whoever reads is told of it.
            return Ok(None);
        };
        if FRAME + frame.header_len > bytes.len() {
            bytes = read(file, &segment.path, at, FRAME + frame.header_len, len)?;
        }
        let header = bytes.get(FRAME..FRAME + frame.header_len).and_then(|bytes| BatchHeader::decode(bytes).ok());
        if let Some(header) = header.filter(|h| h.key == key && (h.start..h.end).contains(&offset)) {
            return Ok(Some((frame, header)));
        }
        (number, at) = (number + 1, at + frame.len() as u64);
    }
    Ok(None)
}
