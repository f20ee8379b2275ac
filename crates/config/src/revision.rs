//! Which definition of a stream it is.

use model::Revision;

use crate::{ParseChoice, StreamConfig};

/// A hash of everything that parsing depends on besides a batch: the same definition has the same revision on every
/// machine and in every release. What only decides which files are followed does not count.
pub fn revision_of(stream: &StreamConfig) -> Revision {
    let parse = match stream.parse {
        ParseChoice::Auto => "auto",
        ParseChoice::None => "none",
        ParseChoice::Only(format) => format.name(),
    };
    let mut hash = Fnv::new();
    hash.text("1");
    hash.text(parse);
    hash.text(&stream.drop.len().to_string());
    for regex in &stream.drop {
        hash.text(regex);
    }
    // Revision 0 stands for "nobody said".
    Revision(hash.0.max(1))
}

/// FNV-1a, 64 bits: a page of code that will never change, for a few bytes at start.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Format;

    use super::*;

    #[test]
    fn changes_with_parsing_only() {
        let stream = StreamConfig::new("a", vec!["/a".to_owned()]);
        let first = revision_of(&stream);
        assert_eq!(first, Revision(6_756_783_381_085_944_961), "revisions are persisted: the hash must never change");
        let moved = StreamConfig { name: "b".to_owned(), paths: vec!["/b".to_owned()], ..stream.clone() };
        assert_eq!(revision_of(&moved), first);
        let json = StreamConfig { parse: ParseChoice::Only(Format::Json), ..stream.clone() };
        let drop = StreamConfig { drop: vec!["x".to_owned(), "y".to_owned()], ..stream.clone() };
        let joined = StreamConfig { drop: vec!["xy".to_owned()], ..stream };
        let all = [first, revision_of(&json), revision_of(&drop), revision_of(&joined)];
        for (n, revision) in all.iter().enumerate() {
            assert!(!all[..n].contains(revision), "{n}");
        }
    }
}
