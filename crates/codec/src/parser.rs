//! From a batch to records with time, level and fields.
//!
//! Decision: the format that the agent stamped on the batch is tried first; a line that is not so is looked at by
//! itself, and a line that is nothing known stays as it is, marked. So one odd line costs itself only.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use base::{Intervals, Timestamp};
use memchr::memchr;
use model::{Batch, BatchFlags, BatchHeader, Format, Level, Marks, ParsedBatch, Record};
use regex::bytes::RegexSet;

use crate::builder::Builder;
use crate::fields::{Fields, Piece};
use crate::{CodecError, access, decode_payload, errorlog, json, logfmt, scan, syslog, timestamped};

/// What is looked for in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParseMode {
    /// Whatever is recognised, the batch's format first.
    #[default]
    Auto,
    /// Nothing.
    None,
    /// This format only.
    Only(Format),
}

/// How the lines of a stream are parsed.
#[derive(Clone, Debug, Default)]
pub struct ParseRules {
    /// What is looked for.
    pub mode: ParseMode,
    /// What a time without a zone means, in seconds east of UTC; by default what the batch's header says.
    pub utc_offset_secs: Option<i32>,
    /// Records that match one of these are dropped (and accounted for).
    pub drop: Option<RegexSet>,
}

/// The largest range that a batch may have: spans count in 31 bits, and a bound is needed anyway.
const PAYLOAD_MAX: usize = 256 << 20;

/// So many fields of a line are compared with each other.
const FEW_FIELDS: usize = 64;

/// Parses batches. Keeps its scratch between them; one per worker thread.
pub struct Parser {
    fields: Fields,
    builder: Builder,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// With empty scratch.
    pub fn new() -> Self {
        Self { fields: Fields::with_names(), builder: Builder::default() }
    }

    /// The records of a batch: a pure function of the batch and the rules.
    ///
    /// # Errors
    /// [`CodecError`] where the payload is not what its header says. A line is never an error.
    pub fn parse(&mut self, batch: &Batch, rules: &ParseRules) -> Result<ParsedBatch, CodecError> {
        let payload = decode_payload(batch, PAYLOAD_MAX)?;
        let header = &*batch.header;
        let mut records = Vec::with_capacity(header.records.min(payload.len() as u32) as usize);
        let mut dropped = Intervals::default();
        self.builder.begin();
        self.fields.names.make_room();
        let mut continuations = &*header.continuations;
        let mut start = 0;
        while start < payload.len() {
            let end = record_end(&payload, start, &mut continuations);
            let size = (end - start) as u32;
            let len = size - u32::from(payload[end - 1] == b'\n');
            let line = &payload[start..start + len as usize];
            if rules.drop.as_ref().is_some_and(|drop| drop.is_match(line)) {
                dropped.insert(header.start + start as u64, header.start + end as u64);
            } else {
                let marks = position_marks(header, start, end);
                let (time, level, format, marks) = self.record(header, rules, line, marks);
                if !marks.has(Marks::UNPARSED) && !self.fields.items.is_empty() {
                    self.builder.add(records.len(), line, start as u32, &self.fields, &payload);
                }
                records.push(Record { start: start as u32, len, size, time, level, format, marks });
            }
            start = end;
        }
        let (columns, spare, text) = self.builder.finish(records.len());
        Ok(ParsedBatch { header: Arc::clone(&batch.header), payload, text, records, columns, spare, dropped })
    }

    /// One record; its fields are in the scratch afterwards.
    fn record(
        &mut self,
        header: &BatchHeader,
        rules: &ParseRules,
        line: &[u8],
        marks: Marks,
    ) -> (Timestamp, Level, Format, Marks) {
        let format = if marks.has(Marks::CONTINUES) {
            self.fields.clear();
            Format::Unknown
        } else {
            match rules.mode {
                ParseMode::None => Format::Plain,
                ParseMode::Only(only) => parse_as(only, line, false, &mut self.fields),
                ParseMode::Auto => recognise(header.format, line, &mut self.fields),
            }
        };
        let read_time = marks.with(Marks::TIME_IS_READ_TIME);
        match format {
            Format::Unknown => (header.read_at, Level::Unknown, format, read_time.with(Marks::UNPARSED)),
            Format::Plain => {
                self.fields.clear();
                (header.read_at, Level::Unknown, format, read_time)
            }
            _ => {
                let zone = rules.utc_offset_secs.unwrap_or(header.utc_offset_secs);
                let (time, marks) = match self.fields.time {
                    None => (header.read_at, read_time),
                    Some(stamp) => match stamp.resolve(zone, header.read_at) {
                        (time, true) => (time, marks.with(Marks::TIME_COMPLETED)),
                        (time, false) => (time, marks),
                    },
                };
                (time, self.fields.level, format, marks)
            }
        }
    }
}

/// Where the record that begins at `start` ends, its newline included. Takes what it joins from `continuations`.
#[inline]
fn record_end(payload: &[u8], start: usize, continuations: &mut &[u32]) -> usize {
    let mut end = start;
    loop {
        end = memchr(b'\n', &payload[end..]).map_or(payload.len(), |at| end + at + 1);
        while let [first, rest @ ..] = *continuations
            && (*first as usize) < end
        {
            *continuations = rest;
        }
        match *continuations {
            [first, rest @ ..] if *first as usize == end && end < payload.len() => *continuations = rest,
            _ => return end,
        }
    }
}

fn position_marks(header: &BatchHeader, start: usize, end: usize) -> Marks {
    let mut marks = Marks::default();
    if start == 0 && header.flags.has(BatchFlags::FIRST_CONTINUES) {
        marks = marks.with(Marks::CONTINUES);
    }
    if end as u64 == header.range_len() && header.flags.has(BatchFlags::LAST_IS_OPEN) {
        marks = marks.with(Marks::OPEN);
    }
    marks
}

/// Reads `line` as `format`; answers `format`, or `Unknown` where it is not that. `strict` is for lines whose format
/// nobody vouches for.
pub(crate) fn parse_as(format: Format, line: &[u8], strict: bool, out: &mut Fields) -> Format {
    out.clear();
    let line = scan::trim_newlines(line);
    let parsed = match format {
        Format::Plain => true,
        Format::Unknown => false,
        Format::Json => json::parse(line, out),
        Format::Logfmt => logfmt::parse(line, out),
        Format::Access => access::parse(line, out),
        Format::NginxError => errorlog::parse_nginx(line, out),
        Format::ApacheError => errorlog::parse_apache(line, out),
        Format::Syslog3164 => syslog::parse_3164(line, strict, out),
        Format::Syslog5424 => syslog::parse_5424(line, out),
        Format::Timestamped => timestamped::parse(line, out),
    };
    if parsed { format } else { Format::Unknown }
}

/// Reads `line` as the hint says, or else as whatever it is.
pub(crate) fn recognise(hint: Format, line: &[u8], out: &mut Fields) -> Format {
    if hint != Format::Unknown && parse_as(hint, line, false, out) == hint {
        return hint;
    }
    for &format in candidates(line) {
        if format != hint && parse_as(format, line, true, out) == format {
            return format;
        }
    }
    Format::Unknown
}

/// Which formats a line can have, by its first byte; the most telling first.
fn candidates(line: &[u8]) -> &'static [Format] {
    use Format::{Access, ApacheError, Json, Logfmt, NginxError, Syslog3164, Syslog5424, Timestamped};
    match line.first() {
        None => &[],
        Some(b'{') => &[Json],
        Some(b'<') => &[Syslog5424, Syslog3164],
        Some(b'[') => &[ApacheError, Timestamped],
        Some(b'0'..=b'9') => &[NginxError, Access, Syslog3164, Timestamped, Logfmt],
        Some(b' ' | b'\t') => &[Json, Timestamped],
        Some(b'A'..=b'Z') => &[Syslog3164, Timestamped, Access, Logfmt],
        Some(0x1b) => &[Timestamped],
        Some(_) => &[Logfmt, Access, Timestamped],
    }
}

/// Reads fields again from lines and formats alone: the same names and values as [`Parser::parse`] gives, also those
/// that got no column there. Keeps its scratch: for many lines.
pub struct FieldReader(Fields);

impl Default for FieldReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FieldReader {
    /// With empty scratch.
    pub fn new() -> Self {
        let mut fields = Fields::with_names();
        fields.fields_only = true;
        Self(fields)
    }

    /// Visits the fields of one line.
    pub fn fields<'a>(&mut self, format: Format, line: &'a [u8], visit: &mut dyn FnMut(&str, Cow<'a, [u8]>)) {
        self.0.names.make_room();
        visit_fields(&mut self.0, format, line, visit);
    }

    /// One field of a line.
    pub fn field<'a>(&mut self, format: Format, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
        self.0.names.make_room();
        find_field(&mut self.0, format, line, name)
    }
}

/// Visits the fields of one line; see [`FieldReader`].
pub fn fields<'a>(format: Format, line: &'a [u8], visit: &mut dyn FnMut(&str, Cow<'a, [u8]>)) {
    visit_fields(&mut Fields::for_one_line(), format, line, visit);
}

/// One field of a line; see [`FieldReader`].
pub fn field<'a>(format: Format, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    find_field(&mut Fields::for_one_line(), format, line, name)
}

fn visit_fields<'a>(found: &mut Fields, format: Format, line: &'a [u8], visit: &mut dyn FnMut(&str, Cow<'a, [u8]>)) {
    if parse_as(format, line, false, found) == Format::Unknown {
        return;
    }
    // A name that stands twice counts once: few are compared with each other, many need a set.
    let mut seen = HashSet::new();
    let few = found.items.len() <= FEW_FIELDS;
    for (n, item) in found.items.iter().enumerate() {
        let name = found.name(line, item.slot);
        let Ok(name_text) = std::str::from_utf8(name) else { continue };
        let again = match few {
            true => found.items[..n].iter().any(|earlier| found.name(line, earlier.slot) == name),
            false => !seen.insert(name),
        };
        if name.is_empty() || again {
            continue;
        }
        visit(name_text, value(found, line, item.value));
    }
}

fn find_field<'a>(found: &mut Fields, format: Format, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    if parse_as(format, line, false, found) == Format::Unknown {
        return None;
    }
    let item = found.items.iter().find(|item| found.name(line, item.slot) == name.as_bytes())?;
    Some(value(found, line, item.value))
}

fn value<'a>(found: &Fields, line: &'a [u8], piece: Piece) -> Cow<'a, [u8]> {
    if piece.in_text() {
        Cow::Owned(found.bytes(line, piece).to_vec())
    } else {
        Cow::Borrowed(&line[piece.start()..piece.start() + piece.len()])
    }
}
