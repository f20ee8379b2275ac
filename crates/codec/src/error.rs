//! What can be wrong with the payload of a batch.

use base::{ErrorKind, Explain};

/// A payload that is not what its header says.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes were changed on their way or on disk.
    #[error(
        "payload of {source_key} at offset {start} has checksum {found:08x}, its header says {expected:08x}; \
         the bytes were damaged after the agent sent them"
    )]
    Checksum {
        /// Source and generation.
        source_key: String,
        /// Offset of the batch in its file.
        start: u64,
        /// What the bytes give.
        found: u32,
        /// What the header says.
        expected: u32,
    },
    /// The compressed form does not decompress.
    #[error("payload of {source_key} at offset {start} does not decompress: {reason}")]
    Malformed {
        /// Source and generation.
        source_key: String,
        /// Offset of the batch in its file.
        start: u64,
        /// What the decompressor said.
        reason: String,
    },
    /// More bytes than there may be.
    #[error(
        "payload of {source_key} at offset {start} has {len} bytes, the limit is {max}; make the agent's batches smaller"
    )]
    TooLong {
        /// Source and generation.
        source_key: String,
        /// Offset of the batch in its file.
        start: u64,
        /// How many it has.
        len: u64,
        /// How many it may have.
        max: u64,
    },
    /// The payload is not the range that the header names.
    #[error("payload of {source_key} at offset {start} has {found} bytes, its header names a range of {expected}")]
    Length {
        /// Source and generation.
        source_key: String,
        /// Offset of the batch in its file.
        start: u64,
        /// What it has.
        found: u64,
        /// What the header says.
        expected: u64,
    },
}

impl Explain for CodecError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLong { .. } => ErrorKind::Invalid,
            Self::Checksum { .. } | Self::Malformed { .. } | Self::Length { .. } => ErrorKind::Corrupt,
        }
    }
}
