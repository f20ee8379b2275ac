//! Snapshots of the high-waters: one is written before each new segment, so that recovery needs the newest snapshot
//! and the last segment only, and so that what is known of a source outlives the removal of its entries.

use std::fs;
use std::path::{Path, PathBuf};

use model::wire::{Reader, Writer};
use queue::QueueError;
use queue::driver::HighWaters;

use crate::disk;

const VERSION: u8 = 1;
const KEPT: usize = 2;

fn path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:010}.marks"))
}

/// Writes how far every source is held where a segment begins.
pub fn write(folder: &Path, segment: u64, marks: &HighWaters) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u8(VERSION);
    w.u64(segment);
    marks.encode(&mut bytes);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    disk::replace(&path(folder, segment), &bytes)
}

/// The snapshot from where a segment begins; `None` where there is none that is whole.
pub fn read(folder: &Path, segment: u64) -> Result<Option<HighWaters>, QueueError> {
    let path = path(folder, segment);
    let Ok(bytes) = fs::read(&path) else { return Ok(None) };
    let Some((body, crc)) = bytes.split_last_chunk::<4>() else { return Ok(None) };
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Ok(None);
    }
    let format = |source| QueueError::Format { path: path.display().to_string(), source };
    let mut r = Reader::new(body);
    let version = r.u8().map_err(format)?;
    if version > VERSION {
        return Err(format(model::WireError::Version { found: version, known: VERSION }));
    }
    if r.u64().map_err(format)? != segment {
        return Ok(None);
    }
    HighWaters::decode(&body[9..]).map(Some).map_err(format)
}

/// Removes the snapshots that are no longer needed once `newest` is written.
pub fn prune(folder: &Path, newest: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let number = path.file_stem().and_then(|s| s.to_str()?.parse::<u64>().ok());
        let old = number.is_some_and(|n| n + KEPT as u64 <= newest);
        if old && path.extension().is_some_and(|e| e == "marks") {
            // One that stays costs its few bytes and is tried again the next time.
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use model::{Generation, SourceId, SourceKey};
    use queue::Position;

    use super::*;

    #[test]
    fn a_damaged_snapshot_is_no_snapshot() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut marks = HighWaters::default();
        let key = SourceKey::new(SourceId(1), Generation(2));
        marks.note(key, Position { end: 9, open_line: Some(7) }, Timestamp::from_micros(3));
        write(folder.path(), 4, &marks).expect("writes");
        let read_back = read(folder.path(), 4).expect("reads").expect("is there");
        assert_eq!(read_back.get(key), Some(Position { end: 9, open_line: Some(7) }));
        let file = path(folder.path(), 4);
        let bytes = fs::read(&file).expect("reads");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(&file, &changed).expect("writes");
            assert!(read(folder.path(), 4).expect("no error").is_none(), "byte {at}");
        }
        for n in 5..9 {
            write(folder.path(), n, &marks).expect("writes");
        }
        prune(folder.path(), 8);
        let left = |n| read(folder.path(), n).expect("reads").is_some();
        assert!(!left(6) && left(7) && left(8));
    }
}
