//! Decompressing what stands in a record batch, in all the forms that producers write, within a bound.

use std::cell::RefCell;
use std::io::Read;

use super::batches::Damage;

/// No record batch makes more: brokers take 1 MB by default, and a hundredfold of that is no log.
pub const PLAIN_MAX: usize = 128 << 20;
/// What the Java library for Snappy begins with.
const XERIAL: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];

/// Appends what `packed` is when decompressed to `out`.
///
/// # Errors
/// [`Damage`] where it is not what it should be, or more than [`PLAIN_MAX`].
pub fn inflate(how: i16, packed: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
    match how {
        1 => read(flate2::read::MultiGzDecoder::new(packed), packed.len() * 4, out),
        2 => snappy(packed, out),
        3 => read(lz4::Decoder::new(packed).map_err(failed)?, packed.len() * 4, out),
        4 => zstd(packed, out),
        how => Err(Damage::Compression(how)),
    }
}

fn failed(error: impl std::fmt::Display) -> Damage {
    Damage::Inflate(error.to_string())
}

fn read(from: impl Read, about: usize, out: &mut Vec<u8>) -> Result<(), Damage> {
    out.reserve(about.min(PLAIN_MAX));
    let got = from.take(PLAIN_MAX as u64 + 1).read_to_end(out).map_err(failed)?;
    if got > PLAIN_MAX { Err(Damage::TooLong(PLAIN_MAX)) } else { Ok(()) }
}

fn zstd(packed: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
    thread_local! {
        static CONTEXT: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let known = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let one_frame = zstd::zstd_safe::find_frame_compressed_size(packed).is_ok_and(|len| len == packed.len());
    let Some(size) = known.filter(|_| one_frame) else {
        // Of unknown length: written by a stream.
        return read(zstd::stream::read::Decoder::with_buffer(packed).map_err(failed)?, packed.len() * 4, out);
    };
    if size > PLAIN_MAX as u64 {
        return Err(Damage::TooLong(PLAIN_MAX));
    }
    CONTEXT.with_borrow_mut(|context| {
        if context.is_none() {
            *context = Some(zstd::bulk::Decompressor::new().map_err(failed)?);
        }
        let Some(context) = context else { return Err(Damage::Malformed("decompressor")) };
        let at = out.len();
        out.resize(at + size as usize, 0);
        let got = context.decompress_to_buffer(packed, &mut out[at..]).map_err(failed)?;
        out.truncate(at + got);
        Ok(())
    })
}

/// Either the framing of the Java library (blocks with their lengths), or one bare block.
fn snappy(packed: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
    let mut decoder = snap::raw::Decoder::new();
    if !packed.starts_with(&XERIAL) {
        return snappy_block(&mut decoder, packed, out);
    }
    // Behind the magic: its version, and the oldest that can read it.
    let mut rest = packed.get(16..).ok_or(Damage::Malformed("snappy header"))?;
    while let Some((len, blocks)) = rest.split_first_chunk() {
        let len = u32::from_be_bytes(*len) as usize;
        let block = blocks.get(..len).ok_or(Damage::Malformed("snappy block"))?;
        snappy_block(&mut decoder, block, out)?;
        rest = &blocks[len..];
    }
    if rest.is_empty() { Ok(()) } else { Err(Damage::Malformed("snappy block")) }
}

fn snappy_block(decoder: &mut snap::raw::Decoder, block: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
    let len = snap::raw::decompress_len(block).map_err(failed)?;
    let at = out.len();
    if at + len > PLAIN_MAX {
        return Err(Damage::TooLong(PLAIN_MAX));
    }
    out.resize(at + len, 0);
    decoder.decompress(block, &mut out[at..]).map_err(failed)?;
    Ok(())
}
