use serde_json::json;

use crate::support::Server;

fn kept(folder: &std::path::Path) -> Server {
    let folder = folder.join("dashboard");
    Server::with(|parts| parts.folder = Some(folder))
}

#[test]
fn a_search_is_saved_listed_changed_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = kept(folder.path());
    assert_eq!(server.json("/api/v1/searches"), json!({ "searches": [] }));
    let errors = json!({ "q": "level:error", "since": "15m", "columns": ["time", "line"], "starred": false });
    let answer = server.put("/api/v1/searches/All%20errors", &errors);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let saved = answer.json();
    assert_eq!((&saved["name"], &saved["since"], &saved["until"]), (&json!("All errors"), &json!("15m"), &json!(null)));
    assert_eq!(saved["saved_at"], "2026-01-31T10:00:00Z");
    assert_eq!(server.put("/api/v1/searches/web", &json!({ "starred": true })).status, 200);
    server.stop();

    let server = kept(folder.path());
    let names = |server: &Server| -> Vec<String> {
        let all = server.json("/api/v1/searches");
        all["searches"].as_array().expect("a list").iter().map(|s| s["name"].as_str().expect("a name").into()).collect()
    };
    assert_eq!(names(&server), ["web", "All errors"]);
    assert_eq!(server.json("/api/v1/searches/All%20errors"), saved);
    assert_eq!(server.put("/api/v1/searches/web", &json!({ "q": "stream:web" })).status, 200);
    assert_eq!(names(&server), ["All errors", "web"]);
    assert_eq!(server.delete("/api/v1/searches/web").json()["q"], "stream:web");
    assert_eq!(server.delete("/api/v1/searches/web").status, 404);
    assert_eq!(server.problem("/api/v1/searches/web")["type"], "/problems/not-found");
}

#[test]
fn what_cannot_be_asked_is_not_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = kept(folder.path());
    let many: Vec<_> = (0..65).map(|n| format!("c{n}")).collect();
    for (name, body, key, says) in [
        ("a", json!({ "q": "(" }), "q", ""),
        ("a", json!({ "q": "x".repeat(20_000) }), "q", "at most"),
        ("a", json!({ "since": "yesterdey" }), "since", "not a time"),
        ("a", json!({ "columns": many }), "columns", "at most 64"),
        ("a", json!({ "columns": [""] }), "columns", "names of 1"),
        ("%20a", json!({}), "name", "1 to 100 characters"),
        ("a%2Fb", json!({}), "name", "without slashes"),
        ("a%0Ab", json!({}), "name", "1 to 100"),
        (&"n".repeat(101), json!({}), "name", "1 to 100"),
    ] {
        let answer = server.put(&format!("/api/v1/searches/{name}"), &body);
        assert_eq!(answer.status, 400, "{name} {body}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["parameter"], key, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{problem}");
    }
    let unknown = server.put("/api/v1/searches/a", &json!({ "query": "x" }));
    assert!(unknown.status == 400 && unknown.text().contains("unknown field"), "{}", unknown.text());
    assert_eq!(server.json("/api/v1/searches"), json!({ "searches": [] }));
}

#[test]
fn without_a_folder_nothing_is_kept() {
    let server = Server::start();
    assert_eq!(server.problem("/api/v1/searches")["type"], "/problems/unsupported");
}

#[test]
fn another_page_saves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = kept(folder.path());
    let head = "PUT /api/v1/searches/a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n";
    let asked = |more: &str| {
        let mut said = String::new();
        let mut stream = server.raw(&format!("{head}{more}\r\n{{}}"));
        std::io::Read::read_to_string(&mut stream, &mut said).expect("answers");
        said
    };
    let json = "content-type: application/json\r\n";
    assert!(asked(&format!("{json}origin: http://evil.example\r\n")).starts_with("HTTP/1.1 403"));
    assert!(asked("content-type: text/plain\r\n").contains("application/json"));
    assert_eq!(server.json("/api/v1/searches"), json!({ "searches": [] }));
    assert!(asked(json).starts_with("HTTP/1.1 200"));
}
