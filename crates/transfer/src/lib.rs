//! The transfer role: takes batches from the queue, parses them, writes them to the store, commits.
//!
//! Decision: everything here is a pure function of batch and revision, so it may happen again at any time; the cursor
//! is committed only below what the store calls durable. Parsing is spread over threads, writing keeps the order.
//!
//! Must not know: how files are followed, which engine is the queue or the store.

mod dead_letter;
mod error;
mod pipeline;
mod revisions;
mod role;
mod status;

pub use dead_letter::{DeadLetter, read_dead_letter};
pub use error::TransferError;
pub use role::{Parts, Transfer, TransferHandle, build};
pub use status::StreamStatus;
