//! Builds programs from Go modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use super::cache;
use super::tools::{program, run};

/// A scratch module. What Go downloads and builds for it, gigabytes, goes with it.
pub struct Module {
    folder: PathBuf,
    go: PathBuf,
}

impl Module {
    /// With this `go.mod` and `go.sum`.
    pub fn new(definition: &str, sums: &str) -> Result<Self> {
        let go = program("go", "golang-go")?;
        // Several are built at a time.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = cache::folder()?.join(format!(".go-{}-{number}", std::process::id()));
        cache::remove(&folder)?;
        fs::create_dir_all(&folder)?;
        let module = Self { folder, go };
        fs::write(module.path("go.mod"), definition)?;
        if !sums.is_empty() {
            fs::write(module.path("go.sum"), sums)?;
        }
        Ok(module)
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs `go` in it.
    pub fn go(&self, args: &[&str]) -> Result<String> {
        run(self.command().args(args))
    }

    /// Builds a program of it, which says that it is of this version.
    pub fn build(&self, package: &str, version: &str, environment: &[(&str, &str)], binary: &Path) -> Result<()> {
        let mut build = self.command();
        let flags = format!("-s -w -X main.version={version}");
        build.args(["build", "-trimpath", "-ldflags", &flags, "-o"]).arg(binary).arg(package);
        run(build.envs(environment.iter().copied())).map(drop)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.go);
        // Readable and writable, so that it can be removed again.
        command.current_dir(&self.folder).env("GOFLAGS", "-modcacherw");
        command.env("GOMODCACHE", self.path("modules")).env("GOCACHE", self.path("built"));
        command
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Err(failed) = cache::remove(&self.folder) {
            eprintln!("{failed:#}");
        }
    }
}
