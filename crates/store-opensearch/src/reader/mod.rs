//! Records found, counted and followed.

mod context;
mod count;
mod coverage;
mod facets;
mod histogram;
mod poll;
mod rebuild;
mod walk;

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use base::Timestamp;
use model::{RecordId, SourceKey};
use serde_json::{Value, json};
use store::query::compile;
use store::{
    Capabilities, Context, ContextRequest, Coverage, Facets, FacetsRequest, FieldInfo, Histogram, HistogramRequest,
    PAGE_BYTES_MAX, Query, Reader, Scope, SearchPage, SearchRequest, StoreError, StoreStats, Tail, Whereabouts,
};

use crate::OpenSearchStore;
use crate::hit::{Page, Shards, cursor};
use crate::http::Request;
use crate::options::Visible;
use crate::query::{self, Clause};
pub use poll::Poller;
use walk::{Step, Until, Walk};

/// How long a record stays unseen at most: the refresh interval of our index template, and a little.
const VISIBLE_LATER: Duration = Duration::from_millis(1500);

impl OpenSearchStore {
    /// A search of our indices.
    async fn page(&self, body: Value) -> Result<Page, StoreError> {
        self.server().await?;
        let path = format!("/{}/_search?ignore_unavailable=true&allow_no_indices=true", self.naming.pattern());
        let answer = self.http.send(Request::post(path, body)).await?;
        if !answer.is_ok() {
            return Err(answer.error());
        }
        serde_json::from_slice(&answer.body).map_err(|error| StoreError::Refused {
            at: answer.at,
            reason: crate::http::one_line(&format!("its answer is not that of a search ({error})")),
        })
    }

    /// A search of which nothing may be missing.
    async fn whole(&self, body: Value) -> Result<Page, StoreError> {
        let page = self.page(body).await?;
        let Shards { total, failed } = page.shards;
        if failed > 0 {
            let reason = format!("{failed} of {total} shards do not answer; see GET _cluster/health");
            return Err(StoreError::Unavailable { at: self.http.shown(), reason });
        }
        Ok(page)
    }

    /// The oldest and the newest time held.
    async fn held(&self) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let one = |order: &str| {
            json!({
                "size": 1, "track_total_hits": false, "_source": false, "query": query::ours().to_json(),
                "sort": [{query::TIME: {"order": order, "unmapped_type": "long"}}],
            })
        };
        let oldest = self.whole(one("asc")).await?;
        let newest = self.whole(one("desc")).await?;
        let time = |page: &Page| page.hits.hits.first()?.sort.first()?.as_i64().map(Timestamp::from_micros);
        Ok(time(&oldest).zip(time(&newest)))
    }
}

#[async_trait]
impl Reader for OpenSearchStore {
    fn capabilities(&self) -> Capabilities {
        let visible_later = match self.options.visible {
            Visible::Soon => VISIBLE_LATER,
            Visible::AtOnce => Duration::ZERO,
        };
        Capabilities { carries_cursors: false, context: true, coverage: true, visible_later }
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        request.check()?;
        let matcher = compile(&request.scope.query)?;
        let bounds = query::bounds(&request.scope, &matcher);
        let mut page = SearchPage { next: request.after, complete: true, ..SearchPage::default() };
        if request.limit == 0 {
            return Ok(page);
        }
        let exact = bounds.doubtful() == Clause::Nothing;
        let mut walk = Walk::new(self, bounds.upper, request.after, Until::of(&request.scope));
        let mut bytes = 0;
        loop {
            let wanted = if exact { request.limit - page.hits.len() + 1 } else { usize::MAX };
            match walk.step(wanted).await? {
                Step::Hits(hits) => {
                    page.complete &= !walk.is_partial();
                    for hit in hits {
                        // Also where the server is sure: looking is cheap, and a server's idea of a lower-case letter
                        // is not always ours.
                        if !matcher.matches(&hit) {
                            continue;
                        }
                        if page.hits.len() >= request.limit || bytes > PAGE_BYTES_MAX {
                            page.next = page.hits.last().map(cursor);
                            return Ok(page);
                        }
                        bytes += hit.line.len();
                        page.hits.push(hit);
                    }
                }
                Step::Over => {
                    page.next = None;
                    return Ok(page);
                }
                Step::OutOfTime => {
                    page.next = walk.reached();
                    page.complete = false;
                    return Ok(page);
                }
            }
        }
    }

    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        self.histogram_of(request).await
    }

    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        self.facets_of(request).await
    }

    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        self.fields_of(scope).await
    }

    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        self.context_of(request).await
    }

    fn tail(&self, query: &Query) -> Result<Tail, StoreError> {
        let tail = self.hub.follow(query)?;
        if !self.writes.load(Ordering::Relaxed) {
            self.poller.start(self);
        }
        Ok(tail)
    }

    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        self.coverage_of(key).await
    }

    async fn whereabouts(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        self.whereabouts_of(id).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let body = json!({
            "size": 0, "track_total_hits": true, "query": query::ours().to_json(),
            "aggs": {"bytes": {"sum": {"field": query::SIZE}}},
        });
        let page = self.whole(body).await?;
        let held = self.held().await?;
        let path = format!(
            "/{}/_stats/store,segments?filter_path=_all.total.store.size_in_bytes,_all.total.segments.count\
             &ignore_unavailable=true&allow_no_indices=true",
            self.naming.pattern()
        );
        // Who may search need not be allowed to look at this.
        let disk = self.http.json(Request::get(path)).await.unwrap_or_default();
        let total = &disk["_all"]["total"];
        Ok(StoreStats {
            records: page.hits.total["value"].as_u64().unwrap_or(0),
            line_bytes: page.aggregations["bytes"]["value"].as_f64().unwrap_or(0.0) as u64,
            disk_bytes: total["store"]["size_in_bytes"].as_u64().unwrap_or(0),
            parts: total["segments"]["count"].as_u64().unwrap_or(0),
            head_bytes: 0,
            oldest: held.map(|held| held.0),
            newest: held.map(|held| held.1),
            paused: self.paused.lock().clone(),
            free_bytes: None,
        })
    }
}
