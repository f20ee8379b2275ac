//! What opening finds in the folder: files that no manifest names, and parts that are not as they were written.

use std::path::Path;
use std::sync::Arc;

use base::Intervals;
use store::StoreError;
use tracing::warn;

use crate::manifest::{Change, PartMeta, State, unpack_sources};

/// Where damaged parts are put, for whoever wants to look at them.
pub(crate) const QUARANTINE: &str = "_quarantine";

/// Removes what a crash left between writing a part and committing it, and what was replaced but not removed. Where the
/// manifest may have lost a commit (`keep`), it is put aside instead.
pub(crate) fn remove_orphans(dir: &Path, state: &State, keep: bool) {
    let Ok(days) = std::fs::read_dir(dir) else { return };
    for day in days.flatten().filter(|day| day.file_name().to_string_lossy().starts_with("day=")) {
        let Ok(files) = std::fs::read_dir(day.path()) else { continue };
        for file in files.flatten() {
            let name = file.file_name();
            let is_orphan = part_number(&name.to_string_lossy()).is_some_and(|id| !state.parts.contains_key(&id));
            if !is_orphan {
                continue;
            }
            let done = if keep {
                std::fs::rename(file.path(), dir.join(QUARANTINE).join(&name))
            } else {
                std::fs::remove_file(file.path())
            };
            if let Err(error) = done {
                warn!(path = %file.path().display(), %error, "cannot remove a file that belongs to no part");
            }
        }
        // Only an empty folder can be removed.
        let _ = std::fs::remove_dir(day.path());
    }
}

/// Whether the folder holds finished parts.
pub(crate) fn has_parts(dir: &Path) -> bool {
    let days = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let days = days.filter(|day| day.file_name().to_string_lossy().starts_with("day="));
    days.flat_map(|day| std::fs::read_dir(day.path()).into_iter().flatten().flatten()).any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.ends_with(".parquet") && part_number(&name).is_some()
    })
}

/// The number of the part that a file belongs to; `None` where it is none of ours.
fn part_number(name: &str) -> Option<u64> {
    let name = name.strip_prefix('.').unwrap_or(name);
    let name = name.strip_prefix('_').unwrap_or(name);
    let (number, ending) = name.strip_prefix("part-")?.split_once('.')?;
    matches!(ending, "parquet" | "idx" | "parquet.tmp" | "idx.tmp").then(|| number.parse().ok())?
}

/// Puts aside the parts whose files are not there or not as long as they were; the change that takes them out, and
/// what was wrong with each.
pub(crate) fn quarantine_damaged(dir: &Path, state: &State) -> (Change, Vec<(String, String)>) {
    let mut found = Vec::new();
    let mut parts = Vec::new();
    for part in state.parts.values() {
        let files = [(part.parquet_name(), part.parquet_bytes), (part.sidecar_name(), part.sidecar_bytes)];
        let fault = files.iter().find_map(|(name, len)| match std::fs::metadata(dir.join(name)) {
            Ok(file) if file.len() == *len => None,
            Ok(file) => Some((name, format!("it has {} bytes instead of {len}", file.len()))),
            Err(error) => Some((name, error.to_string())),
        });
        if let Some((name, reason)) = fault {
            found.push((dir.join(name).display().to_string(), reason));
            parts.push(part.clone());
        }
    }
    parts.iter().for_each(|part| put_aside(dir, part));
    for (path, reason) in &found {
        warn!(%path, %reason, "a damaged part was put aside; its records are no longer found");
    }
    (crate::store::removal(state, &parts, false).unwrap_or_default(), found)
}

/// Moves the files of a part out of the way.
pub(crate) fn put_aside(dir: &Path, part: &PartMeta) {
    let aside = dir.join(QUARANTINE);
    let _ = std::fs::create_dir_all(&aside);
    for name in [part.parquet_name(), part.sidecar_name()] {
        let to = aside.join(name.rsplit('/').next().unwrap_or(&name));
        if let Err(error) = std::fs::rename(dir.join(&name), to) {
            warn!(path = %dir.join(&name).display(), %error, "cannot put a damaged file aside");
        }
    }
}

/// What of each source (by number) is in a part.
pub(crate) fn sources_of(part: &Arc<PartMeta>) -> Result<Vec<(u32, Intervals)>, StoreError> {
    unpack_sources(&part.sources)
        .map_err(|error| StoreError::Corrupt { path: format!("manifest, part {}", part.id), reason: error.to_string() })
}
