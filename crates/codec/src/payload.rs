//! How a payload is carried: as it stands, as one LZ4 block, or as one zstd frame; always with a crc32c.
//!
//! The checksum is over the bytes as carried, so that a queue can verify without decompressing.

use bytes::Bytes;
use model::{Batch, BatchHeader, Codec};

use crate::CodecError;

/// zstd's level: what the queue carries is compressed again, better, by the store.
const ZSTD_LEVEL: i32 = 1;

/// Compresses `raw`, and computes the checksum of what is to be carried. Falls back to [`Codec::None`] where
/// compression gains nothing.
pub fn encode_payload(raw: Bytes, codec: Codec) -> (Codec, Bytes, u32) {
    let packed = match codec {
        Codec::None => None,
        Codec::Lz4 => Some(lz4_flex::block::compress_prepend_size(&raw)),
        Codec::Zstd => zstd::bulk::compress(&raw, ZSTD_LEVEL).ok(),
    };
    match packed {
        Some(packed) if packed.len() < raw.len() => {
            let crc = crc32c::crc32c(&packed);
            (codec, Bytes::from(packed), crc)
        }
        _ => {
            let crc = crc32c::crc32c(&raw);
            (Codec::None, raw, crc)
        }
    }
}

/// The verbatim range of a batch, after its checksum was verified. No more than `max_len` bytes are ever made.
///
/// # Errors
/// [`CodecError`] where the payload is damaged, longer than `max_len`, or not the range that its header names.
pub fn decode_payload(batch: &Batch, max_len: usize) -> Result<Bytes, CodecError> {
    let header = &*batch.header;
    let found = crc32c::crc32c(&batch.payload);
    if found != header.payload_crc {
        let (source_key, start) = place(header);
        return Err(CodecError::Checksum { source_key, start, found, expected: header.payload_crc });
    }
    let expected = header.range_len();
    if expected > max_len as u64 {
        let (source_key, start) = place(header);
        return Err(CodecError::TooLong { source_key, start, len: expected, max: max_len as u64 });
    }
    let raw = match header.codec {
        Codec::None => batch.payload.clone(),
        Codec::Lz4 => lz4(header, &batch.payload)?,
        Codec::Zstd => {
            zstd::bulk::decompress(&batch.payload, expected as usize).map_err(|error| malformed(header, &error))?.into()
        }
    };
    if raw.len() as u64 != expected {
        let (source_key, start) = place(header);
        return Err(CodecError::Length { source_key, start, found: raw.len() as u64, expected });
    }
    Ok(raw)
}

/// One LZ4 block behind its length, which must be the range's: so no allocation follows a length that lies.
fn lz4(header: &BatchHeader, packed: &[u8]) -> Result<Bytes, CodecError> {
    let (len, block) = lz4_flex::block::uncompressed_size(packed).map_err(|error| malformed(header, &error))?;
    if len as u64 != header.range_len() {
        let (source_key, start) = place(header);
        return Err(CodecError::Length { source_key, start, found: len as u64, expected: header.range_len() });
    }
    Ok(lz4_flex::block::decompress(block, len).map_err(|error| malformed(header, &error))?.into())
}

fn malformed(header: &BatchHeader, error: &dyn std::error::Error) -> CodecError {
    let (source_key, start) = place(header);
    CodecError::Malformed { source_key, start, reason: error.to_string() }
}

fn place(header: &BatchHeader) -> (String, u64) {
    (format!("{}.{}", header.key.source, header.key.generation.0), header.start)
}
