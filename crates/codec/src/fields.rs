//! What one line says: the scratch that every format fills, and that both `parse` and `fields` read.
//!
//! Decision: a line is scanned into this first and committed afterwards, so a format that gives up halfway leaves
//! nothing behind, and query time sees exactly what the store saw.

use model::Level;

use crate::time::Stamp;

/// A piece of the line, or of the scratch text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub start: u32,
    pub len: u32,
    pub in_text: bool,
}

/// The name of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// Of a format with fixed fields.
    Fixed(&'static str),
    /// As it stands in the line, or in the scratch text.
    Piece(Piece),
}

/// A field of the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub name: Name,
    pub value: Piece,
}

/// Everything found in one line.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub items: Vec<Item>,
    /// What does not stand verbatim in the line.
    pub text: Vec<u8>,
    pub time: Option<Stamp>,
    pub level: Level,
    /// How good the names were under which time and level were found; lower is better.
    pub time_rank: u8,
    pub level_rank: u8,
}

/// A piece of the line.
pub(crate) const fn piece(start: usize, end: usize) -> Piece {
    Piece { start: start as u32, len: (end - start) as u32, in_text: false }
}

impl Fields {
    pub fn clear(&mut self) {
        self.items.clear();
        self.text.clear();
        self.time = None;
        self.level = Level::Unknown;
        self.time_rank = u8::MAX;
        self.level_rank = u8::MAX;
    }

    /// A field that stands in the line at `start..end`.
    #[inline]
    pub fn push(&mut self, name: &'static str, start: usize, end: usize) {
        self.items.push(Item { name: Name::Fixed(name), value: piece(start, end) });
    }

    /// As [`Fields::push`], unless it is empty or the `-` that says "nothing".
    #[inline]
    pub fn push_some(&mut self, name: &'static str, line: &[u8], start: usize, end: usize) {
        if start < end && !(end - start == 1 && line[start] == b'-') {
            self.push(name, start, end);
        }
    }

    /// A value that does not stand in the line.
    pub fn push_text(&mut self, name: &'static str, value: &[u8]) {
        let value = self.add_text(value);
        self.items.push(Item { name: Name::Fixed(name), value });
    }

    /// Appends to the scratch text.
    pub fn add_text(&mut self, value: &[u8]) -> Piece {
        let start = self.text.len();
        self.text.extend_from_slice(value);
        self.text_from(start)
    }

    /// What was appended to the scratch text since it was `start` long.
    pub fn text_from(&self, start: usize) -> Piece {
        Piece { start: start as u32, len: (self.text.len() - start) as u32, in_text: true }
    }

    /// The bytes of a piece.
    #[inline]
    pub fn bytes<'a>(&'a self, line: &'a [u8], piece: Piece) -> &'a [u8] {
        let from: &[u8] = if piece.in_text { &self.text } else { line };
        &from[piece.start as usize..(piece.start + piece.len) as usize]
    }

    /// The bytes of a name.
    #[inline]
    pub fn name<'a>(&'a self, line: &'a [u8], name: Name) -> &'a [u8] {
        match name {
            Name::Fixed(name) => name.as_bytes(),
            Name::Piece(piece) => self.bytes(line, piece),
        }
    }
}
