//! A corner of a store that others use too: every stream's name gets a prefix on the way in, and loses it on the way
//! out. So tests can share one live server. Identities are not touched: use sources of your own.

use std::sync::Arc;

use async_trait::async_trait;
use base::Intervals;
use model::{Cursors, ParsedBatch, QueueId, RecordId, SourceKey};
use tokio::sync::watch;

use crate::query::{Pattern, Test};
use crate::{
    Capabilities, Context, ContextRequest, Coverage, Facets, FacetsRequest, FieldInfo, Histogram, HistogramRequest,
    Hit, Query, Reader, Refusal, Scope, SearchPage, SearchRequest, StoreBatch, StoreError, StoreStats, Tail,
    Whereabouts, Writer,
};

/// A corner of a store.
pub struct Prefixed<S> {
    inner: S,
    prefix: Arc<str>,
}

impl<S> Prefixed<S> {
    /// The corner of `inner` where stream names begin with `prefix`: ASCII letters and digits.
    pub fn new(inner: S, prefix: &str) -> Self {
        Self { inner, prefix: format!("{prefix}-").into() }
    }

    fn batch(&self, batch: &StoreBatch) -> StoreBatch {
        let mut header = (*batch.batch.header).clone();
        header.stream = format!("{}{}", self.prefix, header.stream).into();
        let batch_here = ParsedBatch { header: Arc::new(header), ..(*batch.batch).clone() };
        StoreBatch { place: batch.place, batch: Arc::new(batch_here) }
    }

    fn query(&self, query: &Query) -> Query {
        let here = Pattern::Regex(format!("^{}", self.prefix));
        let here = Query::Field { name: "stream".to_owned(), test: Test::Matches(here) };
        here.and(self.renamed(query))
    }

    /// The query with whole names of streams as they are within.
    fn renamed(&self, query: &Query) -> Query {
        let each = |list: &[Query]| list.iter().map(|query| self.renamed(query)).collect();
        match query {
            Query::And(list) => Query::And(each(list)),
            Query::Or(list) => Query::Or(each(list)),
            Query::Not(query) => Query::Not(Box::new(self.renamed(query))),
            Query::Field { name, test: Test::Equals(text) } if name == "stream" => {
                Query::equals("stream", format!("{}{text}", self.prefix))
            }
            query => query.clone(),
        }
    }

    fn scope(&self, scope: &Scope) -> Scope {
        Scope { query: self.query(&scope.query), ..scope.clone() }
    }

    fn out(&self, stream: &mut String) {
        strip(&self.prefix, stream);
    }
}

fn strip(prefix: &str, stream: &mut String) {
    if let Some(rest) = stream.strip_prefix(prefix) {
        *stream = rest.to_owned();
    }
}

#[async_trait]
impl<S: Writer> Writer for Prefixed<S> {
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        let batches: Vec<_> = batches.iter().map(|batch| self.batch(batch)).collect();
        self.inner.write(&batches).await
    }

    async fn note_dead_letters(&self, key: SourceKey, ranges: &Intervals) -> Result<(), StoreError> {
        self.inner.note_dead_letters(key, ranges).await
    }

    fn durable(&self) -> watch::Receiver<Cursors> {
        self.inner.durable()
    }

    async fn attach(&self, queue: QueueId) -> Result<(), StoreError> {
        self.inner.attach(queue).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }
}

#[async_trait]
impl<S: Reader> Reader for Prefixed<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        let request = SearchRequest { scope: self.scope(&request.scope), ..request.clone() };
        let mut page = self.inner.search(&request).await?;
        page.hits.iter_mut().for_each(|hit| self.out(&mut hit.stream));
        Ok(page)
    }

    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        let request = HistogramRequest { scope: self.scope(&request.scope), ..request.clone() };
        let mut histogram = self.inner.histogram(&request).await?;
        if request.by.as_deref() == Some("stream") {
            histogram.series.iter_mut().for_each(|(name, _)| self.out(name));
        }
        Ok(histogram)
    }

    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        let request = FacetsRequest { scope: self.scope(&request.scope), ..request.clone() };
        let mut facets = self.inner.facets(&request).await?;
        for facet in facets.facets.iter_mut().filter(|facet| facet.field == "stream") {
            facet.values.iter_mut().for_each(|(value, _)| self.out(value));
        }
        Ok(facets)
    }

    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        self.inner.fields(&self.scope(scope)).await
    }

    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        let mut context = self.inner.context(request).await?;
        context.hits.iter_mut().for_each(|hit| self.out(&mut hit.stream));
        Ok(context)
    }

    fn tail(&self, query: &Query) -> Result<Tail, StoreError> {
        let prefix = self.prefix.clone();
        let tail = self.inner.tail(&self.query(query))?;
        Ok(tail.mapped(move |hit: &mut Hit| strip(&prefix, &mut hit.stream)))
    }

    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        let mut all = self.inner.coverage(key).await?;
        all.retain(|source| source.stream.starts_with(&*self.prefix) || source.stream.is_empty());
        all.iter_mut().for_each(|source| self.out(&mut source.stream));
        Ok(all)
    }

    async fn whereabouts(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        self.inner.whereabouts(id).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.inner.stats().await
    }
}
