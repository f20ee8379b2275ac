//! What the page may do with dead letters: try them again, or give them up.

use async_trait::async_trait;
use model::{Place, RecordId};
use schemars::JsonSchema;
use serde::Serialize;

/// Settles dead letters.
#[async_trait]
pub trait Letters: Send + Sync {
    /// Whether what stands there is settled: then it is shown no more.
    fn is_settled(&self, place: Place) -> bool;

    /// Tries letters again; `None`: all. Those that were found, and whether there are more than are done at a time.
    ///
    /// # Errors
    /// Why none could be tried, for people.
    async fn retry(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settled>, bool), String>;

    /// Gives letters up: they are counted as dropped from now on.
    ///
    /// # Errors
    /// Why none could be given up, for people.
    async fn give_up(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settled>, bool), String>;
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Settled {
    /// Identity of the record.
    pub id: String,
    /// The store that had refused it.
    pub store: String,
    /// What became of it.
    pub result: LetterResult,
    /// Why it is still here, if it is.
    pub reason: Option<String>,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterResult {
    /// It is in its store, durably.
    Stored,
    /// It was given up, or a rule of its stream drops it.
    Dropped,
    /// Its store refused it again.
    Refused,
    /// It could not be tried now, or never can be.
    Kept,
}
