//! What the engine does about what it is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kafka_protocol::error::ResponseError as R;
use kafka_protocol::messages::ProduceResponse;
use queue::QueueError;
use tokio::time::Instant;

use super::super::encode::{Limits, Output, encode};
use super::super::lane::{Fate, Parcel, Piece, Refusal, Trouble};
use super::super::letters::letters;
use super::super::request::{Sent, fates};
use super::Engine;
use super::jobs::Event;
use crate::error::{self, Remedy, remedy};

/// The longest wait before a record batch is sent again.
const HOLD_MAX: Duration = Duration::from_secs(5);
const HOLD_MIN: Duration = Duration::from_millis(20);
/// Smaller batches than that are not tried when a broker says that they are too large.
const SPLIT_MIN: usize = 1024;

impl Engine {
    pub(super) fn act(&mut self, event: Event) {
        match event {
            // It panics only where we are at fault. Nothing of it may be called durable, so the engine ends.
            Event::Encoded { output: None, .. } => self.is_broken = true,
            Event::Encoded { lane, slot, pieces, output: Some(output) } => {
                self.encoding -= 1;
                let parcels = self.parcels(&pieces, output);
                self.lanes[lane].loaded(slot, parcels);
                // The stretch that stood for the load itself.
                pieces.iter().for_each(|piece| self.less(piece.item));
            }
            Event::Answered { broker, sent, answer } => {
                self.request_ended(broker);
                self.answered(broker, sent, answer);
            }
            Event::Told { broker, sent, told } => {
                self.request_ended(broker);
                match told {
                    Ok(()) => sent.iter().for_each(|one| self.settle(one, Fate::Durable(-1))),
                    Err(error) => self.lost(broker, sent, &error),
                }
            }
            Event::Connected { broker, connection } => self.connected(broker, connection),
            Event::Known { topic, meta } => self.known(&topic, meta),
            Event::Identified(identity) => {
                self.asking_identity = false;
                match identity {
                    Ok(identity) => {
                        self.identity = Some(identity);
                        self.identity_hold = None;
                        self.backoff.reset();
                        self.shared.clear("producer id");
                    }
                    Err(error) => {
                        self.identity_hold = Some(Instant::now() + self.backoff.next_wait());
                        self.shared.note("producer id", error.to_string());
                    }
                }
            }
        }
    }

    fn request_ended(&mut self, broker: i32) {
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.requests = broker.requests.saturating_sub(1);
        }
    }

    /// What was encoded, as parcels; what is too large goes to the dead letters.
    fn parcels(&mut self, pieces: &Arc<Vec<Piece>>, output: Output) -> Vec<Parcel> {
        for span in output.batches.iter().flat_map(|batch| &batch.spans) {
            if let Some(item) = pieces.get(span.part).and_then(|piece| self.items.get_mut(&piece.item)) {
                item.left += 1;
            }
        }
        let reason = format!("larger than kafka.message_bytes_max ({}), even compressed", self.limits.bytes);
        for span in output.too_large {
            if let Some(piece) = pieces.get(span.part) {
                self.bury(piece, span.range, &reason);
            }
        }
        output.batches.into_iter().map(|batch| Parcel::new(batch, pieces.clone())).collect()
    }

    /// Sends some bytes to the dead letters; their item waits for that too.
    fn bury(&mut self, piece: &Piece, range: std::ops::Range<usize>, reason: &str) {
        let most = (self.limits.bytes / 2).min(range.len().max(SPLIT_MIN));
        let again = piece.part.header.flags.has(model::BatchFlags::DEAD_LETTER);
        let most = if again { (most / 2).max(SPLIT_MIN) } else { most };
        let made = letters(&piece.part, range, &format!("{}{reason}", queue::NOT_TAKEN), most);
        tracing::warn!(
            source = %piece.part.header.key, path = %piece.part.header.path, reason, "a record goes to the dead letters"
        );
        self.shared.figures.dead_letters.fetch_add(1, Ordering::Relaxed);
        for letter in made {
            if let Some(item) = self.items.get_mut(&piece.item) {
                item.left += 1;
            }
            self.route(piece.item, letter, self.routes.letters);
        }
    }

    fn connected(&mut self, id: i32, connection: Result<Arc<crate::client::Connection>, QueueError>) {
        let broker = self.brokers.entry(id).or_default();
        broker.connecting = false;
        match connection {
            Ok(connection) => {
                broker.connection = Some(connection);
                self.shared.clear(&format!("broker {id}"));
            }
            Err(error) => {
                broker.connection = None;
                self.shared.note(&format!("broker {id}"), error.to_string());
                self.ask_for_leaders_of(id);
            }
        }
    }

    /// The partitions that a broker leads may be led by another one by now.
    fn ask_for_leaders_of(&mut self, id: i32) {
        let now = Instant::now();
        let mut topics: Vec<Arc<str>> =
            self.lanes.iter().filter(|lane| lane.leader == Some(id)).map(|lane| lane.topic.clone()).collect();
        topics.dedup();
        topics.iter().for_each(|topic| self.ask(topic, now));
    }

    fn answered(&mut self, broker: i32, sent: Vec<Sent>, answer: Result<ProduceResponse, QueueError>) {
        match answer {
            Ok(answer) => {
                for (one, fate) in fates(sent, answer) {
                    self.settle(&one, fate);
                }
            }
            Err(error) => self.lost(broker, sent, &error),
        }
    }

    /// Nobody knows what became of a request.
    pub(super) fn lost(&mut self, broker: i32, sent: Vec<Sent>, error: &QueueError) {
        self.shared.note(&format!("broker {broker}"), error.to_string());
        for one in &sent {
            self.settle(one, Fate::Lost);
        }
        self.ask_for_leaders_of(broker);
    }

    fn settle(&mut self, one: &Sent, fate: Fate) {
        let done = self.lanes[one.lane].settle(one.sequence, fate);
        self.done(one.lane, done);
        if let Some((trouble, done)) = self.lanes[one.lane].trouble() {
            self.done(one.lane, done);
            self.heal(one.lane, trouble);
        }
    }

    fn done(&mut self, lane: usize, parcels: Vec<Parcel>) {
        if parcels.is_empty() {
            return;
        }
        let what = self.about(lane);
        self.shared.clear(&what);
        for parcel in parcels {
            let base = if let Fate::Durable(base) = parcel.fate { base } else { -1 };
            self.shared.figures.records.fetch_add(u64::from(parcel.records), Ordering::Relaxed);
            self.durable(lane, &parcel.pieces, &parcel.spans, base);
        }
    }

    fn about(&self, lane: usize) -> String {
        let lane = &self.lanes[lane];
        format!("topic '{}', partition {}", lane.topic, lane.partition)
    }

    /// Everything sent to a partition is answered, and not all of it is durable.
    fn heal(&mut self, index: usize, trouble: Trouble) {
        let now = Instant::now();
        let refusal = match trouble {
            Trouble::Lost => return self.hold(index, now),
            Trouble::Refused(refusal) => refusal,
        };
        let single = self.lanes[index].ready.front().is_none_or(|parcel| parcel.records == 1);
        match refusal.code {
            R::MessageTooLarge | R::RecordListTooLarge if single => {
                let why = error::explain(refusal.code, &self.about(index));
                self.rewrite(index, self.limits, |_| Some(why.clone()));
            }
            R::MessageTooLarge | R::RecordListTooLarge => {
                let now = self.lanes[index].ready.front().map_or(0, |parcel| parcel.bytes.len());
                // One record may be more: then it goes alone, and it is the broker's word that it is too large.
                let limits = Limits { plain_bytes: (now / 2).max(SPLIT_MIN), ..self.limits };
                self.rewrite(index, limits, |_| None);
            }
            R::InvalidRecord => self.without_refused(index, &refusal),
            R::OutOfOrderSequenceNumber
            | R::UnknownProducerId
            | R::InvalidProducerEpoch
            | R::ProducerFenced
            | R::InvalidProducerIdMapping => {
                tracing::info!(
                    what = self.about(index),
                    code = error::name(refusal.code),
                    "a new producer id is needed"
                );
                if self.identity == self.lanes[index].identity {
                    self.identity = None;
                }
                self.lanes[index].renew(None);
            }
            code => {
                let at = &self.shared.at;
                let said = if refusal.said.is_empty() { String::new() } else { format!(": {}", refusal.said) };
                let why = format!("{}{said}", error::refused(at, code, &self.about(index)));
                // That a leader moves is daily life: it is told when it lasts.
                if remedy(code) == Remedy::Change || self.lanes[index].tries > 3 {
                    self.shared.note(&self.about(index), why);
                }
                if remedy(code) == Remedy::Refresh {
                    let topic = self.lanes[index].topic.clone();
                    self.ask(&topic, now);
                }
                self.hold(index, now);
            }
        }
    }

    /// Nothing more to this partition for a while, longer each time.
    fn hold(&mut self, index: usize, now: Instant) {
        let lane = &mut self.lanes[index];
        let wait = HOLD_MIN.saturating_mul(1 << lane.tries.min(10)).min(HOLD_MAX);
        lane.hold_until = Some(now + wait);
    }

    /// The records that a broker names go to the dead letters, the others again.
    fn without_refused(&mut self, index: usize, refusal: &Refusal) {
        let why = |n: u32| {
            let named = refusal.records.iter().find(|(record, _)| *record == n);
            let said = match named {
                Some((_, said)) if !said.is_empty() => said,
                Some(_) => &refusal.said,
                // Where none is named, all are meant.
                None if refusal.records.is_empty() => &refusal.said,
                None => return None,
            };
            Some(format!("refused by the broker: {said} [INVALID_RECORD]"))
        };
        self.rewrite(index, self.limits, why);
    }

    /// Encodes the first record batch of a lane anew, without those records for which there is a reason to bury them.
    fn rewrite(&mut self, index: usize, limits: Limits, bury: impl Fn(u32) -> Option<String>) {
        let Some(parcel) = self.lanes[index].take_first() else { return };
        let mut kept: Vec<Piece> = Vec::new();
        let mut n = 0;
        for span in &parcel.spans {
            let Some(piece) = parcel.pieces.get(span.part) else { continue };
            let stretch = piece.part.stretch(span.range.clone());
            for range in stretch.record_ranges() {
                match bury(n) {
                    Some(reason) => self.bury(piece, range, &reason),
                    None => match kept.last_mut() {
                        Some(last) if last.item == piece.item && last.part.range.end == range.start => {
                            last.part.range.end = range.end;
                        }
                        _ => kept.push(Piece { item: piece.item, part: stretch.stretch(range) }),
                    },
                }
                n += 1;
            }
        }
        let pieces = Arc::new(kept);
        let output = encode(pieces.iter().map(|piece| &piece.part), limits, &mut Vec::new());
        let parcels = self.parcels(&pieces, output);
        for parcel in parcels.into_iter().rev() {
            self.lanes[index].ready.push_front(parcel);
        }
        for span in &parcel.spans {
            if let Some(piece) = parcel.pieces.get(span.part) {
                self.less(piece.item);
            }
        }
    }
}
