//! What is on its way to one partition, in order: waiting to be encoded, encoded, sent.
//!
//! Decision: nothing overtakes. Where a record batch is refused or its fate is unknown, nothing more is sent until all
//! that was sent is answered; then everything that is not durable is sent again in the old order, with the old numbers,
//! by which the broker recognises what it has.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use super::encode::{Encoded, Part, Seal, Span, seal};

/// Record batches of one partition that may be under way: brokers recognise repetitions among the last five.
pub const IN_FLIGHT_MAX: usize = 5;

/// A stretch of an item, waiting.
#[derive(Debug)]
pub struct Piece {
    /// Which item.
    pub item: u64,
    /// What of it.
    pub part: Part,
}

/// A record batch on its way.
#[derive(Debug)]
pub struct Parcel {
    /// What is sent.
    pub bytes: Bytes,
    /// How many messages it holds.
    pub records: u32,
    /// What it holds, in order.
    pub spans: Vec<Span>,
    /// What its spans are of: kept, so that it can be encoded anew.
    pub pieces: Arc<Vec<Piece>>,
    /// The numbers it bears, once it was sent.
    pub seal: Option<Seal>,
    /// What became of it.
    pub fate: Fate,
    /// Whether it was sent before.
    pub again: bool,
}

impl Parcel {
    /// Not sent yet.
    pub fn new(encoded: Encoded, pieces: Arc<Vec<Piece>>) -> Self {
        let Encoded { bytes, records, spans } = encoded;
        Self { bytes: bytes.into(), records, spans, pieces, seal: None, fate: Fate::Open, again: false }
    }
}

/// What became of a record batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not known yet.
    Open,
    /// It is durable, from this offset on (-1: not told).
    Durable(i64),
    /// The connection broke before the answer came.
    Lost,
    /// It was refused.
    Refused(Refusal),
}

/// Why a record batch was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The broker's code.
    pub code: ResponseError,
    /// What it said besides.
    pub said: String,
    /// Which of its records, and why, if it said so.
    pub records: Vec<(u32, String)>,
}

/// The producer as a partition knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// What is on its way to one partition.
#[derive(Debug)]
pub struct Lane {
    /// Of which topic.
    pub topic: Arc<str>,
    /// Its number.
    pub partition: i32,
    /// Who leads it, as far as is known.
    pub leader: Option<i32>,
    /// What waits to be encoded.
    pub waiting: VecDeque<Piece>,
    /// How many bytes wait.
    pub waiting_bytes: usize,
    /// Being encoded, or encoded: in order.
    pub encoding: VecDeque<Option<Vec<Parcel>>>,
    /// How many have left `encoding`, so that those who come back find their slot.
    pub encoded: u64,
    /// Encoded, to be sent.
    pub ready: VecDeque<Parcel>,
    /// Sent.
    pub flight: VecDeque<Parcel>,
    /// The producer's id and the next number; none before the first is sent, and after it was refused.
    pub identity: Option<Identity>,
    next: i32,
    /// Nothing is sent before that.
    pub hold_until: Option<Instant>,
    /// How often in a row something was refused.
    pub tries: u32,
}

/// What to do once everything sent is answered, and not all of it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Send again.
    Lost,
    /// The first that is not durable was refused.
    Refused(Refusal),
}

impl Lane {
    /// Nothing on its way yet.
    pub fn new(topic: Arc<str>, partition: i32, leader: Option<i32>) -> Self {
        Self {
            topic,
            partition,
            leader,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            encoding: VecDeque::new(),
            encoded: 0,
            ready: VecDeque::new(),
            flight: VecDeque::new(),
            identity: None,
            next: 0,
            hold_until: None,
            tries: 0,
        }
    }

    /// More for the end.
    pub fn push(&mut self, piece: Piece) {
        self.waiting_bytes += piece.part.range.len();
        self.waiting.push_back(piece);
    }

    /// Takes about `bytes` to be encoded: its slot, and the pieces.
    pub fn load(&mut self, bytes: usize) -> (u64, Vec<Piece>) {
        let mut taken = 0;
        let mut pieces = Vec::new();
        while let Some(piece) = self.waiting.pop_front() {
            taken += piece.part.range.len();
            pieces.push(piece);
            if taken >= bytes {
                break;
            }
        }
        self.waiting_bytes -= taken;
        self.encoding.push_back(None);
        (self.encoded + self.encoding.len() as u64 - 1, pieces)
    }

    /// What a load became; what is complete from the front on is ready.
    pub fn loaded(&mut self, slot: u64, parcels: Vec<Parcel>) {
        let at = (slot - self.encoded) as usize;
        if let Some(place) = self.encoding.get_mut(at) {
            *place = Some(parcels);
        }
        while let Some(Some(_)) = self.encoding.front() {
            self.ready.extend(self.encoding.pop_front().flatten().into_iter().flatten());
            self.encoded += 1;
        }
    }

    /// Whether nothing of it is being encoded, ready, or sent.
    pub fn is_idle(&self) -> bool {
        self.encoding.is_empty() && self.ready.is_empty() && self.flight.is_empty()
    }

    /// Whether something that was sent did not become durable.
    pub fn is_troubled(&self) -> bool {
        self.flight.iter().any(|parcel| matches!(parcel.fate, Fate::Lost | Fate::Refused(_)))
    }

    /// Whether the next record batch may be sent now. Nothing new follows what is sent again before that is durable:
    /// else the broker, which remembers the last five only, might not recognise it any more.
    pub fn may_send(&self, now: Instant, at_most: usize) -> bool {
        let Some(next) = self.ready.front() else { return false };
        self.flight.len() < at_most
            && (next.again || !self.flight.iter().any(|parcel| parcel.again))
            && self.hold_until.is_none_or(|until| until <= now)
            && !self.is_troubled()
    }

    /// The next record batch, numbered (again by its old number if it has one) and noted as sent.
    pub fn send(&mut self, idempotent: bool) -> Option<&Parcel> {
        let mut parcel = self.ready.pop_front()?;
        if parcel.seal.is_none() {
            let numbers = match self.identity.filter(|_| idempotent) {
                Some(Identity { id, epoch }) => {
                    let sequence = self.next;
                    self.next = sequence_after(sequence, parcel.records);
                    Seal { id, epoch, sequence }
                }
                None => Seal::NONE,
            };
            let mut bytes = Vec::from(std::mem::take(&mut parcel.bytes));
            seal(&mut bytes, numbers);
            parcel.bytes = bytes.into();
            parcel.seal = Some(numbers);
        }
        parcel.fate = Fate::Open;
        self.flight.push_back(parcel);
        self.flight.back()
    }

    /// Notes the fate of the record batch that bears this number; answers those that are done with, in order.
    pub fn settle(&mut self, sequence: i32, fate: Fate) -> Vec<Parcel> {
        let open = self.flight.iter_mut().filter(|parcel| parcel.fate == Fate::Open);
        if let Some(parcel) = open.into_iter().find(|parcel| parcel.seal.is_some_and(|seal| seal.sequence == sequence))
        {
            parcel.fate = fate;
        }
        let mut done = Vec::new();
        while self.flight.front().is_some_and(|parcel| matches!(parcel.fate, Fate::Durable(_))) {
            done.extend(self.flight.pop_front());
        }
        if !done.is_empty() {
            self.tries = 0;
        }
        done
    }

    /// Once all that was sent is answered, and not all of it is durable: puts what is not back in front, and says what
    /// was wrong with the first. What is durable behind it is answered too.
    pub fn trouble(&mut self) -> Option<(Trouble, Vec<Parcel>)> {
        if !self.is_troubled() || self.flight.iter().any(|parcel| parcel.fate == Fate::Open) {
            return None;
        }
        let first = self.flight.iter().find_map(|parcel| match &parcel.fate {
            Fate::Refused(refusal) => Some(Trouble::Refused(refusal.clone())),
            Fate::Lost => Some(Trouble::Lost),
            Fate::Open | Fate::Durable(_) => None,
        })?;
        let (done, again): (Vec<_>, Vec<_>) =
            self.flight.drain(..).partition(|parcel| matches!(parcel.fate, Fate::Durable(_)));
        for mut parcel in again.into_iter().rev() {
            parcel.again = true;
            self.ready.push_front(parcel);
        }
        self.tries += 1;
        Some((first, done))
    }

    /// A new producer, or none: what is not durable is numbered anew, from 0.
    pub fn renew(&mut self, identity: Option<Identity>) {
        self.identity = identity;
        self.next = 0;
        for parcel in &mut self.ready {
            parcel.seal = None;
        }
    }

    /// Takes the first record batch away, to be encoded anew by whoever asks; those behind it are numbered from its
    /// number on: the broker has seen none of them.
    pub fn take_first(&mut self) -> Option<Parcel> {
        let parcel = self.ready.pop_front()?;
        if let Some(seal) = parcel.seal.filter(|seal| seal.sequence >= 0) {
            self.next = seal.sequence;
        }
        for parcel in &mut self.ready {
            parcel.seal = None;
        }
        Some(parcel)
    }
}

/// The number after `records` more: it begins anew at 0 behind the largest.
pub fn sequence_after(sequence: i32, records: u32) -> i32 {
    ((i64::from(sequence) + i64::from(records)) & i64::from(i32::MAX)) as i32
}
