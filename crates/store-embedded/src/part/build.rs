//! Makes a part and its sidecar, in memory, from rows in their planned order.

use std::ops::Range;
use std::sync::Arc;

use base::{Intervals, Timestamp};
use model::{Format, Level, SourceKey};
use parquet::errors::ParquetError;

use super::bloom::{self, TokenSet};
use super::columns::{FieldColumn, Interner};
use super::encode;
use super::index::{CodedAt, FIXED, FieldAt, Group, LinePage, PartIndex, StreamRun};
use super::plan::{Entry, PAGE_BYTES, PartPlan, page_len, split_evenly};
use super::rows::{Chunk, Origin, Row};
use super::schema;
use super::sidecar;
use super::sink::{Compressor, FileSink, GroupSink, LineSink};

/// Columns of parsed fields that a part has at most; further fields are read back from their lines.
const FIELD_COLUMNS_MAX: usize = 64;
/// Names of fields that a part knows at most.
const FIELD_NAMES_MAX: usize = 1024;
/// A field with at most so many distinct values in a row group is always worth a column...
const FEW_VALUES: u32 = 16;
/// ... and otherwise one whose values come so many times each on average.
const REPEATS_MIN: u32 = 4;
/// More distinct values are never worth one: codes of a chunk have 16 bits.
const DISTINCT_MAX: u32 = 60_000;

/// A part, ready to be written.
pub(crate) struct Built {
    pub day: i64,
    pub parquet: Vec<u8>,
    pub sidecar: Vec<u8>,
    /// Their lengths, once they are written.
    pub parquet_bytes: u64,
    pub sidecar_bytes: u64,
    pub rows: u64,
    pub line_bytes: u64,
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// What of each source is in it, with where that came from last.
    pub sources: Vec<(Origin, Intervals)>,
    /// For each field the rows that have it, and whether it is a column somewhere.
    pub fields: Vec<(Arc<str>, u64, bool)>,
}

/// What building keeps between parts.
pub(crate) struct Scratch {
    compressor: Option<Compressor>,
    /// What the last part was gathered in.
    file: Vec<u8>,
    level: i32,
    tokens: TokenSet,
    codes: Vec<u32>,
    values: Vec<u32>,
    present: Vec<u32>,
    page: Vec<u8>,
    /// For each value of a part its number in the row group + 1.
    local: Vec<u32>,
}

impl Scratch {
    /// For parts compressed with zstd at `level`.
    pub fn new(level: i32) -> Self {
        Self {
            compressor: None,
            file: Vec::new(),
            level,
            tokens: TokenSet::new(),
            codes: Vec::new(),
            values: Vec::new(),
            present: Vec::new(),
            page: Vec::new(),
            local: Vec::new(),
        }
    }

    /// Gives back what a part was gathered in, so that the next need not ask for memory.
    pub fn reuse(&mut self, mut file: Vec<u8>) {
        file.clear();
        self.file = file;
    }

    fn compressor(&mut self) -> Result<Compressor, ParquetError> {
        match self.compressor.take() {
            Some(compressor) => Ok(compressor),
            None => Compressor::new(self.level).map_err(|error| ParquetError::External(Box::new(error))),
        }
    }
}

/// Everything that the row groups of one part share.
struct Parts<'a, C> {
    chunks: &'a [C],
    origins: &'a [Origin],
    fields: &'a [FieldColumn<'a>],
    /// The fields that have a column in the schema.
    columns: Vec<usize>,
    attributes: Vec<Attribute>,
}

/// A fixed dictionary column that depends on where a row comes from.
struct Attribute {
    /// For each origin, which value.
    codes: Vec<u32>,
    values: Vec<Vec<u8>>,
}

/// Makes one part. `fields` are those of all `chunks`.
pub(crate) fn build<C: Chunk>(
    chunks: &[C],
    origins: &[Origin],
    fields: &[FieldColumn<'_>],
    plan: &PartPlan,
    scratch: &mut Scratch,
) -> Result<Built, ParquetError> {
    let columns = choose_columns(fields);
    let named = columns.iter().map(|n| (&*fields[*n].name, !fields[*n].interner.binary));
    let mut sink = FileSink::new(schema::schema(named)?, scratch.compressor()?, std::mem::take(&mut scratch.file))?;
    let parts = Parts { chunks, origins, fields, columns, attributes: attributes(origins) };
    let mut filters = sidecar::begin();
    let mut groups = Vec::with_capacity(plan.groups.len());
    for range in &plan.groups {
        groups.push(build_group(&parts, &plan.entries[range.clone()], &mut sink, scratch, &mut filters)?);
    }
    let (parquet, compressor) = sink.finish()?;
    scratch.compressor = Some(compressor);
    let names = fields.iter().take(FIELD_NAMES_MAX).map(|field| field.name.clone()).collect();
    let index = PartIndex { fields: names, groups };
    let built = Built {
        day: plan.day,
        parquet,
        parquet_bytes: 0,
        sidecar_bytes: 0,
        rows: plan.entries.len() as u64,
        line_bytes: index.groups.iter().map(|group| group.line_bytes).sum(),
        min_time: index.groups.iter().map(|group| group.min_time).min().unwrap_or_default(),
        max_time: index.groups.iter().map(|group| group.max_time).max().unwrap_or_default(),
        sources: sources(chunks, origins, &plan.entries),
        fields: field_counts(&index),
        sidecar: sidecar::finish(filters, &index),
    };
    Ok(built)
}

/// The fields worth a column, those of most rows first; in the order of their names.
fn choose_columns(fields: &[FieldColumn<'_>]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..fields.len().min(FIELD_NAMES_MAX)).filter(|n| fields[*n].coded).collect();
    if columns.len() > FIELD_COLUMNS_MAX {
        columns.sort_by_cached_key(|n| std::cmp::Reverse(fields[*n].present()));
        columns.truncate(FIELD_COLUMNS_MAX);
        columns.sort_unstable();
    }
    columns
}

fn attributes(origins: &[Origin]) -> Vec<Attribute> {
    let column = |value: &dyn Fn(&Origin) -> Vec<u8>| {
        let all: Vec<Vec<u8>> = origins.iter().map(value).collect();
        let mut interner = Interner::default();
        let codes = all.iter().map(|value| interner.intern(value)).collect();
        let values = interner.values.iter().map(|value| value.to_vec()).collect();
        Attribute { codes, values }
    };
    vec![
        column(&|origin| origin.stream.as_bytes().to_vec()),
        column(&|origin| origin.host.as_bytes().to_vec()),
        column(&|origin| origin.path.as_bytes().to_vec()),
        column(&|origin| origin.key.source.to_string().into_bytes()),
        column(&|origin| origin.key.generation.0.to_le_bytes().to_vec()),
    ]
}

/// Which bytes of each source are in the part, and where the latest of them came from.
fn sources<C: Chunk>(chunks: &[C], origins: &[Origin], entries: &[Entry]) -> Vec<(Origin, Intervals)> {
    let mut ranges: Vec<(SourceKey, u64, u64, u32)> = Vec::new();
    for entry in entries {
        let (start, end) = chunks[entry.chunk as usize].line(entry.row as usize);
        let newline = chunks[entry.chunk as usize].row(entry.row as usize).newline;
        let end = entry.offset + (end - start) as u64 + u64::from(newline);
        match ranges.last_mut() {
            Some(last) if last.3 == entry.origin && last.2 == entry.offset => last.2 = end,
            _ => ranges.push((origins[entry.origin as usize].key, entry.offset, end, entry.origin)),
        }
    }
    ranges.sort_unstable();
    let mut sources: Vec<(Origin, Intervals)> = Vec::new();
    for (key, start, end, origin) in ranges {
        match sources.last_mut() {
            Some((last, set)) if last.key == key => {
                *last = origins[origin as usize].clone();
                set.insert(start, end);
            }
            _ => sources.push((origins[origin as usize].clone(), Intervals::from_iter([(start, end)]))),
        }
    }
    sources
}

fn field_counts(index: &PartIndex) -> Vec<(Arc<str>, u64, bool)> {
    let mut counts: Vec<_> = index.fields.iter().map(|name| (name.clone(), 0, false)).collect();
    for field in index.groups.iter().flat_map(|group| &group.fields) {
        let count = &mut counts[field.name as usize];
        count.1 += u64::from(field.present);
        count.2 |= field.coded.is_some();
    }
    counts.retain(|(_, rows, _)| *rows > 0);
    counts
}

fn build_group<C: Chunk>(
    parts: &Parts<'_, C>,
    entries: &[Entry],
    file: &mut FileSink,
    scratch: &mut Scratch,
    filters: &mut Vec<u8>,
) -> Result<Group, ParquetError> {
    let rows: Vec<Row> =
        entries.iter().map(|entry| parts.chunks[entry.chunk as usize].row(entry.row as usize)).collect();
    let times: Vec<i64> = entries.iter().map(|entry| entry.time).collect();
    let offsets: Vec<i64> = entries.iter().map(|entry| entry.offset as i64).collect();
    let mut sink = file.group(entries.len())?;
    let time = sink.delta(&times)?;
    let fixed = fixed_columns(parts, entries, &rows, &mut sink, scratch)?;
    let offset = sink.delta(&offsets)?;
    let overflow = overflow_column(parts.chunks, entries, &mut sink)?;
    let fields = field_columns(parts, entries, &mut sink, scratch)?;
    let (pages, tokens) = lines(parts.chunks, entries, sink, scratch)?;
    let bloom_at = filters.len() as u64;
    let bloom_blocks = bloom::build(&tokens, filters) as u32;
    let chunks_used = || entries.chunk_by(|a, b| a.chunk == b.chunk).map(|run| &parts.chunks[run[0].chunk as usize]);
    Ok(Group {
        rows: entries.len() as u32,
        min_time: Timestamp::from_micros(times.iter().copied().min().unwrap_or(0)),
        max_time: Timestamp::from_micros(times.iter().copied().max().unwrap_or(0)),
        line_bytes: entries.iter().map(|entry| line_len(parts.chunks, entry)).sum(),
        runs: runs(parts.origins, entries),
        pages,
        levels: rows.iter().fold(0, |levels, row| levels | 1 << row.level as u8),
        more_fields: chunks_used().any(Chunk::more_fields) || parts.fields.len() > FIELD_NAMES_MAX,
        has_text: chunks_used().any(Chunk::has_text),
        time,
        offset,
        fixed,
        overflow,
        fields,
        bloom_at,
        bloom_blocks,
    })
}

fn line_len<C: Chunk>(chunks: &[C], entry: &Entry) -> u64 {
    let (start, end) = chunks[entry.chunk as usize].line(entry.row as usize);
    (end - start) as u64
}

fn runs(origins: &[Origin], entries: &[Entry]) -> Vec<StreamRun> {
    let stream = |entry: &Entry| &origins[entry.origin as usize].stream;
    let mut first_row = 0;
    let mut runs = Vec::new();
    for run in entries.chunk_by(|a, b| a.origin == b.origin || stream(a) == stream(b)) {
        let (first, last) = (&run[0], &run[run.len() - 1]);
        runs.push(StreamRun {
            stream: stream(first).clone(),
            first_row,
            rows: run.len() as u32,
            min_time: Timestamp::from_micros(first.time),
            max_time: Timestamp::from_micros(last.time),
        });
        first_row += run.len() as u32;
    }
    runs
}

fn fixed_columns<C: Chunk>(
    parts: &Parts<'_, C>,
    entries: &[Entry],
    rows: &[Row],
    sink: &mut GroupSink<'_>,
    scratch: &mut Scratch,
) -> Result<[CodedAt; FIXED.len()], ParquetError> {
    let mut fixed: [CodedAt; FIXED.len()] = Default::default();
    for (n, attribute) in parts.attributes.iter().enumerate() {
        scratch.codes.clear();
        scratch.codes.extend(entries.iter().map(|entry| attribute.codes[entry.origin as usize] + 1));
        let plain = if schema::is_number(n) { plain_number } else { encode::plain };
        let value = |number: usize| &*attribute.values[number];
        fixed[n] = coded(sink, scratch, attribute.values.len(), value, plain)?;
    }
    let n = parts.attributes.len();
    scratch.codes.clear();
    scratch.codes.extend(rows.iter().map(|row| row.level as u32 + 1));
    let level = |number: usize| Level::from_code(number as u8).name().as_bytes();
    fixed[n] = coded(sink, scratch, Level::ALL.len(), level, encode::plain)?;
    scratch.codes.clear();
    scratch.codes.extend(rows.iter().map(|row| row.format as u32 + 1));
    let format = |number: usize| Format::from_code(number as u8).name().as_bytes();
    fixed[n + 1] = coded(sink, scratch, Format::ALL.len(), format, encode::plain)?;
    let numbers: Vec<[u8; 4]> = (0..=255u32).map(u32::to_le_bytes).collect();
    let number = |number: usize| numbers[number].as_slice();
    scratch.codes.clear();
    scratch.codes.extend(rows.iter().map(|row| u32::from(row.marks.0) + 1));
    fixed[n + 2] = coded(sink, scratch, numbers.len(), number, plain_number)?;
    scratch.codes.clear();
    scratch.codes.extend(rows.iter().map(|row| row.newline.min(255) + 1));
    fixed[n + 3] = coded(sink, scratch, numbers.len(), number, plain_number)?;
    Ok(fixed)
}

fn plain_number(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(value);
}

/// Writes the column whose codes (`n`: value `n - 1` of the part) are in the scratch; every row has one.
fn coded<'a>(
    sink: &mut GroupSink<'_>,
    scratch: &mut Scratch,
    values: usize,
    value: impl Fn(usize) -> &'a [u8],
    plain: impl Fn(&[u8], &mut Vec<u8>),
) -> Result<CodedAt, ParquetError> {
    let mut dictionary = Vec::new();
    // Most fixed columns have one value in most row groups.
    if let Some(first) = scratch.codes.first().copied().filter(|first| scratch.codes.iter().all(|code| code == first)) {
        plain(value(first as usize - 1), &mut dictionary);
        scratch.codes.fill(0);
        return sink.coded(dictionary, 1, &scratch.codes, None);
    }
    let distinct = localize(scratch, values);
    distinct.iter().for_each(|number| plain(value(*number as usize), &mut dictionary));
    sink.coded(dictionary, distinct.len(), &scratch.values, None)
}

/// Translates the codes in the scratch to those of the row group; the part's values that it has, in that order.
fn localize(scratch: &mut Scratch, values: usize) -> Vec<u32> {
    let Scratch { codes, values: locals, present, local, .. } = scratch;
    if local.len() <= values {
        local.resize(values + 1, 0);
    }
    locals.clear();
    present.clear();
    let mut distinct = Vec::new();
    for &code in &*codes {
        present.push(u32::from(code != 0));
        if code == 0 {
            continue;
        }
        let known = &mut local[code as usize];
        if *known == 0 {
            distinct.push(code - 1);
            *known = distinct.len() as u32;
        }
        locals.push(*known - 1);
    }
    distinct.iter().for_each(|number| local[*number as usize + 1] = 0);
    distinct
}

fn overflow_column<C: Chunk>(
    chunks: &[C],
    entries: &[Entry],
    sink: &mut GroupSink<'_>,
) -> Result<Option<CodedAt>, ParquetError> {
    let overflows = |entry: &Entry| chunks[entry.chunk as usize].overflows();
    if !entries.iter().any(overflows) {
        sink.absent()?;
        return Ok(None);
    }
    let (mut dictionary, mut codes, mut present) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let fields = chunks[entry.chunk as usize].overflow(entry.row as usize);
        present.push(u32::from(fields.is_some()));
        if let Some(fields) = fields {
            codes.push(codes.len() as u32);
            encode::plain(&fields, &mut dictionary);
        }
    }
    sink.coded(dictionary, codes.len(), &codes, Some(&present)).map(Some)
}

fn field_columns<C>(
    parts: &Parts<'_, C>,
    entries: &[Entry],
    sink: &mut GroupSink<'_>,
    scratch: &mut Scratch,
) -> Result<Vec<FieldAt>, ParquetError> {
    let mut fields = Vec::new();
    let mut columns = parts.columns.iter().peekable();
    for (n, field) in parts.fields.iter().enumerate().take(FIELD_NAMES_MAX) {
        let gathered = field.gather(entries, &mut scratch.codes);
        let has_column = columns.next_if_eq(&&n).is_some();
        let mut at = FieldAt { name: n as u32, present: gathered.present, coded: None };
        if has_column && gathered.present > 0 && !gathered.in_lines {
            at.coded = field_column(field, gathered.present, sink, scratch)?;
        }
        if has_column && at.coded.is_none() {
            sink.absent()?;
        }
        if at.present > 0 || gathered.in_lines {
            fields.push(at);
        }
    }
    Ok(fields)
}

/// Writes a field's column, if its values repeat enough in this row group.
fn field_column(
    field: &FieldColumn<'_>,
    rows: u32,
    sink: &mut GroupSink<'_>,
    scratch: &mut Scratch,
) -> Result<Option<CodedAt>, ParquetError> {
    let distinct = localize(scratch, field.interner.values.len());
    let count = distinct.len() as u32;
    if count > FEW_VALUES && (count > DISTINCT_MAX || count * REPEATS_MIN > rows) {
        return Ok(None);
    }
    let mut dictionary = Vec::new();
    distinct.iter().for_each(|number| encode::plain(field.interner.values[*number as usize], &mut dictionary));
    sink.coded(dictionary, distinct.len(), &scratch.values, Some(&scratch.present)).map(Some)
}

/// Writes the lines; the pages and the tokens of each.
fn lines<C: Chunk>(
    chunks: &[C],
    entries: &[Entry],
    mut sink: GroupSink<'_>,
    scratch: &mut Scratch,
) -> Result<(Vec<LinePage>, Vec<Vec<u64>>), ParquetError> {
    let bytes = entries.iter().map(|entry| page_len(chunks, entry)).sum();
    let mut column = LineSink::new();
    let (mut pages, mut tokens) = (Vec::new(), Vec::new());
    let mut first_row = 0;
    for rows in split_evenly(entries, bytes, PAGE_BYTES, |entry| page_len(chunks, entry)) {
        let page = &entries[first_row..first_row + rows];
        scratch.page.clear();
        for entry in page {
            let chunk = &chunks[entry.chunk as usize];
            let (start, end) = chunk.line(entry.row as usize);
            encode::plain(&chunk.data()[start..end], &mut scratch.page);
        }
        let at = sink.line_page(&mut column, &scratch.page, rows)?;
        pages.push(LinePage { first_row: first_row as u32, rows: rows as u32, at });
        tokens.push(page_tokens(chunks, page, &mut scratch.tokens));
        first_row += rows;
    }
    let base = sink.finish(column)?;
    pages.iter_mut().for_each(|page| page.at.offset += base);
    Ok((pages, tokens))
}

/// The distinct tokens of a page. Lines that follow each other in memory are cut in one go.
fn page_tokens<C: Chunk>(chunks: &[C], page: &[Entry], set: &mut TokenSet) -> Vec<u64> {
    let follows = |a: &Entry, b: &Entry| {
        a.chunk == b.chunk && a.row + 1 == b.row && chunks[a.chunk as usize].joins_next(a.row as usize)
    };
    for run in page.chunk_by(follows) {
        let chunk = &chunks[run[0].chunk as usize];
        let Range { start, .. } = range(chunk, &run[0]);
        let Range { end, .. } = range(chunk, &run[run.len() - 1]);
        set.add(&chunk.data()[start..end]);
        if chunk.has_text() {
            for entry in run {
                chunk.text_values(entry.row as usize, &mut |value| set.add(value));
            }
        }
    }
    set.take()
}

fn range<C: Chunk>(chunk: &C, entry: &Entry) -> Range<usize> {
    let (start, end) = chunk.line(entry.row as usize);
    start..end
}
