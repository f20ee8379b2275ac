//! The usual "time level logger message" of applications, in its dialects.
//!
//! Decision: no list of patterns. What stands before the message is read item by item (time, level, thread, pid,
//! logger, in whatever order and brackets), and ends at the first thing that is none of these.

use model::Level;

use crate::fields::Fields;
use crate::names::Key;
use crate::{json, scan, syslog, time};

/// So many items may stand before the message.
const ITEMS_MAX: usize = 12;

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
    let Some(at) = opening(text, &mut head, out) else { return false };
    items(text, at, &mut head, out);
    out.level = head.level.unwrap_or_default();
    if first_line < line.len() {
        syslog::push_exception(line, out);
    }
    true
}

/// Up to the time and over it; for a line without a time, up to its level. Where it ends.
fn opening(text: &[u8], head: &mut Head, out: &mut Fields) -> Option<usize> {
    let start = skip_colours(text, 0);
    let first = *text.get(start)?;
    if let Some(at) = timed(text, start, head, out) {
        return Some(at);
    }
    match first {
        b'A'..=b'Z' => klog(text, start, head, out)
            .or_else(|| ruby(text, start, head, out))
            .or_else(|| level_first(text, start, head, out))
            .or_else(|| word_first(text, start, head, out)),
        b'[' | b' ' => level_first(text, start, head, out),
        b'a'..=b'z' => crash(text, head).or_else(|| word_first(text, start, head, out)),
        b'0'..=b'9' => redis(text, head, out),
        _ => None,
    }
}

/// A time at `at`, bare or in brackets.
fn timed(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let bracket = text.get(at) == Some(&b'[');
    let from = at + usize::from(bracket);
    let (stamp, used) = time::any(&text[from..])?;
    let mut end = from + used;
    if bracket {
        let close = scan::find(text, end, b']').filter(|close| close - end <= 24)?;
        // `[2024-01-31T10:00:00.123456 #12345]`
        let inside = scan::skip_blanks(text, end);
        if text.get(inside) == Some(&b'#') && !head.pid {
            out.push_some(Key::Pid, text, inside + 1, close);
            head.pid = true;
        }
        end = close + 1;
    }
    if !matches!(text.get(end), None | Some(b' ' | b'\t' | b':' | b'|' | b'[' | b']' | b',' | b'-' | b';' | 0x1b)) {
        return None;
    }
    out.time = Some(stamp);
    head.bracketed = bracket;
    Some(end)
}

/// `I0131 10:00:00.123456   12345 file.go:12] message`
fn klog(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let level = json::letter(&text[at..=at])?;
    let (stamp, used) = time::klog(&text[at + 1..])?;
    out.time = Some(stamp);
    head.level = Some(level);
    let pid = scan::skip_blanks(text, at + 1 + used);
    let pid_end = pid + scan::digits(text, pid);
    let place = scan::skip_blanks(text, pid_end);
    let close = scan::find(text, place, b']')?;
    out.push_some(Key::Pid, text, pid, pid_end);
    if !text[place..close].contains(&b' ') {
        out.push_some(Key::Logger, text, place, close);
    }
    Some(text.len())
}

/// `I, [2024-01-31T10:00:00.123456 #12345]  INFO -- : message`
fn ruby(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    if text.get(at + 1..at + 3) != Some(b", ") {
        return None;
    }
    timed(text, at + 3, head, out)
}

/// `12345:M 31 Jan 2024 10:00:00.123 * message`
fn redis(text: &[u8], head: &mut Head, out: &mut Fields) -> Option<usize> {
    let pid_end = scan::digits(text, 0);
    if text.get(pid_end) != Some(&b':') || text.get(pid_end + 2) != Some(&b' ') {
        return None;
    }
    let (stamp, used) = time::day_month(&text[pid_end + 3..])?;
    let at = pid_end + 3 + used;
    out.time = Some(stamp);
    out.push(Key::Pid, 0, pid_end);
    out.push(Key::Role, pid_end + 1, pid_end + 2);
    head.level = match text.get(at + 1) {
        Some(b'.') => Some(Level::Debug),
        Some(b'-' | b'*') => Some(Level::Info),
        Some(b'#') => Some(Level::Warn),
        _ => None,
    };
    Some(text.len())
}

/// What a Go program says when it dies.
fn crash(text: &[u8], head: &mut Head) -> Option<usize> {
    if !text.starts_with(b"panic: ") && !text.starts_with(b"fatal error: ") {
        return None;
    }
    head.level = Some(Level::Fatal);
    Some(text.len())
}

/// `INFO [main] 2024-01-31 10:00:00,123 …`, `[INFO] …`, `INFO:name:message`, `WARN message`.
fn level_first(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let at = scan::skip_blanks(text, at);
    let bracket = text.get(at) == Some(&b'[');
    let start = scan::skip_blanks(text, at + usize::from(bracket));
    let end = start + text[start..].iter().take(13).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &text[start..end];
    let level = Level::from_word(word)?;
    let close = if bracket { scan::skip_blanks(text, end) } else { end };
    let upper = word.iter().all(u8::is_ascii_uppercase);
    let at = match text.get(close) {
        Some(b']') if bracket => close + 1,
        Some(b':') if !bracket && upper && text.get(close + 1) != Some(&b':') => close,
        Some(b' ' | b'\t' | b'|') if !bracket && upper && word.len() >= 4 => close,
        _ => return None,
    };
    head.level = Some(level);
    // `INFO:name:message` of Python.
    if text.get(at) == Some(&b':') {
        let name_end = at + 1 + text[at + 1..].iter().take(80).take_while(|byte| is_logger_byte(**byte)).count();
        if name_end > at + 1 && text.get(name_end) == Some(&b':') {
            out.push(Key::Logger, at + 1, name_end);
            head.logger = true;
            return Some(text.len());
        }
    }
    Some(at)
}

/// `nova-api.log.1 2017-05-16 00:00:00.008 …`, `update-alternatives 2024-01-31 10:00:00: …`: one word, then a time.
fn word_first(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let end = scan::token_end(text, at);
    if end - at > 80 {
        return None;
    }
    let next = scan::skip_blanks(text, end);
    let found = timed(text, next, head, out)?;
    // A file's name or a program's: either says who is speaking.
    let name_end = if text[at..end].ends_with(b":") { end - 1 } else { end };
    out.push_some(Key::App, text, at, name_end);
    Some(found)
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

/// Reads item by item until the message begins.
fn items(text: &[u8], mut at: usize, head: &mut Head, out: &mut Fields) {
    if head.bracketed {
        trailing_logger(text, head, out);
    }
    for _ in 0..ITEMS_MAX {
        at = skip_separators(text, at, head);
        if out.time.is_none()
            && let Some(next) = timed(text, at, head, out)
        {
            at = next;
            continue;
        }
        let next = match text.get(at) {
            None => return,
            Some(b'[') => bracketed(text, at, head, out),
            Some(b'0'..=b'9') => number(text, at, head, out),
            Some(_) => word(text, at, head, out),
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
}

/// Kafka's `(kafka.server.BrokerServer)` at the end.
fn trailing_logger(text: &[u8], head: &mut Head, out: &mut Fields) {
    let Some(inside) = text.strip_suffix(b")") else { return };
    let len = inside.iter().rev().take(120).take_while(|byte| is_logger_byte(**byte)).count();
    let start = inside.len() - len;
    if start > 0 && text[start - 1] == b'(' && inside[start..].contains(&b'.') {
        out.push(Key::Logger, start, inside.len());
        head.logger = true;
    }
}

/// Blanks, and what people put between items: `-`, `--`, `---`, `|`, `:`.
fn skip_separators(text: &[u8], mut at: usize, head: &mut Head) -> usize {
    loop {
        at = skip_colours(text, at);
        let run = text[at..]
            .iter()
            .take(3)
            .take_while(|byte| matches!(byte, b'-' | b'|' | b':' | b';' | b',' | b']'))
            .count();
        if run == 0 || !matches!(text.get(at + run), None | Some(b' ' | b'\t' | b'[')) {
            return at;
        }
        head.dashes |= text[at..].starts_with(b"--- ");
        at += run;
    }
}

/// `[INFO]`, `[123]`, `[main]`, `[o.e.n.Node]`: the first that is neither level nor number is the thread, unless
/// the level came before it without a thread, and it looks like a logger.
fn bracketed(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let close = matching_bracket(text, at)?;
    let (mut start, mut end) = (at + 1, close);
    while start < end && matches!(text[start], b' ' | b'\t') {
        start += 1;
    }
    while start < end && matches!(text[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    let inside = &text[start..end];
    if inside.is_empty() {
        return Some(close + 1);
    }
    if head.level.is_none()
        && let Some(level) = Level::from_word(inside)
    {
        head.level = Some(level);
        return Some(close + 1);
    }
    if scan::digits(text, start) == end - start {
        if !head.pid {
            out.push(Key::Pid, start, end);
            head.pid = true;
        }
        return Some(close + 1);
    }
    let dotted = inside.contains(&b'.') && !inside.contains(&b' ') && !inside.contains(&b'=');
    if dotted && !head.logger && head.level.is_some() && inside.iter().all(|byte| is_logger_byte(*byte)) {
        out.push(Key::Logger, start, end);
        head.logger = true;
    } else if head.dashes && !head.thread && text.get(scan::skip_blanks(text, close + 1)) == Some(&b'[') {
        // Spring puts the application's name before the thread.
        out.push(Key::App, start, end);
    } else if !head.thread && !head.logger && inside.len() <= 100 {
        out.push(Key::Thread, start, end);
        head.thread = true;
    } else {
        return None;
    }
    Some(close + 1)
}

/// The bracket that closes the one at `at`; brackets may nest once (`[QuorumPeer[myid=1]/0:0]`).
fn matching_bracket(text: &[u8], at: usize) -> Option<usize> {
    let mut open = 0;
    for (n, byte) in text[at..].iter().enumerate().take(200) {
        match byte {
            b'[' => open += 1,
            b']' => {
                open -= 1;
                if open == 0 {
                    return Some(at + n);
                }
            }
            _ => {}
        }
    }
    None
}

/// A bare number before the level, or directly behind it, is a pid.
fn number(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let end = at + scan::digits(text, at);
    let next = scan::skip_blanks(text, end);
    let blank = matches!(text.get(end), Some(b' ' | b'\t'));
    if head.pid || end - at > 10 || !blank {
        return None;
    }
    let spring = text[next..].starts_with(b"--- ");
    let before_level = head.level.is_none() && (text.get(next) == Some(&b'[') || upper_level(text, next).is_some());
    if !spring && !before_level {
        return None;
    }
    out.push(Key::Pid, at, end);
    head.pid = true;
    Some(end)
}

/// A level in capitals at `at`, as a word of its own.
fn upper_level(text: &[u8], at: usize) -> Option<(Level, usize)> {
    let len = text[at..].iter().take(13).take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
    if len < 3 || text.get(at + len).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return None;
    }
    Some((Level::from_word(&text[at..at + len])?, at + len))
}

/// A level or a logger.
fn word(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    if head.level.is_none()
        && let Some((level, end)) = level_word(text, at)
    {
        head.level = Some(level);
        return Some(end);
    }
    if head.logger {
        return None;
    }
    let end = logger_end(text, at);
    if end == at || text[at] == b'-' {
        return None;
    }
    let next = scan::skip_blanks(text, end);
    let spaced = next > end && matches!(text.get(next), Some(b':' | b'-')) && text.get(next + 1) == Some(&b' ');
    let colon = text.get(end) == Some(&b':') && matches!(text.get(end + 1), Some(b' ' | b'\t'));
    let tabbed = text.get(end) == Some(&b'\t');
    let named = text[at..end].contains(&b'.') && text.get(end) == Some(&b' ') && text.get(next) == Some(&b'[');
    // `user@db LOG:  message` of PostgreSQL, and the stream of a container's line.
    let user = head.level.is_none() && next > end && upper_level(text, next).is_some() && (head.pid || head.thread);
    if user && text[at..end].contains(&b'@') {
        out.push(Key::User, at, end);
        return Some(end);
    }
    if head.level.is_none() && matches!(&text[at..end], b"stdout" | b"stderr") {
        out.push(Key::Stream, at, end);
        // The mark of a whole (F) or partial (P) line.
        let tag = matches!(text.get(next..next + 2), Some(b"F " | b"P "));
        return Some(if tag { next + 1 } else { end });
    }
    let before_level = head.level.is_none() && spaced && text[next] == b'-' && level_word(text, next + 2).is_some();
    let after_level = head.level.is_some() && (spaced || colon || tabbed || named);
    if !before_level && !after_level {
        return None;
    }
    out.push(Key::Logger, at, end);
    head.logger = true;
    Some(end)
}

/// A level at `at`: capitals; or any spelling that a colon, a tab or a bar ends; or etcd's single letter.
fn level_word(text: &[u8], at: usize) -> Option<(Level, usize)> {
    if let Some(found) = upper_level(text, at) {
        return Some(found);
    }
    let end = at + text[at..].iter().take(13).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let ends = matches!(text.get(end), Some(b':' | b'\t' | b'|')) || text[end..].starts_with(b" |");
    match end - at {
        1 if text[end..].starts_with(b" | ") => json::letter(&text[at..end]).map(|level| (level, end)),
        1 if text.get(end) == Some(&b' ') && text.get(end + 1).is_some_and(u8::is_ascii_uppercase) => {
            json::letter(&text[at..end]).map(|level| (level, end))
        }
        3.. if ends => Level::from_word(&text[at..end]).map(|level| (level, end)),
        _ => None,
    }
}
