//! A record of a parsed batch, as queries and answers see it.

use std::borrow::Cow;

use base::Timestamp;
use model::{Format, Level, Marks, ParsedBatch, Record, RecordId};

use crate::Hit;
use crate::query::RecordView;

/// Record number `row` of a batch.
#[derive(Clone, Copy)]
pub struct BatchRow<'a> {
    batch: &'a ParsedBatch,
    record: &'a Record,
    row: usize,
}

impl<'a> BatchRow<'a> {
    /// Of a batch. `row` must be less than its records.
    pub fn new(batch: &'a ParsedBatch, row: usize) -> Self {
        Self { batch, record: &batch.records[row], row }
    }

    /// The record.
    pub const fn record(&self) -> &'a Record {
        self.record
    }

    /// As an answer holds it.
    pub fn hit(&self) -> Hit {
        let header = &self.batch.header;
        Hit {
            id: self.id(),
            time: self.record.time,
            stream: header.stream.to_string(),
            host: header.host.to_string(),
            path: header.path.to_string(),
            level: self.record.level,
            format: self.record.format,
            marks: self.record.marks,
            line: self.batch.line(self.record).to_vec(),
            size: self.record.size,
            fields: self.batch.fields(self.row).map(|(name, value)| (name.to_owned(), value.to_vec())).collect(),
        }
    }
}

impl RecordView for BatchRow<'_> {
    fn line(&self) -> &[u8] {
        self.batch.line(self.record)
    }

    fn id(&self) -> RecordId {
        self.batch.id(self.record)
    }

    fn time(&self) -> Timestamp {
        self.record.time
    }

    fn level(&self) -> Level {
        self.record.level
    }

    fn format(&self) -> Format {
        self.record.format
    }

    fn marks(&self) -> Marks {
        self.record.marks
    }

    fn stream(&self) -> &str {
        &self.batch.header.stream
    }

    fn host(&self) -> &str {
        &self.batch.header.host
    }

    fn path(&self) -> &str {
        &self.batch.header.path
    }

    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.batch.field(self.row, name).map(Cow::Borrowed)
    }
}

impl RecordView for Hit {
    fn line(&self) -> &[u8] {
        &self.line
    }

    fn id(&self) -> RecordId {
        self.id
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn level(&self) -> Level {
        self.level
    }

    fn format(&self) -> Format {
        self.format
    }

    fn marks(&self) -> Marks {
        self.marks
    }

    fn stream(&self) -> &str {
        &self.stream
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| Cow::Borrowed(value.as_slice()))
    }
}
