//! Following what others write: a process that only reads asks, twice a second, what is new.
//!
//! Decision: by the numbers that a shard gives to what it takes, not by any time in the records: those numbers are in
//! the order taken, so neither a late line nor a clock that is wrong is passed over. A refresh may show a number before
//! a smaller one that was still on its way; so what is missing below the highest is asked for again for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use store::{StoreError, TailHub};

use super::rebuild;
use crate::OpenSearchStore;
use crate::hit::Page;
use crate::http::{Http, Request};
use crate::query;

const INTERVAL: Duration = Duration::from_millis(500);
/// Records of one request.
const HITS: usize = 500;
/// After so many rounds, a number that is missing is taken for one that will not come.
const PATIENCE: u32 = 10;
/// Numbers remembered above a missing one, at most.
const ABOVE_MAX: usize = 5000;

/// Asks for what is new, as long as there are followers.
#[derive(Default)]
pub struct Poller {
    running: Mutex<Option<runtime::Ahead<()>>>,
    active: Arc<AtomicBool>,
}

/// A shard of an index.
type Shard = (String, String);

/// How far a shard has been followed. Pure.
#[derive(Debug, Default)]
struct Seen {
    /// All up to here were given on, or given up.
    floor: i64,
    above: BTreeSet<i64>,
    rounds: u32,
}

impl Seen {
    /// From now on.
    fn behind(last: i64) -> Self {
        Self { floor: last, ..Self::default() }
    }

    /// Whether this one is new.
    fn take(&mut self, number: i64) -> bool {
        number > self.floor && self.above.insert(number)
    }

    /// A round is over.
    fn settle(&mut self) {
        while self.above.remove(&(self.floor + 1)) {
            self.floor += 1;
            self.rounds = 0;
        }
        self.rounds = if self.above.is_empty() { 0 } else { self.rounds + 1 };
        if self.rounds > PATIENCE || self.above.len() > ABOVE_MAX {
            self.floor = self.above.pop_last().unwrap_or(self.floor);
            self.above.clear();
            self.rounds = 0;
        }
    }
}

struct Polling {
    http: Arc<Http>,
    pattern: String,
    hub: Weak<TailHub>,
    /// Whether records come in by this process: then followers get them from there.
    writes: Arc<AtomicBool>,
    shards: Option<BTreeMap<Shard, Seen>>,
}

impl Poller {
    /// Begins, unless it is under way.
    pub fn start(&self, store: &OpenSearchStore) {
        if self.active.swap(true, Ordering::SeqCst) {
            return;
        }
        let polling = Polling {
            http: store.http.clone(),
            pattern: store.naming.pattern(),
            hub: Arc::downgrade(&store.hub),
            writes: store.writes.clone(),
            shards: None,
        };
        *self.running.lock() = Some(runtime::ahead(polling.run(self.active.clone())));
    }
}

impl Polling {
    async fn run(mut self, active: Arc<AtomicBool>) {
        while !self.writes.load(Ordering::SeqCst) {
            if self.hub.upgrade().is_none_or(|hub| hub.followers() == 0) {
                active.store(false, Ordering::SeqCst);
                // Somebody may have come between the look and the note.
                let needed = self.hub.upgrade().is_some_and(|hub| hub.followers() > 0);
                if !needed || active.swap(true, Ordering::SeqCst) {
                    return;
                }
                self.shards = None;
            }
            if let Err(error) = self.round().await {
                tracing::debug!(%error, "cannot ask for what is new");
            }
            tokio::time::sleep(INTERVAL).await;
        }
        active.store(false, Ordering::SeqCst);
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let path = format!(
            "/{}/_stats/docs?level=shards&ignore_unavailable=true&allow_no_indices=true\
             &filter_path=indices.*.shards.*.seq_no,indices.*.shards.*.routing.primary",
            self.pattern
        );
        let stats = self.http.json(Request::get(path)).await?;
        let first = self.shards.is_none();
        let mut shards = self.shards.take().unwrap_or_default();
        for (shard, last) in numbers(&stats) {
            let begin = if first { last } else { -1 };
            let seen = shards.entry(shard.clone()).or_insert_with(|| Seen::behind(begin));
            if last > seen.floor
                && let Err(error) = self.follow(&shard, seen).await
            {
                self.shards = Some(shards);
                return Err(error);
            }
        }
        self.shards = Some(shards);
        Ok(())
    }

    async fn follow(&self, (index, number): &Shard, seen: &mut Seen) -> Result<(), StoreError> {
        let path =
            format!("/{index}/_search?preference=_shards:{number}&ignore_unavailable=true&allow_no_indices=true");
        let mut after = seen.floor;
        loop {
            let new = query::Clause::Is(json!({"range": {"_seq_no": {"gt": after}}}));
            let body = json!({
                "size": HITS, "track_total_hits": false, "sort": [{"_seq_no": "asc"}],
                "query": query::Clause::and([query::ours(), new]).to_json(),
            });
            let answer = self.http.json(Request::post(&path, body)).await?;
            let page: Page = serde_json::from_value(answer).unwrap_or_default();
            let count = page.hits.hits.len();
            let mut hits = Vec::new();
            for found in page.hits.hits {
                let Some(number) = found.sort.first().and_then(Value::as_i64) else { continue };
                after = after.max(number);
                if seen.take(number) {
                    hits.extend(found.source.into_hit());
                }
            }
            let Some(hub) = self.hub.upgrade().filter(|_| !self.writes.load(Ordering::SeqCst)) else { return Ok(()) };
            for batch in rebuild::batches(hits) {
                let rows = 0..batch.records.len() as u32;
                hub.publish(&batch, [rows]);
            }
            if count < HITS {
                break;
            }
        }
        seen.settle();
        Ok(())
    }
}

/// The highest number of each shard.
fn numbers(stats: &Value) -> Vec<(Shard, i64)> {
    let mut all = Vec::new();
    for (index, found) in stats["indices"].as_object().into_iter().flatten() {
        for (number, copies) in found["shards"].as_object().into_iter().flatten() {
            let last = copies.as_array().into_iter().flatten().filter_map(|copy| copy["seq_no"]["max_seq_no"].as_i64());
            all.push(((index.clone(), number.clone()), last.max().unwrap_or(-1)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_still_given_on_and_nothing_twice() {
        let mut seen = Seen::behind(9);
        assert!(!seen.take(9), "that was before");
        assert!(seen.take(10) && seen.take(12) && seen.take(13) && !seen.take(12));
        seen.settle();
        assert_eq!(seen.floor, 10);
        assert!(seen.take(11));
        seen.settle();
        assert_eq!((seen.floor, seen.above.len()), (13, 0));
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let mut seen = Seen::behind(0);
        assert!(seen.take(2));
        (0..=PATIENCE).for_each(|_| seen.settle());
        assert_eq!((seen.floor, seen.above.len()), (2, 0));
    }

    #[test]
    fn the_numbers_are_those_of_all_shards() {
        let stats = json!({"indices": {"a": {"shards": {"0": [{"seq_no": {"max_seq_no": 4}}, {"seq_no": {"max_seq_no": 5}}], "1": [{}]}}}});
        let shard = |number: &str| ("a".to_owned(), number.to_owned());
        assert_eq!(numbers(&stats), [(shard("0"), 5), (shard("1"), -1)]);
    }
}
