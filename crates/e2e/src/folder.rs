//! A test's own folder.

use std::path::{Path, PathBuf};

/// Removed at the end, unless the test fails: then its path is printed.
pub struct Folder(Option<tempfile::TempDir>);

impl Folder {
    /// A new one, with the folder `logs` in it.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// A new one in `parent`.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn below(parent: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("logdrive-e2e-").tempdir_in(parent).expect("a temporary folder");
        std::fs::create_dir(folder.path().join("logs")).expect("a folder in our own folder");
        Self(Some(folder))
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.as_ref().map(|folder| folder.path().join(name)).unwrap_or_default()
    }

    /// Where the followed files are.
    pub fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    /// A file in `logs`, with this content.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn log(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.logs().join(name);
        std::fs::write(&path, content).unwrap_or_else(|failed| panic!("{}: {failed}", path.display()));
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.0.take().map(tempfile::TempDir::keep);
            eprintln!("the evidence is kept in {}", kept.unwrap_or_default().display());
        }
    }
}
