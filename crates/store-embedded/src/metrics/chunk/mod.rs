//! A day's points in an immutable file, column by column.
//!
//! ```text
//! magic · blocks · index · lengths and checksum of the index · magic
//! ```
//!
//! A block is up to 65,536 values of one kind of one field of one series: times, then values, compressed. Blocks stand
//! by measurement, field and series, as they are asked for: one field of all series of a measurement is read in one go.
//! The index is in memory while the file is open.

mod block;
mod write;

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use base::Timestamp;
use model::wire::{Reader, WireError};
use store::StoreError;

use super::folder::failed;
use super::head::Cell;
use super::registry::Registry;
use block::Block;

pub(super) use write::ChunkWriter;

const MAGIC: &[u8; 8] = b"ldmetc1\n";
/// Ends the name of a file that is being written.
pub(super) const UNFINISHED: &str = ".unfinished";
/// Two lengths, a checksum, the magic.
const TRAILER: usize = 20;
/// No index is longer.
const INDEX_MAX: usize = 512 << 20;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The day of a moment, in days since 1970.
pub(super) const fn day_of(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_DAY)
}

/// What a chunk is called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChunkName {
    /// In days since 1970.
    pub day: i64,
    /// The first of the heads that it was made of.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl ChunkName {
    pub fn parse(name: &str) -> Option<Self> {
        let (date, rest) = name.strip_suffix(".chunk")?.split_once('.')?;
        let (first, last) = rest.split_once('-')?;
        // From the end: a year may have a sign.
        let mut parts = date.rsplitn(3, '-');
        let (day, month) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let midnight = Timestamp::from_civil(parts.next()?.parse().ok()?, month, day, 0);
        Some(Self { day: day_of(midnight.as_micros()), first: first.parse().ok()?, last: last.parse().ok()? })
    }

    pub fn path(&self, folder: &Path) -> PathBuf {
        let (year, month, day) = Timestamp::from_micros(self.day.saturating_mul(MICROS_PER_DAY)).date();
        folder.join(format!("{year:04}-{month:02}-{day:02}.{:08}-{:08}.chunk", self.first, self.last))
    }

    /// When its day ends, in microseconds.
    pub const fn end(&self) -> i64 {
        self.day.saturating_add(1).saturating_mul(MICROS_PER_DAY)
    }

    /// Whether its day has moments between these.
    pub const fn overlaps(&self, since: i64, until: i64) -> bool {
        self.day.saturating_mul(MICROS_PER_DAY) < until && since < self.end()
    }
}

/// An open chunk.
pub(super) struct Chunk {
    pub name: ChunkName,
    path: PathBuf,
    file: File,
    columns: HashMap<(u32, u32), Box<[Block]>>,
}

impl Chunk {
    /// Opens a chunk and has its series and fields numbered.
    pub fn open(folder: &Path, name: ChunkName, registry: &mut Registry) -> Result<Self, StoreError> {
        let path = name.path(folder);
        let file = File::open(&path).map_err(failed("open", &path))?;
        let mut this = Self { name, path, file, columns: HashMap::new() };
        let index = this.read_index()?;
        this.load(&index, registry).map_err(|error| this.corrupt(&error.to_string()))?;
        Ok(this)
    }

    fn corrupt(&self, reason: &str) -> StoreError {
        StoreError::Corrupt { path: self.path.display().to_string(), reason: reason.to_owned() }
    }

    fn read_index(&self) -> Result<Vec<u8>, StoreError> {
        let read = failed("read", &self.path);
        let len = self.file.metadata().map_err(&read)?.len();
        let mut trailer = [0; TRAILER];
        let at = len.checked_sub(TRAILER as u64).ok_or_else(|| self.corrupt("it is too short"))?;
        self.file.read_exact_at(&mut trailer, at).map_err(&read)?;
        let word = |n: usize| u32::from_le_bytes([trailer[n], trailer[n + 1], trailer[n + 2], trailer[n + 3]]);
        let (packed_len, raw_len, crc) = (word(0) as usize, word(4) as usize, word(8));
        if trailer[12..] != MAGIC[..] || raw_len > INDEX_MAX || packed_len as u64 > at {
            return Err(self.corrupt("its end is not that of a chunk"));
        }
        let mut packed = vec![0; packed_len];
        self.file.read_exact_at(&mut packed, at - packed_len as u64).map_err(&read)?;
        if crc32c::crc32c(&packed) != crc {
            return Err(self.corrupt("the checksum of its index is wrong"));
        }
        zstd::bulk::decompress(&packed, raw_len).map_err(|error| self.corrupt(&error.to_string()))
    }

    fn load(&mut self, index: &[u8], registry: &mut Registry) -> Result<(), WireError> {
        let mut r = Reader::new(index);
        for _ in 0..r.varint()? {
            let measurement = r.text()?;
            let mut tags = Vec::new();
            for _ in 0..r.varint()? {
                tags.push((r.text()?.to_owned(), r.text()?.to_owned()));
            }
            let series = registry.add_series(measurement, &tags, usize::MAX).ok_or(WireError::Malformed("series"))?;
            let field = registry.add_field(r.text()?);
            let mut blocks = Vec::new();
            for _ in 0..r.varint()? {
                blocks.push(Block::decode(&mut r)?);
            }
            if blocks.iter().any(|block| block.kind.is_number()) {
                registry.note_number(series, field);
            }
            self.columns.insert((series, field), blocks.into());
        }
        r.finish()
    }

    /// Its columns: series, field, and whether it has numbers.
    pub fn columns(&self) -> impl Iterator<Item = (u32, u32, bool)> {
        self.columns.iter().map(|(column, blocks)| (column.0, column.1, blocks.iter().any(|b| b.kind.is_number())))
    }

    /// The values of a column between two moments that are numbers; NaN where there is another value.
    pub fn numbers(
        &self,
        (series, field): (u32, u32),
        (since, until): (i64, i64),
        out: &mut Vec<(i64, f64)>,
    ) -> Result<(), StoreError> {
        for block in self.columns.get(&(series, field)).into_iter().flatten() {
            if block.min >= until || block.max < since {
                continue;
            }
            let raw = self.read(block)?;
            let from = out.len();
            block.numbers(&raw, out).map_err(|error| self.corrupt(&error.to_string()))?;
            if block.min < since || block.max >= until {
                let inside: Vec<_> = out.drain(from..).filter(|(at, _)| (since..until).contains(at)).collect();
                out.extend(inside);
            }
        }
        Ok(())
    }

    /// All values of a column, of each kind by time.
    pub fn cells(&self, column: (u32, u32), out: &mut Vec<Cell>) -> Result<(), StoreError> {
        for block in self.columns.get(&column).into_iter().flatten() {
            let raw = self.read(block)?;
            block.cells(&raw, out).map_err(|error| self.corrupt(&error.to_string()))?;
        }
        Ok(())
    }

    fn read(&self, block: &Block) -> Result<Vec<u8>, StoreError> {
        let mut packed = vec![0; block.len as usize];
        self.file.read_exact_at(&mut packed, block.offset).map_err(failed("read", &self.path))?;
        if crc32c::crc32c(&packed) != block.crc {
            return Err(self.corrupt("the checksum of a block is wrong"));
        }
        zstd::bulk::decompress(&packed, block.raw_len as usize).map_err(|error| self.corrupt(&error.to_string()))
    }

    /// Removes its file; whoever reads it still can.
    pub fn remove(&self) -> Result<(), StoreError> {
        std::fs::remove_file(&self.path).map_err(failed("remove", &self.path))
    }
}
