//! The dead letters of the transfer, as the dashboard settles them.

use async_trait::async_trait;
use base::Explain;
use dashboard::{LetterResult, Settled};
use model::{Place, RecordId};
use transfer::{Fate, Settlement, TransferError};

pub(crate) struct DeadLetters(pub transfer::Letters);

#[async_trait]
impl dashboard::Letters for DeadLetters {
    fn is_settled(&self, place: Place) -> bool {
        self.0.is_settled(place)
    }

    async fn retry(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settled>, bool), String> {
        told(self.0.retry(which).await)
    }

    async fn give_up(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settled>, bool), String> {
        told(self.0.give_up(which).await)
    }
}

fn told(settled: Result<(Vec<Settlement>, bool), TransferError>) -> Result<(Vec<Settled>, bool), String> {
    let (settled, more) = settled.map_err(|error| error.chain())?;
    let one = |Settlement { id, store, fate, reason }| {
        let result = match fate {
            Fate::Stored => LetterResult::Stored,
            Fate::Dropped => LetterResult::Dropped,
            Fate::Refused => LetterResult::Refused,
            Fate::Kept => LetterResult::Kept,
        };
        Settled { id: RecordId::to_string(&id), store, result, reason }
    };
    Ok((settled.into_iter().map(one).collect(), more))
}
