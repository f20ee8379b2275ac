//! The official Python client finds what was written, and writes what does not disturb us.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::open;
use store::Writer;
use store::testing::{Oracle, everything, samples};
use store::{Query, Reader, Scope, TimeRange};

const SCRIPT: &str = r#"
import json, sys
from opensearchpy import OpenSearch
from opensearchpy.helpers import scan
url, pattern = sys.argv[1], sys.argv[2]
client = OpenSearch(url)
def count(query):
    return client.count(index=pattern, body={"query": query})["count"]
print(json.dumps({
    "all": count({"match_all": {}}),
    "timeout": count({"match": {"message": "timeout"}}),
    "status": count({"term": {"fields.status": "500"}}),
    "range": count({"range": {"numbers.status": {"gte": 400, "lt": 500}}}),
    "level": count({"query_string": {"query": "log.level:error AND event.dataset:web"}}),
    "ids": sorted(hit["_id"] for hit in scan(client, index=pattern, query={"query": {"match_all": {}}})),
    "newest": client.search(index=pattern, body={"size": 1, "sort": [{"@timestamp": "desc"}]})["hits"]["hits"][0]["_source"],
}))
client.index(index=pattern.replace("-*-*.*.*", "-web-2023.11.15"), body={"message": "somebody else's timeout"}, refresh=True)
"#;

/// The python that `cargo xtask test` made.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python3");
    let python =
        std::env::var_os("LOGDRIVE_TEST_PYTHON").map(PathBuf::from).or_else(|| made.exists().then_some(made))?;
    let known = Command::new(&python).args(["-c", "import opensearchpy"]).output();
    known.is_ok_and(|output| output.status.success()).then_some(python)
}

#[tokio::test]
async fn the_python_client_finds_what_was_written() {
    let Some((store, corner)) = open().await else { return };
    let Some(python) = python() else {
        assert!(std::env::var_os("CI").is_none(), "there is no python with opensearch-py: run cargo xtask test");
        eprintln!("skipped: the_python_client_finds_what_was_written needs a python with opensearch-py");
        return;
    };
    let batches = samples(31, 12, 30);
    let oracle = Oracle::of(&batches);
    store.write(&batches).await.expect("write");
    let pattern = format!("{}-*-*.*.*", corner.prefix);
    let output = Command::new(python).args(["-c", SCRIPT, &corner.options().nodes[0], &pattern]).output();
    let output = output.expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let count = |query: &str| oracle.search(query, TimeRange::ALL).len();
    for (name, query) in [
        ("all", ""),
        ("timeout", "timeout"),
        ("status", "status:=500"),
        ("range", "status:[400 TO 500}"),
        ("level", "level:error stream:=web"),
    ] {
        assert_eq!(found[name], count(query), "{name}");
    }
    let mut ids: Vec<String> = oracle.hits.iter().map(|hit| hit.id.to_string()).collect();
    ids.sort();
    assert_eq!(found["ids"], serde_json::Value::from(ids));
    let newest = &oracle.search("", TimeRange::ALL)[0];
    let shown: jiff::Timestamp = found["newest"]["@timestamp"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(shown.as_microsecond(), newest.time.as_micros());
    assert_eq!(found["newest"]["host"]["name"], newest.host.as_str());
    // What others write to the same index is no record, and is in nobody's way.
    assert_eq!(everything(&*store).await.len(), oracle.hits.len());
    let scope = Scope { query: Query::parse("timeout").expect("a query"), ..Scope::everything() };
    let request = store::HistogramRequest { scope, bucket_micros: None, buckets: 5, by: None, series_max: 1 };
    assert_eq!(store.histogram(&request).await.expect("histogram").total, count("timeout") as u64);
}
