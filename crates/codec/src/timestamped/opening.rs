//! The opening of a line: up to its time and over it, or up to its level where it has no time.

use model::Level;

use super::items::upper_level;
use super::{Head, is_logger_byte, skip_colours};
use crate::fields::Fields;
use crate::names::Key;
use crate::time::{self, Stamp};
use crate::{json, scan};

/// Up to the time and over it; for a line without a time, up to its level. Where it ends.
pub(super) fn read(text: &[u8], head: &mut Head, out: &mut Fields) -> Option<usize> {
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
        b'[' => epoch(text, start, out)
            .or_else(|| pid_first(text, start, head, out))
            .or_else(|| time_of_day(text, start, head, out))
            .or_else(|| level_first(text, start, head, out)),
        b'a'..=b'z' => {
            crash(text, head).or_else(|| small_level(text, head)).or_else(|| word_first(text, start, head, out))
        }
        b'0'..=b'9' => redis(text, head, out)
            .or_else(|| epoch(text, start, out))
            .or_else(|| time_of_day(text, start, head, out))
            .or_else(|| elapsed(text, start)),
        _ => None,
    }
}

/// A time at `at`, bare or in brackets.
pub(super) fn timed(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let bracket = text.get(at) == Some(&b'[');
    let from = at + usize::from(bracket);
    let (stamp, used) = time::any(&text[from..])?;
    after_time(text, at, stamp, from + used, head, out)
}

/// `[7] 2024/01/31 10:00:00.123456 [INF] message`
fn pid_first(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let close = at + 1 + scan::digits(text, at + 1);
    if close == at + 1 || text.get(close..close + 2) != Some(b"] ") {
        return None;
    }
    let end = timed(text, close + 2, head, out)?;
    out.push(Key::Pid, at + 1, close);
    head.pid = true;
    Some(end)
}

/// `10:00:00.123 [main] INFO  c.e.App - message` of logback, `[10:00:00] [Server thread/INFO]: message`.
fn time_of_day(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let from = at + usize::from(text[at] == b'[');
    let (stamp, used) = time::of_day(&text[from..])?;
    after_time(text, at, stamp, from + used, head, out)
}

/// `1234 [main] INFO  c.e.App - message`: milliseconds since the start, as log4j shows them where nothing is
/// configured. No time, but a level.
fn elapsed(text: &[u8], at: usize) -> Option<usize> {
    let end = at + scan::digits(text, at);
    if text.get(end..end + 2) != Some(b" [") {
        return None;
    }
    let close = scan::find(text, end, b']').filter(|close| text.get(close + 1) == Some(&b' '))?;
    upper_level(text, scan::skip_blanks(text, close + 1)).map(|_| end)
}

/// Over what stands behind the time that begins at `at` (with its bracket) and whose text ends at `stop`.
fn after_time(text: &[u8], at: usize, stamp: Stamp, stop: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let bracket = text[at] == b'[';
    let close = if bracket { scan::find(text, stop, b']').filter(|close| close - stop <= 100)? } else { stop };
    let end = close + usize::from(bracket);
    if !matches!(text.get(end), None | Some(b' ' | b'\t' | b':' | b'|' | b'[' | b']' | b',' | b'-' | b';' | 0x1b)) {
        return None;
    }
    let inside = scan::skip_blanks(text, stop).min(close);
    if text[inside..close].starts_with(b"#") && !head.pid {
        // `[2024-01-31T10:00:00.123456 #12345]`
        out.push_some(Key::Pid, text, inside + 1, close);
        head.pid = true;
    } else if text[inside..close].starts_with(b": ") {
        // `[2024-01-31 10:00:00,123: INFO/MainProcess]`
        head.level = upper_level(text, inside + 2).map(|(level, _)| level);
    } else if inside > stop
        && let Some((level, stop)) = upper_level(text, inside)
    {
        // `[2024-01-31T10:00:00Z INFO  my_app::server]`
        head.level = Some(level);
        let target = scan::skip_blanks(text, stop).min(close);
        if !text[target..close].contains(&b' ') {
            out.push_some(Key::Logger, text, target, close);
            head.logger = true;
        }
    }
    out.time = Some(stamp);
    head.bracketed = bracket;
    Some(end)
}

/// `I0131 10:00:00.123456   12345 file.go:12] message`
fn klog(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let level = json::letter(&text[at..=at])?;
    let (stamp, used) = time::klog(&text[at + 1..])?;
    let pid = scan::skip_blanks(text, at + 1 + used);
    let pid_end = pid + scan::digits(text, pid);
    let place = scan::skip_blanks(text, pid_end);
    let close = scan::find(text, place, b']')?;
    out.time = Some(stamp);
    head.level = Some(level);
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

/// `1706695200.123    100 10.0.0.1 TCP_MISS/200 …` of squid, `[1706695200] …` of Nagios.
fn epoch(text: &[u8], at: usize, out: &mut Fields) -> Option<usize> {
    let bracket = text[at] == b'[';
    let start = at + usize::from(bracket);
    let whole = start + scan::digits(text, start);
    if whole - start != 10 {
        return None;
    }
    let end = match text.get(whole)? {
        b']' if bracket => whole,
        b'.' if !bracket => whole + 1 + scan::digits(text, whole + 1),
        _ => return None,
    };
    if text.get(end + usize::from(bracket)) != Some(&b' ') {
        return None;
    }
    out.time = Some(Stamp::from_number(&text[start..end])?);
    Some(end + usize::from(bracket))
}

/// `error: message`, at the very start: only the words that leave no doubt.
fn small_level(text: &[u8], head: &mut Head) -> Option<usize> {
    let colon = text.iter().take(9).position(|byte| *byte == b':')?;
    let word = &text[..colon];
    let sure = matches!(word, b"trace" | b"debug" | b"info" | b"warn" | b"warning" | b"error" | b"fatal" | b"critical");
    if !sure || text.get(colon + 1) != Some(&b' ') {
        return None;
    }
    head.level = Level::from_word(word);
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
