//! Row groups of parts as chunks again, to make new parts of them.

use std::sync::Arc;

use base::Timestamp;
use model::{Format, SourceKey};
use store::StoreError;

use super::read::{Codes, Column, OpenPart};
use super::rows::{Chunk, FieldValues, InLines, Origin, Row};

/// A row group, decompressed as a whole.
pub(crate) struct GroupChunk {
    origins: Vec<Origin>,
    rows: Vec<Row>,
    data: Vec<u8>,
    lines: Vec<(usize, usize)>,
    fields: Vec<(Arc<str>, GroupField)>,
    overflow: Option<Codes>,
    more_fields: bool,
    has_text: bool,
}

enum GroupField {
    Coded(Vec<u16>, Codes),
    InLines(u32),
}

impl GroupChunk {
    pub fn load(open: &OpenPart, number: usize) -> Result<Self, StoreError> {
        let group = &open.groups()[number];
        let (origins, origin_of) = origins(open, number)?;
        let (times, offsets) = (open.times(number)?, open.offsets(number)?);
        let (levels, formats, marks) = (open.levels(number)?, open.formats(number)?, open.marks(number)?);
        let newline = open.codes(number, Column::Newline)?;
        let rows = (0..group.rows as usize).map(|row| Row {
            time: Timestamp::from_micros(times[row]),
            offset: offsets[row],
            origin: origin_of[row],
            level: levels[row],
            format: formats[row],
            marks: marks[row],
            newline: newline.of_row(row).map_or(0, |number| u32::from(number[0])),
        });
        let (mut data, mut lines) = (Vec::with_capacity(group.line_bytes as usize), Vec::new());
        for page in &group.pages {
            let page = open.lines(page)?;
            lines.extend(
                page.ranges.iter().map(|(start, end)| (data.len() + *start as usize, data.len() + *end as usize)),
            );
            data.extend_from_slice(&page.bytes);
        }
        Ok(Self {
            rows: rows.collect(),
            origins,
            data,
            lines,
            fields: open
                .all_fields(number)?
                .into_iter()
                .map(|(name, count, coded)| (name, field(count, coded)))
                .collect(),
            overflow: open.overflow(number)?,
            more_fields: group.more_fields,
            has_text: group.has_text,
        })
    }
}

fn field(count: u32, coded: Option<Codes>) -> GroupField {
    match coded {
        Some(coded) => GroupField::Coded(coded.codes.iter().map(|code| *code as u16).collect(), coded),
        None => GroupField::InLines(count),
    }
}

fn origins(open: &OpenPart, number: usize) -> Result<(Vec<Origin>, Vec<u32>), StoreError> {
    let (keys, key_of) = open.keys(number)?;
    let (streams, hosts) = (open.codes(number, Column::Stream)?, open.codes(number, Column::Host)?);
    let paths = open.codes(number, Column::Path)?;
    let text = |bytes: Option<&[u8]>| -> Arc<str> { String::from_utf8_lossy(bytes.unwrap_or_default()).into() };
    let mut known: Vec<(u32, u32, u32, u32)> = Vec::new();
    let mut origins = Vec::new();
    let mut origin_of = Vec::with_capacity(key_of.len());
    for (row, key) in key_of.iter().enumerate() {
        let origin = (*key, streams.codes[row], hosts.codes[row], paths.codes[row]);
        let place = known.iter().rposition(|known| *known == origin).unwrap_or_else(|| {
            known.push(origin);
            let key: SourceKey = keys[origin.0 as usize];
            let (stream, host, path) = (streams.value(origin.1), hosts.value(origin.2), paths.value(origin.3));
            origins.push(Origin { stream: text(stream), key, host: text(host), path: text(path) });
            known.len() - 1
        });
        origin_of.push(place as u32);
    }
    Ok((origins, origin_of))
}

impl Chunk for GroupChunk {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn origins(&self) -> Vec<Origin> {
        self.origins.clone()
    }

    fn row(&self, row: usize) -> Row {
        self.rows[row]
    }

    fn data(&self) -> &[u8] {
        &self.data
    }

    fn line(&self, row: usize) -> (usize, usize) {
        self.lines[row]
    }

    fn joins_next(&self, _row: usize) -> bool {
        false
    }

    fn fields(&self) -> Vec<(Arc<str>, FieldValues<'_>)> {
        self.fields
            .iter()
            .map(|(name, field)| match field {
                GroupField::InLines(count) => (name.clone(), FieldValues::InLines(InLines::Count(*count))),
                GroupField::Coded(codes, known) => {
                    (name.clone(), FieldValues::Coded { codes, values: known.values().collect() })
                }
            })
            .collect()
    }

    fn more_fields(&self) -> bool {
        self.more_fields
    }

    fn has_text(&self) -> bool {
        self.has_text
    }

    fn text_values(&self, row: usize, visit: &mut dyn FnMut(&[u8])) {
        match self.overflow(row) {
            Some(fields) => super::overflow::decode(&fields).iter().for_each(|(_, value)| visit(value)),
            None => {
                let ((start, end), format): (_, Format) = (self.lines[row], self.rows[row].format);
                codec::fields(format, &self.data[start..end], &mut |_, value| visit(&value));
            }
        }
    }

    fn overflows(&self) -> bool {
        self.overflow.is_some()
    }

    fn overflow(&self, row: usize) -> Option<Vec<u8>> {
        self.overflow.as_ref()?.of_row(row).map(<[u8]>::to_vec)
    }
}
