//! Small scanners that the formats share.

/// Offset of the first `byte` at or behind `from`. For short distances: no call, sixteen bytes at a time.
#[inline]
pub(crate) fn find(line: &[u8], from: usize, byte: u8) -> Option<usize> {
    find_either(line, from, byte, byte)
}

/// Offset of the first `"` or `\` at or behind `from`.
#[inline]
pub(crate) fn find_quote(line: &[u8], from: usize) -> Option<usize> {
    find_either(line, from, b'"', b'\\')
}

#[inline(always)]
fn find_either(line: &[u8], from: usize, one: u8, other: u8) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = line.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let hits = hits(chunk, one, other);
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize);
        }
        at += 16;
    }
    let rest = line.get(at..)?;
    // The sixteen bytes before the end, less those that were looked at.
    if let Some(chunk) = line.last_chunk::<16>() {
        let hits = hits(chunk, one, other) >> (16 - rest.len());
        return (hits != 0).then(|| at + hits.trailing_zeros() as usize);
    }
    rest.iter().position(|byte| *byte == one || *byte == other).map(|n| at + n)
}

/// One bit for each byte that is `one` or `other`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn hits(chunk: &[u8; 16], one: u8, other: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};
    let (low, high) = halves(chunk);
    // SAFETY: every x86-64 has SSE2.
    unsafe {
        let chunk = _mm_set_epi64x(high as i64, low as i64);
        let one = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(one as i8));
        let other = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(other as i8));
        _mm_movemask_epi8(_mm_or_si128(one, other)) as u32
    }
}

/// One bit for each byte that is `one` or `other`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn hits(chunk: &[u8; 16], one: u8, other: u8) -> u32 {
    let (low, high) = halves(chunk);
    let either = |word: u64| bits(word ^ u64::from(one) * ONES) | bits(word ^ u64::from(other) * ONES);
    either(low) | either(high) << 8
}

/// One bit for each byte of the word that is zero.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
const fn bits(word: u64) -> u32 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let zeros = !(((word & LOW) + LOW) | word | LOW);
    ((zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

#[cfg(not(target_arch = "x86_64"))]
const ONES: u64 = 0x0101_0101_0101_0101;

#[inline(always)]
fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64, (both >> 64) as u64)
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
