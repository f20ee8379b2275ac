//! One partition that is ours: where we are in it, and what of it has come.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use kafka_protocol::messages::fetch_response::PartitionData;
use model::{Partition, Place};
use queue::{Delivery, QueueError};
use tokio::time::Instant;

use super::Trouble;
use crate::record::assemble::{Assembler, Failure, Origin, Scratch};
use crate::record::batches::{RawBatch, RawBatches};
use crate::record::messages::Messages;

/// One partition.
pub struct Lane {
    /// The Kafka topic.
    pub topic: Arc<str>,
    /// The partition in it.
    pub index: i32,
    /// The partition, as the seam counts.
    pub partition: Partition,
    /// In which epoch of the membership it became ours.
    pub since: u64,
    /// What the group had committed, as far as we know; nobody else commits while it is ours.
    pub committed: i64,
    /// The next offset to hand out.
    pub next: i64,
    /// Behind the last offset that the leader told us of.
    pub end: i64,
    /// Raised by each seek: what was asked before is of no use.
    pub turn: u64,
    /// Whether a fetch is under way.
    pub asked: bool,
    /// Not asked before.
    pub retry_at: Option<Instant>,
    /// The leader no longer has the next offset.
    pub lost: bool,
    /// What keeps us from fetching for the moment.
    pub trouble: Trouble,
    /// What keeps us from going on, until somebody seeks.
    pub stuck: Option<QueueError>,
    /// The next offset to decode: everything before it is in `ready`, or handed out.
    decoded: i64,
    raw: RawBatches,
    ready: VecDeque<Delivery>,
    assembler: Assembler,
    /// Of the transactions in `raw` those that were given up: who, from which offset on; ascending.
    aborted: VecDeque<(i64, i64)>,
    aborting: HashSet<i64>,
}

impl Lane {
    /// At its beginning.
    pub fn new(topic: Arc<str>, index: i32, since: u64, origin: Origin) -> Self {
        let partition = origin.place.partition;
        Self {
            topic,
            index,
            partition,
            since,
            committed: 0,
            next: 0,
            end: 0,
            turn: 0,
            asked: false,
            retry_at: None,
            lost: false,
            trouble: Trouble::default(),
            stuck: None,
            decoded: 0,
            raw: RawBatches::default(),
            ready: VecDeque::new(),
            assembler: Assembler::new(origin),
            aborted: VecDeque::new(),
            aborting: HashSet::new(),
        }
    }

    /// Goes on from an offset, whatever was asked and whatever came.
    pub fn seek(&mut self, next: i64) {
        (self.next, self.decoded) = (next, next);
        self.turn += 1;
        self.asked = false;
        self.lost = false;
        self.stuck = None;
        self.retry_at = None;
        self.raw = RawBatches::default();
        self.ready.clear();
        self.aborted.clear();
        self.aborting.clear();
    }

    /// From which offset on something is to be fetched, if anything is.
    pub fn wants(&self, now: Instant) -> Option<i64> {
        let idle = !self.asked && !self.lost && self.stuck.is_none() && self.raw.is_empty();
        (idle && self.retry_at.is_none_or(|at| at <= now)).then_some(self.decoded)
    }

    /// Whether something has come that is not handed out yet.
    pub fn has_some(&self) -> bool {
        !self.ready.is_empty() || (!self.raw.is_empty() && self.stuck.is_none())
    }

    /// What came of a fetch.
    pub fn take(&mut self, data: &PartitionData) {
        self.retry_at = None;
        self.trouble = Trouble::default();
        self.end = data.high_watermark.max(self.end);
        self.raw = RawBatches::new(data.records.clone().unwrap_or_default());
        let mut aborted: Vec<_> = data
            .aborted_transactions
            .iter()
            .flatten()
            .map(|transaction| (transaction.first_offset, transaction.producer_id.0))
            .collect();
        aborted.sort_unstable();
        self.aborted = aborted.into();
        self.aborting.clear();
    }

    /// Moves batches of at most `room` bytes (though one where `out` is empty) to `out`; says how many bytes.
    pub fn hand_out(&mut self, room: usize, at: &str, scratch: &mut Scratch, out: &mut Vec<Delivery>) -> usize {
        let mut bytes = 0;
        loop {
            while let Some(first) = self.ready.front() {
                let len = first.batch.payload.len();
                if !out.is_empty() && bytes + len > room {
                    return bytes;
                }
                bytes += len;
                self.next = first.place.offset as i64 + 1;
                out.extend(self.ready.pop_front());
            }
            if self.stuck.is_some() || !self.decode(at, scratch) {
                return bytes;
            }
        }
    }

    /// Decodes one record batch; `false` where there is none.
    fn decode(&mut self, at: &str, scratch: &mut Scratch) -> bool {
        let Some(raw) = self.raw.next() else {
            // What is left is not whole.
            self.raw = RawBatches::default();
            return false;
        };
        let failed = match raw {
            Err(damaged) => (damaged.last_offset, Failure::Damage(damaged.damage)),
            Ok(raw) if raw.last_offset < self.decoded => return true,
            Ok(raw) => {
                if self.is_for_nobody(&raw) {
                    (self.decoded, self.next) = (raw.last_offset + 1, self.next.max(raw.last_offset + 1));
                    return true;
                }
                match self.assembler.batches(&raw, self.decoded, scratch, &mut self.ready) {
                    Ok(()) => {
                        self.decoded = raw.last_offset + 1;
                        return true;
                    }
                    Err(failure) => (raw.last_offset, failure),
                }
            }
        };
        self.stuck = Some(self.explain(failed.0, failed.1, at));
        self.raw = RawBatches::default();
        true
    }

    /// Marks of transactions, and what belongs to one that was given up.
    fn is_for_nobody(&mut self, raw: &RawBatch) -> bool {
        while let Some(&(_, producer)) = self.aborted.front().filter(|(first, _)| *first <= raw.last_offset) {
            self.aborting.insert(producer);
            self.aborted.pop_front();
        }
        if raw.is_control() {
            if is_abort(raw) {
                self.aborting.remove(&raw.producer_id);
            }
            return true;
        }
        raw.is_transactional() && self.aborting.contains(&raw.producer_id)
    }

    fn explain(&self, last_offset: i64, failure: Failure, at: &str) -> QueueError {
        match failure {
            Failure::Newer(source) => QueueError::Format {
                path: format!("topic '{}', partition {}, offset {} at {at}", self.topic, self.index, self.decoded),
                source,
            },
            Failure::Damage(damage) => QueueError::Unreadable {
                place: Place { partition: self.partition, offset: last_offset.max(self.decoded) as u64 },
                reason: format!("topic '{}', partition {}, at {at}: {damage}", self.topic, self.index),
            },
        }
    }
}

fn is_abort(raw: &RawBatch) -> bool {
    let mut scratch = Vec::new();
    let Ok(plain) = raw.plain(&mut scratch) else { return false };
    let first = Messages::new(raw, plain).next();
    // The version of the mark, then what it says: 0 is abort, 1 is commit.
    matches!(first, Some(Ok(message)) if message.key.is_some_and(|key| key.get(2..4) == Some(&[0, 0])))
}
