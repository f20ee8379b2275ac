//! The transfer role: takes batches from the queue, parses them, writes them to the stores, commits.
//!
//! Decision: a pipeline and a consumer group for each store, so that a slow or dead one delays nobody. Everything here is a pure function of batch and revision, so it may happen again at any time; the cursor
//! is committed only below what the store calls durable. Parsing is spread over threads, writing keeps the order.
//!
//! Must not know: how files are followed, which engine is the queue or the store.

mod dead_letter;
mod error;
mod lag;
mod letters;
mod pipeline;
mod points;
mod problems;
mod reading;
mod refused;
mod revisions;
mod role;
mod rules;
mod status;

pub use dead_letter::{DeadLetter, read_dead_letter};
pub use error::TransferError;
pub use letters::{Fate, LETTERS_GROUP, Letters, Settlement};
pub use role::{Parts, StorePart, StoreStatus, Transfer, TransferHandle, build};
pub use status::StreamStatus;
