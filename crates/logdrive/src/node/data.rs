//! The data folder belongs to one process at a time, and remembers which version of logdrive wrote it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::failure::Failure;

/// The version of the folder's layout. It changes when an older logdrive could not use what a newer one wrote.
const VERSION: u32 = 1;
/// How long the lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// A data folder that is ours until this is dropped.
pub(crate) struct DataFolder {
    /// Held for its lock.
    _lock: File,
}

impl DataFolder {
    /// Takes a folder, made where it is not there.
    pub(crate) fn take(path: &Path) -> Result<Self, Failure> {
        let failed = |action: &str, error: std::io::Error| {
            Failure::Failed(format!(
                "cannot {action} data folder {}: {error}; choose another with --data",
                path.display()
            ))
        };
        fs::create_dir_all(path).map_err(|error| failed("make", error))?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join("lock"));
        let mut lock = open.map_err(|error| failed("use", error))?;
        if !locked(&lock) {
            let mut owner = String::new();
            // Only for the message.
            let _ = lock.read_to_string(&mut owner);
            let owner =
                if owner.trim().is_empty() { "another process".to_owned() } else { format!("pid {}", owner.trim()) };
            return Err(Failure::Failed(format!(
                "data folder {} is in use by {owner}; stop it or choose another with --data",
                path.display()
            )));
        }
        let note = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id()));
        note.map_err(|error| failed("write to", error))?;
        check_version(path)?;
        Ok(Self { _lock: lock })
    }
}

/// A process that was killed just now may still be on its way out: it gets a moment.
fn locked(file: &File) -> bool {
    let until = Instant::now() + LOCK_WAIT;
    while flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

fn check_version(path: &Path) -> Result<(), Failure> {
    let file = path.join("version");
    let failed = |reason: String| Failure::Failed(format!("data folder {}: {reason}", path.display()));
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(found) if found <= VERSION => Ok(()),
            Ok(found) => Err(failed(format!(
                "it was written by a newer logdrive (layout {found}, this one knows {VERSION}); use the newer logdrive or \
                 choose another folder with --data"
            ))),
            Err(_) => {
                Err(failed(format!("'{}' in its file 'version' is no version; is it a data folder?", text.trim())))
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let draft = path.join("version.new");
            let write = fs::write(&draft, format!("{VERSION}\n"))
                .and_then(|()| File::open(&draft)?.sync_all())
                .and_then(|()| fs::rename(&draft, &file));
            write.map_err(|error| failed(format!("cannot write its file 'version': {error}")))
        }
        Err(error) => Err(failed(format!("cannot read its file 'version': {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let first = DataFolder::take(&path).unwrap();
        let refused = DataFolder::take(&path).map(drop).unwrap_err().to_string();
        let want = format!("data folder {} is in use by pid {}; stop it or choose", path.display(), std::process::id());
        assert!(refused.starts_with(&want), "{refused}");
        drop(first);
        drop(DataFolder::take(&path).unwrap());
    }

    #[test]
    fn a_newer_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataFolder::take(folder.path()).unwrap());
        assert_eq!(fs::read_to_string(folder.path().join("version")).unwrap(), "1\n");
        fs::write(folder.path().join("version"), "2\n").unwrap();
        let refused = DataFolder::take(folder.path()).map(drop).unwrap_err().to_string();
        assert!(refused.contains("newer logdrive (layout 2, this one knows 1)"), "{refused}");
    }
}
