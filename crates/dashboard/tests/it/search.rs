use model::{Format, Level};
use serde_json::{Value, json};
use store::testing::BatchBuilder;

use crate::support::{NOW, Server};

#[test]
fn a_page_is_newest_first_and_goes_on_at_its_cursor() {
    let server = Server::start();
    server.write_access(25);
    let mut seen = Vec::new();
    let mut path = "/api/v1/search?limit=10".to_owned();
    loop {
        let page = server.json(&path);
        assert_eq!(page["complete"], true);
        seen.extend(page["hits"].as_array().expect("hits").clone());
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/search?limit=10&cursor={next}"),
            None => break,
        }
    }
    let lines: Vec<_> = seen.iter().map(|hit| hit["line"].as_str().expect("a line")).collect();
    let wanted: Vec<_> = (0..25).rev().map(|i| format!("GET /{i} HTTP/1.1")).collect();
    assert_eq!(lines, wanted);
    assert_eq!(
        seen[0],
        json!({
            "id": seen[0]["id"], "time": "2026-01-31T09:59:59Z", "stream": "web", "host": "h1",
            "path": "/var/log/7.log", "level": "info", "line": "GET /24 HTTP/1.1", "fields": { "status": 200 },
        })
    );
}

#[test]
fn a_query_and_a_range_narrow() {
    let server = Server::start();
    server.write_access(100);
    for (query, found) in [
        ("q=status:500", 10),
        ("q=level:error", 10),
        ("since=10s", 10),
        ("since=1m&until=30s", 30),
        ("since=2026-01-31T09:59:00Z&q=status:500", 6),
        ("since=now", 0),
        ("q=nosuchword", 0),
        ("q=", 100),
    ] {
        let page = server.json(&format!("/api/v1/search?limit=1000&{query}"));
        assert_eq!(page["hits"].as_array().map(Vec::len), Some(found), "{query}");
    }
}

#[test]
fn all_of_them_stream_with_an_end() {
    let server = Server::start();
    server.write_access(12_345);
    let (hits, controls) = server.get("/api/v1/search?all=true").lines();
    assert_eq!(hits.len(), 12_345);
    assert!(hits.windows(2).all(|pair| pair[0]["time"].as_str() > pair[1]["time"].as_str()));
    assert_eq!(controls, [json!({ "_": "end", "complete": true, "next": null, "count": 12_345 })]);

    // With a limit, the rest can be had by the cursor.
    let (some, controls) = server.get_as("/api/v1/search?limit=12000", "application/x-ndjson").lines();
    assert_eq!((some.len(), controls[0]["complete"].as_bool()), (12_000, Some(true)));
    let next = controls[0]["next"].as_str().expect("there is more");
    let (rest, controls) = server.get(&format!("/api/v1/search?stream=true&limit=1000&cursor={next}")).lines();
    assert_eq!((rest.len(), &controls[0]["next"]), (345, &Value::Null));
    assert_eq!(some.into_iter().chain(rest).collect::<Vec<_>>(), hits);

    // What is over holds nothing any more.
    let closed = || server.get("/metrics").text().contains("logdrive_dashboard_streams 0\n");
    assert!((0..1000).any(|_| closed()), "streams stay open");
}

#[test]
fn bytes_that_are_no_text_come_whole() {
    let server = Server::start();
    let mut batch = BatchBuilder::new(9, 1, 100);
    batch.line(b"ok\xff\0\r", NOW, Level::Unknown, Format::Unknown, &[("f", b"\xfe")]);
    batch.plain("ä\u{1}".as_bytes(), NOW + 1);
    server.write(&[batch.build()]);
    let page = server.json("/api/v1/search");
    assert_eq!(page["hits"][0]["line"], "ä\u{1}");
    assert_eq!(page["hits"][0].get("line_base64"), None);
    let hit = &page["hits"][1];
    assert_eq!((&hit["line"], &hit["line_base64"]), (&json!("ok\u{fffd}\0\r"), &json!("b2v/AA0=")));
    assert_eq!(hit["fields"], json!({ "f": "\u{fffd}" }));
    assert_eq!(hit["marks"], json!(["unparsed"]));
    let raw = server.get(&format!("/api/v1/line/{}", hit["id"].as_str().expect("an id")));
    assert_eq!((raw.header("content-type"), &*raw.body), ("application/octet-stream", &b"ok\xff\0\r"[..]));
}

#[test]
fn what_cannot_be_right_is_refused_with_its_place() {
    let server = Server::start();
    let problem = server.problem("/api/v1/search?q=status:%5B1%20TO");
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/query"), &json!(400)));
    assert!(problem["at"].is_u64() && problem["parameter"] == "q", "{problem}");
    for (path, kind, says) in [
        ("/api/v1/search?limt=3", "/problems/parameter", "did you mean 'limit'"),
        ("/api/v1/search?limit=10001", "/problems/parameter", "from 0 to 10000"),
        ("/api/v1/search?since=yesterday", "/problems/parameter", "'yesterday' is not a time"),
        ("/api/v1/search?since=5m&until=10m", "/problems/parameter", "must be before until"),
        ("/api/v1/search?cursor=7", "/problems/parameter", "`next`"),
        ("/api/v1/search?order=oldest", "/problems/parameter", "only 'newest'"),
        ("/api/v1/search?all=perhaps", "/problems/parameter", "true or false"),
        ("/api/v1/search?all=true&q=(", "/problems/query", "query"),
        ("/api/v1/search?deadline_ms=999999999", "/problems/parameter", "from 1 to 600000"),
        ("/api/v1/tail?q=(", "/problems/query", "query"),
        ("/api/v1/serch", "/problems/not-found", "/api/v1/search"),
    ] {
        let problem = server.problem(path);
        assert_eq!(problem["type"], kind, "{path}");
        assert!(problem["detail"].as_str().is_some_and(|d| d.contains(says)), "{path}: {problem}");
    }
}

#[test]
fn a_page_of_long_lines_ends_early_with_a_cursor() {
    let server = Server::with(|parts| parts.limits.page_bytes = 100_000);
    let mut batch = BatchBuilder::new(7, 0, 0);
    for n in 0..1000 {
        batch.plain(&[b'x'; 1000], NOW + n);
    }
    server.write(&[batch.build()]);
    let (mut seen, mut path) = (Vec::new(), "/api/v1/search?limit=1000".to_owned());
    let mut pages = 0;
    loop {
        let page = server.json(&path);
        assert_eq!(page["complete"], true);
        seen.extend(page["hits"].as_array().expect("hits").iter().map(|hit| hit["id"].clone()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/search?limit=1000&cursor={next}");
    }
    assert_eq!(seen.len(), 1000);
    seen.dedup();
    assert_eq!(seen.len(), 1000);
    assert!(pages > 1, "one page of a megabyte");
}

proptest::proptest! {
    /// Whatever stands behind the question mark is answered, or refused with a reason.
    #[test]
    fn no_question_breaks_the_server(query in "([a-z_]{1,8}=?[^\\s\"<>#]{0,12}&?){0,4}") {
        static SERVER: std::sync::LazyLock<Server> = std::sync::LazyLock::new(Server::start);
        let said = SERVER.raw_get(&format!("/api/v1/search?{query}"));
        proptest::prop_assert!(said.starts_with("HTTP/1.1 200") || said.starts_with("HTTP/1.1 400"), "{}", said);
    }
}
