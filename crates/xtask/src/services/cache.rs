//! Where installed servers are kept, and that each is installed once.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder of everything: installed servers, and under `run` what runs.
pub fn folder() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache"))).context("there is no home")?;
    Ok(cache.join("logdrive-test"))
}

/// The folder `name` of the cache. Where it is not there, `fill` fills a temporary folder that is then moved into
/// place: whoever starts at the same time waits, and nobody ever sees half of it.
pub fn installed(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = folder()?;
    let ready = cache.join(name);
    if ready.exists() {
        return Ok(ready);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let _lock = Lock::take(&cache.join(format!(".{name}.lock")))?;
    if ready.exists() {
        return Ok(ready);
    }
    let began = std::time::Instant::now();
    let temporary = cache.join(format!(".{name}.new"));
    remove(&temporary)?;
    fs::create_dir_all(&temporary)?;
    eprintln!("{name}: installing");
    let filled = fill(&temporary).with_context(|| format!("cannot install {name}"));
    if filled.is_ok() {
        fs::rename(&temporary, &ready).with_context(|| format!("cannot move {} into place", ready.display()))?;
        eprintln!("{name}: installed in {:.1} s", began.elapsed().as_secs_f32());
    } else {
        remove(&temporary)?;
    }
    filled.map(|()| ready)
}

/// Removes a folder, if it is there.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(failed) if failed.kind() != std::io::ErrorKind::NotFound => {
            Err(failed).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// A lock that other processes respect; its file vanishes with it.
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Waits for it.
    pub fn take(path: &Path) -> Result<Self> {
        loop {
            let cannot = || format!("cannot lock {}", path.display());
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).with_context(cannot)?;
            }
            let file = match File::options().create(true).append(true).open(path) {
                // Its folder was removed between the two lines.
                Err(failed) if failed.kind() == std::io::ErrorKind::NotFound => continue,
                opened => opened.with_context(cannot)?,
            };
            file.lock().with_context(cannot)?;
            // Whoever held it may have removed the file meanwhile.
            if fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|own| own.ino() == there.ino())) {
                return Ok(Self { path: path.to_owned(), _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked: who waits for it sees that the file is another one, and takes that.
        let _ = fs::remove_file(&self.path);
    }
}
