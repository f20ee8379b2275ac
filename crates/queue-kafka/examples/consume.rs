//! How fast a topic is read: by librdkafka's messages, or as this crate does it.
//!
//! `cargo run --release -p queue-kafka --example consume -- HOST:PORT TOPIC rdkafka|logdrive MESSAGES`

use std::time::{Duration, Instant};

use queue::{PollOptions, Queue as _};
use queue_kafka::{KafkaQueue, Options};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};

/// User and system time of this process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn by_rdkafka(servers: &str, topic: &str, expected: usize) -> (usize, usize) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", format!("bench-{}", std::process::id()))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("subscribes");
    let (mut count, mut bytes) = (0, 0);
    while count < expected {
        let message = match consumer.poll(Duration::from_secs(10)) {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                eprintln!("{error}");
                continue;
            }
            // It also returns where only an event came.
            None => continue,
        };
        bytes += message.payload().map_or(0, <[u8]>::len) + 1;
        if let Some(headers) = message.headers() {
            bytes += headers.iter().filter(|header| header.value.is_none()).count();
        }
        count += 1;
    }
    (count, bytes)
}

async fn by_logdrive(servers: &str, topic: &str, expected: usize) -> (usize, usize) {
    let mut options = Options::new([servers]);
    topic.clone_into(&mut options.lines.topic);
    let queue = KafkaQueue::connect(options).await.expect("connects");
    let mut consumer = queue.consumer(queue::LINES, &format!("bench-{}", std::process::id())).await.expect("a member");
    let (mut count, mut bytes) = (0, 0);
    while count < expected {
        let options = PollOptions { max_bytes: 8 << 20, max_wait: Duration::from_secs(10) };
        let found = consumer.poll(options).await.expect("polls");
        if found.is_empty() {
            break;
        }
        for delivery in found {
            count += delivery.batch.header.records as usize;
            bytes += delivery.batch.payload.len();
        }
    }
    (count, bytes)
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, servers, topic, how, expected] = &args[..] else { panic!("HOST:PORT TOPIC rdkafka|logdrive MESSAGES") };
    let expected = expected.parse().expect("a number");
    let (start, before) = (Instant::now(), cpu());
    let (count, bytes) = match how.as_str() {
        "rdkafka" => by_rdkafka(servers, topic, expected),
        _ => by_logdrive(servers, topic, expected).await,
    };
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu() - before);
    let gb = bytes as f64 / 1e9;
    println!(
        "{how}: {count} messages, {gb:.3} GB, {wall:.2} s, {cpu:.2} CPU-s: {:.2} CPU-s/GB, {:.0} ns a message",
        cpu / gb,
        cpu * 1e9 / count as f64
    );
}
