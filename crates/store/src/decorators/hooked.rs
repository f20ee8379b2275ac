//! A store with something done before and after each call.

use async_trait::async_trait;
use base::Intervals;
use model::{Cursors, QueueId, RecordId, SourceKey};
use tokio::sync::watch;

use crate::{
    Capabilities, Context, ContextRequest, Coverage, Facets, FacetsRequest, FieldInfo, Histogram, HistogramRequest,
    Query, Reader, Refusal, Scope, SearchPage, SearchRequest, StoreBatch, StoreError, StoreStats, Tail, Whereabouts,
    Writer,
};

/// What a store is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Writer::write`]
    Write,
    /// [`Writer::note_dead_letters`]
    NoteDeadLetters,
    /// [`Writer::attach`]
    Attach,
    /// [`Writer::flush`]
    Flush,
    /// [`Reader::search`]
    Search,
    /// [`Reader::histogram`]
    Histogram,
    /// [`Reader::facets`]
    Facets,
    /// [`Reader::fields`]
    Fields,
    /// [`Reader::context`]
    Context,
    /// [`Reader::coverage`]
    Coverage,
    /// [`Reader::stats`]
    Stats,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Write,
        Self::NoteDeadLetters,
        Self::Attach,
        Self::Flush,
        Self::Search,
        Self::Histogram,
        Self::Facets,
        Self::Fields,
        Self::Context,
        Self::Coverage,
        Self::Stats,
    ];
}

/// What is done around each call.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Before the call; an error is given instead of making it.
    async fn before(&self, operation: Operation) -> Result<(), StoreError>;

    /// After a call that succeeded; an error is given instead of its answer.
    fn after(&self, _operation: Operation) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A store with a hook.
pub struct Hooked<S, H> {
    pub(super) inner: S,
    pub(super) hook: H,
}

macro_rules! hooked {
    ($self:ident, $operation:ident, $call:expr) => {{
        $self.hook.before(Operation::$operation).await?;
        let answer = $call.await?;
        $self.hook.after(Operation::$operation)?;
        Ok(answer)
    }};
}

#[async_trait]
impl<S: Writer, H: Hook> Writer for Hooked<S, H> {
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        hooked!(self, Write, self.inner.write(batches))
    }

    async fn note_dead_letters(&self, key: SourceKey, ranges: &Intervals) -> Result<(), StoreError> {
        hooked!(self, NoteDeadLetters, self.inner.note_dead_letters(key, ranges))
    }

    fn durable(&self) -> watch::Receiver<Cursors> {
        self.inner.durable()
    }

    async fn attach(&self, queue: QueueId) -> Result<(), StoreError> {
        hooked!(self, Attach, self.inner.attach(queue))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        hooked!(self, Flush, self.inner.flush())
    }
}

#[async_trait]
impl<S: Reader, H: Hook> Reader for Hooked<S, H> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        hooked!(self, Search, self.inner.search(request))
    }

    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        hooked!(self, Histogram, self.inner.histogram(request))
    }

    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        hooked!(self, Facets, self.inner.facets(request))
    }

    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        hooked!(self, Fields, self.inner.fields(scope))
    }

    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        hooked!(self, Context, self.inner.context(request))
    }

    fn tail(&self, query: &Query) -> Result<Tail, StoreError> {
        self.inner.tail(query)
    }

    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        hooked!(self, Coverage, self.inner.coverage(key))
    }

    async fn whereabouts(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        self.inner.whereabouts(id).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        hooked!(self, Stats, self.inner.stats())
    }
}
