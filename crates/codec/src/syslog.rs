//! Syslog: the BSD form as files have it, and RFC 5424.

use model::Level;

use crate::fields::{Fields, Piece, piece};
use crate::names::{Key, ROOT};
use crate::time::{self, Stamp};
use crate::{scan, start};

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// `<34>` at the start: its number, and where it ends.
fn priority(line: &[u8]) -> Option<(u8, usize)> {
    let len = scan::digits(line, 1);
    if line.first() != Some(&b'<') || !(1..=3).contains(&len) || line.get(1 + len) != Some(&b'>') {
        return None;
    }
    let number = scan::number(&line[1..=len])?;
    (number < 192).then_some((number as u8, len + 2))
}

fn push_priority(number: u8, out: &mut Fields) {
    out.push_text(Key::Facility, FACILITIES[usize::from(number >> 3)].as_bytes());
    out.push_text(Key::Severity, SEVERITIES[usize::from(number & 7)].as_bytes());
    out.level = Level::from_syslog(number);
}

/// Reads `Jan 31 10:00:00 host app[pid]: message`, also with an ISO time, also behind a priority. `strict` is for
/// lines of unknown origin: there, an ISO time needs an `app[pid]:` behind it to be told from an application's.
pub(crate) fn parse_3164(line: &[u8], strict: bool, out: &mut Fields) -> bool {
    let (priority, at) = priority(line).map_or((None, 0), |(number, end)| (Some(number), end));
    let rest = &line[at..];
    // `Jan 31, 2024 10:00:00 AM` is no syslog's.
    let bsd = time::month_day(rest).filter(|_| rest.get(6) != Some(&b',') && rest.get(5) != Some(&b','));
    let Some((stamp, used)) = bsd.or_else(|| iso_t(rest)) else { return false };
    let at = at + used;
    if line.get(at) != Some(&b' ') {
        return false;
    }
    let host = scan::skip_blanks(line, at);
    let host_end = scan::token_end(line, host);
    if host == host_end || matches!(line[host], b'[' | b'-' | b'|' | b'"') {
        return false;
    }
    // `Jan 31 10:00:00 app[pid]: message`, without a host.
    let hostless = line[host_end - 1] == b':' && priority.is_none();
    let app = if hostless { host } else { scan::skip_blanks(line, host_end) };
    let tag = tag(line, app);
    if bsd.is_none()
        && (hostless || Level::from_word(&line[host..host_end]).is_some() || (strict && !is_sure(line, &tag)))
    {
        return false;
    }
    out.time = Some(stamp);
    if !hostless {
        out.push(Key::Host, host, host_end);
    }
    let message = match tag {
        Some(tag) => {
            out.push(Key::App, app, tag.app_end);
            if let Some((start, end)) = tag.pid {
                out.push_some(Key::Pid, line, start, end);
            }
            tag.end
        }
        None => app,
    };
    match priority {
        Some(number) => push_priority(number, out),
        None => out.level = level_by_words(&line[scan::skip_blanks(line, message)..]),
    }
    true
}

fn iso_t(text: &[u8]) -> Option<(Stamp, usize)> {
    time::iso(text).filter(|_| text[10] == b'T')
}

struct Tag {
    app_end: usize,
    pid: Option<(usize, usize)>,
    end: usize,
}

/// `app[pid]:` or `app:` at `at`.
fn tag(line: &[u8], at: usize) -> Option<Tag> {
    let len = line[at..].iter().take(128).take_while(|byte| !matches!(byte, b' ' | b'[' | b':' | b'\t')).count();
    let app_end = at + len;
    if len == 0 {
        return None;
    }
    match line.get(app_end) {
        Some(b':') => Some(Tag { app_end, pid: None, end: app_end + 1 }),
        Some(b'[') => {
            let close = scan::find(line, app_end, b']').filter(|close| close - app_end < 32)?;
            let end = if line.get(close + 1) == Some(&b':') { close + 2 } else { close + 1 };
            Some(Tag { app_end, pid: Some((app_end + 1, close)), end })
        }
        _ => None,
    }
}

/// Whether a tag is one that only syslog writes.
fn is_sure(line: &[u8], tag: &Option<Tag>) -> bool {
    tag.as_ref().is_some_and(|tag| match tag.pid {
        Some((start, end)) => {
            scan::digits(line, start) == end - start && start < end && line.get(end + 1) == Some(&b':')
        }
        None => line[..tag.app_end].ends_with(b" kernel") || line[..tag.app_end].ends_with(b" systemd"),
    })
}

/// A level from the first words of a message, where they leave no doubt.
fn level_by_words(message: &[u8]) -> Level {
    let len = message.iter().take(10).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &message[..len];
    let next = message.get(len);
    if matches!(next, Some(b':' | b']'))
        && let Some(level) = Level::from_word(word)
    {
        return level;
    }
    if let (b"", Some(b'[' | b'<')) = (word, next) {
        let len = message[1..].iter().take(10).take_while(|byte| byte.is_ascii_alphabetic()).count();
        return match message.get(1 + len) {
            Some(b']' | b'>') => Level::from_word(&message[1..1 + len]).unwrap_or_default(),
            _ => Level::Unknown,
        };
    }
    match word {
        b"failed" | b"Failed" | b"FAILED" | b"error" | b"Error" | b"ERROR" => Level::Error,
        b"fatal" | b"FATAL" | b"panic" | b"PANIC" => Level::Fatal,
        b"warning" | b"Warning" | b"WARNING" => Level::Warn,
        _ => Level::Unknown,
    }
}

/// Reads `<34>1 2024-01-31T10:00:00Z host app procid msgid [sd] message`.
pub(crate) fn parse_5424(line: &[u8], out: &mut Fields) -> bool {
    let Some((number, at)) = priority(line) else { return false };
    if line.get(at) != Some(&b'1') || line.get(at + 1) != Some(&b' ') {
        return false;
    }
    let mut at = at + 2;
    if line[at..].starts_with(b"- ") {
        at += 1;
    } else {
        let Some((stamp, used)) = iso_t(&line[at..]) else { return false };
        out.time = Some(stamp);
        at += used;
    }
    for name in [Key::Host, Key::App, Key::Pid, Key::MsgId] {
        if line.get(at) != Some(&b' ') {
            return false;
        }
        let end = scan::token_end(line, at + 1);
        out.push_some(name, line, at + 1, end);
        at = end;
    }
    push_priority(number, out);
    if line.get(at) != Some(&b' ') {
        return at == line.len();
    }
    at += 1;
    while line.get(at) == Some(&b'[') {
        match structured(line, at, out) {
            Some(end) => at = end,
            // Not as the standard has it: then it is message.
            None => return true,
        }
    }
    true
}

/// `[id name="value" …]` at `at`: fields `id.name`. Where it ends.
fn structured(line: &[u8], at: usize, out: &mut Fields) -> Option<usize> {
    let id = at + 1;
    let id_end = id + line[id..].iter().take_while(|byte| !matches!(byte, b' ' | b']' | b'"' | b'=')).count();
    let mut at = id_end;
    let before = out.items.len();
    let element = out.meet(line, ROOT, piece(id, id_end));
    loop {
        at = scan::skip_blanks(line, at);
        if line.get(at) == Some(&b']') {
            return Some(at + 1);
        }
        let equals = scan::find(line, at, b'=').filter(|equals| line.get(equals + 1) == Some(&b'"'));
        let ends = equals.and_then(|equals| Some((equals, scan::closing_quote(line, equals + 2)?)));
        let Some((equals, end)) = ends else {
            out.items.truncate(before);
            return None;
        };
        let name = out.meet(line, element, piece(at, equals));
        let value = sd_value(line, equals + 2, end, out);
        if value.len() > 0 {
            out.push_met(name, value);
        }
        at = end + 1;
    }
}

/// Escapes in structured data are `\"`, `\\` and `\]`.
fn sd_value(line: &[u8], start: usize, end: usize, out: &mut Fields) -> Piece {
    if !line[start..end].contains(&b'\\') {
        return piece(start, end);
    }
    let from = out.text.len();
    let mut at = start;
    while at < end {
        if line[at] == b'\\' && matches!(line.get(at + 1), Some(b'"' | b'\\' | b']')) {
            at += 1;
        }
        out.text.push(line[at]);
        at += 1;
    }
    out.text_from(from)
}

/// The class of an exception at the start of a later line of a record.
pub(crate) fn push_exception(record: &[u8], out: &mut Fields) {
    let Some(newline) = memchr::memchr(b'\n', record) else { return };
    let at = newline + 1;
    if let Some(name) = start::exception_name(&record[at..]) {
        out.push(Key::Exception, at, at + name.len());
    }
}
