//! The measurements, one file each.

mod agent;
mod chain;
mod hold;
mod ingest;
mod kafka;
mod latency;
mod outage;
mod restart;
mod search;
mod yardstick;

pub use hold::pace;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::generate::Input;
use crate::report::Figure;

/// What a measurement is given.
pub struct Env {
    pub input: Input,
    /// Where it may write.
    pub folder: PathBuf,
}

type Measure = fn(&Env) -> Result<Vec<Figure>>;

/// Name, what it measures, and how.
pub const MEASUREMENTS: [(&str, &str, Measure); 12] = [
    ("yardstick", "zstd -1 and grep over the same files", yardstick::measure),
    ("agent", "file to blackhole: speed and memory of the agent alone", agent::blackhole),
    ("queue", "file to embedded queue, durable, by codec", agent::queue),
    ("hold", "what the agent uses at 10 MB/s", hold::measure),
    ("ingest", "file to searchable, all stages: CPU, wall, memory, disk", ingest::measure),
    ("latency", "line written to line found, light load", latency::measure),
    ("search", "searching all of it on one core", search::measure),
    ("restart", "kill -9 with everything in queue and store, until lines flow", restart::measure),
    ("kafka", "file to Kafka, acks=all, compressed; and peers (wants KAFKA)", kafka::measure),
    ("outage", "a broker that is away under load (wants KAFKA)", outage::measure),
    ("opensearch", "Kafka to OpenSearch (wants KAFKA and OPENSEARCH)", chain::opensearch),
    ("host", "what host metrics cost", chain::host_metrics),
];

impl Env {
    pub fn new(input: Input, folder: &Path) -> Result<Self> {
        let folder = folder.join("work");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { input, folder })
    }

    /// The input in bytes of 10⁹.
    pub fn gigabytes(&self) -> f64 {
        self.input.bytes as f64 / 1e9
    }

    /// The folders that are followed.
    pub fn followed(&self) -> Vec<&Path> {
        self.input.files.iter().filter_map(|file| file.parent()).collect()
    }

    /// A folder of the measurement's own, empty.
    pub fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// Tries until there is an answer; the pause is short, because the wait is what is measured.
pub fn until<T>(what: &str, pause: Duration, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(300) {
        if let Some(answer) = attempt()? {
            return Ok(answer);
        }
        std::thread::sleep(pause);
    }
    bail!("{what}: not within five minutes")
}

/// The value below which this share of the values is; sorts them.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1));
    values.get(at - 1).copied().unwrap_or(f64::NAN)
}
