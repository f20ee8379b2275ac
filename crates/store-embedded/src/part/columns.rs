//! The parsed fields of a part: the dictionaries of all its chunks made one per field.
//!
//! Decision: only the distinct values of a chunk are hashed; rows are translated from code to code by arrays.

use std::collections::HashMap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::plan::Entry;
use super::rows::{Chunk, FieldValues, InLines};

/// Distinct values, numbered in the order of their first appearance.
#[derive(Default)]
pub(crate) struct Interner<'a> {
    pub values: Vec<&'a [u8]>,
    /// Open addressing: upper bits of the hash and number + 1; 0 where empty.
    table: Vec<u64>,
    /// Whether some value is not UTF-8.
    pub binary: bool,
}

const NUMBER_BITS: u64 = (1 << 28) - 1;

impl<'a> Interner<'a> {
    pub fn intern(&mut self, value: &'a [u8]) -> u32 {
        if self.values.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = xxh3_64(value);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while self.table[at] != 0 {
            let number = (self.table[at] & NUMBER_BITS) as usize - 1;
            if self.table[at] & !NUMBER_BITS == hash & !NUMBER_BITS && self.values[number] == value {
                return number as u32;
            }
            at = (at + 1) & mask;
        }
        self.binary |= std::str::from_utf8(value).is_err();
        self.values.push(value);
        self.table[at] = hash & !NUMBER_BITS | self.values.len() as u64;
        self.values.len() as u32 - 1
    }

    fn grow(&mut self) {
        let len = (self.table.len() * 4).max(64);
        let old = std::mem::replace(&mut self.table, vec![0; len]);
        let mask = len - 1;
        for number in old.into_iter().filter(|entry| *entry != 0).map(|entry| entry & NUMBER_BITS) {
            let hash = xxh3_64(self.values[number as usize - 1]);
            let mut at = hash as usize & mask;
            while self.table[at] != 0 {
                at = (at + 1) & mask;
            }
            self.table[at] = hash & !NUMBER_BITS | number;
        }
    }
}

/// A field over all chunks of a part.
pub(crate) struct FieldColumn<'a> {
    pub name: Arc<str>,
    pub interner: Interner<'a>,
    chunks: Vec<InChunk<'a>>,
    /// Whether some chunk has it as codes.
    pub coded: bool,
}

enum InChunk<'a> {
    Absent,
    /// Codes of the chunk, and for each code what it is in the part: the value's number + 1.
    Coded(&'a [u16], Vec<u32>),
    Lines(InLines<'a>),
}

/// All fields of some chunks, by name.
pub(crate) fn fields<'a, C: Chunk>(chunks: &'a [C]) -> Vec<FieldColumn<'a>> {
    let mut numbers: HashMap<Arc<str>, usize> = HashMap::new();
    let mut columns: Vec<FieldColumn<'a>> = Vec::new();
    for (n, chunk) in chunks.iter().enumerate() {
        for (name, values) in chunk.fields() {
            let number = *numbers.entry(name.clone()).or_insert_with(|| {
                columns.push(FieldColumn::new(name, chunks.len()));
                columns.len() - 1
            });
            columns[number].add(n, values);
        }
    }
    columns.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    columns
}

/// What a field is in the rows of one row group. The codes are worth nothing where some values are in the lines.
pub(crate) struct Gathered {
    /// Rows that have it.
    pub present: u32,
    /// Whether the values of some rows are in the lines only.
    pub in_lines: bool,
}

impl<'a> FieldColumn<'a> {
    fn new(name: Arc<str>, chunks: usize) -> Self {
        let chunks = std::iter::repeat_with(|| InChunk::Absent).take(chunks).collect();
        Self { name, interner: Interner::default(), chunks, coded: false }
    }

    fn add(&mut self, chunk: usize, values: FieldValues<'a>) {
        self.chunks[chunk] = match values {
            FieldValues::Coded { codes, values } => {
                let interner = &mut self.interner;
                let known = values.into_iter().map(|value| interner.intern(value) + 1);
                let map: Vec<u32> = std::iter::once(0).chain(known).collect();
                self.coded = true;
                InChunk::Coded(codes, map)
            }
            FieldValues::InLines(lines) => InChunk::Lines(lines),
        };
    }

    /// Rows of the chunks that have it.
    pub fn present(&self) -> usize {
        let present = |chunk: &InChunk<'_>| match chunk {
            InChunk::Absent => 0,
            InChunk::Coded(codes, _) => codes.iter().filter(|code| **code != 0).count(),
            InChunk::Lines(InLines::Spans(spans)) => spans.iter().filter(|span| !span.is_absent()).count(),
            InChunk::Lines(InLines::Count(count)) => *count as usize,
        };
        self.chunks.iter().map(present).sum()
    }

    /// Puts the codes of some rows into `codes`: 0 is "absent", `n` is value `n - 1` of the part.
    pub fn gather(&self, entries: &[Entry], codes: &mut Vec<u32>) -> Gathered {
        codes.clear();
        let mut gathered = Gathered { present: 0, in_lines: false };
        for run in entries.chunk_by(|a, b| a.chunk == b.chunk) {
            match &self.chunks[run[0].chunk as usize] {
                InChunk::Absent => codes.resize(codes.len() + run.len(), 0),
                InChunk::Coded(known, map) => {
                    codes.extend(run.iter().map(|entry| map[usize::from(known[entry.row as usize])]));
                }
                InChunk::Lines(lines) => {
                    let has = run.iter().filter(|entry| lines.has(entry.row as usize)).count() as u32;
                    gathered.in_lines |= lines.may_have(has);
                    gathered.present += has;
                    if !gathered.in_lines {
                        codes.resize(codes.len() + run.len(), 0);
                    }
                }
            }
        }
        gathered.present += codes.iter().filter(|code| **code != 0).count() as u32;
        gathered
    }
}
