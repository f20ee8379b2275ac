//! What measuring the host costs: an agent that does nothing else, into a producer that acknowledges at once.
//!
//! `cargo run --release -p agent --example host_metrics -- [INTERVAL_MS] [SECONDS]` prints CPU seconds and the share of a
//! core; `--show` prints one sample instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent::Parts;
use config::{Config, HostMetricsConfig};
use model::{Batch, Place, SourceKey};
use queue::{Ack, Outcome, Position, Producer, QueueError};
use runtime::{Shutdown, SystemClock};

#[derive(Default)]
struct Blackhole {
    bytes: AtomicU64,
    show: bool,
}

#[async_trait::async_trait]
impl Producer for Blackhole {
    fn append(&self, batch: Batch) -> Ack {
        self.bytes.fetch_add(batch.header.range_len(), Ordering::Relaxed);
        if self.show {
            print!("{}", String::from_utf8_lossy(&batch.payload));
        }
        Ack::ready(Ok(Outcome::Appended(Place::default())))
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        Ok(vec![None; keys.len()])
    }
}

/// CPU seconds of this process, by the scheduler's own count.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanos.sum::<u64>() as f64 / 1e9
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let show = args.iter().any(|arg| arg == "--show");
    let mut numbers = args.iter().filter_map(|arg| arg.parse::<u64>().ok());
    let interval = Duration::from_millis(numbers.next().unwrap_or(if show { 1000 } else { 10_000 }));
    let seconds = numbers.next().unwrap_or(if show { 2 } else { 120 });
    let data = std::env::temp_dir().join(format!("agent-host-metrics-{}", std::process::id()));
    let mut config = Config::new("here", &data);
    config.host_metrics = HostMetricsConfig { enabled: true, interval };
    let hole = Arc::new(Blackhole { show, ..Blackhole::default() });
    let parts = Parts { producer: hole.clone(), clock: Arc::new(SystemClock), stdin: None };
    let agent = agent::build(&config, parts)?.with_host_metrics(hole.clone());
    let (handle, shutdown) = (agent.handle(), Shutdown::new());
    let (began, before) = (Instant::now(), cpu_seconds());
    let end = async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - before);
        shutdown.call();
        (wall, cpu)
    };
    let (ran, (wall, cpu)) = tokio::join!(agent.run(shutdown.clone()), end);
    ran?;
    let (samples, bytes) = (handle.stats().host_samples.max(1), hole.bytes.load(Ordering::Relaxed));
    println!(
        "{samples} samples of {} bytes in {wall:.1} s: {cpu:.4} CPU-s, {:.3} % of a core, {:.3} ms a sample",
        bytes / samples,
        100.0 * cpu / wall,
        1000.0 * cpu / samples as f64
    );
    std::fs::remove_dir_all(&data)?;
    Ok(())
}
