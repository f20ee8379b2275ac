//! Kafka's record batches (version 2) as they stand in the answer to a fetch: found, checked, not copied.

use bytes::Bytes;

use super::inflate::inflate;

/// Bytes before the records.
const HEADER_LEN: usize = 61;
/// Where the checksummed part begins.
const CHECKED_FROM: usize = 21;
/// Bytes in front of what the length counts.
const LENGTH_FROM: usize = 12;
const MAGIC: i8 = 2;

/// Why a record batch, or a message of it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A form of before Kafka 0.11.
    #[error(
        "it is in version {0} of Kafka's message format, which this logdrive does not read; 2 (Kafka 0.11) is read"
    )]
    Magic(i8),
    /// The bytes are not those that were written.
    #[error("its checksum is {found:08x}, not {expected:08x}")]
    Checksum {
        /// That of the bytes.
        found: u32,
        /// That in the header.
        expected: u32,
    },
    /// It is not what it should be.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A way of compression that is not known.
    #[error("it is compressed in the unknown way {0}")]
    Compression(i16),
    /// What was compressed cannot be had back.
    #[error("it cannot be decompressed: {0}")]
    Inflate(String),
    /// It is longer than anything that should be in a queue of lines.
    #[error("it is longer than {0} bytes when decompressed")]
    TooLong(usize),
}

/// A record batch whose header is read and whose checksum is right.
#[derive(Clone, Debug)]
pub struct RawBatch {
    /// Offset of the first message, also where that has been removed since.
    pub base_offset: i64,
    /// Offset of the last message, also where that has been removed since.
    pub last_offset: i64,
    /// Time of the first message, in milliseconds since 1970.
    pub first_time: i64,
    /// The latest time of its messages, in milliseconds since 1970.
    pub max_time: i64,
    /// Who wrote it; -1 where that is not known.
    pub producer_id: i64,
    attributes: i16,
    records: Bytes,
}

impl RawBatch {
    /// Whether it holds marks of transactions and no messages.
    pub const fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    /// Whether it is part of a transaction.
    pub const fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }

    /// Whether its time is that of the broker: one for all messages.
    pub const fn has_append_time(&self) -> bool {
        self.attributes & 8 != 0
    }

    /// Its records, decompressed; into `scratch` where they have to be.
    ///
    /// # Errors
    /// [`Damage`] where that fails or makes too much.
    pub fn plain<'a>(&'a self, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Damage> {
        match self.attributes & 7 {
            0 => Ok(&self.records),
            how => {
                scratch.clear();
                inflate(how, &self.records, scratch)?;
                Ok(scratch)
            }
        }
    }
}

/// The record batches of an answer, one after the other.
#[derive(Clone, Debug, Default)]
pub struct RawBatches(Bytes);

/// A record batch that cannot be read, and up to where to pass over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The offset of its last message, as far as that is known.
    pub last_offset: i64,
    /// What is wrong.
    pub damage: Damage,
}

impl RawBatches {
    /// As they came.
    pub const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Iterator for RawBatches {
    type Item = Result<RawBatch, Damaged>;

    /// The next one; none where what is left is not whole: brokers cut where the asked number of bytes is reached.
    fn next(&mut self) -> Option<Self::Item> {
        let bytes = &self.0;
        let base_offset = i64::from_be_bytes(fixed(bytes, 0)?);
        let len = i32::from_be_bytes(fixed(bytes, 8)?);
        let magic = i8::from_be_bytes(fixed(bytes, 16)?);
        let whole = usize::try_from(len).ok().and_then(|len| len.checked_add(LENGTH_FROM));
        let Some(whole) = whole.filter(|whole| *whole >= LENGTH_FROM + 5) else {
            self.0 = Bytes::new();
            return Some(Err(Damaged { last_offset: base_offset, damage: Damage::Malformed("length") }));
        };
        if bytes.len() < whole {
            self.0 = Bytes::new();
            return None;
        }
        let batch = self.0.split_to(whole);
        Some(read(&batch, base_offset, magic))
    }
}

fn read(batch: &Bytes, base_offset: i64, magic: i8) -> Result<RawBatch, Damaged> {
    let damaged = |last_offset: i64, damage| Damaged { last_offset, damage };
    if magic != MAGIC {
        return Err(damaged(base_offset, Damage::Magic(magic)));
    }
    if batch.len() < HEADER_LEN || base_offset < 0 {
        return Err(damaged(base_offset, Damage::Malformed("header")));
    }
    let i64_at = |at| fixed(batch, at).map_or(0, i64::from_be_bytes);
    let delta = fixed(batch, 23).map_or(-1, i32::from_be_bytes);
    let last_offset = base_offset.saturating_add(i64::from(delta.max(0)));
    let expected = fixed(batch, 17).map_or(0, u32::from_be_bytes);
    let found = crc32c::crc32c(&batch[CHECKED_FROM..]);
    if found != expected {
        return Err(damaged(base_offset, Damage::Checksum { found, expected }));
    }
    if delta < 0 {
        return Err(damaged(base_offset, Damage::Malformed("number of messages")));
    }
    Ok(RawBatch {
        base_offset,
        last_offset,
        attributes: fixed(batch, 21).map_or(0, i16::from_be_bytes),
        first_time: i64_at(27),
        max_time: i64_at(35),
        producer_id: i64_at(43),
        records: batch.slice(HEADER_LEN..),
    })
}

fn fixed<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
