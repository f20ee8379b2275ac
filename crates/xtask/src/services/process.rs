//! A process of ours, by id and start time, so that a reused id is never taken for it.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// Who a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id, which the kernel gives to others later.
    pub pid: i32,
    /// When it began, in ticks since the machine began.
    pub started: u64,
}

impl Process {
    /// The one that runs now under this id.
    pub fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Some(Self { pid, started: stat(pid)?.started })
    }

    /// Whether it still runs. A dead one that nobody has waited for does not.
    pub fn alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && !matches!(stat.state, 'Z' | 'X'))
    }

    /// Sends a signal, to nobody else but it.
    pub fn signal(self, signal: Signal) {
        if let (true, Some(pid)) = (self.alive(), Pid::from_raw(self.pid)) {
            // It may end between the look and the signal: then there is nothing to do.
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends it: politely, then not.
    pub fn end(self, patience: Duration) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
        if !self.gone_within(patience) {
            self.signal(Signal::KILL);
            self.gone_within(Duration::from_secs(10));
        }
    }

    /// Waits for its end.
    pub fn gone_within(self, limit: Duration) -> bool {
        let began = Instant::now();
        while self.alive() {
            if began.elapsed() > limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Resident memory in MiB, and how it is: `running`, `paused`.
    pub fn shown(self) -> (u64, &'static str) {
        let paused = stat(self.pid).is_some_and(|stat| stat.state == 'T');
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        (kib.unwrap_or(0_u64) / 1024, if paused { "paused" } else { "running" })
    }
}

struct Stat {
    state: char,
    started: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; what follows it are plain words.
    let mut words = line[line.rfind(')')? + 1..].split_whitespace();
    let state = words.next()?.chars().next()?;
    Some(Stat { state, started: words.nth(18)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_from_others() {
        let own = Process::of(std::process::id()).unwrap();
        assert!(own.alive());
        assert!(!Process { started: own.started + 1, ..own }.alive());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        process.signal(Signal::STOP);
        while process.shown().1 != "paused" {
            std::thread::yield_now();
        }
        process.end(Duration::from_secs(10));
        assert!(!process.alive(), "a dead child that nobody has waited for is dead");
        child.wait().unwrap();
    }
}
