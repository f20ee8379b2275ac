//! One turn of one file: a block is read, cut, named and handed to the queue.

use std::io;
use std::sync::Arc;

use config::ParseChoice;
use model::{Batch, BatchFlags, BatchHeader, Format};

use super::Shard;
use crate::buffer::Buffer;
use crate::identity::{TAIL_LEN, Witness, read_up_to};
use crate::reader::{self, Flush, Plan, Range, Reach};
use crate::status::add;
use crate::tail::decide::{Decision, View, decide};
use crate::tail::{Flight, Mark, Phase, Tail};

/// Things that are used again for every block.
#[derive(Default)]
pub(super) struct Room {
    continuations: Vec<u32>,
    /// The local time's offset from UTC, found out once a minute.
    utc_offset_secs: i32,
    empty: Arc<[u32]>,
}

/// A block that was read: what stands before it, and it.
pub(super) struct Block {
    pub buffer: Buffer,
    /// Where it begins in the buffer.
    pub from: usize,
    /// Where it ends in the buffer.
    to: usize,
    reach: Reach,
}

/// What a batch on its way holds besides its payload, about: its header, and what the queue notes of it.
const FLIGHT: usize = 1 << 10;

impl Block {
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.data()[self.from..self.to]
    }
}

impl Shard {
    /// One turn.
    pub(super) fn step(&mut self, index: usize) -> io::Result<()> {
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        tail.queued = false;
        if !tail.may_read() || !self.ensure_open(index)? {
            return Ok(());
        }
        let now = self.now;
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        tail.used_at = now;
        let waits = self.links.settings.waits;
        let flush = match decide(view(tail, false), now, waits) {
            Decision::Read(flush) => flush,
            _ => return self.settle(index),
        };
        if let Some(header) = self.sent_before(index) {
            return self.send_as_before(index, &header);
        }
        if self.skip_scanned(index, flush)? {
            return self.settle(index);
        }
        let block_len = self.links.settings.block;
        let buffer = self.pool.get();
        let Some(block) = self.read_block(index, buffer, block_len)? else { return self.settle(index) };
        self.recognise(index, block.bytes());
        if self.is_binary(index, block.bytes()) {
            return Ok(());
        }
        match self.plan(index, &block, flush) {
            Plan::Longer => {
                let longest = self.links.settings.longest;
                let buffer = self.pool.oversized(TAIL_LEN + longest);
                let Some(block) = self.read_block(index, buffer, longest)? else { return self.settle(index) };
                let plan = self.plan(index, &block, flush);
                self.carry_out(index, block, plan);
            }
            plan => self.carry_out(index, block, plan),
        }
        self.settle(index)
    }

    /// Reads what follows, after making sure that what was read before still stands before it.
    pub(super) fn read_block(&mut self, index: usize, mut buffer: Buffer, len: usize) -> io::Result<Option<Block>> {
        let Some(tail) = self.tails[index].as_mut() else { return Ok(None) };
        let Some(file) = &tail.file else { return Ok(None) };
        let before = match tail.witness {
            Some(witness) => usize::from(witness.len),
            None => TAIL_LEN.min(usize::try_from(tail.read.end).unwrap_or(TAIL_LEN)),
        };
        let offset = tail.read.end - before as u64;
        let filled = read_up_to(file, &mut buffer.room()[..before + len], offset)?;
        let stands = &buffer.data()[..before.min(filled)];
        if filled < before || tail.witness.is_some_and(|witness| !witness.is_of(stands)) {
            tail.truncated = Some(tail.size);
            self.unsure_size(index);
            return Ok(None);
        }
        tail.size = tail.size.max(offset + filled as u64);
        tail.sure_size = tail.size;
        if filled == before {
            // It was truncated to here, or the look was wrong.
            tail.size = tail.read.end;
            return Ok(None);
        }
        let reach = match filled == before + len {
            true if len >= self.links.settings.longest => Reach::Longest,
            true => Reach::Part,
            false => Reach::End,
        };
        Ok(Some(Block { buffer, from: before, to: filled, reach }))
    }

    /// A line that is not finished is not read again as long as no newline comes. `true`: there is nothing to do.
    fn skip_scanned(&mut self, index: usize, flush: Flush) -> io::Result<bool> {
        let (line_max, block) = (self.links.settings.limits.line as u64, self.links.settings.block as u64);
        let Some(tail) = self.tails[index].as_mut() else { return Ok(true) };
        let Some(file) = &tail.file else { return Ok(true) };
        if tail.scanned <= tail.read.end + block || flush == Flush::Line || tail.unread() >= line_max {
            return Ok(false);
        }
        let mut buffer = self.pool.get();
        while tail.scanned < tail.size {
            let filled = read_up_to(file, buffer.room(), tail.scanned)?;
            if filled == 0 || codec::cut_last_newline(&buffer.data()[..filled]).is_some() {
                return Ok(false);
            }
            tail.scanned += filled as u64;
            tail.size = tail.size.max(tail.scanned);
        }
        tail.held = Some(reader::Held::Line);
        Ok(true)
    }

    fn plan(&mut self, index: usize, block: &Block, flush: Flush) -> Plan {
        let Some(tail) = self.tails[index].as_ref() else { return Plan::Hold(reader::Held::Line) };
        let limits = self.links.settings.limits;
        reader::plan(block.bytes(), tail.framing, limits, flush, block.reach, &mut self.room.continuations)
    }

    fn carry_out(&mut self, index: usize, block: Block, plan: Plan) {
        match plan {
            Plan::Send(range) => self.send(index, block, range),
            Plan::Hold(held) => {
                let read = block.bytes().len() as u64;
                if let Some(tail) = self.tails[index].as_mut() {
                    tail.held = Some(held);
                    if held == reader::Held::Line {
                        tail.scanned = tail.read.end + read;
                    }
                }
            }
            // The longest block is never too short.
            Plan::Longer => {}
        }
    }

    /// Makes a batch of the first bytes of a block and hands it to the queue.
    fn send(&mut self, index: usize, block: Block, range: Range) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        let settings = &self.links.settings;
        let stream = &settings.streams[tail.stream];
        let start = tail.read.end;
        let end = start + range.len as u64;
        let line_start = tail.read.open_line.unwrap_or(start);
        let mark = Mark { end, open_line: range.open.then_some(line_start) };
        let witness = Witness::of(&block.buffer.data()[..block.from + range.len]);
        let flags = flags_of(tail, range);
        if start == 0 {
            tail.prefix = Witness::of_start(&block.bytes()[..range.len]);
            // Who this is reaches the checkpoints before the queue has it: were the process killed now and the content
            // replaced meanwhile, nothing else could tell the new from the old.
            self.next.flush = self.now;
        }
        let (raw, held) = block.buffer.into_payload(block.from, block.from + range.len);
        let codec = if self.ahead.is_on { model::Codec::None } else { settings.codec };
        let (codec, payload, payload_crc) = codec::encode_payload(raw, codec);
        let held = if codec == model::Codec::None { held } else { payload.len() };
        let continuations = match self.room.continuations.as_slice() {
            [] => self.room.empty.clone(),
            some => some.into(),
        };
        let header = BatchHeader {
            key: tail.key,
            start,
            end,
            line_start,
            lines: range.lines,
            records: range.records,
            flags,
            codec,
            payload_len: payload.len() as u32,
            payload_crc,
            format: tail.framing.format,
            utc_offset_secs: stream.utc_offset_secs.unwrap_or(self.room.utc_offset_secs),
            read_at: self.links.clock.now(),
            revision: stream.revision,
            stream: stream.name.clone(),
            host: settings.host.clone(),
            path: tail.shown.clone(),
            continuations,
        };
        tail.restart_at(mark, Some(witness));
        tail.after_missed = false;
        let noted = !self.ahead.is_on || self.ahead.add(index, tail, range);
        self.launch(
            index,
            Flight { batch: Batch { header: Arc::new(header), payload }, ack: None, noted, mark, witness, held },
        );
    }

    /// On its way: at once, or once it is noted.
    pub(super) fn launch(&mut self, index: usize, mut flight: Flight) {
        self.count(&flight.batch.header);
        if flight.noted {
            flight.ack = Some(self.links.producer.append(flight.batch.clone()));
        }
        let Some(tail) = self.tails[index].as_mut() else { return };
        flight.held += FLIGHT + std::mem::size_of_val(&*flight.batch.header.continuations);
        self.in_flight += flight.held;
        if tail.flights.is_empty() {
            (tail.landed_at, tail.stuck) = (self.now, false);
            self.flying.push(index);
        }
        tail.flights.push_back(flight);
        self.links.alarm.ring();
        self.note(index);
    }

    fn count(&self, header: &BatchHeader) {
        let counters = &self.links.shared.counters;
        add(&counters.read_bytes, header.range_len());
        add(&counters.read_lines, u64::from(header.lines));
        add(&counters.read_records, u64::from(header.records));
        add(&counters.sent_batches, 1);
        add(&counters.sent_bytes, u64::from(header.payload_len));
    }

    /// Recognises the format by the beginning of a source.
    pub(super) fn recognise(&mut self, index: usize, block: &[u8]) {
        let Some(tail) = self.tails[index].as_mut().filter(|tail| tail.wants_format()) else { return };
        let stream = &self.links.settings.streams[tail.stream];
        if stream.parse != ParseChoice::Auto {
            return;
        }
        let Some(end) = codec::cut_last_newline(block) else { return };
        tail.detect_tries += 1;
        let format = codec::detect(&block[..end]);
        if format != Format::Unknown {
            tail.framing = stream.framing(format);
        }
    }

    /// Looks at the local time's offset, once a minute.
    pub(super) fn refresh_utc_offset(&mut self) {
        if self.now >= self.next.utc_offset {
            self.next.utc_offset = self.now + std::time::Duration::from_secs(60);
            self.room.utc_offset_secs = jiff::Zoned::now().offset().seconds();
        }
    }
}

fn flags_of(tail: &Tail, range: Range) -> BatchFlags {
    let mut flags = BatchFlags::default();
    if tail.read.open_line.is_some() {
        flags = flags.with(BatchFlags::FIRST_CONTINUES);
    }
    if range.open {
        flags = flags.with(BatchFlags::LAST_IS_OPEN);
    }
    if tail.after_missed {
        flags = flags.with(BatchFlags::AFTER_MISSED);
    }
    flags
}

/// What decisions are made of.
pub(super) fn view(tail: &Tail, successor: bool) -> View {
    View {
        phase: tail.phase,
        read: tail.read.end,
        size: tail.size,
        in_flight: !tail.flights.is_empty(),
        held: tail.held,
        replaced: !tail.named || successor || tail.leaves,
        grown_at: tail.grown_at,
    }
}

impl Tail {
    /// Whether it is a source of bytes that the queue should know.
    pub(super) const fn is_located(&self) -> bool {
        matches!(self.phase, Phase::Following | Phase::Draining)
    }
}
