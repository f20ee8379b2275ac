//! From the messages of a record batch to batches again.
//!
//! Decision: messages of other producers get the bytes of a source of their own, one per partition of a topic. A
//! record batch of Kafka begins at its first offset times [`ROOM`], its messages stand there one behind the other: so
//! their ids depend on nothing but on what the broker keeps, and ranges of neighbours never overlap.

use std::collections::VecDeque;

use model::{BatchFlags, Format, Generation, Place, Revision, SourceId, SourceKey, WireError};
use queue::Delivery;

use super::batches::{Damage, RawBatch};
use super::framed::decode_batch;
use super::messages::{Message, Messages};
use super::meta::RecordMeta;
use super::run::{Names, Record, Run, moment};
use super::{BATCH, HOST, ID, META, PATH, REASON, STREAM};

/// How many bytes of its source a message of another producer has, at the least.
pub const ROOM: u64 = 1 << ROOM_BITS;
const ROOM_BITS: u32 = 26;
/// Messages of other producers that lie so near to each other have one time, that of the last: in milliseconds.
const NEAR: i64 = 1000;

/// Where messages come from, and what those of other producers are taken for.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The partition, as the seam counts; the offset does not matter.
    pub place: Place,
    /// The source of messages of other producers.
    pub source: SourceId,
    /// Their stream.
    pub stream: String,
    /// Their host.
    pub host: String,
    /// Their path.
    pub path: String,
}

/// Why a record batch gives no batches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// A newer logdrive wrote it: this one must not pass over it.
    #[error(transparent)]
    Newer(WireError),
}

/// Makes batches.
pub struct Assembler {
    origin: Origin,
}

/// Room for what is decompressed, kept from one record batch to the next: one for all the partitions of a member.
#[derive(Default)]
pub struct Scratch(Vec<u8>);

impl Assembler {
    /// For the messages of one partition.
    pub const fn new(origin: Origin) -> Self {
        Self { origin }
    }

    /// Appends what a record batch holds from offset `from` on.
    ///
    /// # Errors
    /// [`Failure`]; then nothing is appended.
    pub fn batches(
        &self,
        raw: &RawBatch,
        from: i64,
        Scratch(scratch): &mut Scratch,
        out: &mut VecDeque<Delivery>,
    ) -> Result<(), Failure> {
        let before = out.len();
        let done = raw.plain(scratch).map_err(Failure::from).and_then(|plain| self.assemble(raw, plain, from, out));
        // What one huge record batch needed is not kept for ever.
        if scratch.capacity() > 8 << 20 {
            *scratch = Vec::new();
        }
        if done.is_err() {
            out.truncate(before);
        }
        done
    }

    fn assemble(&self, raw: &RawBatch, plain: &[u8], from: i64, out: &mut VecDeque<Delivery>) -> Result<(), Failure> {
        let mut run: Option<Run<'_>> = None;
        let mut strangers = Strangers::new(raw);
        for message in Messages::new(raw, plain) {
            let message = message?;
            if message.offset < from {
                if !is_ours(&message) {
                    strangers.next(&message)?;
                }
                continue;
            }
            if let Some(run) = &mut run
                && follows(run, &message)
            {
                continue;
            }
            if message.headers.first(BATCH).is_some() {
                out.extend(run.take().and_then(|run| run.finish(self.origin.place)));
                out.push_back(self.framed(&message)?);
                continue;
            }
            let (record, frame) = match ours(&message)? {
                Some(found) => found,
                None => (self.strange(&message, &mut strangers)?, None),
            };
            match &mut run {
                Some(run) if run.takes_record(&record) => run.push(record.value, record.meta.newline, record.offset),
                _ => {
                    let last = run.replace(Run::new(&record, plain.len()));
                    out.extend(last.and_then(|run| run.finish(self.origin.place)));
                }
            }
            if let Some(run) = &mut run {
                // Only behind a record like this one: what is special about it is not so of the next.
                run.frame = frame.filter(|_| record.meta.is_common());
            }
        }
        out.extend(run.and_then(|run| run.finish(self.origin.place)));
        Ok(())
    }

    fn framed(&self, message: &Message<'_>) -> Result<Delivery, Failure> {
        let version = message.headers.first(BATCH).map_or(&[][..], |(version, _)| version);
        let batch = decode_batch(version, message.value).map_err(|error| match error {
            error @ WireError::Version { .. } => Failure::Newer(error),
            _ => Damage::Malformed("batch").into(),
        })?;
        Ok(Delivery { place: Place { offset: message.offset as u64, ..self.origin.place }, batch })
    }

    /// A message of another producer.
    fn strange<'a>(&'a self, message: &Message<'a>, strangers: &mut Strangers) -> Result<Record<'a>, Failure> {
        let (start, time) = strangers.next(message)?;
        let meta = RecordMeta {
            flags: BatchFlags::default(),
            newline: true,
            format: Format::Unknown,
            utc_offset_secs: 0,
            revision: Revision::default(),
            read_at: moment(time),
            line_before: 0,
            letter_len: 0,
        };
        let (stream, host, path) = (&self.origin.stream, &self.origin.host, &self.origin.path);
        let names = Names { stream: stream.as_bytes(), host: host.as_bytes(), path: path.as_bytes() };
        let key = SourceKey::new(self.origin.source, Generation(0));
        Ok(Record { key, start, meta, names, value: message.value, reason: &[], offset: message.offset })
    }
}

/// Appends a message that differs from the one before it in nothing but its value and the digits of its id.
#[inline]
fn follows(run: &mut Run<'_>, message: &Message<'_>) -> bool {
    let Some((prefix, tail)) = run.frame else { return false };
    let Some((id, rest)) = message.headers.first(ID) else { return false };
    if rest != tail || !id.starts_with(prefix) {
        return false;
    }
    match decimal(&id[prefix.len()..]) {
        Some(start) if run.takes(start, message.value.len()) => {
            run.push(message.value, true, message.offset);
            true
        }
        _ => false,
    }
}

/// What of a message's headers is needed to see it as its producer did.
struct Labels<'a> {
    id: &'a [u8],
    meta: &'a [u8],
    names: Names<'a>,
    reason: &'a [u8],
}

fn labels<'a>(message: &Message<'a>) -> Option<Labels<'a>> {
    let (mut id, mut meta) = (None, None);
    let mut names = Names::default();
    let mut reason: &[u8] = &[];
    for (name, value) in message.headers.iter() {
        match std::str::from_utf8(name) {
            Ok(ID) => id = Some(value),
            Ok(META) => meta = Some(value),
            Ok(STREAM) => names.stream = value,
            Ok(HOST) => names.host = value,
            Ok(PATH) => names.path = value,
            Ok(REASON) => reason = value,
            _ => {}
        }
    }
    Some(Labels { id: id?, meta: meta?, names, reason })
}

/// What stands before and behind the digits of an id.
type Frame<'a> = (&'a [u8], &'a [u8]);

/// A message that says where its bytes stood; any other is somebody else's.
fn ours<'a>(message: &Message<'a>) -> Result<Option<(Record<'a>, Option<Frame<'a>>)>, Failure> {
    let Some(labels) = labels(message) else { return Ok(None) };
    let Some((key, start, prefix)) = read_id(labels.id) else { return Ok(None) };
    let meta = match RecordMeta::decode(labels.meta) {
        Ok(meta) => meta,
        Err(error @ WireError::Version { .. }) => return Err(Failure::Newer(error)),
        Err(_) => return Ok(None),
    };
    let Labels { names, reason, .. } = labels;
    let record = Record { key, start, meta, names, value: message.value, reason, offset: message.offset };
    let frame = message.headers.first(ID).map(|(_, tail)| (prefix, tail));
    Ok(Some((record, frame)))
}

fn is_ours(message: &Message<'_>) -> bool {
    message.headers.first(BATCH).is_some() || !matches!(ours(message), Ok(None))
}

/// `source.generation.offset`: the source in its generation, the offset, and what stands before its digits.
fn read_id(id: &[u8]) -> Option<(SourceKey, u64, &[u8])> {
    let dot = memchr::memrchr(b'.', id)?;
    let key = std::str::from_utf8(&id[..dot]).ok()?.parse().ok()?;
    Some((key, decimal(&id[dot + 1..])?, &id[..=dot]))
}

#[inline]
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// Where the messages of other producers in one record batch stand in their source.
struct Strangers {
    next: u64,
    end: u64,
    /// The one time of all of them.
    time: Option<i64>,
}

impl Strangers {
    fn new(raw: &RawBatch) -> Self {
        let near = raw.has_append_time() || raw.max_time.saturating_sub(raw.first_time) <= NEAR;
        // Offsets beyond 2^38 have no room; then the first message is refused.
        let at = |offset: i64| u64::try_from(offset).ok().and_then(|offset| offset.checked_mul(ROOM)).unwrap_or(0);
        let time = near.then_some(raw.max_time.max(raw.first_time));
        Self { next: at(raw.base_offset), end: at(raw.last_offset.saturating_add(1)), time }
    }

    /// The place and the time of the next message.
    fn next(&mut self, message: &Message<'_>) -> Result<(u64, i64), Damage> {
        let start = self.next;
        self.next = start.saturating_add(message.value.len() as u64 + 1);
        if self.next > self.end {
            return Err(Damage::Malformed("message: it is longer than the messages of other producers may be, 64 MiB"));
        }
        Ok((start, self.time.unwrap_or(message.time)))
    }
}
