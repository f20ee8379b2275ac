//! Queues that keep no positions: what is sent is noted before it is sent, and sent again as it was.
//!
//! Decision: such a queue takes everything twice, and the store knows a record by its offset alone. So whatever is read
//! again must be cut at the very same places, although some cuts depended on silence, and others on the format that was
//! recognised by then. Instead of remembering reasons, the header of every batch goes to the checkpoints before the
//! batch goes to the queue, and what is not acknowledged is sent again by its header, byte for byte. Writing is enough
//! for a crash of the process. A crash of the machine may take the last notes: those that cannot be found again by
//! reading the bytes (a cut made by silence, another format, a new source) are synced first. The batches of one round
//! share one write and one sync.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Batch, BatchFlags, BatchHeader};
use queue::Position;

use super::Shard;
use crate::identity::{TAIL_LEN, Witness};
use crate::reader::Range;
use crate::status::{add, set};
use crate::tail::{Flight, Mark, Mono, Phase, Tail};

/// What waits to be noted.
#[derive(Default)]
pub(super) struct Ahead {
    /// The queue keeps no positions.
    pub is_on: bool,
    /// Files with batches that are not noted.
    waiting: Vec<usize>,
    /// Some of these notes must survive a crash of the machine.
    must_sync: bool,
    /// The checkpoints could not be written: tried again then.
    again_at: Option<Mono>,
}

/// After the checkpoints could not be written.
const AGAIN: Duration = Duration::from_millis(500);

impl Ahead {
    pub fn new(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    /// A batch was cut from a file and must be noted before it is sent. Always `false`: it is not noted yet.
    pub fn add(&mut self, index: usize, tail: &mut Tail, range: Range) -> bool {
        let by = (tail.framing, tail.gave_up());
        let is_new = tail.cut_by.replace(by) != Some(by);
        if is_new {
            // Its entry says by what it is cut.
            tail.in_checkpoints = false;
        }
        // While the format is looked for, another block may show it.
        self.must_sync |= range.by_silence || is_new || tail.wants_format();
        if !self.waiting.contains(&index) {
            self.waiting.push(index);
        }
        false
    }

    /// When it is tried again, if it failed.
    pub fn due(&self) -> Option<Mono> {
        self.again_at.filter(|_| !self.waiting.is_empty())
    }
}

impl Shard {
    /// Notes the batches of this round, and sends them.
    pub(super) fn send_noted(&mut self) {
        if self.ahead.waiting.is_empty() || self.ahead.again_at.is_some_and(|at| self.now < at) {
            return;
        }
        let now = self.links.clock.now();
        let (mut entries, mut sent) = (Vec::new(), Vec::new());
        for index in &self.ahead.waiting {
            let Some(tail) = &self.tails[*index] else { continue };
            if !tail.in_checkpoints {
                entries.extend(self.links.shared.ledger.lock().get(tail.key).cloned());
            }
            sent.extend(tail.flights.iter().filter(|flight| !flight.noted).map(|flight| flight.batch.header.clone()));
        }
        let ledger = (&self.links.shared.ledger, self.complete_until);
        if let Err(error) = self.links.checkpoints.note_ahead(&entries, &sent, self.ahead.must_sync, ledger) {
            let reason = format!("cannot be written: {error}; nothing new is sent until they can");
            self.links.shared.trouble("checkpoints", reason, now);
            self.ahead.again_at = Some(self.now + AGAIN);
            return;
        }
        self.links.shared.well("checkpoints");
        self.set_synced();
        let mut ledger = self.links.shared.ledger.lock();
        sent.into_iter().for_each(|header| ledger.note_sent(header));
        drop(ledger);
        (self.ahead.must_sync, self.ahead.again_at) = (false, None);
        for index in std::mem::take(&mut self.ahead.waiting) {
            self.guard(index, |shard| {
                shard.send_waiting(index);
                Ok(())
            });
        }
    }

    /// Everything of a file that is not sent is noted, and goes to the queue unless that has asked to wait.
    fn send_waiting(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        tail.in_checkpoints = true;
        let may_send = tail.resend_at.is_none();
        for flight in tail.flights.iter_mut().filter(|flight| flight.ack.is_none()) {
            flight.noted = true;
            tail.sent_end = tail.sent_end.max(flight.batch.header.end);
            if may_send {
                flight.ack = Some(self.links.producer.append(flight.batch.clone()));
            }
        }
        self.links.alarm.ring();
    }

    /// What was written to the checkpoints since the last time is made to survive a crash of the machine, too.
    pub(super) fn sync_checkpoints(&mut self) {
        if !self.ahead.is_on {
            return;
        }
        if let Err(error) = self.links.checkpoints.sync() {
            let now = self.links.clock.now();
            self.links.shared.trouble("checkpoints", format!("cannot be written: {error}"), now);
        }
        self.set_synced();
    }

    fn set_synced(&self) {
        let synced = usize::try_from(self.links.checkpoints.synced()).unwrap_or(usize::MAX);
        set(&self.links.shared.counters.checkpoint_synced_bytes, synced);
    }

    /// Where to begin in files, by the checkpoints alone.
    pub(super) fn locate_by_checkpoints(&mut self) {
        for index in std::mem::take(&mut self.to_locate) {
            let Some(tail) = self.tails[index].as_ref().filter(|tail| tail.phase == Phase::Locating) else { continue };
            let (source, key) = (tail.source, tail.key);
            let position = {
                let ledger = self.links.shared.ledger.lock();
                let entry = if key.source == source { ledger.latest(source) } else { ledger.get(key) };
                entry.map(|entry| (entry.report.key.generation, entry.acked()))
            };
            let generation = position.map_or(key.generation, |(generation, _)| generation);
            let position = position.map(|(_, at)| Position { end: at.end, open_line: at.open_line });
            self.guard(index, |shard| shard.located(index, generation, position));
        }
    }

    /// The batch that may have been sent from where a file is to be read on.
    pub(super) fn sent_before(&mut self, index: usize) -> Option<Arc<BatchHeader>> {
        let tail = self.tails[index].as_mut().filter(|tail| tail.read.end < tail.sent_end)?;
        let ledger = self.links.shared.ledger.lock();
        let found = ledger.get(tail.key)?.sent.iter().find(|header| header.end > tail.read.end).cloned();
        match found {
            Some(header) if header.start == tail.read.end => Some(header),
            _ => {
                // A damaged log: there is nothing to go by.
                tracing::warn!(path = %tail.path.display(), at = tail.read.end, "what was sent from here is not known; it may be cut in other places now");
                tail.sent_end = 0;
                None
            }
        }
    }

    /// Sends what may have been sent before, as it was. Where the file has something else there, it is another.
    pub(super) fn send_as_before(&mut self, index: usize, header: &Arc<BatchHeader>) -> io::Result<()> {
        let len = usize::try_from(header.range_len()).unwrap_or(usize::MAX);
        let block_len = self.links.settings.block;
        let buffer = if len <= block_len { self.pool.get() } else { self.pool.oversized(TAIL_LEN + len) };
        let Some(block) = self.read_block(index, buffer, len)? else { return self.settle(index) };
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        if block.bytes().len() != len || crc32c::crc32c(block.bytes()) != header.payload_crc {
            tail.truncated = Some(tail.size);
            self.unsure_size(index);
            return self.settle(index);
        }
        let witness = Witness::of(&block.buffer.data()[..block.from + len]);
        let (payload, held): (Bytes, usize) = block.buffer.into_payload(block.from, block.from + len);
        let open_line = header.flags.has(BatchFlags::LAST_IS_OPEN).then_some(header.line_start);
        let mark = Mark { end: header.end, open_line };
        tail.restart_at(mark, Some(witness));
        tail.after_missed = false;
        let batch = Batch { header: header.clone(), payload };
        add(&self.links.shared.counters.repeated_batches, 1);
        self.launch(index, Flight { batch, ack: None, noted: true, mark, witness, held });
        self.settle(index)
    }
}
