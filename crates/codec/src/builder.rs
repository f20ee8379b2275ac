//! Columns of a batch, built row by row without allocation per value.
//!
//! Decision: a numbered name leads to its column by one look into an array, and a value is compared with the one
//! before it first. A column whose values hardly repeat stops looking for repetitions after a while and keeps one
//! span per record.

use std::sync::Arc;

use model::{Column, Span, Values};

use crate::fields::{Fields, Piece};
use crate::names::{self, FIXED_LEN, NAMES_MAX};

/// Further fields of a batch get no column; they can still be read from their lines.
pub(crate) const COLUMNS_MAX: usize = 64;
/// So many values are seen before a column may be called unique.
const UNIQUE_AFTER: u32 = 128;
/// Names kept between batches, as columns have them.
const KEPT_NAMES_MAX: usize = 1024;
/// Not looked for yet.
const NO_COLUMN: u16 = u16::MAX;
/// Looked for: there was no room.
const FULL: u16 = u16::MAX - 1;
/// The highest code of a dictionary.
const CODE_MAX: usize = u16::MAX as usize - 1;

#[derive(Default)]
pub(crate) struct Builder {
    columns: Vec<Building>,
    used: usize,
    text: Vec<u8>,
    names: Vec<Arc<str>>,
    /// The column of each numbered name.
    by_slot: Vec<u16>,
}

struct Building {
    name: Arc<str>,
    /// Whether one span per record is kept instead of codes.
    unique: bool,
    dictionary: Vec<Span>,
    codes: Vec<u16>,
    spans: Vec<Span>,
    last: u16,
    seen: u32,
    /// Open addressing: hash (upper bits) and code of each entry; 0 where empty.
    table: Vec<u64>,
}

impl Builder {
    pub fn begin(&mut self) {
        self.used = 0;
        self.text = Vec::new();
        self.by_slot.clear();
        self.by_slot.resize(FIXED_LEN + NAMES_MAX, NO_COLUMN);
    }

    /// Adds the fields of a record as row `row`. `start` is where its line begins in the payload.
    pub fn add(&mut self, row: usize, line: &[u8], start: u32, fields: &Fields, payload: &[u8]) {
        for item in &fields.items {
            let mut index = self.by_slot.get(usize::from(item.slot)).copied().unwrap_or(NO_COLUMN);
            if index >= FULL {
                if index == FULL {
                    continue;
                }
                index = self.column(fields.name(line, item.slot)).unwrap_or(FULL);
                if names::is_numbered(item.slot) {
                    self.by_slot[usize::from(item.slot)] = index;
                }
                if index == FULL {
                    continue;
                }
            }
            let value = fields.bytes(line, item.value);
            self.columns[usize::from(index)].put(row, value, item.value, start, payload, &mut self.text);
        }
    }

    /// The column of that name, made if there is room.
    #[inline(never)]
    fn column(&mut self, name: &[u8]) -> Option<u16> {
        if let Some(index) = self.columns[..self.used].iter().position(|column| column.name.as_bytes() == name) {
            return Some(index as u16);
        }
        if self.used == COLUMNS_MAX || name.is_empty() {
            return None;
        }
        let name = self.intern(std::str::from_utf8(name).ok()?);
        if self.used == self.columns.len() {
            self.columns.push(Building::new(name));
        } else {
            self.columns[self.used].reset(name);
        }
        self.used += 1;
        Some((self.used - 1) as u16)
    }

    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.iter().find(|known| &***known == name) {
            return Arc::clone(known);
        }
        if self.names.len() == KEPT_NAMES_MAX {
            self.names.clear();
        }
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        name
    }

    /// The columns over `rows` records, and the text that some values stand in.
    pub fn finish(&mut self, rows: usize) -> (Vec<Column>, Vec<u8>) {
        let columns = self.columns[..self.used].iter_mut().map(|column| column.finish(rows)).collect();
        (columns, std::mem::take(&mut self.text))
    }
}

impl Building {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            unique: false,
            dictionary: Vec::new(),
            codes: Vec::new(),
            spans: Vec::new(),
            last: 0,
            seen: 0,
            table: vec![0; 64],
        }
    }

    fn reset(&mut self, name: Arc<str>) {
        self.name = name;
        self.unique = false;
        self.dictionary.clear();
        self.codes.clear();
        self.spans.clear();
        self.last = 0;
        self.seen = 0;
        self.table.clear();
        self.table.resize(64, 0);
    }

    #[inline]
    fn put(&mut self, row: usize, value: &[u8], piece: Piece, start: u32, payload: &[u8], text: &mut Vec<u8>) {
        if self.unique {
            if self.spans.len() <= row {
                self.spans.resize(row, Span::ABSENT);
                self.spans.push(kept(value, piece, start, text));
            }
            return;
        }
        if self.codes.len() > row {
            // A name that stands twice in one record: the first counts.
            return;
        }
        self.codes.resize(row, 0);
        self.seen += 1;
        let repeated = self.last != 0 && same(self.entry(self.last, payload, text), value);
        if !repeated {
            self.last = self.code(value, piece, start, payload, text);
        }
        self.codes.push(self.last);
        if !repeated && self.is_unique() {
            self.make_unique();
        }
    }

    #[inline]
    fn is_unique(&self) -> bool {
        (self.seen >= UNIQUE_AFTER && self.dictionary.len() * 2 > self.seen as usize)
            || self.dictionary.len() >= CODE_MAX
    }

    #[inline]
    fn entry<'a>(&self, code: u16, payload: &'a [u8], text: &'a [u8]) -> &'a [u8] {
        bytes_of(self.dictionary[usize::from(code) - 1], payload, text)
    }

    /// The code of a value, new or known.
    fn code(&mut self, value: &[u8], piece: Piece, start: u32, payload: &[u8], text: &mut Vec<u8>) -> u16 {
        let hash = hash(value) | 1 << 63;
        let tag = hash & !0xffff;
        let mask = self.table.len() - 1;
        let mut slot = (hash >> 16) as usize & mask;
        while self.table[slot] != 0 {
            if self.table[slot] & !0xffff == tag {
                let code = self.table[slot] as u16;
                if same(self.entry(code, payload, text), value) {
                    return code;
                }
            }
            slot = (slot + 1) & mask;
        }
        self.dictionary.push(kept(value, piece, start, text));
        let code = self.dictionary.len() as u16;
        self.table[slot] = tag | u64::from(code);
        if self.dictionary.len() * 2 > self.table.len() {
            self.grow();
        }
        code
    }

    #[inline(never)]
    fn grow(&mut self) {
        let len = self.table.len() * 4;
        let old = std::mem::replace(&mut self.table, vec![0; len]);
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            let mut slot = (entry >> 16) as usize & (len - 1);
            while self.table[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.table[slot] = entry;
        }
    }

    #[inline(never)]
    fn make_unique(&mut self) {
        self.unique = true;
        let dictionary = &self.dictionary;
        self.spans.extend(self.codes.iter().map(|code| match code {
            0 => Span::ABSENT,
            code => dictionary[usize::from(*code) - 1],
        }));
    }

    fn finish(&mut self, rows: usize) -> Column {
        let values = if self.unique {
            self.spans.resize(rows, Span::ABSENT);
            Values::Unique(std::mem::take(&mut self.spans))
        } else {
            self.codes.resize(rows, 0);
            Values::Coded { dictionary: std::mem::take(&mut self.dictionary), codes: std::mem::take(&mut self.codes) }
        };
        Column { name: Arc::clone(&self.name), values }
    }
}

/// A value where it will be found: in the payload, or copied into the batch's text.
#[inline]
fn kept(value: &[u8], piece: Piece, start: u32, text: &mut Vec<u8>) -> Span {
    if piece.in_text() {
        let at = text.len() as u32;
        text.extend_from_slice(value);
        Span::text(at, piece.len() as u32)
    } else {
        Span::payload(start + piece.start() as u32, piece.len() as u32)
    }
}

#[inline]
fn bytes_of<'a>(span: Span, payload: &'a [u8], text: &'a [u8]) -> &'a [u8] {
    const IN_TEXT: u32 = 1 << 31;
    let from = if span.len_bits & IN_TEXT == 0 { payload } else { text };
    &from[span.start as usize..(span.start + (span.len_bits & !IN_TEXT)) as usize]
}

/// Whether two values are equal; short ones without a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0 => true,
        1..4 => a[0] == b[0] && a[a.len() / 2] == b[b.len() / 2] && a[a.len() - 1] == b[b.len() - 1],
        4..8 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}

/// Eight bytes at a time; good enough for a table that compares.
#[inline]
fn hash(value: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(K);
    let mut hash = (value.len() as u64).wrapping_mul(K);
    let (chunks, rest) = value.as_chunks::<8>();
    for chunk in chunks {
        hash = mix(hash, u64::from_le_bytes(*chunk));
    }
    // What is left: the last eight bytes once more, or all there are.
    let last = match value.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    hash = mix(hash, last);
    hash ^ hash >> 29
}
