use std::sync::Arc;

use serde_json::json;
use store::MemoryStore;
use store::decorators::Faulty;

use crate::support::Server;

#[test]
fn the_description_is_of_what_is_there() {
    let server = Server::start();
    server.write_access(1);
    let description = server.json("/openapi.json");
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().expect("paths");
    assert!(paths.len() > 20);
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            let is_stream = path == "/api/v1/tail" || path == "/api/v1/status";
            let mut query: Vec<String> = Vec::new();
            let mut url = path.clone();
            for parameter in operation["parameters"].as_array().expect("parameters") {
                let name = parameter["name"].as_str().expect("a name");
                if parameter["in"] == "path" {
                    url = url.replace(&format!("{{{name}}}"), "query");
                } else {
                    query.push(format!("{name}="));
                }
            }
            if is_stream {
                continue;
            }
            // Known parameters, left empty, are all taken for what they are: never for unknown ones.
            let url = if query.is_empty() { url } else { format!("{url}?{}", query.join("&")) };
            let answer = match method.as_str() {
                "post" => server.post(&url, "application/json", b"{"),
                "put" => server.put(&url, &json!({})),
                "delete" => server.delete(&url),
                _ => server.get(&url),
            };
            assert!(
                answer.status != 405 && (answer.status < 500 || answer.status == 501),
                "{method} {url}: {}",
                answer.status
            );
            assert!(!answer.text().contains("unknown parameter"), "{method} {url}: {}", answer.text());
            assert!(!answer.text().contains("there is nothing at"), "{method} {url}: {}", answer.text());
            if answer.status == 200 {
                let media = answer.header("content-type").split(';').next().unwrap_or_default();
                let described = operation["responses"]["200"]["content"].as_object().expect("content");
                assert!(described.keys().any(|known| known.starts_with(media)), "{url} answers {media}");
            }
        }
    }
}

#[test]
fn answers_match_their_schemas() {
    let server = Server::start();
    server.write_access(3);
    let description = server.json("/openapi.json");
    for path in [
        "/health",
        "/ready",
        "/api/v1/search",
        "/api/v1/histogram",
        "/api/v1/facets?fields=level",
        "/api/v1/fields",
        "/api/v1/audit",
        "/api/v1/sources",
        "/api/v1/problems",
        "/api/v1/streams",
        "/api/v1/stats",
        "/api/v1/workers",
        "/api/v1/dead-letters",
        "/api/v1/agents",
    ] {
        let name = path.split('?').next().expect("a path");
        let schema = &description["paths"][name]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let shape = description.pointer(schema["$ref"].as_str().expect("a schema").trim_start_matches('#'));
        let properties = shape.and_then(|shape| shape["properties"].as_object()).expect("an object");
        let answer = server.json(path);
        let mut keys: Vec<_> = answer.as_object().expect("an object").keys().collect();
        let mut described: Vec<_> = properties.keys().collect();
        keys.sort();
        described.sort();
        assert_eq!(keys, described, "{path}");
    }
}

#[test]
fn alive_and_ready() {
    let server = Server::start();
    assert_eq!(server.json("/health")["status"], "ok");
    assert_eq!(server.json("/ready"), json!({ "ready": true, "reasons": [], "notes": [] }));
    // Probes may add what they like.
    assert_eq!(server.get("/health?probe=1").status, 200);

    let broken = Server::with(|parts| {
        parts.store = Arc::new(Faulty::faulty(MemoryStore::default(), 1, 1000, 1000));
    });
    let answer = broken.get("/ready");
    assert_eq!(answer.status, 503);
    assert!(
        answer.json()["reasons"][0].as_str().is_some_and(|why| why.contains("injected fault")),
        "{}",
        answer.text()
    );
    assert_eq!(broken.problem("/api/v1/search")["type"], "/problems/unavailable");
    assert_eq!(broken.problem("/api/v1/search?all=true")["status"], 503);
    assert_eq!(broken.get("/").status, 200);
    let guard = broken.runtime.enter();
    broken.supervisor.spawn("sickly", |_| async { Err::<(), _>("broken") });
    drop(guard);
    crate::support::until("the worker waits", || broken.get("/ready").text().contains("worker sickly"));
}

#[test]
fn figures_count_what_was_asked() {
    let server = Server::start();
    server.get("/api/v1/search");
    server.get("/api/v1/search?nonsense=1");
    let answer = server.get("/metrics");
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.text();
    for (status, count) in [("200", 1), ("400", 1)] {
        let line = format!(
            "logdrive_dashboard_requests_total{{route=\"/api/v1/search\",method=\"get\",status=\"{status}\"}} {count}"
        );
        assert!(text.contains(&line), "{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn settings_and_bounds_are_shown() {
    let server = Server::start();
    let answer = server.json("/api/v1/config");
    assert_eq!(answer["config"]["host"]["origin"], "default");
    assert_eq!((&answer["http"]["header_timeout_ms"], &answer["http"]["page_hits"]), (&json!(5000), &json!(10_000)));
}

#[test]
fn problems_explain_themselves() {
    let server = Server::start();
    let problem = server.problem("/api/v1/search?q=(");
    let help = server.get(problem["type"].as_str().expect("a path"));
    assert!(help.status == 200 && help.text().contains("`at`"), "{}", help.text());
    assert!(server.problem("/problems/none")["detail"].as_str().is_some_and(|d| d.contains("too-large")));
}

#[test]
fn the_page_is_served_with_all_it_loads() {
    let server = Server::start();
    for path in ["/", "/explore?q=level:error", "/overview", "/settings"] {
        let page = server.get(path);
        let text = page.text();
        assert!(text.contains("<title>logdrive</title>") && text.contains("logdrive search"), "{text}");
        assert!(!text.contains("style=") && !text.contains("<style") && !text.contains("<script>"), "{text}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!((page.header("x-content-type-options"), page.header("x-frame-options")), ("nosniff", "DENY"));
        let links = text.split(" href=\"").chain(text.split(" src=\"")).filter(|rest| rest.starts_with('/'));
        let links: Vec<_> = links.filter_map(|rest| rest.split('"').next()).collect();
        assert!(links.len() > 6);
        for link in links {
            assert_eq!(server.get(link).status, 200, "{link}");
        }
    }
    assert_eq!(server.get("/assets/main.js").header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(server.get("/assets/css/base.css").header("content-type"), "text/css; charset=utf-8");
    assert_eq!(server.get("/favicon.svg").header("content-type"), "image/svg+xml");
    assert_eq!(server.get("/assets/nothing.js").status, 404);
}
