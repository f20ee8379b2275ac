//! Batches as an agent makes them.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use codec::{Framing, ParseRules, Parser, cut, encode_payload};
use model::{
    Batch, BatchFlags, BatchHeader, Codec, Format, Generation, Level, Marks, ParsedBatch, Revision, SourceId, SourceKey,
};

/// When the batches of tests are read: 2024-03-01 12:00 UTC.
pub fn read_at() -> Timestamp {
    Timestamp::from_civil(2024, 3, 1, 12 * 3_600_000_000)
}

/// A batch of `bytes`, cut as `framing` says, carried as they are.
pub fn batch(bytes: &[u8], framing: Framing) -> Batch {
    batch_as(bytes, framing, Codec::None, BatchFlags::default())
}

/// A batch of `bytes`.
pub fn batch_as(bytes: &[u8], framing: Framing, codec: Codec, flags: BatchFlags) -> Batch {
    let mut continuations = Vec::new();
    let found = cut(bytes, framing, true, &mut continuations);
    let (codec, payload, payload_crc) = encode_payload(Bytes::copy_from_slice(bytes), codec);
    let header = BatchHeader {
        key: SourceKey::new(SourceId(1), Generation(0)),
        start: 1000,
        end: 1000 + bytes.len() as u64,
        line_start: 1000,
        lines: found.lines,
        records: found.records,
        flags,
        codec,
        payload_len: payload.len() as u32,
        payload_crc,
        format: framing.format,
        utc_offset_secs: 3600,
        read_at: read_at(),
        revision: Revision(0),
        stream: "s".into(),
        host: "h".into(),
        path: "p".into(),
        continuations: continuations.into(),
    };
    Batch { header: Arc::new(header), payload }
}

/// What is made of `bytes` whose source was recognised as `format`.
pub fn parse(bytes: &[u8], format: Format) -> ParsedBatch {
    let framing = Framing { format, join: true };
    Parser::new().parse(&batch(bytes, framing), &ParseRules::default()).expect("a batch made here is sound")
}

/// A line; its format; its time (`read` where it has none, `?` before one that was completed); its level; its fields.
pub type Case = (&'static str, Format, &'static str, Level, &'static str);

/// Each line is read as it should be, whether or not its source was recognised.
pub fn check(cases: &[Case]) {
    for &(line, format, time, level, fields) in cases {
        for hint in [Format::Unknown, format] {
            let parsed = parse(format!("{line}\n").as_bytes(), hint);
            assert_eq!(parsed.records.len(), 1, "{line}");
            let record = parsed.records[0];
            assert_eq!(record.format, format, "format with hint {hint}: {line}");
            let completed = if record.marks.has(Marks::TIME_COMPLETED) { "?" } else { "" };
            let shown = match record.marks.has(Marks::TIME_IS_READ_TIME) {
                true => "read".to_owned(),
                false => format!("{completed}{}", record.time),
            };
            assert_eq!(shown, time, "time with hint {hint}: {line}");
            assert_eq!(record.level, level, "level with hint {hint}: {line}");
            let found: Vec<String> =
                parsed.fields(0).map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value))).collect();
            assert_eq!(found.join("|"), fields, "fields with hint {hint}: {line}");
        }
    }
}
