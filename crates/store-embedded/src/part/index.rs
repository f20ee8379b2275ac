//! The sidecar's table of contents: where everything of a part stands, so that no query touches the Parquet footer.

use std::sync::Arc;

use base::Timestamp;
use model::Level;
use model::wire::{Reader, WireError, Writer};

/// A page in the Parquet file, behind its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageAt {
    pub offset: u64,
    /// Bytes in the file.
    pub len: u32,
    /// Bytes after decompression.
    pub raw_len: u32,
    /// crc32c of the bytes in the file.
    pub crc: u32,
}

/// A dictionary column of a row group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodedAt {
    pub dictionary: PageAt,
    pub data: PageAt,
    /// Values in the dictionary.
    pub distinct: u32,
    /// Whether rows may have no value.
    pub nullable: bool,
    /// Whether the pages are compressed.
    pub compressed: bool,
}

/// The dictionary columns that every row group has, in the order of the schema.
pub(crate) const FIXED: [&str; 9] =
    ["stream", "host", "path", "source", "generation", "level", "format", "marks", "newline"];

/// A page of lines and what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePage {
    /// Its first row within the row group.
    pub first_row: u32,
    /// Its rows.
    pub rows: u32,
    pub(crate) at: PageAt,
}

impl LinePage {
    /// Bytes of the page when it is decompressed.
    pub const fn raw_len(&self) -> usize {
        self.at.raw_len as usize
    }
}

/// Consecutive rows of one stream within a row group, ascending by time, then id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRun {
    /// The stream.
    pub stream: Arc<str>,
    /// Its first row within the row group.
    pub first_row: u32,
    /// Its rows.
    pub rows: u32,
    /// Time of its first row.
    pub min_time: Timestamp,
    /// Time of its last row.
    pub max_time: Timestamp,
}

/// A parsed field in a row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldAt {
    /// Number of the name in [`PartIndex::fields`].
    pub name: u32,
    /// Rows that have it.
    pub present: u32,
    /// `None`: not kept as a column here, to be read back from the lines.
    pub coded: Option<CodedAt>,
}

/// A row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its rows.
    pub rows: u32,
    /// The earliest time in it.
    pub min_time: Timestamp,
    /// The latest time in it.
    pub max_time: Timestamp,
    /// Bytes of its lines.
    pub line_bytes: u64,
    /// Its rows by stream, ascending by name.
    pub runs: Vec<StreamRun>,
    /// Its pages of lines.
    pub pages: Vec<LinePage>,
    /// A bit for each level that occurs in it.
    pub(crate) levels: u8,
    /// Whether its lines may have fields that `fields` does not name.
    pub(crate) more_fields: bool,
    /// Whether values occur that do not stand verbatim in their lines.
    pub(crate) has_text: bool,
    pub(crate) time: PageAt,
    pub(crate) offset: PageAt,
    /// See [`FIXED`].
    pub(crate) fixed: [CodedAt; FIXED.len()],
    /// Fields of records that cannot be read back from their lines, as JSON.
    pub(crate) overflow: Option<CodedAt>,
    pub(crate) fields: Vec<FieldAt>,
    /// Where its filters stand in the sidecar.
    pub(crate) bloom_at: u64,
    /// Blocks of each page's filter.
    pub(crate) bloom_blocks: u32,
}

impl Group {
    /// Whether any of its records has this level.
    pub fn has_level(&self, level: Level) -> bool {
        self.levels & 1 << level as u8 != 0
    }
}

/// Everything about a part but its pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartIndex {
    /// Names of parsed fields, ascending.
    pub fields: Vec<Arc<str>>,
    pub groups: Vec<Group>,
}

impl PartIndex {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        let streams = self.streams();
        w.varint(streams.len() as u64);
        streams.iter().for_each(|stream| w.text(stream));
        w.varint(self.fields.len() as u64);
        self.fields.iter().for_each(|name| w.text(name));
        w.varint(self.groups.len() as u64);
        self.groups.iter().for_each(|group| encode_group(group, &streams, &mut w));
    }

    fn streams(&self) -> Vec<Arc<str>> {
        let mut streams: Vec<_> =
            self.groups.iter().flat_map(|group| &group.runs).map(|run| run.stream.clone()).collect();
        streams.sort_unstable();
        streams.dedup();
        streams
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let streams = texts(&mut r)?;
        let fields = texts(&mut r)?;
        let count = count(&mut r)?;
        let groups = (0..count).map(|_| decode_group(&mut r, &streams)).collect::<Result<_, _>>()?;
        r.finish()?;
        Ok(Self { fields, groups })
    }
}

fn texts(r: &mut Reader<'_>) -> Result<Vec<Arc<str>>, WireError> {
    (0..count(r)?).map(|_| Ok(r.text()?.into())).collect()
}

/// A number of things of at least one byte each.
fn count(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let count = r.varint()?;
    if count > r.remaining() as u64 { Err(WireError::Malformed("count")) } else { Ok(count as usize) }
}

fn encode_group(group: &Group, streams: &[Arc<str>], w: &mut Writer<'_>) {
    w.varint(u64::from(group.rows));
    w.signed(group.min_time.as_micros());
    w.signed(group.max_time.as_micros());
    w.varint(group.line_bytes);
    w.u8(group.levels);
    w.u8(u8::from(group.more_fields) | u8::from(group.has_text) << 1);
    w.varint(group.bloom_at);
    w.varint(u64::from(group.bloom_blocks));
    w.varint(group.runs.len() as u64);
    for run in &group.runs {
        w.varint(streams.binary_search(&run.stream).unwrap_or(0) as u64);
        w.varint(u64::from(run.rows));
        w.signed(run.min_time.as_micros());
        w.signed(run.max_time.as_micros());
    }
    w.varint(group.pages.len() as u64);
    for page in &group.pages {
        w.varint(u64::from(page.rows));
        encode_page(&page.at, w);
    }
    encode_page(&group.time, w);
    encode_page(&group.offset, w);
    group.fixed.iter().for_each(|coded| encode_coded(Some(coded), w));
    encode_coded(group.overflow.as_ref(), w);
    w.varint(group.fields.len() as u64);
    for field in &group.fields {
        w.varint(u64::from(field.name));
        w.varint(u64::from(field.present));
        encode_coded(field.coded.as_ref(), w);
    }
}

fn decode_group(r: &mut Reader<'_>, streams: &[Arc<str>]) -> Result<Group, WireError> {
    let rows = r.varint_u32()?;
    let (min_time, max_time) = (time(r)?, time(r)?);
    let (line_bytes, levels, flags) = (r.varint()?, r.u8()?, r.u8()?);
    let (bloom_at, bloom_blocks) = (r.varint()?, r.varint_u32()?);
    let runs = decode_runs(r, streams, rows)?;
    let pages = decode_pages(r, rows)?;
    let (time, offset) = (decode_page(r)?, decode_page(r)?);
    let mut fixed: [CodedAt; FIXED.len()] = Default::default();
    for coded in &mut fixed {
        *coded = decode_coded(r)?.ok_or(WireError::Malformed("column"))?;
    }
    let overflow = decode_coded(r)?;
    let fields = (0..count(r)?)
        .map(|_| Ok(FieldAt { name: r.varint_u32()?, present: r.varint_u32()?, coded: decode_coded(r)? }))
        .collect::<Result<_, WireError>>()?;
    let (more_fields, has_text) = (flags & 1 != 0, flags & 2 != 0);
    Ok(Group {
        rows,
        min_time,
        max_time,
        line_bytes,
        runs,
        pages,
        levels,
        more_fields,
        has_text,
        time,
        offset,
        fixed,
        overflow,
        fields,
        bloom_at,
        bloom_blocks,
    })
}

fn time(r: &mut Reader<'_>) -> Result<Timestamp, WireError> {
    Ok(Timestamp::from_micros(r.signed()?))
}

fn decode_runs(r: &mut Reader<'_>, streams: &[Arc<str>], rows: u32) -> Result<Vec<StreamRun>, WireError> {
    let mut first_row = 0u32;
    let mut runs = Vec::new();
    for _ in 0..count(r)? {
        let stream = streams.get(r.varint()? as usize).ok_or(WireError::Malformed("stream"))?.clone();
        let rows = r.varint_u32()?;
        runs.push(StreamRun { stream, first_row, rows, min_time: time(r)?, max_time: time(r)? });
        first_row = first_row.checked_add(rows).ok_or(WireError::Malformed("rows"))?;
    }
    if first_row == rows { Ok(runs) } else { Err(WireError::Malformed("rows")) }
}

fn decode_pages(r: &mut Reader<'_>, rows: u32) -> Result<Vec<LinePage>, WireError> {
    let mut first_row = 0u32;
    let mut pages = Vec::new();
    for _ in 0..count(r)? {
        let rows = r.varint_u32()?;
        pages.push(LinePage { first_row, rows, at: decode_page(r)? });
        first_row = first_row.checked_add(rows).ok_or(WireError::Malformed("rows"))?;
    }
    if first_row == rows { Ok(pages) } else { Err(WireError::Malformed("rows")) }
}

fn encode_page(page: &PageAt, w: &mut Writer<'_>) {
    w.varint(page.offset);
    w.varint(u64::from(page.len));
    w.varint(u64::from(page.raw_len));
    w.u32(page.crc);
}

fn decode_page(r: &mut Reader<'_>) -> Result<PageAt, WireError> {
    Ok(PageAt { offset: r.varint()?, len: r.varint_u32()?, raw_len: r.varint_u32()?, crc: r.u32()? })
}

fn encode_coded(coded: Option<&CodedAt>, w: &mut Writer<'_>) {
    let Some(coded) = coded else { return w.u8(0) };
    w.u8(1 | u8::from(coded.nullable) << 1 | u8::from(coded.compressed) << 2);
    w.varint(u64::from(coded.distinct));
    encode_page(&coded.dictionary, w);
    encode_page(&coded.data, w);
}

fn decode_coded(r: &mut Reader<'_>) -> Result<Option<CodedAt>, WireError> {
    let flags = r.u8()?;
    if flags & 1 == 0 {
        return Ok(None);
    }
    let distinct = r.varint_u32()?;
    let (dictionary, data) = (decode_page(r)?, decode_page(r)?);
    Ok(Some(CodedAt { dictionary, data, distinct, nullable: flags & 2 != 0, compressed: flags & 4 != 0 }))
}
