//! Answering: what the manifest alone can tell, here; what needs to look at records, in `search`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::Intervals;
use model::{RecordId, SourceKey, Values};
use store::{
    Capabilities, Context, ContextRequest, Coverage, Facets, FacetsRequest, FieldInfo, Histogram, HistogramRequest,
    Query, Reader, Scope, SearchPage, SearchRequest, StoreError, StoreStats, Tail, TimeRange, Whereabouts,
};

use crate::manifest::{SourceName, State};
use crate::search::{self, Budget};
use crate::{EmbeddedStore, Snapshot};

#[async_trait]
impl Reader for EmbeddedStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { carries_cursors: true, context: true, coverage: true, visible_later: Duration::ZERO }
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        let request = request.clone();
        self.ask(request.scope.deadline, move |snapshot, budget| search::search(snapshot, &request, budget)).await
    }

    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        let (counts, request) = (self.inner.counts.clone(), request.clone());
        self.ask(request.scope.deadline, move |snapshot, budget| search::histogram(snapshot, &request, &counts, budget))
            .await
    }

    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        let (counts, request) = (self.inner.counts.clone(), request.clone());
        self.ask(request.scope.deadline, move |snapshot, budget| search::facets(snapshot, &request, &counts, budget))
            .await
    }

    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        if scope.query == Query::All && scope.range == TimeRange::ALL {
            return Ok(self.known_fields());
        }
        let scope = scope.clone();
        self.ask(scope.deadline, move |snapshot, budget| search::fields(snapshot, &scope, budget)).await
    }

    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        let request = *request;
        let source = self.inner.head.lock().state.source_number(request.id.key);
        self.ask(None, move |snapshot, _| search::context(snapshot, &request, source)).await
    }

    fn tail(&self, query: &Query) -> Result<Tail, StoreError> {
        self.hub().follow(query)
    }

    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        let head = self.inner.head.lock();
        let mut all: BTreeMap<SourceKey, Coverage> = match key {
            Some(key) => head.state.source(key).map(|source| (key, durable(source))).into_iter().collect(),
            None => head.state.sources.iter().map(|source| (source.key, durable(source))).collect(),
        };
        for generation in head.generations() {
            let wanted = |(known, _): &(&SourceKey, _)| key.is_none_or(|key| key == **known);
            for (key, source) in generation.sources.iter().filter(wanted) {
                let coverage = all.entry(*key).or_insert_with(|| nothing(*key));
                name(coverage, &source.name);
                coverage.stored.extend(&source.stored);
                coverage.dropped.extend(&source.dropped);
            }
        }
        Ok(all.into_values().collect())
    }

    async fn whereabouts(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        let source = self.inner.head.lock().state.source_number(id.key);
        self.ask(None, move |snapshot, _| search::whereabouts(snapshot, id, source)).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let head = self.inner.head.lock();
        let parts = || head.state.parts.values();
        let batches = || head.generations().flat_map(|generation| &generation.batches);
        let times = || batches().flat_map(|batch| &batch.records).map(|record| record.time);
        let head_bytes = head.generations().map(|generation| generation.line_bytes).sum::<u64>();
        Ok(StoreStats {
            records: parts().map(|part| part.rows).sum::<u64>()
                + head.generations().map(|generation| generation.records).sum::<u64>(),
            line_bytes: parts().map(|part| part.line_bytes).sum::<u64>() + head_bytes,
            disk_bytes: parts().map(|part| part.disk_bytes()).sum(),
            parts: parts().count() as u64,
            head_bytes,
            oldest: parts().map(|part| part.min_time).chain(times()).min(),
            newest: parts().map(|part| part.max_time).chain(times()).max(),
            paused: head.no_room.clone().or_else(|| head.seal_fault.clone()),
            free_bytes: head.free_bytes,
        })
    }
}

impl EmbeddedStore {
    /// Answers a question away from the threads that wait for sockets, a few at a time. The work ends soon after
    /// nobody waits for the answer any more.
    async fn ask<T: Send + 'static>(
        &self,
        deadline: Option<Duration>,
        answer: impl FnOnce(&Snapshot, &Budget) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (budget, _waiting) = Budget::new(deadline);
        let turn = self.inner.questions.clone().acquire_owned().await.map_err(|_| self.inner.closed())?;
        let snapshot = self.snapshot();
        let work = move || {
            let _turn = turn;
            answer(&snapshot, &budget)
        };
        runtime::blocking(work).await.map_err(|_| self.inner.closed())?
    }

    /// The parsed fields of all records held, by number of records descending, from what the manifest knows.
    pub fn known_fields(&self) -> Vec<FieldInfo> {
        let head = self.inner.head.lock();
        let mut counts: BTreeMap<Arc<str>, (u64, bool)> = sealed_fields(&head.state);
        for batch in head.generations().flat_map(|generation| &generation.batches) {
            for column in &batch.columns {
                let rows = match &column.values {
                    Values::Coded { codes, .. } => codes.iter().filter(|code| **code != 0).count(),
                    Values::Unique(spans) => spans.iter().filter(|span| !span.is_absent()).count(),
                };
                let count = counts.entry(column.name.clone()).or_default();
                count.0 += rows as u64;
            }
        }
        drop(head);
        let info = |(name, (records, column)): (Arc<str>, _)| FieldInfo { name: name.to_string(), records, column };
        let mut fields: Vec<FieldInfo> = counts.into_iter().map(info).filter(|field| field.records > 0).collect();
        fields.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.name.cmp(&b.name)));
        fields
    }
}

fn sealed_fields(state: &State) -> BTreeMap<Arc<str>, (u64, bool)> {
    let mut sums = vec![(0u64, false); state.fields.len()];
    for (field, rows, is_column) in state.parts.values().flat_map(|part| &part.fields) {
        if let Some(sum) = sums.get_mut(*field as usize) {
            sum.0 += u64::from(*rows);
            sum.1 |= is_column;
        }
    }
    state.fields.iter().cloned().zip(sums).collect()
}

fn nothing(key: SourceKey) -> Coverage {
    let empty = Intervals::new;
    Coverage {
        key,
        stream: String::new(),
        host: String::new(),
        path: String::new(),
        stored: empty(),
        durable: empty(),
        dropped: empty(),
        expired: empty(),
        dead_letter: empty(),
    }
}

fn name(coverage: &mut Coverage, name: &SourceName) {
    coverage.stream = name.stream.to_string();
    coverage.host = name.host.to_string();
    coverage.path = name.path.to_string();
}

fn durable(source: &crate::manifest::SourceState) -> Coverage {
    let mut coverage = nothing(source.key);
    name(&mut coverage, &source.name);
    coverage.stored = source.stored.clone();
    coverage.durable = source.stored.clone();
    coverage.dropped = source.dropped.clone();
    coverage.expired = source.expired.clone();
    coverage.dead_letter = source.dead_letter.clone();
    coverage
}
