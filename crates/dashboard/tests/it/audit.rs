use std::sync::Arc;

use model::FileState;
use queue::testing::BatchOf;
use queue::{LINES, Queue};
use serde_json::{Value, json};
use store::testing::BatchBuilder;
use store::{MemoryStore, Reader, Writer};

use crate::support::{Agent, Server, report};

/// Files: one stored whole, one with half of it still in the queue, one unreadable; and one only the store knows.
fn server() -> Server {
    let mut unreadable = report(3, "/var/log/secret.log", 50);
    (unreadable.read, unreadable.queued) = (0, 0);
    unreadable.state = FileState::Unreadable("permission denied".to_owned());
    let agent = Agent {
        sources: vec![report(1, "/var/log/a.log", 64), report(2, "/var/log/x/b.log", 128), unreadable],
        problems: vec![("/var/nowhere".to_owned(), "no such file or folder".to_owned())],
    };
    let server = Server::with(|parts| parts.sources = Arc::new(agent));
    server.runtime.block_on(async {
        let lines = server.queue.producer(LINES).await.expect("opens");
        for batch in [BatchOf::source(1).numbered(0), BatchOf::source(2).numbered(0), BatchOf::source(2).numbered(1)] {
            lines.append(batch).await.expect("is taken");
        }
    });
    for (source, path) in [(1, "/var/log/a.log"), (2, "/var/log/x/b.log"), (4, "/var/log/old.log")] {
        let mut batch = BatchBuilder::new(source, 0, 0).origin("web", "h1", path);
        batch.plain(&[b'x'; 63], 0);
        server.write(&[batch.build()]);
    }
    server
}

#[test]
fn every_file_has_an_account() {
    let server = server();
    let answer = server.json("/api/v1/audit");
    let short = |a: &Value| {
        let keys = ["path", "size", "stored", "in_flight", "gaps", "complete"];
        keys.iter().map(|key| a[key].clone()).collect::<Vec<_>>()
    };
    let accounts: Vec<_> = answer["accounts"].as_array().expect("accounts").iter().map(short).collect();
    assert_eq!(
        json!(accounts),
        json!([
            ["/var/log/a.log", 64, 64, 0, [], true],
            ["/var/log/old.log", 64, 64, 0, [], true],
            ["/var/log/secret.log", 50, 0, 0, [[0, 50]], false],
            ["/var/log/x/b.log", 128, 64, 64, [], false],
        ])
    );
    assert_eq!(answer["accounts"][2]["reason"], "permission denied");
    assert_eq!(
        (&answer["complete"], &answer["total"]["size"], &answer["total"]["incomplete"]),
        (&json!(false), &json!(306), &json!(2))
    );
    assert_eq!(answer["problems"], json!([{ "path": "/var/nowhere", "reason": "no such file or folder" }]));
}

#[test]
fn what_the_queue_gave_out_and_the_store_does_not_have_is_a_gap() {
    let server = server();
    server.runtime.block_on(async {
        let mut consumer = server.queue.consumer(LINES, "store").await.expect("joins");
        let mut cursors = model::Cursors::start_of(server.queue.id());
        cursors.next.insert(model::Partition(0), 3);
        consumer.commit(&cursors).await.expect("is noted");
    });
    let account = server.json("/api/v1/audit?path=/var/log/x/b.log")["accounts"][0].clone();
    assert_eq!((&account["in_flight"], &account["gaps"]), (&json!(0), &json!([[64, 128]])));
}

#[test]
fn can_be_narrowed() {
    let server = server();
    let source = server.json("/api/v1/audit?path=/var/log/a.log")["accounts"][0]["source"].clone();
    let source = source.as_str().expect("text");
    for (filter, count) in [
        ("path=/var/log/a.log", 1),
        ("path=/var/log", 4),
        ("path=/var/log/*.log", 3),
        ("path=/var/**/b.log", 1),
        ("stream=web", 4),
        ("stream=db", 0),
        ("host=h*", 4),
        (&format!("source={source}"), 1),
        (&format!("source={source}.0"), 1),
        (&format!("source={source}.1"), 0),
    ] {
        let answer = server.json(&format!("/api/v1/audit?{filter}"));
        assert_eq!(answer["accounts"].as_array().map(Vec::len), Some(count), "{filter}");
    }
    assert_eq!(server.problem("/api/v1/audit?source=7")["parameter"], "source");
    assert_eq!(server.problem("/api/v1/audit?path=/[a")["parameter"], "path");

    let first = server.json("/api/v1/audit?limit=3");
    assert_eq!((first["accounts"].as_array().map(Vec::len), &first["next"]), (Some(3), &json!("3")));
    let rest = server.json("/api/v1/audit?limit=3&cursor=3");
    assert_eq!((rest["accounts"].as_array().map(Vec::len), &rest["next"]), (Some(1), &json!(null)));
    assert_eq!(first["total"], rest["total"]);
}

#[test]
fn streams_one_account_a_line() {
    let server = server();
    let (accounts, controls) = server.get_as("/api/v1/audit?path=/var", "application/x-ndjson").lines();
    assert_eq!(accounts.len(), 4);
    assert_eq!(
        controls,
        [
            json!({ "_": "problem", "path": "/var/nowhere", "reason": "no such file or folder" }),
            json!({ "_": "end", "complete": false, "next": null, "count": 4 }),
        ]
    );
}

#[test]
fn remote_agents_report_their_files() {
    let server = server();
    let mut remote = report(11, "/srv/remote.log", 10);
    remote.host = "far".into();
    let reports = json!({ "sources": [remote], "problems": [["/srv/x", "gone"]] });
    let body = serde_json::to_vec(&reports).expect("has a form");
    let taken = server.post("/api/v1/agents/far/sources", "application/json", &body);
    assert_eq!((taken.status, taken.json()), (200, json!({ "sources": 1, "problems": 1 })));
    let answer = server.json("/api/v1/audit?host=far");
    assert_eq!(answer["accounts"][0]["path"], "/srv/remote.log");
    assert_eq!(answer["problems"], json!([{ "host": "far", "path": "/srv/x", "reason": "gone" }]));
    assert_eq!(server.json("/api/v1/sources")["count"], 4);
    assert_eq!(server.json("/api/v1/agents")["agents"][0]["host"], "far");
    assert_eq!(server.json("/api/v1/problems")["count"], 2);

    // A page elsewhere could send a form, but not this content type.
    for (content_type, body, status) in [
        ("text/plain", &body[..], 400),
        ("application/json", b"{\"sources\":[],\"surprise\":1}", 400),
        ("application/json", b"{", 400),
    ] {
        let refused = server.post("/api/v1/agents/far/sources", content_type, body);
        assert_eq!((refused.status, &refused.json()["type"]), (status, &json!("/problems/body")), "{content_type}");
    }
}

#[test]
fn remote_reports_are_bounded() {
    let server = Server::with(|parts| (parts.limits.remote_hosts, parts.limits.remote_sources) = (1, 2));
    let send = |host: &str, sources: usize| {
        let sources: Vec<_> = (0..sources).map(|n| report(n as u128, "/x", 1)).collect();
        let body = serde_json::to_vec(&json!({ "sources": sources })).expect("has a form");
        server.post(&format!("/api/v1/agents/{host}/sources"), "application/json", &body).status
    };
    assert_eq!([send("a", 2), send("a", 3), send("b", 1), send("a", 1)], [200, 429, 429, 200]);
    assert_eq!(server.json("/api/v1/sources")["count"], 1);
}

#[test]
fn sources_and_stats() {
    let server = server();
    let sources = server.json("/api/v1/sources?limit=1");
    assert_eq!(sources["count"], 3);
    assert_eq!(
        sources["sources"],
        json!([{
            "source": sources["sources"][0]["source"], "generation": 0, "path": "/var/log/a.log", "host": "h1",
            "stream": "web", "size": 64, "read": 64, "queued": 64, "state": "following",
            "changed_at": "2026-01-31T10:00:00Z", "rotations": 0, "generations": 1,
            "identity": { "home": null, "inode": null }, "stored": 64, "lag_bytes": 0, "gap_bytes": 0,
            "gaps": [], "lag_history": [],
        }])
    );
    let stats = server.json("/api/v1/stats");
    assert_eq!((&stats["store"]["records"], &stats["sources"], &stats["problems"]), (&json!(3), &json!(3), &json!(1)));
    assert_eq!(stats["queue"]["id"], "0000000000000001");
    let lines = &stats["queue"]["topics"][0];
    assert_eq!((&lines["topic"], &lines["partitions"][0]["end"]), (&json!("lines"), &json!(3)));
    let workers = server.json("/api/v1/workers");
    assert_eq!(
        (&workers["workers"][0]["name"], &workers["workers"][0]["state"]),
        (&json!("dashboard"), &json!("running"))
    );
    assert_eq!(workers["workers"][1]["name"], "overview");
}

#[test]
fn dead_letters_are_listed_page_by_page() {
    let server = Server::start();
    assert_eq!(server.json("/api/v1/dead-letters"), json!({ "dead_letters": [], "next": null }));
    server.runtime.block_on(async {
        let letters = server.queue.producer(queue::DEAD_LETTERS).await.expect("opens");
        for (n, text) in [(0, &b"too long\nline one\n"[..]), (100, b"odd\n\xff\n"), (200, b"why\nthree\n")] {
            letters
                .append(BatchOf::source(5).at(n).flags(model::BatchFlags::AFTER_MISSED).bytes(text))
                .await
                .expect("is taken");
        }
    });
    for _ in 0..2 {
        let first = server.json("/api/v1/dead-letters?limit=2");
        assert_eq!(first["dead_letters"][0]["reason"], "too long");
        assert_eq!(first["dead_letters"][0]["line"], "line one\n");
        assert_eq!(first["dead_letters"][1]["line_base64"], "/wo=");
        let next = first["next"].as_str().expect("there is more");
        let rest = server.json(&format!("/api/v1/dead-letters?cursor={next}"));
        assert_eq!((&rest["dead_letters"][0]["line"], &rest["next"]), (&json!("three\n"), &json!(null)));
    }
    assert_eq!(server.problem("/api/v1/dead-letters?cursor=x")["parameter"], "cursor");
}

#[test]
fn a_store_without_coverage_and_no_queue_still_gives_accounts() {
    let store = Arc::new(MemoryStore::default());
    let key = report(1, "/a", 9).key;
    let server = Server::with(|parts| {
        (parts.store, parts.queue) = (store.clone(), None);
        parts.sources = Arc::new(Agent { sources: vec![report(1, "/a", 9)], problems: Vec::new() });
    });
    assert_eq!(server.json("/api/v1/audit")["accounts"][0]["in_flight"], 9);
    server.runtime.block_on(store.note_dead_letters(key, &[(0, 9)].into_iter().collect())).expect("is noted");
    assert!(server.runtime.block_on(store.coverage(None)).is_ok_and(|c| c.len() == 1));
    let account = server.json("/api/v1/audit")["accounts"][0].clone();
    assert_eq!((&account["dead_letter"], &account["complete"]), (&json!(9), &json!(true)));
    assert_eq!(server.problem("/api/v1/dead-letters")["type"], "/problems/unsupported");
}
