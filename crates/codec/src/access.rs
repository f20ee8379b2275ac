//! Access logs: common and combined, with the extras that people append.

use model::Level;

use crate::fields::{Fields, piece};
use crate::names::{Key, ROOT};
use crate::{scan, syslog, time};

/// Names for what follows the user agent.
const EXTRAS: [Key; 8] =
    [Key::Extra1, Key::Extra2, Key::Extra3, Key::Extra4, Key::Extra5, Key::Extra6, Key::Extra7, Key::Extra8];

/// Names longer than this are no names.
const NAME_MAX: usize = 40;

/// Reads `client ident user [time] "request" status bytes "referer" "user agent" …`; `false` where it is not that.
pub(crate) fn parse(record: &[u8], out: &mut Fields) -> bool {
    let first_line = memchr::memchr(b'\n', record).unwrap_or(record.len());
    if !parse_line(scan::trim_newlines(&record[..first_line]), out) {
        return false;
    }
    if first_line < record.len() {
        syslog::push_exception(record, out);
    }
    true
}

fn parse_line(line: &[u8], out: &mut Fields) -> bool {
    let Some(bracket) = scan::find(line, 0, b'[') else { return false };
    if bracket < 2 || line[bracket - 1] != b' ' {
        return false;
    }
    let Some((stamp, used)) = time::clf(&line[bracket + 1..]).or_else(|| time::iso(&line[bracket + 1..])) else {
        return false;
    };
    let at = bracket + 1 + used;
    if line.get(at..at + 3) != Some(b"] \"") || !who(line, bracket - 1, out) {
        return false;
    }
    let start = at + 3;
    let Some(end) = scan::closing_quote(line, start) else { return false };
    let status = end + 2;
    if line.get(end + 1) != Some(&b' ') || scan::digits(line, status) != 3 {
        return false;
    }
    request(line, start, end, out);
    out.time = Some(stamp);
    out.push(Key::Status, status, status + 3);
    out.level = match line[status] {
        b'5' => Level::Error,
        b'4' => Level::Warn,
        _ => Level::Info,
    };
    let at = status + 3;
    match line.get(at) {
        None => true,
        Some(b' ') => {
            let end = scan::token_end(line, at + 1);
            out.push_some(Key::Bytes, line, at + 1, end);
            rest(line, end, out);
            true
        }
        Some(_) => false,
    }
}

/// What stands before the time: `[vhost] client ident user`. The user may have blanks in it.
fn who(line: &[u8], end: usize, out: &mut Fields) -> bool {
    let first = scan::token_end(line, 0);
    if first >= end {
        return false;
    }
    let second = scan::token_end(line, first + 1);
    if second >= end {
        return false;
    }
    let mut starts = [0, first + 1, second + 1];
    let mut ends = [first, second, end];
    // `vhost:port client ident user`
    if line[..first].contains(&b':') || line[first + 1..second].iter().any(|byte| matches!(byte, b'.' | b':')) {
        let third = scan::token_end(line, second + 1);
        if third < end && line[first + 1..second] != *b"-" {
            out.push_some(Key::Vhost, line, 0, first);
            starts = [first + 1, second + 1, third + 1];
            ends = [second, third, end];
        }
    }
    out.push_some(Key::Client, line, starts[0], ends[0]);
    out.push_some(Key::Ident, line, starts[1], ends[1]);
    out.push_some(Key::User, line, starts[2], ends[2]);
    true
}

/// `GET /path HTTP/1.1`, or whatever a scanner sent instead.
fn request(line: &[u8], start: usize, end: usize, out: &mut Fields) {
    let method = line[start..end].iter().take(16).take_while(|byte| byte.is_ascii_uppercase()).count() + start;
    if method == start || line.get(method) != Some(&b' ') || method >= end {
        out.push_some(Key::Request, line, start, end);
        return;
    }
    out.push(Key::Method, start, method);
    let path = method + 1;
    let protocol = line[path..end].iter().rposition(|byte| *byte == b' ').map(|n| path + n);
    match protocol {
        Some(blank) if line[blank + 1..end].starts_with(b"HTTP/") => {
            out.push_some(Key::Path, line, path, blank);
            out.push(Key::Protocol, blank + 1, end);
        }
        _ => out.push_some(Key::Path, line, path, end),
    }
}

/// Referer and user agent, then extras.
fn rest(line: &[u8], mut at: usize, out: &mut Fields) {
    let (mut quoted, mut extras, mut timed) = (0, 0, false);
    while at < line.len() {
        at = scan::skip_blanks(line, at);
        if let Some(next) = named(line, at, out) {
            at = next;
            continue;
        }
        let (start, end, next) = if line.get(at) == Some(&b'"') {
            let Some(end) = scan::closing_quote(line, at + 1) else { return };
            (at + 1, end, end + 1)
        } else {
            let end = scan::token_end(line, at);
            (at, end, end)
        };
        let value = &line[start..end];
        if next > end && quoted < 2 && extras == 0 {
            out.push_some(if quoted == 0 { Key::Referer } else { Key::UserAgent }, line, start, end);
            quoted += 1;
        } else if !timed && is_seconds(value) {
            out.push(Key::RequestTime, start, end);
            timed = true;
        } else if value.len() == 32 && value.iter().all(u8::is_ascii_hexdigit) {
            out.push(Key::RequestId, start, end);
        } else if start < end && extras < EXTRAS.len() {
            out.push_some(EXTRAS[extras], line, start, end);
            extras += 1;
        }
        at = next;
    }
}

/// `rt=0.005`, `uct="0.000"`: what people append under names of their own; where it ends.
fn named(line: &[u8], at: usize, out: &mut Fields) -> Option<usize> {
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let equals = at + line[at..].iter().take(NAME_MAX).take_while(in_name).count();
    if line.get(equals) != Some(&b'=') || !line[at].is_ascii_alphabetic() {
        return None;
    }
    let (start, end, next) = match line.get(equals + 1) {
        Some(b'"') => scan::closing_quote(line, equals + 2).map(|end| (equals + 2, end, end + 1))?,
        _ => {
            let end = scan::token_end(line, equals + 1);
            (equals + 1, end, end)
        }
    };
    if start < end && line[start..end] != *b"-" {
        let name = out.meet(line, ROOT, piece(at, equals));
        out.push_met(name, piece(start, end));
    }
    Some(next)
}

/// `0.123`
fn is_seconds(value: &[u8]) -> bool {
    let whole = scan::digits(value, 0);
    whole > 0 && value.get(whole) == Some(&b'.') && {
        let decimals = scan::digits(value, whole + 1);
        decimals > 0 && whole + 1 + decimals == value.len()
    }
}
