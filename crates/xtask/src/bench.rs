//! `cargo xtask bench`: the table of figures, from a release build, with the real servers that some of it wants.

use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{BINARY_VAR, cargo, root, run, target};
use crate::test::{Guard, start};

/// Measurements and the servers that they want.
const WANTED: [(&str, &[&str]); 3] =
    [("kafka", &["kafka"]), ("outage", &["kafka"]), ("opensearch", &["kafka", "opensearch"])];

/// `cargo xtask bench`
pub fn command(args: &[String]) -> Result<()> {
    run(cargo(&["build", "--release", "--locked", "-p", "logdrive", "-p", "bench"]))?;
    let mut bench = Command::new(target().join("release/bench"));
    bench.env(BINARY_VAR, target().join("release/logdrive")).args(args).current_dir(root());
    let set = format!("bench-{}", std::process::id());
    let _guard = Guard::over(&set)?;
    let servers = start(&set, &wanted(args))?;
    for failed in &servers.failed {
        eprintln!("note: {failed}; what wants it is left out");
    }
    let xtask = std::env::current_exe().context("a program knows its own path")?;
    bench.envs(servers.lines).env("LOGDRIVE_XTASK", xtask).env("LOGDRIVE_BENCH_SET", set);
    run(bench)
}

/// The servers that what is asked for wants; everything is, where nothing is named.
fn wanted(args: &[String]) -> Vec<&'static str> {
    let only: Vec<&String> = args.windows(2).filter(|pair| pair[0] == "--only").map(|pair| &pair[1]).collect();
    let is_asked = |name: &str| only.is_empty() || only.iter().any(|only| *only == name);
    let mut servers: Vec<_> =
        WANTED.iter().filter(|(name, _)| is_asked(name)).flat_map(|(_, servers)| servers.iter().copied()).collect();
    servers.sort_unstable();
    servers.dedup();
    servers
}
