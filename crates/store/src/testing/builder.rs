//! Parsed batches by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Intervals, Timestamp};
use bytes::Bytes;
use model::{
    BatchFlags, BatchHeader, Codec, Column, Format, Generation, Level, Marks, ParsedBatch, Partition, Place, Record,
    Revision, SourceId, SourceKey, Span, Values,
};

use crate::StoreBatch;

/// Builds a parsed batch record by record.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    key: SourceKey,
    start: u64,
    place: Place,
    stream: Arc<str>,
    host: Arc<str>,
    path: Arc<str>,
    payload: Vec<u8>,
    records: Vec<Record>,
    fields: Vec<Vec<(String, Vec<u8>)>>,
    dropped: Intervals,
}

impl BatchBuilder {
    /// A batch of a source that begins at `start`.
    pub fn new(source: u128, generation: u32, start: u64) -> Self {
        Self {
            key: SourceKey::new(SourceId(source), Generation(generation)),
            start,
            place: Place::default(),
            stream: "web".into(),
            host: "h1".into(),
            path: format!("/var/log/{}.log", source % 1000).into(),
            payload: Vec::new(),
            records: Vec::new(),
            fields: Vec::new(),
            dropped: Intervals::new(),
        }
    }

    /// Where it stands in the queue.
    #[must_use]
    pub fn place(mut self, partition: u32, offset: u64) -> Self {
        self.place = Place { partition: Partition(partition), offset };
        self
    }

    /// Its stream, host and path.
    #[must_use]
    pub fn origin(mut self, stream: &str, host: &str, path: &str) -> Self {
        (self.stream, self.host, self.path) = (stream.into(), host.into(), path.into());
        self
    }

    /// Where the next record begins.
    pub fn end(&self) -> u64 {
        self.start + self.payload.len() as u64
    }

    /// Adds a record with its newline.
    pub fn line(
        &mut self,
        line: &[u8],
        time: i64,
        level: Level,
        format: Format,
        fields: &[(&str, &[u8])],
    ) -> &mut Self {
        let start = self.payload.len() as u32;
        self.payload.extend_from_slice(line);
        self.payload.push(b'\n');
        self.records.push(Record {
            start,
            len: line.len() as u32,
            size: line.len() as u32 + 1,
            time: Timestamp::from_micros(time),
            level,
            format,
            marks: if format == Format::Unknown { Marks::UNPARSED } else { Marks::default() },
        });
        self.fields.push(fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect());
        self
    }

    /// Adds a record without fields.
    pub fn plain(&mut self, line: &[u8], time: i64) -> &mut Self {
        self.line(line, time, Level::Unknown, Format::Unknown, &[])
    }

    /// The last record has no newline.
    pub fn open(&mut self) -> &mut Self {
        if let Some(last) = self.records.last_mut().filter(|last| last.size > last.len) {
            last.size = last.len;
            last.marks = last.marks.with(Marks::OPEN);
            self.payload.pop();
        }
        self
    }

    /// So many bytes that a rule of the stream drops.
    pub fn drop_bytes(&mut self, len: usize) -> &mut Self {
        let start = self.end();
        self.payload.resize(self.payload.len() + len, b'#');
        self.dropped.insert(start, start + len as u64);
        self
    }

    /// The batch.
    pub fn build(&self) -> StoreBatch {
        let header = BatchHeader {
            key: self.key,
            start: self.start,
            end: self.end(),
            line_start: self.start,
            lines: self.records.len() as u32,
            records: self.records.len() as u32,
            flags: BatchFlags::default(),
            codec: Codec::None,
            payload_len: self.payload.len() as u32,
            payload_crc: 0,
            format: self.records.first().map_or(Format::Unknown, |record| record.format),
            utc_offset_secs: 0,
            read_at: Timestamp::from_micros(0),
            revision: Revision(1),
            stream: self.stream.clone(),
            host: self.host.clone(),
            path: self.path.clone(),
            continuations: Arc::from([]),
        };
        let (columns, text) = self.columns();
        let batch = ParsedBatch {
            header: Arc::new(header),
            payload: Bytes::from(self.payload.clone()),
            text,
            records: self.records.clone(),
            columns,
            spare: Vec::new(),
            dropped: self.dropped.clone(),
        };
        StoreBatch { place: self.place, batch: Arc::new(batch) }
    }

    /// Every other field as a dictionary, unless its values do not repeat; values stand in the payload where they can.
    fn columns(&self) -> (Vec<Column>, Vec<u8>) {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.fields.iter().flatten() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let mut text = Vec::new();
        let columns = names.into_iter().map(|name| Column { name: name.into(), values: self.values(name, &mut text) });
        (columns.collect(), text)
    }

    fn values(&self, name: &str, text: &mut Vec<u8>) -> Values {
        let mut distinct: BTreeMap<&[u8], u16> = BTreeMap::new();
        let mut spans = Vec::with_capacity(self.records.len());
        let (mut dictionary, mut codes) = (Vec::new(), Vec::new());
        for (record, fields) in self.records.iter().zip(&self.fields) {
            let Some((_, value)) = fields.iter().find(|(known, _)| known == name) else {
                spans.push(Span::ABSENT);
                codes.push(0);
                continue;
            };
            let span = self.span(record, value, text);
            let code = *distinct.entry(value).or_insert_with(|| {
                dictionary.push(span);
                dictionary.len() as u16
            });
            spans.push(span);
            codes.push(code);
        }
        let present = spans.iter().filter(|span| !span.is_absent()).count();
        if dictionary.len() * 2 <= present.max(2) { Values::Coded { dictionary, codes } } else { Values::Unique(spans) }
    }

    fn span(&self, record: &Record, value: &[u8], text: &mut Vec<u8>) -> Span {
        let line = &self.payload[record.start as usize..(record.start + record.len) as usize];
        let whole = |at: usize| {
            let edge = |at: usize| crate::query::is_edge(line, at);
            line[at..].starts_with(value) && edge(at) && edge(at + value.len())
        };
        match (0..=line.len()).find(|at| whole(*at)) {
            Some(at) => Span::payload(record.start + at as u32, value.len() as u32),
            None => {
                let start = text.len() as u32;
                text.extend_from_slice(value);
                Span::text(start, value.len() as u32)
            }
        }
    }
}
