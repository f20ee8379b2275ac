//! The settings of a store.

use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock};

/// The settings of a store; the defaults suit one process with everything in it.
#[derive(Clone)]
pub struct Options {
    /// Bytes of lines gathered before a part is made. Up to three times as much is in memory.
    pub head_bytes: ByteSize,
    /// A part is made at the latest so long after its first record came in.
    pub head_age: Duration,
    /// Parts whose newest record is older are removed. `None`: never.
    pub retention_age: Option<Duration>,
    /// The oldest parts are removed while all are larger together. `None`: no bound.
    pub retention_bytes: Option<ByteSize>,
    /// Nothing is taken while less than this is free on the disk.
    pub free_bytes_min: ByteSize,
    /// Threads that make parts.
    pub seal_threads: usize,
    /// Whether small parts are merged in the background.
    pub merge: bool,
    /// What followers may hold.
    pub tail: store::TailLimits,
    /// Tells the time, for retention by age.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            head_bytes: ByteSize::mib(24),
            head_age: Duration::from_secs(30),
            retention_age: None,
            retention_bytes: None,
            free_bytes_min: ByteSize::mib(256),
            seal_threads: 2,
            merge: true,
            tail: store::TailLimits::default(),
            clock: Arc::new(runtime::SystemClock),
        }
    }
}
