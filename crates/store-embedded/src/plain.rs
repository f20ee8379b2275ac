//! Everything in a snapshot as hits: slow, short, and right. For tests, and until a quicker way is asked for.

use store::{BatchRow, Hit, StoreError};

use crate::Snapshot;
use crate::part::{Column, OpenPart};

/// All records of a snapshot.
pub(crate) fn hits(snapshot: &Snapshot) -> Result<Vec<Hit>, StoreError> {
    let mut hits = Vec::new();
    for batch in &snapshot.head {
        hits.extend((0..batch.records.len()).map(|row| BatchRow::new(batch, row).hit()));
    }
    for part in &snapshot.parts {
        let open = part.open()?;
        for group in 0..open.groups().len() {
            group_hits(&open, group, &mut hits)?;
        }
    }
    Ok(hits)
}

fn group_hits(open: &OpenPart, number: usize, hits: &mut Vec<Hit>) -> Result<(), StoreError> {
    let group = &open.groups()[number];
    let (times, offsets) = (open.times(number)?, open.offsets(number)?);
    let (keys, key_of) = open.keys(number)?;
    let (levels, formats, marks) = (open.levels(number)?, open.formats(number)?, open.marks(number)?);
    let [stream, host, path, newline] =
        [Column::Stream, Column::Host, Column::Path, Column::Newline].map(|column| open.codes(number, column));
    let (stream, host, path, newline) = (stream?, host?, path?, newline?);
    let overflow = open.overflow(number)?;
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    for page in &group.pages {
        let lines = open.lines(page)?;
        for n in 0..page.rows as usize {
            let row = page.first_row as usize + n;
            let line = lines.line(n);
            let newline = newline.of_row(row).map_or(0, |number| u32::from(number[0]));
            let mut fields = Vec::new();
            match overflow.as_ref().and_then(|overflow| overflow.of_row(row)) {
                Some(value) => fields = OpenPart::overflow_fields(value),
                None => codec::fields(formats[row], line, &mut |name, value| {
                    fields.push((name.to_owned(), value.into_owned()));
                }),
            }
            hits.push(Hit {
                id: model::RecordId { key: keys[key_of[row] as usize], offset: offsets[row] },
                time: base::Timestamp::from_micros(times[row]),
                stream: text(stream.of_row(row)),
                host: text(host.of_row(row)),
                path: text(path.of_row(row)),
                level: levels[row],
                format: formats[row],
                marks: marks[row],
                line: line.to_vec(),
                size: line.len() as u32 + newline,
                fields,
            });
        }
    }
    Ok(())
}
