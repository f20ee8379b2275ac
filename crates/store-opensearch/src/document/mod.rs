//! A record as a document, and many of them as the body of a bulk.
//!
//! # The shape
//! | field | type | what |
//! |---|---|---|
//! | `_id` | | the record's id, `source.generation.offset`: a record written twice is one document |
//! | `@timestamp` | `date_nanos` | when, in microseconds, held within 1970 to 2262 |
//! | `message` | `text` | the line without its newline; tokens as in [`store::query`] |
//! | `host.name`, `log.file.path`, `log.level`, `event.dataset` | `keyword` | host, path, folded level (if any), stream |
//! | `log.offset` | `long` | where the record begins in its file |
//! | `fields.NAME` | `keyword` | the parsed fields |
//! | `numbers.NAME` | `double` | those of them that are numbers, for ranges |
//! | `logdrive.time` | `long` | the exact time in microseconds; with the three below the total order of answers |
//! | `logdrive.source`, `.generation`, `.size` | `keyword`, `long` | identity; bytes with the newline, for the audit |
//! | `logdrive.format`, `.marks` | `keyword` | format it parsed in, and marks; absent where there are none |
//! | `logdrive.raw` | not indexed | base64 of what JSON or the index cannot hold, so that everything is read back exactly |
//! | `logdrive.raw_names` | `keyword` | the names of the fields in there |
//!
//! # No conflict of types
//! A field that is a number in one service and text in another, or an object in one and a value in another, is the
//! usual cause of lost documents. Here every field is a keyword, and a name is one level deep: its dots become slashes
//! (`http.status` is `fields.http/status`), so `error` and `error.code` live side by side. What else would upset a
//! mapping (`/`, `%`, `*`, names of nothing but space) is written `%2F` and so on. Values that a keyword cannot hold
//! (longer than 8 KiB, not UTF-8) are kept in `logdrive.raw`; the search finds them all the same.

mod names;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Column, Format, Level, Marks, ParsedBatch, Record, Span, Values};
use store::Refusal;
use store::query::any_number;

pub use names::{field_name, original_name, raw_name};

use crate::naming::Naming;
use crate::text::{self, Clock};

/// Bytes of a field's value that are indexed, at most: a keyword takes 32 KiB of UTF-8.
const VALUE_BYTES_MAX: usize = 8191;
/// A bulk of one index, ready to be sent.
#[derive(Default)]
pub struct Bulk {
    /// Which index.
    pub index: String,
    /// An action and a document for each item, each with its newline.
    pub body: Vec<u8>,
    /// Whose these are.
    pub items: Vec<Item>,
}

/// A document of a bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which of the batches given.
    pub batch: usize,
    /// Which of its records.
    pub row: usize,
    /// Where it ends in the body.
    pub end: usize,
    /// Whether its fields are not indexed.
    pub bare: bool,
}

/// How big things may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A bulk.
    pub bulk_bytes: usize,
    /// A document.
    pub document_bytes: usize,
}

/// Bulks of some batches.
#[derive(Default)]
pub struct Built {
    /// Ready to be sent.
    pub bulks: Vec<Bulk>,
    /// What no server would take.
    pub refusals: Vec<Refusal>,
}

/// Builds the bulks of some batches, given with their numbers; `body` gives an empty body, best with so much
/// room.
pub fn build(
    batches: &[(usize, Arc<ParsedBatch>)],
    naming: &Naming,
    limits: Limits,
    body: impl Fn(usize) -> Vec<u8>,
) -> Built {
    let mut built = Built::default();
    let mut open: HashMap<String, Bulk> = HashMap::new();
    let room = batches.iter().map(|(_, batch)| batch.payload.len() * 4 + batch.records.len() * 64).sum::<usize>();
    let room = room.min(limits.bulk_bytes + (limits.bulk_bytes >> 3));
    for (number, batch) in batches {
        let mut documents = Documents::new(batch);
        let mut rows = 0..batch.records.len();
        while let Some(first) = rows.next() {
            let (name, until) = index_of(naming, batch, &batch.records[first]);
            let bulk = open.entry(name).or_insert_with_key(|name| Bulk {
                index: name.clone(),
                body: body(room),
                items: Vec::new(),
            });
            let mut row = first;
            loop {
                let start = bulk.body.len();
                documents.write(&mut bulk.body, row, Fields::Indexed);
                let len = bulk.body.len() - start;
                if len > limits.document_bytes {
                    bulk.body.truncate(start);
                    let reason = format!("the document would be {len} bytes, more than {}", limits.document_bytes);
                    built.refusals.push(Refusal { batch: *number, record: row, reason });
                } else {
                    bulk.items.push(Item { batch: *number, row, end: bulk.body.len(), bare: false });
                }
                if bulk.body.len() >= limits.bulk_bytes {
                    let next = Bulk { index: bulk.index.clone(), body: body(room), items: Vec::new() };
                    built.bulks.push(std::mem::replace(bulk, next));
                }
                // As long as records fall into the same index, nothing needs to be looked up.
                let same = batch.records.get(row + 1).is_some_and(|record| until.contains(&record.time.as_micros()));
                if !same {
                    break;
                }
                row = rows.next().unwrap_or(row);
            }
        }
    }
    built.bulks.extend(open.into_values().filter(|bulk| !bulk.items.is_empty()));
    built
}

/// The index of a record, and the times of which the records of its batch share it.
fn index_of(naming: &Naming, batch: &ParsedBatch, record: &Record) -> (String, std::ops::Range<i64>) {
    let name = naming.name(&batch.header.stream, &batch.header.host, record.time);
    let micros = text::within_nanos(record.time).as_micros();
    let span = naming.span_micros();
    let start = micros.div_euclid(span) * span;
    (name, if naming.is_dated() { start..start + span } else { i64::MIN..i64::MAX })
}

/// Where fields go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Below `fields` and `numbers`.
    Indexed,
    /// Into `logdrive.raw`, all of them: the index takes no more names.
    Raw,
}

/// The documents of a batch: all that its records share, written once.
pub struct Documents<'a> {
    batch: &'a ParsedBatch,
    payload: Option<&'a str>,
    text: Option<&'a str>,
    action: Vec<u8>,
    before_offset: Vec<u8>,
    before_time: Vec<u8>,
    columns: Vec<Prepared<'a>>,
    clock: Clock,
    /// The numbers of the record at hand.
    numbers: Vec<u8>,
    /// Names and values of the record at hand that go to `raw`.
    raw: Vec<(&'a str, &'a [u8])>,
}

/// A column, with what its records share written once.
enum Prepared<'a> {
    /// One for each value of the dictionary.
    Coded(Vec<Value>, &'a [u16]),
    /// The name, ready to be written.
    Unique(Vec<u8>, &'a [Span]),
    /// Its name cannot stand in a mapping.
    Unfit,
}

/// A value of a dictionary.
enum Value {
    /// `"name":"value"` and, for a number, `"name":1`.
    Ready { field: Vec<u8>, number: Vec<u8> },
    /// It goes to `raw`.
    Raw,
}

impl<'a> Documents<'a> {
    /// Of a batch.
    pub fn new(batch: &'a ParsedBatch) -> Self {
        let header = &batch.header;
        let mut action = b"{\"create\":{\"_id\":\"".to_vec();
        action.extend_from_slice(format!("{}.", header.key).as_bytes());
        let mut before_offset = b"\",\"host\":{\"name\":\"".to_vec();
        text::escape(&mut before_offset, &header.host);
        before_offset.extend_from_slice(b"\"},\"event\":{\"dataset\":\"");
        text::escape(&mut before_offset, &header.stream);
        before_offset.extend_from_slice(b"\"},\"log\":{\"file\":{\"path\":\"");
        text::escape(&mut before_offset, &header.path);
        before_offset.extend_from_slice(b"\"},\"offset\":");
        let key = header.key;
        let before_time =
            format!("}},\"logdrive\":{{\"source\":\"{}\",\"generation\":{},\"time\":", key.source, key.generation);
        let mut documents = Self {
            batch,
            payload: std::str::from_utf8(&batch.payload).ok(),
            text: std::str::from_utf8(&batch.text).ok(),
            action,
            before_offset,
            before_time: before_time.into_bytes(),
            columns: Vec::new(),
            clock: Clock::default(),
            numbers: Vec::new(),
            raw: Vec::new(),
        };
        documents.columns = batch.columns.iter().map(|column| documents.prepared(column)).collect();
        documents
    }

    fn prepared(&self, column: &'a Column) -> Prepared<'a> {
        let Some(name) = field_name(&column.name) else { return Prepared::Unfit };
        let mut key = vec![b'"'];
        text::escape(&mut key, &name);
        key.extend_from_slice(b"\":");
        match &column.values {
            Values::Unique(spans) => Prepared::Unique(key, spans),
            Values::Coded { dictionary, codes } => {
                let value = |span: &Span| {
                    let Some(value) = self.fit(*span) else { return Value::Raw };
                    let (mut field, mut number) = (key.clone(), Vec::new());
                    quoted(&mut field, value);
                    push_number(&mut number, &key, value);
                    Value::Ready { field, number }
                };
                Prepared::Coded(dictionary.iter().map(value).collect(), codes)
            }
        }
    }

    /// A value as text, if a keyword can hold it.
    fn fit(&self, span: Span) -> Option<&'a str> {
        let bytes = self.batch.bytes(span)?;
        if bytes.len() > VALUE_BYTES_MAX { None } else { self.as_text(bytes) }
    }

    /// Bytes of the batch as text: it was looked at as a whole, so what is left is to see that no character is cut.
    fn as_text(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let within = |whole: Option<&'a str>| {
            let whole = whole?;
            let start = (bytes.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
            whole.get(start..start.checked_add(bytes.len())?)
        };
        within(self.payload).or_else(|| within(self.text)).or_else(|| std::str::from_utf8(bytes).ok())
    }

    /// Appends action and document of record number `row`.
    pub fn write(&mut self, out: &mut Vec<u8>, row: usize, fields: Fields) {
        let batch = self.batch;
        let record = &batch.records[row];
        let offset = batch.id(record).offset;
        let line = batch.line(record);
        let as_text = self.as_text(line);
        self.numbers.clear();
        self.raw.clear();
        out.extend_from_slice(&self.action);
        text::number(out, offset);
        out.extend_from_slice(b"\"}}\n{\"@timestamp\":\"");
        self.clock.write(out, record.time);
        out.extend_from_slice(b"\",\"message\":\"");
        match as_text {
            Some(line) => text::escape(out, line),
            None => text::escape(out, &String::from_utf8_lossy(line)),
        }
        out.extend_from_slice(&self.before_offset);
        text::number(out, offset);
        if record.level != Level::Unknown {
            out.extend_from_slice(b",\"level\":");
            quoted(out, record.level.name());
        }
        out.extend_from_slice(&self.before_time);
        write_record(out, record);
        // What belongs to `logdrive` has to wait for the fields, so it is closed only where it is known to be all.
        let close = out.len();
        out.push(b'}');
        self.fields(out, row, fields);
        if as_text.is_none() || !self.raw.is_empty() {
            let raw = self.raw(as_text.is_none().then_some(line));
            out.splice(close..close, raw);
        }
        out.extend_from_slice(b"}\n");
    }

    fn fields(&mut self, out: &mut Vec<u8>, row: usize, fields: Fields) {
        let batch = self.batch;
        if fields == Fields::Raw {
            self.raw.extend(batch.fields(row));
            return;
        }
        let start = out.len();
        out.extend_from_slice(b",\"fields\":{");
        let empty = out.len();
        for (column, prepared) in batch.columns.iter().zip(&self.columns) {
            match prepared {
                Prepared::Coded(values, codes) => match codes[row] {
                    0 => {}
                    code => match &values[usize::from(code) - 1] {
                        Value::Ready { field, number } => {
                            out.extend_from_slice(field);
                            out.push(b',');
                            self.numbers.extend_from_slice(number);
                        }
                        Value::Raw => self.raw.extend(batch.value(column, row).map(|value| (&*column.name, value))),
                    },
                },
                Prepared::Unique(_, spans) if spans[row].is_absent() => {}
                Prepared::Unique(key, spans) => match self.fit(spans[row]) {
                    Some(value) => {
                        out.extend_from_slice(key);
                        quoted(out, value);
                        out.push(b',');
                        push_number(&mut self.numbers, key, value);
                    }
                    None => self.raw.extend(batch.value(column, row).map(|value| (&*column.name, value))),
                },
                Prepared::Unfit => self.raw.extend(batch.value(column, row).map(|value| (&*column.name, value))),
            }
        }
        if !batch.spare.is_empty() {
            self.spare(out, row);
        }
        if out.len() == empty {
            out.truncate(start);
        } else if let Some(last) = out.last_mut() {
            *last = b'}';
        }
        if let Some(last) = self.numbers.last_mut() {
            *last = b'}';
            out.extend_from_slice(b",\"numbers\":{");
            out.extend_from_slice(&self.numbers);
        }
    }

    /// The fields that have no column.
    fn spare(&mut self, out: &mut Vec<u8>, row: usize) {
        let batch = self.batch;
        let from = batch.spare.partition_point(|field| (field.row as usize) < row);
        for field in batch.spare[from..].iter().take_while(|field| field.row as usize == row) {
            let Some(bytes) = batch.bytes(field.value) else { continue };
            match field_name(&field.name).zip(self.fit(field.value)) {
                Some((name, value)) => {
                    let mut key = Vec::with_capacity(name.len() + 8);
                    quoted(&mut key, &name);
                    key.push(b':');
                    out.extend_from_slice(&key);
                    quoted(out, value);
                    out.push(b',');
                    push_number(&mut self.numbers, &key, value);
                }
                None => self.raw.push((&field.name, bytes)),
            }
        }
    }

    /// What only base64 can hold.
    fn raw(&self, line: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.raw.is_empty() {
            out.extend_from_slice(b",\"raw_names\":[");
            for (name, _) in &self.raw {
                quoted(&mut out, raw_name(name));
                out.push(b',');
            }
            out.pop();
            out.push(b']');
        }
        out.extend_from_slice(b",\"raw\":{");
        if let Some(line) = line {
            out.extend_from_slice(b"\"line\":");
            quoted(&mut out, &STANDARD.encode(line));
            out.push(b',');
        }
        out.extend_from_slice(b"\"fields\":[");
        for (n, (name, value)) in self.raw.iter().enumerate() {
            out.extend_from_slice(if n == 0 { b"[" } else { b",[" });
            quoted(&mut out, name);
            out.push(b',');
            quoted(&mut out, &STANDARD.encode(value));
            out.push(b']');
        }
        out.extend_from_slice(b"]}");
        out
    }
}

fn write_record(out: &mut Vec<u8>, record: &Record) {
    text::signed(out, record.time.as_micros());
    out.extend_from_slice(b",\"size\":");
    text::number(out, u64::from(record.size));
    if record.format != Format::Unknown {
        out.extend_from_slice(b",\"format\":");
        quoted(out, record.format.name());
    }
    if record.marks != Marks::default() {
        out.extend_from_slice(b",\"marks\":[");
        for (_, name) in Marks::NAMES.iter().filter(|(mark, _)| record.marks.has(*mark)) {
            quoted(out, name);
            out.push(b',');
        }
        out.pop();
        out.push(b']');
    }
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    text::escape(out, text);
    out.push(b'"');
}

/// Appends `key` and the number that `value` is, if it is one, and a comma.
fn push_number(out: &mut Vec<u8>, key: &[u8], value: &str) {
    let bytes = value.as_bytes();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if !digits.first().is_some_and(|first| first.is_ascii_digit() || matches!(first, b'.' | b'+')) {
        return;
    }
    if is_plain(digits) {
        out.extend_from_slice(key);
        out.extend_from_slice(bytes);
        out.push(b',');
    } else if let Some(number) = any_number(bytes) {
        out.extend_from_slice(key);
        // Zero has one sign only in an index.
        let number = if number == 0.0 { 0.0 } else { number };
        out.extend_from_slice(serde_json::Value::from(number).to_string().as_bytes());
        out.push(b',');
    }
}

/// Whether digits are a number as JSON has it, too short to be infinite, and not zero: nothing to look at more closely.
fn is_plain(digits: &[u8]) -> bool {
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let fraction = match &digits[whole..] {
        [] => return digits[0] != b'0' && whole < 19,
        [b'.', fraction @ ..] if !fraction.is_empty() => fraction,
        _ => return false,
    };
    let leading = digits[0] == b'0';
    let some = !leading || fraction.iter().any(|byte| *byte != b'0');
    some && (whole == 1 || !leading) && digits.len() < 19 && whole > 0 && fraction.iter().all(u8::is_ascii_digit)
}
