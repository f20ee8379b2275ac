//! Topics by template, offsets that retention took, what the cluster tells of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use e2e::services::address;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::{DeleteRecordsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use model::{Batch, Cursors, Partition};
use queue::testing::BatchOf;
use queue::{PollOptions, Queue as _, QueueError};
use queue_kafka::{Framing, KafkaQueue, Route, topic_hash};

use crate::common::{append, collect, fresh, lines, options, past, poll, records};

const SOON: Duration = Duration::from_millis(50);

fn of_stream(stream: &str, source: u128, count: u64) -> Vec<Batch> {
    let batches = (0..count).map(|n| {
        let mut batch = BatchOf::source(source).numbered(n);
        Arc::make_mut(&mut batch.header).stream = stream.into();
        batch
    });
    batches.collect()
}

#[tokio::test]
async fn topics_by_template_are_one_queue() {
    let Some(servers) = address("KAFKA", "topics_by_template_are_one_queue") else { return };
    let mut options = options(&servers, "template", 2, Framing::Record);
    let (base, own) = (options.lines.topic.clone(), fresh("own"));
    options.lines.topic = format!("{base}.{{stream}}");
    options.streams = vec![("own".to_owned(), Route { topic: own.clone(), ..options.lines.clone() })];
    let (queue, producer) = lines(&options).await;
    let mut sent = Vec::new();
    for (stream, source) in [("web", 1), ("db", 2), ("own", 3)] {
        let batches = of_stream(stream, source, 20);
        append(&*producer, &batches).await;
        sent.extend(batches);
    }
    let mut consumer = queue.consumer(queue::LINES, &base).await.expect("a member");
    let came = collect(&mut *consumer, sent.len()).await;
    assert_eq!(records(&came).len(), sent.len());
    let names = [format!("{base}.web"), format!("{base}.db"), own];
    let expected: BTreeSet<Partition> =
        names.iter().flat_map(|name| (0..2).map(|n| Partition((topic_hash(name) << 16) | n))).collect();
    assert_eq!(consumer.assignment().into_iter().collect::<BTreeSet<_>>(), expected);
    let cursors = past(queue.id(), &came);
    consumer.commit(&cursors).await.expect("commits");
    assert_eq!(consumer.committed().await.expect("cursors"), cursors);
    let stats = queue.stats(queue::LINES).await.expect("stats");
    assert_eq!(stats.partitions.iter().map(|(partition, ..)| *partition).collect::<BTreeSet<_>>(), expected);
    assert_eq!(stats.partitions.iter().map(|(_, first, end, _)| end - first).sum::<u64>(), 60);

    // A stream that begins later is found by itself.
    let late = of_stream("late", 4, 5);
    append(&*producer, &late).await;
    let came = collect(&mut *consumer, late.len()).await;
    assert_eq!(records(&came).len(), late.len());
    drop(consumer);
    let mut consumer = queue.consumer(queue::LINES, &base).await.expect("a member");
    let again = collect(&mut *consumer, late.len()).await;
    assert_eq!(records(&again), records(&came), "what was committed does not come again");
}

async fn delete_before(queue: &KafkaQueue, topic: &str, offset: i64) {
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = queue.cluster().call_any(&request).await.expect("answers");
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
}

#[tokio::test]
async fn what_retention_took_is_told() {
    let Some(servers) = address("KAFKA", "what_retention_took_is_told") else { return };
    let options = options(&servers, "retention", 1, Framing::Record);
    let topic = options.lines.topic.clone();
    let (queue, producer) = lines(&options).await;
    append(&*producer, &of_stream("s", 1, 30)).await;
    let at = |offset: u64| Cursors { queue: queue.id(), next: [(Partition(0), offset)].into() };
    let mut consumer = queue.consumer(queue::LINES, &topic).await.expect("a member");
    consumer.commit(&at(3)).await.expect("commits");
    consumer.seek(&at(3)).await.expect("is held");
    delete_before(&queue, &topic, 20).await;
    for _ in 0..2 {
        let refused = consumer.poll(PollOptions { max_bytes: 1, max_wait: Duration::from_secs(30) }).await;
        assert!(
            matches!(refused, Err(QueueError::OutOfRange { asked: 3, first: 20, end: 30, .. })),
            "it stays until somebody seeks: {refused:?}"
        );
    }
    let refused = consumer.seek(&at(19)).await;
    assert!(matches!(refused, Err(QueueError::OutOfRange { asked: 19, first: 20, end: 30, .. })), "{refused:?}");
    consumer.seek(&at(20)).await.expect("is held");
    assert_eq!(records(&collect(&mut *consumer, 10).await).len(), 10);
    drop(consumer);
    // Whoever comes anew goes on with what is held, and says so in the log.
    let mut consumer = queue.consumer(queue::LINES, &topic).await.expect("a member");
    assert_eq!(records(&collect(&mut *consumer, 10).await).len(), 10);
    assert!(poll(&mut *consumer, SOON).await.is_empty());
}

#[tokio::test]
async fn a_topic_that_is_missing_is_named() {
    let Some(servers) = address("KAFKA", "a_topic_that_is_missing_is_named") else { return };
    let mut options = options(&servers, "missing", 1, Framing::Record);
    options.create_topics = None;
    let queue = KafkaQueue::connect(options.clone()).await.expect("connects");
    let Err(error) = queue.consumer(queue::LINES, "nobody").await.map(|_| ()) else { panic!("it joined") };
    let said = error.to_string();
    assert!(said.contains(&options.lines.topic) && said.contains("create"), "{said}");
}
