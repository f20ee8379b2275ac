//! The agent: follows files and standard input, and hands every line to the queue once.
//!
//! Decision: a batch is a verbatim byte range of a file, named by (source, generation, offsets). The queue knows how
//! far it has each source, so the agent may crash, forget and repeat itself: what the queue has, it does not take twice,
//! and what it lacks, it asks for. Everything else here is about never losing sight of a file: [`discover`] finds it,
//! [`identity`] recognises it, [`tail`] decides what happens to it, `shard` reads it.
//!
//! Must not know: any driver, how lines are parsed, where they are stored.

mod binary;
mod buffer;
mod checkpoint;
pub mod discover;
mod error;
mod host_metrics;
pub mod identity;
mod ledger;
mod locator;
mod original;
mod plan;
mod reader;
mod role;
mod settings;
mod shard;
mod status;
mod stdin;
pub mod tail;
mod wake;
mod watch;

pub use error::AgentError;
pub use plan::Prospect;
pub use role::{Agent, AgentHandle, Parts, build};
pub use status::{Problem, Stats};
