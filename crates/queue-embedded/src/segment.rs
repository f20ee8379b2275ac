//! One file of a partition: what its name and its first bytes say, and where its entries stand.
//!
//! The name carries the segment's number, the offset where the segment before it ends, and its own first offset; so
//! that opening a partition needs no more of older segments than the list of the folder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Timestamp;
use model::{QueueId, WireError};
use parking_lot::Mutex;

/// Length of what stands before the first entry, in bytes.
pub const HEAD: u64 = 64;
const MAGIC: [u8; 8] = *b"LDqueue\0";
const VERSION: u8 = 1;
/// One place in so many bytes is remembered, to seek by.
const STRIDE: u64 = 256 << 10;

/// Which segment: by its number, and by the offsets it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentId {
    /// Its number in the partition; never used twice.
    pub number: u64,
    /// Where the segment before it ends.
    pub previous_end: u64,
    /// Its first offset: `previous_end`, unless offsets were left out after damage.
    pub base: u64,
}

impl SegmentId {
    /// The first of a partition.
    pub const FIRST: Self = Self { number: 1, previous_end: 0, base: 0 };

    /// The next one, after a segment that ends at `end`.
    pub const fn next(self, end: u64) -> Self {
        Self { number: self.number + 1, previous_end: end, base: end }
    }

    /// The name of its file.
    pub fn file_name(self) -> String {
        format!("{:010}-{:020}-{:020}.segment", self.number, self.previous_end, self.base)
    }

    /// From the name of a file; `None` where that is something else.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let mut numbers = name.strip_suffix(".segment")?.split('-').map(str::parse);
        let id =
            Self { number: numbers.next()?.ok()?, previous_end: numbers.next()?.ok()?, base: numbers.next()?.ok()? };
        (numbers.next().is_none() && id.file_name() == name).then_some(id)
    }

    /// What stands before the first entry.
    pub fn head(self, queue: QueueId, at: Timestamp) -> [u8; HEAD as usize] {
        let mut head = [0; HEAD as usize];
        head[0..8].copy_from_slice(&MAGIC);
        head[8] = VERSION;
        for (n, value) in
            [queue.0, self.number, self.previous_end, self.base, at.as_micros() as u64].into_iter().enumerate()
        {
            head[16 + 8 * n..24 + 8 * n].copy_from_slice(&value.to_le_bytes());
        }
        let crc = crc32c::crc32c(&head[..60]);
        head[60..64].copy_from_slice(&crc.to_le_bytes());
        head
    }

    /// Whether a file begins with this segment's head. `Ok(false)`: it is damaged or another's.
    ///
    /// # Errors
    /// A version that a newer logdrive wrote.
    pub fn check_head(self, queue: QueueId, head: &[u8]) -> Result<bool, WireError> {
        let Some(head) = head.get(..HEAD as usize) else { return Ok(false) };
        if head[0..8] == MAGIC && head[8] > VERSION {
            return Err(WireError::Version { found: head[8], known: VERSION });
        }
        let mut expected = self.head(queue, Timestamp::default());
        // Everything but the time, which is only informative.
        expected[48..64].copy_from_slice(&head[48..64]);
        let crc = u32::from_le_bytes([head[60], head[61], head[62], head[63]]);
        Ok(head == expected && crc32c::crc32c(&head[..60]) == crc)
    }
}

/// A segment file that is part of the log.
pub struct Segment {
    pub id: SegmentId,
    pub path: PathBuf,
    file: OnceLock<File>,
    /// Behind the last offset that may be read.
    end: AtomicU64,
    /// Behind the last byte that may be read.
    len: AtomicU64,
    /// Bytes that the file takes on disk.
    size: AtomicU64,
    /// Microseconds since the epoch when it last grew.
    changed_at: AtomicU64,
    places: Mutex<Vec<(u64, u64)>>,
}

impl Segment {
    /// One without entries, whose file is open.
    pub fn fresh(id: SegmentId, path: PathBuf, file: File, size: u64, now: Timestamp) -> Self {
        let segment = Self::sealed(id, path, id.base, size, now);
        segment.len.store(HEAD, Ordering::Relaxed);
        let _ = segment.file.set(file);
        segment
    }

    /// One that is full: ends at an offset, takes so much disk, changed last then.
    pub fn sealed(id: SegmentId, path: PathBuf, end: u64, size: u64, changed_at: Timestamp) -> Self {
        Self {
            id,
            path,
            file: OnceLock::new(),
            end: AtomicU64::new(end),
            len: AtomicU64::new(size),
            size: AtomicU64::new(size),
            changed_at: AtomicU64::new(changed_at.as_micros().max(0) as u64),
            places: Mutex::default(),
        }
    }

    /// Its file, opened for reading and writing on first use.
    pub fn file(&self) -> io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = File::options().read(true).write(true).open(&self.path)?;
        Ok(self.file.get_or_init(|| file))
    }

    /// Behind the last offset that may be read. Read it before [`Segment::len`].
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Behind the last byte that may be read.
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// When it last grew.
    pub fn changed_at(&self) -> Timestamp {
        Timestamp::from_micros(self.changed_at.load(Ordering::Relaxed) as i64)
    }

    /// Entries up to here are durable now.
    pub fn grow(&self, len: u64, end: u64, now: Timestamp) {
        self.len.store(len, Ordering::Release);
        self.size.fetch_max(len, Ordering::Relaxed);
        self.changed_at.store(now.as_micros().max(0) as u64, Ordering::Relaxed);
        self.end.store(end, Ordering::Release);
    }

    /// Remembers where an entry stands, if none near it is remembered.
    pub fn remember(&self, offset: u64, at: u64) {
        let mut places = self.places.lock();
        if places.last().is_none_or(|(last_offset, last_at)| offset > *last_offset && at >= last_at + STRIDE) {
            places.push((offset, at));
        }
    }

    /// The nearest place remembered at or before an offset: (offset, byte).
    pub fn near(&self, offset: u64) -> (u64, u64) {
        let places = self.places.lock();
        let behind = places.partition_point(|(o, _)| *o <= offset);
        behind.checked_sub(1).and_then(|n| places.get(n)).copied().unwrap_or((self.id.base, HEAD))
    }
}

/// The folder's files that were removed segments and wait to be written again.
pub fn recycled_name(number: u64) -> String {
    format!("{number:010}.recycled")
}

/// Whether a file waits to be written again.
pub fn is_recycled(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "recycled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_heads_say_which_segment() {
        let id = SegmentId { number: 7, previous_end: 90, base: 100 };
        assert_eq!(SegmentId::from_file_name(&id.file_name()), Some(id));
        for other in ["7-90-100.segment", "0000000007.recycled", "x", "1-2-3-4.segment"] {
            assert_eq!(SegmentId::from_file_name(other), None, "{other}");
        }
        let head = id.head(QueueId(5), Timestamp::from_micros(99));
        assert_eq!(id.check_head(QueueId(5), &head), Ok(true));
        assert_eq!(id.check_head(QueueId(6), &head), Ok(false));
        assert_eq!(id.next(200).check_head(QueueId(5), &head), Ok(false));
        for bit in 0..head.len() * 8 {
            let mut changed = head;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(id.check_head(QueueId(5), &changed), Ok(true), "bit {bit}");
        }
        let mut newer = head;
        newer[8] = 2;
        assert_eq!(id.check_head(QueueId(5), &newer), Err(WireError::Version { found: 2, known: 1 }));
    }

    #[test]
    fn places_are_sparse_and_near() {
        let segment = Segment::sealed(SegmentId::FIRST, PathBuf::new(), 1000, 0, Timestamp::default());
        assert_eq!(segment.near(5), (0, HEAD));
        for offset in 0..1000 {
            segment.remember(offset, HEAD + offset * 10_000);
        }
        assert!(segment.places.lock().len() < 45);
        let (offset, at) = segment.near(777);
        assert!(offset <= 777 && (777 - offset) * 10_000 <= STRIDE + 10_000 && at == HEAD + offset * 10_000);
    }
}
