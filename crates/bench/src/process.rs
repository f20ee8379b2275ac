//! What a process uses, as the kernel counts it.

use std::path::Path;

use anyhow::{Context, Result};

/// CPU seconds of a process so far, user and system, all threads. The kernel counts in hundredths.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; the numbers follow it.
    let after = stat.rsplit_once(')').context("/proc/PID/stat")?.1;
    let field = |n: usize| after.split_whitespace().nth(n).and_then(|text| text.parse::<f64>().ok());
    let ticks = field(11).context("utime")? + field(12).context("stime")?;
    Ok(ticks / 100.0)
}

/// CPU seconds of this process.
pub fn own_cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Resident bytes now and at most so far.
pub fn memory(pid: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Ok((field("VmRSS:").context("VmRSS")? << 10, field("VmHWM:").context("VmHWM")? << 10))
}

/// Bytes of all files below a folder.
pub fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// CPU seconds of a child that was told to end, when it has ended (it must not have been waited for yet).
pub fn cpu_at_end(pid: u32) -> Result<f64> {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state == Some('Z') {
            return cpu_seconds(pid);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
