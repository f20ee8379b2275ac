//! The bounds of an embedded queue.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use runtime::SystemClock;

/// How an embedded queue behaves. Every bound is per topic unless it says otherwise.
#[derive(Clone)]
pub struct Options {
    /// Partitions of a topic that is made new; one that is there keeps what it has.
    pub partitions: u32,
    /// When a segment file is full, in bytes. At most a quarter of what a partition may hold.
    pub segment_bytes: u64,
    /// Most bytes on disk. What groups have not read is never removed for it: producers get back-pressure.
    pub max_bytes: u64,
    /// So many bytes that every group has passed are kept nevertheless.
    pub keep_bytes: u64,
    /// What every group has passed is removed once it is older, even within `keep_bytes`.
    pub keep_age: Duration,
    /// Files do not grow while the disk has less free space than this, in bytes.
    pub reserve_free: u64,
    /// Most bytes taken and not yet durable, per partition.
    pub max_in_flight: usize,
    /// Most bytes made durable by one sync.
    pub group_bytes: usize,
    /// Longest payload, in bytes.
    pub max_batch: usize,
    /// So many files of removed segments are kept to be written again, per partition, while appends flow.
    pub recycle: usize,
    /// Without appends for so long, unused files are given back to the disk.
    pub idle_after: Duration,
    /// A source that has not grown for so long is forgotten.
    pub forget_sources_after: Duration,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            partitions: 1,
            segment_bytes: 64 << 20,
            max_bytes: 8 << 30,
            keep_bytes: 0,
            keep_age: Duration::from_secs(24 * 3600),
            reserve_free: 256 << 20,
            max_in_flight: 32 << 20,
            group_bytes: 8 << 20,
            max_batch: 16 << 20,
            recycle: 8,
            idle_after: Duration::from_secs(2),
            forget_sources_after: Duration::from_secs(30 * 24 * 3600),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Options {
    /// With what follows from other values made to fit.
    pub(crate) fn fitted(mut self) -> Self {
        self.partitions = self.partitions.clamp(1, 1024);
        self.segment_bytes = self.segment_bytes.min(self.max_bytes / u64::from(self.partitions) / 4).max(4096);
        self
    }
}
