//! A line to its point.

use base::Timestamp;
use model::{FieldValue, Point};

use super::{ParseError, Precision};

/// The point of a line. Without a time of its own it gets `now`.
///
/// # Errors
/// Where it is no line protocol: at which column, and what would be right.
pub fn parse(line: &[u8], precision: Precision, now: Timestamp) -> Result<Point, ParseError> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let column = String::from_utf8_lossy(&line[..error.valid_up_to()]).chars().count() + 1;
        ParseError { column, reason: "these bytes are not UTF-8".to_owned() }
    })?;
    Scan { text, at: 0 }.point(precision, now)
}

/// The lines of a text that hold points: without empty ones and comments. A line break within a quoted text does not
/// end a line.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = line_end(rest);
            let line = rest[..end].trim_ascii();
            rest = rest.get(end + 1..).unwrap_or_default();
            if !line.is_empty() && line[0] != b'#' {
                return Some(line);
            }
        }
        None
    })
}

/// Where the first line ends: at a line break that is in no quoted text. A quote opens a text only as the first
/// character of a field's value; elsewhere it is a character as any other.
fn line_end(text: &[u8]) -> usize {
    let comment = text.trim_ascii_start().first() == Some(&b'#');
    let began = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let escaped = |at: usize| at > 0 && text[at - 1] == b'\\';
    let (mut in_fields, mut value, mut quoted, mut at) = (false, false, false, 0);
    while at < text.len() {
        let byte = text[at];
        match byte {
            b'\n' if !quoted => return at,
            b'\\' if quoted && matches!(text.get(at + 1), Some(b'"' | b'\\')) => at += 1,
            b'"' if quoted => quoted = false,
            b'"' if value && !comment => quoted = true,
            b' ' if !quoted && at > began && !escaped(at) => in_fields = true,
            _ => {}
        }
        value = byte == b'=' && !quoted && in_fields && !escaped(at);
        at += 1;
    }
    text.len()
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn point(mut self, precision: Precision, now: Timestamp) -> Result<Point, ParseError> {
        self.blanks();
        if self.peek() == Some(b'#') {
            return Err(self.wrong("this is a comment"));
        }
        let measurement = self.name(b", ", b", ", "a measurement")?;
        let tags = self.tags()?;
        self.blanks();
        let fields = self.fields()?;
        self.blanks();
        let time = self.time(precision, now)?;
        Ok(Point { measurement, tags, fields, time })
    }

    fn tags(&mut self) -> Result<Vec<(String, String)>, ParseError> {
        let mut tags = Vec::new();
        while self.peek() == Some(b',') {
            self.at += 1;
            let began = self.at;
            let key = self.name(b", =", b", =", "the key of a tag")?;
            self.equals("tag", &key)?;
            let value = self.name(b", =", b", =", "the value of a tag")?;
            if self.peek() == Some(b'=') {
                return Err(self.wrong("an equals sign within the value of a tag is written \\="));
            }
            if tags.iter().any(|(known, _)| *known == key) {
                return Err(self.wrong_at(began, format!("the tag '{key}' was there before")));
            }
            tags.push((key, value));
        }
        tags.sort_unstable();
        Ok(tags)
    }

    fn fields(&mut self) -> Result<Vec<(String, FieldValue)>, ParseError> {
        let mut fields: Vec<(String, FieldValue)> = Vec::new();
        loop {
            let key = self.name(b", =", b", =", "the key of a field")?;
            self.equals("field", &key)?;
            let value = self.value()?;
            // As in InfluxDB: the later value of a field wins.
            match fields.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => fields.push((key, value)),
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                None | Some(b' ' | b'\t' | b'\r' | b'\n') => return Ok(fields),
                Some(_) => return Err(self.wrong("after the value of a field: a comma, a space or the end")),
            }
        }
    }

    fn time(&mut self, precision: Precision, now: Timestamp) -> Result<Timestamp, ParseError> {
        let text = self.text[self.at..].trim_end();
        if text.is_empty() {
            return Ok(now);
        }
        let Ok(number) = text.parse::<i64>() else {
            return Err(self.wrong("after the fields only the time may follow, as a whole number"));
        };
        let micros = match precision {
            Precision::Nanoseconds => Some(number.div_euclid(1000)),
            Precision::Microseconds => Some(number),
            Precision::Milliseconds => number.checked_mul(1000),
            Precision::Seconds => number.checked_mul(1_000_000),
        };
        micros.map(Timestamp::from_micros).ok_or_else(|| self.wrong("this time is too far away; is its unit right?"))
    }

    /// Characters up to the first of `stops` that has no backslash before it.
    fn name(&mut self, stops: &[u8], special: &[u8], what: &str) -> Result<String, ParseError> {
        let (bytes, began) = (self.text.as_bytes(), self.at);
        let mut name = String::new();
        let mut from = self.at;
        while let Some(&byte) = bytes.get(self.at) {
            let escapes = byte == b'\\' && bytes.get(self.at + 1).is_some_and(|next| special.contains(next));
            if escapes {
                name.push_str(&self.text[from..self.at]);
                from = self.at + 1;
                self.at += 2;
            } else if stops.contains(&byte) || byte == b'\n' {
                break;
            } else {
                self.at += 1;
            }
        }
        name.push_str(&self.text[from..self.at]);
        if name.is_empty() {
            return Err(self.wrong_at(began, format!("{what} is missing")));
        }
        Ok(name)
    }

    fn equals(&mut self, what: &str, key: &str) -> Result<(), ParseError> {
        if self.peek() != Some(b'=') {
            return Err(self.wrong(format!("the {what} '{key}' has no value; after its key comes an equals sign")));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<FieldValue, ParseError> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let began = self.at;
        let rest = &self.text[began..];
        let token = &rest[..rest.find([',', ' ', '\t', '\r', '\n']).unwrap_or(rest.len())];
        let value = match token {
            "" => return Err(self.wrong("the value of a field is missing")),
            "t" | "T" | "true" | "True" | "TRUE" => FieldValue::Boolean(true),
            "f" | "F" | "false" | "False" | "FALSE" => FieldValue::Boolean(false),
            number => match number_of(number) {
                Some(value) => value,
                None => {
                    let reason = format!("'{token}' is no number, true, false or text in quotes, or is out of range");
                    return Err(self.wrong(reason));
                }
            },
        };
        self.at += token.len();
        Ok(value)
    }

    fn quoted(&mut self) -> Result<FieldValue, ParseError> {
        let began = self.at;
        let mut text = String::new();
        let mut chars = self.text[began + 1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = began + 1 + at + 1;
                    return Ok(FieldValue::Text(text));
                }
                '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                    Some((_, escaped)) => text.push(escaped),
                    None => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        Err(self.wrong_at(began, "this text has no quote at its end"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn wrong(&self, reason: impl Into<String>) -> ParseError {
        self.wrong_at(self.at, reason)
    }

    fn wrong_at(&self, at: usize, reason: impl Into<String>) -> ParseError {
        ParseError { column: self.text[..at].chars().count() + 1, reason: reason.into() }
    }
}

/// `1i`, `1u`, or a float; none that is infinite.
fn number_of(text: &str) -> Option<FieldValue> {
    if let Some(digits) = text.strip_suffix('i') {
        return digits.parse().ok().map(FieldValue::Integer);
    }
    if let Some(digits) = text.strip_suffix('u') {
        return digits.parse().ok().map(FieldValue::Unsigned);
    }
    // The names of what is no number (inf, nan) would be taken too.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let value: f64 = text.parse().ok().filter(|_| plain)?;
    value.is_finite().then_some(FieldValue::Float(value))
}
