//! A batch after parsing: records with time and level, and their fields as columns.
//!
//! Columns, because that is what a store wants: a value that repeats is written once per batch and named by a small
//! number in each record. Values point into the payload; only what had to be unescaped is copied.

use std::sync::Arc;

use base::{Intervals, Timestamp};
use bytes::Bytes;

use crate::{BatchHeader, Format, Level, RecordId};

/// What is to be known about a record besides its content. Bits are persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks(pub u8);

impl Marks {
    /// No time was found in it: its time is when it was read.
    pub const TIME_IS_READ_TIME: Self = Self(1);
    /// Its time had no year or no zone, which were completed by the stated rule.
    pub const TIME_COMPLETED: Self = Self(2);
    /// It did not parse in the format of its source (or any other); it has no fields.
    pub const UNPARSED: Self = Self(4);
    /// It continues the record that ends where it begins (a split line, or a late end of a last line).
    pub const CONTINUES: Self = Self(8);
    /// It has no newline at its end: a record that begins where it ends continues it.
    pub const OPEN: Self = Self(16);

    /// The bits with their names in answers.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::TIME_IS_READ_TIME, "time_is_read_time"),
        (Self::TIME_COMPLETED, "time_completed"),
        (Self::UNPARSED, "unparsed"),
        (Self::CONTINUES, "continues"),
        (Self::OPEN, "open"),
    ];

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set too.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One record of a parsed batch. Offsets are within the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// First byte.
    pub start: u32,
    /// Length in bytes without the newline at its end (a carriage return before it belongs to the line).
    pub len: u32,
    /// Length in bytes with the newline, if it has one: what it takes up in the file.
    pub size: u32,
    /// When it happened.
    pub time: Timestamp,
    /// How serious it is.
    pub level: Level,
    /// The format in which it parsed; `Unknown` where it did not.
    pub format: Format,
    /// What else is to be known.
    pub marks: Marks,
}

/// A piece of the payload, or of [`ParsedBatch::text`] where the highest bit of `len_bits` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Length, and the bit that says where.
    pub len_bits: u32,
}

const IN_TEXT: u32 = 1 << 31;

impl Span {
    /// There is no value.
    pub const ABSENT: Self = Self { start: u32::MAX, len_bits: u32::MAX };

    /// A piece of the payload.
    pub const fn payload(start: u32, len: u32) -> Self {
        Self { start, len_bits: len }
    }

    /// A piece of the batch's own text.
    pub const fn text(start: u32, len: u32) -> Self {
        Self { start, len_bits: len | IN_TEXT }
    }

    /// Whether there is no value.
    pub const fn is_absent(self) -> bool {
        self.start == u32::MAX
    }

    const fn len(self) -> usize {
        (self.len_bits & !IN_TEXT) as usize
    }
}

/// The values of one field over the records of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field's name; nested names are joined with dots.
    pub name: Arc<str>,
    /// Its values.
    pub values: Values,
}

/// How the values of a field are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Values that repeat. One code per record: 0 is "absent", `n` is `dictionary[n - 1]`.
    Coded {
        /// The distinct values, in the order of their first appearance.
        dictionary: Vec<Span>,
        /// One per record.
        codes: Vec<u16>,
    },
    /// Values that hardly repeat (ids, durations): one span per record.
    Unique(Vec<Span>),
}

/// A field of one record that found no column: a batch has so many columns only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpareField {
    /// Number of the record.
    pub row: u32,
    /// The field's name; no column has it.
    pub name: Arc<str>,
    /// Its value.
    pub value: Span,
}

/// A batch after parsing: a pure function of its header, its payload and the stream's revision.
#[derive(Clone, Debug)]
pub struct ParsedBatch {
    /// What it is.
    pub header: Arc<BatchHeader>,
    /// The verbatim range, decompressed.
    pub payload: Bytes,
    /// Values that do not stand verbatim in the payload.
    pub text: Vec<u8>,
    /// The records that are kept, in the order of the file.
    pub records: Vec<Record>,
    /// Their fields. Names are distinct.
    pub columns: Vec<Column>,
    /// The fields beyond the columns, by record. Bounded: what is beyond this too is only in the lines.
    pub spare: Vec<SpareField>,
    /// Ranges of the source that a rule of the stream drops.
    pub dropped: Intervals,
}

impl ParsedBatch {
    /// The bytes of a record, without its newline.
    pub fn line(&self, record: &Record) -> &[u8] {
        &self.payload[record.start as usize..(record.start + record.len) as usize]
    }

    /// The identity of a record.
    pub fn id(&self, record: &Record) -> RecordId {
        RecordId { key: self.header.key, offset: self.header.start + u64::from(record.start) }
    }

    /// The bytes of a value; `None` where there is none.
    pub fn bytes(&self, span: Span) -> Option<&[u8]> {
        if span.is_absent() {
            return None;
        }
        let from: &[u8] = if span.len_bits & IN_TEXT == 0 { &self.payload } else { &self.text };
        from.get(span.start as usize..span.start as usize + span.len())
    }

    /// The value of a column in record number `row`.
    pub fn value(&self, column: &Column, row: usize) -> Option<&[u8]> {
        match &column.values {
            Values::Coded { dictionary, codes } => match codes[row] {
                0 => None,
                code => self.bytes(dictionary[usize::from(code) - 1]),
            },
            Values::Unique(spans) => self.bytes(spans[row]),
        }
    }

    /// The fields of record number `row` that have a value, in the order of the columns.
    pub fn fields(&self, row: usize) -> impl Iterator<Item = (&str, &[u8])> {
        let columns = self.columns.iter().filter_map(move |column| Some((&*column.name, self.value(column, row)?)));
        let spare = self.spare_of(row).iter();
        columns.chain(spare.filter_map(|field| Some((&*field.name, self.bytes(field.value)?))))
    }

    /// The field of that name of record number `row`.
    pub fn field(&self, row: usize, name: &str) -> Option<&[u8]> {
        if let Some(column) = self.columns.iter().find(|column| *column.name == *name) {
            return self.value(column, row);
        }
        self.bytes(self.spare_of(row).iter().find(|field| *field.name == *name)?.value)
    }

    /// The fields of record number `row` that have no column.
    fn spare_of(&self, row: usize) -> &[SpareField] {
        let from = self.spare.partition_point(|field| (field.row as usize) < row);
        let len = self.spare[from..].iter().take_while(|field| field.row as usize == row).count();
        &self.spare[from..from + len]
    }
}
