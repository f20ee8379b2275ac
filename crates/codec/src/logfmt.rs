//! `key=value key="quoted value" flag`: the whole line, nothing else in it.

use crate::fields::{Fields, Piece, piece};
use crate::names::ROOT;
use crate::time::Stamp;
use crate::{json, scan};

/// Reads a line of pairs; `false` where it is anything else. Two pairs at least, and hardly a bare word among them,
/// so that prose with an `=` in it is not taken for one.
pub(crate) fn parse(line: &[u8], out: &mut Fields) -> bool {
    let (mut pairs, mut bare, mut at) = (0u32, 0u32, 0);
    loop {
        at = scan::skip_blanks(line, at);
        if at == line.len() {
            break;
        }
        let key_end = at + line[at..].iter().take_while(|byte| is_key(**byte)).count();
        if key_end == at {
            return false;
        }
        let key = piece(at, key_end);
        match line.get(key_end) {
            None | Some(b' ' | b'\t') => {
                bare += 1;
                at = key_end;
                if pairs == 0 || bare > 2 + pairs / 2 {
                    return false;
                }
            }
            Some(b'=') => {
                let (value, end) = match value(line, key_end + 1, out) {
                    Some(found) => found,
                    None => return false,
                };
                pairs += 1;
                if value.len() > 0 {
                    let name = out.meet(line, ROOT, key);
                    out.push_met(name, value);
                    json::notice(line, out, name, value);
                }
                at = end;
            }
            Some(_) => return false,
        }
    }
    if line.starts_with(b"type=") && out.time.is_none() {
        audit_time(line, out);
    }
    pairs >= 2 && bare * 2 <= pairs
}

/// `type=SYSCALL msg=audit(1706695200.123:456): arch=…`: the kernel's audit log.
fn audit_time(line: &[u8], out: &mut Fields) {
    const BEFORE: &[u8] = b" msg=audit(";
    let Some(at) = memchr::memmem::find(line, BEFORE) else { return };
    let start = at + BEFORE.len();
    if let Some(colon) = scan::find(line, start, b':') {
        out.time = Stamp::from_number(&line[start..colon]);
    }
}

const fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/' | b'$')
}

/// The value at `at`, unescaped into the text if it needs to be, and where it ends.
fn value(line: &[u8], at: usize, out: &mut Fields) -> Option<(Piece, usize)> {
    if line.get(at) != Some(&b'"') {
        let len = line[at..].iter().take_while(|byte| !matches!(byte, b' ' | b'\t' | b'"')).count();
        let end = at + len;
        return (line.get(end) != Some(&b'"')).then(|| (piece(at, end), end));
    }
    let start = at + 1;
    let end = scan::closing_quote(line, start)?;
    if !matches!(line.get(end + 1), None | Some(b' ' | b'\t')) {
        return None;
    }
    let value = if line[start..end].contains(&b'\\') {
        let from = out.text.len();
        unescape(&line[start..end], &mut out.text);
        out.text_from(from)
    } else {
        piece(start, end)
    };
    Some((value, end + 1))
}

fn unescape(value: &[u8], out: &mut Vec<u8>) {
    let mut bytes = value.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(byte @ (b'"' | b'\\')) => out.push(*byte),
            Some(other) => out.extend_from_slice(&[b'\\', *other]),
            None => out.push(b'\\'),
        }
    }
}
