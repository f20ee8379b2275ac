//! What the agent tells about itself: reports of sources, problems with paths, counters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Timestamp;
use model::SourceReport;
use parking_lot::Mutex;

use crate::ledger::{Entry, Ledger};

/// Something that keeps a path from being followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which path.
    pub path: String,
    /// What is wrong, and what will be done about it.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $metric:literal,)*) => {
        /// Counters and gauges of the agent.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $($(#[$doc])* pub $name: AtomicU64,)* }

        /// The counters and gauges at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            pub(crate) fn stats(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Stats {
            /// Every figure with its name as a metric.
            pub fn metrics(&self) -> Vec<(&'static str, u64)> {
                vec![$(($metric, self.$name),)*]
            }
        }
    };
}

counters! {
    /// Bytes cut into batches.
    read_bytes: "logdrive_agent_read_bytes_total",
    /// Lines cut into batches.
    read_lines: "logdrive_agent_read_lines_total",
    /// Records cut into batches.
    read_records: "logdrive_agent_read_records_total",
    /// Batches handed to the queue.
    sent_batches: "logdrive_agent_sent_batches_total",
    /// Bytes of payload handed to the queue, as carried.
    sent_bytes: "logdrive_agent_sent_bytes_total",
    /// Batches that had to be sent again.
    resent_batches: "logdrive_agent_resent_batches_total",
    /// Batches that the queue already had.
    duplicate_batches: "logdrive_agent_duplicate_batches_total",
    /// Bytes that will never be read.
    missed_bytes: "logdrive_agent_missed_bytes_total",
    /// Truncations seen.
    truncations: "logdrive_agent_truncations_total",
    /// Faults while a file was handled.
    faults: "logdrive_agent_faults_total",
    /// Rounds of the reader.
    rounds: "logdrive_agent_rounds_total",
    /// Scans of all followed paths.
    scans: "logdrive_agent_scans_total",
    /// Batches sent once more, as a crash or a fault left it open whether the queue has them.
    repeated_batches: "logdrive_agent_repeated_batches_total",
    /// Samples of this machine.
    host_samples: "logdrive_agent_host_samples_total",
    /// Samples of this machine that were dropped, as the queue took none for too long.
    host_samples_dropped: "logdrive_agent_host_samples_dropped_total",
    /// Bytes of the checkpoints that survive a crash of the machine for sure.
    checkpoint_synced_bytes: "logdrive_agent_checkpoint_synced_bytes",
    /// Files followed or drained now.
    files: "logdrive_agent_files",
    /// Files open now.
    open_files: "logdrive_agent_open_files",
    /// Bytes of deleted files held open now.
    deleted_held_bytes: "logdrive_agent_deleted_held_bytes",
    /// Bytes of memory in flight now.
    in_flight_bytes: "logdrive_agent_in_flight_bytes",
    /// Folders watched now.
    watched_folders: "logdrive_agent_watched_folders",
}

/// What the reader shares with whoever asks.
#[derive(Default)]
pub(crate) struct Shared {
    pub ledger: Mutex<Ledger>,
    pub problems: Mutex<BTreeMap<String, Problem>>,
    pub counters: Counters,
}

/// So many problems are told.
const PROBLEMS_MAX: usize = 1000;

impl Shared {
    /// The reports of all sources that are known.
    pub fn reports(&self) -> Vec<SourceReport> {
        let ledger = self.ledger.lock();
        let with_facts = |entry: &Entry| SourceReport { file: ledger.facts(entry), ..entry.report.clone() };
        ledger.entries().filter(|entry| entry.copy_of.is_none()).map(with_facts).collect()
    }

    /// Notes that a path is in trouble, and says so in the log when it is news.
    pub fn trouble(&self, path: &str, reason: String, now: Timestamp) {
        let mut problems = self.problems.lock();
        if problems.get(path).is_some_and(|known| known.reason == reason) {
            return;
        }
        if problems.len() < PROBLEMS_MAX || problems.contains_key(path) {
            tracing::warn!(path, reason, "a path cannot be followed as asked");
            problems.insert(path.to_owned(), Problem { path: path.to_owned(), reason, since: now });
        }
    }

    /// Notes that a path is well.
    pub fn well(&self, path: &str) {
        let mut problems = self.problems.lock();
        if !problems.is_empty() && problems.remove(path).is_some() {
            tracing::info!(path, "the path is well again");
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

pub(crate) fn set(gauge: &AtomicU64, n: usize) {
    gauge.store(n as u64, Ordering::Relaxed);
}
