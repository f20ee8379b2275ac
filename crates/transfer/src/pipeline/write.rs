//! Parsed batches into the store, in the order polled.

use std::sync::Arc;

use model::{Batch, SourceKey};
use store::StoreBatch;
use tokio::sync::mpsc;
use tracing::warn;

use super::parse::{Outcome, empty};
use super::{Pipeline, Share};
use crate::TransferError;
use crate::dead_letter::{self, Cemetery};
use crate::problems::Patience;

pub const TAKES_NOTHING: &str = "takes nothing";

impl Pipeline {
    /// `false`: told to stop before the store had taken everything.
    pub(super) async fn write_loop(
        self: &Arc<Self>,
        mut parsed: mpsc::Receiver<Share>,
        cemetery: &Cemetery,
        patience: &Patience,
    ) -> Result<bool, TransferError> {
        let mut errands = self.errands.receiver.lock().await;
        loop {
            let share = tokio::select! {
                share = parsed.recv() => share,
                Some(errand) = errands.recv() => {
                    self.run_errand(errand).await;
                    continue;
                }
            };
            let Some(share) = share else { break };
            let mut outcomes = share.await.map_err(|_| TransferError::Stage("parse"))?;
            // What was parsed while the store was at work goes together: larger writes for one that is far away.
            while let Ok(more) = parsed.try_recv() {
                outcomes.extend(more.await.map_err(|_| TransferError::Stage("parse"))?);
            }
            if !self.write_outcomes(outcomes, cemetery, patience).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn write_outcomes(
        &self,
        outcomes: Vec<Outcome>,
        cemetery: &Cemetery,
        patience: &Patience,
    ) -> Result<bool, TransferError> {
        let mut batches = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome {
                Outcome::Parsed(batch, failed) => {
                    self.status.count_parser_faults(u64::from(failed));
                    batches.push(batch);
                }
                Outcome::Passed(batch) => batches.push(batch),
                Outcome::Unreadable(place, batch, reason) => {
                    warn!(%place, path = &*batch.header.path, %reason, "a batch cannot be read, goes to the dead letters");
                    // What came before goes first: dead letters of a source must stay in the order of its bytes.
                    if !self.write(&std::mem::take(&mut batches), cemetery, patience).await? {
                        return Ok(false);
                    }
                    let letter = dead_letter::of_batch(&batch, &reason);
                    if !self.bury(batch.header.key, letter, cemetery, patience).await? {
                        return Ok(false);
                    }
                    batches.push(empty(place, &batch));
                }
            }
        }
        self.write(&batches, cemetery, patience).await
    }

    /// Writes, again and again while the store takes nothing. `false`: told to stop before it did.
    async fn write(
        &self,
        batches: &[StoreBatch],
        cemetery: &Cemetery,
        patience: &Patience,
    ) -> Result<bool, TransferError> {
        if batches.is_empty() {
            return Ok(true);
        }
        let written = patience.wait(TAKES_NOTHING, || self.store.write(batches)).await?;
        let Some(mut refusals) = written else { return Ok(false) };
        patience.problems.clear(&patience.who, super::FAILS);
        // Dead letters of a source must come in the order of its bytes.
        refusals.sort_by_key(|refusal| (refusal.batch, refusal.record));
        for refusal in refusals {
            let batch = &batches[refusal.batch].batch;
            let letter = dead_letter::of_record(batch, refusal.record, &refusal.reason);
            if !self.bury(batch.header.key, letter, cemetery, patience).await? {
                return Ok(false);
            }
            self.status.count_dead_letters(&batch.header.stream, 1);
        }
        batches.iter().for_each(|batch| self.status.count(&batch.batch));
        let mut settled = self.settled.lock();
        batches.iter().for_each(|batch| settled.pass(batch.place));
        Ok(true)
    }

    async fn bury(
        &self,
        key: SourceKey,
        letter: Batch,
        cemetery: &Cemetery,
        patience: &Patience,
    ) -> Result<bool, TransferError> {
        let Some(ranges) = cemetery.bury(letter).await? else { return Ok(false) };
        let noted = patience.wait(TAKES_NOTHING, || self.store.note_dead_letters(key, &ranges)).await?;
        Ok(noted.is_some())
    }
}
