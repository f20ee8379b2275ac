//! A search, carried out over a store.

use std::time::{Duration, Instant};

use base::Timestamp;
use serde_json::{Map, Value, json};
use store::{HistogramRequest, Hit, HitCursor, Reader, Scope, SearchRequest, TimeRange};

use super::body::{Search, WINDOW_MAX};
use super::hits;
use crate::EsError;
use crate::aggs::state::Counter;
use crate::aggs::{quick, render};

/// Hits of a page that is only counted.
const COUNTED_PAGE: usize = 5_000;
/// The oldest hits are looked for in ranges of no more than so many.
const RANGE_MAX: u64 = 20_000;
/// And such a range is found in so many steps at most.
const STEPS_MAX: usize = 8;
/// What the hits of one answer hold at most, in bytes of their lines.
const BYTES_MAX: usize = 64 << 20;

/// Over which store, until when.
pub struct Run<'a> {
    /// The store.
    pub store: &'a dyn Reader,
    /// When the answer has to be given.
    pub until: Instant,
    /// Whether everything was looked at so far.
    pub complete: bool,
}

impl<'a> Run<'a> {
    /// With so much time.
    pub fn new(store: &'a dyn Reader, deadline: Duration) -> Self {
        Self { store, until: Instant::now() + deadline, complete: true }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    fn scope(&self, scope: &Scope) -> Scope {
        Scope { deadline: Some(self.left()), ..scope.clone() }
    }

    /// Carries out a search in a scope.
    ///
    /// # Errors
    /// Where the store cannot answer, or there would be too much to say.
    pub async fn search(mut self, search: &Search, scope: Scope, total_as_int: bool) -> Result<Value, EsError> {
        let started = Instant::now();
        let found = if search.size == 0 { Vec::new() } else { self.hits(search, &scope).await? };
        let aggregations = if search.aggs.is_empty() { None } else { Some(self.aggregate(search, &scope).await?) };
        let total = if search.total { Some(self.count(&scope).await?) } else { None };
        let marker = search.highlight.as_ref().map(|highlight| highlight.marker(&scope.query));
        let shown: Vec<Value> = found.iter().map(|hit| hits::show(hit, search, marker.as_ref())).collect();
        let score = if search.sort.is_empty() && !shown.is_empty() { json!(1.0) } else { Value::Null };
        let mut hits = Map::new();
        if let Some(total) = total {
            let relation = if self.complete { "eq" } else { "gte" };
            let shown = if total_as_int { total.into() } else { json!({ "value": total, "relation": relation }) };
            hits.insert("total".to_owned(), shown);
        }
        hits.insert("max_score".to_owned(), score);
        hits.insert("hits".to_owned(), shown.into());
        let mut answer = json!({
            "took": started.elapsed().as_millis() as u64,
            "timed_out": !self.complete,
            "_shards": { "total": 1, "successful": 1, "skipped": 0, "failed": 0 },
            "hits": hits,
        });
        if let Some(aggregations) = aggregations {
            answer["aggregations"] = Value::Object(aggregations);
        }
        Ok(answer)
    }

    /// How many records there are.
    ///
    /// # Errors
    /// Where the store cannot answer.
    pub async fn count(&mut self, scope: &Scope) -> Result<u64, EsError> {
        let (total, complete) = self.count_in(scope.clone()).await?;
        self.complete &= complete;
        Ok(total)
    }

    async fn count_in(&self, scope: Scope) -> Result<(u64, bool), EsError> {
        if scope.range.since >= scope.range.until {
            return Ok((0, true));
        }
        let scope = self.scope(&scope);
        let request = HistogramRequest { scope, bucket_micros: None, buckets: 1, by: None, series_max: 1 };
        let found = self.store.histogram(&request).await?;
        Ok((found.total, found.complete))
    }

    async fn aggregate(&mut self, search: &Search, scope: &Scope) -> Result<Map<String, Value>, EsError> {
        if scope.range.since >= scope.range.until {
            return render::all(&search.aggs, Counter::new(&search.aggs)?.finish());
        }
        if let Some(quick) = quick::count(&search.aggs, &self.scope(scope), self.store).await? {
            self.complete &= quick.complete;
            return render::all(&search.aggs, quick.counted);
        }
        let mut counter = Counter::new(&search.aggs)?;
        let mut after = None;
        loop {
            let request = SearchRequest { scope: self.scope(scope), limit: COUNTED_PAGE, after };
            let page = self.store.search(&request).await?;
            for hit in &page.hits {
                counter.add(hit)?;
            }
            after = page.next;
            if !page.complete || (after.is_some() && Instant::now() >= self.until) {
                self.complete = false;
                break;
            }
            if after.is_none() {
                break;
            }
        }
        render::all(&search.aggs, counter.finish())
    }

    async fn hits(&mut self, search: &Search, scope: &Scope) -> Result<Vec<Hit>, EsError> {
        if scope.range.since >= scope.range.until {
            return Ok(Vec::new());
        }
        let wanted = search.from + search.size;
        let mut found = if search.ascending {
            self.oldest(scope, wanted.min(WINDOW_MAX), search.after).await?
        } else {
            self.newest(scope, wanted, search.after).await?
        };
        found.drain(..search.from.min(found.len()));
        Ok(found)
    }

    /// The newest hits, in that order.
    async fn newest(
        &mut self,
        scope: &Scope,
        wanted: usize,
        mut after: Option<HitCursor>,
    ) -> Result<Vec<Hit>, EsError> {
        let mut found: Vec<Hit> = Vec::new();
        let mut bytes = 0;
        loop {
            let request =
                SearchRequest { scope: self.scope(scope), limit: (wanted - found.len()).min(WINDOW_MAX), after };
            let page = self.store.search(&request).await?;
            bytes += page.hits.iter().map(|hit| hit.line.len()).sum::<usize>();
            if bytes > BYTES_MAX {
                return Err(EsError::too_large(format!(
                    "the hits hold more than {} MB; ask for fewer of them ([size])",
                    BYTES_MAX >> 20
                )));
            }
            found.extend(page.hits);
            if !page.complete {
                self.complete = false;
                return Ok(found);
            }
            match page.next {
                Some(next) if found.len() < wanted => after = Some(next),
                _ => return Ok(found),
            }
        }
    }

    /// The oldest hits, oldest first. A store gives the newest of a range, so first a range is looked for that begins
    /// where the scope does and holds enough of them, but not many more.
    async fn oldest(&mut self, scope: &Scope, wanted: usize, after: Option<HitCursor>) -> Result<Vec<Hit>, EsError> {
        let mut scope = scope.clone();
        if let Some(after) = after {
            scope.range.since = scope.range.since.max(after.time);
        }
        let (whole, mut enough) = (scope.range.until, wanted as u64 + 64);
        loop {
            scope.range.until = self.end_of(&scope, whole, enough).await?;
            let found = self.newest(&scope, usize::MAX >> 1, None).await;
            let mut found = found.map_err(Self::or_fewer)?;
            found.reverse();
            // What stands at the very moment of the cursor, and before it, came on top.
            found.retain(|hit| after.is_none_or(|after| HitCursor { time: hit.time, id: hit.id } > after));
            if found.len() >= wanted || scope.range.until == whole || !self.complete {
                found.truncate(wanted);
                return Ok(found);
            }
            enough = enough.saturating_mul(16);
        }
    }

    /// Where a range ends that holds so many of the oldest, but not many more.
    async fn end_of(&mut self, scope: &Scope, whole: Timestamp, enough: u64) -> Result<Timestamp, EsError> {
        let mut scope = scope.clone();
        scope.range.until = whole;
        for _ in 0..STEPS_MAX {
            let Some((end, count)) = self.narrowed(&scope, enough).await? else { break };
            if end >= scope.range.until {
                break;
            }
            scope.range.until = end;
            if count <= RANGE_MAX.max(enough) {
                break;
            }
        }
        Ok(scope.range.until)
    }

    fn or_fewer(error: EsError) -> EsError {
        match error.status {
            413 => EsError::illegal(
                "too many records have nearly the same moment to sort the oldest first; ask for the newest",
            ),
            _ => error,
        }
    }

    /// Where a range ends that holds at least so many of the oldest, and how many it holds; `None` where the whole
    /// scope holds fewer.
    async fn narrowed(&mut self, scope: &Scope, enough: u64) -> Result<Option<(Timestamp, u64)>, EsError> {
        let scope = self.scope(scope);
        let request = HistogramRequest { scope, bucket_micros: None, buckets: 1_000, by: None, series_max: 1 };
        let found = self.store.histogram(&request).await?;
        self.complete &= found.complete;
        let counts = found.series.first().map(|(_, counts)| counts.as_slice()).unwrap_or_default();
        let mut seen = 0;
        for (n, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= enough {
                let end = found.start.plus_micros(found.bucket_micros.saturating_mul(n as i64 + 1));
                return Ok(Some((end, seen)));
            }
        }
        Ok(None)
    }
}

/// The part of a scope that a range leaves.
pub fn within(range: TimeRange, query: store::Query) -> Scope {
    Scope { query, range, deadline: None }
}
