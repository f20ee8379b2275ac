//! What the answers must be.

use std::collections::BTreeSet;

use crate::{BatchRow, Hit, HitCursor, Query, Reader, Scope, SearchRequest, StoreBatch, TimeRange};

/// The records that a store must hold.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// In the order given, each once.
    pub hits: Vec<Hit>,
}

impl Oracle {
    /// Of batches that do not overlap but for whole records.
    pub fn of(batches: &[StoreBatch]) -> Self {
        let mut known = BTreeSet::new();
        let rows = batches
            .iter()
            .flat_map(|batch| (0..batch.batch.records.len()).map(|row| BatchRow::new(&batch.batch, row).hit()));
        Self { hits: rows.filter(|hit| known.insert(hit.id)).map(comparable).collect() }
    }

    /// Those that match, newest first.
    pub fn search(&self, query: &str, range: TimeRange) -> Vec<Hit> {
        let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let scope = Scope { query, range, deadline: None };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = SearchRequest { scope: scope.clone(), limit: crate::LIMIT_MAX, after };
            let page = crate::naive::search(&self.hits, &request).expect("the request is right");
            found.extend(page.hits);
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }
}

/// Fields in the order of their names: stores may read them back in another.
fn comparable(mut hit: Hit) -> Hit {
    hit.fields.sort();
    hit
}

/// Everything that matches, by pages of `limit`.
pub async fn search_all<S: Reader + ?Sized>(store: &S, query: &str, range: TimeRange, limit: usize) -> Vec<Hit> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut found: Vec<Hit> = Vec::new();
    let mut after: Option<HitCursor> = None;
    loop {
        let scope = Scope { query: query.clone(), range, deadline: None };
        let page = store.search(&SearchRequest { scope, limit, after }).await.expect("search");
        assert!(page.complete, "without a deadline every page is complete");
        assert!(page.hits.len() <= limit, "{} hits are more than {limit}", page.hits.len());
        found.extend(page.hits.into_iter().map(comparable));
        match page.next {
            None => return found,
            next => {
                assert!(next < after || after.is_none(), "the cursor moves on: {after:?} then {next:?}");
                after = next;
            }
        }
    }
}

/// All records of a store, newest first.
pub async fn everything<S: Reader + ?Sized>(store: &S) -> Vec<Hit> {
    search_all(store, "", TimeRange::ALL, 1000).await
}

/// That two lists of hits are the same, with the first difference shown shortly.
#[track_caller]
pub(super) fn assert_same(found: &[Hit], wanted: &[Hit], what: &str) {
    for (n, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!(found == wanted, "{what}: hit {n} is\n{found:?}\nand should be\n{wanted:?}");
    }
    assert_eq!(found.len(), wanted.len(), "{what}: number of hits");
}
