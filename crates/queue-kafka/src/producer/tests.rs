//! What is encoded, read by other decoders than ours: kafka-protocol's for the records, each format's own library for
//! the compression.

use std::io::Read as _;

use bytes::{Buf as _, Bytes};
use kafka_protocol::records::{Compression as Codec, Record, RecordBatchDecoder};
use model::{Batch, BatchFlags};
use proptest::prelude::*;
use queue::testing::BatchOf;

use super::compress::compress;
use super::encode::{Limits, Output, Part, Seal, Span, encode, put_varint, seal, varint_len};
use super::lane::sequence_after;
use super::letters::letters;
use crate::options::{Compression, Framing};
use crate::record::framed::decode_batch;
use crate::record::meta::RecordMeta;

const ALL: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn limits(compression: Compression, bytes: usize) -> Limits {
    Limits { compression, bytes, plain_bytes: bytes }
}

fn part(batch: &Batch, framing: Framing) -> Part {
    let Batch { header, payload } = batch.clone();
    let range = 0..payload.len();
    Part { header, payload, range, key: Some(Bytes::from_static(b"key")), framing }
}

/// By the format's own library.
fn inflate(bytes: &[u8], how: Codec) -> Vec<u8> {
    let mut out = Vec::new();
    match how {
        Codec::None => out.extend_from_slice(bytes),
        Codec::Gzip => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).expect("gzip")),
        Codec::Lz4 => drop(lz4::Decoder::new(bytes).expect("lz4").read_to_end(&mut out).expect("lz4")),
        Codec::Zstd => out = zstd::decode_all(bytes).expect("zstd"),
        Codec::Snappy => {
            let mut blocks = &bytes[16..];
            while blocks.has_remaining() {
                let len = blocks.get_u32() as usize;
                out.extend(snap::raw::Decoder::new().decompress_vec(&blocks[..len]).expect("snappy"));
                blocks.advance(len);
            }
        }
    }
    out
}

fn decoded(bytes: &[u8]) -> Vec<Record> {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let inflate = |bytes: &mut Bytes, how| Ok(Bytes::from(inflate(bytes, how)));
    let set = RecordBatchDecoder::decode_with_custom_compression(&mut bytes, Some(inflate)).expect("decodes");
    assert!(!bytes.has_remaining(), "one record batch, and nothing behind it");
    set.records
}

fn records_of(output: &mut Output) -> Vec<Record> {
    let mut all = Vec::new();
    for batch in &mut output.batches {
        seal(&mut batch.bytes, Seal { id: 7, epoch: 1, sequence: all.len() as i32 });
        let records = decoded(&batch.bytes);
        assert_eq!(records.len(), batch.records as usize);
        assert_eq!(batch.spans.iter().map(|span| span.records).sum::<u32>(), batch.records);
        all.extend(records);
    }
    all
}

fn header<'r>(record: &'r Record, name: &str) -> &'r [u8] {
    let found = record.headers.iter().find(|(key, _)| key.as_str() == name);
    found.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
}

/// Lines of a payload and those of them that are joined to the one before.
fn lines() -> impl Strategy<Value = (Vec<u8>, Vec<u32>)> {
    let line = prop_oneof![
        prop::collection::vec(any::<u8>().prop_filter("a newline ends it", |byte| *byte != b'\n'), 0..40),
        Just(b"the same again and again, so that it can be compressed".to_vec()),
    ];
    (prop::collection::vec((line, prop::bool::weighted(0.2)), 1..80), any::<bool>()).prop_map(|(lines, ends)| {
        let (mut payload, mut joined) = (Vec::new(), Vec::new());
        for (line, join) in lines {
            if join && !payload.is_empty() {
                joined.push(payload.len() as u32);
            }
            payload.extend(line);
            payload.push(b'\n');
        }
        if !ends && payload.len() > 1 {
            payload.pop();
        }
        joined.retain(|at| (*at as usize) < payload.len());
        (payload, joined)
    })
}

/// What the records are, the plain way: start and value.
fn plainly(payload: &[u8], joined: &[u32]) -> Vec<(usize, Vec<u8>)> {
    let mut all: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut at = 0;
    for line in payload.split_inclusive(|byte| *byte == b'\n') {
        match all.last_mut() {
            Some((_, value)) if joined.contains(&(at as u32)) => value.extend(line),
            _ => all.push((at, line.to_vec())),
        }
        at += line.len();
    }
    for (_, value) in &mut all {
        if value.last() == Some(&b'\n') {
            value.pop();
        }
    }
    all
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_by_others(
        first in lines(), second in lines(), start in 0u64..u64::MAX / 4, how in 0usize..5, bytes in 4500usize..9000,
    ) {
        let batches = [
            BatchOf::source(1).at(start).continuations(&first.1).bytes(&first.0),
            BatchOf::source(2).at(0).continuations(&second.1).bytes(&second.0),
        ];
        let parts = batches.each_ref().map(|batch| part(batch, Framing::Record));
        let mut output = encode(&parts, limits(ALL[how], bytes), &mut Vec::new());
        prop_assert!(output.batches.iter().all(|batch| batch.bytes.len() <= bytes));
        prop_assert_eq!(&output.too_large, &[] as &[Span]);
        let records = records_of(&mut output);
        let mut expected = Vec::new();
        for (batch, (payload, joined)) in batches.iter().zip([&first, &second]) {
            for (at, value) in plainly(payload, joined) {
                expected.push((format!("{}.{}", batch.header.key, batch.header.start + at as u64), value));
            }
        }
        let came: Vec<_> = records
            .iter()
            .map(|record| (String::from_utf8_lossy(header(record, "id")).into_owned(), record.value.clone().unwrap_or_default().to_vec()))
            .collect();
        prop_assert_eq!(came, expected);
        for (n, record) in records.iter().enumerate() {
            prop_assert_eq!(record.sequence, n as i32);
            prop_assert_eq!(record.timestamp, 1_760_000_000_000);
            prop_assert_eq!(record.key.as_deref(), Some(&b"key"[..]));
            let labels = ["host", "path", "stream"].map(|name| header(record, name));
            prop_assert_eq!(labels, [&b"here"[..], b"/var/log/suite.log", b"suite"]);
            prop_assert_eq!(RecordMeta::decode(header(record, "ld")).map(|meta| meta.utc_offset_secs), Ok(3600));
        }
    }

    #[test]
    fn varints_are_as_long_as_said(value in any::<u32>()) {
        let mut out = Vec::new();
        put_varint(&mut out, i64::from(value));
        prop_assert_eq!(out.len(), varint_len(value as usize));
    }

    #[test]
    fn each_compression_can_be_read(plain in prop::collection::vec(0u8..4, 0..200_000), how in 1usize..5) {
        let mut out = b"before".to_vec();
        let codec = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd][how];
        if compress(ALL[how], &plain, &mut out) {
            prop_assert!(out.len() < plain.len() + 6);
            prop_assert_eq!(inflate(&out[6..], codec), plain);
        } else {
            prop_assert_eq!(&out, b"before");
        }
    }
}

#[test]
fn varints_are_kafkas() {
    for (value, expected) in [(0, vec![0]), (-1, vec![1]), (63, vec![126]), (64, vec![128, 1]), (-64, vec![127])] {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        assert_eq!(out, expected, "{value}");
    }
}

#[test]
fn sequences_begin_anew_behind_the_largest() {
    for (sequence, records, next) in [(0, 5, 5), (i32::MAX, 1, 0), (i32::MAX - 2, 5, 2), (7, 0, 7)] {
        assert_eq!(sequence_after(sequence, records), next);
    }
}

#[test]
fn the_first_and_the_last_record_say_what_is_special() {
    let flags = BatchFlags::FIRST_CONTINUES;
    let batch = BatchOf::source(1).at(100).line_start(40).flags(flags).text("rest\nmiddle\nno newline");
    let mut output = encode(&[part(&batch, Framing::Record)], limits(Compression::Lz4, 10_000), &mut Vec::new());
    let metas: Vec<_> = records_of(&mut output)
        .iter()
        .map(|record| RecordMeta::decode(header(record, "ld")).expect("decodes"))
        .collect();
    let seen: Vec<_> = metas.iter().map(|meta| (meta.flags, meta.line_before, meta.newline)).collect();
    let none = BatchFlags::default();
    assert_eq!(seen, [(flags, 60, true), (none, 0, true), (none, 0, false)]);
}

#[test]
fn only_the_record_that_is_too_large_is_left_out() {
    let mut random = 1u64;
    let mut noise = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'a' + (random >> 33) as u8 % 26
    };
    let mut payload = b"before\n".to_vec();
    payload.extend(std::iter::repeat_with(&mut noise).take(20_000));
    payload.extend(b"\nbetween\n");
    payload.extend(std::iter::repeat_n(b'x', 20_000));
    payload.extend(b"\nafter\n");
    let batch = BatchOf::source(1).at(10).bytes(&payload);
    let part = part(&batch, Framing::Record);
    let mut output = encode(std::slice::from_ref(&part), limits(Compression::Zstd, 4096), &mut Vec::new());
    assert_eq!(output.too_large, [Span { part: 0, range: 7..20_008, records: 1 }]);
    let lens: Vec<usize> =
        records_of(&mut output).iter().filter_map(|record| Some(record.value.as_ref()?.len())).collect();
    assert_eq!(lens, [6, 7, 20_000, 5], "what can be compressed is not too large");
    let covered: Vec<_> = output.batches.iter().flat_map(|batch| &batch.spans).map(|span| span.range.clone()).collect();
    assert_eq!(covered, [0..7, 20_008..20_016, 20_016..40_017, 40_017..40_023]);

    let made = letters(&part, 7..20_008, "too\nlarge", 15_000);
    let reasons: Vec<_> = made.iter().map(|letter| letter.payload.split(|byte| *byte == b'\n').next()).collect();
    assert_eq!(reasons, [Some(&b"too large (part 1 of 2)"[..]), Some(b"too large (part 2 of 2)")]);
    assert_eq!(
        made.iter().map(|letter| (letter.header.start, letter.header.end)).collect::<Vec<_>>(),
        [(17, 15_017), (15_017, 20_018)]
    );
}

#[test]
fn a_dead_letter_is_one_message_with_its_reason() {
    let batch = BatchOf::source(1).at(5).text("one\ntwo\n");
    let letter = letters(&part(&batch, Framing::Record), 0..8, "mapping conflict", 1000).remove(0);
    let mut output = encode(&[part(&letter, Framing::Record)], limits(Compression::Lz4, 10_000), &mut Vec::new());
    let records = records_of(&mut output);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].value.as_deref(), Some(&b"one\ntwo"[..]));
    assert_eq!(
        (header(&records[0], "reason"), header(&records[0], "id")),
        (&b"mapping conflict"[..], &b"00000000000000000000000001.0.5"[..])
    );
    let meta = RecordMeta::decode(header(&records[0], "ld")).expect("decodes");
    assert!(meta.flags.has(BatchFlags::DEAD_LETTER) && meta.newline && meta.letter_len == 8);
}

#[test]
fn a_whole_batch_can_be_one_message() {
    let batch = BatchOf::source(1).at(5).continuations(&[4]).text("one\n two\nthree\n");
    let mut output = encode(&[part(&batch, Framing::Batch)], limits(Compression::Lz4, 10_000), &mut Vec::new());
    let records = records_of(&mut output);
    assert_eq!(records.len(), 1);
    let value = records[0].value.clone().expect("a value");
    assert_eq!(decode_batch(header(&records[0], "ld-batch"), &value), Ok(batch));
}

#[test]
fn more_is_compressed_together_than_fits_plain() {
    let line = "2026-11-20 the same line again and again\n";
    let batch = BatchOf::source(1).at(0).text(&line.repeat(2000));
    let wide = Limits { compression: Compression::Zstd, bytes: 20_000, plain_bytes: 1_000_000 };
    assert_eq!(encode(&[part(&batch, Framing::Record)], wide, &mut Vec::new()).batches.len(), 1);
    let narrow = Limits { compression: Compression::Zstd, bytes: 2_000, plain_bytes: 1_000_000 };
    let mut output = encode(&[part(&batch, Framing::Record)], narrow, &mut Vec::new());
    assert!(output.batches.len() > 1 && output.batches.iter().all(|batch| batch.bytes.len() <= 2_000));
    assert_eq!(records_of(&mut output).len(), 2000);
}
