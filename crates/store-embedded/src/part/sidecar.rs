//! The sidecar file: filters first, then the table of contents, then a trailer that says where that is.
//!
//! ```text
//! "LDIX" version:u32 | filters … | index … | index_at:u64 index_len:u32 index_crc:u32 filters_crc:u32 version:u32 "LDIX"
//! ```

use model::wire::{Reader, WireError};

use super::index::PartIndex;

const MAGIC: &[u8; 4] = b"LDIX";
/// The newest version known here.
pub(crate) const VERSION: u32 = 1;
const HEADER_LEN: usize = 8;
const TRAILER_LEN: usize = 28;

/// What is wrong with a sidecar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Version(u32),
    Damaged(&'static str),
}

/// The beginning of a sidecar; filters are appended to it.
pub(crate) fn begin() -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out
}

/// The whole file.
pub(crate) fn finish(mut out: Vec<u8>, index: &PartIndex) -> Vec<u8> {
    let index_at = out.len();
    let filters_crc = crc32c::crc32c(&out);
    index.encode(&mut out);
    let (index_len, index_crc) = (out.len() - index_at, crc32c::crc32c(&out[index_at..]));
    out.extend_from_slice(&(index_at as u64).to_le_bytes());
    for number in [index_len as u32, index_crc, filters_crc, VERSION] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(MAGIC);
    out
}

/// Checks a whole sidecar and reads its table of contents.
pub(crate) fn open(file: &[u8]) -> Result<PartIndex, Fault> {
    let trailer = file.len().checked_sub(TRAILER_LEN).filter(|at| *at >= HEADER_LEN);
    let trailer_at = trailer.ok_or(Fault::Damaged("it is too short"))?;
    if !file.starts_with(MAGIC) {
        return Err(Fault::Damaged("it does not begin as a sidecar does"));
    }
    let version = u32::from_le_bytes([file[4], file[5], file[6], file[7]]);
    if version > VERSION {
        return Err(Fault::Version(version));
    }
    let (index_at, index_len, index_crc, filters_crc) =
        read_trailer(&file[trailer_at..]).ok_or(Fault::Damaged("it was cut off"))?;
    if index_at.checked_add(index_len) != Some(trailer_at) || index_at < HEADER_LEN {
        return Err(Fault::Damaged("its table of contents is not where it should be"));
    }
    let index = &file[index_at..trailer_at];
    if crc32c::crc32c(index) != index_crc || crc32c::crc32c(&file[..index_at]) != filters_crc {
        return Err(Fault::Damaged("its checksum does not match"));
    }
    let index =
        PartIndex::decode(index).map_err(|_: WireError| Fault::Damaged("its table of contents cannot be read"))?;
    let fits = |group: &super::index::Group| {
        let blocks = u64::from(group.bloom_blocks) * (group.pages.len() * super::bloom::BLOCK_BYTES) as u64;
        group.bloom_at.checked_add(blocks).is_some_and(|end| end <= index_at as u64)
    };
    if index.groups.iter().all(fits) { Ok(index) } else { Err(Fault::Damaged("a filter lies outside of it")) }
}

fn read_trailer(bytes: &[u8]) -> Option<(usize, usize, u32, u32)> {
    let mut r = Reader::new(bytes);
    let index_at = usize::try_from(r.u64().ok()?).ok()?;
    let (index_len, index_crc, filters_crc) = (r.u32().ok()?, r.u32().ok()?, r.u32().ok()?);
    let _version = r.u32().ok()?;
    bytes.ends_with(MAGIC).then_some((index_at, index_len as usize, index_crc, filters_crc))
}
