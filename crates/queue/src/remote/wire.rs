//! The form of calls and answers.
//!
//! A batch is `[u32 header length][header][payload]`, as the header says how long the payload is; payloads are never
//! copied on the way in. An answer begins with one byte, 0 for what was asked or 1 for an error.

use std::time::Duration;

use bytes::Bytes;
use model::wire::{Reader, Writer};
use model::{Batch, BatchHeader, Cursors, Generation, Partition, Place, QueueId, SourceId, SourceKey, WireError};

use super::error;
use crate::{Delivery, Outcome, Position, QueueError, TopicStats};

/// Longest body of a call, in bytes.
pub const MAX_BODY: usize = 64 << 20;
/// Longest wait of one poll; a longer one is cut into several.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// What can be called, by its name in the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Who are you: the queue's identity.
    Id,
    /// Batches in; outcomes out.
    Append,
    /// Source keys in; positions out.
    Positions,
    /// Member and group in.
    Join,
    /// Member in.
    Leave,
    /// A [`Poll`] in; a [`Polled`] out.
    Poll,
    /// Member in; cursors out.
    Committed,
    /// Member and cursors in; assignment out.
    Seek,
    /// Member and cursors in.
    Commit,
    /// How full the topic is.
    Stats,
    /// Group in, as a member's.
    Forget,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Id,
        Self::Append,
        Self::Positions,
        Self::Join,
        Self::Leave,
        Self::Poll,
        Self::Committed,
        Self::Seek,
        Self::Commit,
        Self::Stats,
        Self::Forget,
    ];

    /// Its name in the path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Append => "append",
            Self::Positions => "positions",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Poll => "poll",
            Self::Committed => "committed",
            Self::Seek => "seek",
            Self::Commit => "commit",
            Self::Stats => "stats",
            Self::Forget => "forget",
        }
    }

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }
}

/// Asks for batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Which member asks.
    pub member: u64,
    /// Counts the polls of the member. The same number again means that the answer was lost.
    pub number: u64,
    /// See [`crate::PollOptions`].
    pub max_bytes: u64,
    /// See [`crate::PollOptions`].
    pub max_wait: Duration,
}

/// Batches, and what the member owns now.
#[derive(Clone, Debug)]
pub struct Polled {
    /// The partitions owned.
    pub assignment: Vec<Partition>,
    /// The batches.
    pub deliveries: Vec<Delivery>,
}

/// Encodes an answer: `body` writes what was asked for.
pub fn answer<T>(result: Result<T, QueueError>, body: impl FnOnce(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    match result {
        Ok(value) => {
            out.push(0);
            body(&value, &mut out);
        }
        Err(error) => {
            out.push(1);
            error::encode(&error, &mut out);
        }
    }
    out
}

/// What an answer holds, or the error that it is.
///
/// # Errors
/// The queue's own error, or `Corrupt` where the bytes are no answer.
pub fn open_answer(bytes: &Bytes) -> Result<Bytes, QueueError> {
    match bytes.first() {
        Some(0) => Ok(bytes.slice(1..)),
        Some(1) => Err(error::decode(&mut Reader::new(&bytes[1..])).unwrap_or_else(|e| malformed(&e))),
        _ => Err(malformed(&WireError::Short)),
    }
}

/// The error for an answer or a call that cannot be read.
pub fn malformed(error: &WireError) -> QueueError {
    QueueError::Invalid(format!("the bytes are not of the remote queue's protocol: {error}"))
}

/// The reason by which a member learns that the server does not know it.
const UNKNOWN_MEMBER: &str = "this consumer is not known (any more)";

/// The answer to a member that the server does not know.
pub fn unknown_member() -> QueueError {
    QueueError::Unavailable { at: "the server".to_owned(), reason: UNKNOWN_MEMBER.to_owned() }
}

/// Whether the server does not know the member: it is to join again.
pub fn is_unknown_member(error: &QueueError) -> bool {
    matches!(error, QueueError::Unavailable { reason, .. } if reason == UNKNOWN_MEMBER)
}

/// Appends a batch to `out`.
pub fn put_batch(batch: &Batch, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    batch.header.encode(out);
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&batch.payload);
}

/// Takes a batch off the front of `bytes`.
///
/// # Errors
/// Where that is none.
pub fn take_batch(bytes: &mut Bytes) -> Result<Batch, WireError> {
    let len = bytes.first_chunk::<4>().map(|len| u32::from_le_bytes(*len) as usize).ok_or(WireError::Short)?;
    let header = BatchHeader::decode(bytes.get(4..4 + len).ok_or(WireError::Short)?)?;
    let end = 4 + len + header.payload_len as usize;
    if end > bytes.len() {
        return Err(WireError::Short);
    }
    let payload = bytes.slice(4 + len..end);
    bytes::Buf::advance(bytes, end);
    Ok(Batch { header: header.into(), payload })
}

/// All batches of a call.
///
/// # Errors
/// Where the bytes are no batches.
pub fn take_batches(mut bytes: Bytes) -> Result<Vec<Batch>, WireError> {
    let mut batches = Vec::new();
    while !bytes.is_empty() {
        batches.push(take_batch(&mut bytes)?);
    }
    Ok(batches)
}

/// Appends outcomes to `out`.
pub fn put_outcomes(outcomes: &[Result<Outcome, QueueError>], out: &mut Vec<u8>) {
    Writer::new(out).varint(outcomes.len() as u64);
    for outcome in outcomes {
        match outcome {
            Ok(Outcome::Appended(place)) => {
                let mut w = Writer::new(out);
                w.u8(0);
                w.varint(u64::from(place.partition.0));
                w.varint(place.offset);
            }
            Ok(Outcome::Duplicate(position)) => {
                out.push(1);
                put_position(*position, out);
            }
            Ok(Outcome::Gap { expected }) => {
                out.push(2);
                put_position(*expected, out);
            }
            Ok(Outcome::BackPressure { retry_after }) => {
                let mut w = Writer::new(out);
                w.u8(3);
                w.varint(retry_after.as_millis() as u64);
            }
            Err(error) => {
                out.push(4);
                error::encode(error, out);
            }
        }
    }
}

/// Outcomes.
///
/// # Errors
/// Where the bytes are none.
pub fn outcomes(bytes: &[u8]) -> Result<Vec<Result<Outcome, QueueError>>, WireError> {
    let mut r = Reader::new(bytes);
    let count = count(&mut r, bytes)?;
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(match r.u8()? {
            0 => Ok(Outcome::Appended(Place { partition: Partition(r.varint_u32()?), offset: r.varint()? })),
            1 => Ok(Outcome::Duplicate(position(&mut r)?)),
            2 => Ok(Outcome::Gap { expected: position(&mut r)? }),
            3 => Ok(Outcome::BackPressure { retry_after: Duration::from_millis(r.varint()?) }),
            4 => Err(error::decode(&mut r)?),
            code => return Err(WireError::Unknown { what: "outcome", code: u64::from(code) }),
        });
    }
    r.finish()?;
    Ok(all)
}

fn count(r: &mut Reader<'_>, bytes: &[u8]) -> Result<usize, WireError> {
    let count = r.varint()?;
    if count > bytes.len() as u64 { Err(WireError::Malformed("count")) } else { Ok(count as usize) }
}

fn put_position(position: Position, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.varint(position.end);
    w.varint(position.open_line.map_or(0, |at| position.end - at));
}

fn position(r: &mut Reader<'_>) -> Result<Position, WireError> {
    let (end, open) = (r.varint()?, r.varint()?);
    let at = end.checked_sub(open).ok_or(WireError::Malformed("open line"))?;
    Ok(Position { end, open_line: (open > 0).then_some(at) })
}

/// Appends source keys to `out`.
pub fn put_keys(keys: &[SourceKey], out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.varint(keys.len() as u64);
    for key in keys {
        w.u128(key.source.0);
        w.varint(u64::from(key.generation.0));
    }
}

/// Source keys.
///
/// # Errors
/// Where the bytes are none.
pub fn keys(bytes: &[u8]) -> Result<Vec<SourceKey>, WireError> {
    let mut r = Reader::new(bytes);
    let count = count(&mut r, bytes)?;
    let key = |r: &mut Reader<'_>| Ok(SourceKey::new(SourceId(r.u128()?), Generation(r.varint_u32()?)));
    let all = (0..count).map(|_| key(&mut r)).collect::<Result<_, WireError>>()?;
    r.finish()?;
    Ok(all)
}

/// Appends positions to `out`.
pub fn put_positions(positions: &[Option<Position>], out: &mut Vec<u8>) {
    Writer::new(out).varint(positions.len() as u64);
    for position in positions {
        out.push(u8::from(position.is_some()));
        if let Some(position) = position {
            put_position(*position, out);
        }
    }
}

/// Positions.
///
/// # Errors
/// Where the bytes are none.
pub fn positions(bytes: &[u8]) -> Result<Vec<Option<Position>>, WireError> {
    let mut r = Reader::new(bytes);
    let count = count(&mut r, bytes)?;
    let one = |r: &mut Reader<'_>| if r.u8()? == 0 { Ok(None) } else { position(r).map(Some) };
    let all = (0..count).map(|_| one(&mut r)).collect::<Result<_, WireError>>()?;
    r.finish()?;
    Ok(all)
}

/// Appends a member and a group to `out`.
pub fn put_join(member: u64, group: &str, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.u64(member);
    w.text(group);
}

/// A member and a group.
///
/// # Errors
/// Where the bytes are none.
pub fn join(bytes: &[u8]) -> Result<(u64, String), WireError> {
    let mut r = Reader::new(bytes);
    let joined = (r.u64()?, r.text()?.to_owned());
    r.finish()?;
    Ok(joined)
}

/// Appends a member and cursors to `out`.
pub fn put_member_cursors(member: u64, cursors: &Cursors, out: &mut Vec<u8>) {
    Writer::new(out).u64(member);
    put_cursors(cursors, out);
}

/// A member and cursors.
///
/// # Errors
/// Where the bytes are none.
pub fn member_cursors(bytes: &[u8]) -> Result<(u64, Cursors), WireError> {
    let mut r = Reader::new(bytes);
    let both = (r.u64()?, cursors(&mut r)?);
    r.finish()?;
    Ok(both)
}

/// Appends cursors to `out`.
pub fn put_cursors(cursors: &Cursors, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.u64(cursors.queue.0);
    w.varint(cursors.next.len() as u64);
    for (partition, offset) in &cursors.next {
        w.varint(u64::from(partition.0));
        w.varint(*offset);
    }
}

/// Cursors, off the front.
///
/// # Errors
/// Where the bytes are none.
pub fn cursors(r: &mut Reader<'_>) -> Result<Cursors, WireError> {
    let mut cursors = Cursors::start_of(QueueId(r.u64()?));
    for _ in 0..r.varint()? {
        cursors.next.insert(Partition(r.varint_u32()?), r.varint()?);
    }
    Ok(cursors)
}

impl Poll {
    /// Appends it to `out`.
    pub fn put(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.u64(self.member);
        w.varint(self.number);
        w.varint(self.max_bytes);
        w.varint(self.max_wait.as_millis() as u64);
    }

    /// From bytes.
    ///
    /// # Errors
    /// Where the bytes are none.
    pub fn take(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let poll = Self {
            member: r.u64()?,
            number: r.varint()?,
            max_bytes: r.varint()?,
            max_wait: Duration::from_millis(r.varint()?),
        };
        r.finish()?;
        Ok(poll)
    }
}

/// Appends partitions to `out`.
pub fn put_partitions(partitions: &[Partition], out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.varint(partitions.len() as u64);
    partitions.iter().for_each(|partition| w.varint(u64::from(partition.0)));
}

/// Partitions, off the front.
///
/// # Errors
/// Where the bytes are none.
pub fn partitions(r: &mut Reader<'_>) -> Result<Vec<Partition>, WireError> {
    (0..r.varint()?).map(|_| r.varint_u32().map(Partition)).collect()
}

impl Polled {
    /// Appends it to `out`.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_partitions(&self.assignment, out);
        for Delivery { place, batch } in &self.deliveries {
            let mut w = Writer::new(out);
            w.varint(u64::from(place.partition.0));
            w.varint(place.offset);
            put_batch(batch, out);
        }
    }

    /// From bytes.
    ///
    /// # Errors
    /// Where the bytes are none.
    pub fn take(mut bytes: Bytes) -> Result<Self, WireError> {
        let mut r = Reader::new(&bytes);
        let assignment = partitions(&mut r)?;
        let used = bytes.len() - r.remaining();
        bytes::Buf::advance(&mut bytes, used);
        let mut deliveries = Vec::new();
        while !bytes.is_empty() {
            let mut r = Reader::new(&bytes);
            let place = Place { partition: Partition(r.varint_u32()?), offset: r.varint()? };
            let used = bytes.len() - r.remaining();
            bytes::Buf::advance(&mut bytes, used);
            deliveries.push(Delivery { place, batch: take_batch(&mut bytes)? });
        }
        Ok(Self { assignment, deliveries })
    }
}

/// Appends figures to `out`.
pub fn put_stats(stats: &TopicStats, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.varint(stats.partitions.len() as u64);
    for (partition, first, end, bytes) in &stats.partitions {
        [u64::from(partition.0), *first, *end, *bytes].into_iter().for_each(|n| w.varint(n));
    }
    w.text(stats.paused.as_deref().unwrap_or_default());
    w.varint(stats.groups.len() as u64);
    for (group, cursors) in &stats.groups {
        Writer::new(out).text(group);
        put_cursors(cursors, out);
    }
    let mut w = Writer::new(out);
    w.varint(stats.unread.len() as u64);
    stats.unread.iter().for_each(|group| w.text(group));
}

/// Figures.
///
/// # Errors
/// Where the bytes are none.
pub fn stats(bytes: &[u8]) -> Result<TopicStats, WireError> {
    let mut r = Reader::new(bytes);
    let mut stats = TopicStats::default();
    for _ in 0..r.varint()? {
        stats.partitions.push((Partition(r.varint_u32()?), r.varint()?, r.varint()?, r.varint()?));
    }
    stats.paused = Some(r.text()?.to_owned()).filter(|reason| !reason.is_empty());
    for _ in 0..r.varint()? {
        stats.groups.push((r.text()?.to_owned(), cursors(&mut r)?));
    }
    for _ in 0..r.varint()? {
        stats.unread.push(r.text()?.to_owned());
    }
    r.finish()?;
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::BatchOf;

    fn delivery(offset: u64, text: &str) -> Delivery {
        Delivery { place: Place { partition: Partition(2), offset }, batch: BatchOf::source(9).text(text) }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let polled = Polled {
            assignment: vec![Partition(0), Partition(7)],
            deliveries: vec![delivery(300, "a\n"), delivery(301, "\0b\n")],
        };
        let mut bytes = Vec::new();
        polled.put(&mut bytes);
        let read = Polled::take(bytes.clone().into()).expect("decodes");
        assert_eq!(read.assignment, polled.assignment);
        assert_eq!(format!("{:?}", read.deliveries), format!("{:?}", polled.deliveries));
        assert!(Polled::take(Bytes::from(bytes).slice(..40)).is_err());

        let all = [
            Ok(Outcome::Appended(Place { partition: Partition(3), offset: 1 << 40 })),
            Ok(Outcome::Duplicate(Position { end: 5, open_line: Some(0) })),
            Ok(Outcome::Gap { expected: Position { end: 5, open_line: None } }),
            Ok(Outcome::BackPressure { retry_after: Duration::from_millis(70) }),
            Err(QueueError::Invalid("no".to_owned())),
        ];
        let mut bytes = Vec::new();
        put_outcomes(&all, &mut bytes);
        assert_eq!(format!("{:?}", outcomes(&bytes).expect("decodes")), format!("{all:?}"));

        let figures = TopicStats {
            partitions: vec![(Partition(1), 2, 3, 4)],
            groups: vec![("g".to_owned(), Cursors { queue: QueueId(8), next: [(Partition(1), 2)].into() })],
            paused: Some("full".to_owned()),
            unread: vec!["g".to_owned()],
        };
        let mut bytes = Vec::new();
        put_stats(&figures, &mut bytes);
        assert_eq!(stats(&bytes), Ok(figures));
        for call in Call::ALL {
            assert_eq!(Call::from_name(call.name()), Some(call));
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_rubbish(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let shared = Bytes::from(bytes.clone());
            let _ = (Polled::take(shared.clone()), take_batches(shared.clone()), open_answer(&shared));
            let _ = (outcomes(&bytes), keys(&bytes), positions(&bytes), join(&bytes), member_cursors(&bytes));
            let _ = (Poll::take(&bytes), stats(&bytes));
        }
    }
}
