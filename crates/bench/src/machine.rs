//! On what a figure was measured.

use std::process::Command;

use serde_json::{Value, json};

/// Processor, cores, memory, kernel, compiler, commit.
pub fn describe() -> Value {
    let cpu = file("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let memory = file("/proc/meminfo");
    let total: u64 = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0);
    json!({
        "cpu": model.trim_start_matches([' ', '\t', ':']).trim(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_mib": total / 1024,
        "kernel": file("/proc/sys/kernel/osrelease").trim(),
        "rustc": said_by("rustc", &["--version"]),
        "commit": said_by("git", &["rev-parse", "--short", "HEAD"]),
        "changed": !said_by("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty(),
    })
}

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// What a program says; nothing where it is not there.
pub fn said_by(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
