//! The JSON of a hit, written by hand: a stream of millions must cost little more than copying their bytes.
//!
//! `{"id","time","stream","host","path","level","line","fields"}`, and where there is something to say also `marks`
//! and, for lines that are not UTF-8, `line_base64` (then `line` shows them with replacement characters).

use std::io::Write as _;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Marks;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Hit, HitCursor};

/// The shape of a hit, for the description of the API.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Hit")]
pub(crate) struct HitShape {
    /// Identity of the record: `source.generation.offset`.
    id: String,
    /// When it happened, RFC 3339, UTC.
    time: String,
    /// What it was collected with.
    stream: String,
    /// The machine it comes from.
    host: String,
    /// The path of its file when it was read.
    path: String,
    /// unknown, trace, debug, info, warn, error or fatal.
    level: String,
    /// The record as text; exact unless `line_base64` is there.
    line: String,
    /// The record's bytes, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
    /// Parsed fields. Values that are plain numbers of at most 15 digits, `true` or `false` are so in JSON too;
    /// everything else is text.
    fields: serde_json::Map<String, serde_json::Value>,
    /// What else is to be known: `time_is_read_time`, `time_completed`, `unparsed`, `continues`, `open`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<String>,
}

/// Appends the JSON of `hit`.
pub(crate) fn write_hit(out: &mut Vec<u8>, hit: &Hit) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{\"id\":\"{}\",\"time\":\"", hit.id);
    write_time(out, hit.time);
    out.extend_from_slice(b"\",\"stream\":");
    write_text(out, &hit.stream);
    out.extend_from_slice(b",\"host\":");
    write_text(out, &hit.host);
    out.extend_from_slice(b",\"path\":");
    write_text(out, &hit.path);
    out.extend_from_slice(b",\"level\":\"");
    out.extend_from_slice(hit.level.name().as_bytes());
    out.extend_from_slice(b"\",\"line\":");
    if let Ok(line) = std::str::from_utf8(&hit.line) {
        write_text(out, line);
    } else {
        write_text(out, &String::from_utf8_lossy(&hit.line));
        out.extend_from_slice(b",\"line_base64\":\"");
        out.extend_from_slice(STANDARD.encode(&hit.line).as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b",\"fields\":{");
    for (n, (name, value)) in hit.fields.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_text(out, name);
        out.push(b':');
        write_value(out, value);
    }
    out.push(b'}');
    write_marks(out, hit.marks);
    out.push(b'}');
}

/// Appends what `Timestamp` shows, without the cost of the formatting machinery.
fn write_time(out: &mut Vec<u8>, time: Timestamp) {
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    let (year, month, day) = time.date();
    if !(0..=9999).contains(&year) {
        let _ = write!(out, "{time}");
        return;
    }
    let micros = time.as_micros().rem_euclid(MICROS_PER_DAY) as u64;
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    write_digits::<4>(out, year as u64);
    out.push(b'-');
    write_digits::<2>(out, u64::from(month));
    out.push(b'-');
    write_digits::<2>(out, u64::from(day));
    out.push(b'T');
    write_digits::<2>(out, seconds / 3600);
    out.push(b':');
    write_digits::<2>(out, seconds / 60 % 60);
    out.push(b':');
    write_digits::<2>(out, seconds % 60);
    if fraction > 0 {
        out.push(b'.');
        if fraction % 1000 == 0 {
            write_digits::<3>(out, fraction / 1000);
        } else {
            write_digits::<6>(out, fraction);
        }
    }
    out.push(b'Z');
}

fn write_digits<const N: usize>(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

fn write_marks(out: &mut Vec<u8>, marks: Marks) {
    let names = Marks::NAMES.iter().filter(|(mark, _)| marks.has(*mark));
    for (n, (_, name)) in names.enumerate() {
        out.extend_from_slice(if n == 0 { b",\"marks\":[\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
    }
    if marks != Marks::default() && out.last() == Some(&b'"') {
        out.push(b']');
    }
}

/// A field's value: a number or a boolean where it is plainly one, a string otherwise.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    if is_plain_number(value) || value == b"true" || value == b"false" {
        out.extend_from_slice(value);
    } else {
        write_text(out, &String::from_utf8_lossy(value));
    }
}

/// Appends a JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Writing to a Vec cannot fail, and every text has a JSON form.
    let _ = serde_json::to_writer(out, text);
}

/// Whether it is a JSON number without exponent, of at most 15 digits (which a double holds exactly), as a program
/// would write it again: neither `-0` nor `3.10`, which is a version more often than a number.
fn is_plain_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let fraction = match digits.get(whole) {
        None => 0,
        Some(b'.') => digits.len() - whole - 1,
        Some(_) => return false,
    };
    let fraction_is_right = digits.len() == whole
        || (fraction > 0 && digits[whole + 1..].iter().all(u8::is_ascii_digit) && !digits.ends_with(b"0"));
    let zero_is_right = whole == 1 || digits.first() != Some(&b'0');
    whole > 0 && fraction_is_right && zero_is_right && whole + fraction <= 15 && text != b"-0"
}

/// The text of a cursor: `micros.source.generation.offset`.
pub(crate) fn cursor_text(cursor: HitCursor) -> String {
    format!("{}.{}", cursor.time.as_micros(), cursor.id)
}

/// Reads the text of a cursor.
pub(crate) fn parse_cursor(text: &str) -> Option<HitCursor> {
    let (micros, id) = text.split_once('.')?;
    Some(HitCursor { time: Timestamp::from_micros(micros.parse().ok()?), id: id.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use model::{Format, Generation, Level, RecordId, SourceId, SourceKey};
    use proptest::prelude::*;

    use super::*;

    fn hit(line: &[u8], marks: Marks, fields: &[(&str, &[u8])]) -> Hit {
        Hit {
            id: RecordId { key: SourceKey::new(SourceId(1), Generation(2)), offset: 3 },
            time: Timestamp::from_micros(1_700_000_000_123_000),
            stream: "web".to_owned(),
            host: "h\"1".to_owned(),
            path: "/var/log/ä.log".to_owned(),
            level: Level::Error,
            format: Format::Json,
            marks,
            line: line.to_vec(),
            size: line.len() as u32 + 1,
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
        }
    }

    fn json(hit: &Hit) -> String {
        let mut out = Vec::new();
        write_hit(&mut out, hit);
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn has_exactly_the_keys_that_were_promised() {
        assert_eq!(
            json(&hit(b"a \"b\"\r", Marks::default(), &[("status", b"500"), ("ok", b"true"), ("zip", b"01234")])),
            r#"{"id":"00000000000000000000000001.2.3","time":"2023-11-14T22:13:20.123Z","stream":"web","host":"h\"1","#
                .to_owned()
                + r#""path":"/var/log/ä.log","level":"error","line":"a \"b\"\r","#
                + r#""fields":{"status":500,"ok":true,"zip":"01234"}}"#
        );
    }

    #[test]
    fn says_what_is_special() {
        let marks = Marks::UNPARSED.with(Marks::OPEN);
        let value: serde_json::Value = serde_json::from_str(&json(&hit(b"x\xff\0", marks, &[]))).expect("is JSON");
        assert_eq!(value["line"], "x\u{fffd}\0");
        assert_eq!(value["line_base64"], "eP8A");
        assert_eq!(value["marks"], serde_json::json!(["unparsed", "open"]));
    }

    #[test]
    fn numbers_are_plain_ones_only() {
        for (text, is) in [
            ("0", true),
            ("-7", true),
            ("0.5", true),
            ("12.5", true),
            ("123456789012345", true),
            ("1234567890123456", false),
            ("", false),
            ("-", false),
            ("01", false),
            ("-0", false),
            ("1.", false),
            ("3.10", false),
            (".5", false),
            ("1e5", false),
            ("+1", false),
            ("1.2.3", false),
            ("1 ", false),
            ("-01", false),
        ] {
            assert_eq!(is_plain_number(text.as_bytes()), is, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_become_json(line: Vec<u8>, name: String, value: Vec<u8>, marks: u8) {
            let text = json(&hit(&line, Marks(marks), &[(&name, &value)]));
            let read: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
            let exact = match read.get("line_base64") {
                Some(base64) => STANDARD.decode(base64.as_str().expect("is text")).expect("is base 64"),
                None => read["line"].as_str().expect("is text").as_bytes().to_vec(),
            };
            prop_assert_eq!(exact, line);
            prop_assert!(read["fields"].get(&name).is_some());
            prop_assert!(!text.contains('\n'));
        }

        #[test]
        fn times_are_shown_as_they_show_themselves(micros in -70_000_000_000_000_000i64..270_000_000_000_000_000, unit in 0u32..3) {
            let scale = [1, 1000, 1_000_000][unit as usize];
            let time = Timestamp::from_micros(micros / scale * scale);
            let mut out = Vec::new();
            write_time(&mut out, time);
            prop_assert_eq!(String::from_utf8(out).expect("is ASCII"), time.to_string());
        }

        #[test]
        fn cursors_survive_their_text(micros: i64, source: u128, generation: u32, offset: u64) {
            let key = SourceKey::new(SourceId(source), Generation(generation));
            let cursor = HitCursor { time: Timestamp::from_micros(micros), id: RecordId { key, offset } };
            prop_assert_eq!(parse_cursor(&cursor_text(cursor)), Some(cursor));
        }
    }
}
