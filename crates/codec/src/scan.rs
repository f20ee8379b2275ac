//! Small scanners that the formats share.

/// Offset of the first `byte` at or behind `from`. For short distances: no call, eight bytes at a time.
#[inline]
pub(crate) fn find(line: &[u8], from: usize, byte: u8) -> Option<usize> {
    let mut at = from;
    let wanted = u64::from(byte) * ONES;
    while let Some(chunk) = line.get(at..at + 8) {
        let hit = zeros(word(chunk) ^ wanted);
        if hit != 0 {
            return Some(at + (hit.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    line.get(at..)?.iter().position(|b| *b == byte).map(|n| at + n)
}

/// Offset of the first `"` or `\` at or behind `from`.
#[inline]
pub(crate) fn find_quote(line: &[u8], from: usize) -> Option<usize> {
    const QUOTE: u64 = b'"' as u64 * ONES;
    const ESCAPE: u64 = b'\\' as u64 * ONES;
    let mut at = from;
    while let Some(chunk) = line.get(at..at + 8) {
        let chunk = word(chunk);
        let hit = zeros(chunk ^ QUOTE) | zeros(chunk ^ ESCAPE);
        if hit != 0 {
            return Some(at + (hit.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    line.get(at..)?.iter().position(|b| matches!(b, b'"' | b'\\')).map(|n| at + n)
}

/// Offset of the quote that ends a text which begins at `from`; escaped quotes are passed over.
#[inline]
pub(crate) fn closing_quote(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = find_quote(line, at)?;
        if line[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

#[inline]
fn word(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(chunk);
    u64::from_le_bytes(bytes)
}

/// The high bit of each byte that is zero (exact for the lowest such byte, which is the one asked for).
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

/// A number of decimal digits only, up to 19 of them.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0u64, |n, byte| byte.is_ascii_digit().then(|| n * 10 + u64::from(byte - b'0')))
}

/// How many digits stand at `from`.
#[inline]
pub(crate) fn digits(line: &[u8], from: usize) -> usize {
    line.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The first blank at or behind `from`, or the end.
#[inline]
pub(crate) fn token_end(line: &[u8], from: usize) -> usize {
    find(line, from, b' ').unwrap_or(line.len())
}

/// The first byte at or behind `from` that is no blank and no tab.
#[inline]
pub(crate) fn skip_blanks(line: &[u8], mut from: usize) -> usize {
    while matches!(line.get(from), Some(b' ' | b'\t')) {
        from += 1;
    }
    from
}

/// Without the newlines and carriage returns at the end.
#[inline]
pub(crate) fn trim_newlines(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = line {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_at_every_distance() {
        for len in 0..40 {
            for at in 0..len {
                let mut line = vec![b'x'; len];
                line[at] = b'"';
                assert_eq!(find(&line, 0, b'"'), Some(at));
                assert_eq!(find_quote(&line, 0), Some(at));
                assert_eq!(find(&line, at + 1, b'"'), None);
                assert_eq!(closing_quote(&line, 0), Some(at));
            }
            assert_eq!(find(&vec![b'x'; len], len + 3, b'"'), None);
        }
        assert_eq!(closing_quote(br#"a\"b\\" "#, 0), Some(6));
        assert_eq!(closing_quote(br"a\", 0), None);
    }
}
