//! Columns of a batch, built row by row without allocation per value.
//!
//! Decision: a numbered name leads to its column by one look into an array, and a value is compared with the one
//! before it first. A column whose values hardly repeat stops looking for repetitions after a while and keeps one
//! span per record.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Column, Span, SpareField, Values};

use crate::fields::{Fields, Item, Piece};
use crate::names::{self, FIXED_LEN, NAMES_MAX};

/// Further fields of a batch get no column and are kept one by one.
pub(crate) const COLUMNS_MAX: usize = 64;
/// One field without a column for so many bytes of a batch; further ones can only be read from their lines.
const SPARE_EACH: usize = 16;
/// So many values are seen before a column may be called unique.
const UNIQUE_AFTER: u32 = 128;
/// Names kept between batches, as columns have them.
const KEPT_NAMES_MAX: usize = 1024;
/// Not looked for yet.
const NO_COLUMN: u16 = u16::MAX;
/// Looked for: there was no room.
const FULL: u16 = u16::MAX - 1;
/// Slots of a column's table at first.
const TABLE_LEN: usize = 256;
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
    spare: Vec<SpareField>,
    /// The names without a column, each with the last row that had it.
    spare_names: HashMap<Arc<str>, u32>,
}

struct Building {
    name: Arc<str>,
    /// Whether one span per record is kept instead of codes.
    unique: bool,
    dictionary: Vec<Span>,
    /// What each value of the dictionary is compared by.
    keys: Vec<Key>,
    codes: Vec<u16>,
    spans: Vec<Span>,
    seen: u32,
    /// Open addressing over the dictionary: codes; 0 where empty.
    table: Vec<u16>,
}

/// A value in a form that compares and hashes without branches: all of it, if it has at most sixteen bytes; of a
/// longer one a hash, and then its bytes are compared too.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    low: u64,
    high: u64,
    len: u32,
}

impl Builder {
    pub fn begin(&mut self) {
        self.used = 0;
        self.text = Vec::new();
        self.by_slot.clear();
        self.by_slot.resize(FIXED_LEN + NAMES_MAX, NO_COLUMN);
        self.spare = Vec::new();
        self.spare_names.clear();
    }

    /// Adds the fields of a record as row `row`. `start` is where its line begins in the payload.
    pub fn add(&mut self, row: usize, line: &[u8], start: u32, fields: &Fields, payload: &[u8]) {
        for item in &fields.items {
            let mut index = self.by_slot.get(usize::from(item.slot)).copied().unwrap_or(NO_COLUMN);
            if index >= FULL {
                if index == NO_COLUMN {
                    index = self.column(fields.name(line, item.slot)).unwrap_or(FULL);
                    if names::is_numbered(item.slot) {
                        self.by_slot[usize::from(item.slot)] = index;
                    }
                }
                if index == FULL {
                    self.keep_spare(row as u32, line, start, fields, *item, payload.len() / SPARE_EACH);
                    continue;
                }
            }
            let value = fields.bytes(line, item.value);
            self.columns[usize::from(index)].put(row, value, item.value, start, payload, &mut self.text);
        }
    }

    /// Keeps a field that has no column.
    #[inline(never)]
    fn keep_spare(&mut self, row: u32, line: &[u8], start: u32, fields: &Fields, item: Item, most: usize) {
        let Ok(name) = std::str::from_utf8(fields.name(line, item.slot)) else { return };
        if name.is_empty() || self.spare.len() >= most {
            return;
        }
        let name = match self.spare_names.get_key_value(name) {
            // A name that stands twice in one record: the first counts.
            Some((_, last)) if *last == row => return,
            Some((known, _)) => Arc::clone(known),
            None => name.into(),
        };
        self.spare_names.insert(Arc::clone(&name), row);
        let value = kept(fields.bytes(line, item.value), item.value, start, &mut self.text);
        self.spare.push(SpareField { row, name, value });
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

    /// The columns over `rows` records, the fields beyond them, and the text that some values stand in.
    pub fn finish(&mut self, rows: usize) -> (Vec<Column>, Vec<SpareField>, Vec<u8>) {
        let columns = self.columns[..self.used].iter_mut().map(|column| column.finish(rows)).collect();
        (columns, std::mem::take(&mut self.spare), std::mem::take(&mut self.text))
    }
}

impl Building {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            unique: false,
            dictionary: Vec::new(),
            keys: Vec::new(),
            codes: Vec::new(),
            spans: Vec::new(),
            seen: 0,
            table: vec![0; TABLE_LEN],
        }
    }

    fn reset(&mut self, name: Arc<str>) {
        self.name = name;
        self.unique = false;
        self.dictionary.clear();
        self.keys.clear();
        self.codes.clear();
        self.spans.clear();
        self.seen = 0;
        self.table.clear();
        self.table.resize(TABLE_LEN, 0);
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
        let key = if piece.in_text() {
            Key::at(&[], 0, value)
        } else {
            Key::at(payload, start as usize + piece.start(), value)
        };
        let mask = self.table.len() - 1;
        let mut slot = key.hash() as usize & mask;
        loop {
            let code = self.table[slot];
            if code == 0 {
                return self.add(slot, key, kept(value, piece, start, text));
            }
            let known = usize::from(code) - 1;
            if self.keys[known] == key && (key.len <= 16 || bytes_of(self.dictionary[known], payload, text) == value) {
                self.codes.push(code);
                return;
            }
            slot = (slot + 1) & mask;
        }
    }

    /// A value met for the first time.
    #[inline(never)]
    fn add(&mut self, slot: usize, key: Key, span: Span) {
        self.dictionary.push(span);
        self.keys.push(key);
        let code = self.dictionary.len() as u16;
        self.table[slot] = code;
        self.codes.push(code);
        let distinct = self.dictionary.len();
        if (self.seen >= UNIQUE_AFTER && distinct * 2 > self.seen as usize) || distinct >= CODE_MAX {
            self.make_unique();
        } else if distinct * 4 > self.table.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let len = self.table.len() * 4;
        self.table.clear();
        self.table.resize(len, 0);
        for (n, key) in self.keys.iter().enumerate() {
            let mut slot = key.hash() as usize & (len - 1);
            while self.table[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.table[slot] = n as u16 + 1;
        }
    }

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

impl Key {
    /// Of a value that stands at `at` in `from`: short ones are read whole, with what follows masked away.
    #[inline]
    fn at(from: &[u8], at: usize, value: &[u8]) -> Self {
        let (low, high) = match from.get(at..).and_then(<[u8]>::first_chunk::<16>) {
            Some(chunk) if value.len() <= 16 => {
                let word = u128::from_le_bytes(*chunk) & MASKS[value.len()];
                (word as u64, (word >> 64) as u64)
            }
            _ => words(value),
        };
        Self { low, high, len: value.len() as u32 }
    }

    #[inline]
    const fn hash(self) -> u64 {
        let hash = mix(mix(self.low, self.high), self.len as u64);
        hash ^ hash >> 32
    }
}

/// Which bytes of sixteen belong to a value of so many.
const MASKS: [u128; 17] = {
    let mut masks = [u128::MAX; 17];
    let mut len = 0;
    while len < 16 {
        masks[len] = (1 << (8 * len)) - 1;
        len += 1;
    }
    masks
};

/// A value as two words: all of it, or a hash. (A pair, because it comes back in registers.)
#[inline(never)]
fn words(value: &[u8]) -> (u64, u64) {
    if value.len() > 16 {
        return (hash_long(value), 0);
    }
    let word = value.iter().rev().fold(0u128, |word, byte| word << 8 | u128::from(*byte));
    (word as u64, (word >> 64) as u64)
}

/// A hash of more than sixteen bytes, in two lanes so that multiplications overlap.
fn hash_long(value: &[u8]) -> u64 {
    let (mut one, mut other) = (0x9e37_79b9_7f4a_7c15u64, value.len() as u64);
    let (chunks, rest) = value.as_chunks::<32>();
    for chunk in chunks {
        let word = |n: usize| u64::from_le_bytes(std::array::from_fn(|at| chunk[8 * n + at]));
        one = fold(one ^ word(0), word(1) ^ 0xa076_1d64_78bd_642f);
        other = fold(other ^ word(2), word(3) ^ 0xe703_7ed1_a0b4_28db);
    }
    if rest.len() > 16
        && let Some(chunk) = rest.first_chunk::<16>()
    {
        let word = u128::from_le_bytes(*chunk);
        one = fold(one ^ word as u64, (word >> 64) as u64 ^ 0xa076_1d64_78bd_642f);
    }
    let last = value.last_chunk::<16>().map_or(0, |chunk| u128::from_le_bytes(*chunk));
    fold(one ^ last as u64, other ^ (last >> 64) as u64)
}

/// Both halves of the product.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

#[inline]
const fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
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
