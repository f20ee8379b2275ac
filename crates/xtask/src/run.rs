//! Runs cargo, and makes what the tests need from outside.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tidy;

/// The Parquet reader that is not ours, by which the tests check that a part opens elsewhere.
const PYARROW: &str = "pyarrow>=21";
/// Tells the tests which python has it.
const PYTHON_VAR: &str = "LOGDRIVE_TEST_PYTHON";
/// Tells the tests which logdrive to drive.
const BINARY_VAR: &str = "LOGDRIVE_TEST_BINARY";
/// Property tests draw from this seed, so that a run says the same of the same code wherever it runs. By hand, give
/// another seed, and `PROPTEST_CASES` for more of them.
const SEED_VAR: &str = "PROPTEST_RNG_SEED";
const SEED: &str = "20261121";

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

fn run(mut command: Command) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    eprintln!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Every test, in one profile.
pub fn test(args: &[String]) -> Result<()> {
    let python = python().or_else(|failed| match std::env::var_os("CI") {
        Some(_) => Err(failed),
        None => {
            eprintln!("note: {failed:#}; the test that opens a part in pyarrow is left out");
            Ok(PathBuf::new())
        }
    })?;
    // All targets at once, so that the binary has the same features as in the tests and nothing is built twice.
    run(cargo(&["build", "--workspace", "--all-targets", "--locked"]))?;
    let mut tests = cargo(&["test", "--workspace", "--locked"]);
    if !python.as_os_str().is_empty() {
        tests.env(PYTHON_VAR, python);
    }
    if std::env::var_os(SEED_VAR).is_none() {
        tests.env(SEED_VAR, SEED);
    }
    tests.env(BINARY_VAR, target().join("debug/logdrive")).args(args);
    run(tests)
}

/// Everything that is checked without running the product.
pub fn lint() -> Result<()> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    tidy::command(&[])?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    run(doc)
}

/// The table of figures, from a release build.
pub fn bench(args: &[String]) -> Result<()> {
    run(cargo(&["build", "--release", "--locked", "-p", "logdrive", "-p", "bench"]))?;
    let mut bench = Command::new(target().join("release/bench"));
    bench.env(BINARY_VAR, target().join("release/logdrive")).args(args).current_dir(root());
    run(bench)
}

/// A python with pyarrow, made once under the target folder.
fn python() -> Result<PathBuf> {
    let folder = target().join("python");
    let python = folder.join("bin/python3");
    let ready = folder.join("ready");
    if !ready.exists() {
        let mut venv = Command::new("python3");
        run_quiet(venv.args(["-m", "venv", "--clear"]).arg(&folder))
            .context("cannot make a python environment (Debian: apt-get install python3-venv)")?;
        let mut pip = Command::new(&python);
        run_quiet(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYARROW]))
            .context("cannot install pyarrow from PyPI")?;
        std::fs::write(&ready, "").with_context(|| format!("cannot write {}", ready.display()))?;
    }
    Ok(python)
}

fn run_quiet(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
