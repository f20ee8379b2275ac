//! Tokens as an index keeps them: the hash of each token with ASCII letters lowercased.
//!
//! Whoever builds an index and whoever asks it must cut and hash alike, so both do it here. Decision: a token counts
//! by its first [`TOKEN_BYTES_MAX`] bytes, so that a long base64 value costs no more than a long word; an index only
//! ever rules out, and a longer token is ruled out by its beginning. The hash is persisted in indexes: never change it.

pub use crate::query::is_token_byte;

/// A longer token is hashed by its first so many bytes.
pub const TOKEN_BYTES_MAX: usize = 64;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const FINISHER: u64 = 0xd6e8_feb8_6659_fd93;

/// The hash of one token. ASCII case is ignored; never 0.
pub fn hash_token(token: &[u8]) -> u64 {
    hash_at(token, 0, token.len())
}

/// Visits the hash of each token of `text`, in order.
#[inline]
pub fn for_each_token_hash(text: &[u8], mut visit: impl FnMut(u64)) {
    for_each_token_range(text, |start, end| visit(hash_at(text, start, end)));
}

/// Tokens seen a moment ago, so that those that keep coming back cost next to nothing.
///
/// It knows tokens of up to 16 bytes by their bytes, in a small direct-mapped table: a token may be visited again, but
/// none is ever left out.
pub struct RecentTokens {
    /// The bytes of a token as two words, zeros behind its end. No token has a zero in it.
    seen: Box<[[u64; 2]; RECENT]>,
}

const RECENT: usize = 1024;
const SHORT: usize = 16;

/// For each length up to [`SHORT`] which bits of two words belong to a token.
const MASKS: [[u64; 2]; SHORT + 1] = {
    let mut masks = [[0; 2]; SHORT + 1];
    let mut len = 1;
    while len <= SHORT {
        masks[len] = match len {
            1..=8 => [u64::MAX >> (64 - 8 * len), 0],
            _ => [u64::MAX, u64::MAX >> (128 - 8 * len)],
        };
        len += 1;
    }
    masks
};

impl Default for RecentTokens {
    fn default() -> Self {
        Self { seen: Box::new([[0; 2]; RECENT]) }
    }
}

impl RecentTokens {
    /// Nothing was seen.
    pub fn clear(&mut self) {
        self.seen.fill([0; 2]);
    }

    /// As [`for_each_token_hash`], less most of the tokens that were visited since the last [`RecentTokens::clear`].
    #[inline]
    pub fn for_each_new_token_hash(&mut self, text: &[u8], mut visit: impl FnMut(u64)) {
        for_each_token_range(text, |start, end| {
            if !self.knows(text, start, end) {
                visit(hash_at_aside(text, start, end));
            }
        });
    }

    /// Whether the token was seen a moment ago; notes it.
    #[inline(always)]
    fn knows(&mut self, text: &[u8], start: usize, end: usize) -> bool {
        let Some([low, high]) = MASKS.get(end - start) else { return false };
        let words = match text[start..].first_chunk::<SHORT>() {
            Some(bytes) => {
                let both = u128::from_le_bytes(*bytes);
                [both as u64 & low, (both >> 64) as u64 & high]
            }
            None => [word_at(text, start) & low, word_at(text, start + 8) & high],
        };
        let mixed = (words[0] ^ words[1].rotate_left(27)).wrapping_mul(MULTIPLIER);
        let seen = &mut self.seen[(mixed >> 32) as usize % RECENT];
        let known = *seen == words;
        *seen = words;
        known
    }
}

/// Out of line, so that the way past known tokens stays short.
#[inline(never)]
fn hash_at_aside(text: &[u8], start: usize, end: usize) -> u64 {
    hash_at(text, start, end)
}

/// Finds the tokens 64 bytes at a time: their bytes as a bit mask, whose changes are the ends of tokens.
#[inline(always)]
fn for_each_token_range(text: &[u8], mut visit: impl FnMut(usize, usize)) {
    // Where the token began that goes on from block to block, and whether there is one.
    let (mut open_at, mut open) = (0, 0u64);
    let mut at = 0;
    let mut last = [0u8; 64];
    // Behind the end stand zeros, at least one, which end the last token.
    while at <= text.len() {
        let block = match text[at..].first_chunk::<64>() {
            Some(block) => block,
            None => {
                last[..text.len() - at].copy_from_slice(&text[at..]);
                &last
            }
        };
        let mask = token_mask(block);
        let before = mask << 1 | open;
        let (mut starts, mut ends) = (mask & !before, !mask & before);
        while ends != 0 {
            let mut start = open_at;
            if open == 0 {
                start = at + starts.trailing_zeros() as usize;
                starts &= starts - 1;
            }
            open = 0;
            visit(start, at + ends.trailing_zeros() as usize);
            ends &= ends - 1;
        }
        if starts != 0 {
            open_at = at + starts.trailing_zeros() as usize;
        }
        open = mask >> 63;
        at += 64;
    }
}

/// A bit for each byte that belongs to a token.
#[cfg(target_arch = "x86_64")]
#[inline]
fn token_mask(block: &[u8; 64]) -> u64 {
    // SAFETY: every x86_64 has SSE2.
    unsafe { token_mask_sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn token_mask_sse2(block: &[u8; 64]) -> u64 {
    use std::arch::x86_64::{
        _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let mut mask = 0;
    for (n, lane) in block.chunks_exact(16).enumerate() {
        let (low, high) = lane.split_at(8);
        let word = |bytes: &[u8]| {
            i64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
        };
        let bytes = _mm_set_epi64x(word(high), word(low));
        // A range check is one signed comparison after a shift that puts the range at the very top.
        let folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        let letter = _mm_cmpgt_epi8(_mm_add_epi8(folded, _mm_set1_epi8(0x7f - b'z' as i8)), _mm_set1_epi8(0x7f - 26));
        let digit = _mm_cmpgt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(0x7f - b'9' as i8)), _mm_set1_epi8(0x7f - 10));
        let line = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'_' as i8));
        // The mask takes the highest bit of each byte, which is set where the byte is 128 or more.
        let any = _mm_or_si128(_mm_or_si128(letter, digit), _mm_or_si128(line, bytes));
        mask |= u64::from(_mm_movemask_epi8(any) as u32) << (n * 16);
    }
    mask
}

/// A bit for each byte that belongs to a token.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn token_mask(block: &[u8; 64]) -> u64 {
    block.iter().enumerate().fold(0, |mask, (n, byte)| mask | u64::from(is_token_byte(*byte)) << n)
}

/// Hashes `text[start..end]` in words of eight bytes. Reads beyond `end` where there is text, and masks it away.
#[inline]
fn hash_at(text: &[u8], start: usize, end: usize) -> u64 {
    let mut left = (end - start).min(TOKEN_BYTES_MAX);
    let mut hash = (left as u64).wrapping_mul(FINISHER);
    let mut at = start;
    while left > 8 {
        hash = mix(hash, lowercase(word_at(text, at)));
        at += 8;
        left -= 8;
    }
    if left > 0 {
        let word = word_at(text, at) & (u64::MAX >> (64 - 8 * left));
        hash = mix(hash, lowercase(word));
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(FINISHER);
    (hash ^ (hash >> 29)).max(1)
}

#[inline]
const fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER)
}

/// Eight bytes from `at`; zeros stand for what is behind the end.
#[inline]
fn word_at(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_word(text.get(at..).unwrap_or_default()),
    }
}

/// As [`word_at`], for fewer than eight bytes.
#[cold]
#[inline(never)]
fn last_word(rest: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(bytes)
}

/// Each byte `A` to `Z` of a word made lower case.
#[inline]
const fn lowercase(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let low = word & !TOPS;
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let beyond_z = low + (0x7f - b'Z' as u64) * ONES;
    let upper = (from_a ^ beyond_z) & TOPS & !word;
    word | (upper >> 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slowly(text: &[u8]) -> Vec<u64> {
        let tokens = text.split(|byte| !is_token_byte(*byte)).filter(|token| !token.is_empty());
        tokens.map(|token| hash_token(&token.to_ascii_lowercase())).collect()
    }

    fn quickly(text: &[u8]) -> Vec<u64> {
        let mut hashes = Vec::new();
        for_each_token_hash(text, |hash| hashes.push(hash));
        hashes
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_and_hashed_as_by_hand(text in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(quickly(&text), slowly(&text));
        }

        #[test]
        fn words_are_cut_and_hashed_as_by_hand(text in "[ -~]{0,300}", tail in "[A-Za-z]{60,70}") {
            let text = text + &tail;
            prop_assert_eq!(quickly(text.as_bytes()), slowly(text.as_bytes()));
        }
    }

    #[test]
    fn tokens_seen_before_are_left_out_and_no_others() {
        let mut recent = RecentTokens::default();
        let mut visit = |text: &str| {
            let mut hashes = Vec::new();
            recent.for_each_new_token_hash(text.as_bytes(), |hash| hashes.push(hash));
            hashes
        };
        let long = "x".repeat(17);
        assert_eq!(
            visit("a b a ab abcdefgh abcdefghi"),
            ["a", "b", "ab", "abcdefgh", "abcdefghi"].map(|t| hash_token(t.as_bytes()))
        );
        assert_eq!(
            visit(&format!("a {long} {long} b abcdefghi abcdefghj")),
            [&*long, &long, "abcdefghj"].map(|t| hash_token(t.as_bytes()))
        );
        recent.clear();
        assert_eq!(recent.seen.len(), RECENT);
    }

    #[test]
    fn every_byte_is_classed_alike() {
        for byte in 0..=255u8 {
            assert_eq!(token_mask(&[byte; 64]) == u64::MAX, is_token_byte(byte), "{byte}");
            assert_eq!(token_mask(&[byte; 64]) == 0, !is_token_byte(byte), "{byte}");
        }
    }

    #[test]
    fn a_long_token_counts_by_its_beginning_and_case_does_not() {
        assert_eq!(hash_token(&[b'a'; 64]), hash_token(&[b'A'; 900]));
        assert_ne!(hash_token(&[b'a'; 63]), hash_token(&[b'a'; 64]));
        assert_ne!(hash_token(b"ab"), hash_token(b"ba"));
    }

    #[test]
    fn the_hash_is_the_persisted_one() {
        let hashes = [b"error".as_slice(), b"0123456789abcdef"].map(hash_token);
        assert_eq!(hashes, [16_980_815_907_680_080_762, 12_456_060_847_807_703_542]);
    }
}
