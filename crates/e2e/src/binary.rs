//! Which programs are driven.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The logdrive named by `LOGDRIVE_TEST_BINARY`; without it the one of this checkout, built in the profile of the tests.
///
/// # Panics
/// Where it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| named("LOGDRIVE_TEST_BINARY", "logdrive"))
}

/// The xtask named by `LOGDRIVE_TEST_XTASK`, or that of this checkout.
pub(crate) fn xtask() -> &'static Path {
    static XTASK: OnceLock<PathBuf> = OnceLock::new();
    XTASK.get_or_init(|| named("LOGDRIVE_TEST_XTASK", "xtask"))
}

fn named(variable: &str, package: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| build(package), PathBuf::from)
}

fn build(package: &str) -> PathBuf {
    // Tests run from target/PROFILE/deps/NAME-HASH, programs from target/PROFILE/NAME.
    let own = std::env::current_exe().expect("a test knows its own path");
    let folder = own.parent().expect("a file is in a folder");
    let profile = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", package]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo is there, it built the tests");
    assert!(status.success(), "cargo build --package {package}: {status}");
    profile.join(package)
}
