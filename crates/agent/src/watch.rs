//! Hints that something changed in a folder, from inotify. The truth is in looking; hints only make it soon.
//!
//! Decision: the descriptor is read by the reader's own thread, at most once per hint interval. Between two reads the kernel folds equal events into one, so a file that is written fifty thousand times
//! a second costs as much as one that is written fifty times.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// What may have happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Hint {
    /// A file was written.
    Written(PathBuf),
    /// A name appeared, vanished or changed.
    Named(PathBuf),
    /// A folder appeared.
    Folder(PathBuf),
    /// A folder vanished or changed: look everywhere.
    Folders,
    /// Hints were lost: look everywhere.
    Overflow,
}

/// The folders that are watched.
pub struct Watch {
    inotify: Option<OwnedFd>,
    folders: HashMap<i32, PathBuf>,
    watched: HashMap<PathBuf, i32>,
    exhausted: bool,
}

const EVENTS: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

impl Watch {
    /// Watches nothing yet. Where the system grants no inotify, it never will.
    pub fn new() -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
        Self { exhausted: inotify.is_none(), inotify, folders: HashMap::new(), watched: HashMap::new() }
    }

    /// Whether hints come from this folder.
    #[cfg(test)]
    fn covers(&self, folder: &Path) -> bool {
        self.watched.contains_key(folder)
    }

    /// Whether some folder could not be watched: there, only looking tells.
    pub const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// How many folders are watched.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Watches a folder, if it is one and the system has room. `true` where it was not watched before.
    pub fn add(&mut self, folder: &Path) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        if self.watched.contains_key(folder) {
            return false;
        }
        match inotify::add_watch(inotify, folder, EVENTS) {
            Ok(wd) => {
                // Two names of one folder share a watch; the first name is the one that hints carry.
                self.folders.entry(wd).or_insert_with(|| folder.to_owned());
                self.watched.insert(folder.to_owned(), wd);
                true
            }
            Err(Errno::NOSPC | Errno::NOMEM | Errno::MFILE) => {
                self.exhausted = true;
                false
            }
            Err(_) => false,
        }
    }

    /// What to wait on.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Takes the hints that are there.
    pub fn read(&mut self, hints: &mut Vec<Hint>) -> io::Result<()> {
        let Some(inotify) = &self.inotify else { return Ok(()) };
        let mut room = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(inotify, &mut room);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let (flags, wd) = (event.events(), event.wd());
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                hints.push(Hint::Overflow);
                continue;
            }
            if flags.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
                if let Some(folder) = self.folders.remove(&wd) {
                    self.watched.retain(|_, other| *other != wd);
                    tracing::debug!(folder = %folder.display(), "a watched folder went away");
                    hints.push(Hint::Folders);
                }
                continue;
            }
            let Some(folder) = self.folders.get(&wd) else { continue };
            if flags.contains(ReadFlags::ISDIR) {
                let name = event.file_name().map(|name| folder.join(OsStr::from_bytes(name.to_bytes())));
                hints.push(match name {
                    Some(appeared) if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) => {
                        Hint::Folder(appeared)
                    }
                    Some(gone) if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) => {
                        // A folder that is removed was empty: only a renamed one has others in it.
                        if flags.contains(ReadFlags::MOVED_FROM) || self.watched.contains_key(&gone) {
                            forget(inotify, &mut self.folders, &mut self.watched, &gone);
                        }
                        Hint::Folders
                    }
                    _ => Hint::Folders,
                });
            } else if let Some(name) = event.file_name() {
                let path = folder.join(OsStr::from_bytes(name.to_bytes()));
                hints.push(if flags.contains(ReadFlags::MODIFY) { Hint::Written(path) } else { Hint::Named(path) });
            }
        }
    }
}

/// A folder is gone from its place, and what is in it too. The kernel says so of the folder itself only once nobody has
/// a file of it open any more (as we may), and of what is in a renamed one never.
fn forget(inotify: &OwnedFd, folders: &mut HashMap<i32, PathBuf>, watched: &mut HashMap<PathBuf, i32>, gone: &Path) {
    let wds: HashSet<i32> = watched.iter().filter(|(path, _)| path.starts_with(gone)).map(|(_, wd)| *wd).collect();
    for wd in &wds {
        // It may be gone already.
        let _ = inotify::remove_watch(inotify, *wd);
        folders.remove(wd);
    }
    if !wds.is_empty() {
        watched.retain(|_, wd| !wds.contains(wd));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_happens_in_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut watch = Watch::new();
        assert!(watch.add(folder.path()) && !watch.add(folder.path()));
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, b"x").expect("writes");
        std::fs::rename(&a, &b).expect("renames");
        std::fs::create_dir(folder.path().join("sub")).expect("makes");
        let mut hints = Vec::new();
        watch.read(&mut hints).expect("reads");
        let sub = Hint::Folder(folder.path().join("sub"));
        let wanted = [Hint::Named(a.clone()), Hint::Written(a.clone()), Hint::Named(a), Hint::Named(b), sub];
        assert_eq!(hints, wanted);
    }

    #[test]
    fn forgets_a_folder_that_goes_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let sub = folder.path().join("sub");
        std::fs::create_dir(&sub).expect("makes");
        let mut watch = Watch::new();
        assert!(watch.add(&sub));
        std::fs::remove_dir(&sub).expect("removes");
        let mut hints = Vec::new();
        watch.read(&mut hints).expect("reads");
        assert!(hints.contains(&Hint::Folders) && !watch.covers(&sub));
        std::fs::create_dir(&sub).expect("makes");
        assert!(watch.add(&sub));
    }

    #[test]
    fn a_folder_that_returns_or_moves_is_watched_anew_although_a_file_of_the_old_one_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let (sub, moved) = (folder.path().join("sub"), folder.path().join("moved"));
        let mut watch = Watch::new();
        let mut hints = Vec::new();
        watch.add(folder.path());
        std::fs::create_dir_all(sub.join("deep")).expect("makes");
        assert!(watch.add(&sub) && watch.add(&sub.join("deep")));
        let held = std::fs::File::create(sub.join("deep/a")).expect("makes");
        std::fs::remove_dir_all(&sub).expect("removes");
        std::fs::create_dir_all(sub.join("deep")).expect("makes");
        watch.read(&mut hints).expect("reads");
        assert!(hints.contains(&Hint::Folder(sub.clone())));
        assert!(watch.add(&sub) && watch.add(&sub.join("deep")));
        drop(held);
        std::fs::rename(&sub, &moved).expect("renames");
        watch.read(&mut hints).expect("reads");
        assert!(watch.add(&moved) && watch.add(&moved.join("deep")));
        hints.clear();
        std::fs::write(moved.join("deep/b"), b"x").expect("writes");
        watch.read(&mut hints).expect("reads");
        assert!(hints.contains(&Hint::Named(moved.join("deep/b"))), "{hints:?}");
    }
}
