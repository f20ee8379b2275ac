//! Records found as batches again, so that followers get them in the way they get what is written here.

use std::sync::Arc;

use base::{Intervals, Timestamp};
use bytes::Bytes;
use model::{BatchFlags, BatchHeader, Codec, ParsedBatch, Record, Revision, Span, SpareField};
use store::Hit;

/// Bytes of a batch, at most.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Batches of some records, in the order given: those that stand one behind the other in their file are one.
pub fn batches(hits: Vec<Hit>) -> Vec<Arc<ParsedBatch>> {
    let mut batches = Vec::new();
    let mut run: Vec<Hit> = Vec::new();
    let mut bytes = 0;
    for hit in hits {
        let joins = run.last().is_some_and(|last| {
            last.id.key == hit.id.key
                && last.id.offset + u64::from(last.size) == hit.id.offset
                && (&last.stream, &last.host, &last.path) == (&hit.stream, &hit.host, &hit.path)
        });
        if !joins || bytes > BATCH_BYTES_MAX {
            batches.extend(batch(std::mem::take(&mut run)));
            bytes = 0;
        }
        bytes += hit.line.len();
        run.push(hit);
    }
    batches.extend(batch(run));
    batches
}

fn batch(run: Vec<Hit>) -> Option<Arc<ParsedBatch>> {
    let (first, last) = run.first().zip(run.last())?;
    let start = first.id.offset;
    let header = BatchHeader {
        key: first.id.key,
        start,
        end: last.id.offset + u64::from(last.size),
        line_start: start,
        lines: run.len() as u32,
        records: run.len() as u32,
        flags: BatchFlags::default(),
        codec: Codec::None,
        payload_len: 0,
        payload_crc: 0,
        format: first.format,
        utc_offset_secs: 0,
        read_at: Timestamp::default(),
        revision: Revision::default(),
        stream: first.stream.as_str().into(),
        host: first.host.as_str().into(),
        path: first.path.as_str().into(),
        continuations: Arc::from([]),
    };
    let (mut payload, mut text, mut records, mut spare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, hit) in run.into_iter().enumerate() {
        records.push(Record {
            start: payload.len() as u32,
            len: hit.line.len() as u32,
            size: hit.size,
            time: hit.time,
            level: hit.level,
            format: hit.format,
            marks: hit.marks,
        });
        payload.extend_from_slice(&hit.line);
        payload.resize(payload.len() + (hit.size as usize).saturating_sub(hit.line.len()), b'\n');
        for (name, value) in hit.fields {
            let span = Span::text(text.len() as u32, value.len() as u32);
            text.extend_from_slice(&value);
            spare.push(SpareField { row: row as u32, name: name.into(), value: span });
        }
    }
    Some(Arc::new(ParsedBatch {
        header: Arc::new(header),
        payload: Bytes::from(payload),
        text,
        records,
        columns: Vec::new(),
        spare,
        dropped: Intervals::new(),
    }))
}

#[cfg(test)]
mod tests {
    use store::BatchRow;
    use store::testing::samples;

    use super::*;

    #[test]
    fn records_are_the_same_as_before() {
        let given = samples(3, 6, 20);
        let rows = |batch: &ParsedBatch| -> Vec<Hit> {
            (0..batch.records.len()).map(|row| BatchRow::new(batch, row).hit()).collect()
        };
        let mut hits: Vec<Hit> = given.iter().flat_map(|batch| rows(&batch.batch)).collect();
        hits.truncate(90);
        hits.remove(40);
        let again = batches(hits.clone());
        assert!(again.len() <= 8, "what is contiguous is one batch: {}", again.len());
        let found: Vec<Hit> = again.iter().flat_map(|batch| rows(batch)).collect();
        assert_eq!(found, hits);
    }
}
