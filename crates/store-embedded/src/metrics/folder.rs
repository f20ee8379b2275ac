//! Opening the folder: which files count, and what they hold.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::{FieldValue, Point};
use parking_lot::{Mutex, RwLock};
use store::StoreError;
use store::metrics::number;

use super::chunk::{self, Chunk, ChunkName};
use super::journal::{self, Journal};
use super::upkeep::Upkeep;
use super::{Core, MetricsOptions, State};

/// An error of the system as the store's.
pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Exhausted {
            at: path.clone(),
            reason: format!("cannot {action} it: {error}; free some of the disk, or set metrics.retention_age"),
        },
        _ => StoreError::Io { action, path: path.clone(), reason: error.to_string() },
    }
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

/// What is in a folder.
#[derive(Default)]
struct Listing {
    journals: Vec<u64>,
    chunks: BTreeMap<i64, Vec<ChunkName>>,
}

fn list(folder: &Path) -> Result<Listing, StoreError> {
    let mut found = Listing::default();
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let name = entry.map_err(failed("list", folder))?.file_name().to_string_lossy().into_owned();
        if let Some(number) = journal::number_of(&name) {
            found.journals.push(number);
        } else if let Some(chunk) = ChunkName::parse(&name) {
            found.chunks.entry(chunk.day).or_default().push(chunk);
        } else if name.ends_with(chunk::UNFINISHED) {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    found.journals.sort_unstable();
    Ok(found)
}

impl Core {
    /// Reads what is there.
    pub(super) fn open(folder: &Path, options: MetricsOptions) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
        let Listing { journals, chunks } = list(folder)?;
        let mut state = State::default();
        let last_chunk = chunks.values().flatten().map(|name| name.last).max().unwrap_or(0);
        for name in chunks.into_values().flat_map(|names| counting(names, folder)) {
            let chunk = Chunk::open(folder, name, &mut state.registry)?;
            state.chunks.push(Arc::new(chunk));
        }
        for number in &journals {
            journal::read(&journal::path_of(folder, *number), |point| state.put(point))?;
        }
        let next = journals.last().copied().unwrap_or(0).max(last_chunk) + 1;
        Ok(Self {
            folder: folder.to_owned(),
            options,
            state: RwLock::new(state),
            waiting: Mutex::default(),
            journal: Mutex::new(Journal::new(folder.to_owned(), next)),
            upkeep: Mutex::new(Upkeep::new(journals.len())),
        })
    }
}

/// The chunks of a day that count, the older first; those whose place another has taken are removed.
fn counting(mut names: Vec<ChunkName>, folder: &Path) -> Vec<ChunkName> {
    names.sort_unstable_by_key(|name| (name.first, name.last));
    let all = names.clone();
    names.retain(|name| {
        let replaced = all.iter().any(|other| other != name && other.first <= name.first && name.last <= other.last);
        if replaced && let Err(error) = fs::remove_file(name.path(folder)) {
            tracing::warn!(path = %name.path(folder).display(), %error, "cannot be removed");
        }
        !replaced
    });
    names
}

impl State {
    /// Takes a point into the head, whatever the bounds are: it was taken before.
    pub(super) fn put(&mut self, point: Point) {
        let Some(series) = self.registry.add_series(&point.measurement, &point.tags, usize::MAX) else { return };
        for (name, value) in point.fields {
            self.put_value(series, &name, point.time, value);
        }
    }

    fn put_value(&mut self, series: u32, name: &str, at: base::Timestamp, value: FieldValue) {
        let field = self.registry.add_field(name);
        if number(&value).is_some() {
            self.registry.note_number(series, field);
        }
        self.head.put(series, field, at, value);
    }
}
