//! What a part is built from: chunks of rows, be it batches of the head or row groups of other parts.

use std::sync::Arc;

use base::Timestamp;
use model::{Format, Level, Marks, ParsedBatch, SourceKey, Span, Values};

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub stream: Arc<str>,
    pub key: SourceKey,
    pub host: Arc<str>,
    pub path: Arc<str>,
}

/// A row but for its line and fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub time: Timestamp,
    pub offset: u64,
    /// Number in [`Chunk::origins`].
    pub origin: u32,
    pub level: Level,
    pub format: Format,
    pub marks: Marks,
    /// Bytes that follow the line in its file and belong to it: its newline, or nothing.
    pub newline: u32,
}

/// How a chunk has the values of a field.
pub(crate) enum FieldValues<'a> {
    /// A code per row: 0 is "absent", `n` is value `n - 1`.
    Coded { codes: &'a [u16], values: Vec<&'a [u8]> },
    /// To be read back from the lines; tells whether a row has it.
    InLines(InLines<'a>),
}

/// Which rows have a field that is to be read back from the lines.
#[derive(Clone, Copy)]
pub(crate) enum InLines<'a> {
    Spans(&'a [Span]),
    /// So many rows have it, nobody knows which: the first of them stand for all.
    Count(u32),
}

impl InLines<'_> {
    #[inline]
    pub fn has(self, row: usize) -> bool {
        match self {
            Self::Spans(spans) => !spans[row].is_absent(),
            Self::Count(count) => row < count as usize,
        }
    }

    /// Whether any of some rows, of which [`InLines::has`] named so many, may have it.
    pub const fn may_have(self, named: u32) -> bool {
        match self {
            Self::Spans(_) => named > 0,
            Self::Count(count) => count > 0,
        }
    }
}

/// Rows of one batch or one row group.
pub(crate) trait Chunk {
    fn rows(&self) -> usize;
    fn origins(&self) -> Vec<Origin>;
    fn row(&self, row: usize) -> Row;
    /// What the lines stand in.
    fn data(&self) -> &[u8];
    /// Where a line stands in the data.
    fn line(&self, row: usize) -> (usize, usize);
    /// Whether the line of the next row follows in the data, after a newline.
    fn joins_next(&self, row: usize) -> bool;
    fn fields(&self) -> Vec<(Arc<str>, FieldValues<'_>)>;
    /// Whether lines may have fields that [`Chunk::fields`] does not name.
    fn more_fields(&self) -> bool;
    /// Whether values occur that do not stand verbatim in their lines.
    fn has_text(&self) -> bool;
    /// Visits values of a row that do not stand verbatim in its line, and perhaps others of it.
    fn text_values(&self, row: usize, visit: &mut dyn FnMut(&[u8]));
    /// Whether the fields of a row cannot be read back from its line.
    fn overflows(&self) -> bool;
    /// All fields of a row as JSON, where they cannot be read back.
    fn overflow(&self, row: usize) -> Option<Vec<u8>>;
}

/// Columns of a batch: with so many, its lines may have fields that got none.
const BATCH_COLUMNS_MAX: usize = 64;
/// So many records of a batch are read back to see whether that gives what was parsed.
const READ_BACK_SAMPLE: usize = 8;

/// A batch of the head.
pub(crate) struct BatchChunk<'a> {
    batch: &'a ParsedBatch,
    /// Columns with values that do not stand verbatim in the payload.
    text_columns: Vec<usize>,
    overflows: bool,
}

impl<'a> BatchChunk<'a> {
    pub fn new(batch: &'a ParsedBatch) -> Self {
        let text_columns = match batch.text.is_empty() {
            true => Vec::new(),
            false => (0..batch.columns.len()).filter(|n| has_text(&batch.columns[*n].values)).collect(),
        };
        Self { batch, text_columns, overflows: !reads_back(batch) }
    }
}

fn has_text(values: &Values) -> bool {
    let (Values::Coded { dictionary: spans, .. } | Values::Unique(spans)) = values;
    spans.iter().copied().any(is_text)
}

const fn is_text(span: Span) -> bool {
    !span.is_absent() && span.len_bits >> 31 != 0
}

/// Whether reading the lines of the batch again gives its fields, no more and no fewer. It always does where the codec
/// made them: this is for batches from elsewhere, and looks at a few records only where there are many.
fn reads_back(batch: &ParsedBatch) -> bool {
    let rows = batch.records.len();
    let step = if rows <= READ_BACK_SAMPLE * 8 { 1 } else { rows / READ_BACK_SAMPLE };
    (0..rows).step_by(step).all(|row| {
        let record = &batch.records[row];
        let mut wanted: Vec<_> = batch.fields(row).collect();
        let mut strange = false;
        codec::fields(record.format, batch.line(record), &mut |name, value| match wanted
            .iter()
            .position(|(known, bytes)| *known == name && *bytes == &*value)
        {
            Some(known) => drop(wanted.swap_remove(known)),
            None => strange = true,
        });
        wanted.is_empty() && (!strange || batch.columns.len() >= BATCH_COLUMNS_MAX)
    })
}

impl Chunk for BatchChunk<'_> {
    fn rows(&self) -> usize {
        self.batch.records.len()
    }

    fn origins(&self) -> Vec<Origin> {
        let header = &*self.batch.header;
        let (stream, host, path) = (header.stream.clone(), header.host.clone(), header.path.clone());
        vec![Origin { stream, key: header.key, host, path }]
    }

    #[inline]
    fn row(&self, row: usize) -> Row {
        let record = &self.batch.records[row];
        Row {
            time: record.time,
            offset: self.batch.header.start + u64::from(record.start),
            origin: 0,
            level: record.level,
            format: record.format,
            marks: record.marks,
            newline: record.size - record.len,
        }
    }

    fn data(&self) -> &[u8] {
        &self.batch.payload
    }

    #[inline]
    fn line(&self, row: usize) -> (usize, usize) {
        let record = &self.batch.records[row];
        (record.start as usize, (record.start + record.len) as usize)
    }

    #[inline]
    fn joins_next(&self, row: usize) -> bool {
        match &self.batch.records[row..] {
            [this, next, ..] => this.size > this.len && this.start + this.size == next.start,
            _ => false,
        }
    }

    fn fields(&self) -> Vec<(Arc<str>, FieldValues<'_>)> {
        let batch = self.batch;
        batch
            .columns
            .iter()
            .map(|column| match &column.values {
                Values::Coded { dictionary, codes } => {
                    let values = dictionary.iter().map(|span| batch.bytes(*span).unwrap_or_default()).collect();
                    (column.name.clone(), FieldValues::Coded { codes, values })
                }
                Values::Unique(spans) => (column.name.clone(), FieldValues::InLines(InLines::Spans(spans))),
            })
            .collect()
    }

    fn more_fields(&self) -> bool {
        self.batch.columns.len() >= BATCH_COLUMNS_MAX
    }

    fn has_text(&self) -> bool {
        self.overflows || !self.text_columns.is_empty()
    }

    fn text_values(&self, row: usize, visit: &mut dyn FnMut(&[u8])) {
        if self.overflows {
            return self.batch.fields(row).for_each(|(_, value)| visit(value));
        }
        for &column in &self.text_columns {
            let span = match &self.batch.columns[column].values {
                Values::Unique(spans) => spans[row],
                Values::Coded { dictionary, codes } => match codes[row] {
                    0 => Span::ABSENT,
                    code => dictionary[usize::from(code) - 1],
                },
            };
            if is_text(span) {
                visit(self.batch.bytes(span).unwrap_or_default());
            }
        }
    }

    fn overflows(&self) -> bool {
        self.overflows
    }

    fn overflow(&self, row: usize) -> Option<Vec<u8>> {
        self.overflows.then(|| super::overflow::encode(self.batch.fields(row)))
    }
}
