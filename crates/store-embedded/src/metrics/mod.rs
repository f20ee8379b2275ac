//! Points of time series in a folder: the metrics store of one machine.
//!
//! ```text
//! journal-00000012.log                     what was written of late, synced before `write` returns
//! 2026-11-21.00000003-00000011.chunk       a day's points, column by column; which heads it was made of
//! ```
//!
//! Decision: a point is journaled, then kept in a [`head`] in memory; a full head becomes one chunk for each day that it
//! has points of, and its journals are removed. The chunks of a day are merged once there are several. There is no
//! manifest: a point may be in a journal and in chunks at once, the one written later counts, and the names of chunks
//! say which is later and which has taken the place of others. So a crash at any moment leaves nothing to repair.
//!
//! Bounded: series, bytes in memory, size of blocks. Retention removes days.

mod chunk;
mod folder;
mod head;
mod journal;
mod registry;
mod select;
mod upkeep;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{ByteSize, Clock};
use model::Point;
use parking_lot::{Mutex, RwLock};
use store::StoreError;
use store::metrics::{
    MeasurementInfo, PointReader, PointRefusal, PointWriter, SeriesAnswer, SeriesRequest, TAG_VALUES_MAX,
};

use chunk::Chunk;
use head::Head;
use journal::Journal;
use registry::Registry;

/// Settings of a metrics store.
#[derive(Clone)]
pub struct MetricsOptions {
    /// Days that ended longer ago are removed. `None`: never.
    pub retention_age: Option<Duration>,
    /// Series beyond these are refused.
    pub series_max: usize,
    /// Bytes of points in memory before they become chunks. Up to three times as much is in memory.
    pub head_bytes: ByteSize,
    /// Tells the time, for retention.
    pub clock: Arc<dyn Clock>,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            retention_age: None,
            series_max: 100_000,
            head_bytes: ByteSize::mib(16),
            clock: Arc::new(runtime::SystemClock),
        }
    }
}

/// A metrics store in a folder. Cheap to clone.
#[derive(Clone)]
pub struct EmbeddedMetrics(Arc<Core>);

/// What all clones share.
struct Core {
    folder: PathBuf,
    options: MetricsOptions,
    state: RwLock<State>,
    waiting: Mutex<Vec<write::Waiting>>,
    journal: Mutex<Journal>,
    /// Held by whoever makes chunks.
    upkeep: Mutex<upkeep::Upkeep>,
}

/// What can be read.
#[derive(Default)]
struct State {
    registry: Registry,
    /// What came last.
    head: Head,
    /// What becomes chunks just now.
    frozen: Option<Arc<Head>>,
    /// By day, the older first.
    chunks: Vec<Arc<Chunk>>,
}

impl EmbeddedMetrics {
    /// Opens the store in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// Where the folder cannot be used, or was written by a newer logdrive.
    pub fn open(folder: &Path, options: MetricsOptions) -> Result<Self, StoreError> {
        let core = Core::open(folder, options)?;
        core.tidy_up()?;
        Ok(Self(Arc::new(core)))
    }
}

#[async_trait]
impl PointWriter for EmbeddedMetrics {
    async fn write(&self, points: &[Point]) -> Result<Vec<PointRefusal>, StoreError> {
        let (core, points) = (Arc::clone(&self.0), points.to_vec());
        self.0.done(runtime::blocking(move || core.write(points)).await)
    }
}

#[async_trait]
impl PointReader for EmbeddedMetrics {
    async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError> {
        Ok(self.0.state.read().registry.measurements())
    }

    async fn tag_values(&self, measurement: &str, tag: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        Ok(self.0.state.read().registry.tag_values(measurement, tag, limit.min(TAG_VALUES_MAX)))
    }

    async fn series(&self, request: &SeriesRequest) -> Result<SeriesAnswer, StoreError> {
        request.check()?;
        let (core, request) = (Arc::clone(&self.0), request.clone());
        self.0.done(runtime::blocking(move || core.select(&request)).await)
    }
}

impl Core {
    fn done<T>(&self, work: Result<Result<T, StoreError>, runtime::Panicked>) -> Result<T, StoreError> {
        work.unwrap_or_else(|_| {
            let at = self.folder.display().to_string();
            Err(StoreError::Unavailable { at, reason: "its work was ended; see the log".to_owned() })
        })
    }
}
