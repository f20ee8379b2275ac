//! The classic chain as its users know it: an agent writes each line to a topic of 16 partitions, any consumer shows
//! the plain lines, a transfer indexes them, and anybody searches the index.

use std::path::PathBuf;
use std::process::Command;

use e2e::opensearch::OpenSearch;
use e2e::{Folder, Random, Server, Start, services, until_within, xtask};

const LINES: usize = 3000;
/// A JVM on a busy machine takes its time.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// The whole chain, with three files of a thousand lines gone through it.
struct Chain {
    kafka: String,
    opensearch: String,
    topic: String,
    /// What was written, sorted.
    lines: Vec<String>,
    store: OpenSearch,
    transfer: Server,
    agent: Server,
    folder: Folder,
}

impl Chain {
    fn run(test: &str) -> Option<Self> {
        let (kafka, opensearch) = (services::address("KAFKA", test)?, services::address("OPENSEARCH", test)?);
        let topic = format!("chain-{}-{}", std::process::id(), Random::seed());
        let folder = Folder::new();
        let mut lines = Vec::new();
        for service in ["orders", "billing", "mail"] {
            let line =
                |n| format!("2026-11-21T10:{:02}:{:02}Z INFO {service}: request {n} took {n} ms", n / 60, n % 60);
            let own: Vec<String> = (0..LINES / 3).map(line).collect();
            folder.log(&format!("{service}.log"), own.join("\n") + "\n");
            lines.extend(own);
        }
        lines.sort();
        let settings = settings(&kafka, &opensearch, &topic, &folder);
        let place = |role: &str| {
            let path = folder.path(role);
            std::fs::create_dir_all(&path).expect("our own folder");
            Start::role(&path, &path.join("data"), role).config(&settings).arg("--listen").arg("127.0.0.1:0")
        };
        let transfer = place("transfer").start();
        let agent = place("agent").arg("--server").arg(&transfer.client().address).spawn();
        let store = OpenSearch::new(&opensearch, &format!("{topic}-*"));
        until_within(PATIENCE, "every line is in OpenSearch", || match store.totals()?.0 {
            count if count == LINES as u64 => Ok(()),
            count => Err(format!("{count} documents; {} {}", agent.output(), transfer.output())),
        });
        Some(Self { kafka, opensearch, topic, lines, store, transfer, agent, folder })
    }

    fn end(self) {
        assert_eq!(self.agent.stop().code(), Some(0));
        assert_eq!(self.transfer.stop().code(), Some(0));
        drop(self.folder);
    }
}

fn settings(kafka: &str, opensearch: &str, topic: &str, folder: &Folder) -> String {
    format!(
        r#"
[queue]
url = "kafka://{kafka}"
[kafka]
topic = "{topic}"
create_topics = true
[store]
url = "{opensearch}"
index = "{topic}-{{stream}}-{{yyyy.MM.dd}}"
install = true
[[stream]]
name = "shop"
paths = ["{logs}/*.log"]
"#,
        logs = folder.logs().display()
    )
}

/// Sorted lines of a text.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn kafkas_own_consumer_shows_plain_lines_and_the_index_counts_them() {
    let Some(chain) = Chain::run("kafkas_own_consumer_shows_plain_lines_and_the_index_counts_them") else { return };
    let partitions = e2e::kafka::Topic::new(&chain.kafka, &chain.topic).leaders().expect("kcat");
    assert_eq!(partitions.len(), 16);
    let count = LINES.to_string();
    let output = xtask(&["kafka-tool", "org.apache.kafka.tools.consumer.ConsoleConsumer"])
        .args(["--bootstrap-server", &chain.kafka, "--topic", &chain.topic, "--from-beginning"])
        .args(["--max-messages", &count, "--timeout-ms", "60000"])
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("plain lines");
    assert_eq!(sorted(&text), chain.lines, "{}", String::from_utf8_lossy(&output.stderr));

    let mut documents: Vec<String> = chain.store.all().expect("documents").into_iter().map(text_of).collect();
    documents.sort();
    assert_eq!(documents, chain.lines);
    // Our own search says the same of it.
    let hits = chain.transfer.client().hits("billing took", LINES / 3);
    assert!(hits.iter().all(|hit| hit.line.windows(7).any(|part| part == b"billing")));
    chain.end();
}

fn text_of(hit: e2e::Hit) -> String {
    String::from_utf8(hit.line).expect("plain lines")
}

/// Prints the messages of a topic with their ids, and then what a search finds.
const SCRIPT: &str = r#"
import sys
from confluent_kafka import Consumer
from opensearchpy import OpenSearch
kafka, url, topic, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
consumer = Consumer({"bootstrap.servers": kafka, "group.id": topic, "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
seen = {}
while len(seen) < count:
    message = consumer.poll(60)
    if message is None or message.error():
        sys.exit(f"after {len(seen)}: {message and message.error()}")
    headers = dict(message.headers())
    seen[headers["id"].decode()] = message.value()
    assert headers["stream"] == b"shop" and headers["path"].endswith(b".log") and headers["host"], headers
consumer.close()
client = OpenSearch(url)
query = {"query": {"match": {"message": "billing"}}, "size": 10, "track_total_hits": True}
answer = client.search(index=topic + "-*", body=query)
print(answer["hits"]["total"]["value"])
for hit in answer["hits"]["hits"]:
    assert seen[hit["_id"]].decode() == hit["_source"]["message"], hit
    assert hit["_source"]["event"]["dataset"] == "shop" and hit["_source"]["log"]["level"] == "info", hit
"#;

#[test]
fn clients_of_another_language_read_the_topic_and_the_index() {
    let test = "clients_of_another_language_read_the_topic_and_the_index";
    let Some(python) = services::address("LOGDRIVE_TEST_PYTHON", test).map(PathBuf::from) else { return };
    let Some(chain) = Chain::run(test) else { return };
    let count = LINES.to_string();
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, &chain.kafka, &chain.opensearch, &chain.topic, &count]);
    let output = command.output().expect("python runs");
    let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((said.0.trim(), output.status.code()), (&*(LINES / 3).to_string(), Some(0)), "{}", said.1);
    chain.end();
}
