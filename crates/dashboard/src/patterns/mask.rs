//! A line as separators and words, the words without what changes from line to line. Pure.
//!
//! Decision: by hand, byte by byte, and by simple rules: 100,000 lines have to be read in a fraction of a second, and
//! what a rule does not see (a user's name) is found by comparing lines with each other.

/// What stands for something that changes.
pub(super) const ANY: &str = "<*>";
const NUMBER: &str = "<num>";
const HEX: &str = "<hex>";
const UUID: &str = "<uuid>";
const ADDRESS: &str = "<ip>";
const TIME: &str = "<time>";
const IDENTITY: &str = "<id>";

/// Bytes of a line that are looked at.
const BYTES_MAX: usize = 1024;
/// Words of a line that are looked at.
const WORDS_MAX: usize = 80;
/// Dates begin within so many words, where they have names of days and months.
const DATE_WORDS: usize = 3;

/// A line taken apart: a separator before each word, and one behind the last; all may be empty.
#[derive(Debug, Default)]
pub(super) struct Masked {
    pub gaps: Vec<String>,
    pub words: Vec<String>,
    /// More of the line was not looked at.
    pub cut: bool,
}

impl Masked {
    /// Takes a line apart: the first line of a record, as text.
    pub fn of(line: &[u8]) -> Self {
        let first = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut cut = first.len() < line.len();
        let mut bytes = first;
        if first.len() > BYTES_MAX {
            cut = true;
            // Ends at a character and not within a word, whose rest is not known.
            let room = &first[..BYTES_MAX];
            let end = room.iter().rposition(|byte| is_delimiter(*byte)).map_or(0, |at| at + 1);
            bytes = &room[..end];
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\r', ' ']);
        let mut masked = Self { cut, ..Self::default() };
        let (mut gap, mut rest) = (0, 0);
        while let Some((start, end)) = next_word(text, rest) {
            if masked.words.len() == WORDS_MAX {
                masked.cut = true;
                break;
            }
            masked.gaps.push(canonical(&text[gap..start]));
            let word = mask(&text[start..end], masked.words.len());
            masked.words.push(word);
            (gap, rest) = (end, end);
        }
        let end = if masked.words.len() == WORDS_MAX { "" } else { &text[gap..] };
        masked.gaps.push(canonical(end));
        masked
    }
}

/// White space of one blank stays; any other becomes two, so that the width of columns makes no difference.
fn canonical(gap: &str) -> String {
    let mut out = String::with_capacity(gap.len());
    let mut blanks = 0;
    for char in gap.chars() {
        if char.is_whitespace() {
            blanks += if char == ' ' { 1 } else { 2 };
        } else {
            out.push_str(&"  "[..blanks.min(2)]);
            blanks = 0;
            out.push(char);
        }
    }
    out.push_str(&"  "[..blanks.min(2)]);
    out
}

const fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || byte.is_ascii_control()
        || matches!(byte, b'"' | b'\'' | b'`' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>')
        || matches!(byte, b',' | b';' | b'=' | b'|' | b'&' | b'?')
}

/// The next word from a place on: what stands between delimiters, without punctuation around it.
fn next_word(text: &str, mut from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    loop {
        let start = from + bytes[from..].iter().position(|byte| !is_delimiter(*byte))?;
        let end = bytes[start..].iter().position(|byte| is_delimiter(*byte)).map_or(bytes.len(), |at| start + at);
        let word = text[start..end].trim_matches([':', '.', '!', '*', '#', '~', '^', '$', '@', '%', '+']);
        if word.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte == b'/' || byte >= 128) {
            // The word lies in the text, so its place is the difference of the two.
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            return Some((start, start + word.len()));
        }
        from = end;
    }
}

/// A word without what changes.
fn mask(word: &str, number: usize) -> String {
    let bytes = word.as_bytes();
    if !bytes.iter().any(u8::is_ascii_digit) {
        let is_name = number < DATE_WORDS && (is_one_of(bytes, &MONTHS) || is_one_of(bytes, &DAYS));
        return if is_name {
            TIME
        } else if is_hex(bytes) && bytes.len() >= 16 {
            HEX
        } else {
            word
        }
        .to_owned();
    }
    if is_number(bytes) {
        return NUMBER.to_owned();
    }
    let whole = [(is_uuid as fn(&[u8]) -> bool, UUID), (is_address, ADDRESS), (is_time, TIME)];
    if let Some((_, name)) = whole.into_iter().find(|(is, _)| is(bytes)) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(word.len() + 8);
    let mut rest = word;
    while !rest.is_empty() {
        let is_run = |char: char| char.is_ascii_alphanumeric();
        let end = rest.find(|char| !is_run(char)).unwrap_or(rest.len());
        out.push_str(&mask_run(&rest[..end]));
        let next = rest[end..].find(is_run).map_or(rest.len(), |at| end + at);
        out.push_str(&rest[end..next]);
        rest = &rest[next..];
    }
    out
}

/// A run of letters and digits without what changes.
fn mask_run(run: &str) -> String {
    let bytes = run.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return run.to_owned();
    }
    let prefixed = run.strip_prefix("0x").is_some_and(|hex| is_hex(hex.as_bytes()));
    if prefixed || (digits < bytes.len() && bytes.len() >= 8 && is_hex(bytes)) {
        return HEX.to_owned();
    }
    let turns = bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    if turns >= 3 && bytes.len() >= 6 {
        return IDENTITY.to_owned();
    }
    let mut out = String::with_capacity(run.len() + 8);
    let mut in_digits = false;
    for char in run.chars() {
        if char.is_ascii_digit() && !in_digits {
            out.push_str(NUMBER);
        } else if !char.is_ascii_digit() {
            out.push(char);
        }
        in_digits = char.is_ascii_digit();
    }
    out
}

fn is_hex(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit)
}

/// `12`, `-1.5`, `+3`
fn is_number(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let points = digits.iter().filter(|byte| **byte == b'.').count();
    points <= 1 && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// An address of IPv4 or IPv6, with a port or a width perhaps.
fn is_address(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.split_once(['/', '%']).map_or(text, |(address, _)| address);
    let four = text.split_once(':').map_or(text, |(address, _)| address);
    let is_four = four.split('.').count() == 4
        && four.split('.').all(|part| matches!(part.len(), 1..=3) && part.bytes().all(|byte| byte.is_ascii_digit()));
    is_four || (text.matches(':').count() >= 2 && text.parse::<std::net::Ipv6Addr>().is_ok())
}

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

fn is_one_of(word: &[u8], names: &[&[u8]]) -> bool {
    word.len() == 3 && names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// A date, a time of day, or both: digits, names of months, `T` and `Z`, with at least two of `-:/` between.
fn is_time(bytes: &[u8]) -> bool {
    let mut marks = 0;
    let mut at = 0;
    while at < bytes.len() {
        let len = |is: fn(&u8) -> bool| bytes[at..].iter().take_while(|byte| is(byte)).count();
        at += match bytes[at] {
            b'0'..=b'9' => match len(u8::is_ascii_digit) {
                run @ 1..=9 => run,
                _ => return false,
            },
            b'-' | b':' | b'/' => {
                marks += 1;
                1
            }
            b'.' | b'+' => 1,
            _ => {
                let run = &bytes[at..at + len(u8::is_ascii_alphabetic)];
                let known = matches!(run, b"T" | b"Z" | b"t" | b"z") || is_one_of(run, &MONTHS);
                if !known {
                    return false;
                }
                run.len()
            }
        };
    }
    marks >= 2 && bytes.first().is_some_and(u8::is_ascii_digit)
}

/// Whether a word holds nothing of the line but what changes.
pub(super) fn is_mask(word: &str) -> bool {
    [NUMBER, HEX, UUID, ADDRESS, TIME, IDENTITY, ANY].contains(&word)
}

/// Whether a word stands in its line as it is.
pub(super) fn is_literal(word: &str) -> bool {
    // A word of a line holds no `<`: that is a delimiter.
    !word.contains('<') && !word.contains(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(line: &str) -> String {
        let masked = Masked::of(line.as_bytes());
        let mut out = String::new();
        for (gap, word) in masked.gaps.iter().zip(masked.words.iter().map(String::as_str).chain([""])) {
            out.push_str(gap);
            out.push_str(word);
        }
        out
    }

    #[test]
    fn what_changes_is_masked() {
        for (line, wanted) in [
            ("", ""),
            ("connection reset by peer", "connection reset by peer"),
            ("GET /users/42 200 in 17 ms", "GET /users/<num> <num> in <num> ms"),
            ("took 12.5ms, 99% of -3", "took <num>.<num>ms, <num>% of <num>"),
            ("2026-01-31T10:00:00.123Z ERROR x", "<time> ERROR x"),
            ("Jan 31 10:00:01 web-07 sshd[811]: Failed", "<time> <num> <time> web-<num> sshd[<num>]: Failed"),
            ("[31/Jan/2026:10:00:00 +0100] \"GET / HTTP/1.1\"", "[<time> +<num>] \"GET / HTTP/<num>.<num>\""),
            ("from 10.0.0.1:8080 to fe80::1 and 10.1.2.0/24", "from <ip> to <ip> and <ip>"),
            ("id 6ba7b810-9dad-11d1-80b4-00c04fd430c8.", "id <uuid>."),
            ("commit 9fceb02d0ae598e9 at 0xdeadbeef", "commit <hex> at <hex>"),
            ("token a8Fk29dkQ1 user42 v2", "token <id> user<num> v<num>"),
            ("a   b\tc", "a  b  c"),
            ("{\"n\":1,\"msg\":\"it is so\"}", "{\"n\":<num>,\"msg\":\"it is so\"}"),
            ("Exception in thread\n  at x.y(Z.java:7)", "Exception in thread"),
            ("deadbeefdeadbeefdead facade", "<hex> facade"),
            ("--- !!! ***", "--- !!! ***"),
        ] {
            assert_eq!(shown(line), wanted, "{line}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_words() {
        let line = "word ".repeat(1000);
        let masked = Masked::of(line.as_bytes());
        assert!(masked.cut && masked.words.len() == WORDS_MAX && masked.words.iter().all(|word| word == "word"));
        assert_eq!(Masked::of(&vec![b'x'; 1 << 20]).words, [""; 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart(line: Vec<u8>) {
            let masked = Masked::of(&line);
            prop_assert_eq!(masked.gaps.len(), masked.words.len() + 1);
            prop_assert!(masked.words.iter().all(|word| !word.is_empty()));
        }

        #[test]
        fn numbers_make_no_difference(a: u32, b: u32) {
            prop_assert_eq!(shown(&format!("took {a} ms of job-{a}")), shown(&format!("took {b} ms of job-{b}")));
        }
    }
}
