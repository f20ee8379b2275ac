//! Compressing what stands in a record batch, in the forms that Kafka knows.
//!
//! Decision: lz4 is one frame of independent blocks that we frame ourselves around the C library's block compressor
//! (its streaming interface costs a fifth more), zstd keeps its context in the thread.

use std::cell::RefCell;
use std::io::Write as _;

use crate::options::Compression;

/// Bytes of a block of a frame: what fits is searched with the small and quick table of lz4.
const LZ4_BLOCK: usize = 64 << 10;
/// Magic; version 1, blocks independent, no checksums; blocks of at most 64 KiB; the checksum of those two bytes.
const LZ4_HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
/// Set in a block's length where it is not compressed.
const LZ4_PLAIN: u32 = 1 << 31;
/// The quickest of the levels with a name of its own: what more costs, it hardly saves.
const ZSTD_LEVEL: i32 = 1;

impl Compression {
    /// Its number in the attributes of a record batch.
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }
}

/// Appends `plain`, compressed, to `out`. Where that made it no smaller `out` is as it was, and the answer is `false`.
pub fn compress(how: Compression, plain: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    let done = match how {
        Compression::None => false,
        Compression::Gzip => gzip(plain, out),
        Compression::Snappy => snappy(plain, out),
        Compression::Lz4 => lz4(plain, out),
        Compression::Zstd => zstd(plain, out),
    };
    let smaller = done && out.len() - before < plain.len();
    if !smaller {
        out.truncate(before);
    }
    smaller
}

fn lz4(plain: &[u8], out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(&LZ4_HEADER);
    for block in plain.chunks(LZ4_BLOCK) {
        let (at, bound) = (out.len() + 4, block.len() + block.len() / 255 + 16);
        out.resize(at + bound, 0);
        let mode = Some(lz4::block::CompressionMode::FAST(1));
        let len = match lz4::block::compress_to_buffer(block, mode, false, &mut out[at..]) {
            Ok(len) if len < block.len() => len as u32,
            _ => {
                out[at..at + block.len()].copy_from_slice(block);
                block.len() as u32 | LZ4_PLAIN
            }
        };
        out[at - 4..at].copy_from_slice(&len.to_le_bytes());
        out.truncate(at + (len & !LZ4_PLAIN) as usize);
    }
    out.extend_from_slice(&[0; 4]);
    true
}

fn zstd(plain: &[u8], out: &mut Vec<u8>) -> bool {
    thread_local! {
        static CONTEXT: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    }
    CONTEXT.with_borrow_mut(|context| {
        if context.is_none() {
            *context = zstd::bulk::Compressor::new(ZSTD_LEVEL).ok();
        }
        let Some(context) = context else { return false };
        let at = out.len();
        out.resize(at + zstd::zstd_safe::compress_bound(plain.len()), 0);
        match context.compress_to_buffer(plain, &mut out[at..]) {
            Ok(len) => {
                out.truncate(at + len);
                true
            }
            Err(_) => false,
        }
    })
}

fn gzip(plain: &[u8], out: &mut Vec<u8>) -> bool {
    let mut to = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    to.write_all(plain).is_ok() && to.finish().is_ok()
}

/// As Kafka's own clients do it: the framing of the Java library, blocks of 32 KiB.
fn snappy(plain: &[u8], out: &mut Vec<u8>) -> bool {
    const HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
    out.extend_from_slice(&HEADER);
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(32 << 10) {
        let at = out.len() + 4;
        out.resize(at + snap::raw::max_compress_len(block.len()), 0);
        let Ok(len) = encoder.compress(block, &mut out[at..]) else { return false };
        out[at - 4..at].copy_from_slice(&(len as u32).to_be_bytes());
        out.truncate(at + len);
    }
    true
}
