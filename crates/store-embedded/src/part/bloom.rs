//! Which tokens may be in a page of lines: split-block bloom filters of a row group's pages, interleaved.
//!
//! Decision: all pages of a row group have the same number of 64-byte blocks, and block `n` of every page stands side
//! by side. So one read of `64 × pages` bytes tells for all of them whether a token may be there, and filters need not
//! be kept in memory.

use store::tokens::RecentTokens;

/// Bytes of a block: one cache line.
pub(crate) const BLOCK_BYTES: usize = 64;
/// Bits set for each token.
const PROBES: u32 = 6;
/// Bits spent on each distinct token.
const BITS_PER_TOKEN: usize = 14;

/// The distinct tokens of one page, as hashes.
pub(crate) struct TokenSet {
    recent: RecentTokens,
    /// Tokens found, some of them more than once.
    found: Vec<u64>,
    /// Open addressing; 0 where empty.
    slots: Vec<u64>,
}

/// So many tokens are gathered before those that came twice are sorted out.
const FOUND_MAX: usize = 1 << 16;

impl TokenSet {
    pub fn new() -> Self {
        Self { recent: RecentTokens::default(), found: Vec::new(), slots: Vec::new() }
    }

    /// Adds the tokens of a text.
    pub fn add(&mut self, text: &[u8]) {
        let found = &mut self.found;
        self.recent.for_each_new_token_hash(text, |hash| found.push(hash));
        if self.found.len() > FOUND_MAX {
            self.distinct();
        }
    }

    /// The tokens; the set is empty then.
    pub fn take(&mut self) -> Vec<u64> {
        self.recent.clear();
        self.distinct();
        let tokens = self.found.clone();
        self.found.clear();
        tokens
    }

    /// Leaves each token once. In one go, because the processor can look at many slots at once then.
    fn distinct(&mut self) {
        let len = (self.found.len() * 2).next_power_of_two().max(16);
        self.slots.clear();
        self.slots.resize(len, 0);
        let (slots, mask) = (&mut *self.slots, len - 1);
        self.found.retain(|hash| {
            let mut at = (hash >> 16) as usize & mask;
            while slots[at] != 0 && slots[at] != *hash {
                at = (at + 1) & mask;
            }
            let is_new = slots[at] == 0;
            slots[at] = *hash;
            is_new
        });
    }
}

/// Blocks needed for a page with so many distinct tokens.
pub(crate) fn blocks_for(tokens: usize) -> usize {
    (tokens * BITS_PER_TOKEN).div_ceil(BLOCK_BYTES * 8).max(1)
}

/// The filters of a row group: `tokens` per page.
pub(crate) fn build(tokens: &[Vec<u64>], out: &mut Vec<u8>) -> usize {
    let blocks = blocks_for(tokens.iter().map(Vec::len).max().unwrap_or(0));
    let at = out.len();
    out.resize(at + blocks * tokens.len() * BLOCK_BYTES, 0);
    let filters = &mut out[at..];
    for (page, tokens) in tokens.iter().enumerate() {
        for &hash in tokens {
            let start = (block_of(hash, blocks) * filters.len() / blocks) + page * BLOCK_BYTES;
            set(&mut filters[start..start + BLOCK_BYTES], hash);
        }
    }
    blocks
}

/// In which block a token stands.
pub(crate) fn block_of(hash: u64, blocks: usize) -> usize {
    ((u128::from(hash) * blocks as u128) >> 64) as usize
}

fn bits(hash: u64) -> impl Iterator<Item = usize> {
    // The high bits choose the block, the low ones the places in it: nine for each probe.
    let mixed = hash.wrapping_mul(0x9fb2_1c65_1e98_df25);
    (0..PROBES).map(move |n| (mixed >> (n * 9)) as usize & (BLOCK_BYTES * 8 - 1))
}

fn set(block: &mut [u8], hash: u64) {
    for bit in bits(hash) {
        block[bit / 8] |= 1 << (bit % 8);
    }
}

/// Whether the token may be in the page that `block` belongs to.
pub(crate) fn may_contain(block: &[u8], hash: u64) -> bool {
    bits(hash).all(|bit| block[bit / 8] & 1 << (bit % 8) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_seldom_what_is_not() {
        let hash = |n: u64| store::tokens::hash_token(format!("token{n}").as_bytes());
        let mut set = TokenSet::new();
        let mut page = |from: u64, to: u64| {
            (from..to).chain(from..to).for_each(|n| set.add(format!("token{n} ").as_bytes()));
            set.take()
        };
        let pages = vec![page(0, 20_000), page(20_000, 20_100)];
        assert_eq!((pages[0].len(), pages[1].len()), (20_000, 100));
        let mut filters = Vec::new();
        let blocks = build(&pages, &mut filters);
        let probe = |page: usize, n: u64| {
            let at = (block_of(hash(n), blocks) * 2 + page) * BLOCK_BYTES;
            may_contain(&filters[at..at + BLOCK_BYTES], hash(n))
        };
        assert!((0..20_000).all(|n| probe(0, n)) && (20_000..20_100).all(|n| probe(1, n)));
        let wrong = (100_000..200_000).filter(|n| probe(0, *n)).count();
        assert!(wrong < 1_000, "{wrong} of 100,000 tokens that are not there were not ruled out");
    }
}
