//! What the store is told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use store::TailLimits;

/// The name of an index where nothing else is said.
pub const INDEX: &str = "logs-{stream}-{yyyy.MM.dd}";
/// The name of a data stream where nothing else is said. Its last part is our own, so that the index template does not
/// take over what other shippers write to `logs-*-default`.
pub const DATA_STREAM: &str = "logs-{stream}-logdrive";

/// What the store is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses of nodes, as `http://host:port` or `https://host:port`; a path before the API is allowed.
    pub nodes: Vec<String>,
    /// What it must be; `None`: either.
    pub product: Option<Product>,
    /// Name of the index of a record: text, `{stream}`, `{host}`, and a date in UTC such as `{yyyy.MM.dd}`.
    pub index: String,
    /// Whether `index` names data streams, which the server cuts into indices by itself.
    pub data_stream: bool,
    /// Whether to install the index template, and the lifecycle policy where `delete_after` is given.
    pub install: bool,
    /// After so long an index is deleted by the server.
    pub delete_after: Option<Duration>,
    /// Who we are.
    pub auth: Auth,
    /// Whom we trust.
    pub tls: Tls,
    /// How bodies are sent.
    pub compression: Compression,
    /// Bytes of a bulk, about.
    pub bulk_bytes: usize,
    /// Bytes of a document at most; larger ones are refused here.
    pub document_bytes: usize,
    /// Bulks on their way at a time, at most.
    pub requests_max: usize,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How long a write tries by itself before it says why it does not get on.
    pub patience: Duration,
    /// When records can be found.
    pub visible: Visible,
    /// Copies of each index; `None`: as the server would have it.
    pub replicas: Option<u32>,
    /// Shards of each index; `None`: as the server would have it.
    pub shards: Option<u32>,
    /// What followers may hold.
    pub tail: TailLimits,
}

impl Options {
    /// With these nodes, and everything else as usual.
    pub fn new(nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            nodes: nodes.into_iter().map(Into::into).collect(),
            product: None,
            index: INDEX.to_owned(),
            data_stream: false,
            install: false,
            delete_after: None,
            auth: Auth::None,
            tls: Tls::default(),
            compression: Compression::None,
            bulk_bytes: 8 << 20,
            document_bytes: 64 << 20,
            requests_max: 8,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(15),
            visible: Visible::Soon,
            replicas: None,
            shards: None,
            tail: TailLimits::default(),
        }
    }
}

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// OpenSearch, 1 to 3.
    OpenSearch,
    /// Elasticsearch, 7.10 to 9.
    Elasticsearch,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSearch => "OpenSearch",
            Self::Elasticsearch => "Elasticsearch",
        })
    }
}

/// Who we are. Never shown.
#[derive(Clone, Default)]
pub enum Auth {
    /// Nobody.
    #[default]
    None,
    /// A user.
    Basic {
        /// Its name.
        username: String,
        /// Its password.
        password: String,
    },
    /// The `encoded` form of an API key: base64 of id and key.
    ApiKey(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Basic { .. } => "a user and password",
            Self::ApiKey(_) => "an API key",
        })
    }
}

/// Whom we trust; with neither, the authorities of the machine.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// A PEM file of authorities.
    pub ca: Option<PathBuf>,
    /// SHA-256 of the server's certificate, or of an authority that it sends along, in hexadecimal.
    pub fingerprint: Option<String>,
}

/// How bodies are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are: the least work for both ends.
    #[default]
    None,
    /// gzip, for thin lines.
    Gzip,
}

/// When records can be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visible {
    /// When the server refreshes its indices, within about a second.
    #[default]
    Soon,
    /// When `write` returns. Dear: every bulk makes a segment of its own.
    AtOnce,
}
