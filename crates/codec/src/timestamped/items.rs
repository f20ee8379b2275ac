//! What stands between the time and the message.

use model::Level;

use super::opening::timed;
use super::{Head, is_logger_byte, logger_end, skip_colours};
use crate::fields::{Fields, piece};
use crate::names::{Key, ROOT};
use crate::{json, scan};

/// So many items may stand before the message.
const ITEMS_MAX: usize = 12;
/// What PostgreSQL writes for user and database before it knows them.
const NOBODY: &[u8] = b"[unknown]@[unknown]";
/// What ZooKeeper writes before the number of the member.
const MEMBER: &[u8] = b"myid:";

/// Reads item by item until the message begins.
pub(super) fn read(text: &[u8], mut at: usize, head: &mut Head, out: &mut Fields) {
    if head.bracketed {
        trailing_logger(text, head, out);
        if let Some(level) = php(&text[scan::skip_blanks(text, at)..]) {
            head.level = Some(level);
            return;
        }
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
            Some(b'{' | b'<') if head.level.is_none() => enclosed(text, at, head, out),
            Some(b'0'..=b'9') => number(text, at, head, out),
            Some(_) => word(text, at, head, out),
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
}

/// PHP's own words behind its time.
fn php(message: &[u8]) -> Option<Level> {
    let word = message.strip_prefix(b"PHP ")?;
    let words: [(&[u8], Level); 5] = [
        (b"Fatal error:", Level::Fatal),
        (b"Parse error:", Level::Fatal),
        (b"Warning:", Level::Warn),
        (b"Notice:", Level::Info),
        (b"Deprecated:", Level::Info),
    ];
    words.iter().find(|(known, _)| word.starts_with(known)).map(|(_, level)| *level)
}

/// `{task.py:12} ERROR` of Airflow, `{query id} <Error>` of ClickHouse: only where a level follows.
fn enclosed(text: &[u8], at: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    if text[at] == b'<' {
        let len = text[at + 1..].iter().take(14).position(|byte| *byte == b'>')?;
        head.level = Some(Level::from_word(&text[at + 1..at + 1 + len])?);
        return Some(at + len + 2);
    }
    let close = scan::find(text, at, b'}').filter(|close| close - at <= 100)?;
    let next = scan::skip_blanks(text, close + 1);
    if upper_level(text, next).is_none() && text.get(next) != Some(&b'<') {
        return None;
    }
    if !head.logger && text[at..close].contains(&b':') {
        out.push(Key::Logger, at + 1, close);
        head.logger = true;
    }
    Some(close + 1)
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
        if text.get(at) == Some(&b'|') {
            at += 1;
            continue;
        }
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
    if text[at..].starts_with(NOBODY) {
        return Some(at + NOBODY.len());
    }
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
        && let Some(level) = bracketed_level(inside)
    {
        head.level = Some(level);
        return Some(close + 1);
    }
    // ZooKeeper's number of the member stands before its thread.
    if !head.thread && inside.starts_with(MEMBER) {
        if inside.len() > MEMBER.len() {
            let name = out.meet(text, ROOT, piece(start, start + MEMBER.len() - 1));
            out.push_met(name, piece(start + MEMBER.len(), end));
        }
        return Some(close + 1);
    }
    // `[Server thread/INFO]`
    if head.level.is_none()
        && !head.thread
        && let Some(slash) = inside.iter().rposition(|byte| *byte == b'/')
        && let Some((level, stop)) = upper_level(text, start + slash + 1)
        && stop == end
    {
        out.push_some(Key::Thread, text, start, start + slash);
        (head.thread, head.level) = (true, Some(level));
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

/// A level, or what MySQL writes for one.
fn bracketed_level(word: &[u8]) -> Option<Level> {
    Level::from_word(word).or_else(|| matches!(word, b"Note" | b"System").then_some(Level::Info))
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
    if head.pid || end - at > 19 || !blank {
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
pub(super) fn upper_level(text: &[u8], at: usize) -> Option<(Level, usize)> {
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
    let tabbed = matches!(text.get(end), Some(b'\t' | b'|'));
    let named = text[at..end].contains(&b'.') && text.get(end) == Some(&b' ') && text.get(next) == Some(&b'[');
    if head.level.is_none()
        && let Some(end) = named_level(text, at, end, head, out)
    {
        return Some(end);
    }
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
    // `user=bob,db=shop LOG:  message`
    if head.level.is_none() && head.pid && text[at..].starts_with(b"user=") {
        return Some(scan::token_end(text, at));
    }
    // `- name - INFO`, `main.go:12: ERROR`, `fail2ban.filter [123]: INFO`
    let before_level = head.level.is_none()
        && ((spaced && text[next] == b'-' && level_word(text, next + 2).is_some())
            || (colon && (text[at..end].contains(&b':') || level_word(text, next.max(end + 2)).is_some()))
            || (named
                && text.get(next + 1 + scan::digits(text, next + 1)..).is_some_and(|rest| rest.starts_with(b"]: "))));
    let after_level = head.level.is_some() && (spaced || colon || tabbed || named);
    if !before_level && !after_level {
        return None;
    }
    out.push(Key::Logger, at, end);
    head.logger = true;
    Some(end)
}

/// A logger with its level: `util.py[DEBUG]: message` of cloud-init, `app.ERROR: message` of Monolog.
fn named_level(text: &[u8], at: usize, end: usize, head: &mut Head, out: &mut Fields) -> Option<usize> {
    let (name_end, level, end) = match text.get(end)? {
        b'[' => {
            let (level, close) = upper_level(text, end + 1)?;
            (end, level, (text.get(close) == Some(&b']')).then_some(close + 1)?)
        }
        b':' => {
            let dot = at + text[at..end].iter().rposition(|byte| *byte == b'.')?;
            let (level, stop) = upper_level(text, dot + 1)?;
            (dot, level, (stop == end).then_some(end)?)
        }
        _ => return None,
    };
    out.push_some(Key::Logger, text, at, name_end);
    head.logger = true;
    head.level = Some(level);
    Some(end)
}

/// A level at `at`: capitals; or any spelling that a colon, a tab or a bar ends; or etcd's single letter.
fn level_word(text: &[u8], at: usize) -> Option<(Level, usize)> {
    // `*INFO*`
    if *text.get(at)? == b'*' {
        return upper_level(text, at + 1)
            .filter(|(_, end)| text.get(*end) == Some(&b'*'))
            .map(|(level, end)| (level, end + 1));
    }
    if let Some(found) = upper_level(text, at) {
        return Some(found);
    }
    let end = at + text[at..].iter().take(13).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let ends = matches!(text.get(end), Some(b':' | b'\t' | b'|')) || text[end..].starts_with(b" |");
    match end - at {
        1 if text[end..].starts_with(b" | ") => json::letter(&text[at..end]).map(|level| (level, end)),
        // MongoDB, old: `I NETWORK  [listener] …`
        1 if text.get(end) == Some(&b' ')
            && text[scan::skip_blanks(text, end)..].first().is_some_and(u8::is_ascii_uppercase) =>
        {
            json::letter(&text[at..end]).map(|level| (level, end))
        }
        3.. if ends => Level::from_word(&text[at..end]).map(|level| (level, end)),
        _ => None,
    }
}
