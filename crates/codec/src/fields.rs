//! What one line says: the scratch that every format fills, and that both `parse` and `fields` read.
//!
//! Decision: a line is scanned into this first and committed afterwards, so a format that gives up halfway leaves
//! nothing behind, and query time sees exactly what the store saw.

use model::Level;

use crate::names::{self, Key, Names, Slot};
use crate::time::Stamp;

/// A piece of the line, or of the scratch text. One word, because thousands of them travel through registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece(u64);

const IN_TEXT: u64 = 1 << 63;

impl Piece {
    pub const fn start(self) -> usize {
        self.0 as u32 as usize
    }

    pub const fn len(self) -> usize {
        ((self.0 & !IN_TEXT) >> 32) as usize
    }

    pub const fn in_text(self) -> bool {
        self.0 & IN_TEXT != 0
    }

    const fn range(self) -> std::ops::Range<usize> {
        self.start()..self.start() + self.len()
    }
}

/// A field of the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub slot: Slot,
    pub value: Piece,
}

/// Everything found in one line.
#[derive(Default)]
pub(crate) struct Fields {
    pub items: Vec<Item>,
    /// What does not stand verbatim in the line.
    pub text: Vec<u8>,
    pub names: Names,
    /// The names of this line that have no number of their own, whole.
    spelled: Vec<Piece>,
    pub time: Option<Stamp>,
    pub level: Level,
    /// How good the names were under which time and level were found; lower is better.
    pub time_rank: u8,
    pub level_rank: u8,
    /// Nobody asks for time and level: names are not looked at for what they mean.
    pub fields_only: bool,
}

/// A piece of the line.
#[inline]
pub(crate) const fn piece(start: usize, end: usize) -> Piece {
    Piece(start as u32 as u64 | (((end - start) as u64) << 32))
}

impl Fields {
    /// For many lines: with room to number the names met.
    pub fn with_names() -> Self {
        Self { names: Names::with_room(), ..Self::default() }
    }

    /// For a line now and then, of which only fields are asked.
    pub fn for_one_line() -> Self {
        let (items, spelled) = (Vec::with_capacity(24), Vec::with_capacity(24));
        Self { items, spelled, fields_only: true, ..Self::default() }
    }

    pub fn clear(&mut self) {
        self.items.clear();
        self.text.clear();
        self.spelled.clear();
        self.time = None;
        self.level = Level::Unknown;
        self.time_rank = u8::MAX;
        self.level_rank = u8::MAX;
    }

    /// A field that stands in the line at `start..end`.
    #[inline]
    pub fn push(&mut self, key: Key, start: usize, end: usize) {
        self.items.push(Item { slot: key as Slot, value: piece(start, end) });
    }

    /// As [`Fields::push`], unless it is empty or the `-` that says "nothing".
    #[inline]
    pub fn push_some(&mut self, key: Key, line: &[u8], start: usize, end: usize) {
        if start < end && !(end - start == 1 && line[start] == b'-') {
            self.push(key, start, end);
        }
    }

    /// A value that does not stand in the line.
    pub fn push_text(&mut self, key: Key, value: &[u8]) {
        let from = self.text.len();
        self.text.extend_from_slice(value);
        self.items.push(Item { slot: key as Slot, value: self.text_from(from) });
    }

    /// A field whose name was met in the line.
    #[inline]
    pub fn push_met(&mut self, slot: Slot, value: Piece) {
        self.items.push(Item { slot, value });
    }

    /// What was appended to the scratch text since it was `start` long.
    #[inline]
    pub fn text_from(&self, start: usize) -> Piece {
        Piece(piece(start, self.text.len()).0 | IN_TEXT)
    }

    /// The bytes of a piece.
    #[inline]
    pub fn bytes<'a>(&'a self, line: &'a [u8], piece: Piece) -> &'a [u8] {
        let from: &[u8] = if piece.in_text() { &self.text } else { line };
        &from[piece.range()]
    }

    /// The whole name that a slot stands for.
    pub fn name<'a>(&'a self, line: &'a [u8], slot: Slot) -> &'a [u8] {
        match slot.checked_sub(names::SPELLED) {
            None => self.names.full(slot),
            Some(n) => self.spelled.get(usize::from(n)).map_or(&[], |name| self.bytes(line, *name)),
        }
    }

    /// The name `key` within `parent`: numbered where there is room, else spelled out for this line.
    #[inline(never)]
    pub fn meet(&mut self, line: &[u8], parent: Slot, key: Piece) -> Slot {
        if names::is_numbered(parent) || parent == names::ROOT {
            let bytes = if key.in_text() { &self.text[key.range()] } else { &line[key.range()] };
            if let Some(slot) = self.names.number(parent, bytes) {
                return slot;
            }
        }
        let name = if parent == names::ROOT { key } else { self.spell(line, parent, key) };
        if self.spelled.len() == names::SPELLED_MAX {
            return names::NONE;
        }
        self.spelled.push(name);
        names::SPELLED + (self.spelled.len() - 1) as Slot
    }

    /// The whole name, put together in the scratch text.
    fn spell(&mut self, line: &[u8], parent: Slot, key: Piece) -> Piece {
        let mut name = self.name(line, parent).to_vec();
        name.push(b'.');
        name.extend_from_slice(self.bytes(line, key));
        let from = self.text.len();
        self.text.extend_from_slice(&name);
        self.text_from(from)
    }
}
