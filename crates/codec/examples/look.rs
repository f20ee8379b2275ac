//! Shows what the codec makes of files: the format detected, how many lines parse and have a time, and the first
//! records with their fields.
//!
//! `cargo run -p codec --example look -- FILE…`

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use codec::{Framing, ParseRules, Parser, cut, detect, encode_payload};
use model::{Batch, BatchFlags, BatchHeader, Codec, Generation, Marks, Revision, SourceId, SourceKey};

const SHOWN: usize = 4;

fn main() {
    for path in std::env::args().skip(1) {
        match std::fs::read(&path) {
            Ok(bytes) => look(&path, bytes),
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
}

fn look(path: &str, bytes: Vec<u8>) {
    let format = detect(&bytes);
    let mut continuations = Vec::new();
    let found = cut(&bytes, Framing { format, join: true }, true, &mut continuations);
    let len = bytes.len();
    let (codec, payload, payload_crc) = encode_payload(Bytes::from(bytes), Codec::None);
    let header = BatchHeader {
        key: SourceKey::new(SourceId(1), Generation(0)),
        start: 0,
        end: len as u64,
        line_start: 0,
        lines: found.lines,
        records: found.records,
        flags: BatchFlags::default(),
        codec,
        payload_len: payload.len() as u32,
        payload_crc,
        format,
        utc_offset_secs: 0,
        read_at: Timestamp::from_civil(2026, 11, 21, 0),
        revision: Revision(0),
        stream: "look".into(),
        host: "here".into(),
        path: path.into(),
        continuations: continuations.into(),
    };
    let batch = Batch { header: Arc::new(header), payload };
    let parsed = match Parser::new().parse(&batch, &ParseRules::default()) {
        Ok(parsed) => parsed,
        Err(error) => return eprintln!("{path}: {error}"),
    };
    let count = |mark: Marks| parsed.records.iter().filter(|record| record.marks.has(mark)).count();
    let records = parsed.records.len();
    let timed = records - count(Marks::TIME_IS_READ_TIME);
    println!(
        "{path}: {format}, {} lines, {records} records, {timed} with a time ({:.2} %), {} not parsed, {} columns",
        found.lines,
        100.0 * timed as f64 / records.max(1) as f64,
        count(Marks::UNPARSED),
        parsed.columns.len(),
    );
    let odd = parsed.records.iter().position(|record| record.marks.has(Marks::UNPARSED));
    for row in (0..records).step_by((records / SHOWN).max(1)).chain(odd) {
        let record = &parsed.records[row];
        println!("  {}", String::from_utf8_lossy(parsed.line(record)));
        print!("    {} {} {}", record.time, record.level, record.format);
        for (name, value) in parsed.fields(row) {
            print!(" {name}={:?}", String::from_utf8_lossy(value));
        }
        println!();
    }
}
