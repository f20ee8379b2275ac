//! How a [`crate::KafkaQueue`] is made: plain values, checked by [`Options::check`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use queue::{DEAD_LETTERS, LINES, METRICS, QueueError};

use crate::topics::Template;

/// How a [`crate::KafkaQueue`] is made. [`Options::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// Brokers to begin with, `host:port`; the others are learnt from them.
    pub servers: Vec<String>,
    /// What the brokers' logs call us.
    pub client_id: String,
    /// Encrypt, and whom to trust.
    pub tls: Option<Tls>,
    /// Who we are.
    pub sasl: Option<Sasl>,
    /// Where lines go.
    pub lines: Route,
    /// Where the lines of some streams go instead: name of the stream, route.
    pub streams: Vec<(String, Route)>,
    /// Kafka's name of the topic `dead-letters`.
    pub dead_letters: String,
    /// Kafka's name of the topic `metrics`.
    pub metrics: String,
    /// How record batches are compressed.
    pub compression: Compression,
    /// When a record counts as durable.
    pub acks: Acks,
    /// Make topics that are not there, so.
    pub create_topics: Option<NewTopics>,
    /// A name of this member for static membership: it keeps its partitions over a restart.
    pub group_instance_id: Option<String>,
    /// After such a silence a member of a group has left it.
    pub session_timeout: Duration,
    /// Most bytes taken and not yet acknowledged, over all topics; beyond them producers get back-pressure.
    pub in_flight_bytes: usize,
    /// Largest record batch that the brokers take (their `message.max.bytes`), in bytes.
    pub message_bytes_max: usize,
    /// How long one request may take before its connection is given up.
    pub request_timeout: Duration,
}

/// Where the lines of a stream go, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Kafka's name of the topic; may hold `{stream}` and `{host}`.
    pub topic: String,
    /// Which partition a record goes to.
    pub partitioner: Partitioner,
    /// What one message is.
    pub framing: Framing,
}

impl Default for Route {
    fn default() -> Self {
        Self { topic: "logdrive-lines".to_owned(), partitioner: Partitioner::Source, framing: Framing::Record }
    }
}

/// Which partition a record goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// All of a source to one: the order of a file is kept. The key is the source's id.
    Source,
    /// Any: even load, no order. Records have no key.
    Random,
    /// By the key made of this template (`{host}`, `{stream}`, `{path}`, `{source}`), as other Kafka producers do it
    /// (murmur2).
    Key(String),
}

/// What one message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A record, so that any consumer reads the plain lines.
    #[default]
    Record,
    /// A batch as it was appended: cheaper, but only logdrive reads it.
    Batch,
}

/// How record batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// The slowest that is still asked for.
    Gzip,
    /// Quick, larger.
    Snappy,
    /// The cheapest in processor time.
    #[default]
    Lz4,
    /// The smallest.
    Zstd,
}

/// When a record counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// When all replicas in sync have it.
    #[default]
    All,
    /// When the leader has it: lost where the leader is lost.
    Leader,
    /// When it was sent: lost with anything.
    None,
}

/// Topics to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewTopics {
    /// How many partitions; `None`: as the brokers do by default.
    pub partitions: Option<u32>,
    /// On how many brokers; `None`: as the brokers do by default.
    pub replication: Option<u16>,
}

/// Encryption: whom to trust and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that are trusted, as PEM; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate (and those between it and its authority), as PEM.
    pub certificate: Option<PathBuf>,
    /// The key of our certificate, as PEM.
    pub private_key: Option<PathBuf>,
}

/// Who we are.
#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    /// How to prove it.
    pub mechanism: Mechanism,
    /// The name.
    pub username: String,
    /// The secret: never shown.
    pub password: String,
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// How to prove who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password as it is: only with TLS.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Options {
    /// The defaults, for these brokers.
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            servers: servers.into_iter().map(Into::into).collect(),
            client_id: "logdrive".to_owned(),
            tls: None,
            sasl: None,
            lines: Route::default(),
            streams: Vec::new(),
            dead_letters: "logdrive-dead-letters".to_owned(),
            metrics: "logdrive-metrics".to_owned(),
            compression: Compression::default(),
            acks: Acks::default(),
            create_topics: None,
            group_instance_id: None,
            session_timeout: Duration::from_secs(45),
            in_flight_bytes: 32 << 20,
            message_bytes_max: 1_000_000,
            request_timeout: Duration::from_secs(30),
        }
    }

    /// That the values can be right.
    ///
    /// # Errors
    /// [`QueueError::Invalid`], naming the key.
    pub fn check(&self) -> Result<(), QueueError> {
        let wrong = |what: String| Err(QueueError::Invalid(what));
        if self.servers.is_empty() {
            return wrong("queue.url: no broker; write kafka://host:9092".to_owned());
        }
        if self.message_bytes_max < 4096 {
            return wrong(format!("kafka.message_bytes_max: {} is too small; at least 4096", self.message_bytes_max));
        }
        if self.in_flight_bytes < self.message_bytes_max {
            return wrong(format!(
                "kafka.in_flight_bytes: {} is less than kafka.message_bytes_max ({})",
                self.in_flight_bytes, self.message_bytes_max
            ));
        }
        for route in std::iter::once(&self.lines).chain(self.streams.iter().map(|(_, route)| route)) {
            Template::topic(&route.topic)?;
            if let Partitioner::Key(key) = &route.partitioner {
                Template::key(key)?;
            }
        }
        Ok(())
    }

    /// The templates of Kafka's topics behind a topic of the seam; names other than the three known stand for
    /// themselves.
    pub fn topics_of(&self, topic: &str) -> Vec<String> {
        let mut all = match topic {
            LINES => {
                let streams = self.streams.iter().map(|(_, route)| route.topic.clone());
                std::iter::once(self.lines.topic.clone()).chain(streams).collect()
            }
            DEAD_LETTERS => vec![self.dead_letters.clone()],
            METRICS => vec![self.metrics.clone()],
            other => vec![other.to_owned()],
        };
        all.sort();
        all.dedup();
        all
    }

    /// The route of a stream's lines.
    pub fn route(&self, stream: &str) -> &Route {
        self.streams.iter().find(|(name, _)| name == stream).map_or(&self.lines, |(_, route)| route)
    }
}
