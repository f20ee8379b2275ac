//! What must hold for any bytes at all.

use std::borrow::Cow;

use crate::common::{batch, batch_as};
use codec::{
    FieldReader, Framing, ParseMode, ParseRules, Parser, cut, cut_last_newline, detect, field, fields, is_record_start,
};
use model::{BatchFlags, Codec, Format, Marks, ParsedBatch};
use proptest::prelude::*;

/// Pieces that lines of all formats are made of.
const PIECES: [&str; 56] = [
    "2024-01-31T10:00:00.123Z",
    "2024-01-31 10:00:00,123",
    "2024/01/31 10:00:00",
    "31/Jan/2024:10:00:00 +0000",
    "Jan 31 10:00:00",
    "Sun Dec 04 04:47:44 2005",
    "081109 203615",
    "17/06/09 20:10:40",
    "I0131 10:00:00.123456",
    "12345:M 31 Jan 2024 10:00:00.123",
    "1706695200.123",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\\",
    "\\u00",
    "\\ud83d",
    ":",
    ",",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "=",
    "-",
    "---",
    "<34>",
    "<165>1 ",
    "INFO",
    "error",
    "[error]",
    "WARN",
    "12#34:",
    "*56",
    ", client: ",
    ", request: \"",
    "GET / HTTP/1.1",
    "200",
    "10.0.0.1",
    "host",
    "app[12]:",
    "kernel:",
    "level",
    "\"time\":",
    "\"level\":\"info\"",
    "key=value",
    "java.lang.Error: x",
    "\tat a.b(C.java:1)",
    "Caused by: ",
    "é",
    "\u{0}",
    "\x1b[2m",
    "null",
];

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            r#"{"time":"2024-01-31T10:00:00Z","level":"info","msg":"a \"b\"","n":{"x":1,"y":[1]},"id":"7f"}"#,
            r#"{"time":"2024-01-31T10:00:01Z","level":"warn","msg":"c","extra":null,"n":{"y":2}}"#,
            r#"10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.4.0" 0.1 x y"#,
            r#"<165>1 2003-10-11T22:14:15.003Z h app 1 ID47 [ex@1 iut="3" src="a \"b\""] An event"#,
            "Jan 31 10:00:00 h sshd[1]: Failed password",
            "2024-01-31 10:00:00,123 INFO [main] c.e.A - on",
            "ts=2024-01-31T10:00:00Z level=error msg=\"it \\\"broke\\\"\" n=3",
            "2024/01/31 10:00:00 [error] 1#2: *3 x, client: 10.0.0.1, server: _, request: \"GET / HTTP/1.1\"",
            "[Sun Dec 04 04:47:44 2005] [error] [client 10.0.0.1] x",
            "java.lang.IllegalStateException: no",
            "\tat c.e.A.b(A.java:1)",
            "just words",
            "",
        ][..],
    )
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(&Format::ALL[..])
}

/// The records cover the payload without gap or overlap, and end where lines end.
fn tiles(parsed: &ParsedBatch) {
    let mut at = 0;
    for record in &parsed.records {
        assert_eq!(record.start, at);
        assert!(record.size - record.len <= 1 && record.size > 0);
        at += record.size;
    }
    assert_eq!(at as usize, parsed.payload.len());
}

/// What `fields` reads from a record is what the columns say.
fn agrees(parsed: &ParsedBatch) {
    let mut reader = FieldReader::new();
    for (row, record) in parsed.records.iter().enumerate() {
        let line = parsed.line(record);
        let mut again = Vec::new();
        if !record.marks.has(Marks::UNPARSED) {
            fields(record.format, line, &mut |name, value: Cow<'_, [u8]>| {
                again.push((name.to_owned(), value.into_owned()))
            });
        }
        for (name, value) in &again {
            assert_eq!(field(record.format, line, name).as_deref(), Some(&**value), "{name}");
            assert_eq!(reader.field(record.format, line, name).as_deref(), Some(&**value), "{name}");
        }
        again.sort();
        let mut columns: Vec<_> = parsed.fields(row).map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        columns.sort();
        if parsed.columns.len() < 64 {
            assert_eq!(again, columns, "{}", String::from_utf8_lossy(line));
        }
    }
    let mut names: Vec<_> = parsed.columns.iter().map(|column| &column.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), parsed.columns.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_panics_and_records_tile(
        bytes in prop_oneof![soup(), prop::collection::vec(any::<u8>(), 0..200)],
        format in format(),
        join in any::<bool>(),
        only in any::<bool>(),
    ) {
        let framing = Framing { format, join };
        detect(&bytes);
        let rules = ParseRules { mode: if only { ParseMode::Only(format) } else { ParseMode::Auto }, ..ParseRules::default() };
        let parsed = Parser::new().parse(&batch(&bytes, framing), &rules).unwrap();
        tiles(&parsed);
        agrees(&parsed);
        prop_assert_eq!(parsed.records.len(), parsed.header.records as usize);
    }

    #[test]
    fn fields_agree_with_columns(
        lines in prop::collection::vec(line(), 0..300),
        format in format(),
        earlier in prop::collection::vec(line(), 0..20),
    ) {
        let framing = Framing { format, join: true };
        let bytes = lines.join("\n").into_bytes();
        let mut parser = Parser::new();
        // What a parser has seen before changes nothing.
        parser.parse(&batch(earlier.join("\n").as_bytes(), framing), &ParseRules::default()).unwrap();
        let parsed = parser.parse(&batch(&bytes, framing), &ParseRules::default()).unwrap();
        tiles(&parsed);
        agrees(&parsed);
        let fresh = Parser::new().parse(&batch(&bytes, framing), &ParseRules::default()).unwrap();
        prop_assert_eq!(parsed.columns, fresh.columns);
        prop_assert_eq!(parsed.records, fresh.records);
        prop_assert_eq!(parsed.text, fresh.text);
    }

    #[test]
    fn cut_counts_what_is_record_start_says(
        bytes in prop_oneof![soup(), prop::collection::vec(any::<u8>(), 0..200)],
        format in format(),
        join in any::<bool>(),
        first in any::<bool>(),
    ) {
        let framing = Framing { format, join };
        let mut continuations = vec![7];
        let found = cut(&bytes, framing, first, &mut continuations);
        let mut expected = vec![7];
        let (mut at, mut longest, mut last) = (0, 0, 0);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for line in &lines {
            if is_record_start(line, framing) || (at == 0 && first) {
                last = at;
            } else {
                expected.push(at as u32);
            }
            longest = longest.max(line.len());
            at += line.len();
        }
        prop_assert_eq!(&continuations, &expected);
        prop_assert_eq!(found.lines as usize, lines.len());
        prop_assert_eq!(found.records as usize, lines.len() - (expected.len() - 1));
        prop_assert_eq!(found.longest_line as usize, longest);
        prop_assert_eq!(found.last_record_start as usize, last);
        let longest_at = &bytes[found.longest_line_start as usize..];
        prop_assert_eq!(longest_at.split_inclusive(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len), longest);
        prop_assert_eq!(cut_last_newline(&bytes), bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1));
    }

    #[test]
    fn payloads_survive(bytes in soup(), codec in prop::sample::select(&[Codec::None, Codec::Lz4, Codec::Zstd][..]), flip in any::<prop::sample::Index>()) {
        let batch = batch_as(&bytes, Framing::default(), codec, BatchFlags::default());
        prop_assert_eq!(&codec::decode_payload(&batch, 1 << 20).unwrap()[..], &bytes[..]);
        if !bytes.is_empty() {
            prop_assert!(codec::decode_payload(&batch, bytes.len() - 1).is_err());
            let mut damaged = batch.clone();
            let mut payload = damaged.payload.to_vec();
            let at = flip.index(payload.len());
            payload[at] ^= 1;
            damaged.payload = payload.into();
            prop_assert!(codec::decode_payload(&damaged, 1 << 20).is_err());
        }
    }

    #[test]
    fn rubbish_does_not_decompress(payload in prop::collection::vec(any::<u8>(), 0..100), codec in prop::sample::select(&[Codec::Lz4, Codec::Zstd][..]), len in 0u64..10_000) {
        let mut batch = batch(b"", Framing::default());
        let header = std::sync::Arc::make_mut(&mut batch.header);
        header.codec = codec;
        header.end = header.start + len;
        header.payload_crc = crc32c::crc32c(&payload);
        batch.payload = payload.into();
        if let Ok(raw) = codec::decode_payload(&batch, 1 << 20) {
            prop_assert_eq!(raw.len() as u64, len);
        }
    }
}

#[test]
fn more_names_than_columns_or_numbers() {
    // 2000 names: the columns are bounded, the fields are all there, and a later batch is as if it were the first.
    let mut bytes = Vec::new();
    for n in 0..1000 {
        bytes.extend_from_slice(format!("{{\"k{n}\":1,\"a\":{{\"k{n}\":\"v{n}\"}},\"same\":\"x\"}}\n").as_bytes());
    }
    let framing = Framing { format: Format::Json, join: true };
    let mut parser = Parser::new();
    for _ in 0..3 {
        let parsed = parser.parse(&batch(&bytes, framing), &ParseRules::default()).unwrap();
        tiles(&parsed);
        assert_eq!(parsed.columns.len(), 64);
        assert_eq!(parsed.columns[2].name.as_ref(), "same");
        assert_eq!(parsed.value(&parsed.columns[2], 999), Some(&b"x"[..]));
        assert_eq!(field(Format::Json, parsed.line(&parsed.records[999]), "a.k999").as_deref(), Some(&b"v999"[..]));
        let later = b"{\"k5\":1,\"new\":2}\n{\"k6\":1,\"b\":{\"c\":3}}\n";
        let used = parser.parse(&batch(later, framing), &ParseRules::default()).unwrap();
        let fresh = Parser::new().parse(&batch(later, framing), &ParseRules::default()).unwrap();
        assert_eq!(used.columns, fresh.columns);
    }
}

#[test]
fn a_line_of_very_many_fields() {
    // More than there are numbers for names in one line; `k0` stands twice.
    let pairs: Vec<String> = (0..70_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let line = format!("{{\"k0\":0,{}}}\n", pairs.join(","));
    let framing = Framing { format: Format::Json, join: true };
    let parsed = Parser::new().parse(&batch(line.as_bytes(), framing), &ParseRules::default()).unwrap();
    assert_eq!((parsed.columns.len(), parsed.fields(0).count()), (64, 64 + parsed.spare.len()));
    let mut names = Vec::new();
    fields(Format::Json, line.as_bytes(), &mut |name, _| names.push(name.to_owned()));
    assert_eq!(names.len(), 61_437);
    names.dedup();
    assert_eq!(names.len(), 61_437);
}
