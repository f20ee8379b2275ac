//! Whether a line begins a record, by its first bytes.
//!
//! The rule: in a source whose format is recognised, a line continues the record before it if it is indented, or if
//! it is a piece of a stack trace that stands at the margin. Every other line begins a record, whatever it looks
//! like: to join too much hides lines, to join too little only shows them one by one.

use model::{Format, Level};

use crate::Framing;

/// What the first byte of a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It certainly begins a record.
    Begins,
    /// It certainly does not.
    Continues,
    /// Look closer.
    Look,
}

/// By first byte.
pub(crate) type Class = [First; 256];

static ALWAYS: Class = class_of(b"", b"");
/// Indents only: logfmt.
static INDENTS: Class = class_of(b" \t", b"");
/// Indents, and what closes a pretty-printed object, and blank lines within one.
static JSON: Class = class_of(b" \t", b"}]\n\r");
/// Whatever may open a piece of a stack trace; capitals of months and levels are looked at closer, too.
static TRACES: Class = class_of(b" \t", b"\n\r}).#_[>\xe2ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
/// The same, but a level may be set flush right.
static PADDED_TRACES: Class = class_of(b"\t", b" \n\r}).#_[>\xe2ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

const fn class_of(continues: &[u8], look: &[u8]) -> Class {
    let mut class = [First::Begins; 256];
    let mut at = 0;
    while at < continues.len() {
        class[continues[at] as usize] = First::Continues;
        at += 1;
    }
    at = 0;
    while at < look.len() {
        class[look[at] as usize] = First::Look;
        at += 1;
    }
    class
}

/// The table for a framing.
pub(crate) fn class(framing: Framing) -> &'static Class {
    if !framing.join {
        return &ALWAYS;
    }
    match framing.format {
        Format::Unknown | Format::Plain => &ALWAYS,
        Format::Logfmt => &INDENTS,
        Format::Json => &JSON,
        // Servers of frameworks write traces between the requests.
        Format::Access | Format::NginxError | Format::ApacheError | Format::Syslog3164 | Format::Syslog5424 => &TRACES,
        Format::Timestamped => &PADDED_TRACES,
    }
}

/// Whether a line begins a record, by its first bytes only.
pub fn is_record_start(line: &[u8], framing: Framing) -> bool {
    match line.first() {
        Some(&first) => begins(class(framing)[usize::from(first)], line, framing.format),
        None => true,
    }
}

/// Whether a line begins a record, given what its first byte says.
#[inline]
pub(crate) fn begins(first: First, line: &[u8], format: Format) -> bool {
    match first {
        First::Begins => true,
        First::Continues => false,
        First::Look => is_plain_start(line) || closer_look(line, format),
    }
}

/// The usual starts among the suspicious: `[2024-…`, `Jan 31 10:…`.
#[inline]
fn is_plain_start(line: &[u8]) -> bool {
    matches!(line, [b'[', b'0'..=b'9', ..] | [b'A'..=b'Z', _, _, b' ', _, _, b' ', b'0'..=b'9', ..])
}

/// For a line whose first byte is suspicious in its format.
#[inline(never)]
fn closer_look(line: &[u8], format: Format) -> bool {
    if format == Format::Json {
        // Blank lines and closing brackets on a line of their own.
        return !line.iter().all(|byte| matches!(byte, b'}' | b']' | b',' | b'\r' | b'\n' | b' '));
    }
    match line[0] {
        b' ' => is_padded_level(line),
        b'\n' | b'\r' => format != Format::Timestamped,
        b'}' | b')' => !(format == Format::Timestamped && trim_end(line).len() <= 2),
        _ => !is_trace_piece(trim_end(line)),
    }
}

/// ` INFO target: message`: a level set flush right in five columns.
fn is_padded_level(line: &[u8]) -> bool {
    let indent = line.iter().take_while(|byte| **byte == b' ').count();
    let word = line[indent..].iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    indent <= 2
        && matches!(line.get(indent + word), Some(b' ' | b':'))
        && Level::from_word(&line[indent..indent + word]).is_some()
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

/// What frames a stack trace at the margin, in the languages that write there.
const PIECES: [&[u8]; 14] = [
    b"Caused by: ",
    b"Suppressed: ",
    b"Traceback (most recent call last)",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    b"Stack trace:",
    b"Stacktrace:",
    b"stack traceback:",
    b"goroutine ",
    b"created by ",
    b"[signal ",
    b"[CIRCULAR REFERENCE:",
    b"exit status ",
    b"thrown in ",
];

fn is_trace_piece(line: &[u8]) -> bool {
    match line[0] {
        b'#' => line.get(1).is_some_and(u8::is_ascii_digit),
        b'.' => line.starts_with(b"... "),
        b'>' => line.starts_with(b"> File \""),
        // What is drawn with lines: `│`, `╭─ Traceback (most recent call last) ─╮`.
        0xe2 => matches!(line, [_, 0x94 | 0x95, ..]),
        b'[' => line.starts_with(b"[signal ") || line.starts_with(b"[CIRCULAR REFERENCE:"),
        _ => {
            PIECES.iter().any(|piece| line.first() == piece.first() && line.starts_with(piece))
                || is_exception(line)
                || is_go_frame(line)
        }
    }
}

/// How the names of exceptions end.
const ENDINGS: [&[u8]; 6] = [b"Exception", b"Error", b"Throwable", b"Warning", b"Interrupt", b"Exit"];
/// These name an exception only with something before them; alone they are words.
const NEVER_ALONE: [&[u8]; 3] = [b"Warning", b"Interrupt", b"Exit"];
/// Names longer than this are no names.
const NAME_MAX: usize = 200;

/// The bytes that names are made of.
static IN_NAME: [bool; 256] = {
    let mut class = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        class[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'.' | b'$');
        byte += 1;
    }
    class
};

/// `java.lang.IllegalStateException: …`, `ValueError: …`, `a.b.Timeout`: a class, then a colon or the end.
pub(crate) fn is_exception(line: &[u8]) -> bool {
    exception_name(line).is_some()
}

/// The class at the start of a line of that shape.
pub(crate) fn exception_name(line: &[u8]) -> Option<&[u8]> {
    if !line.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_') {
        return None;
    }
    let bounded = &line[..line.len().min(NAME_MAX)];
    let len = bounded.iter().position(|byte| !IN_NAME[usize::from(*byte)]).unwrap_or(bounded.len());
    let name = &line[..len];
    if !matches!(line.get(len), None | Some(b':' | b'\r' | b'\n')) || name.ends_with(b".") {
        return None;
    }
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
    let named = ENDINGS
        .iter()
        .any(|ending| last.ends_with(ending) && (last.len() > ending.len() || !NEVER_ALONE.contains(ending)));
    // `requests.exceptions.Timeout`: a path whose last part is a class.
    let pathed = name.iter().filter(|byte| **byte == b'.').count() >= 2 && last[0].is_ascii_uppercase();
    (named || pathed).then_some(name)
}

/// `main.(*Server).Serve(0xc000010000, 0x1)`: a path with a dot, without blanks, up to a bracket that ends the line.
fn is_go_frame(line: &[u8]) -> bool {
    let head = line.iter().take(NAME_MAX).take_while(|byte| !matches!(byte, b' ' | b'\t' | b':' | b'=' | b'"')).count();
    line.ends_with(b")")
        && line[..head].contains(&b'.')
        && (head == line.len() || line[..head].ends_with(b","))
        && line[..head].contains(&b'(')
}
