//! The npm packages, by the lock file, once for each lock.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::services::cache::installed;

const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Installs them where they are not there yet, and shows them to node beside the specs.
pub fn modules(folder: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    for file in FILES {
        std::fs::read(folder.join(file)).with_context(|| file)?.hash(&mut hasher);
    }
    let name = format!("npm-{:016x}", hasher.finish());
    let modules = installed(&name, |into| install(folder, into))?.join("node_modules");
    show(&modules, &folder.join("node_modules"))?;
    Ok(modules)
}

fn install(from: &Path, into: &Path) -> Result<()> {
    for file in FILES {
        std::fs::copy(from.join(file), into.join(file)).with_context(|| file)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(into);
    let output = npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1").output().context("cannot start npm")?;
    if !output.status.success() {
        bail!("npm ci: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

/// A link, since node looks for modules in folders above the importing file only.
fn show(modules: &Path, link: &Path) -> Result<()> {
    if std::fs::read_link(link).is_ok_and(|shown| shown == modules) {
        return Ok(());
    }
    let temporary = link.with_extension(format!("{}", std::process::id()));
    symlink(modules, &temporary).with_context(|| format!("cannot make {}", temporary.display()))?;
    std::fs::rename(&temporary, link).with_context(|| format!("cannot replace {}", link.display()))
}
