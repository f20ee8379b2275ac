//! A lane against a model of a broker that refuses, forgets and answers too late: everything arrives once and in order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError as R;
use proptest::prelude::*;
use tokio::time::Instant;

use super::encode::{Encoded, HEADER_LEN, Span};
use super::lane::{Fate, IN_FLIGHT_MAX, Identity, Lane, Parcel, Refusal, Trouble, sequence_after};

/// One partition, as its leader keeps it.
#[derive(Default)]
struct Broker {
    log: Vec<u64>,
    known: Option<(i64, i32)>,
    last: VecDeque<(i64, i32, u32)>,
}

impl Broker {
    fn take(&mut self, bytes: &[u8], records: u32) -> Result<(), R> {
        let id = i64::from_be_bytes(bytes[43..51].try_into().expect("8 bytes"));
        let sequence = i32::from_be_bytes(bytes[53..57].try_into().expect("4 bytes"));
        if self.last.contains(&(id, sequence, records)) {
            return Ok(());
        }
        let next = self.known.filter(|known| known.0 == id).map_or(0, |known| known.1);
        if sequence != next {
            return Err(R::OutOfOrderSequenceNumber);
        }
        self.known = Some((id, sequence_after(sequence, records)));
        self.last.push_back((id, sequence, records));
        if self.last.len() > IN_FLIGHT_MAX {
            self.last.pop_front();
        }
        self.log.push(u64::from_be_bytes(bytes[HEADER_LEN..HEADER_LEN + 8].try_into().expect("8 bytes")));
        Ok(())
    }
}

fn parcel(n: u64, records: u32) -> Parcel {
    let mut bytes = vec![0; HEADER_LEN];
    bytes.extend(n.to_be_bytes());
    let spans = vec![Span { part: 0, range: 0..1, records }];
    Parcel::new(Encoded { bytes, records, spans }, Arc::new(Vec::new()))
}

/// What happens to the next request.
#[derive(Clone, Copy, Debug)]
enum Luck {
    Good,
    /// The broker refuses it for the moment.
    Refused,
    /// The connection breaks before it arrives, and all behind it.
    LostBefore,
    /// The connection breaks after it arrived; those behind it may have arrived too.
    LostAfter,
    /// The broker has forgotten the producer.
    Forgotten,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        6 => Just(Luck::Good),
        1 => Just(Luck::Refused),
        1 => Just(Luck::LostBefore),
        1 => Just(Luck::LostAfter),
    ]
}

fn run(parcels: &[u32], lucks: &[Luck]) -> (Vec<u64>, Vec<u64>) {
    let mut lane = Lane::new("topic".into(), 0, Some(1));
    let mut broker = Broker::default();
    let mut ids = 1;
    lane.renew(Some(Identity { id: ids, epoch: 0 }));
    lane.ready.extend(parcels.iter().zip(0..).map(|(records, n)| parcel(n, *records)));
    let (mut done, mut lucks) = (Vec::new(), lucks.iter().copied());
    let named = |parcel: &Parcel| u64::from_be_bytes(parcel.bytes[HEADER_LEN..].try_into().expect("8 bytes"));
    while !(lane.ready.is_empty() && lane.flight.is_empty()) {
        if lane.identity.is_none() {
            ids += 1;
            lane.renew(Some(Identity { id: ids, epoch: 0 }));
        }
        let mut sent: Vec<(i32, Bytes, u32)> = Vec::new();
        while lane.may_send(Instant::now(), IN_FLIGHT_MAX) {
            let parcel = lane.send(true).expect("one is ready");
            sent.push((parcel.seal.expect("is sealed").sequence, parcel.bytes.clone(), parcel.records));
        }
        let mut lost = false;
        for (sequence, bytes, records) in sent {
            let luck = lucks.next().unwrap_or(Luck::Good);
            let fate = match luck {
                _ if lost => Fate::Lost,
                Luck::Good => answer(broker.take(&bytes, records)),
                Luck::Refused => refused(R::NotEnoughReplicas),
                Luck::LostBefore => {
                    lost = true;
                    Fate::Lost
                }
                Luck::LostAfter => {
                    let _ = broker.take(&bytes, records);
                    lost = true;
                    Fate::Lost
                }
                Luck::Forgotten => {
                    broker.known = None;
                    broker.last.clear();
                    refused(R::UnknownProducerId)
                }
            };
            done.extend(lane.settle(sequence, fate).iter().map(named));
        }
        if let Some((trouble, late)) = lane.trouble() {
            done.extend(late.iter().map(named));
            if let Trouble::Refused(Refusal { code: R::UnknownProducerId | R::OutOfOrderSequenceNumber, .. }) = trouble
            {
                lane.renew(None);
            }
        }
    }
    // An answer that is lost may be told behind one that is not.
    done.sort_unstable();
    (broker.log, done)
}

fn answer(taken: Result<(), R>) -> Fate {
    taken.map_or_else(refused, |()| Fate::Durable(-1))
}

fn refused(code: R) -> Fate {
    Fate::Refused(Refusal { code, said: String::new(), records: Vec::new() })
}

proptest! {
    #[test]
    fn everything_arrives_once_and_in_order(
        parcels in prop::collection::vec(1u32..100, 1..40), lucks in prop::collection::vec(luck(), 0..120),
    ) {
        let all: Vec<u64> = (0..parcels.len() as u64).collect();
        let (log, done) = run(&parcels, &lucks);
        prop_assert_eq!(&log, &all, "what the broker holds");
        prop_assert_eq!(&done, &all, "what is told to be durable");
    }

    #[test]
    fn a_broker_that_forgets_may_have_some_twice_but_lacks_none(
        parcels in prop::collection::vec(1u32..100, 1..40),
        lucks in prop::collection::vec(prop_oneof![4 => luck(), 1 => Just(Luck::Forgotten)], 0..120),
    ) {
        let all: Vec<u64> = (0..parcels.len() as u64).collect();
        let (log, done) = run(&parcels, &lucks);
        let mut firsts: Vec<u64> = Vec::new();
        log.iter().for_each(|n| if !firsts.contains(n) { firsts.push(*n) });
        prop_assert_eq!(&firsts, &all, "in order, each");
        prop_assert_eq!(&done, &all);
    }
}
