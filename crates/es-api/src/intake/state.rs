//! What must survive a start so that no line gets the name of another: whose streams these are, and which run it is.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base::Timestamp;
use model::{Generation, SourceId, SourceKey};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::EsError;

const FILE: &str = "es-intake.json";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    /// Made when the folder was first used.
    seed: String,
    /// How often the streams have begun anew.
    generation: u32,
}

/// Whose streams these are.
pub struct State {
    path: Option<PathBuf>,
    kept: Mutex<Kept>,
}

impl State {
    /// Reads it, or makes it. Streams begin `anew` where the queue cannot tell how far it holds them.
    pub fn open(folder: Option<&Path>, now: Timestamp, anew: bool) -> Result<Self, EsError> {
        let path = folder.map(|folder| folder.join(FILE));
        let found = match &path {
            None => None,
            Some(path) => match fs::read(path) {
                Ok(bytes) => {
                    Some(serde_json::from_slice::<Kept>(&bytes).map_err(|error| failed("read", path, &error))?)
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(failed("read", path, &error)),
            },
        };
        let is_new = found.is_none();
        let kept = found.unwrap_or_else(|| Kept { seed: seed(folder, now), generation: 0 });
        let state = Self { path, kept: Mutex::new(kept) };
        if is_new {
            state.keep(&state.kept.lock())?;
        } else if anew {
            state.begin_anew()?;
        }
        Ok(state)
    }

    /// The stream of an index.
    pub fn key(&self, index: &str) -> SourceKey {
        let kept = self.kept.lock();
        let name = format!("elasticsearch\0{}\0{index}", kept.seed);
        SourceKey::new(SourceId(xxh3_128(name.as_bytes())), Generation(kept.generation))
    }

    /// All streams begin anew from now on.
    pub fn begin_anew(&self) -> Result<(), EsError> {
        let mut kept = self.kept.lock();
        kept.generation += 1;
        self.keep(&kept)
    }

    fn keep(&self, kept: &Kept) -> Result<(), EsError> {
        let Some(path) = &self.path else { return Ok(()) };
        let draft = path.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&draft)?;
            file.write_all(&serde_json::to_vec(kept)?)?;
            file.sync_all()?;
            fs::rename(&draft, path)?;
            match path.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(|error| failed("write", path, &error))
    }
}

fn seed(folder: Option<&Path>, now: Timestamp) -> String {
    let here = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
    let spot = std::ptr::from_ref(&now) as usize;
    let text = format!("{here}\0{}\0{}\0{spot}", now.as_micros(), std::process::id());
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

fn failed(action: &str, path: &Path, error: &dyn std::fmt::Display) -> EsError {
    EsError::unavailable(format!("cannot {action} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_keep_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |anew| State::open(Some(folder.path()), Timestamp::from_micros(5), anew).expect("opens");
        let first = open(true).key("web");
        assert_eq!(open(false).key("web"), first);
        assert_ne!(open(false).key("db").source, first.source);
        let second = open(true).key("web");
        assert_eq!((second.source, second.generation), (first.source, Generation(1)));
        fs::write(folder.path().join(FILE), "{").expect("is written");
        let refused = State::open(Some(folder.path()), Timestamp::from_micros(5), false).err().expect("is damaged");
        assert!(refused.reason.contains(FILE), "{refused}");
    }
}
