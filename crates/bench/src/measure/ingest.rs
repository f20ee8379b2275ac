//! File to searchable through the real binary, as a user runs it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::{Client, Start};
use serde_json::Value;

use super::{Env, until, yardstick};
use crate::process;
use crate::report::{Figure, Target};

/// Where the data of the last run is kept for the measurements that search it.
pub fn stored(env: &Env) -> PathBuf {
    env.folder.join("ingest/data")
}

/// For measurements that are run alone.
pub fn ensure_stored(env: &Env) -> Result<()> {
    if std::fs::read_to_string(env.folder.join("ingest/done")).ok() != Some(written_by(env)?) {
        measure(env)?;
    }
    Ok(())
}

/// Which input the data is of, and which binary wrote it: another one may know other forms.
fn written_by(env: &Env) -> Result<String> {
    let binary = e2e::binary().metadata()?;
    Ok(format!("{} bytes by {:?}", env.input.bytes, binary.modified()?))
}

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let folder = env.fresh("ingest")?;
    let zstd = yardstick::zstd(env)?;
    // It may have to be built first, which is not what is measured.
    let _ = e2e::binary();
    let began = Instant::now();
    let server = Start::up_in(&folder, &stored(env), &env.followed()).start();
    let pid = server.pid();
    all_stored(env, server.client())?;
    let wall = began.elapsed().as_secs_f64();
    let searchable = process::cpu_seconds(pid)?;
    let (_, peak) = process::memory(pid)?;
    server.terminate();
    let closed = process::cpu_at_end(pid)?;
    server.ends();
    std::fs::write(folder.join("done"), written_by(env)?)?;
    let disk = store_bytes(&stored(env));
    let (gigabytes, zstd_bytes) = (env.gigabytes(), zstd.bytes as f64);
    Ok(vec![
        Figure::new("file → searchable, all stages, auto parsing", closed / gigabytes, "CPU-s/GB", Target::AtMost(6.0)),
        Figure::new("  of that until everything was found", searchable / gigabytes, "CPU-s/GB", Target::None),
        Figure::new(
            "  against zstd -1 on the same files",
            closed / zstd.program.unwrap_or(zstd.cpu),
            "× its CPU",
            Target::AtMost(2.5),
        ),
        Figure::new("  against zstd -1 as a library", closed / zstd.cpu, "× its CPU", Target::None),
        Figure::new("  wall", env.input.bytes as f64 / 1e6 / wall, "MB/s", Target::AtLeast(250.0)),
        Figure::new("disk once consumed", disk as f64 / zstd_bytes, "× zstd -1", Target::AtMost(1.3)),
        Figure::new("memory of up while it takes it", peak as f64 / 1e6, "MB", Target::AtMost(300.0)),
    ])
}

/// Waits until every byte of the input is found by a search.
pub fn all_stored(env: &Env, client: &Client) -> Result<()> {
    until("everything is stored", Duration::from_millis(100), || {
        let text = client.get("/api/v1/audit").map_err(anyhow::Error::msg)?;
        Ok((sum(&text, "stored")? >= env.input.bytes).then_some(()))
    })
}

/// A number of the accounts, over all of them.
pub fn sum(audit: &str, name: &str) -> Result<u64> {
    let answer: Value = serde_json::from_str(audit).context("audit")?;
    answer["total"][name].as_u64().with_context(|| format!("the audit has no total of '{name}'"))
}

/// Parts, sidecars and manifest; the queue's segments are transient.
fn store_bytes(data: &Path) -> u64 {
    process::folder_bytes(&data.join("store"))
}
