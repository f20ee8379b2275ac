//! How long a restart after a hard end takes, with everything in queue and store.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::{Client, Start};

use super::ingest::{all_stored, ensure_stored, stored, sum};
use super::{Env, until};
use crate::report::{Figure, Target};

const PAUSE: Duration = Duration::from_millis(2);

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let (flow, ready) = with_full_store(env)?;
    let (stored, backlog) = with_full_queue(env)?;
    Ok(vec![
        Figure::new("restart after kill -9, all stored: until a new line is found", flow, "s", Target::AtMost(0.5)),
        Figure::new("  until it answers", ready, "s", Target::None),
        Figure::new("restart after kill -9, queue full: until more is stored", stored, "s", Target::AtMost(0.5)),
        Figure::new("  of the input that was queued and not stored", backlog * 100.0, "%", Target::None),
    ])
}

/// Seconds until a line written at the start is found, and until it answers at all; the best of three.
fn with_full_store(env: &Env) -> Result<(f64, f64)> {
    ensure_stored(env)?;
    let folder = env.fresh("restart")?;
    let (mut ready, mut flow) = (f64::MAX, f64::MAX);
    let log = folder.join("fresh.log");
    std::fs::write(&log, "")?;
    let mut paths = env.followed();
    paths.push(&log);
    let data = stored(env);
    for n in 0..3 {
        let server = Start::up_in(&folder, &data, &paths).start();
        all_stored(env, server.client())?;
        server.kill();
        let began = Instant::now();
        let mark = format!("restart{n}x{}", std::process::id());
        writeln!(OpenOptions::new().append(true).open(&log)?, "{mark}")?;
        let server = Start::up_in(&folder, &data, &paths).start();
        ready = ready.min(began.elapsed().as_secs_f64());
        let path = format!("/api/v1/search?q={mark}");
        until("the new line is found", PAUSE, || {
            Ok(server.client().get(&path).is_ok_and(|text| text.contains(&mark)).then_some(()))
        })?;
        flow = flow.min(began.elapsed().as_secs_f64());
        server.stop();
    }
    Ok((flow, ready))
}

/// Killed when all is in the queue and the store is behind: seconds until the store grows again, and the share of the
/// input that was waiting.
fn with_full_queue(env: &Env) -> Result<(f64, f64)> {
    let folder = env.fresh("restart-queue")?;
    let data = folder.join("data");
    let total = |client: &Client, name| sum(&client.get("/api/v1/audit").map_err(anyhow::Error::msg)?, name);
    let server = Start::up_in(&folder, &data, &env.followed()).start();
    until("everything is in the queue", Duration::from_millis(20), || {
        Ok((total(server.client(), "queued")? >= env.input.bytes).then_some(()))
    })?;
    let waiting = env.input.bytes.saturating_sub(total(server.client(), "stored")?) as f64 / env.input.bytes as f64;
    server.kill();
    let began = Instant::now();
    let server = Start::up_in(&folder, &data, &env.followed()).start();
    let before = total(server.client(), "stored")?;
    until("the store grows", PAUSE, || Ok((total(server.client(), "stored")? > before).then_some(())))?;
    let took = began.elapsed().as_secs_f64();
    server.kill();
    env.fresh("restart-queue")?;
    Ok((took, waiting))
}
