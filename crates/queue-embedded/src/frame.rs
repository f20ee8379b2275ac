//! An entry as it stands in a segment file: a fixed frame, the header of the batch, the payload as it was carried.
//!
//! Segment files are written again and again, so what follows the last entry are the bytes of an older life. Three
//! things keep those from being taken for entries: the frame names its segment's number, which is never used twice;
//! it counts offsets; and it carries the checksum of the entry before it. The last also holds when entries were
//! written, never acknowledged, and written over: whatever is left of them has another predecessor.
//!
//! The frame's checksum covers frame and header; the payload's checksum is in the header and was made by the agent, so
//! the payload is not read again for it.

use base::Timestamp;
use model::BatchHeader;

/// Length of the fixed part, in bytes.
pub const FRAME: usize = 48;
const MAGIC: [u8; 4] = *b"LDq1";
/// The header of a batch is at most so long.
pub const MAX_HEADER: usize = 32 << 20;

/// The fixed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub crc: u32,
    pub previous_crc: u32,
    pub header_len: usize,
    pub payload_len: usize,
    pub segment: u64,
    pub offset: u64,
    pub appended_at: Timestamp,
}

impl Frame {
    /// Appends frame and header of a batch to `out`; the payload follows them in the file.
    pub fn push(
        out: &mut Vec<u8>,
        header: &BatchHeader,
        segment: u64,
        offset: u64,
        at: Timestamp,
        previous_crc: u32,
    ) -> Self {
        let start = out.len();
        out.resize(start + FRAME, 0);
        header.encode(out);
        let header_len = out.len() - start - FRAME;
        let bytes = &mut out[start..];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&previous_crc.to_le_bytes());
        bytes[12..16].copy_from_slice(&(header_len as u32).to_le_bytes());
        bytes[16..20].copy_from_slice(&header.payload_len.to_le_bytes());
        bytes[24..32].copy_from_slice(&segment.to_le_bytes());
        bytes[32..40].copy_from_slice(&offset.to_le_bytes());
        bytes[40..48].copy_from_slice(&at.as_micros().to_le_bytes());
        let crc = crc32c::crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        let payload_len = header.payload_len as usize;
        Self { crc, previous_crc, header_len, payload_len, segment, offset, appended_at: at }
    }

    /// The fixed part, if these bytes can be one; [`Frame::fits`] says whether it is.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FRAME] = bytes.get(..FRAME)?.try_into().ok()?;
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let frame = Self {
            crc: u32_at(4),
            previous_crc: u32_at(8),
            header_len: u32_at(12) as usize,
            payload_len: u32_at(16) as usize,
            segment: u64_at(24),
            offset: u64_at(32),
            appended_at: Timestamp::from_micros(u64_at(40) as i64),
        };
        (bytes[0..4] == MAGIC && frame.header_len <= MAX_HEADER).then_some(frame)
    }

    /// Whether frame and header are what was written: `bytes` begins with them.
    pub fn fits(&self, bytes: &[u8]) -> bool {
        bytes.get(8..FRAME + self.header_len).is_some_and(|covered| crc32c::crc32c(covered) == self.crc)
    }

    /// Length of the whole entry, in bytes.
    pub const fn len(&self) -> usize {
        FRAME + self.header_len + self.payload_len
    }
}

#[cfg(test)]
mod tests {
    use queue::testing::BatchOf;

    use super::*;

    #[test]
    fn no_changed_bit_goes_unseen() {
        let batch = BatchOf::source(7).at(100).text("some text\n");
        let mut bytes = Vec::new();
        let frame = Frame::push(&mut bytes, &batch.header, 3, 17, Timestamp::from_micros(5), 0xfeed);
        assert_eq!(Frame::parse(&bytes), Some(frame));
        assert!(frame.fits(&bytes));
        assert_eq!(BatchHeader::decode(&bytes[FRAME..]).as_ref(), Ok(&*batch.header));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!Frame::parse(&changed).is_some_and(|frame| frame.fits(&changed)), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(!Frame::parse(&bytes[..cut]).is_some_and(|frame| frame.fits(&bytes[..cut])), "cut at {cut}");
        }
    }
}
