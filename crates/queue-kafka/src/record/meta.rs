//! The header `ld`: everything that parsing depends on besides the line and the headers that people read.
//!
//! It is the same for all records of a batch but the first and the last, so that it is encoded once per batch and
//! compresses to nearly nothing.

use base::Timestamp;
use model::wire::{Reader, Writer};
use model::{BatchFlags, BatchHeader, Format, Revision, WireError};

const VERSION: u8 = 1;
/// The record has no newline at its end in the file.
const NO_NEWLINE: u8 = 0x80;
const FLAGS: u8 = 0x0f;

/// What is to be known of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMeta {
    /// Of the batch's flags those that concern this record: the first has `FIRST_CONTINUES` and `AFTER_MISSED`, the
    /// last `LAST_IS_OPEN`; a dead letter has `DEAD_LETTER`.
    pub flags: BatchFlags,
    /// Whether a newline follows the value in the file.
    pub newline: bool,
    /// As in the batch's header.
    pub format: Format,
    /// As in the batch's header.
    pub utc_offset_secs: i32,
    /// As in the batch's header.
    pub revision: Revision,
    /// As in the batch's header.
    pub read_at: Timestamp,
    /// How far before the record the line begins that it continues; 0 where it continues none.
    pub line_before: u64,
    /// Of a dead letter: how many bytes of the source it stands for.
    pub letter_len: u64,
}

impl RecordMeta {
    /// Of a record in the midst of a batch: no flags, with its newline.
    pub fn of(header: &BatchHeader) -> Self {
        Self {
            flags: BatchFlags::default(),
            newline: true,
            format: header.format,
            utc_offset_secs: header.utc_offset_secs,
            revision: header.revision,
            read_at: header.read_at,
            line_before: 0,
            letter_len: 0,
        }
    }

    /// Of the record at `start..end` of the batch's range (as offsets from its start, a newline at its end included).
    pub fn at(header: &BatchHeader, start: u64, end: u64, newline: bool) -> Self {
        let mut flags = BatchFlags::default();
        let mut line_before = 0;
        if start == 0 {
            let firsts = BatchFlags::FIRST_CONTINUES.0 | BatchFlags::AFTER_MISSED.0;
            flags = BatchFlags(header.flags.0 & firsts);
            line_before = header.start - header.line_start.min(header.start);
        }
        if end >= header.range_len() {
            flags = flags.with(BatchFlags(header.flags.0 & BatchFlags::LAST_IS_OPEN.0));
        }
        Self { flags, newline, line_before, ..Self::of(header) }
    }

    /// Of a dead letter, which is one message.
    pub fn letter(header: &BatchHeader, newline: bool) -> Self {
        let flags = BatchFlags(header.flags.0 & FLAGS).with(BatchFlags::DEAD_LETTER);
        let line_before = header.start - header.line_start.min(header.start);
        Self { flags, newline, line_before, letter_len: header.range_len(), ..Self::of(header) }
    }

    /// Whether this is as [`RecordMeta::of`] makes it.
    pub fn is_common(&self) -> bool {
        self.flags == BatchFlags::default() && self.newline && self.line_before == 0
    }

    /// Its form in the header, appended to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.u8(VERSION);
        w.u8((self.flags.0 & FLAGS) | if self.newline { 0 } else { NO_NEWLINE });
        w.u8(self.format as u8);
        w.signed(i64::from(self.utc_offset_secs));
        w.varint(self.revision.0);
        w.signed(self.read_at.as_micros());
        w.varint(self.line_before);
        if self.flags.has(BatchFlags::DEAD_LETTER) {
            w.varint(self.letter_len);
        }
    }

    /// From the header.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are no such header; `Version` where a newer logdrive wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != VERSION {
            return Err(WireError::Version { found: version, known: VERSION });
        }
        let bits = r.u8()?;
        if bits & !(FLAGS | NO_NEWLINE) != 0 {
            return Err(WireError::Unknown { what: "flags", code: u64::from(bits) });
        }
        let flags = BatchFlags(bits & FLAGS);
        let format = Format::from_code(r.u8()?);
        let utc_offset_secs = i32::try_from(r.signed()?).map_err(|_| WireError::Malformed("utc offset"))?;
        let revision = Revision(r.varint()?);
        let read_at = Timestamp::from_micros(r.signed()?);
        let line_before = r.varint()?;
        let letter_len = if flags.has(BatchFlags::DEAD_LETTER) { r.varint()? } else { 0 };
        r.finish()?;
        let newline = bits & NO_NEWLINE == 0;
        Ok(Self { flags, newline, format, utc_offset_secs, revision, read_at, line_before, letter_len })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn metas() -> impl Strategy<Value = RecordMeta> {
        let head = (0u8..16, any::<bool>(), 0u8..10, any::<i32>(), any::<u64>());
        (head, any::<i64>(), any::<u64>(), any::<u64>()).prop_map(|(head, read_at, line_before, letter_len)| {
            let (flags, newline, format, utc_offset_secs, revision) = head;
            let flags = BatchFlags(flags);
            RecordMeta {
                flags,
                newline,
                format: Format::from_code(format),
                utc_offset_secs,
                revision: Revision(revision),
                read_at: Timestamp::from_micros(read_at),
                line_before,
                letter_len: if flags.has(BatchFlags::DEAD_LETTER) { letter_len } else { 0 },
            }
        })
    }

    proptest! {
        #[test]
        fn survives_its_form(meta in metas()) {
            let mut bytes = Vec::new();
            meta.encode(&mut bytes);
            prop_assert_eq!(RecordMeta::decode(&bytes), Ok(meta));
            for cut in 0..bytes.len() {
                prop_assert!(RecordMeta::decode(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn never_panics_on_rubbish(mut bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            let _ = RecordMeta::decode(&bytes);
        }
    }

    #[test]
    fn a_newer_version_says_so() {
        assert_eq!(RecordMeta::decode(&[7, 0]), Err(WireError::Version { found: 7, known: 1 }));
    }
}
