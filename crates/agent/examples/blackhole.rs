//! How fast the agent reads: one file into a producer that acknowledges at once and keeps nothing.
//!
//! `cargo run --release -p agent --example blackhole -- [--lz4|--zstd] [--ahead] FILE…` prints bytes, CPU seconds and the
//! rate; with `--ahead` into a queue that keeps no positions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent::Parts;
use config::{Compression, Config, StreamConfig};
use model::{Batch, Place, SourceKey};
use queue::{Ack, Outcome, Position, Producer, QueueError};
use runtime::{Shutdown, SystemClock};

#[derive(Default)]
struct Blackhole {
    keeps_no_positions: bool,
    bytes: AtomicU64,
    records: AtomicU64,
}

#[async_trait::async_trait]
impl Producer for Blackhole {
    fn append(&self, batch: Batch) -> Ack {
        self.bytes.fetch_add(batch.header.range_len(), Ordering::Relaxed);
        self.records.fetch_add(u64::from(batch.header.records), Ordering::Relaxed);
        Ack::ready(Ok(Outcome::Appended(Place::default())))
    }

    fn keeps_positions(&self) -> bool {
        !self.keeps_no_positions
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        Ok(vec![None; keys.len()])
    }
}

fn config(data: &std::path::Path, paths: Vec<String>, compression: Compression) -> Config {
    let mut config = Config::new("here", data);
    config.queue.compression = compression;
    config.streams = vec![StreamConfig::new("bench", paths)];
    config
}

/// CPU seconds of this process, and its resident bytes.
fn usage() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok()).sum();
    let pages: u64 = fields.get(21).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    (ticks / 100.0, pages * 4096)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let before = args.len();
        args.retain(|arg| arg != name);
        args.len() < before
    };
    let compression = match (flag("--lz4"), flag("--zstd")) {
        (true, _) => Compression::Lz4,
        (_, true) => Compression::Zstd,
        _ => Compression::None,
    };
    let (hold, ahead) = (flag("--hold"), flag("--ahead"));
    let sizes: u64 = args.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|at| at.len()).sum();
    let data = std::env::temp_dir().join(format!("agent-blackhole-{}", std::process::id()));
    let hole = Arc::new(Blackhole { keeps_no_positions: ahead, ..Blackhole::default() });
    let parts = Parts { producer: hole.clone(), clock: Arc::new(SystemClock), stdin: None };
    let agent = agent::build(&config(&data, args, compression), parts)?;
    let (handle, shutdown) = (agent.handle(), Shutdown::new());
    let (began, (cpu_before, _)) = (Instant::now(), usage());
    let mut run = Box::pin(agent.run(shutdown.clone()));
    let mut peak = 0;
    loop {
        let tick = tokio::time::sleep(Duration::from_millis(if hold { 1000 } else { 5 }));
        tokio::select! { done = &mut run => { done?; break } () = tick => {} }
        let (cpu, resident) = usage();
        peak = peak.max(resident);
        if hold {
            println!(
                "{:.1} s  CPU {:.2} s  RSS {} MiB  {} bytes",
                began.elapsed().as_secs_f64(),
                cpu - cpu_before,
                resident >> 20,
                hole.bytes.load(Ordering::Relaxed)
            );
        } else if hole.bytes.load(Ordering::Relaxed) + 4096 >= sizes {
            break;
        }
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), usage().0 - cpu_before);
    shutdown.call();
    run.await?;
    let bytes = hole.bytes.load(Ordering::Relaxed);
    let stats = handle.stats();
    println!(
        "{bytes} bytes, {} records, {} batches, {} bytes carried: {wall:.3} s, {cpu:.2} CPU-s, {:.2} GB/s wall, {:.2} GB/s per core, peak {} MiB",
        hole.records.load(Ordering::Relaxed),
        stats.sent_batches,
        stats.sent_bytes,
        bytes as f64 / wall / 1e9,
        bytes as f64 / cpu.max(0.01) / 1e9,
        peak >> 20,
    );
    std::fs::remove_dir_all(&data)?;
    Ok(())
}
