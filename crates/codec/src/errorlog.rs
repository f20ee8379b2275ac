//! The error logs of nginx and Apache.

use memchr::memmem;
use model::Level;

use crate::fields::Fields;
use crate::names::Key;
use crate::{scan, time};

/// What nginx appends to a message, as `, name: value`.
const NGINX_TAIL: [(&[u8], Key); 8] = [
    (b"client", Key::Client),
    (b"server", Key::Server),
    (b"request", Key::Request),
    (b"upstream", Key::Upstream),
    (b"host", Key::Host),
    (b"referrer", Key::Referrer),
    (b"subrequest", Key::Subrequest),
    (b"login", Key::Login),
];

/// Reads `2024/01/31 10:00:00 [error] 12#34: *56 message, client: 1.2.3.4, …`.
pub(crate) fn parse_nginx(line: &[u8], out: &mut Fields) -> bool {
    let Some((stamp, at)) = time::iso(line).filter(|_| line[4] == b'/') else { return false };
    if line.get(at..at + 2) != Some(b" [") {
        return false;
    }
    let Some(close) = scan::find(line, at, b']') else { return false };
    let Some(level) = Level::from_word(&line[at + 2..close]) else { return false };
    let pid = close + 2;
    let pid_end = pid + scan::digits(line, pid);
    if pid == pid_end || line.get(pid_end) != Some(&b'#') {
        return false;
    }
    let tid = pid_end + 1;
    let tid_end = tid + scan::digits(line, tid);
    if line.get(tid_end) != Some(&b':') {
        return false;
    }
    out.time = Some(stamp);
    out.level = level;
    out.push(Key::Pid, pid, pid_end);
    out.push(Key::Tid, tid, tid_end);
    let mut at = scan::skip_blanks(line, tid_end + 1);
    if line.get(at) == Some(&b'*') {
        let end = at + 1 + scan::digits(line, at + 1);
        out.push_some(Key::Cid, line, at + 1, end);
        at = end;
    }
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let end = if line[..end].ends_with(b"\r") { end - 1 } else { end };
    nginx_tail(line, at, end, out);
    true
}

fn nginx_tail(line: &[u8], from: usize, end: usize, out: &mut Fields) {
    let Some(found) = memmem::find(&line[from..end], b", client: ") else { return };
    let mut at = from + found;
    while line[at..end].starts_with(b", ") {
        let key = at + 2;
        let Some(colon) = scan::find(&line[..end], key, b':') else { return };
        let name = NGINX_TAIL.iter().find(|(name, _)| *name == &line[key..colon]).map(|(_, name)| *name);
        let value = colon + 2;
        let (start, stop, next) = if line[..end].get(value) == Some(&b'"') {
            // nginx escapes no quotes here: the value ends before the next pair, or at the end.
            let close = memmem::find(&line[value + 1..end], b"\", ").map_or(end - 1, |n| value + 1 + n);
            (value + 1, close.max(value + 1), close + 1)
        } else {
            let stop = memmem::find(&line[value.min(end)..end], b", ").map_or(end, |n| value + n);
            (value.min(end), stop, stop)
        };
        if let Some(name) = name {
            out.push_some(name, line, start, stop);
        }
        if next >= end {
            return;
        }
        at = next;
    }
}

/// Reads `[Sun Dec 04 04:47:44 2005] [error] [client 1.2.3.4] message`, old and new style.
pub(crate) fn parse_apache(line: &[u8], out: &mut Fields) -> bool {
    if line.first() != Some(&b'[') {
        return false;
    }
    let Some((stamp, used)) = time::ctime(&line[1..]) else { return false };
    let mut at = used + 1;
    if line.get(at) != Some(&b']') {
        return false;
    }
    at += 1;
    out.time = Some(stamp);
    while line.get(at..at + 2) == Some(b" [") {
        let Some(close) = scan::find(line, at, b']') else { break };
        bracket(line, at + 2, close, out);
        at = close + 1;
    }
    let at = scan::skip_blanks(line, at);
    // `AH00135: …`
    let digits = scan::digits(line, at + 2);
    if line[at..].starts_with(b"AH") && digits > 0 && line.get(at + 2 + digits) == Some(&b':') {
        out.push(Key::Code, at, at + 2 + digits);
    }
    true
}

/// `error`, `core:error`, `pid 1:tid 2`, `client 1.2.3.4:5`.
fn bracket(line: &[u8], start: usize, end: usize, out: &mut Fields) {
    let inside = &line[start..end];
    if inside.starts_with(b"client ") {
        out.push_some(Key::Client, line, start + 7, end);
    } else if inside.starts_with(b"pid ") {
        let pid = start + 4;
        let pid_end = pid + scan::digits(line, pid);
        out.push_some(Key::Pid, line, pid, pid_end);
        if line[pid_end..end].starts_with(b":tid ") {
            out.push_some(Key::Tid, line, pid_end + 5, end);
        }
    } else if out.level == Level::Unknown {
        let colon = inside.iter().position(|byte| *byte == b':').map(|n| start + n);
        let word = &line[colon.map_or(start, |colon| colon + 1)..end];
        // `trace1` to `trace8`
        let word = if word.starts_with(b"trace") { b"trace" } else { word };
        if let Some(level) = Level::from_word(word) {
            out.level = level;
            if let Some(colon) = colon {
                out.push_some(Key::Module, line, start, colon);
            }
        }
    }
}
