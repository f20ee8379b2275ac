//! Every kind of query against the plain evaluation of single records.

use super::oracle::{Oracle, assert_same, search_all};
use super::samples;
use crate::{Store, TimeRange};

/// Queries of every kind over the records of [`samples`].
pub const QUERIES: [&str; 62] = [
    "",
    "*",
    "timeout",
    "TIMEOUT",
    "timeout connection",
    "timeout OR reset",
    "-timeout",
    "NOT (timeout OR reset)",
    "\"connection reset\"",
    "\"reset by peer\"",
    "\"t by\"",
    "größe",
    "Größe",
    "10.0.0.1",
    "10.0.0.1 -timeout",
    "[ERROR]",
    "a\\\\b",
    "x:y",
    "user_id=7",
    "time*",
    "*out",
    "*meo*",
    "t?meout",
    "con*ion",
    "*.0.0.1*",
    "/time(out)?s/",
    "/(?i)TIMEOUT/",
    "/^level=/",
    "/run\\(Thread/",
    "status:500",
    "status:[500 TO 599]",
    "status:>=404",
    "status:{200 TO 404}",
    "status:*",
    "-status:*",
    "path:/health",
    "-path:/health",
    "status:[500 TO 599] -path:/health",
    "path:=/login",
    "path:/api*",
    "file:web",
    "took:>1.5",
    "took:[0.5 TO 1]",
    "took:1.5",
    "msg:timeout",
    "msg:\"connection reset\"",
    "msg:time*",
    "user:ann",
    "user:=ANN",
    "user:(bob OR carol)",
    "level:error",
    "level:>=warn",
    "level:<info",
    "-level:*",
    "stream:web",
    "stream:=web",
    "host:h2 timeout",
    "generation:1",
    "format:json timeout",
    "mark:unparsed",
    "localhost:7",
    "nosuch:field OR count:<10",
];

/// Every kind of query gives what the evaluation of each record gives, before and after a flush.
pub async fn every_kind_of_query_agrees<S: Store + ?Sized>(store: &S) {
    let batches = samples(11, 24, 25);
    let oracle = Oracle::of(&batches);
    let (first, second) = batches.split_at(12);
    store.write(first).await.expect("write");
    store.flush().await.expect("flush");
    store.write(second).await.expect("write");
    for round in ["half of it in the head", "all of it flushed"] {
        let mut empty = Vec::new();
        for query in QUERIES {
            let wanted = oracle.search(query, TimeRange::ALL);
            let found = search_all(store, query, TimeRange::ALL, 37).await;
            assert_same(&found, &wanted, &format!("{query} with {round}"));
            if wanted.is_empty() {
                empty.push(query);
            }
        }
        assert!(empty.len() <= 2, "these queries test nothing: {empty:?}");
        store.flush().await.expect("flush");
    }
}
