//! Text as JSON wants it, without going through a serializer: documents are put together from pieces that are mostly
//! the same for a whole batch, so all that is left to do for a record is to escape its line and write some numbers.

use base::Timestamp;

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// Appends the inside of a JSON string.
pub fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // Every byte may become six; pieces are written in blocks, of which only the beginning counts.
    out.reserve(bytes.len() * 6 + 2 * BLOCK);
    let mut len = out.len();
    let mut at = 0;
    while let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * BLOCK }>) {
        // SAFETY: see the reservation; what is written so far is at most six bytes for each that is behind us.
        len += unsafe { escape_block(window, BLOCK, out.as_mut_ptr().add(len)) };
        at += BLOCK;
    }
    while at < bytes.len() {
        let rest = &bytes[at..];
        let mut window = [b' '; 2 * BLOCK];
        window[..rest.len()].copy_from_slice(rest);
        let count = rest.len().min(BLOCK);
        // SAFETY: as above.
        len += unsafe { escape_block(&window, count, out.as_mut_ptr().add(len)) };
        at += count;
    }
    // SAFETY: all up to here was written.
    unsafe { out.set_len(len) };
}

/// Writes the first `count` bytes of a window, at most a block, escaped; says how long that is.
///
/// # Safety
/// There must be room for six bytes for each of them and two blocks more behind `to`.
#[inline(always)]
unsafe fn escape_block(window: &[u8; 2 * BLOCK], count: usize, to: *mut u8) -> usize {
    let (block, _) = window.split_at(BLOCK);
    let mut mask = block.first_chunk().map_or(0, specials) & ((1u32 << count) - 1);
    let (mut from, mut len) = (0, 0);
    // A whole block from `from`, which is at most at its end.
    let piece = |from: usize| *window[from..].first_chunk::<BLOCK>().unwrap_or(&[0; BLOCK]);
    // SAFETY: what counts of each piece was counted for the six; the rest lies within the two blocks.
    unsafe {
        while mask != 0 {
            let special = mask.trailing_zeros() as usize;
            to.add(len).cast::<[u8; BLOCK]>().write_unaligned(piece(from));
            len += special - from;
            let (escape, escape_len) = ESCAPES[usize::from(window[special])];
            to.add(len).cast::<[u8; 6]>().write_unaligned(escape);
            len += usize::from(escape_len);
            from = special + 1;
            mask &= mask - 1;
        }
        to.add(len).cast::<[u8; BLOCK]>().write_unaligned(piece(from));
    }
    len + count - from
}

/// How each byte is written that cannot stand in a string as it is, and how long that is.
static ESCAPES: [([u8; 6], u8); 256] = {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut escapes = [(*b"      ", 0); 256];
    let mut byte = 0;
    while byte < 32 {
        escapes[byte] = ([b'\\', b'u', b'0', b'0', HEX[byte >> 4], HEX[byte & 15]], 6);
        byte += 1;
    }
    escapes[b'\n' as usize] = (*b"\\n    ", 2);
    escapes[b'\r' as usize] = (*b"\\r    ", 2);
    escapes[b'\t' as usize] = (*b"\\t    ", 2);
    escapes[b'"' as usize] = (*b"\\\"    ", 2);
    escapes[b'\\' as usize] = (*b"\\\\    ", 2);
    escapes
};

/// A bit for each byte that cannot stand in a JSON string as it is.
#[cfg(target_arch = "x86_64")]
#[inline]
fn specials(block: &[u8; BLOCK]) -> u32 {
    // SAFETY: every x86_64 has SSE2.
    unsafe { specials_sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn specials_sse2(block: &[u8; BLOCK]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let (low, high) = block.split_at(8);
    let word = |bytes: &[u8]| {
        i64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
    };
    let bytes = _mm_set_epi64x(word(high), word(low));
    let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash))) as u32
}

/// A bit for each byte that cannot stand in a JSON string as it is.
#[cfg(not(target_arch = "x86_64"))]
fn specials(block: &[u8; BLOCK]) -> u32 {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    block.iter().enumerate().fold(0, |mask, (n, byte)| mask | u32::from(special(*byte)) << n)
}

/// Two digits for each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Appends a number in decimal.
pub fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    while rest >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number in decimal.
pub fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    number(out, value.unsigned_abs());
}

/// What a time in nanoseconds since 1970 can hold, in microseconds.
const LAST_MICROS: i64 = i64::MAX / 1000;

/// A time held within what `date_nanos` knows: 1970 to 2262.
pub fn within_nanos(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().clamp(0, LAST_MICROS))
}

/// Writes times, remembering the text of the last day: neighbours share it.
pub struct Clock {
    day: i64,
    /// Such as `2026-11-21T`.
    text: [u8; 11],
}

impl Default for Clock {
    fn default() -> Self {
        Self { day: i64::MIN, text: [0; 11] }
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

impl Clock {
    /// Appends RFC 3339 in UTC with microseconds.
    pub fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        let micros = within_nanos(time).as_micros();
        let (day, mut rest) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS) as u64);
        if day != self.day {
            let text = Timestamp::from_micros(day * DAY_MICROS).to_string();
            self.text.copy_from_slice(&text.as_bytes()[..11]);
            self.day = day;
        }
        let mut digits = *b"00:00:00.000000Z";
        let mut two = |at: usize, value: u64| digits[at..at + 2].copy_from_slice(&PAIRS[value as usize]);
        for at in [13, 11, 9] {
            two(at, rest % 100);
            rest /= 100;
        }
        two(6, rest % 60);
        two(3, rest / 60 % 60);
        two(0, rest / 3600);
        out.extend_from_slice(&self.text);
        out.extend_from_slice(&digits);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_back(text in any::<String>(), more in "[ -~\\\\\"\n\u{0}]{0,80}") {
            let text = text + &more;
            let mut out = vec![b'"'];
            escape(&mut out, &text);
            out.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn any_number_is_read_back(value in any::<i64>()) {
            let mut out = Vec::new();
            signed(&mut out, value);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }

        #[test]
        fn any_time_is_written_in_full(micros in any::<i64>()) {
            let (mut clock, mut out) = (Clock::default(), Vec::new());
            let time = Timestamp::from_micros(micros);
            clock.write(&mut out, time);
            clock.write(&mut out, time);
            let (first, second) = out.split_at(out.len() / 2);
            prop_assert_eq!(first, second);
            let shown: jiff::Timestamp = std::str::from_utf8(first).unwrap().parse().unwrap();
            prop_assert_eq!(shown.as_microsecond(), within_nanos(time).as_micros());
        }
    }
}
