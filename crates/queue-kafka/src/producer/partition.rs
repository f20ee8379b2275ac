//! Which partition a batch goes to.

use bytes::Bytes;
use model::BatchHeader;
use queue::driver::partition_of;

use crate::client::TopicMeta;
use crate::options::Partitioner;
use crate::topics::Template;

/// Picks partitions for one topic.
#[derive(Debug)]
pub enum Picker {
    /// All of a source to one.
    Source,
    /// One after the other.
    Random(usize),
    /// By the hash of a key.
    Key(Template),
}

impl Picker {
    /// As the route says; its key was checked before.
    pub fn new(partitioner: &Partitioner) -> Self {
        match partitioner {
            Partitioner::Source => Self::Source,
            Partitioner::Random => Self::Random(0),
            Partitioner::Key(key) => Template::key(key).map_or(Self::Source, Self::Key),
        }
    }

    /// The key and the number of the partition.
    pub fn pick(&mut self, header: &BatchHeader, topic: &TopicMeta) -> (Option<Bytes>, i32) {
        let count = topic.partitions.len().max(1);
        let nth = |n: usize| topic.partitions.get(n).map_or(0, |partition| partition.index);
        match self {
            Self::Source => {
                let key = Bytes::from(header.key.source.to_string());
                (Some(key), nth(partition_of(header.key.source, count as u32).0 as usize))
            }
            Self::Random(next) => {
                *next = next.wrapping_add(1);
                // Those without a leader would only wait; where none has one, any will do.
                let led = (0..count).map(|n| (*next + n) % count);
                let found = led.into_iter().find(|n| topic.partitions.get(*n).is_some_and(|p| p.leader.is_some()));
                (None, nth(found.unwrap_or(*next % count)))
            }
            Self::Key(template) => {
                let key = template.render(header);
                let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
                (Some(Bytes::from(key)), nth(hash as usize % count))
            }
        }
    }
}

/// The hash by which Kafka's own clients pick a partition for a key.
pub fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    for (n, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * n);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_kafka_does() {
        // From the tests of Kafka's own Utils.murmur2.
        for (key, expected) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, expected, "{key}");
        }
    }
}
