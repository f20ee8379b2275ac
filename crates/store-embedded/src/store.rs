//! The store as a whole: opening, committing, ending.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{ByteSize, Intervals};
use model::Cursors;
use parking_lot::{Condvar, Mutex, MutexGuard};
use runtime::JoinHandle;
use store::{StoreError, TailHub};
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use crate::head::Head;
use crate::manifest::{Change, Manifest, PartMeta, io};
use crate::part::{OpenCache, Part};
use crate::search::CountCache;
use crate::{Options, Snapshot, clean, seal, upkeep};

/// Questions that are worked on at a time.
const QUESTIONS_MAX: usize = 4;

/// A store in a folder. Ends its threads when it is dropped; what is not in a part by then is not durable (call
/// [`store::Writer::flush`] before), and comes again from the queue.
pub struct EmbeddedStore {
    pub(crate) inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
}

pub(crate) struct Inner {
    pub dir: PathBuf,
    pub options: Options,
    pub head: Mutex<Head>,
    /// Told when there is something for the threads to do.
    pub work: Condvar,
    /// All commits go through it, one after the other. Taken before `head`, never while that is held.
    manifest: Mutex<Manifest>,
    /// Moves whenever something was sealed or failed to be.
    pub progress: watch::Sender<u64>,
    pub durable: watch::Sender<Cursors>,
    pub hub: TailHub,
    pub cache: Arc<OpenCache>,
    pub counts: Arc<CountCache>,
    /// Turns of those who ask: more at a time would only slow each other.
    pub questions: Arc<Semaphore>,
    /// What was found damaged and put aside: file, reason.
    pub quarantined: Mutex<Vec<(String, String)>>,
    /// See [`Options::free_bytes_min`], which may change.
    pub free_bytes_min: AtomicU64,
    /// Held while the store is open.
    _lock: File,
}

impl EmbeddedStore {
    /// Opens the store in `dir`, which is made if there is none.
    ///
    /// # Errors
    /// `Unavailable` where another process has it open, `Version` where a newer logdrive wrote it, `Corrupt` where its
    /// manifest is damaged, `Io` where the system refuses. A damaged part is put aside, and no error.
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Self>, StoreError> {
        std::fs::create_dir_all(dir).map_err(io("create", dir))?;
        let lock = lock(dir)?;
        let (mut manifest, mut state) = Manifest::open(dir)?;
        clean::remove_orphans(dir, &state, manifest.is_cut());
        let (damaged, quarantined) = clean::quarantine_damaged(dir, &state);
        if !damaged.removed.is_empty() {
            manifest.commit(&damaged, || state.clone())?;
            state.apply(damaged);
        }
        let cache = Arc::<OpenCache>::default();
        let parts: Vec<_> =
            state.parts.values().map(|meta| Arc::new(Part::new(dir, meta.clone(), cache.clone()))).collect();
        info!(dir = %dir.display(), parts = parts.len(), "store opened");
        let inner = Arc::new(Inner {
            dir: dir.to_owned(),
            head: Mutex::new(Head::new(state.clone(), parts)),
            work: Condvar::new(),
            manifest: Mutex::new(manifest),
            progress: watch::Sender::new(0),
            durable: watch::Sender::new(state.cursors),
            hub: TailHub::new(options.tail),
            cache,
            counts: Arc::default(),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            quarantined: Mutex::new(quarantined),
            free_bytes_min: AtomicU64::new(options.free_bytes_min.0),
            options,
            _lock: lock,
        });
        inner.look_at_free_space();
        let threads = start(&inner)?;
        Ok(Arc::new(Self { inner, threads }))
    }

    /// Everything held at this moment.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// What was found damaged and put aside: file, reason.
    pub fn quarantined(&self) -> Vec<(String, String)> {
        self.inner.quarantined.lock().clone()
    }

    /// Changes how much must be free on the disk for anything to be taken.
    pub fn set_free_bytes_min(&self, free_bytes_min: ByteSize) {
        self.inner.free_bytes_min.store(free_bytes_min.0, Ordering::Relaxed);
        self.inner.look_at_free_space();
    }

    /// Where followers are fed from.
    pub fn hub(&self) -> &TailHub {
        &self.inner.hub
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.inner.head.lock().stop = true;
        self.inner.work.notify_all();
        self.inner.tick();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                warn!("a thread of the store panicked");
            }
        }
    }
}

/// Two processes in one folder would take each other's files for orphans.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("_lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable {
            at: dir.display().to_string(),
            reason: "another process has it open; stop that one or use another folder".to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(io("lock", &path)(error)),
    }
}

fn start(inner: &Arc<Inner>) -> Result<Vec<JoinHandle<()>>, StoreError> {
    let refused = |error| io("start a thread for", &inner.dir)(error);
    let mut threads = Vec::new();
    for n in 0..inner.options.seal_threads.max(1) {
        let inner = inner.clone();
        threads.push(runtime::spawn_thread(&format!("store-seal-{n}"), move || seal::run(&inner)).map_err(refused)?);
    }
    let upkeep = inner.clone();
    threads.push(runtime::spawn_thread("store-upkeep", move || upkeep::run(&upkeep)).map_err(refused)?);
    Ok(threads)
}

impl Inner {
    pub fn snapshot(&self) -> Snapshot {
        let head = self.head.lock();
        let batches = head.generations().flat_map(|generation| generation.batches.iter().cloned()).collect();
        Snapshot { head: batches, parts: head.parts.clone() }
    }

    pub const fn head_bytes(&self) -> u64 {
        self.options.head_bytes.0
    }

    /// Closes the active generation, if there is room for it.
    pub fn rotate(&self, head: &mut MutexGuard<'_, Head>) -> bool {
        let can = head.can_rotate();
        if can {
            if head.is_full(self.head_bytes()) {
                head.filled_at = Some(std::time::Instant::now());
            }
            head.rotate();
            self.work.notify_all();
        }
        can
    }

    /// Tells whoever waits that something moved.
    pub fn tick(&self) {
        self.progress.send_modify(|count| *count += 1);
    }

    /// Makes a change durable, then visible together with what `show` does to the head.
    pub fn commit(&self, change: Change, show: impl FnOnce(&mut Head)) -> Result<(), StoreError> {
        self.commit_with(|_| Ok(change), show)
    }

    /// As [`Inner::commit`], for a change that depends on the state: nobody else changes that meanwhile.
    pub fn commit_with(
        &self,
        change: impl FnOnce(&Head) -> Result<Change, StoreError>,
        show: impl FnOnce(&mut Head),
    ) -> Result<(), StoreError> {
        let mut manifest = self.manifest.lock();
        let change = change(&self.head.lock())?;
        manifest.commit(&change, || self.head.lock().state.clone())?;
        let mut head = self.head.lock();
        let added: Vec<u64> = change.added.iter().map(|part| part.id).collect();
        let removed = change.removed.clone();
        head.state.apply(change);
        let Head { state, parts, .. } = &mut *head;
        parts.retain(|part| {
            let goes = removed.contains(&part.id());
            if goes {
                part.doom();
            }
            !goes
        });
        let metas = added.iter().filter_map(|id| state.parts.get(id));
        parts.extend(metas.map(|meta| Arc::new(Part::new(&self.dir, meta.clone(), self.cache.clone()))));
        show(&mut head);
        Ok(())
    }

    /// A number for a new part, never used before in this process.
    pub fn reserve_part(&self) -> u64 {
        let mut head = self.head.lock();
        let id = head.state.next_part;
        head.state.next_part += 1;
        id
    }

    pub fn closed(&self) -> StoreError {
        StoreError::Unavailable { at: self.dir.display().to_string(), reason: "it is shutting down".to_owned() }
    }

    pub fn exhausted(&self, reason: String) -> StoreError {
        StoreError::Exhausted { at: self.dir.display().to_string(), reason }
    }
}

/// Takes parts out of what is stored of their sources; where they expired, that is noted.
pub(crate) fn removal(
    state: &crate::manifest::State,
    parts: &[Arc<PartMeta>],
    expired: bool,
) -> Result<Change, StoreError> {
    let mut change = Change { removed: parts.iter().map(|part| part.id).collect(), ..Change::default() };
    let mut gone: std::collections::BTreeMap<u32, Intervals> = std::collections::BTreeMap::new();
    for part in parts {
        for (number, ranges) in crate::clean::sources_of(part)? {
            gone.entry(number).or_default().extend(&ranges);
        }
    }
    for (number, ranges) in gone {
        let Some(source) = state.sources.get(number as usize) else { continue };
        let mut source = crate::manifest::SourceChange::of(source.key);
        if expired {
            source.expired = ranges.clone();
        }
        source.gone = ranges;
        change.sources.push(source);
    }
    Ok(change)
}
