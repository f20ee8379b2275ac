//! Saved searches: shared by everybody who uses this server, in one bounded file of the data folder.
//!
//! Decision: the whole list is one small JSON file that is replaced by a rename, so it is never half written. A file
//! that cannot be read is left as it is and said: nothing that was saved is overwritten by accident.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many can be saved.
pub(crate) const SEARCHES_MAX: usize = 500;
/// Bytes of the file that are read at most.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// What is saved of a search. Times are kept as they were written: `15m` means the last 15 minutes whenever it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Search")]
pub(crate) struct Search {
    /// In the query language; empty for all records.
    #[serde(default)]
    pub q: String,
    /// First moment, or how far back.
    #[serde(default)]
    pub since: Option<String>,
    /// First moment behind the range.
    #[serde(default)]
    pub until: Option<String>,
    /// Columns shown, in their order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Whether it stands first.
    #[serde(default)]
    pub starred: bool,
}

/// A search with when it was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub search: Search,
    pub saved_at: String,
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
struct Contents {
    version: u32,
    searches: BTreeMap<String, Saved>,
}

const VERSION: u32 = 1;

/// Why a search is not saved or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{SEARCHES_MAX} searches are saved, which is the most; delete one of them")]
    Full,
    #[error("{0}")]
    Damaged(String),
    #[error("cannot write {path}: {reason}")]
    Write { path: String, reason: io::Error },
}

/// The saved searches.
pub(crate) struct Searches {
    path: PathBuf,
    /// What is in the file; or why it cannot be used.
    held: Mutex<Result<BTreeMap<String, Saved>, String>>,
}

impl Searches {
    /// Reads what was saved in `folder`, which need not be there yet.
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("searches.json");
        let held = read(&path).map_err(|reason| {
            format!("the saved searches in {} cannot be used: {reason}; restore the file or remove it", path.display())
        });
        Self { path, held: Mutex::new(held) }
    }

    /// All, by name.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Saved>, Refused> {
        self.held.lock().clone().map_err(Refused::Damaged)
    }

    /// Saves one, in the place of any other of that name.
    pub(crate) fn put(&self, name: &str, saved: Saved) -> Result<(), Refused> {
        self.change(|searches| {
            if searches.len() >= SEARCHES_MAX && !searches.contains_key(name) {
                return Err(Refused::Full);
            }
            searches.insert(name.to_owned(), saved);
            Ok(())
        })
    }

    /// Removes one, and answers it; `None`: there is none of that name.
    pub(crate) fn remove(&self, name: &str) -> Result<Option<Saved>, Refused> {
        self.change(|searches| Ok(searches.remove(name)))
    }

    /// A change is seen once it is durable, or not at all.
    fn change<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Saved>) -> Result<T, Refused>) -> Result<T, Refused> {
        let mut held = self.held.lock();
        let mut searches = held.clone().map_err(Refused::Damaged)?;
        let done = work(&mut searches)?;
        let contents = Contents { version: VERSION, searches };
        write(&self.path, &contents)
            .map_err(|reason| Refused::Write { path: self.path.display().to_string(), reason })?;
        *held = Ok(contents.searches);
        Ok(done)
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, Saved>, String> {
    let length = match fs::metadata(path) {
        Ok(at) => at.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.to_string()),
    };
    if length > FILE_BYTES_MAX {
        return Err(format!("it has {length} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let contents: Contents = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if contents.version > VERSION {
        return Err(format!("it was written by a newer logdrive (version {})", contents.version));
    }
    Ok(contents.searches)
}

fn write(path: &Path, contents: &Contents) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(&serde_json::to_vec_pretty(contents)?)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(q: &str) -> Saved {
        Saved { search: Search { q: q.to_owned(), ..Search::default() }, saved_at: "now".to_owned() }
    }

    #[test]
    fn what_is_saved_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let searches = Searches::open(&folder.path().join("dashboard"));
        searches.put("errors", saved("level:error")).expect("is saved");
        searches.put("web", saved("stream:web")).expect("is saved");
        searches.put("errors", saved("level:>=error")).expect("is saved");
        assert_eq!(searches.remove("web").expect("is written"), Some(saved("stream:web")));
        assert_eq!(searches.remove("web").expect("is written"), None);
        let again = Searches::open(&folder.path().join("dashboard")).all().expect("is read");
        assert_eq!(again, BTreeMap::from([("errors".to_owned(), saved("level:>=error"))]));
    }

    #[test]
    fn there_is_a_most_and_what_is_there_can_still_be_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let searches = Searches::open(folder.path());
        let full: BTreeMap<_, _> = (0..SEARCHES_MAX).map(|n| (format!("s{n}"), saved("a"))).collect();
        write(&folder.path().join("searches.json"), &Contents { version: 1, searches: full }).expect("is written");
        let full = Searches::open(folder.path());
        assert!(matches!(full.put("more", saved("b")), Err(Refused::Full)));
        full.put("s3", saved("b")).expect("is changed");
        drop(searches);
    }

    #[test]
    fn a_damaged_file_is_said_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("searches.json");
        for text in ["{", r#"{"version":2,"searches":{}}"#] {
            fs::write(&path, text).expect("is written");
            let searches = Searches::open(folder.path());
            let refused = searches.put("a", saved("b")).expect_err("is refused").to_string();
            assert!(refused.contains("searches.json cannot be used"), "{refused}");
            assert_eq!(fs::read_to_string(&path).expect("is there"), text);
        }
    }
}
