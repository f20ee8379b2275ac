//! The store on OpenSearch or Elasticsearch: one document per record, idempotent by its id.
//!
//! Decision: everything about a document follows from its record alone: the index it goes to, its id, its fields
//! ([`document`](mod@document) says which). So whatever is delivered twice is recognised by the server itself, as a
//! conflict of ids, and a write is nothing but bulks of `create` that are repeated until each document has its verdict.
//! A bulk that is answered is durable, so cursors move with the answers.
//!
//! Reading asks for what the query language means, not for what the server's own means. Where the server can tell
//! exactly, it counts; where it can only narrow things down (a phrase with its punctuation, a regular expression), the
//! candidates are fetched and looked at here. So answers are the same as of any other store; what differs is:
//! * records are found about a second after they were written ([`store::Capabilities::visible_later`]);
//! * expired ranges are unknown: what the server's lifecycle deleted is a gap for the audit;
//! * with data streams, a record that is delivered again after a rollover is there twice;
//! * `İ` and `K` (the Kelvin sign) count as `i` and `k` where the server counts;
//! * counts by something that cannot be looked at in time are marked incomplete.
//!
//! Must not know: queues, parsing, configuration.

mod document;
mod hit;
mod http;
mod naming;
mod options;
mod product;
mod query;
mod reader;
mod template;
mod text;
mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use store::{StoreError, TailHub};
use tokio::sync::{OnceCell, Semaphore, watch};

use http::Http;
use naming::Naming;
pub use options::{Auth, Compression, DATA_STREAM, INDEX, Options, Product, Tls, Visible};
use product::Server;
use writer::{Bodies, Pace, Reached, Refused};

/// Threads that build documents.
const BUILDERS: usize = 2;

/// A store on a cluster of OpenSearch or Elasticsearch.
pub struct OpenSearchStore {
    http: Arc<Http>,
    naming: Arc<Naming>,
    options: Options,
    server: OnceCell<Server>,
    prepared: OnceCell<()>,
    ranges: OnceCell<()>,
    pace: Pace,
    bodies: Arc<Bodies>,
    /// Turns to build documents: the server takes longer than we do, and each thread more holds memory of its own.
    building: Semaphore,
    reached: Mutex<Reached>,
    /// Batches with refused records that whoever writes has yet to put aside.
    refused: Mutex<Vec<Refused>>,
    durable: watch::Sender<model::Cursors>,
    hub: Arc<TailHub>,
    /// Whether records come in by this process: then its followers get them from here.
    writes: Arc<AtomicBool>,
    /// Whether there may be something that a refresh would make visible.
    dirty: AtomicBool,
    poller: reader::Poller,
    /// Why nothing is taken now.
    paused: Mutex<Option<String>>,
}

impl OpenSearchStore {
    /// Of some options. Asks nothing of the server yet: one that is down now holds those who write and read, and no
    /// more.
    ///
    /// # Errors
    /// `Invalid` where the options cannot be right.
    pub fn connect(options: Options) -> Result<Arc<Self>, StoreError> {
        let http = Arc::new(Http::new(&options)?);
        let naming = Arc::new(Naming::parse(&options.index)?);
        if options.data_stream && naming.is_dated() {
            let reason =
                format!("'{}' has a date, and data streams are cut by the server; write {DATA_STREAM}", options.index);
            return Err(StoreError::Invalid { what: "index", reason });
        }
        Ok(Arc::new(Self {
            server: OnceCell::new(),
            prepared: OnceCell::new(),
            ranges: OnceCell::new(),
            pace: Pace::new(options.requests_max),
            bodies: Arc::new(Bodies::new(options.requests_max, options.bulk_bytes * 2)),
            building: Semaphore::new(BUILDERS),
            reached: Mutex::default(),
            refused: Mutex::default(),
            durable: watch::Sender::new(model::Cursors::default()),
            hub: Arc::new(TailHub::new(options.tail)),
            writes: Arc::default(),
            dirty: AtomicBool::new(false),
            poller: reader::Poller::default(),
            paused: Mutex::default(),
            http,
            naming,
            options,
        }))
    }

    /// Which server it is, asked once.
    async fn server(&self) -> Result<&Server, StoreError> {
        self.server.get_or_try_init(|| product::detect(&self.http, self.options.product)).await
    }

    /// The server is one that we know, and knows our fields.
    async fn prepare(&self) -> Result<(), StoreError> {
        let prepare = || async {
            let server = self.server().await?;
            template::prepare(&self.http, &self.options, &self.naming, server).await?;
            tracing::info!(server = %server, at = self.http.shown(), index = self.options.index, "store is ready");
            Ok(())
        };
        self.prepared.get_or_try_init(prepare).await?;
        Ok(())
    }
}
