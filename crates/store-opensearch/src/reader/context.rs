//! The neighbours of a record in its file: by offset, so always in the file's own order.

use model::RecordId;
use serde_json::{Value, json};
use store::{Context, ContextRequest, Hit, Holder, StoreError, Whereabouts};

use crate::OpenSearchStore;
use crate::query::{Clause, GENERATION, OFFSET, SOURCE};

/// Records of one request.
const HITS_MAX: usize = 1000;

impl OpenSearchStore {
    pub(super) async fn context_of(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        let offset = request.id.offset;
        let mut before = self.neighbours(request, "desc", json!({"lt": offset}), request.before).await?;
        before.reverse();
        let mut behind =
            self.neighbours(request, "asc", json!({"gte": offset}), request.after.saturating_add(1)).await?;
        let found = behind.first().is_some_and(|hit| hit.id == request.id);
        behind.truncate(request.after.saturating_add(usize::from(found)));
        let anchor = found.then_some(before.len());
        before.append(&mut behind);
        Ok(Context { hits: before, anchor })
    }

    pub(super) async fn whereabouts_of(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        let clause = Clause::and([
            Clause::term(SOURCE, id.key.source.to_string()),
            Clause::term(GENERATION, id.key.generation.0),
            Clause::term(OFFSET, id.offset),
        ]);
        let body = json!({"size": 1, "track_total_hits": false, "_source": false, "query": clause.to_json()});
        let page = self.whole(body).await?;
        let found = page.hits.hits.into_iter().next();
        Ok(found.map(|found| Whereabouts { holder: Holder::Index, name: found.index, at: None, batch: None }))
    }

    async fn neighbours(
        &self,
        request: &ContextRequest,
        order: &str,
        offsets: Value,
        count: usize,
    ) -> Result<Vec<Hit>, StoreError> {
        let key = request.id.key;
        let clause = Clause::and([
            Clause::term(SOURCE, key.source.to_string()),
            Clause::term(GENERATION, key.generation.0),
            Clause::Is(json!({"range": {OFFSET: offsets}})),
        ]);
        let mut hits: Vec<Hit> = Vec::new();
        while hits.len() < count {
            let size = (count - hits.len()).min(HITS_MAX);
            let mut body = json!({
                "size": size, "track_total_hits": false, "query": clause.to_json(),
                "sort": [{OFFSET: {"order": order, "unmapped_type": "long"}}],
            });
            if let Some(last) = hits.last() {
                body["search_after"] = json!([last.id.offset]);
            }
            let page = self.whole(body).await?;
            let over = page.hits.hits.len() < size;
            hits.extend(page.hits.hits.into_iter().filter_map(|found| found.source.into_hit()));
            if over {
                break;
            }
        }
        Ok(hits)
    }
}
