//! What the agent uses while somebody writes 10 MB/s.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use config::Compression;
use queue::{LINES, Producer, Queue};
use queue_embedded::{EmbeddedQueue, Options};

use super::agent::{Blackhole, Running, settings};
use super::{Env, until};
use crate::process;
use crate::report::{Figure, Target};

const RATE: u64 = 10_000_000;
const SECONDS: u64 = 10;
/// A service writes so often; about 500 lines at a time.
const STEP: Duration = Duration::from_millis(10);

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let alone = hold(env, |_| Ok((Arc::new(Blackhole::default()), None)))?;
    let durable = hold(env, |folder| {
        let queue = Arc::new(EmbeddedQueue::open(folder.join("queue"), Options::default())?);
        let setup = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok((setup.block_on(queue.producer(LINES))?, Some(queue)))
    })?;
    Ok(vec![
        Figure::new("holding 10 MB/s: the agent", alone * 100.0, "% of a core", Target::AtMost(2.0)),
        Figure::new("  with the queue, durable", durable * 100.0, "% of a core", Target::None),
    ])
}

type Sink = (Arc<dyn Producer>, Option<Arc<EmbeddedQueue>>);

/// The share of a core that this process uses while another writes.
fn hold(env: &Env, sink: impl FnOnce(&Path) -> Result<Sink>) -> Result<f64> {
    let folder = env.fresh("hold")?;
    let log = folder.join("paced.log");
    File::create(&log)?;
    let (producer, _queue) = sink(&folder)?;
    let running = Running::start(&settings(&folder.join("data"), &[&log], Compression::None), producer)?;
    let mut writer = std::process::Command::new(std::env::current_exe()?);
    let mut writer = writer.arg("pace").arg(&env.input.files[0]).arg(&log).arg(SECONDS.to_string()).spawn()?;
    until("lines flow", Duration::from_millis(10), || Ok((running.queued() > RATE / 2).then_some(())))?;
    let (cpu, wall, bytes) = (process::own_cpu(), Instant::now(), running.queued());
    writer.wait()?;
    let (cpu, wall, bytes) = (process::own_cpu() - cpu, wall.elapsed().as_secs_f64(), running.queued() - bytes);
    running.stop();
    // Per 10 MB, should the writer have been slower.
    Ok(cpu / wall * (RATE as f64 * wall / bytes as f64).max(1.0))
}

/// `bench pace FROM TO`: copies at the rate, in a process of its own.
pub fn pace(from: &Path, to: &Path, seconds: u64) -> Result<()> {
    let mut from = File::open(from)?;
    let mut to = File::options().append(true).open(to).context("the file to write")?;
    let mut piece = vec![0; (RATE as f64 * STEP.as_secs_f64()) as usize];
    let began = Instant::now();
    for n in 1..=(seconds as f64 / STEP.as_secs_f64()) as u32 {
        let mut len = from.read(&mut piece)?;
        if len == 0 {
            from.rewind()?;
            len = from.read(&mut piece)?;
        }
        to.write_all(&piece[..len])?;
        std::thread::sleep((STEP * n).saturating_sub(began.elapsed()));
    }
    Ok(())
}
