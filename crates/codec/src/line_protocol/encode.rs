//! A point to its line.

use std::borrow::Cow;
use std::io::Write as _;

use model::{FieldValue, Point};

use super::{EncodeError, Precision};

/// Adds the line of a point to `out`, with its line break.
///
/// # Errors
/// Where the point has no form in line protocol; `out` is then as it was.
pub fn encode(point: &Point, precision: Precision, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let len = out.len();
    let written = line(point, precision, out);
    if written.is_err() {
        out.truncate(len);
    }
    written
}

/// The text with what names and tags cannot carry made to fit: control characters become spaces, backslashes at the end
/// go.
pub fn fit(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim_end_matches('\\');
    if !trimmed.contains(|c: char| c.is_ascii_control()) {
        return Cow::Borrowed(trimmed);
    }
    let fitting = trimmed.replace(|c: char| c.is_ascii_control(), " ");
    Cow::Owned(fitting)
}

fn line(point: &Point, precision: Precision, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if point.measurement.starts_with('#') {
        return Err(refuse("the measurement", &point.measurement, "a line that begins with # is a comment"));
    }
    name("the measurement", &point.measurement, b", ", out)?;
    for (key, value) in &point.tags {
        out.push(b',');
        name("the tag", key, b", =", out)?;
        out.push(b'=');
        name("the tag value", value, b", =", out)?;
    }
    if point.fields.is_empty() {
        return Err(EncodeError { what: "a point".to_owned(), reason: "it has no field" });
    }
    for (at, (key, value)) in point.fields.iter().enumerate() {
        out.push(if at == 0 { b' ' } else { b',' });
        name("the field", key, b", =", out)?;
        out.push(b'=');
        field(key, value, out)?;
    }
    let micros = point.time.as_micros();
    let time = match precision {
        Precision::Nanoseconds => micros.checked_mul(1000).ok_or_else(|| EncodeError {
            what: format!("the time {}", point.time),
            reason: "it is outside of the years 1677 to 2262 that nanoseconds reach",
        })?,
        Precision::Microseconds => micros,
        Precision::Milliseconds => micros.div_euclid(1000),
        Precision::Seconds => micros.div_euclid(1_000_000),
    };
    put(out, format_args!(" {time}\n"));
    Ok(())
}

/// A measurement, key or tag value. A backslash means something only before one of `special`, so that it stands for
/// itself, save at the end, where what follows would be escaped.
fn name(what: &str, text: &str, special: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if text.is_empty() {
        return Err(refuse(what, text, "it is empty"));
    }
    if text.ends_with('\\') {
        return Err(refuse(what, text, "it ends in a backslash"));
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(refuse(what, text, "it holds a control character"));
    }
    for byte in text.bytes() {
        if special.contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
    Ok(())
}

fn field(key: &str, value: &FieldValue, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match value {
        FieldValue::Float(value) if !value.is_finite() => {
            return Err(refuse("the field", key, "its value is no finite number"));
        }
        // Very large and very small ones in full would be hundreds of digits long.
        FieldValue::Float(value) if *value != 0.0 && !(1e-5..1e16).contains(&value.abs()) => {
            put(out, format_args!("{value:e}"));
        }
        FieldValue::Float(value) => put(out, format_args!("{value}")),
        FieldValue::Integer(value) => put(out, format_args!("{value}i")),
        FieldValue::Unsigned(value) => put(out, format_args!("{value}u")),
        FieldValue::Boolean(value) => put(out, format_args!("{value}")),
        FieldValue::Text(text) => {
            out.push(b'"');
            for byte in text.bytes() {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
    }
    Ok(())
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}

fn refuse(what: &str, text: &str, reason: &'static str) -> EncodeError {
    let shown: String = text.chars().take(64).collect();
    EncodeError { what: format!("{what} {shown:?}"), reason }
}
