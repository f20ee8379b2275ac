//! What an outage costs: live files, a queue of a limited rate that is down for a while, and optionally a file with much
//! to catch up.
//!
//! `cargo run --release -p agent --example pressure -- LIVE_MB_S QUEUE_MB_S DOWN_SECS BACKLOG_MB` prints each second what
//! is in flight and resident, and at the end how fast it caught up and how late the lines of live files were
//! acknowledged.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent::Parts;
use config::{Config, StreamConfig};
use model::{Batch, Place, SourceKey};
use parking_lot::Mutex;
use queue::{Ack, AckSender, Outcome, Position, Producer, QueueError};
use runtime::{Shutdown, SystemClock};

/// Serves batches in the order in which they came, at a rate.
struct Line {
    waiting: Mutex<std::collections::VecDeque<(Batch, AckSender)>>,
    is_down: AtomicBool,
    taken: AtomicU64,
    /// Microseconds from writing a line of a live file to its ack.
    late: Mutex<Vec<u32>>,
    began: Instant,
}

#[async_trait::async_trait]
impl Producer for Line {
    fn append(&self, batch: Batch) -> Ack {
        let (sender, ack) = Ack::channel();
        self.waiting.lock().push_back((batch, sender));
        ack
    }

    fn keeps_positions(&self) -> bool {
        false
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        Ok(vec![None; keys.len()])
    }
}

impl Line {
    fn serve(&self, bytes_per_sec: f64) {
        let mut free_at = Instant::now();
        loop {
            let now = Instant::now();
            if self.is_down.load(Ordering::Relaxed) || free_at > now {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            let Some((batch, sender)) = self.waiting.lock().pop_front() else {
                free_at = now;
                std::thread::sleep(Duration::from_micros(500));
                continue;
            };
            // What could have been served while this thread slept is served now.
            free_at = free_at.max(now - Duration::from_millis(5))
                + Duration::from_secs_f64(batch.payload.len() as f64 / bytes_per_sec);
            self.note(&batch);
            self.taken.fetch_add(batch.header.range_len(), Ordering::Relaxed);
            // Nobody listens where the agent has ended.
            let _ = sender.send(Ok(Outcome::Appended(Place::default())));
        }
    }

    fn note(&self, batch: &Batch) {
        if !batch.header.path.contains("live") {
            return;
        }
        let now = self.began.elapsed().as_micros() as u64;
        let mut late = self.late.lock();
        for line in batch.payload.split(|byte| *byte == b'\n').step_by(8) {
            let at = std::str::from_utf8(line).ok().and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
            late.extend(at.map(|at| now.saturating_sub(at) as u32));
        }
    }
}

/// Writes lines into files until told to stop.
fn write(folder: &Path, began: Instant, bytes_per_sec: f64, written: &AtomicU64, stop: &AtomicBool) {
    const FILES: usize = 20;
    let mut files: Vec<_> =
        (0..FILES).filter_map(|n| std::fs::File::create(folder.join(format!("live{n}.log"))).ok()).collect();
    let (from, mut due) = (Instant::now(), 0.0);
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let want = from.elapsed().as_secs_f64() * bytes_per_sec;
        while due < want {
            let mut text = String::new();
            for i in 0..10 {
                text +=
                    &format!("{} INFO request {n} of {i} was served {}\n", began.elapsed().as_micros(), "x".repeat(80));
            }
            if files[n % FILES].write_all(text.as_bytes()).is_err() {
                return;
            }
            due += text.len() as f64;
            written.fetch_add(text.len() as u64, Ordering::Relaxed);
            n += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn show_late(line: &Line, what: &str) {
    let mut late = std::mem::take(&mut *line.late.lock());
    late.sort_unstable();
    let at = |part: f64| late.get((late.len() as f64 * part) as usize).map_or(0.0, |us| f64::from(*us) / 1000.0);
    println!(
        "{what}: {} lines of live files, p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
        late.len(),
        at(0.5),
        at(0.99),
        at(0.99999)
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<f64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [live, rate, down, backlog] = args[..] else { return Err("LIVE_MB_S QUEUE_MB_S DOWN_SECS BACKLOG_MB".into()) };
    let folder: PathBuf = std::env::temp_dir().join(format!("agent-pressure-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("logs"))?;
    let mut config = Config::new("here", folder.join("data"));
    config.streams = vec![StreamConfig::new("bench", vec![folder.join("logs/*.log").display().to_string()])];
    let began = Instant::now();
    let line = Arc::new(Line {
        waiting: Mutex::default(),
        is_down: AtomicBool::new(false),
        taken: AtomicU64::new(0),
        late: Mutex::default(),
        began,
    });
    let (written, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let serving = line.clone();
    runtime::spawn_thread("queue", move || serving.serve(rate * 1e6))?;
    let (logs, count, until) = (folder.join("logs"), written.clone(), stop.clone());
    runtime::spawn_thread("writer", move || write(&logs, began, live * 1e6, &count, &until))?;
    let parts = Parts { producer: line.clone(), clock: Arc::new(SystemClock), stdin: None };
    let agent = agent::build(&config, parts)?;
    let (handle, shutdown) = (agent.handle(), Shutdown::new());
    let running = tokio::spawn(agent.run(shutdown.clone()));
    let second = async |what: &str| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (wrote, took) = (written.load(Ordering::Relaxed), line.taken.load(Ordering::Relaxed));
        println!(
            "{what} {:5.1} s: in flight {:5.1} MB, resident {:5.1} MB, written {:.0} MB, taken {:.0} MB",
            began.elapsed().as_secs_f64(),
            handle.stats().in_flight_bytes as f64 / 1e6,
            resident() as f64 / 1e6,
            wrote as f64 / 1e6,
            took as f64 / 1e6
        );
    };
    for _ in 0..3 {
        second("live ").await;
    }
    show_late(&line, "before");
    if backlog > 0.0 {
        let text = "2024-01-31 INFO something that happened long ago and was never read\n".repeat(15_000);
        let mut file = std::fs::File::create(folder.join("logs/behind.log"))?;
        for _ in 0..(backlog * 1e6 / text.len() as f64) as usize {
            file.write_all(text.as_bytes())?;
            written.fetch_add(text.len() as u64, Ordering::Relaxed);
        }
        line.late.lock().clear();
    }
    line.is_down.store(true, Ordering::Relaxed);
    for _ in 0..down as u64 {
        second("down ").await;
    }
    line.is_down.store(false, Ordering::Relaxed);
    let (up_at, before, wrote) = (Instant::now(), line.taken.load(Ordering::Relaxed), written.load(Ordering::Relaxed));
    while line.taken.load(Ordering::Relaxed) + 1_000_000 < written.load(Ordering::Relaxed) {
        second("again").await;
    }
    let took = up_at.elapsed().as_secs_f64();
    println!(
        "caught up {:.0} MB in {took:.1} s at {:.1} MB/s while {:.1} MB/s were written",
        (wrote - before) as f64 / 1e6,
        (line.taken.load(Ordering::Relaxed) - before) as f64 / 1e6 / took,
        (written.load(Ordering::Relaxed) - wrote) as f64 / 1e6 / took
    );
    show_late(&line, "meanwhile");
    stop.store(true, Ordering::Relaxed);
    shutdown.call();
    running.await??;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
