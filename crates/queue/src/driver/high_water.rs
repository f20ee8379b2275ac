//! How far each source is held, and what that says of the next batch: the heart of the idempotent append.

use std::collections::HashMap;

use base::Timestamp;
use model::wire::{Reader, Writer};
use model::{BatchFlags, BatchHeader, Generation, SourceId, SourceKey, WireError};

use crate::Position;

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It continues what is held: append it.
    Take,
    /// All of it is held.
    Duplicate(Position),
    /// It does not continue what is held.
    Gap(Position),
}

/// Judges a batch against what is held of its source (`None`: nothing).
pub fn judge(held: Option<Position>, header: &BatchHeader) -> Verdict {
    let position = held.unwrap_or(Position { end: 0, open_line: None });
    if header.end <= position.end {
        Verdict::Duplicate(position)
    } else if header.start == position.end
        || (header.start > position.end && header.flags.has(BatchFlags::AFTER_MISSED))
    {
        Verdict::Take
    } else {
        Verdict::Gap(position)
    }
}

/// How far a source is held once this batch is.
pub fn after(header: &BatchHeader) -> Position {
    let open = header.flags.has(BatchFlags::LAST_IS_OPEN);
    Position { end: header.end, open_line: open.then_some(header.line_start) }
}

/// How far each source is held, and when it last moved.
#[derive(Clone, Debug, Default)]
pub struct HighWaters(HashMap<SourceKey, (Position, Timestamp)>);

const VERSION: u8 = 1;

impl HighWaters {
    /// How far a source is held.
    pub fn get(&self, key: SourceKey) -> Option<Position> {
        self.0.get(&key).map(|(position, _)| *position)
    }

    /// Notes that a source is held so far.
    pub fn note(&mut self, key: SourceKey, position: Position, now: Timestamp) {
        self.0.insert(key, (position, now));
    }

    /// Forgets the sources that have not moved since `before`; says how many.
    pub fn forget_idle(&mut self, before: Timestamp) -> usize {
        let count = self.0.len();
        self.0.retain(|_, (_, moved)| *moved >= before);
        count - self.0.len()
    }

    /// How many sources are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The persisted form, appended to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.0.len() * 40);
        let mut w = Writer::new(out);
        w.u8(VERSION);
        w.varint(self.0.len() as u64);
        for (key, (position, moved)) in &self.0 {
            w.u128(key.source.0);
            w.varint(u64::from(key.generation.0));
            w.varint(position.end);
            w.varint(position.open_line.map_or(0, |at| position.end - at));
            w.signed(moved.as_micros());
        }
    }

    /// From the persisted form.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are not such a form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != VERSION {
            return Err(WireError::Version { found: version, known: VERSION });
        }
        let count = r.varint()?;
        if count > bytes.len() as u64 {
            return Err(WireError::Malformed("number of sources"));
        }
        let mut map = HashMap::with_capacity(count as usize);
        for _ in 0..count {
            let key = SourceKey::new(SourceId(r.u128()?), Generation(r.varint_u32()?));
            let (end, open_bytes) = (r.varint()?, r.varint()?);
            let open_at = end.checked_sub(open_bytes).ok_or(WireError::Malformed("open line"))?;
            let position = Position { end, open_line: (open_bytes > 0).then_some(open_at) };
            map.insert(key, (position, Timestamp::from_micros(r.signed()?)));
        }
        r.finish()?;
        Ok(Self(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::BatchOf;

    #[test]
    fn a_batch_is_judged_by_what_is_held() {
        let held = Position { end: 10, open_line: None };
        let nothing = Position { end: 0, open_line: None };
        let missed = BatchFlags::AFTER_MISSED;
        let none = BatchFlags::default();
        let table = [
            (None, 0, 5, none, Verdict::Take),
            (None, 3, 5, none, Verdict::Gap(nothing)),
            (None, 3, 5, missed, Verdict::Take),
            (Some(held), 10, 12, none, Verdict::Take),
            (Some(held), 10, 12, missed, Verdict::Take),
            (Some(held), 0, 10, none, Verdict::Duplicate(held)),
            (Some(held), 4, 9, none, Verdict::Duplicate(held)),
            (Some(held), 4, 9, missed, Verdict::Duplicate(held)),
            (Some(held), 11, 12, none, Verdict::Gap(held)),
            (Some(held), 11, 12, missed, Verdict::Take),
            (Some(held), 9, 12, none, Verdict::Gap(held)),
            (Some(held), 9, 12, missed, Verdict::Gap(held)),
        ];
        for (held, start, end, flags, expected) in table {
            let text = "x".repeat((end - start) as usize);
            let batch = BatchOf::source(1).at(start).flags(flags).text(&text);
            assert_eq!(judge(held, &batch.header), expected, "{held:?} {start}..{end} {flags:?}");
        }
    }

    #[test]
    fn idle_sources_are_forgotten() {
        let mut marks = HighWaters::default();
        for n in 0..10u128 {
            let key = SourceKey::new(SourceId(n), Generation(0));
            marks.note(key, Position { end: 1, open_line: None }, Timestamp::from_micros(n as i64));
        }
        assert_eq!(marks.forget_idle(Timestamp::from_micros(4)), 4);
        assert_eq!(marks.len(), 6);
    }

    proptest! {
        #[test]
        fn survive_their_persisted_form(entries in prop::collection::vec(
            (any::<u128>(), any::<u32>(), 1u64.., prop::option::of(1u64..1000), any::<i64>()), 0..40)) {
            let mut marks = HighWaters::default();
            for (source, generation, end, open, moved) in entries {
                let open_line = open.filter(|n| *n <= end).map(|n| end - n);
                let key = SourceKey::new(SourceId(source), Generation(generation));
                marks.note(key, Position { end, open_line }, Timestamp::from_micros(moved));
            }
            let mut bytes = Vec::new();
            marks.encode(&mut bytes);
            prop_assert_eq!(HighWaters::decode(&bytes).map(|m| m.0), Ok(marks.0));
            prop_assert!(HighWaters::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
