//! From `logdrive.toml`, environment and flags to resolved settings, each remembering where it came from.
//!
//! Decision: one table of keys (`key.rs`) is the truth for reading, defaults, unknown keys and the JSON Schema; a
//! mistake is told as `file:line:column: key, what is wrong, what would be right`, all of them at once. Precedence:
//! flags, environment (`LOGDRIVE_` and the key in capitals), file, defaults.
//!
//! Must not know: which engine a URL leads to, any role's workings.
#![deny(missing_docs)]

mod document;
mod error;
mod key;
mod load;
mod more;
mod origin;
mod paths;
mod pattern;
mod reader;
mod resolved;
mod revision;
mod schema;
mod secret;
mod sections;
mod template;
mod up;
mod url;

#[cfg(test)]
mod tests;

pub use error::{ConfigError, Problem};
pub use load::{Flag, Inputs, Loaded, UpPaths, check, check_text, load, strange_variables};
pub use more::{Streams, streams_of};
pub use origin::{Origin, Setting};
pub use paths::{PathKind, absolute, clean_name, is_glob, stream_name};
pub use resolved::{
    Acks, AgentConfig, Compression, Config, HostMetricsConfig, KafkaCompression, KafkaConfig, KafkaFraming,
    MetricConfig, MetricValue, MetricsConfig, Multiline, ParseChoice, Partitioner, QueueConfig, Sasl, SearchConfig,
    Start, StoreConfig, StreamConfig, TransferConfig,
};
pub use revision::revision_of;
pub use schema::schema;
pub use secret::Secret;
pub use url::{MetricsUrl, Product, QueueUrl, StoreUrl};
