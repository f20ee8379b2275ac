//! The producer against a real broker, read back by a client that is not ours.

use std::sync::Arc;

use crate::common::{append, append_all, fresh, kcat, lines, options, until};
use base::Timestamp;
use e2e::services::address;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use model::{Batch, SourceKey};
use queue::testing::BatchOf;
use queue::{Outcome, Position, Producer as _, Queue as _};
use queue_kafka::client::Cluster;
use queue_kafka::producer::KafkaProducer;
use queue_kafka::{Acks, Compression, Framing, KafkaQueue, NewTopics, Options, Partitioner};

async fn make_topic(cluster: &Cluster, name: &str, configs: &[(&'static str, &'static str)]) {
    let text = StrBytes::from_static_str;
    let configs = configs
        .iter()
        .map(|(name, value)| CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value))))
        .collect();
    let topic = CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(name.to_owned())))
        .with_num_partitions(1)
        .with_replication_factor(-1)
        .with_configs(configs);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = cluster.call_any(&request).await.expect("answers");
    assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0].error_message);
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = 7u64;
    let byte = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'0' + ((random >> 33) % 70) as u8
    };
    std::iter::repeat_with(byte).take(len).collect()
}

/// `count` batches of each of `sources` sources, and their lines, sorted.
fn batches(sources: u128, count: u64) -> (Vec<Batch>, Vec<String>) {
    let batches: Vec<Batch> =
        (0..count).flat_map(|n| (1..=sources).map(move |source| BatchOf::source(source).numbered(n))).collect();
    let mut lines: Vec<String> =
        batches.iter().map(|batch| String::from_utf8_lossy(&batch.payload[..63]).into_owned()).collect();
    lines.sort();
    (batches, lines)
}

fn sorted(text: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = String::from_utf8_lossy(text).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn others_read_each_compression_each_acks_and_each_partitioner() {
    let Some(servers) = address("KAFKA", "others_read_each_compression_each_acks_and_each_partitioner") else { return };
    let all = [
        (Compression::None, Acks::All, Partitioner::Source),
        (Compression::Gzip, Acks::Leader, Partitioner::Random),
        (Compression::Snappy, Acks::None, Partitioner::Source),
        (Compression::Lz4, Acks::All, Partitioner::Random),
        (Compression::Zstd, Acks::All, Partitioner::Key("{host}".to_owned())),
    ];
    for (compression, acks, partitioner) in all {
        let mut options = options(&servers, "others");
        (options.compression, options.acks, options.lines.partitioner) = (compression, acks, partitioner.clone());
        let (batches, expected) = batches(5, 100);
        // The first with acks: what is sent without them to a partition that is just being made is lost.
        let (first, rest) = batches.split_at(10);
        let sure = Options { acks: Acks::All, ..options.clone() };
        let (_sure, surely) = lines(&sure).await;
        append_all(&*surely, first).await;
        let (queue, lines) = lines(&options).await;
        append_all(&*lines, rest).await;
        queue.close().await.expect("closes");
        // Without acks what was sent may still be on its way.
        let (topic, mut came) = (&options.lines.topic, Some(Vec::new()));
        until("all lines are there", || {
            came = kcat(&servers, topic, "%s\n");
            came.as_ref().is_none_or(|came| came.len() >= expected.len() * 64)
        })
        .await;
        let Some(came) = came else { continue };
        assert!(sorted(&came) == expected, "{compression:?}: {} of {} lines", sorted(&came).len(), expected.len());
        let keys = kcat(&servers, &options.lines.topic, "%k\n").unwrap_or_default();
        let keys = String::from_utf8_lossy(&keys);
        let expected = match partitioner {
            Partitioner::Source => "0000000000000000000000000",
            Partitioner::Random => "",
            Partitioner::Key(_) => "here",
        };
        assert!(keys.lines().all(|key| key.starts_with(expected) && (key.is_empty() == expected.is_empty())), "{keys}");
    }
}

#[tokio::test]
async fn a_message_carries_its_labels() {
    let Some(servers) = address("KAFKA", "a_message_carries_its_labels") else { return };
    let options = options(&servers, "labels");
    let (_queue, lines) = lines(&options).await;
    append_all(&*lines, &[BatchOf::source(1).at(7).continuations(&[6]).text("first\n  of it\nsecond\n")]).await;
    let Some(came) = kcat(&servers, &options.lines.topic, "%k|%h|%s~") else { return };
    let came = String::from_utf8_lossy(&came);
    let records: Vec<&str> = came.split('~').collect();
    let id = "00000000000000000000000001";
    assert!(records[0].starts_with(&format!("{id}|id={id}.0.7,host=here,path=/var/log/suite.log,stream=suite,ld=")));
    assert!(records[0].ends_with("|first\n  of it"), "{}", records[0]);
    assert!(records[1].contains(&format!("id={id}.0.21,")) && records[1].ends_with("|second"), "{}", records[1]);
}

#[tokio::test]
async fn within_its_life_it_knows_what_it_has() {
    let Some(servers) = address("KAFKA", "within_its_life_it_knows_what_it_has") else { return };
    let options = options(&servers, "life");
    let (queue, lines) = lines(&options).await;
    assert!(!lines.keeps_positions());
    let at = |end| Position { end, open_line: None };
    let first = BatchOf::source(1).at(100).text("taken wherever it starts\n");
    append_all(&*lines, std::slice::from_ref(&first)).await;
    let end = first.header.end;
    let sink = &*lines;
    let put = |batch: Batch| async move { append(sink, &batch).await.await };
    assert!(matches!(put(first.clone()).await, Ok(Outcome::Duplicate(held)) if held == at(end)));
    let early = BatchOf::source(1).at(end + 5).text("too early\n");
    assert!(matches!(put(early).await, Ok(Outcome::Gap { expected }) if expected == at(end)));
    let next = BatchOf::source(1).at(end).text("next\n");
    let (one, other) = (append(&*lines, &next).await, append(&*lines, &next).await);
    assert!(matches!(one.await, Ok(Outcome::Appended(_))));
    assert!(matches!(other.await, Ok(Outcome::Duplicate(held)) if held == at(end + 5)));
    let keys = [first.header.key, SourceKey { generation: model::Generation(9), ..first.header.key }];
    assert_eq!(lines.positions(&keys).await.expect("answers"), [Some(at(end + 5)), None]);
    queue.close().await.expect("closes");
    assert!(put(BatchOf::source(2).text("late\n")).await.is_err());
}

#[tokio::test]
async fn more_than_fits_says_back_pressure_and_goes_on() {
    let Some(servers) = address("KAFKA", "more_than_fits_says_back_pressure_and_goes_on") else { return };
    let mut options = options(&servers, "pressure");
    (options.message_bytes_max, options.in_flight_bytes) = (40_000, 40_000);
    let (_queue, lines) = lines(&options).await;
    let line = "x".repeat(10_000) + "\n";
    let batch = |n: u64| BatchOf::source(1).at(n * 10_001).text(&line);
    let mut pressed = false;
    let mut acks = Vec::new();
    for n in 0..10 {
        let mut ack = lines.append(batch(n));
        match ack.try_wait() {
            None => acks.push(ack),
            Some(answer) => {
                assert!(matches!(answer, Ok(Outcome::BackPressure { .. })), "{answer:?}");
                pressed = true;
                acks.push(append(&*lines, &batch(n)).await);
            }
        }
    }
    assert!(pressed, "100 kB in flight, 40 kB are the bound");
    for ack in acks {
        assert!(matches!(ack.await, Ok(Outcome::Appended(_))));
    }
}

#[tokio::test]
async fn only_the_line_that_is_too_large_goes_to_the_dead_letters() {
    let Some(servers) = address("KAFKA", "only_the_line_that_is_too_large_goes_to_the_dead_letters") else { return };
    let mut payload = b"before\n".to_vec();
    payload.extend(noise(50_000));
    payload.extend(b"\nafter\n");
    let batch = BatchOf::source(1).at(0).bytes(&payload);
    // Once by our own bound, once by the broker's, which we learn of only from its answer.
    for (ours, theirs) in [(20_000, "1000000"), (1_000_000, "20000")] {
        let mut options = options(&servers, "large");
        options.message_bytes_max = ours;
        let cluster = Cluster::connect(options.clone()).await.expect("connects");
        for name in [&options.lines.topic, &options.dead_letters] {
            make_topic(&cluster, name, &[("max.message.bytes", theirs)]).await;
        }
        let lines = KafkaProducer::open(cluster, queue::LINES).await.expect("a producer");
        append_all(&*lines, std::slice::from_ref(&batch)).await;
        assert!(lines.counts().dead_letters >= 1, "{:?}", lines.counts());
        let Some(came) = kcat(&servers, &options.lines.topic, "%s\n") else { return };
        assert_eq!(String::from_utf8_lossy(&came), "before\nafter\n");
        let dead = kcat(&servers, &options.dead_letters, "%s").unwrap_or_default();
        assert!(dead == noise(50_000), "all of it, in parts: {} bytes", dead.len());
        let why = kcat(&servers, &options.dead_letters, "%h\n").unwrap_or_default();
        let why = String::from_utf8_lossy(&why);
        assert!(
            why.lines().count() > 1 && why.lines().all(|line| line.contains("reason=") && line.contains("large")),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_made_or_waited_for() {
    let Some(servers) = address("KAFKA", "a_topic_that_is_not_there_is_made_or_waited_for") else { return };
    let missing = Options { create_topics: None, ..options(&servers, "missing") };
    let queue = KafkaQueue::connect(missing.clone()).await.expect("connects");
    let error = queue.producer(queue::LINES).await.map(|_| ()).expect_err("is not there").to_string();
    let says = [servers.split(',').next().unwrap_or_default(), &missing.lines.topic, "kafka.create_topics = true"];
    assert!(says.iter().all(|part| error.contains(part)), "{error}");

    let made = Options { create_topics: Some(NewTopics { partitions: Some(7), replication: Some(1) }), ..missing };
    let (queue, _lines) = lines(&made).await;
    let topic = queue.cluster().topic(&made.lines.topic).await.expect("was made");
    assert_eq!(topic.partitions.len(), 7);

    // A topic by stream is not known before its first line comes: the lines wait for it.
    let mut by_stream = options(&servers, "unused");
    by_stream.create_topics = None;
    let prefix = fresh("by");
    by_stream.lines.topic = format!("{prefix}-{{stream}}");
    let cluster = Cluster::connect(by_stream).await.expect("connects");
    let lines = KafkaProducer::open(cluster.clone(), queue::LINES).await.expect("a producer");
    let ack = lines.append(BatchOf::source(1).text("waits\n"));
    until("the problem is told", || lines.problem().is_some_and(|why| why.contains("create_topics"))).await;
    make_topic(&cluster, &format!("{prefix}-suite"), &[]).await;
    assert!(matches!(ack.await, Ok(Outcome::Appended(_))));
    until("the problem is over", || lines.problem().is_none()).await;
}

#[tokio::test]
async fn a_clock_ahead_is_named_and_nothing_is_lost() {
    let Some(servers) = address("KAFKA", "a_clock_ahead_is_named_and_nothing_is_lost") else { return };
    let options = options(&servers, "clock");
    let cluster = Cluster::connect(options.clone()).await.expect("connects");
    make_topic(&cluster, &options.lines.topic, &[("message.timestamp.after.max.ms", "3600000")]).await;
    let lines = KafkaProducer::open(cluster, queue::LINES).await.expect("a producer");
    let mut batch = BatchOf::source(1).text("from the future\n");
    Arc::make_mut(&mut batch.header).read_at = Timestamp::from_micros(4_000_000_000_000_000);
    let mut ack = lines.append(batch);
    until("the problem is told", || lines.problem().is_some_and(|why| why.contains("clock"))).await;
    let why = lines.problem().unwrap_or_default();
    assert!(why.contains(&options.lines.topic) && why.contains(&options.servers[0]), "{why}");
    assert!(ack.try_wait().is_none(), "it waits");
}

#[tokio::test]
async fn a_stream_may_go_its_own_way() {
    let Some(servers) = address("KAFKA", "a_stream_may_go_its_own_way") else { return };
    let mut options = options(&servers, "ways");
    let mut own = options.lines.clone();
    own.topic = fresh("own-{host}");
    own.framing = Framing::Batch;
    options.streams = vec![("special".to_owned(), own.clone())];
    let (_queue, lines) = lines(&options).await;
    let mut special = BatchOf::source(2).text("one\ntwo\n");
    Arc::make_mut(&mut special.header).stream = "special".into();
    append_all(&*lines, &[BatchOf::source(1).text("usual\n"), special]).await;
    let Some(came) = kcat(&servers, &options.lines.topic, "%s\n") else { return };
    assert_eq!(String::from_utf8_lossy(&came), "usual\n");
    let whole = kcat(&servers, &own.topic.replace("{host}", "here"), "%h|%s~").unwrap_or_default();
    let whole = String::from_utf8_lossy(&whole);
    assert!(whole.starts_with("ld-batch=") && whole.ends_with("one\ntwo\n~"), "one message: {whole:?}");
}

#[tokio::test]
async fn three_brokers_share_the_partitions() {
    let Some(servers) = address("KAFKA3", "three_brokers_share_the_partitions") else { return };
    let mut options = options(&servers, "three");
    options.create_topics = Some(NewTopics { partitions: Some(6), replication: Some(3) });
    let (batches, expected) = batches(20, 50);
    let (queue, lines) = lines(&options).await;
    append_all(&*lines, &batches).await;
    let topic = queue.cluster().topic(&options.lines.topic).await.expect("is there");
    let mut leaders: Vec<_> = topic.partitions.iter().filter_map(|partition| partition.leader).collect();
    leaders.sort_unstable();
    leaders.dedup();
    assert_eq!(leaders.len(), 3, "{topic:?}");
    let Some(came) = kcat(&servers, &options.lines.topic, "%s\n") else { return };
    assert_eq!(sorted(&came), expected);
}
