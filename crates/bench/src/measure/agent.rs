//! The agent alone: into nothing, and into the embedded queue.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent::{AgentHandle, Parts};
use anyhow::Result;
use async_trait::async_trait;
use config::{Compression, Config, StreamConfig};
use model::{Batch, Cursors, Partition, Place, SourceKey};
use queue::{Ack, LINES, Outcome, Position, Producer, Queue, QueueError};
use queue_embedded::{EmbeddedQueue, Options};
use runtime::{Shutdown, SystemClock};

use super::{Env, until};
use crate::process;
use crate::report::{Figure, Target};

/// Takes everything and keeps nothing.
#[derive(Debug, Default)]
pub struct Blackhole(AtomicU64);

#[async_trait]
impl Producer for Blackhole {
    fn append(&self, _batch: Batch) -> Ack {
        let offset = self.0.fetch_add(1, Ordering::Relaxed);
        Ack::ready(Ok(Outcome::Appended(Place { partition: Partition(0), offset })))
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        Ok(vec![None; keys.len()])
    }
}

/// Settings by default, one stream over some paths.
pub fn settings(data: &Path, paths: &[&Path], compression: Compression) -> Config {
    let paths = paths.iter().map(|path| path.display().to_string()).collect();
    let mut config = Config::new("bench", data);
    config.listen = ([127, 0, 0, 1], 0).into();
    config.queue.compression = compression;
    config.streams =
        vec![StreamConfig { exclude: vec!["lines".into(), "done".into()], ..StreamConfig::new("bench", paths) }];
    config
}

/// An agent at work in this process.
pub struct Running {
    runtime: tokio::runtime::Runtime,
    shutdown: Shutdown,
    pub handle: AgentHandle,
}

impl Running {
    pub fn start(config: &Config, producer: Arc<dyn Producer>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let agent = agent::build(config, Parts { producer, clock: Arc::new(SystemClock), stdin: None })?;
        let (handle, shutdown) = (agent.handle(), Shutdown::new());
        runtime.spawn(agent.run(shutdown.clone()));
        Ok(Self { runtime, shutdown, handle })
    }

    /// Bytes that the queue has acknowledged.
    pub fn queued(&self) -> u64 {
        self.handle.sources().iter().map(|source| source.queued).sum()
    }

    pub fn stop(self) {
        self.shutdown.call();
        self.runtime.shutdown_timeout(Duration::from_secs(10));
    }
}

/// CPU and wall seconds until everything is acknowledged.
pub fn run(env: &Env, config: &Config, producer: Arc<dyn Producer>) -> Result<(f64, f64, Running)> {
    let (cpu, wall) = (process::own_cpu(), Instant::now());
    let running = Running::start(config, producer)?;
    until("everything is acknowledged", Duration::from_millis(10), || {
        Ok((running.queued() >= env.input.bytes).then_some(()))
    })?;
    Ok((process::own_cpu() - cpu, wall.elapsed().as_secs_f64(), running))
}

/// Into nothing: what reading, cutting, checksums and names cost; and what memory that takes.
pub fn blackhole(env: &Env) -> Result<Vec<Figure>> {
    warm(env)?;
    let (mut cpu, mut wall) = (f64::MAX, f64::MAX);
    let mut idle = 0;
    for n in 0..3 {
        let folder = env.fresh(&format!("blackhole-{n}"))?;
        let config = settings(&folder, &env.followed(), Compression::None);
        let (took_cpu, took_wall, running) = run(env, &config, Arc::new(Blackhole::default()))?;
        (cpu, wall) = (cpu.min(took_cpu), wall.min(took_wall));
        std::thread::sleep(Duration::from_secs(2));
        idle = process::memory(std::process::id())?.0;
        running.stop();
    }
    let peak = process::memory(std::process::id())?.1;
    Ok(vec![
        Figure::new("agent: file → blackhole, per core", env.gigabytes() / cpu, "GB/s", Target::AtLeast(3.0)),
        Figure::new("  wall", env.gigabytes() / wall, "GB/s", Target::None),
        Figure::new("memory of the agent at full speed", peak as f64 / 1e6, "MB", Target::AtMost(64.0)),
        Figure::new("memory of the agent, idle", idle as f64 / 1e6, "MB", Target::AtMost(24.0)),
    ])
}

/// Into the embedded queue, durable, by codec: in steady flow, as with a transfer behind (what was read is committed,
/// and its files are written again), and into files that were never written before, as when nobody reads.
pub fn queue(env: &Env) -> Result<Vec<Figure>> {
    warm(env)?;
    let mut figures = Vec::new();
    for (name, compression, target) in [
        ("none", Compression::None, Target::AtLeast(1.2)),
        ("lz4", Compression::Lz4, Target::AtLeast(0.5)),
        ("zstd", Compression::Zstd, Target::None),
    ] {
        let (cpu, wall, _) = into_queue(env, compression, true)?;
        let title = format!("agent → queue, durable, {name}: per core");
        figures.push(Figure::new(title, env.gigabytes() / cpu, "GB/s", target));
        figures.push(Figure::new("  wall", env.gigabytes() / wall, "GB/s", Target::None));
        let (cpu, _, bytes) = into_queue(env, compression, false)?;
        figures.push(Figure::new("  per core, nothing read meanwhile", env.gigabytes() / cpu, "GB/s", Target::None));
        let size = bytes as f64 / env.input.bytes as f64;
        figures.push(Figure::new("  on disk then", size, "× the input", Target::None));
    }
    env.fresh("queue")?;
    Ok(figures)
}

/// CPU and wall seconds until all is durable, and the bytes on disk then.
fn into_queue(env: &Env, compression: Compression, consumed: bool) -> Result<(f64, f64, u64)> {
    let folder = env.fresh("queue")?;
    let config = settings(&folder, &env.followed(), compression);
    let queue = Arc::new(EmbeddedQueue::open(folder.join("queue"), Options::default())?);
    let setup = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let producer = setup.block_on(queue.producer(LINES))?;
    let stop = Shutdown::new();
    let reader = consumed.then(|| setup.spawn(keep_up(queue.clone(), stop.clone())));
    let (cpu, wall, running) = run(env, &config, producer)?;
    running.stop();
    stop.call();
    if let Some(reader) = reader {
        setup.block_on(reader)??;
    }
    setup.block_on(queue.close())?;
    Ok((cpu, wall, process::folder_bytes(&folder.join("queue"))))
}

/// Commits what is there, as a transfer does, without reading it.
async fn keep_up(queue: Arc<EmbeddedQueue>, stop: Shutdown) -> Result<()> {
    let mut consumer = queue.consumer(LINES, "bench").await?;
    while stop.sleep(Duration::from_millis(20)).await {
        let mut cursors = Cursors::start_of(queue.id());
        for (partition, _, end, _) in queue.stats(LINES).await?.partitions {
            cursors.next.insert(partition, end);
        }
        consumer.commit(&cursors).await?;
    }
    Ok(())
}

/// Brings the input into the page cache: it is not the disk that is measured.
pub fn warm(env: &Env) -> Result<()> {
    for file in &env.input.files {
        std::io::copy(&mut std::fs::File::open(file)?, &mut std::io::sink())?;
    }
    Ok(())
}
