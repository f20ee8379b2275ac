//! The settings as the roles get them: parsed, checked, with every default filled in.

mod engines;
mod metric;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base::ByteSize;
use model::{Format, Revision};

pub use engines::{
    Acks, Compression, HostMetricsConfig, KafkaCompression, KafkaConfig, KafkaFraming, MetricsConfig, Partitioner,
    QueueConfig, Sasl, SearchConfig, StoreConfig,
};
pub use metric::{MetricConfig, MetricValue};

use crate::{MetricsUrl, QueueUrl, StoreUrl};

/// Everything one process needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of this machine in records; the host name by default.
    pub host: String,
    /// The folder of all embedded engines and caches.
    pub data: PathBuf,
    /// The HTTP port.
    pub listen: SocketAddr,
    /// Listening beyond loopback without login was explicitly allowed.
    pub insecure: bool,
    /// The queue.
    pub queue: QueueConfig,
    /// What is particular to a queue of Kafka.
    pub kafka: KafkaConfig,
    /// The stores, at least one; the first answers where nobody names one.
    pub stores: Vec<StoreConfig>,
    /// The metrics store.
    pub metrics: MetricsConfig,
    /// What the agent measures of its machine.
    pub host_metrics: HostMetricsConfig,
    /// The agent.
    pub agent: AgentConfig,
    /// The transfer.
    pub transfer: TransferConfig,
    /// What is collected.
    pub streams: Vec<StreamConfig>,
    /// What is measured of lines.
    pub metric_rules: Vec<MetricConfig>,
}

/// `[agent]`
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Bytes read and not yet acknowledged, over all files.
    pub in_flight_bytes: ByteSize,
    /// Bytes read at a time.
    pub block_bytes: ByteSize,
    /// Longer lines are split into linked parts.
    pub line_bytes_max: ByteSize,
    /// How often the open files are looked at, whatever the hints say.
    pub sweep_interval: Duration,
    /// How often the folders are listed anew, whatever the hints say.
    pub scan_interval: Duration,
    /// A last line without newline is sent after such a silence.
    pub partial_line_timeout: Duration,
    /// Lines are not joined across such a silence.
    pub multiline_timeout: Duration,
    /// A record joined of several lines ends at this length.
    pub multiline_bytes_max: ByteSize,
    /// A file that left the followed paths is kept open so long after its last growth.
    pub rotate_wait: Duration,
    /// Deleted files with unread bytes are held open up to this many bytes together.
    pub deleted_held_bytes_max: ByteSize,
    /// Open files at a time.
    pub open_files_max: usize,
    /// Where the checkpoints are cached.
    pub checkpoints: PathBuf,
    /// The server that is told of the files, for `audit`, where the queue has no server: `http://host:7700`.
    pub report_to: Option<String>,
}

/// `[transfer]`
#[derive(Clone, Debug)]
pub struct TransferConfig {
    /// The consumer group.
    pub group: String,
    /// Threads that parse.
    pub threads: usize,
    /// Bytes polled at a time.
    pub poll_bytes: ByteSize,
}

/// `[[stream]]`
#[derive(Clone, Debug, PartialEq)]
pub struct StreamConfig {
    /// Its name; must match `[a-z0-9][a-z0-9_-]*`.
    pub name: String,
    /// Files, folders (followed with everything in them), globs with `**`, or `-` for standard input. Absolute.
    pub paths: Vec<String>,
    /// Globs of paths to leave alone; a pattern without a slash is matched against the file's name.
    pub exclude: Vec<String>,
    /// How lines are parsed.
    pub parse: ParseChoice,
    /// Whether lines that belong together become one record.
    pub multiline: Multiline,
    /// What a time without zone means, in seconds from UTC; `None`: the local time of the machine that reads.
    pub utc_offset_secs: Option<i32>,
    /// Records matching one of these regular expressions are dropped, and counted.
    pub drop: Vec<String>,
    /// Where to begin in files found for the first time.
    pub start: Start,
    /// The stores that take it; all where none is named.
    pub stores: Vec<String>,
    /// Kafka: a topic of its own.
    pub topic: Option<String>,
    /// Kafka: another partitioner.
    pub partitioner: Option<Partitioner>,
    /// Kafka: another key.
    pub key: Option<String>,
    /// Kafka: another framing.
    pub framing: Option<KafkaFraming>,
    /// Which definition of the stream this is: a hash of what parsing depends on.
    pub revision: Revision,
}

/// `parse = "auto" | "none" | a format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParseChoice {
    /// The format is recognised per source.
    #[default]
    Auto,
    /// Lines are kept as they are, with the time of reading.
    None,
    /// This format.
    Only(Format),
}

/// `multiline = "auto" | "off"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multiline {
    /// Stack traces and indented continuations are joined where the format is recognised.
    #[default]
    Auto,
    /// One record a line.
    Off,
}

/// `start = "beginning" | "end"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Everything that is there.
    #[default]
    Beginning,
    /// Only what comes from now on; what was there is counted as missed.
    End,
}

impl Config {
    /// Everything embedded in a folder, nothing collected.
    pub fn new(host: impl Into<String>, data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        Self {
            host: host.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            insecure: false,
            queue: QueueConfig::new(QueueUrl::Embedded(data.join("queue"))),
            kafka: KafkaConfig::default(),
            stores: vec![StoreConfig::new("default", StoreUrl::Embedded(data.join("store")))],
            metrics: MetricsConfig::new(MetricsUrl::Embedded(data.join("metrics"))),
            host_metrics: HostMetricsConfig { enabled: true, ..HostMetricsConfig::default() },
            agent: AgentConfig { checkpoints: data.join("agent"), ..AgentConfig::default() },
            transfer: TransferConfig::default(),
            streams: Vec::new(),
            metric_rules: Vec::new(),
            data,
        }
    }
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            in_flight_bytes: ByteSize::mib(8),
            block_bytes: ByteSize(256 << 10),
            line_bytes_max: ByteSize::mib(1),
            sweep_interval: Duration::from_millis(250),
            scan_interval: Duration::from_secs(10),
            partial_line_timeout: Duration::from_secs(5),
            multiline_timeout: Duration::from_secs(2),
            multiline_bytes_max: ByteSize(256 << 10),
            rotate_wait: Duration::from_secs(5),
            deleted_held_bytes_max: ByteSize::mib(10 << 10),
            open_files_max: 4096,
            checkpoints: PathBuf::from("checkpoints"),
            report_to: None,
        }
    }
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self { group: "store".to_owned(), threads: 2, poll_bytes: ByteSize::mib(2) }
    }
}

impl StreamConfig {
    /// A stream with defaults for everything but its name and paths.
    pub fn new(name: impl Into<String>, paths: Vec<String>) -> Self {
        Self {
            name: name.into(),
            paths,
            exclude: Vec::new(),
            parse: ParseChoice::default(),
            multiline: Multiline::default(),
            utc_offset_secs: None,
            drop: Vec::new(),
            start: Start::default(),
            stores: Vec::new(),
            topic: None,
            partitioner: None,
            key: None,
            framing: None,
            revision: Revision(0),
        }
    }
}
