//! Reads parts: by the sidecar's table of contents, one `pread` per page, nothing kept but that table.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use model::{Format, Generation, Level, Marks, SourceId, SourceKey};
use store::StoreError;

use super::bloom::{self, BLOCK_BYTES};
use super::index::{CodedAt, Group, LinePage, PageAt, PartIndex};
use super::{decode, overflow, sidecar};

/// A page that claims to be larger is damaged.
const PAGE_BYTES_MAX: u32 = 1 << 30;

/// A column that every record has a value in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Names.
    Stream = 0,
    /// Names.
    Host = 1,
    /// Paths.
    Path = 2,
    /// Texts of [`SourceId`].
    Source = 3,
    /// Numbers: four bytes, little-endian.
    Generation = 4,
    /// Names of [`Level`].
    Level = 5,
    /// Names of [`Format`].
    Format = 6,
    /// Numbers: bits of [`Marks`].
    Marks = 7,
    /// Numbers: bytes of the line's end in its file, 1 or 0.
    Newline = 8,
}

/// Values of a row group in one column.
#[derive(Clone, Debug)]
pub struct Codes {
    bytes: Vec<u8>,
    ranges: Vec<(u32, u32)>,
    /// One per row: 0 is "absent", `n` is the value number `n - 1`.
    pub codes: Vec<u32>,
}

impl Codes {
    /// The distinct values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ranges.iter().map(|(start, end)| &self.bytes[*start as usize..*end as usize])
    }

    /// The value of a code; `None` for 0, and for a code that is none of this dictionary.
    pub fn value(&self, code: u32) -> Option<&[u8]> {
        let (start, end) = *self.ranges.get((code as usize).checked_sub(1)?)?;
        Some(&self.bytes[start as usize..end as usize])
    }

    /// The value of a row.
    pub fn of_row(&self, row: usize) -> Option<&[u8]> {
        self.value(self.codes[row])
    }
}

/// How a row group has a parsed field.
#[derive(Clone, Debug)]
pub enum Field {
    /// No record has it.
    Absent,
    /// As a column.
    Coded(Codes),
    /// To be read back: from [`OpenPart::overflow`] where a record has something there, otherwise by `codec::field`.
    InLines,
}

/// A parsed field of a row group: its name, the records that have it, its values where it is a column.
pub(crate) type NamedField = (Arc<str>, u32, Option<Codes>);

/// A page of lines, decompressed: for each line its length (four bytes, little-endian) and its bytes.
#[derive(Debug)]
pub struct Lines {
    /// The whole page; a match found in it must be checked to lie within one line.
    pub bytes: Vec<u8>,
    /// Where each line stands in it: `bytes[start..end]`.
    pub ranges: Vec<(u32, u32)>,
}

impl Lines {
    /// A line by its row within the page.
    pub fn line(&self, row: usize) -> &[u8] {
        let (start, end) = self.ranges[row];
        &self.bytes[start as usize..end as usize]
    }

    /// The line that `at` (a place in `bytes`) lies in; `None` where it lies in a length.
    pub fn row_at(&self, at: usize) -> Option<usize> {
        let row = self.ranges.partition_point(|(_, end)| (*end as usize) <= at);
        self.ranges.get(row).filter(|(start, _)| (*start as usize) <= at).map(|_| row)
    }
}

/// An open part. All reads are of single pages; keep what you read, nothing is cached here.
pub struct OpenPart {
    index: PartIndex,
    parquet: File,
    sidecar: File,
    path: PathBuf,
    damage: Arc<OnceLock<String>>,
}

thread_local! {
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

impl OpenPart {
    /// Opens the files of a part; `damage` is told what is wrong with them.
    pub(super) fn open(path: &Path, sidecar_path: &Path, damage: Arc<OnceLock<String>>) -> Result<Self, StoreError> {
        let io = |action, path: &Path, error: std::io::Error| {
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof) {
                note_damage(&damage, path, &error.to_string())
            } else {
                StoreError::Io { action, path: path.display().to_string(), reason: error.to_string() }
            }
        };
        let parquet = File::open(path).map_err(|error| io("open", path, error))?;
        let sidecar = File::open(sidecar_path).map_err(|error| io("open", sidecar_path, error))?;
        let bytes = std::fs::read(sidecar_path).map_err(|error| io("read", sidecar_path, error))?;
        let index = sidecar::open(&bytes).map_err(|fault| match fault {
            sidecar::Fault::Version(found) => {
                StoreError::Version { path: sidecar_path.display().to_string(), found, known: sidecar::VERSION }
            }
            sidecar::Fault::Damaged(reason) => note_damage(&damage, sidecar_path, reason),
        })?;
        Ok(Self { index, parquet, sidecar, path: path.to_owned(), damage })
    }

    /// Its row groups, in the order of the file: by stream, then time.
    pub fn groups(&self) -> &[Group] {
        &self.index.groups
    }

    /// The names of all parsed fields known in it (at most 1,024), ascending.
    pub fn field_names(&self) -> &[Arc<str>] {
        &self.index.fields
    }

    /// The times of a row group's records, in microseconds.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn times(&self, group: usize) -> Result<Vec<i64>, StoreError> {
        self.delta(group, |group| &group.time)
    }

    /// The offsets of a row group's records in their sources.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn offsets(&self, group: usize) -> Result<Vec<u64>, StoreError> {
        Ok(self.delta(group, |group| &group.offset)?.into_iter().map(|offset| offset as u64).collect())
    }

    fn delta(&self, group: usize, at: impl Fn(&Group) -> &PageAt) -> Result<Vec<i64>, StoreError> {
        let group = &self.index.groups[group];
        let raw = self.page(at(group), true)?;
        decode::delta(&raw, group.rows as usize).ok_or_else(|| self.damaged("a column of numbers cannot be read"))
    }

    /// The values of a row group in a column.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn codes(&self, group: usize, column: Column) -> Result<Codes, StoreError> {
        let group = &self.index.groups[group];
        self.coded(&group.fixed[column as usize], group.rows, super::schema::is_number(column as usize))
    }

    /// The sources of a row group, and for each record which of them.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn keys(&self, group: usize) -> Result<(Vec<SourceKey>, Vec<u32>), StoreError> {
        let (sources, generations) = (self.codes(group, Column::Source)?, self.codes(group, Column::Generation)?);
        let wrong = || self.damaged("a source cannot be read");
        let ids = sources.values().map(|text| std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()));
        let ids = ids.collect::<Option<Vec<SourceId>>>().ok_or_else(wrong)?;
        let numbers: Vec<u32> = generations.values().map(number).collect();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let mut keys = Vec::with_capacity(sources.codes.len());
        for pair in sources.codes.iter().copied().zip(generations.codes.iter().copied()) {
            let known = pairs.iter().rposition(|known| *known == pair).unwrap_or_else(|| {
                pairs.push(pair);
                pairs.len() - 1
            });
            keys.push(known as u32);
        }
        let key = |(source, generation): (u32, u32)| {
            let generation = Generation(*numbers.get((generation as usize).checked_sub(1)?)?);
            Some(SourceKey::new(*ids.get((source as usize).checked_sub(1)?)?, generation))
        };
        Ok((pairs.into_iter().map(key).collect::<Option<_>>().ok_or_else(wrong)?, keys))
    }

    /// The levels of a row group's records.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn levels(&self, group: usize) -> Result<Vec<Level>, StoreError> {
        self.mapped(group, Column::Level, |name| std::str::from_utf8(name).ok()?.parse().ok())
    }

    /// The formats of a row group's records.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn formats(&self, group: usize) -> Result<Vec<Format>, StoreError> {
        let by_name = |name: &[u8]| Format::ALL.into_iter().find(|format| format.name().as_bytes() == name);
        self.mapped(group, Column::Format, |name| Some(by_name(name).unwrap_or_default()))
    }

    /// The marks of a row group's records.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn marks(&self, group: usize) -> Result<Vec<Marks>, StoreError> {
        self.mapped(group, Column::Marks, |bits| Some(Marks(number(bits) as u8)))
    }

    fn mapped<T: Copy>(
        &self,
        group: usize,
        column: Column,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let codes = self.codes(group, column)?;
        let values = codes.values().map(read).collect::<Option<Vec<T>>>();
        let values = values.ok_or_else(|| self.damaged("a value is not known"))?;
        let of = |code: &u32| values.get((*code as usize).checked_sub(1)?).copied();
        codes.codes.iter().map(of).collect::<Option<_>>().ok_or_else(|| self.damaged("a code has no value"))
    }

    /// A parsed field of a row group.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn field(&self, group: usize, name: &str) -> Result<Field, StoreError> {
        let group = &self.index.groups[group];
        let number = self.index.fields.binary_search_by(|known| (**known).cmp(name)).ok();
        let at = number.and_then(|number| group.fields.iter().find(|field| field.name as usize == number));
        Ok(match at {
            None if group.more_fields => Field::InLines,
            None => Field::Absent,
            Some(at) => match &at.coded {
                // A record with a great many fields has some that were never looked at.
                Some(_) if group.more_fields && at.present < group.rows => Field::InLines,
                Some(coded) => Field::Coded(self.coded(coded, group.rows, false)?),
                None => Field::InLines,
            },
        })
    }

    /// All parsed fields of a row group: name, records that have it, values where it is a column.
    pub(crate) fn all_fields(&self, group: usize) -> Result<Vec<NamedField>, StoreError> {
        let group = &self.index.groups[group];
        let read = |field: &super::index::FieldAt| {
            let name = self.index.fields.get(field.name as usize).cloned();
            let name = name.ok_or_else(|| self.damaged("a field has no name"))?;
            let coded = field.coded.as_ref().map(|coded| self.coded(coded, group.rows, false)).transpose()?;
            Ok((name, field.present, coded))
        };
        group.fields.iter().map(read).collect()
    }

    /// How many records of a row group have a parsed field, whether it is a column or not.
    pub fn field_count(&self, group: usize, name: &str) -> u32 {
        let number = self.index.fields.binary_search_by(|known| (**known).cmp(name)).ok();
        let fields = &self.index.groups[group].fields;
        number.and_then(|n| fields.iter().find(|field| field.name as usize == n)).map_or(0, |field| field.present)
    }

    /// The fields of records that cannot be read back from their lines, to be decoded by [`OpenPart::overflow_fields`];
    /// `None` where all can.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn overflow(&self, group: usize) -> Result<Option<Codes>, StoreError> {
        let group = &self.index.groups[group];
        group.overflow.as_ref().map(|coded| self.coded(coded, group.rows, false)).transpose()
    }

    /// The fields in a value of [`OpenPart::overflow`].
    pub fn overflow_fields(value: &[u8]) -> Vec<(String, Vec<u8>)> {
        overflow::decode(value)
    }

    /// A page of lines.
    ///
    /// # Errors
    /// `Io` or `Corrupt`.
    pub fn lines(&self, page: &LinePage) -> Result<Lines, StoreError> {
        let bytes = self.page(&page.at, true)?;
        let ranges = decode::plain(&bytes, page.rows as usize);
        let ranges = ranges.ok_or_else(|| self.damaged("a page of lines cannot be read"))?;
        Ok(Lines { bytes, ranges })
    }

    /// For each page of a row group whether a token (by [`store::tokens::hash_token`]) may be in it: in a line, or in a
    /// value that was unescaped.
    ///
    /// # Errors
    /// `Io`.
    pub fn pages_with(&self, group: usize, token: u64) -> Result<Vec<bool>, StoreError> {
        let group = &self.index.groups[group];
        let stride = group.pages.len() * BLOCK_BYTES;
        let block = bloom::block_of(token, group.bloom_blocks as usize);
        let mut blocks = vec![0; stride];
        let read = self.sidecar.read_exact_at(&mut blocks, group.bloom_at + (block * stride) as u64);
        read.map_err(|error| self.io(&error))?;
        Ok(blocks.chunks_exact(BLOCK_BYTES).map(|block| bloom::may_contain(block, token)).collect())
    }

    /// Bytes on disk by column and purpose, for measurements.
    pub fn sizes(&self) -> Vec<(String, u64)> {
        let mut sizes = Vec::new();
        let mut add = |name: &str, bytes: u64| sizes.push((name.to_owned(), bytes));
        let coded = |coded: &CodedAt| u64::from(coded.dictionary.len) + u64::from(coded.data.len);
        for group in &self.index.groups {
            add("line", group.pages.iter().map(|page| u64::from(page.at.len)).sum());
            add("time", u64::from(group.time.len));
            add("offset", u64::from(group.offset.len));
            super::index::FIXED.iter().zip(&group.fixed).for_each(|(name, at)| add(name, coded(at)));
            add("fields", group.overflow.as_ref().map_or(0, coded));
            for field in &group.fields {
                let name = &self.index.fields[field.name as usize];
                add(&format!("f_{name}"), field.coded.as_ref().map_or(0, coded));
            }
            add("(filters)", group.pages.len() as u64 * u64::from(group.bloom_blocks) * BLOCK_BYTES as u64);
        }
        sizes
    }

    fn coded(&self, at: &CodedAt, rows: u32, numbers: bool) -> Result<Codes, StoreError> {
        let bytes = self.page(&at.dictionary, at.compressed)?;
        let data = self.page(&at.data, at.compressed)?;
        let wrong = || self.damaged("a dictionary column cannot be read");
        let distinct = at.distinct as usize;
        let ranges = match numbers {
            true if bytes.len() == distinct * 4 => (0..at.distinct).map(|n| (n * 4, n * 4 + 4)).collect(),
            true => return Err(wrong()),
            false => decode::plain(&bytes, distinct).ok_or_else(wrong)?,
        };
        let codes = decode_codes(&data, at, rows as usize).ok_or_else(wrong)?;
        Ok(Codes { bytes, ranges, codes })
    }

    /// A page, decompressed.
    fn page(&self, at: &PageAt, compressed: bool) -> Result<Vec<u8>, StoreError> {
        if at.len.max(at.raw_len) > PAGE_BYTES_MAX {
            return Err(self.damaged("a page is too long to be true"));
        }
        let mut packed = vec![0; at.len as usize];
        self.parquet.read_exact_at(&mut packed, at.offset).map_err(|error| self.io(&error))?;
        if crc32c::crc32c(&packed) != at.crc {
            return Err(self.damaged("the checksum of a page does not match"));
        }
        if !compressed {
            return Ok(packed);
        }
        let raw = DECOMPRESSOR.with_borrow_mut(|zstd| {
            let zstd = match zstd {
                Some(zstd) => zstd,
                None => zstd.insert(zstd::bulk::Decompressor::new()?),
            };
            zstd.decompress(&packed, at.raw_len as usize)
        });
        match raw {
            Ok(raw) if raw.len() == at.raw_len as usize => Ok(raw),
            Ok(_) => Err(self.damaged("a page has another length than it should")),
            Err(error) => Err(self.damaged(&error.to_string())),
        }
    }

    fn io(&self, error: &std::io::Error) -> StoreError {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("it is shorter than it should be"),
            _ => StoreError::Io { action: "read", path: self.path.display().to_string(), reason: error.to_string() },
        }
    }

    fn damaged(&self, reason: &str) -> StoreError {
        note_damage(&self.damage, &self.path, reason)
    }
}

fn note_damage(damage: &OnceLock<String>, path: &Path, reason: &str) -> StoreError {
    let path = path.display().to_string();
    let _ = damage.set(format!("{path}: {reason}"));
    StoreError::Corrupt { path, reason: reason.to_owned() }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

fn decode_codes(data: &[u8], at: &CodedAt, rows: usize) -> Option<Vec<u32>> {
    let (present, data) = match at.nullable {
        true => decode::definition_levels(data, rows).map(|(present, data)| (Some(present), data))?,
        false => (None, data),
    };
    let (width, data) = data.split_first()?;
    let count = present.as_ref().map_or(rows, |present| present.iter().filter(|bit| **bit != 0).count());
    let mut codes = decode::hybrid(data, u32::from(*width), count)?;
    if codes.iter().any(|code| *code >= at.distinct) {
        return None;
    }
    let Some(present) = present else {
        codes.iter_mut().for_each(|code| *code += 1);
        return Some(codes);
    };
    let mut known = codes.into_iter();
    present.into_iter().map(|bit| if bit == 0 { Some(0) } else { known.next().map(|code| code + 1) }).collect()
}
