//! Batches → messages, as Kafka's own encoder writes them → batches: the same records, wherever it is cut.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;

use base::Timestamp;
use bytes::{BufMut as _, Bytes, BytesMut};
use codec::{ParseRules, Parser};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use model::{Batch, BatchFlags, Codec, Format, Place, SourceId};
use proptest::prelude::*;
use queue::testing::BatchOf;

use super::assemble::{Assembler, Failure, Origin, ROOM, Scratch};
use super::batches::{Damage, RawBatches};
use super::framed::encode_batch;
use super::meta::RecordMeta;
use super::{BATCH, HOST, ID, META, PATH, REASON, STREAM};

const PIECES: [&str; 12] = [
    "2024-01-31T10:00:00.123Z INFO app: started",
    "{\"level\":\"error\",\"msg\":\"x\",\"n\":1}",
    "level=warn msg=\"a b\" took=3",
    "10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl\"",
    "Jan 31 10:00:00 host app[12]: hello",
    "  at com.example.Main(Main.java:1)",
    "",
    "\r",
    "\u{0}\u{1}ä",
    "x",
    "2024-01-31 10:00:00,5 ERROR z",
    "Traceback (most recent call last):",
];

/// What is special about a batch.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Usual,
    AfterMissed,
    /// Its last line has no newline yet; what comes next continues it.
    Open,
    /// A long line that was split.
    Split,
    Letter,
}

#[derive(Clone, Debug)]
struct Shape {
    lines: Vec<(usize, bool)>,
    kind: Kind,
    format: u8,
    later: i64,
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let kind = prop_oneof![
        5 => Just(Kind::Usual), 1 => Just(Kind::AfterMissed), 1 => Just(Kind::Open), 1 => Just(Kind::Split),
        1 => Just(Kind::Letter)
    ];
    let lines = prop::collection::vec((0..PIECES.len(), prop::bool::weighted(0.2)), 1..8);
    let shape =
        (lines, kind, 0u8..10, 0i64..2).prop_map(|(lines, kind, format, later)| Shape { lines, kind, format, later });
    prop::collection::vec(shape, 1..12)
}

/// The batches of one source, one behind the other.
fn batches(source: u128, shapes: &[Shape]) -> Vec<Batch> {
    let (mut at, mut read_at) = (0u64, 1_760_000_000_000_000i64);
    let mut open_from = None;
    let mut all = Vec::new();
    for shape in shapes {
        let mut text = String::new();
        let mut joined = Vec::new();
        let single = !matches!(shape.kind, Kind::Usual | Kind::AfterMissed);
        for (n, &(piece, joins)) in shape.lines.iter().take(if single { 1 } else { 99 }).enumerate() {
            if joins && n > 0 {
                joined.push(text.len() as u32);
            }
            text.push_str(PIECES[piece]);
            text.push('\n');
        }
        let mut flags = BatchFlags::default();
        let mut line_start = at;
        if matches!(shape.kind, Kind::Open | Kind::Split) {
            text.pop();
            text.push('~');
        }
        if let Some(from) = open_from.take() {
            (line_start, flags) = (from, flags.with(BatchFlags::FIRST_CONTINUES));
        } else if matches!(shape.kind, Kind::AfterMissed) {
            at += 1000;
            (line_start, flags) = (at, BatchFlags::AFTER_MISSED);
        }
        if matches!(shape.kind, Kind::Open) {
            flags = flags.with(BatchFlags::LAST_IS_OPEN);
        }
        if matches!(shape.kind, Kind::Open | Kind::Split) {
            open_from = Some(line_start);
        }
        let len = text.len() as u64;
        if matches!(shape.kind, Kind::Letter) {
            flags = flags.with(BatchFlags::DEAD_LETTER).with(BatchFlags::AFTER_MISSED);
            text.insert_str(0, "it was refused\n");
        }
        let made = BatchOf::source(source).at(at).line_start(line_start).flags(flags).continuations(&joined);
        let mut batch = made.text(&text);
        let header = std::sync::Arc::make_mut(&mut batch.header);
        header.end = at + len;
        read_at += shape.later;
        header.read_at = Timestamp::from_micros(read_at);
        header.format = Format::from_code(shape.format);
        if matches!(shape.kind, Kind::Letter) {
            (header.lines, header.records) = (1, 1);
        }
        at += len;
        all.push(batch);
    }
    all
}

fn record(value: &[u8], headers: &[(&'static str, &[u8])]) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: 0,
        timestamp: 1_760_000_000_000,
        key: None,
        value: Some(Bytes::copy_from_slice(value)),
        headers: headers
            .iter()
            .map(|(name, value)| (StrBytes::from_static_str(name), Some(Bytes::copy_from_slice(value))))
            .collect(),
    }
}

/// A batch as messages, as the brief description of the form says, without regard to how the producer does it.
fn messages(batch: &Batch) -> Vec<Record> {
    let header = &batch.header;
    if header.flags.has(BatchFlags::DEAD_LETTER) {
        let reason = batch.payload.iter().position(|c| *c == b'\n').expect("a reason");
        let value = &batch.payload[reason + 1..];
        return vec![message(batch, 0, value, RecordMeta::letter(header, false), &batch.payload[..reason])];
    }
    let mut starts: Vec<usize> = vec![0];
    let newlines = batch.payload.iter().enumerate().filter(|(_, c)| **c == b'\n').map(|(at, _)| at + 1);
    starts.extend(newlines.filter(|at| !header.continuations.contains(&(*at as u32)) && *at < batch.payload.len()));
    let ends = starts[1..].iter().copied().chain([batch.payload.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let newline = batch.payload[end - 1] == b'\n';
            let value = &batch.payload[start..end - usize::from(newline)];
            message(batch, start, value, RecordMeta::at(header, start as u64, end as u64, newline), b"")
        })
        .collect()
}

fn message(batch: &Batch, start: usize, value: &[u8], meta: RecordMeta, reason: &[u8]) -> Record {
    let header = &batch.header;
    let id = format!("{}.{}", header.key, header.start + start as u64);
    let mut ld = Vec::new();
    meta.encode(&mut ld);
    let (host, path, stream) = (header.host.as_bytes(), header.path.as_bytes(), header.stream.as_bytes());
    let mut headers = vec![(ID, id.as_bytes()), (HOST, host), (PATH, path), (STREAM, stream), (META, &ld)];
    if !reason.is_empty() {
        headers.push((REASON, reason));
    }
    record(value, &headers)
}

/// One way of compression: its number, and doing it.
type Packer = (Compression, fn(&[u8]) -> Vec<u8>);

const PACKERS: [Packer; 7] = [
    (Compression::None, <[u8]>::to_vec),
    (Compression::Gzip, |plain| {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(plain).and_then(|()| to.finish()).expect("compresses")
    }),
    (Compression::Snappy, |plain| snap::raw::Encoder::new().compress_vec(plain).expect("compresses")),
    (Compression::Snappy, |plain| {
        let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        for block in plain.chunks(100) {
            let packed = snap::raw::Encoder::new().compress_vec(block).expect("compresses");
            out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
            out.extend_from_slice(&packed);
        }
        out
    }),
    (Compression::Lz4, |plain| {
        let mut to = lz4::EncoderBuilder::new().build(Vec::new()).expect("an encoder");
        to.write_all(plain).expect("compresses");
        to.finish().0
    }),
    (Compression::Zstd, |plain| zstd::bulk::compress(plain, 1).expect("compresses")),
    (Compression::Zstd, |plain| {
        let mut to = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("an encoder");
        to.write_all(plain).and_then(|()| to.finish()).expect("compresses")
    }),
];

/// Messages as a broker answers with them: record batches of at most so many, the first at `offset`.
fn answer(messages: &[Record], offset: i64, per_batch: usize, packer: usize) -> Bytes {
    let (compression, pack) = PACKERS[packer % PACKERS.len()];
    let mut out = BytesMut::new();
    let mut at = offset;
    for chunk in messages.chunks(per_batch.max(1)) {
        let mut numbered = chunk.to_vec();
        for record in &mut numbered {
            (record.offset, record.sequence) = (at, at as i32);
            at += 1;
        }
        let options = RecordEncodeOptions { version: 2, compression };
        let packing = |plain: &mut BytesMut, out: &mut BytesMut, _: Compression| {
            out.put_slice(&pack(plain));
            Ok(())
        };
        RecordBatchEncoder::encode_with_custom_compression(&mut out, &numbered, &options, Some(packing))
            .expect("encodes");
    }
    out.freeze()
}

fn assembler() -> Assembler {
    Assembler::new(Origin {
        place: Place::default(),
        source: SourceId(77),
        stream: "theirs".to_owned(),
        host: "kafka".to_owned(),
        path: "kafka:theirs/0".to_owned(),
    })
}

fn read(bytes: &Bytes, from: i64) -> Vec<queue::Delivery> {
    let (assembler, mut scratch, mut out) = (assembler(), Scratch::default(), VecDeque::new());
    for raw in RawBatches::new(bytes.clone()) {
        assembler.batches(&raw.expect("whole"), from, &mut scratch, &mut out).expect("is read");
    }
    out.into()
}

/// Everything that can be seen of records, by id.
fn parsed<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> BTreeMap<String, String> {
    let mut parser = Parser::new();
    let mut all = BTreeMap::new();
    for batch in batches {
        let names = format!("{} {} {}", batch.header.stream, batch.header.host, batch.header.path);
        if batch.header.flags.has(BatchFlags::DEAD_LETTER) {
            let known = format!("{names} {:?} {:?}", batch.payload, batch.header);
            assert!(all.insert(format!("letter {}.{}", batch.header.key, batch.header.start), known).is_none());
            continue;
        }
        queue::driver::check_batch(batch, 1 << 30).expect("could be appended again");
        let found = parser.parse(batch, &ParseRules::default()).expect("parses");
        for (row, record) in found.records.iter().enumerate() {
            let fields: Vec<_> = found.fields(row).map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
            let line = (found.line(record), record.size, record.time, record.level, record.format, record.marks);
            let known = format!("{names} {line:?} {fields:?} {:?}", batch.header.revision);
            assert!(all.insert(found.id(record).to_string(), known).is_none(), "an id twice");
        }
    }
    all
}

fn shuffle(mut by_source: Vec<VecDeque<Batch>>, mut seed: u64) -> Vec<Batch> {
    let mut all = Vec::new();
    while by_source.iter().any(|left| !left.is_empty()) {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let n = (seed >> 33) as usize % by_source.len();
        all.extend(by_source[n].pop_front());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn records_survive_kafka(
        sources in prop::collection::vec(shapes(), 1..4), seed: u64, per_batch in 1usize..30, packer in 0usize..7, skip in 0usize..40
    ) {
        let made = sources.iter().enumerate().map(|(n, shapes)| batches(n as u128 + 1, shapes).into()).collect();
        let sent = shuffle(made, seed);
        let all: Vec<Record> = sent.iter().flat_map(messages).collect();
        let bytes = answer(&all, 1000, per_batch, packer);
        let came = read(&bytes, 0);
        prop_assert_eq!(parsed(came.iter().map(|d| &d.batch)), parsed(&sent));

        // Places count up, the last is that of the last message, and who goes on behind one misses and repeats nothing.
        let mut before = 999;
        for delivery in &came {
            prop_assert!(delivery.place.offset > before);
            before = delivery.place.offset;
        }
        prop_assert_eq!(before, 999 + all.len() as u64);
        let (seen, rest) = came.split_at(skip.min(came.len()));
        let from = seen.last().map_or(1000, |d| d.place.offset + 1);
        let again = read(&bytes, from as i64);
        prop_assert_eq!(again.iter().map(|d| (d.place, d.batch.clone())).collect::<Vec<_>>(),
                        rest.iter().map(|d| (d.place, d.batch.clone())).collect::<Vec<_>>());
    }

    #[test]
    fn messages_of_others_keep_their_ids(
        values in prop::collection::vec("[a-z \n]{0,40}", 1..60), per_batch in 1usize..20, packer in 0usize..7, skip in 0usize..60
    ) {
        let all: Vec<Record> = values.iter().map(|value| record(value.as_bytes(), &[("traceparent", b"00-1")])).collect();
        let bytes = answer(&all, 5, per_batch, packer);
        let came = read(&bytes, 0);
        let whole = parsed(came.iter().map(|d| &d.batch));
        prop_assert_eq!(whole.len(), values.len());
        let mut at = 5;
        let mut lines = Vec::new();
        for delivery in &came {
            let header = &delivery.batch.header;
            prop_assert_eq!(&*header.path, "kafka:theirs/0");
            prop_assert!(header.start >= at * ROOM, "ranges do not overlap");
            at = header.start / ROOM;
            lines.extend_from_slice(&delivery.batch.payload);
        }
        let expected: String = values.iter().map(|value| format!("{value}\n")).collect();
        prop_assert_eq!(lines, expected.into_bytes());
        let part = read(&bytes, 5 + skip as i64);
        for (id, known) in parsed(part.iter().map(|d| &d.batch)) {
            prop_assert_eq!(whole.get(&id), Some(&known));
        }
    }

    #[test]
    fn rubbish_is_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400), packer in 0usize..7, at in 0usize..400, len in 0i32..400) {
        let check = |bytes: Bytes| {
            let (assembler, mut scratch, mut out) = (assembler(), Scratch::default(), VecDeque::new());
            for raw in RawBatches::new(bytes).flatten() {
                let _ = assembler.batches(&raw, 0, &mut scratch, &mut out);
            }
        };
        check(bytes.clone().into());
        // A header that fits, and rubbish in it.
        bytes.resize(bytes.len().max(62), 7);
        let whole = bytes.len() as i32 - 12;
        bytes[8..12].copy_from_slice(&whole.to_be_bytes());
        bytes[..8].copy_from_slice(&3i64.to_be_bytes());
        bytes[16] = 2;
        bytes[21..23].copy_from_slice(&(PACKERS[packer].0 as i16).to_be_bytes());
        bytes[23..27].copy_from_slice(&len.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        check(bytes.clone().into());
        // A good answer with one byte turned.
        let batch = BatchOf::source(1).text("one\ntwo\nthree\n");
        let mut good = answer(&messages(&batch), 0, 2, packer).to_vec();
        let at = at % good.len();
        good[at] ^= 0x55;
        check(good.into());
    }
}

#[test]
fn whole_batches_come_as_they_went() {
    for codec in [Codec::None, Codec::Lz4] {
        let mut batch = BatchOf::source(4).at(90).continuations(&[4]).text("one\n two\nthree\n");
        std::sync::Arc::make_mut(&mut batch.header).codec = codec;
        let mut value = Vec::new();
        encode_batch(&batch, &mut value);
        let all = [record(b"theirs", &[]), record(&value, &[(BATCH, &[1])]), record(b"theirs", &[])];
        let came = read(&answer(&all, 0, 3, 4), 0);
        assert_eq!((came.len(), &came[1].batch, came[1].place.offset), (3, &batch, 1));
    }
}

#[test]
fn what_a_newer_logdrive_wrote_is_not_passed_over() {
    for (name, value) in [(META, &[9u8][..]), (BATCH, &[9])] {
        let id = b"00000000000000000000000001.0.7";
        let headers: &[(&str, &[u8])] = if name == META { &[(ID, id), (META, value)] } else { &[(name, value)] };
        let bytes = answer(&[record(b"x", headers)], 0, 1, 0);
        let raw = RawBatches::new(bytes).next().expect("one").expect("whole");
        let refused = assembler().batches(&raw, 0, &mut Scratch::default(), &mut VecDeque::new());
        assert!(matches!(refused, Err(Failure::Newer(_))), "{name}: {refused:?}");
    }
}

#[test]
fn what_is_damaged_says_how_and_where_to_go_on() {
    let good = answer(&[record(b"one", &[]), record(b"two", &[])], 10, 2, 0);
    let next = answer(&[record(b"three", &[])], 12, 1, 0);
    type Change = fn(&mut Vec<u8>);
    let table: [(&str, Change); 4] = [
        ("checksum", |bytes| bytes[70] ^= 1),
        ("version 1", |bytes| bytes[16] = 1),
        ("unknown way 6", |bytes| {
            bytes[22] = 6;
            let crc = crc32c::crc32c(&bytes[21..]);
            bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        }),
        ("malformed", |bytes| bytes[8] = 0xff),
    ];
    for (says, change) in table {
        let mut bytes = good.to_vec();
        change(&mut bytes);
        bytes.extend_from_slice(&next);
        let mut batches = RawBatches::new(bytes.into());
        let damage = match batches.next().expect("something") {
            Err(damaged) => {
                assert_eq!(damaged.last_offset, 10);
                Failure::Damage(damaged.damage)
            }
            Ok(raw) => {
                assembler().batches(&raw, 0, &mut Scratch::default(), &mut VecDeque::new()).expect_err("cannot be read")
            }
        };
        assert!(damage.to_string().contains(says), "{damage}");
        if says != "malformed" {
            assert_eq!(batches.next().expect("the next").expect("is whole").base_offset, 12);
        }
    }
    for cut in 0..next.len() {
        assert!(RawBatches::new(next.slice(..cut)).next().is_none(), "what is not whole is left for the next fetch");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let plain = vec![0u8; super::inflate::PLAIN_MAX + 1];
    for (compression, pack) in [PACKERS[1], PACKERS[4], PACKERS[5], PACKERS[6]] {
        let packed = pack(&plain);
        let refused = super::inflate::inflate(compression as i16, &packed, &mut Vec::new());
        assert!(matches!(refused, Err(Damage::TooLong(_))), "{compression:?}: {refused:?}");
    }
}
