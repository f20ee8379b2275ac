//! How fast files become messages, and what that costs: `produce SERVERS TOPIC none|lz4|zstd|snappy|gzip ours|rdkafka
//! FILE…`. Reads as the agent does, in blocks of 256 KiB; `acks=all`, idempotent.

use std::io::Read as _;
use std::sync::Arc;
#[cfg(feature = "consumer")]
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use model::{Batch, BatchFlags, BatchHeader, Codec, Format, Generation, Revision, SourceId, SourceKey};
use queue::{LINES, Outcome, Producer, Queue as _};
use queue_kafka::{Compression, KafkaQueue, NewTopics, Options};

const BLOCK: usize = 256 << 10;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [servers, topic, compression, who, files @ ..] = &args[..] else {
        panic!("produce SERVERS TOPIC COMPRESSION ours|rdkafka FILE…");
    };
    let (cpu, begun) = (cpu_seconds(), Instant::now());
    let (bytes, lines) = match who.as_str() {
        "rdkafka" => rdkafka(servers, topic, compression, files),
        _ => ours(servers, topic, compression, files),
    };
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let mb = bytes as f64 / 1e6;
    println!(
        "{who} {compression}: {mb:.0} MB, {lines} lines, wall {wall:.2} s ({:.0} MB/s), cpu {cpu:.2} s ({:.0} MB/s a core), {:.0} ns of cpu a line",
        mb / wall,
        mb / cpu,
        cpu * 1e9 / lines as f64
    );
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("reads");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    ticks as f64 / 100.0
}

/// Whole lines of a file, about a block at a time: offset and bytes.
fn blocks(path: &str, mut take: impl FnMut(u64, Bytes)) {
    let mut file = std::fs::File::open(path).expect("opens");
    let (mut at, mut rest) = (0, Vec::new());
    loop {
        let mut block = std::mem::take(&mut rest);
        let from = block.len();
        block.resize(BLOCK, 0);
        let mut filled = from;
        while filled < BLOCK {
            match file.read(&mut block[filled..]).expect("reads") {
                0 => break,
                more => filled += more,
            }
        }
        block.truncate(filled);
        let Some(end) = block.iter().rposition(|byte| *byte == b'\n') else { return };
        rest = block.split_off(end + 1);
        let len = block.len() as u64;
        take(at, block.into());
        at += len;
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn ours(servers: &str, topic: &str, compression: &str, files: &[String]) -> (u64, u64) {
    let mut options = Options::new(servers.split(','));
    options.lines.topic = topic.to_owned();
    options.create_topics = Some(NewTopics { partitions: Some(16), replication: None });
    options.compression = match compression {
        "none" => Compression::None,
        "zstd" => Compression::Zstd,
        "snappy" => Compression::Snappy,
        "gzip" => Compression::Gzip,
        _ => Compression::Lz4,
    };
    let queue = KafkaQueue::connect(options).await.expect("connects");
    let lines = queue.producer(LINES).await.expect("a producer");
    let readers: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(n, path)| {
            let (path, lines, runtime) = (path.clone(), lines.clone(), tokio::runtime::Handle::current());
            std::thread::spawn(move || {
                let _guard = runtime.enter();
                read(n, &path, &*lines)
            })
        })
        .collect();
    let mut sum = (0, 0);
    for reader in readers {
        let (bytes, count) = tokio::task::spawn_blocking(|| reader.join().expect("reads")).await.expect("joins");
        sum = (sum.0 + bytes, sum.1 + count);
    }
    queue.close().await.expect("closes");
    sum
}

fn read(n: usize, path: &str, lines: &dyn Producer) -> (u64, u64) {
    let key = SourceKey::new(
        SourceId(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835u128.wrapping_mul(n as u128 + 1)),
        Generation(0),
    );
    let (mut bytes, mut count) = (0, 0);
    let mut acks = std::collections::VecDeque::new();
    blocks(path, |start, payload| {
        let end = start + payload.len() as u64;
        let records = memchr::memchr_iter(b'\n', &payload).count() as u32;
        let header = BatchHeader {
            key,
            start,
            end,
            line_start: start,
            lines: records,
            records,
            flags: BatchFlags::default(),
            codec: Codec::None,
            payload_len: payload.len() as u32,
            payload_crc: crc32c::crc32c(&payload),
            format: Format::Json,
            utc_offset_secs: 0,
            read_at: base::Timestamp::from_micros(1_795_132_800_000_000),
            revision: Revision(1),
            stream: "web".into(),
            host: "web-01.example.org".into(),
            path: path.into(),
            continuations: Arc::new([]),
        };
        bytes += payload.len() as u64;
        count += u64::from(records);
        let batch = Batch { header: Arc::new(header), payload };
        if acks.len() >= 48 {
            let ack: queue::Ack = acks.pop_front().expect("is there");
            assert!(matches!(ack.wait(), Ok(Outcome::Appended(_))));
        }
        loop {
            let mut ack = lines.append(batch.clone());
            match ack.try_wait() {
                Some(Ok(Outcome::BackPressure { retry_after })) => std::thread::sleep(retry_after),
                Some(answer) => panic!("{answer:?}"),
                None => break acks.push_back(ack),
            }
        }
    });
    for ack in acks {
        let answer = ack.wait();
        assert!(matches!(answer, Ok(Outcome::Appended(_))), "{answer:?}");
    }
    (bytes, count)
}

#[cfg(not(feature = "consumer"))]
fn rdkafka(_: &str, _: &str, _: &str, _: &[String]) -> (u64, u64) {
    panic!("build with the feature 'consumer'")
}

#[cfg(feature = "consumer")]
fn rdkafka(servers: &str, topic: &str, compression: &str, files: &[String]) -> (u64, u64) {
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
    let producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("compression.codec", compression)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "50")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "262144")
        .create()
        .expect("a producer");
    let (mut bytes, mut count) = (0, 0);
    for (n, path) in files.iter().enumerate() {
        let source = SourceId(n as u128 + 1).to_string();
        blocks(path, |start, block| {
            let mut at = 0;
            for end in memchr::memchr_iter(b'\n', &block) {
                let id = format!("{source}.0.{}", start + at as u64);
                let headers = OwnedHeaders::new_with_capacity(4)
                    .insert(Header { key: "id", value: Some(&id) })
                    .insert(Header { key: "host", value: Some("web-01.example.org") })
                    .insert(Header { key: "path", value: Some(path) })
                    .insert(Header { key: "stream", value: Some("web") });
                let mut record = BaseRecord::to(topic).key(&source).payload(&block[at..end]).headers(headers);
                while let Err((_, again)) = producer.send(record) {
                    std::thread::sleep(Duration::from_millis(1));
                    record = again;
                }
                count += 1;
                at = end + 1;
            }
            bytes += block.len() as u64;
        });
    }
    producer.flush(Duration::from_secs(120)).expect("flushes");
    (bytes, count)
}
