//! Values of one kind of one column: times, then values, in planes.
//!
//! Decision: what changes little is near zero after subtracting what stands before it, and its high bytes are nearly all
//! zero. So the n-th bytes of all numbers stand together, planes of zeros are left out, and zstd does the rest. Taking it
//! apart again is a few simple loops.

use model::FieldValue;
use model::wire::{Reader, WireError, Writer};
use store::metrics::number;

use crate::metrics::head::Cell;

/// What a value is. The numbers are persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Float = 0,
    Integer = 1,
    Unsigned = 2,
    Boolean = 3,
    Text = 4,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Float, Self::Integer, Self::Unsigned, Self::Boolean, Self::Text];

    pub const fn of(value: &FieldValue) -> Self {
        match value {
            FieldValue::Float(_) => Self::Float,
            FieldValue::Integer(_) => Self::Integer,
            FieldValue::Unsigned(_) => Self::Unsigned,
            FieldValue::Boolean(_) => Self::Boolean,
            FieldValue::Text(_) => Self::Text,
        }
    }

    pub const fn is_number(self) -> bool {
        matches!(self, Self::Float | Self::Integer | Self::Unsigned)
    }
}

/// Where a block stands and what it has.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub kind: Kind,
    pub offset: u64,
    pub len: u32,
    pub raw_len: u32,
    pub crc: u32,
    pub count: u32,
    pub min: i64,
    pub max: i64,
}

/// At most so many values in a block.
pub(super) const COUNT_MAX: usize = 1 << 16;
/// No block is longer.
const RAW_MAX: u32 = 1 << 30;
const SHORT: WireError = WireError::Malformed("block");

impl Block {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.u8(self.kind as u8);
        w.varint(self.offset);
        w.varint(u64::from(self.len));
        w.varint(u64::from(self.raw_len));
        w.u32(self.crc);
        w.varint(u64::from(self.count));
        w.signed(self.min);
        w.signed(self.max);
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = r.u8()?;
        let unknown = WireError::Unknown { what: "kind of value", code: u64::from(kind) };
        let kind = Kind::ALL.get(usize::from(kind)).copied().ok_or(unknown)?;
        let (offset, len, raw_len, crc) = (r.varint()?, r.varint_u32()?, r.varint_u32()?, r.u32()?);
        let (count, min, max) = (r.varint_u32()?, r.signed()?, r.signed()?);
        if count == 0 || count as usize > COUNT_MAX || len > RAW_MAX || raw_len > RAW_MAX {
            return Err(SHORT);
        }
        Ok(Self { kind, offset, len, raw_len, crc, count, min, max })
    }

    /// Its values as numbers; NaN where they are none.
    pub fn numbers(&self, raw: &[u8], out: &mut Vec<(i64, f64)>) -> Result<(), WireError> {
        let (times, rest) = take_times(raw, self.count as usize)?;
        if !self.kind.is_number() {
            out.extend(times.into_iter().map(|at| (at, f64::NAN)));
            return Ok(());
        }
        let words = take_words(rest, times.len())?;
        let pairs = times.into_iter().zip(words);
        let mut last = 0u64;
        match self.kind {
            Kind::Float => out.extend(pairs.map(|(at, word)| {
                last ^= word;
                (at, f64::from_bits(last))
            })),
            Kind::Integer => out.extend(pairs.map(|(at, word)| {
                last = last.wrapping_add(unzigzag(word) as u64);
                (at, last.cast_signed() as f64)
            })),
            _ => out.extend(pairs.map(|(at, word)| {
                last = last.wrapping_add(unzigzag(word) as u64);
                (at, last as f64)
            })),
        }
        Ok(())
    }

    /// Its values.
    pub fn cells(&self, raw: &[u8], out: &mut Vec<Cell>) -> Result<(), WireError> {
        let (times, rest) = take_times(raw, self.count as usize)?;
        match self.kind {
            Kind::Boolean => {
                let values = rest.get(..times.len()).ok_or(SHORT)?;
                out.extend(times.into_iter().zip(values).map(|(at, value)| (at, FieldValue::Boolean(*value == 1))));
            }
            Kind::Text => {
                let mut r = Reader::new(rest);
                for at in times {
                    out.push((at, FieldValue::Text(r.text()?.to_owned())));
                }
            }
            _ => {
                let mut last = 0u64;
                let is_float = self.kind == Kind::Float;
                for (at, word) in times.iter().zip(take_words(rest, times.len())?) {
                    last = if is_float { last ^ word } else { last.wrapping_add(unzigzag(word) as u64) };
                    let value = match self.kind {
                        Kind::Float => FieldValue::Float(f64::from_bits(last)),
                        Kind::Integer => FieldValue::Integer(last.cast_signed()),
                        _ => FieldValue::Unsigned(last),
                    };
                    out.push((*at, value));
                }
            }
        }
        Ok(())
    }
}

/// The bytes of a block of these cells, which are of one kind and ascending by time.
pub(super) fn pack(kind: Kind, cells: &[&Cell]) -> Vec<u8> {
    let mut out = Vec::with_capacity(cells.len() * 10);
    put_times(cells, &mut out);
    let mut last = 0u64;
    match kind {
        Kind::Boolean => out.extend(cells.iter().map(|cell| u8::from(matches!(cell.1, FieldValue::Boolean(true))))),
        Kind::Text => {
            let mut w = Writer::new(&mut out);
            for cell in cells {
                w.text(if let FieldValue::Text(text) = &cell.1 { text } else { "" });
            }
        }
        _ => {
            let words: Vec<u64> = cells
                .iter()
                .map(|cell| {
                    let word = match cell.1 {
                        FieldValue::Float(value) => value.to_bits(),
                        FieldValue::Integer(value) => value.cast_unsigned(),
                        FieldValue::Unsigned(value) => value,
                        _ => 0,
                    };
                    let before = std::mem::replace(&mut last, word);
                    if kind == Kind::Float { word ^ before } else { zigzag(word.wrapping_sub(before).cast_signed()) }
                })
                .collect();
            put_words(&words, &mut out);
        }
    }
    debug_assert!(cells.iter().all(|cell| Kind::of(&cell.1) == kind && number(&cell.1).is_some() == kind.is_number()));
    out
}

fn put_times(cells: &[&Cell], out: &mut Vec<u8>) {
    let first = cells.first().map_or(0, |cell| cell.0);
    let steps = || cells.windows(2).map(|pair| pair[1].0.wrapping_sub(pair[0].0).cast_unsigned());
    let least = steps().min().unwrap_or(0);
    let mut w = Writer::new(out);
    w.u64(first.cast_unsigned());
    w.u64(least);
    let words: Vec<u64> = steps().map(|step| step - least).collect();
    put_words(&words, out);
}

fn take_times(raw: &[u8], count: usize) -> Result<(Vec<i64>, &[u8]), WireError> {
    let mut r = Reader::new(raw);
    let (first, least) = (r.u64()?, r.u64()?);
    let rest = &raw[16..];
    let (used, steps) = (words_len(rest, count - 1)?, take_words(rest, count - 1)?);
    let mut at = first;
    let mut times = Vec::with_capacity(count);
    times.push(at.cast_signed());
    times.extend(steps.into_iter().map(|step| {
        at = at.wrapping_add(step).wrapping_add(least);
        at.cast_signed()
    }));
    Ok((times, &rest[used..]))
}

/// Which of the eight planes are there, then they.
fn put_words(words: &[u64], out: &mut Vec<u8>) {
    let all = words.iter().fold(0, |all, word| all | word);
    let planes = (0..8).filter(|plane| all >> (8 * plane) & 0xff != 0);
    out.push(planes.clone().fold(0, |mask, plane| mask | 1 << plane));
    for plane in planes {
        out.extend(words.iter().map(|word| (word >> (8 * plane)) as u8));
    }
}

fn words_len(raw: &[u8], count: usize) -> Result<usize, WireError> {
    let mask = raw.first().ok_or(SHORT)?;
    let len = 1 + mask.count_ones() as usize * count;
    if len > raw.len() { Err(SHORT) } else { Ok(len) }
}

fn take_words(raw: &[u8], count: usize) -> Result<Vec<u64>, WireError> {
    let len = words_len(raw, count)?;
    let mut words = vec![0u64; count];
    let mut planes = raw[1..len].chunks_exact(count.max(1));
    for plane in (0..8).filter(|plane| raw[0] >> plane & 1 == 1) {
        for (word, byte) in words.iter_mut().zip(planes.next().unwrap_or_default()) {
            *word |= u64::from(*byte) << (8 * plane);
        }
    }
    Ok(words)
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(word: u64) -> i64 {
    (word >> 1).cast_signed() ^ -(word & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(kind: Kind, bits: u64) -> FieldValue {
        match kind {
            Kind::Float => FieldValue::Float(f64::from_bits(bits)),
            Kind::Integer => FieldValue::Integer(bits.cast_signed()),
            Kind::Unsigned => FieldValue::Unsigned(bits),
            Kind::Boolean => FieldValue::Boolean(bits & 1 == 1),
            Kind::Text => FieldValue::Text(format!("{bits:x}")),
        }
    }

    fn same(one: &Cell, other: &Cell) -> bool {
        match (&one.1, &other.1) {
            (FieldValue::Float(a), FieldValue::Float(b)) => one.0 == other.0 && a.to_bits() == b.to_bits(),
            _ => one == other,
        }
    }

    proptest! {
        #[test]
        fn everything_comes_back(
            kind in prop::sample::select(Kind::ALL.to_vec()), first: i64,
            rest in prop::collection::vec((prop_oneof![1u64..100, any::<u64>()], any::<u64>()), 0..300),
        ) {
            let mut cells = vec![(first, value(kind, 7))];
            for (step, bits) in rest {
                let at = cells.last().map_or(0, |cell| cell.0).saturating_add_unsigned(step);
                cells.push((at, value(kind, bits)));
            }
            let given: Vec<&Cell> = cells.iter().collect();
            let raw = pack(kind, &given);
            let block = Block { kind, offset: 0, len: 0, raw_len: 0, crc: 0, count: cells.len() as u32, min: 0, max: 0 };
            let mut found = Vec::new();
            prop_assert!(block.cells(&raw, &mut found).is_ok());
            prop_assert!(found.len() == cells.len() && found.iter().zip(&cells).all(|(a, b)| same(a, b)));
            let mut numbers = Vec::new();
            prop_assert!(block.numbers(&raw, &mut numbers).is_ok());
            for (found, cell) in numbers.iter().zip(&cells) {
                let wanted = number(&cell.1).unwrap_or(f64::NAN);
                prop_assert!(found.0 == cell.0 && (found.1 == wanted || found.1.is_nan() && wanted.is_nan()));
            }
            // Cut anywhere, it is an error and no panic.
            for cut in 0..raw.len().min(200) {
                let _ = block.cells(&raw[..cut], &mut Vec::new());
                let _ = block.numbers(&raw[..cut], &mut Vec::new());
            }
        }
    }
}
