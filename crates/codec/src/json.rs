//! JSON objects, one a record: every scalar is a field, nested names joined with dots, arrays kept as raw text.
//!
//! Decision: no tree is built. One recursive pass checks the syntax and notes where names and values stand; only
//! strings with escapes are copied.

use model::Level;

use crate::fields::{Fields, Piece, piece};
use crate::names::{self, LETTER_RANK, NONE, ROOT, Role, SYSLOG_RANK, Slot};
use crate::scan;
use crate::time::Stamp;

/// Objects nested deeper than this are kept as raw text.
const DEPTH_MAX: u32 = 16;

/// Reads a record that is one JSON object; `false` where it is not.
pub(crate) fn parse(line: &[u8], out: &mut Fields) -> bool {
    let start = skip_space(line, 0);
    if line.get(start) != Some(&b'{') {
        return false;
    }
    let mut reader = Reader { line, out };
    match reader.object(start, 0, ROOT) {
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
    /// The object that opens at `at`; where it ends.
    fn object(&mut self, at: usize, depth: u32, parent: Slot) -> Option<usize> {
        let mut at = skip_space(self.line, at + 1);
        if self.line.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        let mut before = NONE;
        loop {
            if self.line.get(at) != Some(&b'"') {
                return None;
            }
            let (name, end) = self.name(at + 1, parent, before)?;
            before = name;
            at = skip_space(self.line, end);
            if self.line.get(at) != Some(&b':') {
                return None;
            }
            at = skip_space(self.line, at + 1);
            at = self.member(at, depth, name)?;
            at = skip_space(self.line, at);
            match self.line.get(at)? {
                b',' => at = skip_space(self.line, at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// The name whose first character is at `at`, and where its closing quote ends.
    #[inline]
    fn name(&mut self, at: usize, parent: Slot, before: Slot) -> Option<(Slot, usize)> {
        if let Some((slot, end)) = self.out.names.expected(self.line, at, parent, before) {
            return Some((slot, end + 1));
        }
        let (key, end) = self.string(at)?;
        let name = self.out.meet(self.line, parent, key);
        self.out.names.learn(parent, before, name);
        Some((name, end))
    }

    /// The value at `at` under its name; where it ends.
    #[inline]
    fn member(&mut self, at: usize, depth: u32, name: Slot) -> Option<usize> {
        match self.line.get(at)? {
            b'"' => {
                let (value, end) = self.string(at + 1)?;
                self.out.push_met(name, value);
                notice(self.line, self.out, name, value);
                Some(end)
            }
            b'{' if depth < DEPTH_MAX => self.object(at, depth + 1, name),
            b'{' | b'[' => {
                let end = self.skip_nested(at)?;
                self.out.push_met(name, piece(at, end));
                Some(end)
            }
            b'n' => self.line[at..].starts_with(b"null").then_some(at + 4),
            b't' => self.word(at, b"true", name),
            b'f' => self.word(at, b"false", name),
            b'-' | b'0'..=b'9' => {
                let end = number_end(self.line, at);
                self.out.push_met(name, piece(at, end));
                notice(self.line, self.out, name, piece(at, end));
                Some(end)
            }
            _ => None,
        }
    }

    fn word(&mut self, at: usize, word: &[u8], name: Slot) -> Option<usize> {
        if !self.line[at..].starts_with(word) {
            return None;
        }
        self.out.push_met(name, piece(at, at + word.len()));
        Some(at + word.len())
    }

    /// The string whose first character is at `at`, and where it ends. Copied only if it has escapes.
    #[inline(always)]
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

    /// Passes over an array or object without looking into it.
    fn skip_nested(&self, mut at: usize) -> Option<usize> {
        let mut open = 0;
        loop {
            match self.line.get(at)? {
                b'"' => at = scan::closing_quote(self.line, at + 1)?,
                b'{' | b'[' => open += 1,
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

/// Notes the value of a field that is the record's time or level, by its name. Shared with logfmt.
#[inline]
pub(crate) fn notice(line: &[u8], out: &mut Fields, name: Slot, value: Piece) {
    if out.fields_only {
        return;
    }
    let role = if names::is_numbered(name) { out.names.role(name) } else { names::role(out.name(line, name)) };
    match role {
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
        Role::None | Role::Time(_) | Role::Level(_) => {}
    }
}

fn level(value: &[u8], rank: u8) -> Option<Level> {
    match value {
        b"info" | b"INFO" => return Some(Level::Info),
        b"warn" | b"WARN" => return Some(Level::Warn),
        b"error" | b"ERROR" => return Some(Level::Error),
        b"debug" | b"DEBUG" => return Some(Level::Debug),
        _ => {}
    }
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
    if rank == LETTER_RANK {
        return letter(value);
    }
    Level::from_word(value).or_else(|| letter(value)).or_else(|| shifted(value))
}

/// `INFO+2`, `DEBUG-4`: levels between the named ones, as Go's slog writes them.
fn shifted(value: &[u8]) -> Option<Level> {
    let sign = value.iter().position(|byte| matches!(byte, b'+' | b'-'))?;
    let by = scan::number(&value[sign + 1..])?;
    match (Level::from_word(&value[..sign])?, value[sign]) {
        (Level::Debug, b'-') => Some(Level::Trace),
        (level, b'+') if by > 0 => Some(level),
        _ => None,
    }
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
