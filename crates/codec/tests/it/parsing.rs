//! What becomes of a batch as a whole: marks, rules, columns, checksums.

use std::sync::Arc;

use base::{ErrorKind, Explain, Timestamp};
use codec::{CodecError, Framing, ParseMode, ParseRules, Parser};
use model::{BatchFlags, Codec, Format, Level, Marks, Values};
use regex::bytes::RegexSet;

use crate::common::{batch, batch_as, parse, read_at};

const JSON: Framing = Framing { format: Format::Json, join: true };

#[test]
fn one_odd_line_costs_itself_only() {
    let parsed = parse(
        b"{\"a\":1}\n10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\nodd\n{\"a\":2}\n",
        Format::Json,
    );
    let formats: Vec<Format> = parsed.records.iter().map(|record| record.format).collect();
    assert_eq!(formats, [Format::Json, Format::Access, Format::Unknown, Format::Json]);
    assert_eq!(parsed.fields(3).collect::<Vec<_>>(), [("a", &b"2"[..])]);
    assert_eq!(parsed.fields(2).count(), 0);
}

#[test]
fn a_part_of_a_line_is_not_parsed() {
    let bytes = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}";
    let flags = BatchFlags::FIRST_CONTINUES.with(BatchFlags::LAST_IS_OPEN);
    let parsed = Parser::new().parse(&batch_as(bytes, JSON, Codec::Lz4, flags), &ParseRules::default()).unwrap();
    let first = parsed.records[0];
    assert_eq!((first.format, first.time, first.level), (Format::Unknown, read_at(), Level::Unknown));
    assert!(first.marks.has(Marks::CONTINUES.with(Marks::UNPARSED).with(Marks::TIME_IS_READ_TIME)));
    assert_eq!(parsed.fields(0).count(), 0);
    assert_eq!(parsed.fields(1).count(), 1);
    assert!(!parsed.records[1].marks.has(Marks::OPEN) && parsed.records[2].marks.has(Marks::OPEN));
    assert_eq!((parsed.records[2].len, parsed.records[2].size), (7, 7));
}

#[test]
fn rules_of_the_stream() {
    let bytes = b"2024-01-31 10:00:00 INFO a\n2024-01-31 10:00:01 DEBUG b\n2024-01-31 10:00:02 INFO c\n";
    let framing = Framing { format: Format::Timestamped, join: true };
    let batch = batch(bytes, framing);
    let mut rules = ParseRules { utc_offset_secs: Some(-7200), ..ParseRules::default() };
    rules.drop = Some(RegexSet::new(["DEBUG", "never"]).unwrap());
    let parsed = Parser::new().parse(&batch, &rules).unwrap();
    assert_eq!(parsed.records.len(), 2);
    assert_eq!(parsed.records[0].time.to_string(), "2024-01-31T12:00:00Z");
    assert_eq!(parsed.dropped.ranges(), [(1027, 1055)]);

    rules = ParseRules { mode: ParseMode::None, ..ParseRules::default() };
    let parsed = Parser::new().parse(&batch, &rules).unwrap();
    assert_eq!((parsed.records[0].format, parsed.records[0].time), (Format::Plain, read_at()));
    assert_eq!(parsed.records[0].marks, Marks::TIME_IS_READ_TIME);

    rules.mode = ParseMode::Only(Format::Json);
    let parsed = Parser::new().parse(&batch, &rules).unwrap();
    assert!(parsed.records.iter().all(|record| record.marks.has(Marks::UNPARSED)));
}

#[test]
fn a_year_is_completed_from_the_time_of_reading() {
    let cases = [
        // read at 2024-03-01 12:00, times are at +01:00
        ("Mar  2 12:00:00", "2024-03-02T11:00:00Z"),
        ("Mar  2 13:00:01", "2023-03-02T12:00:01Z"),
        ("Feb 29 10:00:00", "2024-02-29T09:00:00Z"),
        ("Dec 31 23:59:59", "2023-12-31T22:59:59Z"),
    ];
    for (written, time) in cases {
        let parsed = parse(format!("{written} h a: b\n").as_bytes(), Format::Syslog3164);
        assert_eq!(parsed.records[0].time.to_string(), time, "{written}");
        assert!(parsed.records[0].marks.has(Marks::TIME_COMPLETED));
    }
    // The last February 29 before it, and a clock that is beyond all bounds.
    let mut batch = batch(b"Feb 29 10:00:00 h a: b\n", Framing { format: Format::Syslog3164, join: true });
    for (read, expected) in [
        (Timestamp::from_civil(2023, 6, 1, 0), "2020-02-29T09:00:00Z".to_owned()),
        (Timestamp::from_civil(1903, 1, 1, 0), "1903-01-01T00:00:00Z".to_owned()),
    ] {
        Arc::make_mut(&mut batch.header).read_at = read;
        let parsed = Parser::new().parse(&batch, &ParseRules::default()).unwrap();
        assert_eq!(parsed.records[0].time.to_string(), expected);
    }
    for read in [Timestamp::MIN, Timestamp::MAX] {
        Arc::make_mut(&mut batch.header).read_at = read;
        Parser::new().parse(&batch, &ParseRules::default()).unwrap();
    }
}

#[test]
fn columns_are_coded_until_values_hardly_repeat() {
    let lines: String = (0..1000)
        .map(|n| {
            format!(
                "{{\"level\":\"{}\",\"id\":\"id-{n}\",\"late\":\"{}\"}}\n",
                ["info", "warn"][n % 2],
                if n < 300 { 0 } else { n }
            )
        })
        .collect();
    let parsed = parse(lines.as_bytes(), Format::Json);
    let values = |name: &str| &parsed.columns.iter().find(|column| &*column.name == name).unwrap().values;
    assert!(
        matches!(values("level"), Values::Coded { dictionary, codes } if dictionary.len() == 2 && codes.len() == 1000)
    );
    assert!(matches!(values("id"), Values::Unique(spans) if spans.len() == 1000));
    assert!(matches!(values("late"), Values::Unique(_)));
    for (row, n) in [(0, "0"), (299, "0"), (300, "300"), (999, "999")] {
        let late = parsed.fields(row).find(|(name, _)| *name == "late").unwrap();
        assert_eq!(late.1, n.as_bytes());
    }
}

#[test]
fn a_carriage_return_belongs_to_the_line_but_to_no_field() {
    let parsed = parse(b"10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 612\r\n", Format::Access);
    assert!(parsed.line(&parsed.records[0]).ends_with(b"612\r"));
    assert!(parsed.fields(0).any(|field| field == ("bytes", &b"612"[..])));
}

#[test]
fn damage_is_told_from_a_lie() {
    let sound = batch_as(&b"{\"a\":1}\n".repeat(50), JSON, Codec::Zstd, BatchFlags::default());
    assert_eq!(sound.header.codec, Codec::Zstd);
    let mut damaged = sound.clone();
    Arc::make_mut(&mut damaged.header).payload_crc ^= 1;
    let error = Parser::new().parse(&damaged, &ParseRules::default()).unwrap_err();
    assert!(matches!(error, CodecError::Checksum { .. }) && error.kind() == ErrorKind::Corrupt, "{error}");
    for len in [10, 500] {
        let mut lying = sound.clone();
        let header = Arc::make_mut(&mut lying.header);
        header.end = header.start + len;
        assert_eq!(Parser::new().parse(&lying, &ParseRules::default()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert!(matches!(codec::decode_payload(&sound, 10), Err(CodecError::TooLong { .. })));
    // What does not shrink is carried as it is.
    assert_eq!(batch_as(b"x\n", JSON, Codec::Lz4, BatchFlags::default()).header.codec, Codec::None);
}

#[test]
fn fields_beyond_the_columns_are_kept_too() {
    let wide = |row: usize| {
        let pairs: Vec<String> = (0..100).map(|n| format!("\"k{n}\":\"v{row}\\t{n}\"")).collect();
        format!("{{{},\"k99\":\"again\"}}\n", pairs.join(","))
    };
    let text: String = (0..3).map(|row| if row == 1 { "{\"k0\":1}\n".to_owned() } else { wide(row) }).collect();
    let parsed = parse(text.as_bytes(), Format::Json);
    assert_eq!((parsed.columns.len(), parsed.spare.len()), (64, 72));
    for row in 0..3 {
        let mut read = Vec::new();
        codec::fields(Format::Json, parsed.line(&parsed.records[row]), &mut |name, value| {
            read.push((name.to_owned(), value.into_owned()));
        });
        let kept: Vec<_> = parsed.fields(row).map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        assert_eq!(kept, read, "row {row}");
    }
    assert_eq!(parsed.field(2, "k99"), Some(b"v2\t99".as_slice()));
    assert_eq!(parsed.field(1, "k99"), None);
    assert_eq!(parsed.field(2, "k3"), Some(b"v2\t3".as_slice()));
}

#[test]
fn fields_beyond_the_columns_are_bounded() {
    let pairs: Vec<String> = (0..5000).map(|n| format!("k{n}=1")).collect();
    let text = pairs.join(" ") + "\n";
    let parsed = parse(text.as_bytes(), Format::Logfmt);
    assert_eq!(parsed.spare.len(), text.len() / 16);
}
