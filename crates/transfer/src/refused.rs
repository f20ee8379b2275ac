//! Records that a queue will never take: their producer puts them into the dead letters itself, and no store ever sees
//! them. So that the account of their files is whole, the stores are told where they are.
//!
//! Decision: only for queues that keep no positions. Any other refuses what it cannot take at once, and the agent knows.

use std::sync::Arc;

use base::Intervals;
use config::{Start, TransferConfig};
use model::SourceKey;
use queue::{DEAD_LETTERS, NOT_TAKEN, Queue};
use runtime::Shutdown;
use store::Store;

use crate::TransferError;
use crate::dead_letter::read_dead_letter;
use crate::problems::{Patience, Problems};
use crate::reading::{Plan, Reading};

const NOT_OPENED: &str = "cannot reach the dead letters";
const NOT_NOTED: &str = "does not take note of dead letters";

/// What tells the stores.
pub struct Refused {
    pub config: TransferConfig,
    pub queue: Arc<dyn Queue>,
    /// With their names.
    pub stores: Vec<(String, Arc<dyn Store>)>,
    pub problems: Problems,
}

impl Refused {
    pub async fn run(&self, shutdown: &Shutdown) -> Result<(), TransferError> {
        let patience = self.patience("dead letters", shutdown);
        let letters = patience.wait(NOT_OPENED, || self.queue.producer(DEAD_LETTERS)).await?;
        if letters.is_none_or(|letters| letters.keeps_positions()) {
            shutdown.called().await;
            return Ok(());
        }
        let plan = Plan {
            topic: DEAD_LETTERS,
            group: format!("{}-dead-letters", self.config.group),
            start: Start::Beginning,
            held: None,
            poll_bytes: self.config.poll_bytes.as_usize(),
        };
        let Some(mut reading) = Reading::join(&self.queue, plan, patience).await? else { return Ok(()) };
        while !shutdown.is_called() {
            let deliveries = reading.poll().await?;
            if deliveries.is_empty() {
                continue;
            }
            let letters = deliveries.iter().map(|delivery| read_dead_letter(&delivery.batch));
            let refused = letters.filter(|letter| letter.reason.starts_with(NOT_TAKEN));
            let ranges = refused.map(|l| (l.header.key, [(l.header.start, l.header.end)].into_iter().collect()));
            if !self.note(&ranges.collect::<Vec<_>>(), shutdown).await? {
                return Ok(());
            }
            let reached = reading.reached().clone();
            reading.commit(&reached).await?;
        }
        Ok(())
    }

    fn patience(&self, who: &str, shutdown: &Shutdown) -> Patience {
        Patience { who: who.into(), problems: self.problems.clone(), shutdown: shutdown.clone() }
    }

    /// `false`: told to stop before all stores had taken note.
    async fn note(&self, ranges: &[(SourceKey, Intervals)], shutdown: &Shutdown) -> Result<bool, TransferError> {
        for (name, store) in self.stores.iter().filter(|_| !ranges.is_empty()) {
            let patience = self.patience(&format!("store {name}"), shutdown);
            for (key, ranges) in ranges {
                if patience.wait(NOT_NOTED, || store.note_dead_letters(*key, ranges)).await?.is_none() {
                    return Ok(false);
                }
            }
            // Before the cursor moves, for nobody tells it twice; elsewhere, what was noted is durable.
            let is_near = store.capabilities().carries_cursors;
            if is_near && patience.wait(NOT_NOTED, || store.flush()).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
