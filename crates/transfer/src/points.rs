//! Points that travel as lines: from the metrics topic into the metrics store.
//!
//! A record is a point in line protocol; one without a time gets that of its reading, so that a replay gives the same
//! point. Points are durable when the store has answered, so the cursor follows at once.

use std::sync::Arc;

use base::Explain;
use bytes::Bytes;
use codec::line_protocol::{self, Precision};
use config::{Start, TransferConfig};
use model::{Batch, Point};
use queue::{DEAD_LETTERS, Delivery, METRICS, Queue};
use runtime::Shutdown;
use store::metrics::PointWriter;

use crate::TransferError;
use crate::dead_letter::{self, Cemetery};
use crate::problems::{Patience, Problems};
use crate::reading::{Plan, Reading};
use crate::status::Status;

/// Points given to the store at a time.
const POINTS_MAX: usize = 5000;
/// The largest payload that is unpacked.
const PAYLOAD_MAX: usize = 64 << 20;

const WHO: &str = "metrics store";
const TAKES_NOTHING: &str = "takes nothing";
const FAILS: &str = "fails";

/// What brings points into the metrics store.
pub struct PointPipeline {
    pub config: TransferConfig,
    pub queue: Arc<dyn Queue>,
    pub points: Arc<dyn PointWriter>,
    pub status: Status,
    pub problems: Problems,
}

/// The lines of a batch.
#[derive(Default)]
struct Parsed {
    points: Vec<Point>,
    /// Where the line of each point stands.
    ranges: Vec<(usize, usize)>,
    /// Lines that are no points, and why.
    strange: Vec<(usize, usize, String)>,
}

impl PointPipeline {
    /// The consumer group.
    pub fn group(config: &TransferConfig) -> String {
        format!("{}-metrics", config.group)
    }

    pub async fn run(self: Arc<Self>, shutdown: &Shutdown) -> Result<(), TransferError> {
        let patience = Patience { who: WHO.into(), problems: self.problems.clone(), shutdown: shutdown.clone() };
        let ended = self.run_patiently(&patience).await;
        match &ended {
            Ok(()) => self.problems.clear(WHO, FAILS),
            Err(error) => self.problems.note(WHO, FAILS, &error.chain()),
        }
        ended
    }

    async fn run_patiently(&self, patience: &Patience) -> Result<(), TransferError> {
        let plan = Plan {
            topic: METRICS,
            group: Self::group(&self.config),
            start: Start::Beginning,
            held: None,
            poll_bytes: self.config.poll_bytes.as_usize(),
        };
        let Some(mut reading) = Reading::join(&self.queue, plan, patience.clone()).await? else { return Ok(()) };
        let open = || self.queue.producer(DEAD_LETTERS);
        let Some(letters) = patience.wait("cannot reach the dead letters", open).await? else { return Ok(()) };
        let cemetery = Cemetery { letters, of: Some("metrics".to_owned()), patience: patience.clone() };
        while !patience.shutdown.is_called() {
            let deliveries = reading.poll().await?;
            self.status.count_unreadable(std::mem::take(&mut reading.unreadable));
            if deliveries.is_empty() {
                self.problems.clear(WHO, FAILS);
                continue;
            }
            if !self.deliver(deliveries, &cemetery, patience).await? {
                return Ok(());
            }
            let reached = reading.reached().clone();
            reading.commit(&reached).await?;
        }
        Ok(())
    }

    /// `false`: told to stop before everything was written.
    async fn deliver(
        &self,
        deliveries: Vec<Delivery>,
        cemetery: &Cemetery,
        patience: &Patience,
    ) -> Result<bool, TransferError> {
        let read = runtime::blocking(move || {
            let read = |Delivery { batch, .. }: Delivery| {
                let unpacked = codec::decode_payload(&batch, PAYLOAD_MAX).map_err(|error| error.to_string());
                let parsed = unpacked.map(|payload| (parse(&batch, &payload), payload));
                (batch, parsed)
            };
            deliveries.into_iter().map(read).collect::<Vec<_>>()
        });
        for (batch, parsed) in read.await.map_err(|_| TransferError::Stage("parse"))? {
            let written = match parsed {
                Ok((parsed, payload)) => self.write(&batch, parsed, &payload, cemetery, patience).await?,
                Err(reason) => cemetery.bury(dead_letter::of_batch(&batch, &reason)).await?.is_some(),
            };
            if !written {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn write(
        &self,
        batch: &Batch,
        parsed: Parsed,
        payload: &Bytes,
        cemetery: &Cemetery,
        patience: &Patience,
    ) -> Result<bool, TransferError> {
        let mut letters = parsed.strange;
        for (chunk, ranges) in parsed.points.chunks(POINTS_MAX).zip(parsed.ranges.chunks(POINTS_MAX)) {
            let Some(refusals) = patience.wait(TAKES_NOTHING, || self.points.write(chunk)).await? else {
                return Ok(false);
            };
            let refused = |refusal: store::metrics::PointRefusal| {
                let (start, end) = ranges[refusal.point];
                (start, end, refusal.reason)
            };
            letters.extend(refusals.into_iter().map(refused));
        }
        // Dead letters of a source must come in the order of its bytes.
        letters.sort();
        let (lines, refused) = (parsed.points.len() as u64, letters.len() as u64);
        for (start, end, reason) in letters {
            let letter = dead_letter::of_range(&batch.header, start, &payload[start..end], &reason);
            if cemetery.bury(letter).await?.is_none() {
                return Ok(false);
            }
        }
        self.status.count_points(&batch.header, lines, refused);
        Ok(true)
    }
}

fn parse(batch: &Batch, payload: &Bytes) -> Parsed {
    let mut parsed = Parsed::default();
    for line in line_protocol::lines(payload) {
        // It is a piece of the payload.
        let start = line.as_ptr() as usize - payload.as_ptr() as usize;
        match line_protocol::parse(line, Precision::Nanoseconds, batch.header.read_at) {
            Ok(point) => {
                parsed.points.push(point);
                parsed.ranges.push((start, start + line.len()));
            }
            Err(error) => parsed.strange.push((start, start + line.len(), error.chain())),
        }
    }
    parsed
}
