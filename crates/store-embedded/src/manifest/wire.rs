//! The persisted form of a change.

use base::{Intervals, Timestamp};
use model::wire::{Reader, WireError, Writer};
use model::{Cursors, Generation, Partition, QueueId, SourceId, SourceKey};

use super::state::{Change, PartMeta, SourceChange, SourceName};

pub(crate) fn encode(change: &Change) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    w.varint(change.next_part);
    match &change.cursors {
        None => w.u8(0),
        Some(cursors) => {
            w.u8(1);
            w.u64(cursors.queue.0);
            w.varint(cursors.next.len() as u64);
            for (partition, next) in &cursors.next {
                w.varint(u64::from(partition.0));
                w.varint(*next);
            }
        }
    }
    w.varint(change.fields.len() as u64);
    change.fields.iter().for_each(|name| w.text(name));
    w.varint(change.sources.len() as u64);
    change.sources.iter().for_each(|source| encode_source(source, &mut w));
    w.varint(change.added.len() as u64);
    change.added.iter().for_each(|part| encode_part(part, &mut w));
    w.varint(change.removed.len() as u64);
    change.removed.iter().for_each(|id| w.varint(*id));
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Change, WireError> {
    let mut r = Reader::new(bytes);
    let next_part = r.varint()?;
    let cursors = match r.u8()? {
        0 => None,
        _ => {
            let mut cursors = Cursors::start_of(QueueId(r.u64()?));
            for _ in 0..count(&mut r)? {
                cursors.next.insert(Partition(r.varint_u32()?), r.varint()?);
            }
            Some(cursors)
        }
    };
    let fields = list(&mut r, |r| Ok(r.text()?.into()))?;
    let sources = list(&mut r, decode_source)?;
    let added = list(&mut r, decode_part)?;
    let removed = list(&mut r, Reader::varint)?;
    r.finish()?;
    Ok(Change { next_part, cursors, fields, sources, added, removed })
}

fn count(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let count = r.varint()?;
    if count > r.remaining() as u64 { Err(WireError::Malformed("count")) } else { Ok(count as usize) }
}

fn list<'a, T>(
    r: &mut Reader<'a>,
    item: impl Fn(&mut Reader<'a>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    (0..count(r)?).map(|_| item(r)).collect()
}

fn encode_source(source: &SourceChange, w: &mut Writer<'_>) {
    w.u128(source.key.source.0);
    w.varint(u64::from(source.key.generation.0));
    match &source.name {
        None => w.u8(0),
        Some(name) => {
            w.u8(1);
            w.text(&name.stream);
            w.text(&name.host);
            w.text(&name.path);
        }
    }
    for set in [&source.stored, &source.gone, &source.dropped, &source.expired, &source.dead_letter] {
        encode_intervals(set, w);
    }
}

fn decode_source(r: &mut Reader<'_>) -> Result<SourceChange, WireError> {
    let key = SourceKey::new(SourceId(r.u128()?), Generation(r.varint_u32()?));
    let name = match r.u8()? {
        0 => None,
        _ => Some(SourceName { stream: r.text()?.into(), host: r.text()?.into(), path: r.text()?.into() }),
    };
    Ok(SourceChange {
        key,
        name,
        stored: decode_intervals(r)?,
        gone: decode_intervals(r)?,
        dropped: decode_intervals(r)?,
        expired: decode_intervals(r)?,
        dead_letter: decode_intervals(r)?,
    })
}

fn encode_part(part: &PartMeta, w: &mut Writer<'_>) {
    for number in [part.id, part.rows, part.line_bytes, part.parquet_bytes, part.sidecar_bytes] {
        w.varint(number);
    }
    for number in [part.day, part.min_time.as_micros(), part.max_time.as_micros()] {
        w.signed(number);
    }
    w.bytes(&part.sources);
    w.varint(part.fields.len() as u64);
    for (field, rows, is_column) in &part.fields {
        w.varint(u64::from(*field) << 1 | u64::from(*is_column));
        w.varint(u64::from(*rows));
    }
}

fn decode_part(r: &mut Reader<'_>) -> Result<PartMeta, WireError> {
    let (id, rows, line_bytes, parquet_bytes, sidecar_bytes) =
        (r.varint()?, r.varint()?, r.varint()?, r.varint()?, r.varint()?);
    let (day, min_time, max_time) =
        (r.signed()?, Timestamp::from_micros(r.signed()?), Timestamp::from_micros(r.signed()?));
    let sources = r.bytes()?.into();
    let fields: Vec<_> = list(r, |r| {
        let field = r.varint()?;
        let number = u32::try_from(field >> 1).map_err(|_| WireError::Malformed("field"))?;
        Ok((number, r.varint_u32()?, field & 1 != 0))
    })?;
    let fields = fields.into();
    Ok(PartMeta { id, day, rows, line_bytes, parquet_bytes, sidecar_bytes, min_time, max_time, sources, fields })
}

fn encode_intervals(set: &Intervals, w: &mut Writer<'_>) {
    w.varint(set.ranges().len() as u64);
    let mut last = 0;
    for (start, end) in set.ranges() {
        w.varint(start - last);
        w.varint(end - start);
        last = *end;
    }
}

fn decode_intervals(r: &mut Reader<'_>) -> Result<Intervals, WireError> {
    let mut set = Intervals::new();
    let mut last = 0u64;
    for _ in 0..count(r)? {
        let start = last.checked_add(r.varint()?).ok_or(WireError::Malformed("range"))?;
        let end = start.checked_add(r.varint()?).ok_or(WireError::Malformed("range"))?;
        set.insert(start, end);
        last = end;
    }
    Ok(set)
}

/// What of each source (by number) is in a part, as a part's entry carries it.
pub(crate) fn pack_sources(sources: &[(u32, &Intervals)]) -> Box<[u8]> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    w.varint(sources.len() as u64);
    for (number, set) in sources {
        w.varint(u64::from(*number));
        encode_intervals(set, &mut w);
    }
    out.into()
}

/// The inverse of [`pack_sources`].
pub(crate) fn unpack_sources(bytes: &[u8]) -> Result<Vec<(u32, Intervals)>, WireError> {
    let mut r = Reader::new(bytes);
    let sources = list(&mut r, |r| Ok((r.varint_u32()?, decode_intervals(r)?)))?;
    r.finish()?;
    Ok(sources)
}
