//! The usual "time level logger message" of applications, in its dialects.
//!
//! Decision: no list of patterns. What stands before the message is read item by item (time, level, thread, pid,
//! logger, in whatever order and brackets), and ends at the first thing that is none of these.

mod items;
mod opening;

use model::Level;

use crate::fields::Fields;
use crate::time::Stamp;
use crate::{scan, syslog};

/// What has been read of the head of a line.
#[derive(Default)]
struct Head {
    level: Option<Level>,
    thread: bool,
    pid: bool,
    logger: bool,
    /// The time stands in brackets.
    bracketed: bool,
    /// Spring's `---` has been passed.
    dashes: bool,
}

/// Reads a line that has a time or an unmistakable level at its head.
pub(crate) fn parse(line: &[u8], out: &mut Fields) -> bool {
    let first_line = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let text = scan::trim_newlines(&line[..first_line]);
    let mut head = Head::default();
    let Some(at) = opening::read(text, &mut head, out) else { return false };
    if text.get(at) == Some(&b',') {
        head.level = csv_level(&text[at..]);
    }
    items::read(text, at, &mut head, out);
    // `10:00:00 and all is well`: only a level makes sure that a time of day is when the line was written.
    if head.level.is_none() && out.time.is_some_and(Stamp::is_dateless) {
        return false;
    }
    out.level = head.level.unwrap_or_default();
    if first_line < line.len() {
        syslog::push_exception(line, out);
    }
    true
}

/// PostgreSQL's csvlog: `…,ERROR,22012,"division by zero"`: the level stands before the code of the state.
fn csv_level(text: &[u8]) -> Option<Level> {
    let mut columns = text.split(|byte| *byte == b',').take(24).peekable();
    while let Some(column) = columns.next() {
        let is_state = |next: &&[u8]| {
            next.len() == 5 && next.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        if columns.peek().is_some_and(is_state) && column.first().is_some_and(u8::is_ascii_uppercase) {
            return Level::from_word(column);
        }
    }
    None
}

const fn is_logger_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'-' | b'/' | b'<' | b'>' | b'@' | b'#' | b'*')
}

/// Where a logger's name that begins at `at` ends; `::` may stand in it, and `:12` behind it.
fn logger_end(text: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        end += text[end..].iter().take(120).take_while(|byte| is_logger_byte(**byte)).count();
        let path = text[end..].starts_with(b"::") && text.get(end + 2).is_some_and(u8::is_ascii_alphabetic);
        let line_number = text.get(end) == Some(&b':') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(path || line_number) || end == at || end - at > 120 {
            return end;
        }
        end += 1 + usize::from(path);
    }
}

/// Over blanks and escape sequences that set a colour.
fn skip_colours(text: &[u8], at: usize) -> usize {
    let mut at = scan::skip_blanks(text, at);
    while text.get(at..at + 2) == Some(b"\x1b[") {
        let len = text[at + 2..].iter().take(12).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        if text.get(at + 2 + len) != Some(&b'm') {
            break;
        }
        at = scan::skip_blanks(text, at + 3 + len);
    }
    at
}
