//! The records of a batch, each with all that is said of it: what must survive where a queue cuts batches anew.

use base::Timestamp;
use model::{Batch, BatchFlags, Format, Revision};

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOf {
    offset: u64,
    bytes: Vec<u8>,
    line_start: u64,
    flags: BatchFlags,
    format: Format,
    utc_offset_secs: i32,
    read_at: Timestamp,
    revision: Revision,
    names: [String; 3],
}

/// The records of a batch, in order.
pub fn records_of(batch: &Batch) -> Vec<RecordOf> {
    let header = &batch.header;
    let newlines = batch.payload.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let mut ends: Vec<usize> = newlines.filter(|at| !header.continuations.contains(&(*at as u32))).collect();
    if ends.last() != Some(&batch.payload.len()) {
        ends.push(batch.payload.len());
    }
    let mut start = 0;
    ends.iter()
        .map(|&end| {
            let offset = header.start + start as u64;
            let firsts = BatchFlags::FIRST_CONTINUES.0 | BatchFlags::AFTER_MISSED.0;
            let lasts = BatchFlags::LAST_IS_OPEN.0;
            let of_first = if start == 0 { header.flags.0 & firsts } else { 0 };
            let of_last = if end == batch.payload.len() { header.flags.0 & lasts } else { 0 };
            let record = RecordOf {
                offset,
                bytes: batch.payload[start..end].to_vec(),
                line_start: if start == 0 { header.line_start } else { offset },
                flags: BatchFlags(of_first | of_last),
                format: header.format,
                utc_offset_secs: header.utc_offset_secs,
                read_at: header.read_at,
                revision: header.revision,
                names: [&header.stream, &header.host, &header.path].map(|name| name.to_string()),
            };
            start = end;
            record
        })
        .collect()
}
