//! Which tokens may be in a page of lines: split-block bloom filters of a row group's pages, interleaved.
//!
//! Decision: all pages of a row group have the same number of 64-byte blocks, and block `n` of every page stands side
//! by side. So one read of `64 × pages` bytes tells for all of them whether a token may be there, and filters need not
//! be kept in memory.

/// Bytes of a block: one cache line.
pub(crate) const BLOCK_BYTES: usize = 64;
/// Bits set for each token.
const PROBES: u32 = 6;
/// Bits spent on each distinct token.
const BITS_PER_TOKEN: usize = 12;

/// The distinct tokens of one page, as hashes.
pub(crate) struct TokenSet {
    /// Tokens seen a moment ago, by their low bits: most tokens are.
    recent: Box<[u64; RECENT]>,
    slots: Vec<u64>,
    len: usize,
}

const RECENT: usize = 2048;
const SLOTS_MIN: usize = 8192;

impl TokenSet {
    pub fn new() -> Self {
        Self { recent: Box::new([0; RECENT]), slots: vec![0; SLOTS_MIN], len: 0 }
    }

    /// Adds a token by its hash, which is never 0.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        let recent = &mut self.recent[hash as usize % RECENT];
        if *recent != hash {
            *recent = hash;
            self.insert_new(hash);
        }
    }

    fn insert_new(&mut self, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 16) as usize & mask;
        while self.slots[at] != 0 {
            if self.slots[at] == hash {
                return;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = hash;
        self.len += 1;
        if self.len * 2 > self.slots.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let slots = vec![0; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, slots);
        self.len = 0;
        old.into_iter().filter(|hash| *hash != 0).for_each(|hash| self.insert_new(hash));
    }

    /// Moves the tokens to `into`; the set is empty then.
    pub fn drain_into(&mut self, into: &mut Vec<u64>) {
        into.extend(self.slots.iter().copied().filter(|hash| *hash != 0));
        if self.slots.len() > SLOTS_MIN * 8 {
            self.slots = vec![0; SLOTS_MIN];
        }
        self.slots.fill(0);
        self.recent.fill(0);
        self.len = 0;
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
        let mut pages = vec![Vec::new(), Vec::new()];
        (0..20_000).chain(0..20_000).for_each(|n| set.insert(hash(n)));
        set.drain_into(&mut pages[0]);
        (20_000..20_100).for_each(|n| set.insert(hash(n)));
        set.drain_into(&mut pages[1]);
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
