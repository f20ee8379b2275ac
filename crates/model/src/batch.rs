//! A batch: a header and a verbatim byte range of a source.
//!
//! There is no object per line on the way from file to queue. The header names the range, says which line starts do
//! *not* begin a record, and carries everything that parsing may depend on besides the bytes.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::wire::{Reader, Writer};
use crate::{Format, Generation, Revision, SourceId, SourceKey, WireError};

/// How the payload of a batch is carried. The numbers are persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// As it stands in the file.
    #[default]
    None = 0,
    /// One LZ4 block.
    Lz4 = 1,
    /// One zstd frame.
    Zstd = 2,
}

impl Codec {
    fn from_code(code: u8) -> Result<Self, WireError> {
        match code {
            0 => Ok(Self::None),
            1 => Ok(Self::Lz4),
            2 => Ok(Self::Zstd),
            _ => Err(WireError::Unknown { what: "codec", code: u64::from(code) }),
        }
    }
}

/// What is special about a batch. Bits are persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchFlags(pub u8);

impl BatchFlags {
    /// The first record continues a line whose beginning was sent before: a later part of a split line, or what
    /// followed a last line that had no newline yet.
    pub const FIRST_CONTINUES: Self = Self(1);
    /// The last record has no newline at its end; what follows it in the file, if anything, continues it.
    pub const LAST_IS_OPEN: Self = Self(2);
    /// The bytes between the high-water of this source and `start` were left out on purpose and are accounted for
    /// elsewhere (missed, with a reason): the queue takes the batch although there is a gap.
    pub const AFTER_MISSED: Self = Self(4);
    /// A dead letter: the payload is not the range itself but a reason, a newline, and the bytes of the range.
    pub const DEAD_LETTER: Self = Self(8);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set too.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The identity of a batch and everything that parsing may depend on besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The source and its generation.
    pub key: SourceKey,
    /// Offset of the first byte, in bytes from the start of the file.
    pub start: u64,
    /// Offset behind the last byte.
    pub end: u64,
    /// Where the line begins of which the first record is a part; equals `start` unless it continues a line.
    pub line_start: u64,
    /// Lines in the range (the last may be without its newline).
    pub lines: u32,
    /// Records in the range: lines less continuations.
    pub records: u32,
    /// See [`BatchFlags`].
    pub flags: BatchFlags,
    /// How the payload is carried.
    pub codec: Codec,
    /// Length of the payload as carried, in bytes.
    pub payload_len: u32,
    /// crc32c of the payload as carried.
    pub payload_crc: u32,
    /// The shape of the lines, as the agent recognised it.
    pub format: Format,
    /// What a time without a zone means: the offset of the agent's local time from UTC when it read, in seconds.
    pub utc_offset_secs: i32,
    /// When the agent read the range; stands in where a line has no time, and completes those without a year.
    pub read_at: Timestamp,
    /// Revision of the stream's definition by which the lines are parsed.
    pub revision: Revision,
    /// What is collected together.
    pub stream: Arc<str>,
    /// The machine that read it.
    pub host: Arc<str>,
    /// The path under which the file was known when it was read; `-` for standard input.
    pub path: Arc<str>,
    /// Line starts that do not begin a record (the line belongs to the record before it), as offsets from `start`,
    /// ascending.
    pub continuations: Arc<[u32]>,
}

/// A header and its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What it is.
    pub header: Arc<BatchHeader>,
    /// The bytes, as [`BatchHeader::codec`] says.
    pub payload: Bytes,
}

const VERSION: u8 = 1;

impl BatchHeader {
    /// Length of the range in the file, in bytes.
    pub const fn range_len(&self) -> u64 {
        self.end - self.start
    }

    /// Its persisted form, appended to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.u8(VERSION);
        w.u128(self.key.source.0);
        w.varint(u64::from(self.key.generation.0));
        w.varint(self.start);
        w.varint(self.end - self.start);
        w.varint(self.start - self.line_start);
        w.varint(u64::from(self.lines));
        w.varint(u64::from(self.records));
        w.u8(self.flags.0);
        w.u8(self.codec as u8);
        w.u32(self.payload_len);
        w.u32(self.payload_crc);
        w.u8(self.format as u8);
        w.signed(i64::from(self.utc_offset_secs));
        w.signed(self.read_at.as_micros());
        w.varint(self.revision.0);
        w.text(&self.stream);
        w.text(&self.host);
        w.text(&self.path);
        w.varint(self.continuations.len() as u64);
        let mut last = 0;
        for &at in &*self.continuations {
            w.varint(u64::from(at - last));
            last = at;
        }
    }

    /// From its persisted form.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are not such a form; `Version` where a newer logdrive wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != VERSION {
            return Err(WireError::Version { found: version, known: VERSION });
        }
        let key = SourceKey::new(SourceId(r.u128()?), Generation(r.varint_u32()?));
        let start = r.varint()?;
        let end = start.checked_add(r.varint()?).ok_or(WireError::Malformed("range"))?;
        let line_start = start.checked_sub(r.varint()?).ok_or(WireError::Malformed("line start"))?;
        let (lines, records) = (r.varint_u32()?, r.varint_u32()?);
        let (flags, codec) = (BatchFlags(r.u8()?), Codec::from_code(r.u8()?)?);
        let (payload_len, payload_crc) = (r.u32()?, r.u32()?);
        let format = Format::from_code(r.u8()?);
        let utc_offset_secs = i32::try_from(r.signed()?).map_err(|_| WireError::Malformed("utc offset"))?;
        let read_at = Timestamp::from_micros(r.signed()?);
        let revision = Revision(r.varint()?);
        let (stream, host, path) = (r.text()?.into(), r.text()?.into(), r.text()?.into());
        let continuations = decode_continuations(&mut r, end - start)?;
        r.finish()?;
        Ok(Self {
            key,
            start,
            end,
            line_start,
            lines,
            records,
            flags,
            codec,
            payload_len,
            payload_crc,
            format,
            utc_offset_secs,
            read_at,
            revision,
            stream,
            host,
            path,
            continuations,
        })
    }
}

fn decode_continuations(r: &mut Reader<'_>, range_len: u64) -> Result<Arc<[u32]>, WireError> {
    let count = r.varint()?;
    if count > range_len || count > r.remaining() as u64 {
        return Err(WireError::Malformed("continuations"));
    }
    let mut last = 0u32;
    let mut list = Vec::with_capacity(count as usize);
    for _ in 0..count {
        last = last.checked_add(r.varint_u32()?).ok_or(WireError::Malformed("continuations"))?;
        if u64::from(last) >= range_len {
            return Err(WireError::Malformed("continuations"));
        }
        list.push(last);
    }
    Ok(list.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(start: u64, len: u32, gaps: &[u32]) -> BatchHeader {
        let mut at = 0;
        let continuations: Vec<u32> = gaps
            .iter()
            .map(|gap| {
                at += gap;
                at
            })
            .filter(|at| *at < len)
            .collect();
        BatchHeader {
            key: SourceKey::new(SourceId(7 << 90), Generation(3)),
            start,
            end: start + u64::from(len),
            line_start: start.saturating_sub(5),
            lines: 9,
            records: 4,
            flags: BatchFlags::FIRST_CONTINUES,
            codec: Codec::Lz4,
            payload_len: 77,
            payload_crc: 0xdead_beef,
            format: Format::Json,
            utc_offset_secs: -3600,
            read_at: Timestamp::from_micros(1_700_000_000_000_000),
            revision: Revision(2),
            stream: "web".into(),
            host: "h".into(),
            path: "/var/log/ä.log".into(),
            continuations: continuations.into(),
        }
    }

    proptest! {
        #[test]
        fn survives_its_persisted_form(start in 0u64..u64::MAX / 2, len in 0u32..1_000_000, gaps in prop::collection::vec(1u32..5000, 0..50)) {
            let header = header(start, len, &gaps);
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            prop_assert_eq!(BatchHeader::decode(&bytes), Ok(header));
            for cut in 0..bytes.len() {
                prop_assert!(BatchHeader::decode(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn never_panics_on_rubbish(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            let _ = BatchHeader::decode(&bytes);
        }
    }

    #[test]
    fn a_newer_version_says_so() {
        assert_eq!(BatchHeader::decode(&[9, 0]), Err(WireError::Version { found: 9, known: 1 }));
    }
}
