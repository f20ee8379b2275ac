//! Batches for tests.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use model::{Batch, BatchFlags, BatchHeader, Codec, Format, Generation, Revision, SourceId, SourceKey};

/// Builds a batch whose header agrees with its payload.
#[derive(Clone, Debug)]
pub struct BatchOf {
    key: SourceKey,
    start: u64,
    line_start: Option<u64>,
    flags: BatchFlags,
    continuations: Vec<u32>,
}

impl BatchOf {
    /// Of a source, in generation 0, at offset 0.
    pub fn source(source: u128) -> Self {
        let key = SourceKey::new(SourceId(source), Generation(0));
        Self { key, start: 0, line_start: None, flags: BatchFlags::default(), continuations: Vec::new() }
    }

    /// In another generation.
    #[must_use]
    pub fn generation(mut self, generation: u32) -> Self {
        self.key.generation = Generation(generation);
        self
    }

    /// Starting at an offset.
    #[must_use]
    pub fn at(mut self, start: u64) -> Self {
        self.start = start;
        self
    }

    /// Whose first record is part of a line that starts there.
    #[must_use]
    pub fn line_start(mut self, at: u64) -> Self {
        self.line_start = Some(at);
        self
    }

    /// With flags.
    #[must_use]
    pub fn flags(mut self, flags: BatchFlags) -> Self {
        self.flags = flags;
        self
    }

    /// With line starts that begin no record.
    #[must_use]
    pub fn continuations(mut self, at: &[u32]) -> Self {
        self.continuations = at.to_vec();
        self
    }

    /// With this payload.
    pub fn text(self, text: &str) -> Batch {
        self.bytes(text.as_bytes())
    }

    /// The n-th batch of a source whose batches are all 64 bytes long.
    pub fn numbered(self, n: u64) -> Batch {
        let line = format!("{:>20} line {n:037}\n", self.key.source.0 as u64);
        self.at(n * 64).text(&line)
    }

    /// With this payload.
    pub fn bytes(self, payload: &[u8]) -> Batch {
        let ends = payload.iter().filter(|c| **c == b'\n').count();
        let lines = (ends + usize::from(!payload.ends_with(b"\n"))) as u32;
        let header = BatchHeader {
            key: self.key,
            start: self.start,
            end: self.start + payload.len() as u64,
            line_start: self.line_start.unwrap_or(self.start),
            lines,
            records: lines.saturating_sub(self.continuations.len() as u32),
            flags: self.flags,
            codec: Codec::None,
            payload_len: payload.len() as u32,
            payload_crc: crc32c::crc32c(payload),
            format: Format::from_code(0),
            utc_offset_secs: 3600,
            read_at: Timestamp::from_micros(1_760_000_000_000_000),
            revision: Revision(3),
            stream: "suite".into(),
            host: "here".into(),
            path: "/var/log/suite.log".into(),
            continuations: self.continuations.into(),
        };
        Batch { header: Arc::new(header), payload: Bytes::copy_from_slice(payload) }
    }
}
