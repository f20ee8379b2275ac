//! How far a group has come, as a small file that is replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model::wire::{Reader, Writer};
use model::{Partition, QueueId, WireError};
use queue::QueueError;

use crate::disk::{self, io_error};

const VERSION: u8 = 1;
const EXTENSION: &str = "cursor";

/// Notes how far a group has come.
pub fn write(folder: &Path, group: &str, queue: QueueId, next: &BTreeMap<Partition, u64>) -> Result<(), QueueError> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u8(VERSION);
    w.u64(queue.0);
    w.varint(next.len() as u64);
    for (partition, offset) in next {
        w.varint(u64::from(partition.0));
        w.varint(*offset);
    }
    let crc = crc32c::crc32c(&bytes);
    Writer::new(&mut bytes).u32(crc);
    let path = folder.join(format!("{group}.{EXTENSION}"));
    disk::replace(&path, &bytes).map_err(|e| io_error("write", &path, &e))
}

/// Notes no more how far a group has come.
pub fn remove(folder: &Path, group: &str) -> Result<(), QueueError> {
    let path = folder.join(format!("{group}.{EXTENSION}"));
    disk::remove(&path).map_err(|e| io_error("remove", &path, &e))
}

/// How far each group has come.
pub fn read_all(folder: &Path, queue: QueueId) -> Result<BTreeMap<String, BTreeMap<Partition, u64>>, QueueError> {
    let mut all = BTreeMap::new();
    let failed = |e: std::io::Error| io_error("list", folder, &e);
    for found in fs::read_dir(folder).map_err(failed)? {
        let path = found.map_err(failed)?.path();
        if path.extension().is_none_or(|e| e != EXTENSION) {
            continue;
        }
        let Some(group) = path.file_stem().and_then(|s| s.to_str()) else { continue };
        let bytes = fs::read(&path).map_err(|e| io_error("read", &path, &e))?;
        let shown = || path.display().to_string();
        let next = decode(&bytes, queue).map_err(|problem| match problem {
            Problem::Wire(source) => QueueError::Format { path: shown(), source },
            Problem::Damaged(reason) => {
                let reason = format!("{reason}; remove the file to let group '{group}' read from the beginning");
                QueueError::Corrupt { path: shown(), at: 0, reason }
            }
        })?;
        all.insert(group.to_owned(), next);
    }
    Ok(all)
}

enum Problem {
    Wire(WireError),
    Damaged(&'static str),
}

impl From<WireError> for Problem {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

fn decode(bytes: &[u8], queue: QueueId) -> Result<BTreeMap<Partition, u64>, Problem> {
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or(Problem::Damaged("it is too short"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err(Problem::Damaged("its checksum is wrong"));
    }
    let mut r = Reader::new(body);
    let version = r.u8()?;
    if version != VERSION {
        return Err(WireError::Version { found: version, known: VERSION }.into());
    }
    if QueueId(r.u64()?) != queue {
        return Err(Problem::Damaged("it belongs to another queue"));
    }
    let mut next = BTreeMap::new();
    for _ in 0..r.varint()? {
        next.insert(Partition(r.varint_u32()?), r.varint()?);
    }
    r.finish()?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_cursor_is_an_error_not_a_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let next: BTreeMap<_, _> = [(Partition(0), 7), (Partition(3), 1 << 40)].into();
        write(folder.path(), "g", QueueId(5), &next).expect("writes");
        assert_eq!(read_all(folder.path(), QueueId(5)).expect("reads"), [("g".to_owned(), next)].into());
        assert!(matches!(read_all(folder.path(), QueueId(6)), Err(QueueError::Corrupt { .. })));
        let path = folder.path().join("g.cursor");
        let bytes = fs::read(&path).expect("reads");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).expect("writes");
            let error = read_all(folder.path(), QueueId(5)).expect_err("is damaged").to_string();
            assert!(error.contains("remove the file"), "{error}");
        }
    }
}
