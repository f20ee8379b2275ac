//! A part as the store holds it: what the manifest knows, open or not, to be removed or not.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use base::Timestamp;
use parking_lot::Mutex;
use store::StoreError;

use super::OpenPart;
use crate::manifest::PartMeta;

/// Parts kept open at a time.
const OPEN_MAX: usize = 256;

/// One part. Whoever holds it can read it, also after it was removed from the store: its files go when the last holder
/// lets go.
pub struct Part {
    meta: Arc<PartMeta>,
    dir: PathBuf,
    opened: Mutex<Option<Arc<OpenPart>>>,
    cache: Arc<OpenCache>,
    doomed: AtomicBool,
    damage: Arc<OnceLock<String>>,
}

/// Which parts are open; the one opened first is closed first.
#[derive(Default)]
pub(crate) struct OpenCache(Mutex<VecDeque<Weak<Part>>>);

impl Part {
    pub(crate) fn new(dir: &Path, meta: Arc<PartMeta>, cache: Arc<OpenCache>) -> Self {
        let (opened, doomed, damage) = (Mutex::default(), AtomicBool::new(false), Arc::default());
        Self { meta, dir: dir.to_owned(), opened, cache, doomed, damage }
    }

    pub(crate) fn meta(&self) -> &PartMeta {
        &self.meta
    }

    /// Its number; ascends with the time of making.
    pub fn id(&self) -> u64 {
        self.meta.id
    }

    /// The earliest time in it.
    pub fn min_time(&self) -> Timestamp {
        self.meta.min_time
    }

    /// The latest time in it.
    pub fn max_time(&self) -> Timestamp {
        self.meta.max_time
    }

    /// Its records.
    pub fn rows(&self) -> u64 {
        self.meta.rows
    }

    /// Bytes of its lines.
    pub fn line_bytes(&self) -> u64 {
        self.meta.line_bytes
    }

    /// Its Parquet file.
    pub fn path(&self) -> PathBuf {
        self.dir.join(self.meta.parquet_name())
    }

    pub(crate) fn sidecar_path(&self) -> PathBuf {
        self.dir.join(self.meta.sidecar_name())
    }

    /// Opens it, or finds it open.
    ///
    /// # Errors
    /// `Io`, `Corrupt` or `Version`. A part found damaged is taken out of the store soon after: skip it, and mark the
    /// answer incomplete.
    pub fn open(self: &Arc<Self>) -> Result<Arc<OpenPart>, StoreError> {
        if let Some(open) = &*self.opened.lock() {
            return Ok(open.clone());
        }
        let open = Arc::new(OpenPart::open(&self.path(), &self.sidecar_path(), self.damage.clone())?);
        *self.opened.lock() = Some(open.clone());
        self.cache.note(self);
        Ok(open)
    }

    /// Its files are removed when nobody holds it any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }

    /// Why it cannot be read, if that was found out.
    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            for path in [self.path(), self.sidecar_path()] {
                if let Err(error) = std::fs::remove_file(&path)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a file of a removed part");
                }
            }
            // The folder of its day goes with its last part.
            if let Some(day) = self.path().parent() {
                let _ = std::fs::remove_dir(day);
            }
        }
    }
}

impl OpenCache {
    fn note(&self, part: &Arc<Part>) {
        let mut open = self.0.lock();
        open.push_back(Arc::downgrade(part));
        while open.len() > OPEN_MAX {
            let oldest = open.pop_front().and_then(|part| part.upgrade());
            if let Some(oldest) = oldest.filter(|oldest| !Arc::ptr_eq(oldest, part)) {
                *oldest.opened.lock() = None;
            }
        }
    }
}
