//! What every driver that keeps the data itself needs, so that the rules exist once: what a valid batch and a valid
//! name are, which partition a source goes to, the high-waters, the members of a group, the consumer's loop.

mod check;
mod consumer;
mod group;
mod high_water;

pub use check::{check_batch, check_name, partition_of};
pub use consumer::{LocalConsumer, Log};
pub use group::{Group, MemberId, merge};
pub use high_water::{HighWaters, Verdict, after, judge};
