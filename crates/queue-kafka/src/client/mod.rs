//! Connections to the brokers of a cluster, and what is known of it.
//!
//! Decision: our own, over `kafka-protocol`'s messages, because record batches that are already encoded cannot be sent
//! through librdkafka; it costs what a connection, a metadata cache and a login cost, and nothing else.

mod call;
mod cluster;
mod connection;
mod handshake;
mod link;
mod scram;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

pub use call::Call;
pub(crate) use cluster::topic_name;
pub use cluster::{Cluster, PartitionMeta, TopicMeta};
pub use connection::{Connection, Reply, Told};
