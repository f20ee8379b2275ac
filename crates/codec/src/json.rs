//! JSON objects, one a record: every scalar is a field, nested names joined with dots, arrays kept as raw text.
//!
//! Decision: no tree is built. One recursive pass checks the syntax and notes where names and values stand; only
//! strings with escapes are copied.

use model::Level;

use crate::fields::{Fields, Item, Name, Piece, piece};
use crate::scan;
use crate::time::Stamp;

/// Objects nested deeper than this are kept as raw text.
const DEPTH_MAX: u32 = 16;
/// Anything nested deeper than this is no log line.
const SKIP_DEPTH_MAX: u32 = 128;

/// Reads a record that is one JSON object; `false` where it is not.
pub(crate) fn parse(line: &[u8], out: &mut Fields) -> bool {
    let start = skip_space(line, 0);
    if line.get(start) != Some(&b'{') {
        return false;
    }
    let mut reader = Reader { line, out };
    match reader.object(start, 0, piece(0, 0)) {
        Some(end) => skip_space(line, end) == line.len(),
        None => false,
    }
}

struct Reader<'a, 'b> {
    line: &'a [u8],
    out: &'b mut Fields,
}

#[inline]
fn skip_space(line: &[u8], mut at: usize) -> usize {
    while matches!(line.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

impl Reader<'_, '_> {
    /// The object that opens at `at`; where it ends. `prefix` is what goes before its names (a piece of the text).
    fn object(&mut self, at: usize, depth: u32, prefix: Piece) -> Option<usize> {
        let mut at = skip_space(self.line, at + 1);
        if self.line.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        loop {
            if self.line.get(at) != Some(&b'"') {
                return None;
            }
            let (key, end) = self.string(at + 1)?;
            at = skip_space(self.line, end);
            if self.line.get(at) != Some(&b':') {
                return None;
            }
            at = skip_space(self.line, at + 1);
            at = self.member(at, depth, prefix, key)?;
            at = skip_space(self.line, at);
            match self.line.get(at)? {
                b',' => at = skip_space(self.line, at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// The value at `at` under its name; where it ends.
    #[inline]
    fn member(&mut self, at: usize, depth: u32, prefix: Piece, key: Piece) -> Option<usize> {
        match self.line.get(at)? {
            b'"' => {
                let (value, end) = self.string(at + 1)?;
                self.field(prefix, key, value, true);
                Some(end)
            }
            b'{' if depth < DEPTH_MAX => {
                let from = self.out.text.len();
                self.append_name(prefix, key);
                self.out.text.push(b'.');
                let prefix = self.out.text_from(from);
                self.object(at, depth + 1, prefix)
            }
            b'{' | b'[' => {
                let end = self.skip_nested(at, 0)?;
                self.field(prefix, key, piece(at, end), false);
                Some(end)
            }
            b'n' => self.line[at..].starts_with(b"null").then_some(at + 4),
            b't' => self.word(at, b"true", prefix, key),
            b'f' => self.word(at, b"false", prefix, key),
            b'-' | b'0'..=b'9' => {
                let end = number_end(self.line, at);
                self.field(prefix, key, piece(at, end), true);
                Some(end)
            }
            _ => None,
        }
    }

    fn word(&mut self, at: usize, word: &[u8], prefix: Piece, key: Piece) -> Option<usize> {
        if !self.line[at..].starts_with(word) {
            return None;
        }
        self.field(prefix, key, piece(at, at + word.len()), false);
        Some(at + word.len())
    }

    /// The string whose first character is at `at`, and where it ends. Copied only if it has escapes.
    #[inline]
    fn string(&mut self, at: usize) -> Option<(Piece, usize)> {
        let end = scan::find_quote(self.line, at)?;
        if self.line[end] == b'"' { Some((piece(at, end), end + 1)) } else { self.escaped(at) }
    }

    #[inline(never)]
    fn escaped(&mut self, mut at: usize) -> Option<(Piece, usize)> {
        let from = self.out.text.len();
        loop {
            let hit = scan::find_quote(self.line, at)?;
            self.out.text.extend_from_slice(&self.line[at..hit]);
            if self.line[hit] == b'"' {
                return Some((self.out.text_from(from), hit + 1));
            }
            at = unescape(self.line, hit, &mut self.out.text)?;
        }
    }

    fn append_name(&mut self, prefix: Piece, key: Piece) {
        if prefix.len > 0 {
            self.out.text.extend_from_within(prefix.start as usize..(prefix.start + prefix.len) as usize);
        }
        if key.in_text {
            self.out.text.extend_from_within(key.start as usize..(key.start + key.len) as usize);
        } else {
            self.out.text.extend_from_slice(&self.line[key.start as usize..(key.start + key.len) as usize]);
        }
    }

    #[inline]
    fn field(&mut self, prefix: Piece, key: Piece, value: Piece, scalar: bool) {
        let name = if prefix.len == 0 {
            key
        } else {
            let from = self.out.text.len();
            self.append_name(prefix, key);
            self.out.text_from(from)
        };
        if name.len == 0 {
            return;
        }
        self.out.items.push(Item { name: Name::Piece(name), value });
        if scalar {
            notice(self.line, self.out, name, value);
        }
    }

    /// Passes over an array or object without looking into it.
    fn skip_nested(&self, mut at: usize, depth: u32) -> Option<usize> {
        let mut open = depth;
        loop {
            match self.line.get(at)? {
                b'"' => {
                    at = scan::closing_quote(self.line, at + 1)?;
                }
                b'{' | b'[' => {
                    open += 1;
                    if open > SKIP_DEPTH_MAX {
                        return None;
                    }
                }
                b'}' | b']' => {
                    open -= 1;
                    if open == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn number_end(line: &[u8], at: usize) -> usize {
    let rest = line[at + 1..].iter();
    at + 1 + rest.take_while(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')).count()
}

/// The escape at `at`, appended as UTF-8; where it ends. Half a surrogate pair becomes the replacement character.
fn unescape(line: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    out.push(match line.get(at + 1)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        byte @ (b'"' | b'\\' | b'/') => *byte,
        b'u' => {
            let high = hex4(line, at + 2)?;
            let mut end = at + 6;
            let mut code = high;
            if (0xd800..0xdc00).contains(&high)
                && line.get(end..end + 2) == Some(b"\\u")
                && let Some(low) = hex4(line, end + 2)
                && (0xdc00..0xe000).contains(&low)
            {
                code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                end += 6;
            }
            let mut utf8 = [0; 4];
            let shown = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(shown.encode_utf8(&mut utf8).as_bytes());
            return Some(end);
        }
        _ => return None,
    });
    Some(at + 2)
}

fn hex4(line: &[u8], at: usize) -> Option<u32> {
    line.get(at..at + 4)?.iter().try_fold(0, |n, byte| Some(n * 16 + char::from(*byte).to_digit(16)?))
}

/// Whether a field is the record's time or level, by its name. Shared with logfmt.
#[inline]
pub(crate) fn notice(line: &[u8], out: &mut Fields, name: Piece, value: Piece) {
    if name.len > 23 {
        return;
    }
    match role(out.bytes(line, name)) {
        Role::None => {}
        Role::Time(rank) if rank < out.time_rank => {
            if let Some(stamp) = Stamp::from_value(out.bytes(line, value)) {
                (out.time, out.time_rank) = (Some(stamp), rank);
            }
        }
        Role::Level(rank) if rank < out.level_rank => {
            if let Some(level) = level(out.bytes(line, value), rank) {
                (out.level, out.level_rank) = (level, rank);
            }
        }
        Role::Time(_) | Role::Level(_) => {}
    }
}

enum Role {
    None,
    Time(u8),
    Level(u8),
}

/// Names under which the rank says "a syslog number", not pino's tens.
const SYSLOG_RANK: u8 = 5;

fn role(name: &[u8]) -> Role {
    match name {
        b"time" | b"timestamp" | b"@timestamp" | b"Timestamp" | b"@t" => Role::Time(1),
        b"ts" | b"datetime" | b"time_iso8601" | b"timeMillis" | b"asctime" | b"t.$date" | b"eventTime"
        | b"event_time" | b"time_local" | b"Time" => Role::Time(2),
        b"t" | b"date" | b"start_time" | b"msec" | b"dt" => Role::Time(3),
        b"__REALTIME_TIMESTAMP" | b"created" | b"created_at" => Role::Time(4),
        b"level" | b"severity" | b"lvl" | b"log.level" | b"levelname" | b"loglevel" | b"log_level" | b"Level"
        | b"severity_text" | b"SeverityText" | b"severityText" => Role::Level(1),
        b"@l" | b"level_name" | b"logLevel" | b"LogLevel" => Role::Level(2),
        b"s" => Role::Level(4),
        b"PRIORITY" | b"priority" | b"syslog.severity" => Role::Level(SYSLOG_RANK),
        _ => Role::None,
    }
}

fn level(value: &[u8], rank: u8) -> Option<Level> {
    if let [b'0'..=b'9', ..] = value {
        return Some(match scan::number(value)? {
            severity @ 0..=7 => Level::from_syslog(severity as u8),
            8..=10 if rank != SYSLOG_RANK => Level::Trace,
            11..=20 => Level::Debug,
            21..=30 => Level::Info,
            31..=40 => Level::Warn,
            41..=50 => Level::Error,
            51..=60 => Level::Fatal,
            _ => return None,
        });
    }
    // MongoDB: {"t":{"$date":…},"s":"I"}
    if rank == 4 {
        return letter(value);
    }
    Level::from_word(value).or_else(|| letter(value))
}

/// One letter for a level.
pub(crate) const fn letter(value: &[u8]) -> Option<Level> {
    Some(match value {
        b"I" | b"N" => Level::Info,
        b"W" => Level::Warn,
        b"E" => Level::Error,
        b"F" | b"C" => Level::Fatal,
        b"D" | b"D1" | b"D2" | b"D3" | b"D4" | b"D5" => Level::Debug,
        b"T" | b"V" => Level::Trace,
        _ => return None,
    })
}
