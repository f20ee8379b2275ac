//! Who a file is: an id that survives renames and restarts, and witnesses against those who take its place.
//!
//! Decision: the id hashes host, filesystem, inode and birth time, so a reused inode is another source. Where a
//! filesystem knows no birth time, the file's first line (or first KiB) takes its place. The witnesses are hashes of
//! the first KiB and of the last bytes before an offset: with them a file that was truncated and grew again between
//! two looks is told from one that just grew, and the copy that "copytruncate" made from an unrelated file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use model::SourceId;
use rustix::fs::{AtFlags, FileType, StatxFlags};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// What names a file to the system while it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileId {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Birth time in nanoseconds; 0 where the filesystem does not know it.
    pub born: i64,
}

/// One look at a file.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Which file it is.
    pub id: FileId,
    /// What kind.
    pub kind: FileType,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it has a name: it was not deleted.
    pub named: bool,
    /// When it was last written, in nanoseconds.
    pub modified: i64,
}

/// What stood before an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// How many bytes.
    pub len: u16,
    /// Their hash.
    pub hash: u64,
}

/// Bytes before an offset that witness.
pub const TAIL_LEN: usize = 256;
/// Bytes at the start of a file that witness.
pub const PREFIX_LEN: usize = 1024;

/// Looks at what a path leads to, through symlinks.
pub fn look(path: &Path) -> io::Result<Seen> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let at = rustix::fs::statx(rustix::fs::CWD, path, AtFlags::STATX_DONT_SYNC, wanted)?;
    let born = if at.stx_mask & StatxFlags::BTIME.bits() == 0 {
        0
    } else {
        at.stx_btime.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(at.stx_btime.tv_nsec))
    };
    Ok(Seen {
        id: FileId { dev: rustix::fs::makedev(at.stx_dev_major, at.stx_dev_minor), ino: at.stx_ino, born },
        kind: FileType::from_raw_mode(u32::from(at.stx_mode)),
        size: at.stx_size,
        named: at.stx_nlink > 0,
        modified: at.stx_mtime.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(at.stx_mtime.tv_nsec)),
    })
}

/// Size of an open file, and whether it has a name.
pub fn look_open(file: &File) -> io::Result<(u64, bool)> {
    let at = rustix::fs::fstat(file)?;
    Ok((u64::try_from(at.st_size).unwrap_or(0), at.st_nlink > 0))
}

/// What tells the filesystem of `path` from others, also after a restart where the system can say. An error (the file
/// was renamed just now) says nothing about the filesystem: guessing would give all its files other names.
pub fn filesystem_id(path: &Path, dev: u64) -> io::Result<u64> {
    let at = rustix::fs::statvfs(path)?;
    Ok(if at.f_fsid == 0 { dev } else { at.f_fsid })
}

/// The id of a source. `prefix` stands in where there is no birth time.
pub fn source_id(host: u128, filesystem: u64, id: FileId, prefix: &[u8]) -> SourceId {
    let mut bytes = [0u8; 56];
    bytes[..16].copy_from_slice(&host.to_le_bytes());
    bytes[16..24].copy_from_slice(&filesystem.to_le_bytes());
    bytes[24..32].copy_from_slice(&id.ino.to_le_bytes());
    bytes[32..40].copy_from_slice(&id.born.to_le_bytes());
    if id.born == 0 {
        bytes[40..56].copy_from_slice(&xxh3_128(prefix).to_le_bytes());
    }
    SourceId(xxh3_128(&bytes))
}

/// The bytes by which a file without birth time is told: its first line, at most one KiB. `None` while there is less.
pub fn naming_prefix(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut start = vec![0; PREFIX_LEN];
    let len = read_up_to(file, &mut start, 0)?;
    start.truncate(len);
    match start.iter().position(|byte| *byte == b'\n') {
        Some(at) => {
            start.truncate(at + 1);
            Ok(Some(start))
        }
        None => Ok((len == PREFIX_LEN).then_some(start)),
    }
}

impl Witness {
    /// Of the bytes that end `before`, as many as witness.
    pub fn of(before: &[u8]) -> Self {
        let last = &before[before.len().saturating_sub(TAIL_LEN)..];
        Self { len: last.len() as u16, hash: xxh3_64(last) }
    }

    /// Of the bytes that a file begins with, as many as witness.
    pub fn of_start(start: &[u8]) -> Self {
        let first = &start[..start.len().min(PREFIX_LEN)];
        Self { len: first.len() as u16, hash: xxh3_64(first) }
    }

    /// Of the first bytes of a file, at most `len` and at most a KiB.
    pub fn of_prefix(file: &File, len: u64) -> io::Result<Self> {
        let mut start = [0; PREFIX_LEN];
        let room = &mut start[..PREFIX_LEN.min(usize::try_from(len).unwrap_or(PREFIX_LEN))];
        let read = read_up_to(file, room, 0)?;
        Ok(Self::of_start(&room[..read]))
    }

    /// Of what stands before `offset`.
    pub fn before(file: &File, offset: u64) -> io::Result<Self> {
        let len = TAIL_LEN.min(usize::try_from(offset).unwrap_or(TAIL_LEN));
        let mut room = [0; TAIL_LEN];
        let read = read_up_to(file, &mut room[..len], offset - len as u64)?;
        Ok(Self { len: read as u16, hash: xxh3_64(&room[..read]) })
    }

    /// Whether these bytes are the ones that were witnessed.
    pub fn is_of(self, bytes: &[u8]) -> bool {
        bytes.len() == usize::from(self.len) && (bytes.is_empty() || xxh3_64(bytes) == self.hash)
    }

    /// Whether `file` still has before `offset` what it had.
    pub fn holds(self, file: &File, offset: u64) -> io::Result<bool> {
        let mut room = [0; TAIL_LEN];
        let len = usize::from(self.len).min(TAIL_LEN);
        let from = offset.saturating_sub(len as u64);
        let read = read_up_to(file, &mut room[..len], from)?;
        Ok(self.is_of(&room[..read]))
    }

    /// Whether `file` still begins as it did.
    pub fn begins(self, file: &File) -> io::Result<bool> {
        Ok(self.len == 0 || Self::of_prefix(file, u64::from(self.len))? == self)
    }
}

/// Reads until `room` is full or the file ends.
pub fn read_up_to(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        match file.read_at(&mut room[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What tells this machine from others: its machine id, or a random number kept in `folder`. Not its name, which
/// people change.
pub fn host_id(folder: &Path) -> io::Result<u128> {
    if let Ok(text) = std::fs::read_to_string("/etc/machine-id")
        && text.trim().len() >= 32
    {
        return Ok(xxh3_128(text.trim().as_bytes()));
    }
    let kept = folder.join("host-id");
    match std::fs::read_to_string(&kept) {
        Ok(text) if text.trim().len() == 32 => return Ok(xxh3_128(text.trim().as_bytes())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut random = [0u8; 16];
    io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut random)?;
    let text = format!("{:032x}", u128::from_le_bytes(random));
    std::fs::write(&kept, &text)?;
    File::open(&kept)?.sync_all()?;
    Ok(xxh3_128(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_changes_with_each_of_its_parts() {
        let id = FileId { dev: 1, ino: 2, born: 3 };
        let base = source_id(1, 1, id, b"");
        assert_eq!(base, source_id(1, 1, FileId { dev: 9, ..id }, b"x"), "device number and prefix do not count");
        assert_ne!(base, source_id(2, 1, id, b""));
        assert_ne!(base, source_id(1, 2, id, b""));
        assert_ne!(base, source_id(1, 1, FileId { ino: 3, ..id }, b""));
        assert_ne!(base, source_id(1, 1, FileId { born: 4, ..id }, b""));
        let unborn = FileId { born: 0, ..id };
        assert_ne!(source_id(1, 1, unborn, b"a\n"), source_id(1, 1, unborn, b"b\n"));
    }

    #[test]
    fn a_file_without_birth_time_is_named_by_its_first_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let named = |content: &[u8]| {
            std::fs::write(&path, content).expect("writes");
            naming_prefix(&File::open(&path).expect("opens")).expect("reads")
        };
        assert_eq!(named(b""), None);
        assert_eq!(named(b"half a li"), None);
        assert_eq!(named(b"one\ntwo\n"), Some(b"one\n".to_vec()));
        assert_eq!(named(&[b'x'; 3000]).map(|prefix| prefix.len()), Some(PREFIX_LEN));
    }

    #[test]
    fn witnesses_tell_growth_from_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let content: Vec<u8> = (1..4000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes()).collect();
        std::fs::write(&path, &content).expect("writes");
        let file = File::open(&path).expect("opens");
        for offset in [0usize, 1, 255, 256, 257, 9000] {
            let witness = Witness::of(&content[..offset]);
            assert_eq!(Witness::before(&file, offset as u64).expect("reads"), witness);
            assert!(witness.holds(&file, offset as u64).expect("reads"));
            assert_eq!(witness.holds(&file, offset as u64 + 1).expect("reads"), offset == 0);
        }
        let prefix = Witness::of_prefix(&file, 100).expect("reads");
        assert!(prefix.begins(&file).expect("reads"));
        let mut other = content;
        other[50] ^= 1;
        std::fs::write(&path, &other).expect("writes");
        assert!(!prefix.begins(&File::open(&path).expect("opens")).expect("reads"));
    }

    #[test]
    fn looks_through_symlinks() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, b"12345").expect("writes");
        std::os::unix::fs::symlink(&path, &link).expect("links");
        let (one, two) = (look(&path).expect("looks"), look(&link).expect("looks"));
        assert_eq!((one.id, one.size, one.kind), (two.id, 5, FileType::RegularFile));
        assert_eq!(look_open(&File::open(&link).expect("opens")).expect("looks"), (5, true));
    }
}
