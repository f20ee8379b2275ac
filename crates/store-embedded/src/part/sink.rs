//! Finished pages on their way into a Parquet file, which is gathered in memory: parts are small.
//!
//! Decision: pages are made here and handed to the `parquet` crate finished, so that it neither hashes nor compresses;
//! it keeps the footer.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, TypePtr};

use zstd::zstd_safe::CParameter;

use super::encode;
use super::index::{CodedAt, PageAt};

/// At this level, a table half as large as usual fits the first-level cache: 9 % less time, and nothing lost on pages
/// of lines.
const FAST_LEVEL: i32 = 1;
const FAST_HASH_LOG: u32 = 13;
/// Chunks with fewer bytes are not worth a frame of zstd.
const COMPRESS_MIN: usize = 64;
/// Version of the layout, in the footer's metadata.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Compresses with one context for all pages.
pub(crate) struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    out: Vec<u8>,
}

impl Compressor {
    pub fn new(level: i32) -> std::io::Result<Self> {
        let mut zstd = zstd::bulk::Compressor::new(level)?;
        if level == FAST_LEVEL {
            zstd.set_parameter(CParameter::HashLog(FAST_HASH_LOG))?;
        }
        Ok(Self { zstd, out: Vec::new() })
    }

    fn pack(&mut self, raw: &[u8]) -> Result<Bytes, ParquetError> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        self.zstd.compress_to_buffer(raw, &mut self.out).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(Bytes::copy_from_slice(&self.out))
    }
}

/// The file.
pub(crate) struct FileSink {
    writer: SerializedFileWriter<Vec<u8>>,
    compressor: Compressor,
    /// Where the next column chunk will stand.
    at: u64,
}

impl FileSink {
    /// A file that is gathered in `out`, which is empty.
    pub fn new(schema: TypePtr, compressor: Compressor, out: Vec<u8>) -> Result<Self, ParquetError> {
        let version = KeyValue::new("logdrive.format_version".to_owned(), FORMAT_VERSION.to_string());
        let properties = WriterProperties::builder()
            .set_created_by(concat!("logdrive ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![version]))
            .build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        let at = writer.bytes_written() as u64;
        Ok(Self { writer, compressor, at })
    }

    /// Begins a row group of so many rows.
    pub fn group(&mut self, rows: usize) -> Result<GroupSink<'_>, ParquetError> {
        let columns = self.writer.schema_descr().columns().to_vec();
        let group = self.writer.next_row_group()?;
        Ok(GroupSink { columns, group, compressor: &mut self.compressor, at: &mut self.at, rows, column: 0 })
    }

    /// Writes the footer; the whole file, and the compressor for the next.
    pub fn finish(self) -> Result<(Vec<u8>, Compressor), ParquetError> {
        Ok((self.writer.into_inner()?, self.compressor))
    }
}

/// A row group. Columns come in the order of the schema.
pub(crate) struct GroupSink<'a> {
    columns: Vec<ColumnDescPtr>,
    group: SerializedRowGroupWriter<'a, Vec<u8>>,
    compressor: &'a mut Compressor,
    at: &'a mut u64,
    rows: usize,
    column: usize,
}

/// The column of lines of a row group.
pub(crate) struct LineSink(ChunkSink);

impl LineSink {
    pub fn new() -> Self {
        Self(ChunkSink::new(true))
    }
}

/// The pages of one column chunk.
struct ChunkSink {
    out: TrackedWrite<Vec<u8>>,
    raw_len: usize,
    compressed: bool,
}

impl ChunkSink {
    fn new(compressed: bool) -> Self {
        Self { out: TrackedWrite::new(Vec::new()), raw_len: 0, compressed }
    }

    /// Adds a page; where it stands in the chunk.
    fn page(&mut self, page: Page, raw_len: usize) -> Result<PageAt, ParquetError> {
        let body = page.buffer().clone();
        let spec = SerializedPageWriter::new(&mut self.out).write_page(CompressedPage::new(page, raw_len))?;
        self.raw_len += spec.uncompressed_size;
        let offset = spec.offset + spec.bytes_written - body.len() as u64;
        Ok(PageAt { offset, len: body.len() as u32, raw_len: raw_len as u32, crc: crc32c::crc32c(&body) })
    }
}

fn data_page(buf: Bytes, rows: usize, encoding: Encoding) -> Page {
    Page::DataPage {
        buf,
        num_values: rows as u32,
        encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    }
}

impl GroupSink<'_> {
    /// A column of numbers that differ little from row to row.
    pub fn delta(&mut self, values: &[i64]) -> Result<PageAt, ParquetError> {
        let mut raw = Vec::with_capacity(values.len() * 2 + 64);
        encode::delta(values, &mut raw);
        let mut chunk = ChunkSink::new(true);
        let mut at =
            chunk.page(data_page(self.compressor.pack(&raw)?, self.rows, Encoding::DELTA_BINARY_PACKED), raw.len())?;
        let (min, max) = (values.iter().min().copied(), values.iter().max().copied());
        let statistics = Statistics::int64(min, max, None, Some(0), false);
        at.offset += self.close(chunk, 0, &[Encoding::DELTA_BINARY_PACKED, Encoding::RLE], Some(statistics))?;
        Ok(at)
    }

    /// A dictionary column. `codes` name values of `dictionary` (already PLAIN) from 0, for the rows that have one;
    /// `present` tells which do, where not all must.
    pub fn coded(
        &mut self,
        dictionary: Vec<u8>,
        distinct: usize,
        codes: &[u32],
        present: Option<&[u32]>,
    ) -> Result<CodedAt, ParquetError> {
        let mut raw = Vec::with_capacity(codes.len() + 64);
        if let Some(present) = present {
            encode::definition_levels(present, &mut raw);
        }
        let width = encode::bit_width(distinct);
        raw.push(width as u8);
        encode::hybrid(codes, width, &mut raw);
        let compressed = dictionary.len() + raw.len() >= COMPRESS_MIN;
        let mut chunk = ChunkSink::new(compressed);
        let (dictionary_len, raw_len) = (dictionary.len(), raw.len());
        let pages = match compressed {
            true => (self.compressor.pack(&dictionary)?, self.compressor.pack(&raw)?),
            false => (dictionary.into(), raw.into()),
        };
        let page = Page::DictionaryPage {
            buf: pages.0,
            num_values: distinct as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let mut dictionary = chunk.page(page, dictionary_len)?;
        let data_at = chunk.out.bytes_written();
        let mut data = chunk.page(data_page(pages.1, self.rows, Encoding::RLE_DICTIONARY), raw_len)?;
        let encodings = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
        let base = self.close(chunk, data_at, &encodings, None)?;
        dictionary.offset += base;
        data.offset += base;
        Ok(CodedAt { dictionary, data, distinct: distinct as u32, nullable: present.is_some(), compressed })
    }

    /// A column without any value in this row group.
    pub fn absent(&mut self) -> Result<(), ParquetError> {
        let mut raw = Vec::new();
        encode::absent_levels(self.rows, &mut raw);
        let mut chunk = ChunkSink::new(false);
        let raw_len = raw.len();
        chunk.page(data_page(raw.into(), self.rows, Encoding::PLAIN), raw_len)?;
        self.close(chunk, 0, &[Encoding::PLAIN, Encoding::RLE], None)?;
        Ok(())
    }

    /// Adds a page to the column of lines, which comes last. Where it stands in the column.
    pub fn line_page(&mut self, lines: &mut LineSink, raw: &[u8], rows: usize) -> Result<PageAt, ParquetError> {
        lines.0.page(data_page(self.compressor.pack(raw)?, rows, Encoding::PLAIN), raw.len())
    }

    /// Ends the column of lines and the row group; where the column begins in the file.
    pub fn finish(mut self, lines: LineSink) -> Result<u64, ParquetError> {
        let base = self.close(lines.0, 0, &[Encoding::PLAIN, Encoding::RLE], None)?;
        self.group.close()?;
        Ok(base)
    }

    /// Hands a chunk to the file; where it begins there.
    fn close(
        &mut self,
        chunk: ChunkSink,
        data_at: usize,
        encodings: &[Encoding],
        statistics: Option<Statistics>,
    ) -> Result<u64, ParquetError> {
        let raw_len = chunk.raw_len;
        let compression = match chunk.compressed {
            true => Compression::ZSTD(ZstdLevel::default()),
            false => Compression::UNCOMPRESSED,
        };
        let bytes = Bytes::from(chunk.out.into_inner()?);
        let mut metadata = ColumnChunkMetaData::builder(self.columns[self.column].clone())
            .set_encodings(encodings.to_vec())
            .set_compression(compression)
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(raw_len as i64)
            .set_data_page_offset(data_at as i64)
            .set_dictionary_page_offset((data_at > 0).then_some(0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let result = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        self.group.append_column(&bytes, result)?;
        self.column += 1;
        let base = *self.at;
        *self.at += bytes.len() as u64;
        Ok(base)
    }
}
