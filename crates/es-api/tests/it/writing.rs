//! Documents in: durable, in order, once.

use es_api::Limits;
use flate2::Compression;
use flate2::write::GzEncoder;
use queue::{LINES, MemoryOptions, Queue};
use serde_json::{Value, json};
use std::io::Write as _;

use crate::support::{Server, value};

/// A bulk of documents with these ids.
fn bulk(op: &str, index: &str, ids: impl IntoIterator<Item = u32>) -> String {
    let line = |n: u32| {
        format!(
            "{{\"{op}\":{{\"_index\":\"{index}\",\"_id\":\"{n}\"}}}}\n{{\"@timestamp\":\"2026-01-31T09:00:{:02}Z\",\"n\":{n},\"message\":\"document {n}\"}}\n",
            n % 60
        )
    };
    ids.into_iter().map(line).collect()
}

fn statuses(answer: &Value) -> Vec<u64> {
    let items = answer["items"].as_array().expect("items").iter();
    items
        .map(|item| {
            item.as_object().and_then(|map| map.values().next()).and_then(|i| i["status"].as_u64()).expect("status")
        })
        .collect()
}

#[tokio::test]
async fn a_bulk_becomes_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let body = concat!(
        "{\"create\":{\"_index\":\"web\"}}\n",
        "{\"@timestamp\":\"2026-01-31T09:00:00Z\",\"message\":\"first\",\"host\":{\"name\":\"h1\"},\"log\":{\"file\":{\"path\":\"/var/log/a\"}}}\n",
        "{\"index\":{\"_index\":\"db\",\"_id\":\"7\"}}\n",
        "{\"message\":\"second\",\"level\":\"error\"}\n",
        "{\"delete\":{\"_index\":\"web\",\"_id\":\"1\"}}\n",
    );
    let answer = server.json("POST", "/_bulk", body).await;
    assert_eq!((&answer["errors"], statuses(&answer)), (&json!(true), vec![201, 201, 400]));
    assert_eq!(answer["items"][1]["index"]["_id"], "7");
    server.transfer().await;
    let found = server.json("POST", "/web/_search", "").await;
    let hit = &found["hits"]["hits"][0];
    assert_eq!(found["hits"]["total"], json!({"value": 1, "relation": "eq"}));
    assert_eq!((&hit["_index"], &hit["_id"]), (&json!("web"), &answer["items"][0]["create"]["_id"]));
    assert_eq!(hit["_source"]["message"], "first");
    assert_eq!(hit["_source"]["host"]["name"], "h1");
    let found = server.json("GET", "/db/_doc/7", "").await;
    assert_eq!(
        (&found["found"], &found["_source"]["level"], &found["_source"]["host.name"]),
        (&json!(true), &json!("error"), &json!("box"))
    );
    assert_eq!(server.call("GET", "/db/_doc/8", "").await.status, 404);
    // The host and the path that a document names are those of its line.
    let on = server.json("GET", "/_count?q=host:h1%20AND%20file:%22/var/log/a%22", "").await;
    assert_eq!(on["count"], 1);
}

#[tokio::test]
async fn repeats_are_known_within_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let first = server.json("POST", "/_bulk", &bulk("create", "web", 0..5)).await;
    assert_eq!(statuses(&first), [201; 5]);
    let again = server.json("POST", "/_bulk", &bulk("create", "web", 3..7)).await;
    assert_eq!(statuses(&again), [409, 409, 201, 201]);
    assert_eq!(again["items"][0]["create"]["error"]["type"], "version_conflict_engine_exception");
    let same = server.json("POST", "/_bulk", &bulk("index", "web", [4, 7, 7])).await;
    assert_eq!(statuses(&same), [200, 201, 200]);
    assert_eq!(same["items"][0]["index"]["result"], "noop");
    let other = server.json("PUT", "/_bulk", "{\"index\":{\"_index\":\"web\",\"_id\":\"4\"}}\n{\"n\":5}\n").await;
    assert_eq!(statuses(&other), [400]);
    assert!(
        other["items"][0]["index"]["error"]["reason"].as_str().is_some_and(|r| r.contains("cannot be replaced")),
        "{other}"
    );
    // The same id in another index is another document.
    assert_eq!(statuses(&server.json("POST", "/_bulk", &bulk("create", "db", [4])).await), [201]);
    server.transfer().await;
    assert_eq!(server.json("GET", "/web/_count", "").await["count"], 8);
}

#[tokio::test]
async fn repeats_are_known_after_a_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let body = bulk("create", "web", 0..5_000);
    assert_eq!(statuses(&server.json("POST", "/_bulk", &body).await), [201; 5_000]);
    server.transfer().await;
    let server = server.restarted().await;
    let again = server.json("POST", "/web/_bulk", &bulk("create", "web", 0..5_001)).await;
    let mut expected = vec![409; 5_000];
    expected.push(201);
    assert_eq!(statuses(&again), expected);
    let same = server.json("POST", "/web/_bulk", &bulk("index", "web", [17])).await;
    assert_eq!(same["items"][0]["index"]["result"], "noop");
    server.transfer().await;
    assert_eq!(server.json("GET", "/web/_count", "").await["count"], 5_001);
}

#[tokio::test]
async fn a_full_queue_is_said_and_nothing_is_lost_or_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = MemoryOptions { max_bytes: 3_000, ..MemoryOptions::default() };
    let server = Server::with(folder.path(), options, Limits::default()).await;
    // A group that has not read yet is what holds the room.
    drop(server.queue.consumer(LINES, "store").await.expect("joins"));
    let mut written = 0;
    let refused = loop {
        let reply = server.call("POST", "/_bulk", &bulk("create", "web", written..written + 20)).await;
        if reply.status != 200 {
            break reply;
        }
        assert_eq!(statuses(&value(&reply)), [201; 20]);
        written += 20;
        assert!(written < 10_000, "the queue is never full");
    };
    assert_eq!((refused.status, refused.retry_after), (429, Some(1)));
    assert_eq!(value(&refused)["error"]["type"], "es_rejected_execution_exception");
    assert!(written > 0);
    server.transfer().await;
    let again = server.json("POST", "/_bulk", &bulk("create", "web", written..written + 20)).await;
    assert_eq!(statuses(&again), [201; 20]);
    server.transfer().await;
    assert_eq!(server.json("GET", "/web/_count", "").await["count"], written + 20);
}

#[tokio::test]
async fn the_account_balances() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    for n in 0..10 {
        server.json("POST", "/_bulk", &bulk("index", "web", n * 10..n * 10 + 10)).await;
    }
    server.transfer().await;
    let report = server.intake.sources().pop().expect("one source");
    let held = store::Reader::coverage(&*server.store, Some(report.key)).await.expect("knows").pop().expect("is held");
    assert_eq!((&*report.stream, &*report.path), ("web", "/es/web"));
    assert!(report.size > 0 && held.stored.covers(0, report.size), "{report:?} {held:?}");
    assert_eq!(held.stored.total(), report.queued);
    // The stream goes on behind its end after a start.
    let server = server.restarted().await;
    server.json("POST", "/web/_doc", "{\"n\":1}").await;
    let later = server.intake.sources().pop().expect("one source");
    assert_eq!(later.key, report.key);
    assert_eq!(later.size, report.size + 8);
}

#[tokio::test]
async fn one_document_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let made = server.call("POST", "/web/_doc", "{\n  \"message\": \"a\"\n}").await;
    assert_eq!((made.status, &value(&made)["result"]), (201, &json!("created")));
    assert_eq!(server.call("PUT", "/web/_doc/1", "{\"a\":1}").await.status, 201);
    assert_eq!(server.call("PUT", "/web/_create/1", "{\"a\":1}").await.status, 409);
    assert_eq!(server.call("PUT", "/web/_doc/1?op_type=create", "{\"a\":1}").await.status, 409);
    let same = server.call("PUT", "/web/_doc/1", "{\"a\":1}").await;
    assert_eq!((same.status, &value(&same)["result"]), (200, &json!("noop")));
    for (path, body, status) in [
        ("/web/_doc/1", "{\"a\":2}", 400),
        ("/web/_doc", "[]", 400),
        ("/web/_doc", "{", 400),
        ("/Web/_doc", "{}", 400),
        ("/web/_doc?pipeline=p", "{}", 400),
        ("/web/_doc?op_type=update", "{}", 400),
        ("/web/_doc?routing=a", "{}", 400),
    ] {
        assert_eq!(server.refused("POST", path, body).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_may_be_compressed() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { unpacked_bytes: 10_000, documents: 50, ..Limits::default() };
    let server = Server::with(folder.path(), MemoryOptions::default(), limits).await;
    let packed = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("is written");
        encoder.finish().expect("is written")
    };
    let send = async |body: Vec<u8>, encoding: &str| {
        let call = es_api::Call {
            method: "POST".to_owned(),
            path: "/_bulk".to_owned(),
            encoding: Some(encoding.to_owned()),
            body: body.into(),
            ..es_api::Call::default()
        };
        server.api.answer(call).await
    };
    assert_eq!(send(packed(&bulk("index", "web", 0..5)), "gzip").await.status, 200);
    for (body, encoding, status) in [
        (packed(&"x".repeat(20_000)), "gzip", 413),
        (b"no gzip".to_vec(), "gzip", 400),
        (b"{}".to_vec(), "br", 400),
        (packed(&"{\"index\":{\"_index\":\"a\"}}\n{}\n".repeat(51)), "gzip", 413),
    ] {
        assert_eq!(send(body, encoding).await.status, status, "{encoding}");
    }
    let filtered = server
        .json("POST", "/_bulk?filter_path=errors,items.*.error,items.*.status", &bulk("create", "web", 4..6))
        .await;
    assert_eq!(filtered["items"][1], json!({"create": {"status": 201}}));
    assert!(filtered.get("took").is_none());
}

#[tokio::test]
async fn what_is_lost_on_the_way_is_sent_again_and_there_once() {
    for seed in 0..30 {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::faulty(folder.path(), seed).await;
        for bulk in 0..20 {
            // Of four origins, so that a bulk is four batches.
            let body: String = (0..12)
                .map(|n| format!("{{\"create\":{{\"_index\":\"web\",\"_id\":\"{bulk}-{n}\"}}}}\n{{\"host\":\"h{}\",\"n\":\"{bulk}-{n}\"}}\n", n % 4))
                .collect();
            let mut tries = 0;
            loop {
                let reply = server.call("POST", "/_bulk", &body).await;
                if reply.status == 200 && statuses(&value(&reply)).iter().all(|status| matches!(status, 201 | 409)) {
                    break;
                }
                tries += 1;
                assert!(tries < 200, "seed {seed}: {}", value(&reply));
            }
        }
        server.transfer().await;
        let asked = "{\"size\":0,\"aggs\":{\"n\":{\"cardinality\":{\"field\":\"n\"}}}}";
        let found = server.json("POST", "/web/_search", asked).await;
        assert_eq!(found["hits"]["total"]["value"], 240, "seed {seed}");
        assert_eq!(found["aggregations"]["n"]["value"], 240, "seed {seed}");
        let report = server.intake.sources().pop().expect("one source");
        let held =
            store::Reader::coverage(&*server.store, Some(report.key)).await.expect("knows").pop().expect("is held");
        assert!(held.stored.covers(0, held.stored.end()), "seed {seed}: {held:?}");
    }
}
