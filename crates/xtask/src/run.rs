//! Runs cargo, and makes what the tests need from outside.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{page, tidy};

/// Readers and writers that are not ours, by which the tests check that what we write is read elsewhere.
const PACKAGES: [&str; 6] = [
    "pyarrow>=21",
    "confluent-kafka==2.*",
    "opensearch-py==2.*",
    "elasticsearch==8.*",
    "influxdb==5.3.2",
    "influxdb-client==1.50.0",
];
/// Tells the tests which logdrive to drive.
pub const BINARY_VAR: &str = "LOGDRIVE_TEST_BINARY";

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Cargo, in the root.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs it, having said what.
pub fn run(mut command: Command) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    eprintln!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// What is checked without compiling anything.
pub fn lint_texts() -> Result<()> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    tidy::command(&[])?;
    page::tools_or_note()?.map_or(Ok(()), |tools| tools.types())
}

/// Has every crate of ours go through clippy on its way to the tests, its warnings being errors: so everything is
/// compiled once for both. (`cargo clippy` sets the same two variables, for a pass of its own.)
pub fn linted(mut command: Command) -> Command {
    let cargo = std::env::var_os("CARGO").map(PathBuf::from).unwrap_or_default();
    command.env("RUSTC_WORKSPACE_WRAPPER", cargo.with_file_name("clippy-driver"));
    command.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    command
}

/// Everything that is checked without running the product.
pub fn lint() -> Result<()> {
    lint_texts()?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    run(doc)
}

/// A python with them, made once under the target folder.
pub fn python() -> Result<PathBuf> {
    let folder = target().join("python");
    let python = folder.join("bin/python3");
    let (ready, wanted) = (folder.join("ready"), PACKAGES.join("\n"));
    if std::fs::read_to_string(&ready).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    run_quiet(venv.args(["-m", "venv", "--clear"]).arg(&folder))
        .context("cannot make a python environment (Debian: apt-get install python3-venv)")?;
    let mut pip = Command::new(&python);
    run_quiet(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))
        .context("cannot install python packages from PyPI")?;
    std::fs::write(&ready, wanted).with_context(|| format!("cannot write {}", ready.display()))?;
    Ok(python)
}

fn run_quiet(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
