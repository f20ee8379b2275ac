//! What was measured and is not in the queue yet, within a bound; and how it becomes batches.
//!
//! Decision: offsets are given to samples only when they are sent, and one batch is on its way at a time. So samples
//! that wait can be dropped without leaving a hole in the source, and the queue is given what it may have already byte by
//! byte as before, whether it keeps positions or not. A new run of the process is a new source; where the queue has lost
//! what it had of it, a new generation begins.

use std::collections::VecDeque;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use model::{Batch, BatchFlags, BatchHeader, Codec, Format, Generation, Revision, SourceId, SourceKey};

/// The name of the stream of host metrics, and what stands for a path.
const STREAM: &str = "host-metrics";
const PATH: &str = "/proc";
/// Bytes of one batch.
const BATCH_BYTES: usize = 256 << 10;

/// Samples on their way.
#[derive(Debug)]
pub struct Outbox {
    key: SourceKey,
    host: Arc<str>,
    codec: Codec,
    /// Bytes that may wait.
    room: usize,
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Where the next batch begins.
    at: u64,
    flight: Option<Batch>,
}

impl Outbox {
    pub fn new(source: SourceId, host: Arc<str>, codec: Codec, room: usize) -> Self {
        let key = SourceKey::new(source, Generation(0));
        Self { key, host, codec, room, waiting: VecDeque::new(), bytes: 0, at: 0, flight: None }
    }

    /// Takes the lines of a sample; says how many older samples had to go.
    pub fn put(&mut self, sample: Vec<u8>) -> u64 {
        if sample.is_empty() {
            return 0;
        }
        self.bytes += sample.len();
        self.waiting.push_back(sample);
        let mut dropped = 0;
        while self.bytes > self.room
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }

    /// What to send now: what is on its way, again, or the next.
    pub fn batch(&mut self, now: Timestamp) -> Option<Batch> {
        if self.flight.is_none() && !self.waiting.is_empty() {
            self.flight = Some(self.next(now));
        }
        self.flight.clone()
    }

    fn next(&mut self, now: Timestamp) -> Batch {
        let mut raw = Vec::new();
        while let Some(sample) = self.waiting.front()
            && (raw.is_empty() || raw.len() + sample.len() <= BATCH_BYTES)
        {
            raw.extend_from_slice(sample);
            self.bytes -= sample.len();
            self.waiting.pop_front();
        }
        let (start, len) = (self.at, raw.len() as u64);
        let lines = raw.iter().filter(|byte| **byte == b'\n').count() as u32;
        let (codec, payload, payload_crc) = codec::encode_payload(Bytes::from(raw), self.codec);
        let header = BatchHeader {
            key: self.key,
            start,
            end: start + len,
            line_start: start,
            lines,
            records: lines,
            flags: BatchFlags::default(),
            codec,
            payload_len: payload.len() as u32,
            payload_crc,
            format: Format::Plain,
            utc_offset_secs: 0,
            read_at: now,
            revision: Revision::default(),
            stream: STREAM.into(),
            host: self.host.clone(),
            path: PATH.into(),
            continuations: Arc::default(),
        };
        Batch { header: Arc::new(header), payload }
    }

    /// What was on its way is in the queue.
    pub fn landed(&mut self) {
        if let Some(batch) = self.flight.take() {
            self.at = batch.header.end;
        }
    }

    /// The queue does not have what came before: what is on its way becomes the beginning of a new generation.
    pub fn begin_anew(&mut self) {
        self.key.generation = Generation(self.key.generation.0 + 1);
        self.at = 0;
        if let Some(batch) = &mut self.flight {
            let header = BatchHeader {
                key: self.key,
                start: 0,
                line_start: 0,
                end: batch.header.range_len(),
                ..(*batch.header).clone()
            };
            batch.header = Arc::new(header);
        }
    }

    /// Whether nothing is on its way, and nothing waits.
    pub fn is_empty(&self) -> bool {
        self.flight.is_none() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(5);

    fn outbox(room: usize) -> Outbox {
        Outbox::new(SourceId(7), "h".into(), Codec::None, room)
    }

    fn ranges(batch: &Batch) -> (u32, u64, u64, &[u8]) {
        (batch.header.key.generation.0, batch.header.start, batch.header.end, &batch.payload)
    }

    #[test]
    fn batches_follow_each_other_and_are_repeated_as_they_were() {
        let mut outbox = outbox(1000);
        assert!(outbox.batch(NOW).is_none() && outbox.is_empty());
        outbox.put(b"a\nb\n".to_vec());
        outbox.put(b"c\n".to_vec());
        let first = outbox.batch(NOW).expect("two samples");
        assert_eq!(ranges(&first), (0, 0, 6, &b"a\nb\nc\n"[..]));
        assert_eq!((first.header.lines, first.header.records), (3, 3));
        outbox.put(b"d\n".to_vec());
        assert_eq!(outbox.batch(NOW), Some(first), "the same until it has landed");
        outbox.landed();
        assert_eq!(ranges(&outbox.batch(NOW).expect("one sample")), (0, 6, 8, &b"d\n"[..]));
        outbox.begin_anew();
        assert_eq!(ranges(&outbox.batch(NOW).expect("the same sample")), (1, 0, 2, &b"d\n"[..]));
        outbox.landed();
        outbox.put(b"e\n".to_vec());
        assert_eq!(ranges(&outbox.batch(NOW).expect("one sample")), (1, 2, 4, &b"e\n"[..]));
        outbox.landed();
        assert!(outbox.is_empty());
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room_and_leaves_no_hole() {
        let mut outbox = outbox(10);
        assert_eq!(outbox.put(b"aaaa\n".to_vec()), 0);
        let flying = outbox.batch(NOW).expect("a sample");
        let dropped: u64 = (0..5).map(|_| outbox.put(b"bbbb\n".to_vec())).sum();
        assert_eq!(dropped, 3, "what is on its way stays");
        assert_eq!(outbox.batch(NOW), Some(flying));
        outbox.landed();
        assert_eq!(ranges(&outbox.batch(NOW).expect("two samples")), (0, 5, 15, &b"bbbb\nbbbb\n"[..]));
        assert_eq!(outbox.put(vec![b'x'; 50]), 1, "one that is too long by itself");
    }

    #[test]
    fn batches_have_a_bound() {
        let mut outbox = outbox(10 << 20);
        for _ in 0..10 {
            outbox.put(vec![b'\n'; 100 << 10]);
        }
        let mut count = 0;
        while let Some(batch) = outbox.batch(NOW) {
            assert!(batch.payload.len() <= BATCH_BYTES);
            outbox.landed();
            count += 1;
        }
        assert_eq!(count, 5);
    }
}
