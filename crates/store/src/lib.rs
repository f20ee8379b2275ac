//! The seam between whoever delivers records and whoever keeps and finds them.
//!
//! Decision: writing is by parsed batch, idempotent by record id, and *durable later*: `write` returns when the
//! records can be found, and [`Writer::durable`] tells the queue cursors below which everything survives a crash. So
//! a store may gather large immutable files without anybody waiting, and a transfer commits exactly what is safe.
//! Reading is by pages of a total order (time, then id, descending), which means the same on every engine.
//!
//! Must not know: any driver, the queue's workings, how lines are cut or parsed, HTTP.
#![deny(missing_docs)]

pub mod decorators;
mod error;
mod memory;
pub mod metrics;
pub mod naive;
pub mod query;
mod request;
mod row;
pub mod tail;
pub mod testing;
pub mod tokens;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Cursors, ParsedBatch, Place, RecordId, SourceKey};
use tokio::sync::watch;

pub use error::StoreError;
pub use memory::{MemoryLimits, MemoryStore};
pub use query::Query;
pub use request::{
    ABSENT, BUCKETS_MAX, Buckets, Context, ContextRequest, Coverage, Facet, FacetOrder, Facets, FacetsRequest,
    FieldInfo, Histogram, HistogramRequest, Hit, HitCursor, Holder, LIMIT_MAX, OTHER, PAGE_BYTES_MAX, SERIES_MAX,
    Scope, SearchPage, SearchRequest, StoreStats, TimeRange, Whereabouts,
};
pub use row::BatchRow;
pub use tail::{Skipped, Tail, TailEvent, TailHub, TailLimits};

/// A parsed batch on its way into a store, with its place in the queue.
#[derive(Clone, Debug)]
pub struct StoreBatch {
    /// Where it stands in the queue.
    pub place: Place,
    /// The records.
    pub batch: Arc<ParsedBatch>,
}

/// A record that the store will never take, and why. The rest of its batch was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the batches given.
    pub batch: usize,
    /// Which of its records.
    pub record: usize,
    /// What the store said.
    pub reason: String,
}

/// What a store can do, where stores differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// It keeps the queue's cursors itself, in one commit with the records.
    pub carries_cursors: bool,
    /// Found lines are in the exact order of their file on request ([`Reader::context`]).
    pub context: bool,
    /// It can tell byte ranges held by source ([`Reader::coverage`]).
    pub coverage: bool,
    /// So long after [`Writer::write`] has returned, at most, records are found; [`Writer::flush`] makes it now.
    pub visible_later: Duration,
}

/// Puts records into a store.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Takes batches; they can be found when it returns (or [`Capabilities::visible_later`]). What is already held is not taken again. Waits while the
    /// store has no room in memory; a batch that was given is either taken (less the refusals) or, on error, may be
    /// given again.
    ///
    /// # Errors
    /// Where nothing can be taken now; see [`base::Explain::retry`].
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError>;

    /// Notes that byte ranges of a source are in the dead letters, so that an audit finds them.
    ///
    /// # Errors
    /// As [`Writer::write`].
    async fn note_dead_letters(&self, key: SourceKey, ranges: &base::Intervals) -> Result<(), StoreError>;

    /// The cursors below which everything is durable, now and whenever they move. A store that was just opened says
    /// how far it had come; where its queue id is not the queue's, they mean nothing.
    fn durable(&self) -> watch::Receiver<Cursors>;

    /// Tells the store which queue its batches come from from now on. Cursors of another queue are forgotten.
    ///
    /// # Errors
    /// As [`Writer::write`].
    async fn attach(&self, queue: model::QueueId) -> Result<(), StoreError>;

    /// Makes durable what was taken, as far as it was taken when this was called.
    ///
    /// # Errors
    /// Where it could not be made durable.
    async fn flush(&self) -> Result<(), StoreError>;
}

/// Finds records in a store.
#[async_trait]
pub trait Reader: Send + Sync {
    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// The newest records of a scope.
    ///
    /// # Errors
    /// `Invalid` where the request cannot be right.
    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError>;

    /// Counts over time.
    ///
    /// # Errors
    /// `Invalid` where the request cannot be right.
    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError>;

    /// Values of fields with their counts.
    ///
    /// # Errors
    /// `Invalid` where the request cannot be right.
    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError>;

    /// The fields known, by number of records descending.
    ///
    /// # Errors
    /// Where the store cannot be asked now.
    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError>;

    /// The neighbours of a record in its file.
    ///
    /// # Errors
    /// Where the store cannot be asked now.
    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError>;

    /// Follows what comes in: every record taken after this call and matching the query, in the order taken, with an
    /// exact count of what a slow reader skipped.
    ///
    /// # Errors
    /// `Exhausted` where there are too many followers.
    fn tail(&self, query: &Query) -> Result<tail::Tail, StoreError>;

    /// What is held of each source; of one, where `key` is given.
    ///
    /// # Errors
    /// Where the store cannot be asked now.
    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError>;

    /// What of the store holds a record, if it is held; for people who ask.
    ///
    /// # Errors
    /// Where the store cannot be asked now, or cannot tell.
    async fn whereabouts(&self, _id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        Err(StoreError::Unsupported("telling where a record is"))
    }

    /// How big it is.
    ///
    /// # Errors
    /// Where the store cannot be asked now.
    async fn stats(&self) -> Result<StoreStats, StoreError>;
}

/// A store that can be written and read.
pub trait Store: Writer + Reader {}

impl<T: Writer + Reader + ?Sized> Store for T {}

#[async_trait]
impl<T: Writer + ?Sized> Writer for Arc<T> {
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        (**self).write(batches).await
    }

    async fn note_dead_letters(&self, key: SourceKey, ranges: &base::Intervals) -> Result<(), StoreError> {
        (**self).note_dead_letters(key, ranges).await
    }

    fn durable(&self) -> watch::Receiver<Cursors> {
        (**self).durable()
    }

    async fn attach(&self, queue: model::QueueId) -> Result<(), StoreError> {
        (**self).attach(queue).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        (**self).flush().await
    }
}

#[async_trait]
impl<T: Reader + ?Sized> Reader for Arc<T> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        (**self).search(request).await
    }

    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        (**self).histogram(request).await
    }

    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        (**self).facets(request).await
    }

    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        (**self).fields(scope).await
    }

    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        (**self).context(request).await
    }

    fn tail(&self, query: &Query) -> Result<tail::Tail, StoreError> {
        (**self).tail(query)
    }

    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        (**self).coverage(key).await
    }

    async fn whereabouts(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        (**self).whereabouts(id).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        (**self).stats().await
    }
}
