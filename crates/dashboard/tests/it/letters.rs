use std::sync::Arc;

use async_trait::async_trait;
use dashboard::{LetterResult, Letters, Settled};
use model::{Place, RecordId};
use parking_lot::Mutex;
use queue::testing::BatchOf;
use queue::{DEAD_LETTERS, Queue};
use serde_json::json;

use crate::support::Server;

/// Stores what it is asked to, and knows one letter only.
#[derive(Default)]
struct Told(Mutex<Vec<Asked>>, Mutex<bool>);

/// What to do, with which.
type Asked = (&'static str, Option<Vec<RecordId>>);

impl Told {
    fn settle(
        &self,
        what: &'static str,
        which: Option<&[RecordId]>,
        result: LetterResult,
    ) -> Result<(Vec<Settled>, bool), String> {
        self.0.lock().push((what, which.map(<[RecordId]>::to_vec)));
        let known = which.is_none_or(|which| which.iter().any(|id| id.offset == 7));
        *self.1.lock() |= known;
        let one = Settled { id: "x".into(), store: "default".into(), result, reason: None };
        Ok((if known { vec![one] } else { Vec::new() }, false))
    }
}

#[async_trait]
impl Letters for Told {
    fn is_settled(&self, place: Place) -> bool {
        *self.1.lock() && place.offset == 0
    }

    async fn retry(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settled>, bool), String> {
        self.settle("retry", which, LetterResult::Stored)
    }

    async fn give_up(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settled>, bool), String> {
        self.settle("drop", which, LetterResult::Dropped)
    }
}

const ID: &str = "00000000000000000000000007.0.7";

#[test]
fn letters_are_settled_and_shown_no_more() {
    let told = Arc::new(Told::default());
    let server = Server::with(|parts| parts.letters = Some(told.clone()));
    for start in [7, 100] {
        let batch = BatchOf::source(7).at(start).flags(model::BatchFlags::AFTER_MISSED).bytes(b"no\nx\n");
        let appended = async { server.queue.producer(DEAD_LETTERS).await.expect("is there").append(batch).await };
        server.runtime.block_on(appended).expect("is appended");
    }
    let shown = || server.json("/api/v1/dead-letters")["dead_letters"].as_array().expect("a list").len();
    assert_eq!(shown(), 2);
    let post = |path: &str, body: &str| server.post(path, "application/json", body.as_bytes());
    let none = ID.replace(".7", ".8");
    assert_eq!(post(&format!("/api/v1/dead-letters/{none}/retry"), "{}").status, 404);
    let answer = post(&format!("/api/v1/dead-letters/{ID}/retry"), "{}");
    assert_eq!(
        answer.json(),
        json!({
            "results": [{ "id": "x", "store": "default", "result": "stored", "reason": null }],
            "stored": 1, "dropped": 0, "refused": 0, "more": false,
        })
    );
    assert_eq!(shown(), 1);
    // Looking commits nothing: what is not settled stays.
    let stats = server.runtime.block_on(server.queue.stats(DEAD_LETTERS)).expect("is there");
    assert!(stats.groups.iter().all(|(_, cursors)| cursors.next.values().all(|next| *next == 0)), "{stats:?}");

    assert_eq!(server.delete(&format!("/api/v1/dead-letters/{ID}")).json()["dropped"], 1);
    assert_eq!(post("/api/v1/dead-letters/retry", r#"{"all":true}"#).json()["stored"], 1);
    assert_eq!(post("/api/v1/dead-letters/drop", &json!({ "ids": [ID] }).to_string()).json()["dropped"], 1);
    let asked: Vec<_> = told.0.lock().iter().map(|(what, which)| (*what, which.as_ref().map(Vec::len))).collect();
    assert_eq!(asked, [("retry", Some(1)), ("retry", Some(1)), ("drop", Some(1)), ("retry", None), ("drop", Some(1))]);
    for (body, key) in [("{}", "ids"), (r#"{"ids":["x"]}"#, "ids"), (r#"{"all":true,"ids":["x"]}"#, "ids")] {
        let answer = post("/api/v1/dead-letters/drop", body);
        assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!(key)), "{body}");
    }
    assert_eq!(server.delete("/api/v1/dead-letters/odd").json()["parameter"], "id");
    assert_eq!(server.post("/api/v1/dead-letters/retry", "text/plain", br#"{"all":true}"#).status, 400);
}

#[test]
fn without_a_transfer_it_says_where_to_ask() {
    let server = Server::start();
    let answer = server.post(&format!("/api/v1/dead-letters/{ID}/retry"), "application/json", b"{}");
    assert_eq!(answer.status, 501);
    assert!(answer.text().contains("no transfer runs in this process"), "{}", answer.text());
}
