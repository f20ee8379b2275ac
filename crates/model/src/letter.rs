//! Whose dead letter it is, where several stores take the same lines.
//!
//! A queue keeps one high-water for each source, and takes what comes before it for a repetition. So the dead letters
//! of each store but the first travel under a source of their own, made of the record's source and the store's name;
//! the reason names the store, so that the record's source can be told again.

use crate::{SourceId, SourceKey};

const BEGINS: &str = "store '";
const ENDS: &str = "': ";

/// The key under which a dead letter travels, and its reason: of the first store (`None`) or of another.
pub fn letter_of_store(key: SourceKey, store: Option<&str>, reason: &str) -> (SourceKey, String) {
    match store {
        Some(store) => (mixed(key, store), format!("{BEGINS}{store}{ENDS}{reason}")),
        None if named(reason).is_some() => (key, format!("the {reason}")),
        None => (key, reason.to_owned()),
    }
}

/// The key of the record in a dead letter that travels under `key`.
pub fn letter_source(key: SourceKey, reason: &str) -> SourceKey {
    named(reason).map_or(key, |store| mixed(key, store))
}

/// The store that a dead letter is of, by its reason; `None`: the first.
pub fn letter_store(reason: &str) -> Option<&str> {
    named(reason)
}

fn named(reason: &str) -> Option<&str> {
    Some(reason.strip_prefix(BEGINS)?.split_once(ENDS)?.0)
}

/// Its own inverse.
fn mixed(key: SourceKey, store: &str) -> SourceKey {
    let fnv = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    let hash = store.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, fnv);
    SourceKey { source: SourceId(key.source.0 ^ hash), ..key }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generation;

    #[test]
    fn the_source_is_told_again() {
        let key = SourceKey::new(SourceId(77), Generation(2));
        for (store, reason) in
            [(None, "too long"), (None, "store 'x': no"), (Some("x"), "too long"), (Some("y"), "a': b")]
        {
            let (under, text) = letter_of_store(key, store, reason);
            assert_eq!(letter_source(under, &text), key, "{text}");
            assert_eq!(under == key, store.is_none());
            assert!(text.ends_with(reason));
        }
    }
}
