//! Writing a chunk: beside, synced, renamed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use model::wire::Writer;
use store::StoreError;

use super::block::{Block, COUNT_MAX, Kind, pack};
use super::{ChunkName, MAGIC, UNFINISHED};
use crate::metrics::folder::{failed, sync_folder};
use crate::metrics::head::Cell;
use crate::metrics::registry::SeriesKey;

/// Fast, and most of what it could gain was gained by subtracting.
const LEVEL: i32 = 1;

/// A chunk that is being written.
pub(crate) struct ChunkWriter {
    folder: PathBuf,
    name: ChunkName,
    beside: PathBuf,
    file: BufWriter<File>,
    at: u64,
    index: Vec<u8>,
    columns: u64,
}

impl ChunkWriter {
    pub fn begin(folder: &Path, name: ChunkName) -> Result<Self, StoreError> {
        let beside = name.path(folder).with_extension(UNFINISHED.trim_start_matches('.'));
        let mut file = BufWriter::new(File::create(&beside).map_err(failed("make", &beside))?);
        file.write_all(MAGIC).map_err(failed("write", &beside))?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
            beside,
            file,
            at: MAGIC.len() as u64,
            index: Vec::new(),
            columns: 0,
        })
    }

    /// Adds a column, whose cells are ascending by time.
    pub fn add(&mut self, key: &SeriesKey, field: &str, cells: &[Cell]) -> Result<(), StoreError> {
        let mut blocks = Vec::new();
        for kind in Kind::ALL {
            let of_kind: Vec<&Cell> = cells.iter().filter(|cell| Kind::of(&cell.1) == kind).collect();
            for some in of_kind.chunks(COUNT_MAX) {
                blocks.push(self.add_block(kind, some)?);
            }
        }
        let mut w = Writer::new(&mut self.index);
        w.text(&key.measurement);
        w.varint(key.tags.len() as u64);
        for (key, value) in &key.tags {
            w.text(key);
            w.text(value);
        }
        w.text(field);
        w.varint(blocks.len() as u64);
        blocks.iter().for_each(|block| block.encode(&mut self.index));
        self.columns += 1;
        Ok(())
    }

    fn add_block(&mut self, kind: Kind, cells: &[&Cell]) -> Result<Block, StoreError> {
        let raw = pack(kind, cells);
        let packed = zstd::bulk::compress(&raw, LEVEL).map_err(failed("compress", &self.beside))?;
        self.file.write_all(&packed).map_err(failed("write", &self.beside))?;
        let offset = self.at;
        self.at += packed.len() as u64;
        Ok(Block {
            kind,
            offset,
            len: packed.len() as u32,
            raw_len: raw.len() as u32,
            crc: crc32c::crc32c(&packed),
            count: cells.len() as u32,
            min: cells.first().map_or(0, |cell| cell.0),
            max: cells.last().map_or(0, |cell| cell.0),
        })
    }

    /// Makes it durable under its name.
    pub fn finish(mut self) -> Result<ChunkName, StoreError> {
        let write = failed("write", &self.beside);
        let mut index = Vec::with_capacity(self.index.len() + 10);
        Writer::new(&mut index).varint(self.columns);
        index.append(&mut self.index);
        let packed = zstd::bulk::compress(&index, LEVEL).map_err(&write)?;
        let mut trailer = Vec::new();
        let mut w = Writer::new(&mut trailer);
        w.u32(packed.len() as u32);
        w.u32(index.len() as u32);
        w.u32(crc32c::crc32c(&packed));
        trailer.extend_from_slice(MAGIC);
        self.file.write_all(&packed).and_then(|()| self.file.write_all(&trailer)).map_err(&write)?;
        let file = self.file.into_inner().map_err(|error| write(error.into_error()))?;
        file.sync_all().map_err(&write)?;
        fs::rename(&self.beside, self.name.path(&self.folder)).map_err(failed("rename", &self.beside))?;
        sync_folder(&self.folder)?;
        Ok(self.name)
    }
}
