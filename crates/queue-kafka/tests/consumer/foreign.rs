//! Messages of other producers: each once, with an identity that lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use e2e::services::address;
use model::Cursors;
use queue::Queue as _;
use queue::testing::BatchOf;
use queue_kafka::{Framing, KafkaQueue};

use crate::common::{append, collect, lines, options, records};

/// Gives kcat lines to send; `false` where there is no kcat.
fn kcat(servers: &str, topic: &str, more: &[&str], input: &str) -> bool {
    let child = Command::new("kcat").args(["-P", "-b", servers, "-t", topic]).args(more).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        assert!(std::env::var_os("CI").is_none(), "there is no kcat");
        eprintln!("skipped: there is no kcat");
        return false;
    };
    child.stdin.take().expect("is open").write_all(input.as_bytes()).expect("writes");
    assert!(child.wait().expect("ends").success());
    true
}

/// Everything that a new group reads, which is so many records.
async fn read(queue: &KafkaQueue, group: &str, count: usize) -> BTreeMap<String, Vec<u8>> {
    let mut consumer = queue.consumer(queue::LINES, group).await.expect("a member");
    let came = collect(&mut *consumer, count).await;
    for delivery in &came {
        let header = &delivery.batch.header;
        if &*header.host == "kafka" {
            assert!(header.path.starts_with("kafka:test-") && header.path.contains(&*header.stream), "{header:?}");
        }
    }
    records(&came)
}

#[tokio::test]
async fn what_kcat_writes_is_read() {
    let Some(servers) = address("KAFKA", "what_kcat_writes_is_read") else { return };
    let options = options(&servers, "kcat", 3, Framing::Record);
    let (queue, ours) = lines(&options).await;
    let topic = options.lines.topic.clone();
    let mut sent = Vec::new();
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let text: String =
            (0..500).map(|n| format!("{{\"level\":\"warn\",\"by\":\"{compression}\",\"n\":{n}}}\n")).collect();
        if !kcat(&servers, &topic, &["-z", compression, "-H", "traceparent=00-1"], &text) {
            return;
        }
        sent.extend(text.lines().map(|line| line.as_bytes().to_vec()));
    }
    // Between them lines of our own, in the same partitions.
    let batch = BatchOf::source(1).text("ours\nours too\n");
    append(&*ours, std::slice::from_ref(&batch)).await;
    sent.extend([b"ours".to_vec(), b"ours too".to_vec()]);
    sent.sort();
    let first = read(&queue, &format!("{topic}-1"), sent.len()).await;
    assert_eq!(first.len(), sent.len(), "each has an id of its own");
    let mut lines: Vec<_> = first.values().cloned().collect();
    lines.sort();
    assert_eq!(lines, sent);
    assert_eq!(first.get(&format!("{}.0", batch.header.key)), Some(&b"ours".to_vec()));
    assert_eq!(read(&queue, &format!("{topic}-2"), sent.len()).await, first, "the same ids again");
}

const PYTHON: &str = "
import sys
from confluent_kafka import Producer
servers, topic = sys.argv[1:]
p = Producer({'bootstrap.servers': servers, 'linger.ms': 20, 'compression.type': 'zstd'})
t = Producer({'bootstrap.servers': servers, 'transactional.id': topic})
t.init_transactions()
for n in range(300):
    p.produce(topic, b'plain %d' % n, key=str(n))
p.produce(topic, b'two\\nlines')
p.produce(topic, b'')
p.produce(topic, None, key='tombstone')
p.produce(topic, bytes(range(256)))
p.flush()
for done in (True, False, True):
    t.begin_transaction()
    for n in range(50):
        t.produce(topic, b'done %d' % n if done else b'given up')
    t.flush()
    t.commit_transaction() if done else t.abort_transaction()
";

#[tokio::test]
async fn what_python_writes_is_read_and_what_it_gave_up_is_not() {
    let Some(servers) = address("KAFKA", "what_python_writes_is_read_and_what_it_gave_up_is_not") else { return };
    let python = std::env::var("LOGDRIVE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python).args(["-c", "import confluent_kafka"]).output();
    if !there.is_ok_and(|out| out.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "{python} has no confluent_kafka");
        eprintln!("skipped: {python} has no confluent_kafka");
        return;
    }
    let options = options(&servers, "python", 2, Framing::Record);
    let (queue, _) = lines(&options).await;
    let topic = options.lines.topic.clone();
    let done = Command::new(&python).args(["-c", PYTHON, &servers, &topic]).output().expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let count = 304 + 100;
    let came = read(&queue, &topic, count).await;
    let lines: BTreeSet<&[u8]> = came.values().map(Vec::as_slice).collect();
    assert_eq!(came.len(), count);
    let all_bytes: Vec<u8> = (0..=255).collect();
    for expected in [&b"plain 299"[..], b"two\nlines", b"", &all_bytes, b"done 49"] {
        assert!(lines.contains(expected), "{:?}", String::from_utf8_lossy(expected));
    }
    assert!(!lines.contains(&b"given up"[..]));

    // Whoever goes on behind what was given up finds nothing more, and nothing is left over.
    let mut consumer = queue.consumer(queue::LINES, &topic).await.expect("a member");
    consumer.seek(&Cursors::start_of(queue.id())).await.expect("seeks");
    let all = collect(&mut *consumer, count).await;
    assert_eq!(records(&all), came);
    consumer.commit(&crate::common::past(queue.id(), &all)).await.expect("commits");
}
