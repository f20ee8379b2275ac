//! The few calls through which bytes become durable, behind a trait so that tests can let them fail.

use std::fs::{self, File};
use std::io::{self, IoSlice, Write as _};
use std::path::Path;

use queue::QueueError;

/// What the writer asks of the disk.
pub trait Disk: Send + Sync {
    /// Writes some of the buffers at a place; says how much.
    fn write(&self, file: &File, buffers: &[IoSlice<'_>], at: u64) -> io::Result<usize>;
    /// Makes what was written durable.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Free bytes on the disk of a folder.
    fn free(&self, folder: &Path) -> io::Result<u64>;
}

/// The real one.
pub struct RealDisk;

impl Disk for RealDisk {
    fn write(&self, file: &File, buffers: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(file, buffers, at)?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Whether the system says that there is no room.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// An [`QueueError::Io`] about a path.
pub fn io_error(action: &'static str, path: &Path, error: &io::Error) -> QueueError {
    QueueError::Io { action, path: path.display().to_string(), reason: error.to_string() }
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Replaces a small file: after a crash it holds either the old bytes or the new.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("tmp");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes a file, durably; one that is not there is removed already.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| path.parent().map_or(Ok(()), sync_folder)),
    }
}

/// Makes a folder, durably.
pub fn make_folder(folder: &Path) -> Result<(), QueueError> {
    let failed = |error: io::Error| io_error("make the folder", folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    folder.parent().map_or(Ok(()), sync_folder).map_err(failed)
}
