//! Finding text in bytes: tokens, and a literal with ASCII case ignored.

/// Whether a byte belongs to a token: ASCII letters and digits, `_`, and everything from 128 on.
pub const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 128
}

/// The tokens of some bytes, as they stand (not lowercased), in order.
///
/// An index of tokens (a bloom filter) holds them with ASCII letters lowercased.
pub fn tokens(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| !is_token_byte(*byte)).filter(|token| !token.is_empty())
}

/// Whether a match may begin or end at `at`: not between two bytes of one token.
pub fn is_edge(bytes: &[u8], at: usize) -> bool {
    at == 0 || at >= bytes.len() || !is_token_byte(bytes[at - 1]) || !is_token_byte(bytes[at])
}

/// Finds a literal, ASCII case ignored.
///
/// Two bytes of the literal that are rare in log lines are looked for together, 64 positions at a time in a form that
/// compilers turn into vector instructions; a place where both stand is compared in full.
#[derive(Clone, Debug)]
pub struct Finder {
    /// Lowercased.
    needle: Box<[u8]>,
    /// Positions of the two bytes in the needle, ascending (equal where it is one byte).
    first: usize,
    second: usize,
}

const LANES: usize = 64;

impl Finder {
    /// Of a literal.
    pub fn new(needle: &[u8]) -> Self {
        let needle = needle.to_ascii_lowercase().into_boxed_slice();
        let rarest = |skip: Option<usize>| {
            let candidates = (0..needle.len()).filter(|at| Some(*at) != skip);
            candidates.min_by_key(|at| commonness(needle[*at])).unwrap_or(0)
        };
        let one = rarest(None);
        let two = if needle.len() > 1 { rarest(Some(one)) } else { one };
        Self { first: one.min(two), second: one.max(two), needle }
    }

    /// The literal, lowercased.
    pub fn needle(&self) -> &[u8] {
        &self.needle
    }

    /// The first occurrence at or behind `from`.
    pub fn find(&self, hay: &[u8], from: usize) -> Option<usize> {
        let len = self.needle.len();
        if len == 0 {
            return (from <= hay.len()).then_some(from);
        }
        // Starts are in from..last; a block of starts reads LANES bytes at each of the two positions.
        let last = (hay.len() + 1).checked_sub(len)?;
        let mut at = from;
        let (x, y) = (self.needle[self.first] | 0x20, self.needle[self.second] | 0x20);
        while at + LANES <= last {
            let a: &[u8; LANES] = hay[at + self.first..].first_chunk()?;
            let b: &[u8; LANES] = hay[at + self.second..].first_chunk()?;
            if any_pair(a, b, x, y) {
                for lane in 0..LANES {
                    if a[lane] | 0x20 == x && b[lane] | 0x20 == y && self.stands_at(hay, at + lane) {
                        return Some(at + lane);
                    }
                }
            }
            at += LANES;
        }
        (at..last).find(|at| {
            hay[at + self.first] | 0x20 == x && hay[at + self.second] | 0x20 == y && self.stands_at(hay, *at)
        })
    }

    /// Whether some occurrence has both its ends at edges of tokens.
    pub fn finds_word(&self, hay: &[u8]) -> bool {
        let mut from = 0;
        while let Some(at) = self.find(hay, from) {
            if is_edge(hay, at) && is_edge(hay, at + self.needle.len()) {
                return true;
            }
            from = at + 1;
        }
        false
    }

    fn stands_at(&self, hay: &[u8], at: usize) -> bool {
        hay[at..at + self.needle.len()].eq_ignore_ascii_case(&self.needle)
    }
}

/// Whether `x` stands in `a` and `y` in `b` at the same place. No early exit, so that it is a handful of vector
/// instructions.
#[inline]
fn any_pair(a: &[u8; LANES], b: &[u8; LANES], x: u8, y: u8) -> bool {
    let mut any = 0u8;
    for lane in 0..LANES {
        any |= u8::from(a[lane] | 0x20 == x) & u8::from(b[lane] | 0x20 == y);
    }
    any != 0
}

/// How common a (lowercased) byte is in log lines, roughly: the commonest first in this list.
fn commonness(byte: u8) -> u8 {
    const COMMON: &[u8] = b" e0t1a2oinrs-.:c5d3/4lpu6m\"789g,hfbvy=[]_wkx";
    COMMON.iter().position(|common| *common == byte).map_or(0, |rank| (COMMON.len() - rank) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(hay: &[u8], needle: &[u8], from: usize) -> Option<usize> {
        (from..=hay.len().checked_sub(needle.len())?)
            .find(|at| hay[*at..at + needle.len()].eq_ignore_ascii_case(needle))
    }

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(hay in "[aAbB\\[{ ]{0,300}", needle in "[aAbB\\[{ ]{1,6}", from in 0usize..300) {
            let found = Finder::new(needle.as_bytes()).find(hay.as_bytes(), from);
            prop_assert_eq!(found, naive(hay.as_bytes(), needle.as_bytes(), from));
        }
    }

    #[test]
    fn words_have_edges() {
        for (hay, needle, found) in [
            ("a timeout!", "Timeout", true),
            ("timeouts", "timeout", false),
            ("timeouts timeout", "timeout", true),
            ("from 110.0.0.1", "10.0.0.1", false),
            ("from 10.0.0.1:80", "10.0.0.1", true),
            ("x[ERROR]y", "[error]", true),
            ("größe", "gr", false),
            ("", "a", false),
            ("a", "a", true),
        ] {
            assert_eq!(Finder::new(needle.as_bytes()).finds_word(hay.as_bytes()), found, "{needle} in {hay}");
        }
    }
}
