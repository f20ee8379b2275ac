//! From `logdrive.toml`, environment and flags to resolved settings, each remembering where it came from.
//!
//! Must not know: which engine a URL leads to, any role's workings.
#![deny(missing_docs)]

mod resolved;

pub use resolved::{
    AgentConfig, Compression, Config, EngineUrl, Multiline, ParseChoice, QueueConfig, Start, StoreConfig, StreamConfig,
    TransferConfig,
};
