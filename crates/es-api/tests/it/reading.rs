//! Questions as dashboards and clients ask them.

use model::{Format, Level};
use serde_json::{Value, json};
use store::Writer;
use store::testing::BatchBuilder;

use crate::support::{NOW, Server};

/// `n` access-like records of a second each up to now in `web`, and three of a database.
async fn server(folder: &tempfile::TempDir, n: usize) -> Server {
    let server = Server::start(folder.path()).await;
    let mut web = BatchBuilder::new(7, 0, 0);
    for i in 0..n {
        let (line, status) = (format!("GET /{i} HTTP/1.1"), if i % 10 == 9 { "500" } else { "200" });
        let level = if i % 10 == 9 { Level::Error } else { Level::Info };
        let time = NOW - (n - i) as i64 * 1_000_000;
        web.line(line.as_bytes(), time, level, Format::Access, &[("status", status.as_bytes()), ("bytes", b"17")]);
    }
    let mut db = BatchBuilder::new(8, 0, 0).origin("db", "h2", "/var/log/db.log");
    for (i, text) in ["connection refused", "checkpoint complete", "connection reset"].iter().enumerate() {
        let line =
            json!({"msg": text, "user": {"name": "ann"}, "@timestamp": "2026-01-31T09:00:00.123456Z"}).to_string();
        let fields: [(&str, &[u8]); 2] = [("msg", text.as_bytes()), ("user.name", b"ann")];
        db.line(line.as_bytes(), NOW - 3_600_000_000 + i as i64, Level::Warn, Format::Json, &fields);
    }
    assert_eq!(server.store.write(&[web.build(), db.build()]).await.expect("is written"), []);
    server
}

/// What Grafana's data source asks for the logs of an hour.
fn grafana_logs(query: &str) -> String {
    let header = json!({"ignore_unavailable": true, "index": "*", "search_type": "query_then_fetch"});
    let (from, to) = (NOW / 1000 - 3_600_000, NOW / 1000);
    let search = json!({
        "aggs": {"1": {"date_histogram": {"extended_bounds": {"max": to, "min": from}, "field": "@timestamp", "fixed_interval": "60000ms", "format": "epoch_millis", "min_doc_count": 0}}},
        "docvalue_fields": ["@timestamp"],
        "highlight": {"fields": {"*": {}}, "fragment_size": 2_147_483_647, "post_tags": ["@/HIGHLIGHT@"], "pre_tags": ["@HIGHLIGHT@"]},
        "query": {"bool": {"filter": [
            {"range": {"@timestamp": {"format": "epoch_millis", "gte": from, "lte": to}}},
            {"query_string": {"analyze_wildcard": true, "query": query}}]}},
        "script_fields": {},
        "size": 500,
        "sort": {"@timestamp": {"order": "desc", "unmapped_type": "boolean"}, "_doc": {"order": "desc"}},
    });
    format!("{header}\n{search}\n")
}

fn hits(answer: &Value) -> Vec<&Value> {
    answer["hits"]["hits"].as_array().expect("hits").iter().collect()
}

#[tokio::test]
async fn logs_as_grafana_asks_for_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 700).await;
    let path = "/_msearch?max_concurrent_shard_requests=5";
    let answer = server.json("POST", path, &grafana_logs("status:500")).await;
    let answer = &answer["responses"][0];
    assert_eq!((&answer["status"], &answer["timed_out"]), (&json!(200), &json!(false)));
    assert_eq!(answer["hits"]["total"]["value"], 70);
    let buckets = answer["aggregations"]["1"]["buckets"].as_array().expect("buckets");
    assert_eq!(buckets.iter().filter_map(|bucket| bucket["doc_count"].as_u64()).sum::<u64>(), 70);
    assert_eq!((buckets.len(), &buckets[0]["key_as_string"]), (61, &json!("1769850000000")));
    let first = hits(answer)[0];
    assert_eq!(first["_source"]["message"], "GET /699 HTTP/1.1");
    assert_eq!(first["_source"]["@timestamp"], "2026-01-31T09:59:59.000Z");
    assert_eq!(first["fields"]["@timestamp"], json!(["2026-01-31T09:59:59.000Z"]));
    assert_eq!((&first["sort"][0], &first["_source"]["level"]), (&json!(1_769_853_599_000i64), &json!("error")));
    assert_eq!(first["highlight"], json!({"status": ["@HIGHLIGHT@500@/HIGHLIGHT@"]}));

    let text = server.json("POST", path, &grafana_logs("connection")).await;
    let first = hits(&text["responses"][0])[0];
    assert_eq!(
        (&first["_source"]["msg"], &first["_source"]["user"]),
        (&json!("connection reset"), &json!({"name": "ann"}))
    );
    assert!(first["_source"]["message"].as_str().is_some_and(|line| line.starts_with("{\"msg\"")), "{first}");

    // The context of a line: what comes before and behind it.
    let sort = hits(answer)[3]["sort"].clone();
    for (order, next) in [("desc", "GET /658 HTTP/1.1"), ("asc", "GET /679 HTTP/1.1")] {
        let asked = json!({"size": 2, "query": {"query_string": {"query": "status:500 OR status:200"}}, "search_after": sort,
            "sort": [{"@timestamp": {"order": order}}, {"_doc": {"order": order}}]});
        let found = server.json("POST", "/web/_search", &asked.to_string()).await;
        let (near, far) = if order == "desc" {
            ("GET /668 HTTP/1.1", "GET /667 HTTP/1.1")
        } else {
            ("GET /670 HTTP/1.1", "GET /671 HTTP/1.1")
        };
        let lines: Vec<_> = hits(&found).iter().map(|hit| hit["_source"]["message"].clone()).collect();
        assert_eq!(lines, [near, far], "{order} {next}");
    }
}

#[tokio::test]
async fn searches_are_in_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 100).await;
    for order in ["desc", "asc"] {
        let (mut after, mut seen) = (Value::Null, Vec::new());
        loop {
            let mut asked = json!({"size": 33, "track_total_hits": false, "_source": false, "sort": [{"@timestamp": order}, {"_doc": order}]});
            if !after.is_null() {
                asked["search_after"] = after.clone();
            }
            let found = server.json("POST", "/_search", &asked.to_string()).await;
            assert!(found["hits"].get("total").is_none());
            let Some(last) = hits(&found).last().copied().cloned() else { break };
            seen.extend(hits(&found).iter().map(|hit| hit["_id"].as_str().expect("an id").to_owned()));
            after = last["sort"].clone();
        }
        assert_eq!(seen.len(), 103, "{order}");
        let unique: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(unique.len(), 103, "{order}");
    }
    let page =
        server.json("GET", "/web/_search?from=10&size=2&q=status:200&sort=@timestamp:asc&_source=message", "").await;
    let lines: Vec<_> = hits(&page).iter().map(|hit| hit["_source"].clone()).collect();
    assert_eq!(lines, [json!({"message": "GET /11 HTTP/1.1"}), json!({"message": "GET /12 HTTP/1.1"})]);
    let old = server.json("GET", "/web/_search?size=0&rest_total_hits_as_int=true", "").await;
    assert_eq!(old["hits"]["total"], 100);
}

#[tokio::test]
async fn indices_are_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 10).await;
    for (index, count) in
        [("web", 10), ("db", 3), ("web,db", 13), ("*", 13), ("_all", 13), ("w*", 10), ("*,-web", 3), ("x*", 0)]
    {
        assert_eq!(server.json("GET", &format!("/{index}/_count"), "").await["count"], count, "{index}");
    }
    assert_eq!(server.refused("GET", "/gone/_count", "").await.1, "index_not_found_exception");
    assert_eq!(server.json("GET", "/gone/_count?ignore_unavailable=true", "").await["count"], 0);
    assert_eq!(server.refused("GET", "/%3Clogs-%7Bnow%2Fd%7D%3E/_search", "").await.1, "invalid_index_name_exception");
    let many = "{\"index\":\"gone\"}\n{}\n{\"index\":[\"db\"]}\n{\"size\":0}\n";
    let answer = server.json("POST", "/_msearch", many).await;
    assert_eq!(
        (&answer["responses"][0]["status"], &answer["responses"][1]["hits"]["total"]["value"]),
        (&json!(404), &json!(3))
    );
    let cat = server.json("GET", "/_cat/indices?format=json&h=index,docs.count", "").await;
    assert_eq!(cat, json!([{"index": "db", "docs.count": "3"}, {"index": "web", "docs.count": "10"}]));
    let cat = server.call("GET", "/_cat/indices/w*?v", "").await;
    let text = String::from_utf8(cat.body).expect("text");
    assert!(text.starts_with("health status index uuid pri rep docs.count"), "{text}");
    assert_eq!(server.call("HEAD", "/web", "").await.status, 200);
    assert_eq!(server.call("HEAD", "/gone", "").await.status, 404);
}

#[tokio::test]
async fn fields_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 10).await;
    let caps = server.json("GET", "/web/_field_caps?fields=*", "").await;
    let kind =
        |name: &str| caps["fields"][name].as_object().and_then(|map| map.keys().next().cloned()).unwrap_or_default();
    assert_eq!(
        (kind("status"), kind("@timestamp"), kind("message"), kind("level")),
        ("long".to_owned(), "date".to_owned(), "text".to_owned(), "keyword".to_owned())
    );
    assert!(caps["fields"].get("msg").is_none());
    let some = server.json("POST", "/_field_caps", "{\"fields\":[\"user.*\"]}").await;
    assert_eq!(
        some["fields"].as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()),
        Some(vec!["user.name".to_owned()])
    );
    let mapping = server.json("GET", "/_mapping", "").await;
    assert_eq!(mapping["db"]["mappings"]["properties"]["user"]["properties"]["name"]["type"], "keyword");
    assert_eq!(mapping["web"]["mappings"]["properties"]["bytes"]["type"], "long");
    assert_eq!(server.refused("GET", "/_field_caps", "").await.0, 400);
}

#[tokio::test]
async fn tables_and_metrics_as_grafana_asks_for_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 120).await;
    let asked = json!({"size": 0, "query": {"bool": {"filter": [{"query_string": {"query": "*", "analyze_wildcard": true}}]}},
        "aggs": {"3": {"terms": {"field": "status", "size": 10, "order": {"_key": "desc"}, "min_doc_count": 1},
            "aggs": {"2": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m", "min_doc_count": 1, "format": "epoch_millis"},
                "aggs": {"1": {"sum": {"field": "bytes"}}}}}}}});
    let found = server.json("POST", "/web/_search", &asked.to_string()).await;
    let buckets = found["aggregations"]["3"]["buckets"].as_array().expect("buckets");
    assert_eq!((&buckets[0]["key"], &buckets[0]["doc_count"]), (&json!("500"), &json!(12)));
    let sums = buckets.iter().flat_map(|bucket| bucket["2"]["buckets"].as_array().expect("buckets"));
    assert_eq!(sums.filter_map(|bucket| bucket["1"]["value"].as_f64()).sum::<f64>(), 120.0 * 17.0);
    assert_eq!(found["hits"]["total"]["value"], 120);
}

#[tokio::test]
async fn handshakes_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 1).await;
    assert_eq!(server.json("GET", "/", "").await["version"]["number"], "8.19.0");
    assert_eq!(server.json("GET", "/_cluster/health?wait_for_status=yellow", "").await["status"], "green");
    assert_eq!(server.json("GET", "/_license", "").await["license"]["status"], "active");
    assert_eq!(server.json("GET", "/_xpack", "").await["features"]["ilm"]["enabled"], false);
    for path in [
        "/_index_template/filebeat-8.11.0",
        "/_template/logstash",
        "/_ilm/policy/filebeat",
        "/_component_template/x",
        "/_data_stream/web",
    ] {
        assert_eq!(server.call("HEAD", path, "").await.status, 200, "{path}");
    }
    assert!(server.refused("PUT", "/_index_template/x", "{}").await.2.contains("setup.template.enabled: false"));
    assert!(server.refused("PUT", "/_ilm/policy/x", "{}").await.2.contains("setup.ilm.enabled: false"));
    assert!(server.refused("PUT", "/_ingest/pipeline/x", "{}").await.2.contains("no ingest pipelines"));
    assert_eq!(server.refused("GET", "/_ingest/pipeline/x", "").await.0, 404);
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder, 1).await;
    for (method, path, body, says) in [
        ("GET", "/_search?scroll=1m", "", "unrecognized parameter: [scroll]"),
        ("GET", "/_search?typed_keys=true", "", "[typed_keys]"),
        ("POST", "/_search", "{\"knn\":{\"field\":\"a\"}}", "[knn] of a search"),
        ("POST", "/_search", "{\"quary\":{}}", "Unknown key for a START_OBJECT in [quary]"),
        ("POST", "/_search", "{\"sort\":[\"status\"]}", "sorted by [@timestamp]"),
        ("POST", "/_search", "{\"size\":10001}", "Result window is too large"),
        ("POST", "/_search", "{\"size\":-1}", "[size]"),
        ("POST", "/_search", "{\"search_after\":[1]}", "but sort has 0"),
        ("POST", "/_search", "{\"sort\":[\"_doc\"],\"search_after\":[5]}", "is not the value"),
        ("POST", "/_search", "{\"aggs\":{\"1\":{\"percentiles\":{}}}}", "[percentiles]"),
        ("POST", "/_search", "{\"query\":{\"query_string\":{\"query\":\"a AND\"}}}", "Failed to parse query [a AND]"),
        ("POST", "/_search", "{", "is no JSON"),
        ("POST", "/_search", "{\"script_fields\":{\"a\":{}}}", "[script_fields]"),
        ("POST", "/_msearch", "{}\n", "pairs of lines"),
        ("POST", "/_count", "{\"size\":1}", "does not support [size]"),
        ("DELETE", "/web", "", "Incorrect HTTP method"),
        ("PUT", "/web", "{}", "Incorrect HTTP method"),
        ("POST", "/web/_update/1", "{}", "is not supported"),
        ("POST", "/_sql", "{}", "is not supported"),
    ] {
        let (status, _, reason) = server.refused(method, path, body).await;
        assert!((400..500).contains(&status) && reason.contains(says), "{method} {path} {body}: {reason}");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let mut lines = BatchBuilder::new(7, 0, 0);
    for n in 0..200_000 {
        lines.plain(b"x", NOW - n);
    }
    assert_eq!(server.store.write(&[lines.build()]).await.expect("is written"), []);
    for asked in [
        json!({"timeout": "1ms", "size": 0, "aggs": {"1": {"avg": {"field": "x"}}}}),
        json!({"timeout": "1ms", "size": 0, "aggs": {"1": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m"}}}}),
        json!({"timeout": "1ms", "size": 10, "query": {"query_string": {"query": "nothing"}}}),
    ] {
        let found = server.json("POST", "/_search", &asked.to_string()).await;
        assert_eq!(
            (&found["timed_out"], &found["hits"]["total"]["relation"]),
            (&json!(true), &json!("gte")),
            "{asked}"
        );
    }
}
