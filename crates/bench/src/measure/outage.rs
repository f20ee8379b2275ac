//! The broker gone for a while under load: what the agent's memory does, how fast it catches up, and whether lines
//! written meanwhile come late.
//!
//! The outage lasts `LOGDRIVE_BENCH_OUTAGE_SECS` (30 by default; 600 is the figure that is asked for).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use queue::{LINES, Queue};
use queue_kafka::KafkaQueue;

use super::agent::{Running, settings};
use super::{Env, kafka, percentile, until};
use crate::process;
use crate::report::{Figure, Target};

/// What a busy machine writes.
const RATE: u64 = 10_000_000;
/// The quiet file beside it gets a line so often.
const TICK: Duration = Duration::from_millis(50);

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let broker = kafka::broker()?;
    let seconds = std::env::var("LOGDRIVE_BENCH_OUTAGE_SECS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let folder = env.fresh("outage")?;
    let (busy, quiet) = (folder.join("busy.log"), folder.join("quiet.log"));
    [&busy, &quiet].into_iter().try_for_each(|path| File::create(path).map(drop))?;
    let setup = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let queue = Arc::new(setup.block_on(KafkaQueue::connect(kafka::options(&broker, "outage")))?);
    let producer = setup.block_on(queue.producer(LINES))?;
    let config = settings(&folder.join("data"), &[&busy, &quiet], config::Compression::None);
    let running = Running::start(&config, producer)?;
    let mut writers = Writers::start(env, &busy, &quiet)?;
    until("lines flow", Duration::from_millis(50), || Ok((queued(&running, &busy) > RATE).then_some(())))?;

    broker_is("pause")?;
    std::thread::sleep(Duration::from_secs(3));
    let early = process::memory(std::process::id())?.0;
    std::thread::sleep(Duration::from_secs(seconds));
    let late = process::memory(std::process::id())?.0;
    broker_is("resume")?;
    let (resumed, had) = (Instant::now(), queued(&running, &busy));
    let mut delays = Vec::new();
    // The first answers after the pause carry what waited; from then on the quiet file must be live.
    until("lines flow again", Duration::from_millis(5), || Ok((queued(&running, &busy) > had).then_some(())))?;
    let quiet_from = writers.quiet.bytes();
    until("it has caught up", TICK, || {
        delays.extend(writers.quiet.delays(queued(&running, &quiet), quiet_from));
        Ok((queued(&running, &busy) + RATE / 5 >= writers.busy_bytes(&busy)?).then_some(()))
    })?;
    let took = resumed.elapsed().as_secs_f64();
    let sent = (queued(&running, &busy) - had) as f64;
    writers.stop()?;
    running.stop();
    setup.block_on(queue.close())?;
    setup.shutdown_background();
    ensure!(!delays.is_empty(), "the quiet file was never behind nor ahead: nothing was measured");
    let growth = late.saturating_sub(early) as f64 / 1e6;
    Ok(vec![
        Figure::new(format!("broker away for {seconds} s: memory, growth"), growth, "MB", Target::AtMost(8.0)),
        Figure::new("  memory at its end, whole process", late as f64 / 1e6, "MB", Target::None),
        Figure::new("catching up", sent / took / RATE as f64, "× the live rate", Target::AtLeast(3.0)),
        Figure::new("  live lines meanwhile, p99", percentile(&mut delays, 0.99), "s", Target::AtMost(2.0)),
    ])
}

/// Bytes of a file that the queue has acknowledged.
fn queued(running: &Running, path: &Path) -> u64 {
    let path = path.display().to_string();
    running.handle.sources().iter().filter(|source| *source.path == *path).map(|source| source.queued).sum()
}

/// Stops and wakes the broker.
fn broker_is(command: &str) -> Result<()> {
    let xtask = std::env::var_os("LOGDRIVE_XTASK").context("LOGDRIVE_XTASK: run this by cargo xtask bench")?;
    let set = std::env::var("LOGDRIVE_BENCH_SET").unwrap_or_else(|_| "default".to_owned());
    let status = Command::new(xtask).args(["services", "--set", &set, command, "kafka"]).status()?;
    ensure!(status.success(), "cargo xtask services {command} kafka: {status}");
    Ok(())
}

/// One writes at the rate in a process of its own, one a line now and then in this.
struct Writers {
    busy: std::process::Child,
    quiet: Quiet,
}

impl Writers {
    fn start(env: &Env, busy: &Path, quiet: &Path) -> Result<Self> {
        let mut pace = Command::new(std::env::current_exe()?);
        let pace = pace.arg("pace").arg(&env.input.files[0]).arg(busy).arg("3600");
        Ok(Self { busy: pace.spawn()?, quiet: Quiet::start(quiet.to_owned())? })
    }

    fn busy_bytes(&self, path: &Path) -> Result<u64> {
        Ok(path.metadata()?.len())
    }

    fn stop(&mut self) -> Result<()> {
        self.quiet.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.busy.kill()?;
        self.busy.wait()?;
        Ok(())
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        // Where the measurement failed it still writes.
        let _ = self.busy.kill();
        let _ = self.busy.wait();
    }
}

/// A file that gets a line now and then, and when it got which.
struct Quiet {
    written: Arc<parking_lot::Mutex<Vec<(u64, Instant)>>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
    seen: std::cell::Cell<usize>,
}

impl Quiet {
    fn start(path: PathBuf) -> std::io::Result<Self> {
        let written: Arc<parking_lot::Mutex<Vec<(u64, Instant)>>> = Arc::default();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (list, stopped) = (written.clone(), stop.clone());
        runtime::spawn_thread("quiet", move || {
            let Ok(mut file) = File::options().append(true).open(path) else { return };
            let mut bytes = 0;
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let line = format!("2026-11-21T10:00:00Z INFO quiet line at {bytes}\n");
                bytes += line.len() as u64;
                // Noted before: it cannot be acknowledged earlier than that.
                list.lock().push((bytes, Instant::now()));
                if file.write_all(line.as_bytes()).is_err() {
                    return;
                }
                std::thread::sleep(TICK);
            }
        })?;
        Ok(Self { written, stop, seen: std::cell::Cell::new(0) })
    }

    fn bytes(&self) -> u64 {
        self.written.lock().last().map_or(0, |(bytes, _)| *bytes)
    }

    /// Seconds from written to acknowledged, of the lines behind `from` that are acknowledged for the first time.
    fn delays(&self, acknowledged: u64, from: u64) -> Vec<f64> {
        let written = self.written.lock();
        let behind = written.partition_point(|(bytes, _)| *bytes <= acknowledged);
        let first = self.seen.replace(behind).min(behind);
        let new = written[first..behind].iter().filter(|(bytes, _)| *bytes > from);
        new.map(|(_, at)| at.elapsed().as_secs_f64()).collect()
    }
}
