//! Reads the kernel's files and turns them into the points of one moment.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base::Timestamp;
use rustix::fs::{Dir, Mode, OFlags, open, openat, statvfs};

use super::cpu::Spent;
use super::disk::{Mount, Room};
use super::points::Points;
use super::processes::Tally;
use super::{cpu, disk, memory, net, pressure, processes, system};

/// Longest text read of one file.
const TEXT_MAX: u64 = 4 << 20;
/// What is mounted is looked at every so many samples: it seldom changes.
const MOUNTS_EVERY: u64 = 6;

/// Measures this machine.
#[derive(Debug)]
pub struct Sampler {
    proc: PathBuf,
    host: String,
    /// What the processors had spent at the last look.
    before: cpu::Spent,
    /// What the disks had done.
    done: disk::Done,
    /// When the last sample was.
    last: Option<Timestamp>,
    /// Samples until processes are counted again.
    count_in: u64,
    mounts: Vec<Mount>,
    samples: u64,
    text: String,
}

impl Sampler {
    /// Takes a first look: what is spent is measured from now on. `proc` is where the kernel shows itself.
    pub fn new(proc: &Path, host: &str) -> Self {
        let mut sampler = Self {
            proc: proc.to_owned(),
            host: host.to_owned(),
            before: Spent::default(),
            done: disk::Done::default(),
            last: None,
            count_in: 0,
            mounts: Vec::new(),
            samples: 0,
            text: String::new(),
        };
        sampler.before = Spent::read(sampler.read("stat"));
        sampler
    }

    /// The points of this moment, which they say is `at`.
    pub fn sample(&mut self, at: Timestamp) -> Points {
        let host = self.host.clone();
        let mut points = Points::new(&host, at);
        let spent = Spent::read(self.read("stat"));
        let stat = std::mem::take(&mut self.text);
        system::add_kernel(&stat, self.read("sys/kernel/random/entropy_avail"), &mut points);
        spent.add_since(&self.before, &mut points);
        let processors = spent.processors();
        self.before = spent;
        let loadavg = self.read("loadavg").to_owned();
        system::add_system(&loadavg, self.read("uptime"), processors, &mut points);
        let vmstat = self.read("vmstat").to_owned();
        memory::add(self.read("meminfo"), &vmstat, &mut points);
        let passed = self.last.replace(at).map_or(0, |last| at.as_micros() - last.as_micros());
        let mut done = std::mem::take(&mut self.done);
        done.add(self.read("diskstats"), passed, &mut points);
        self.done = done;
        net::add(self.read("net/dev"), &mut points);
        for resource in pressure::RESOURCES {
            pressure::add(resource, self.read(&format!("pressure/{resource}")), &mut points);
        }
        self.add_disks(&mut points);
        self.add_processes(&loadavg, &mut points);
        self.samples += 1;
        points
    }

    /// The text of a file; empty where there is none: kernels differ in what they show.
    fn read(&mut self, name: &str) -> &str {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.clear();
        let read = File::open(self.proc.join(name)).and_then(|file| file.take(TEXT_MAX).read_to_end(&mut bytes));
        if read.is_err() {
            bytes.clear();
        }
        // Paths may hold anything.
        self.text =
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        &self.text
    }

    fn add_disks(&mut self, points: &mut Points) {
        if self.samples.is_multiple_of(MOUNTS_EVERY) {
            let filesystems = self.read("filesystems").to_owned();
            self.mounts = disk::mounts(self.read("self/mountinfo"), &filesystems);
        }
        for mount in &self.mounts {
            // One that is gone, or that we may not see, has no room to tell of.
            if let Ok(said) = statvfs(mount.path.as_str()) {
                let bytes = |blocks: u64| blocks.saturating_mul(said.f_frsize);
                let room = Room {
                    total: bytes(said.f_blocks),
                    free: bytes(said.f_bavail),
                    used: bytes(said.f_blocks.saturating_sub(said.f_bfree)),
                    inodes_total: said.f_files,
                    inodes_free: said.f_ffree,
                };
                disk::add_disk(mount, room, points);
            }
        }
    }

    fn add_processes(&mut self, loadavg: &str, points: &mut Points) {
        self.count_in = self.count_in.saturating_sub(1);
        let counted = if self.count_in == 0 { count(&self.proc) } else { None };
        if let Some(tally) = counted {
            self.count_in = tally.rest();
            tally.add(points);
        } else if let Some(threads) = system::threads(loadavg) {
            processes::add_threads(threads, points);
        }
    }
}

/// Looks at every process. One that ends meanwhile is not counted.
fn count(proc: &Path) -> Option<Tally> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = open(proc, flags | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let mut tally = Tally::default();
    let mut text = [0; 1024];
    for entry in Dir::read_from(&folder).ok()? {
        let Ok(entry) = entry else { break };
        let name = entry.file_name().to_bytes();
        if !name.first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let path = [name, b"/stat"].concat();
        let Ok(stat) = openat(&folder, path, flags, Mode::empty()) else { continue };
        if let Ok(len) = rustix::io::read(&stat, &mut text) {
            tally.count(&text[..len]);
        }
    }
    (tally != Tally::default()).then_some(tally)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use codec::line_protocol::{Precision, lines, parse};

    use super::*;

    #[test]
    fn measures_the_machine_it_runs_on() {
        let mut sampler = Sampler::new(Path::new("/proc"), "this, machine");
        let at = Timestamp::from_micros(1_790_000_000_000_000);
        // Time must pass for processors to have spent any.
        let begun = Spent::read(&std::fs::read_to_string("/proc/stat").expect("Linux"));
        while Spent::read(&std::fs::read_to_string("/proc/stat").expect("Linux")) == begun {
            std::thread::yield_now();
        }
        let text = sampler.sample(at).lines();
        let mut found = BTreeSet::new();
        for line in lines(&text) {
            let point = parse(line, Precision::Nanoseconds, Timestamp::MIN).expect("line protocol");
            assert_eq!(point.time, at);
            assert!(point.tags.contains(&("host".to_owned(), "this, machine".to_owned())), "{point:?}");
            found.insert(point.measurement);
        }
        for measurement in ["cpu", "mem", "swap", "system", "kernel", "disk", "processes"] {
            assert!(found.contains(measurement), "{measurement} is missing in {found:?}");
        }
    }

    #[test]
    fn where_there_is_nothing_to_read_there_are_no_points() {
        let empty = tempfile::tempdir().expect("a folder");
        let mut sampler = Sampler::new(empty.path(), "h");
        assert_eq!(sampler.sample(Timestamp::from_micros(0)).shown(), ["processes blocked=0i"; 0].map(str::to_owned));
    }
}
