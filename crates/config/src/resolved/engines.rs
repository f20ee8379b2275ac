//! The engines: how they are reached, and what is particular to each.

use std::path::PathBuf;
use std::time::Duration;

use base::ByteSize;

use crate::{MetricsUrl, QueueUrl, Secret, Start, StoreUrl};

/// `[queue]`
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// Which engine; by default the embedded one under `data`.
    pub url: QueueUrl,
    /// How the agent carries payloads.
    pub compression: Compression,
    /// Lanes of a topic, fixed when it is made.
    pub partitions: u32,
    /// At most so much on disk; full means back-pressure, never removal of what is unread.
    pub retention_bytes: ByteSize,
    /// What every group has read is removed after so long.
    pub retention_age: Duration,
}

/// `none | lz4 | zstd`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As the bytes are.
    #[default]
    None,
    /// LZ4 block.
    Lz4,
    /// zstd, level 1.
    Zstd,
}

/// `[kafka]`: what a queue of Kafka needs besides its brokers.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaConfig {
    /// The topic of lines; may hold `{stream}` and `{host}`.
    pub topic: String,
    /// Whether a message is a record or a batch.
    pub framing: KafkaFraming,
    /// How messages are compressed.
    pub compression: KafkaCompression,
    /// Who must have a message before it counts as durable.
    pub acks: Acks,
    /// Which partition a message goes to.
    pub partitioner: Partitioner,
    /// The message's key for [`Partitioner::Key`]; may hold `{host}`, `{stream}`, `{path}` and `{source}`.
    pub key: Option<String>,
    /// Topics that are not there are made.
    pub create_topics: bool,
    /// Partitions of a topic that is made.
    pub partitions: u32,
    /// Copies of a topic that is made.
    pub replication: u16,
    /// Talk TLS.
    pub tls: bool,
    /// Authorities to trust, as a PEM file; the system's where none is named.
    pub ca: Option<PathBuf>,
    /// Our own certificate, as a PEM file.
    pub certificate: Option<PathBuf>,
    /// Its key, as a PEM file.
    pub private_key: Option<PathBuf>,
    /// How to log in.
    pub sasl: Sasl,
    /// As whom.
    pub username: String,
    /// With which password.
    pub password: Secret,
    /// A name for this member of its group: a restart within the session then moves no partition.
    pub group_instance_id: Option<String>,
    /// A member that is silent for so long has left its group.
    pub session_timeout: Duration,
    /// Bytes sent and not yet acknowledged.
    pub in_flight_bytes: ByteSize,
    /// The largest message that the brokers take.
    pub message_bytes_max: ByteSize,
}

/// `framing = "record" | "batch"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KafkaFraming {
    /// A message is a line, or lines that were joined: every consumer can read it.
    #[default]
    Record,
    /// A message is a batch: cheaper, and only logdrive reads it.
    Batch,
}

/// How Kafka's messages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KafkaCompression {
    /// As they are.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    #[default]
    Lz4,
    /// zstd.
    Zstd,
}

/// `acks = "all" | "leader" | "none"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// All replicas in sync.
    #[default]
    All,
    /// The leader only: lines are lost with it.
    Leader,
    /// Nobody: lines are lost with any connection.
    None,
}

/// `partitioner = "source" | "random" | "key"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// The lines of a file stay in one partition, in their order.
    #[default]
    Source,
    /// Spread evenly.
    Random,
    /// By the message's key.
    Key,
}

/// `sasl = "none" | "plain" | "scram-sha-256" | "scram-sha-512"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sasl {
    /// No login.
    #[default]
    None,
    /// The password as it is.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    ScramSha512,
}

/// `[store]`, or one of several `[[store]]`.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// What streams and commands call it.
    pub name: String,
    /// Which engine; by default the embedded one under `data`.
    pub url: StoreUrl,
    /// Where in the queue it begins when it is new.
    pub start: Start,
    /// Embedded: parts older than this (by their newest record) are removed. `None`: never.
    pub retention_age: Option<Duration>,
    /// Embedded: the oldest parts are removed while the store is larger than this. `None`: no bound.
    pub retention_bytes: Option<ByteSize>,
    /// Embedded: nothing is taken while less than this is free on the disk.
    pub free_bytes_min: ByteSize,
    /// Embedded: bytes of lines gathered in the head before a part is made.
    pub head_bytes: ByteSize,
    /// Embedded: a part is made at the latest so long after its first line came in.
    pub head_age: Duration,
    /// Search engines.
    pub search: SearchConfig,
}

/// The keys of a `[store]` that is OpenSearch or Elasticsearch.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchConfig {
    /// The index, or the data stream, by template; `None`: the store's own default.
    pub index: Option<String>,
    /// `index` names data streams.
    pub data_stream: bool,
    /// Index template and lifecycle policy are installed.
    pub install: bool,
    /// The installed policy deletes an index after so long. `None`: never.
    pub delete_after: Option<Duration>,
    /// Basic login: as whom.
    pub username: String,
    /// Basic login: with which password.
    pub password: Secret,
    /// Login by API key, as the server prints it.
    pub api_key: Secret,
    /// Authorities to trust, as a PEM file; the system's where none is named.
    pub ca: Option<PathBuf>,
    /// The one certificate to trust, by its SHA-256, as hexadecimal digits.
    pub fingerprint: Option<String>,
    /// Request bodies are compressed.
    pub gzip: bool,
    /// Bytes of a bulk request.
    pub bulk_bytes: ByteSize,
    /// Bulk requests at a time.
    pub requests_max: usize,
}

/// `[metrics]`: where points are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsConfig {
    /// Which engine; by default the embedded one under `data`.
    pub url: MetricsUrl,
    /// InfluxDB 1.x: the database.
    pub database: String,
    /// InfluxDB 1.x: the retention policy; `None`: the database's default one.
    pub retention_policy: Option<String>,
    /// InfluxDB 1.x: as whom; nobody where empty.
    pub username: String,
    /// InfluxDB 1.x: with which password.
    pub password: Secret,
    /// InfluxDB 2.x: the organisation.
    pub org: String,
    /// InfluxDB 2.x: the bucket.
    pub bucket: String,
    /// InfluxDB 2.x: the token.
    pub token: Secret,
    /// Authorities to trust, as a PEM file; the system's where none is named.
    pub ca: Option<PathBuf>,
    /// InfluxDB: a database or bucket that is not there is made.
    pub create: bool,
    /// Embedded: points older than this are removed. InfluxDB: so long one that is made keeps its points. `None`: for
    /// ever.
    pub retention_age: Option<Duration>,
}

/// `[host_metrics]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMetricsConfig {
    /// The agent measures its machine.
    pub enabled: bool,
    /// How often.
    pub interval: Duration,
}

impl QueueConfig {
    /// With the defaults of everything but the engine.
    pub const fn new(url: QueueUrl) -> Self {
        Self {
            url,
            compression: Compression::None,
            partitions: 1,
            retention_bytes: ByteSize::mib(10 << 10),
            retention_age: Duration::ZERO,
        }
    }
}

impl Default for HostMetricsConfig {
    fn default() -> Self {
        Self { enabled: false, interval: Duration::from_secs(10) }
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            topic: "logdrive-lines".to_owned(),
            framing: KafkaFraming::default(),
            compression: KafkaCompression::default(),
            acks: Acks::default(),
            partitioner: Partitioner::default(),
            key: None,
            create_topics: false,
            partitions: 16,
            replication: 1,
            tls: false,
            ca: None,
            certificate: None,
            private_key: None,
            sasl: Sasl::default(),
            username: String::new(),
            password: Secret::default(),
            group_instance_id: None,
            session_timeout: Duration::from_secs(45),
            in_flight_bytes: ByteSize::mib(32),
            message_bytes_max: ByteSize(1_000_000),
        }
    }
}

impl StoreConfig {
    /// With the defaults of everything but these two.
    pub fn new(name: impl Into<String>, url: StoreUrl) -> Self {
        Self {
            name: name.into(),
            url,
            start: Start::Beginning,
            retention_age: None,
            retention_bytes: None,
            free_bytes_min: ByteSize::mib(256),
            head_bytes: ByteSize::mib(14),
            head_age: Duration::from_secs(30),
            search: SearchConfig::default(),
        }
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            index: None,
            data_stream: false,
            install: false,
            delete_after: None,
            username: String::new(),
            password: Secret::default(),
            api_key: Secret::default(),
            ca: None,
            fingerprint: None,
            gzip: false,
            bulk_bytes: ByteSize::mib(8),
            requests_max: 8,
        }
    }
}

impl MetricsConfig {
    /// With the defaults of everything but the engine.
    pub fn new(url: MetricsUrl) -> Self {
        Self {
            url,
            database: "logdrive".to_owned(),
            retention_policy: None,
            username: String::new(),
            password: Secret::default(),
            org: String::new(),
            bucket: String::new(),
            token: Secret::default(),
            ca: None,
            create: false,
            retention_age: None,
        }
    }
}
