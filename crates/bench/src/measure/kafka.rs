//! The agent into Kafka (`acks=all`, compressed), beside what other programs need for the same files.
//!
//! The broker is the one that `KAFKA` names (`cargo xtask services up kafka`); its processor time is not counted.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use base::Clock;
use queue::{LINES, Queue};
use queue_kafka::{Compression, Framing, KafkaQueue, NewTopics, Options, Route};
use runtime::SystemClock;

use super::agent::{run, settings, warm};
use super::{Env, yardstick};
use crate::process;
use crate::report::{Figure, Target};

/// As the classic chain has it.
const PARTITIONS: u32 = 16;

/// The address of the broker.
pub fn broker() -> Result<String> {
    let address =
        std::env::var("KAFKA").context("KAFKA names no broker; run: eval $(cargo xtask services up kafka)")?;
    Ok(address.split(',').next().unwrap_or(&address).to_owned())
}

/// Settings for a topic of its own.
pub fn options(broker: &str, name: &str) -> Options {
    let topic = format!("bench-{name}-{}", SystemClock.now().as_micros());
    Options {
        lines: Route { topic, ..Route::default() },
        create_topics: Some(NewTopics { partitions: Some(PARTITIONS), replication: None }),
        ..Options::new([broker])
    }
}

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let broker = broker()?;
    warm(env)?;
    let mut figures = Vec::new();
    let (mut best, mut messages): (f64, Option<u64>) = (0.0, None);
    for (name, compression, framing) in [
        ("lz4", Compression::Lz4, Framing::Record),
        ("zstd", Compression::Zstd, Framing::Record),
        ("none", Compression::None, Framing::Record),
        ("lz4, framing = batch", Compression::Lz4, Framing::Batch),
    ] {
        let mut options = options(&broker, "agent");
        options.compression = compression;
        options.lines.framing = framing;
        let speed = into_kafka(env, options)?;
        if framing == Framing::Record {
            let first = *messages.get_or_insert(speed.messages);
            ensure!(speed.messages == first, "{} messages in Kafka, {first} in the first run", speed.messages);
        }
        let is_asked = framing == Framing::Record && compression != Compression::None;
        best = if is_asked { best.max(speed.per_core) } else { best };
        let target = if name == "lz4" { Target::AtLeast(300.0) } else { Target::None };
        figures.push(Figure::new(format!("file → Kafka, acks=all, {name}: per core"), speed.per_core, "MB/s", target));
        figures.push(Figure::new("  wall", speed.wall, "MB/s", Target::None));
        figures.push(Figure::new("  memory at most, whole process so far", speed.memory, "MB", Target::None));
    }
    let mut peers: f64 = 0.0;
    for (name, cpu) in peers_of(env, &broker)? {
        let per_core = env.input.bytes as f64 / 1e6 / cpu;
        peers = peers.max(per_core);
        figures.push(Figure::new(format!("  {name}, the same: per core"), per_core, "MB/s", Target::None));
    }
    if peers > 0.0 {
        figures.push(Figure::new("  against the best of them", best / peers, "×", Target::AtLeast(1.0)));
    }
    Ok(figures)
}

struct Speed {
    per_core: f64,
    wall: f64,
    memory: f64,
    messages: u64,
}

fn into_kafka(env: &Env, options: Options) -> Result<Speed> {
    let folder = env.fresh("kafka")?;
    let setup = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let queue = Arc::new(setup.block_on(KafkaQueue::connect(options))?);
    let producer = setup.block_on(queue.producer(LINES))?;
    let config = settings(&folder, &env.followed(), config::Compression::None);
    let (cpu, wall, running) = run(env, &config, producer)?;
    running.stop();
    let stats = setup.block_on(queue.stats(LINES))?;
    let messages = stats.partitions.iter().map(|(_, first, end, _)| end - first).sum();
    setup.block_on(queue.close())?;
    setup.shutdown_background();
    let megabytes = env.input.bytes as f64 / 1e6;
    let memory = process::memory(std::process::id())?.1 as f64 / 1e6;
    Ok(Speed { per_core: megabytes / cpu, wall: megabytes / wall, memory, messages })
}

/// CPU seconds that other programs need, where they are installed.
fn peers_of(env: &Env, broker: &str) -> Result<Vec<(String, f64)>> {
    let mut found = Vec::new();
    for codec in ["lz4", "zstd"] {
        let topic = format!("bench-kcat-{codec}-{}", SystemClock.now().as_micros());
        let flags = format!("-X acks=all -X enable.idempotence=true -X queue.buffering.max.kbytes=262144 -z {codec}");
        let files = yardstick::quoted(env);
        let script = format!("for f in {files}; do kcat -P -b {broker} -t {topic} {flags} -l \"$f\"; done");
        make_topic(broker, &topic)?;
        if let Some(cpu) = yardstick::run(env, &script)? {
            found.push((format!("kcat, {codec}"), cpu));
        }
    }
    Ok(found)
}

fn make_topic(broker: &str, topic: &str) -> Result<()> {
    let setup = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    setup.block_on(async {
        let options = Options { lines: Route { topic: topic.to_owned(), ..Route::default() }, ..options(broker, "") };
        let queue = KafkaQueue::connect(options).await?;
        queue.producer(LINES).await?;
        queue.close().await
    })?;
    Ok(())
}
