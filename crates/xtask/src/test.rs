//! `cargo xtask test`: every test, with the real servers they ask for.
//!
//! Decision: the servers are this run's own, so that it disturbs nobody; they are stopped by a second process that
//! waits for the end of this one, so that nothing is left behind whatever ends it. Servers start while cargo builds.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{BINARY_VAR, cargo, python, run, target};
use crate::{page, services};

/// What the tests ask for.
const SERVERS: [&str; 6] = ["opensearch", "kafka", "kafka3", "kafka-secure", "influxdb1", "influxdb2"];
/// Tells the tests which python has the readers that are not ours.
const PYTHON_VAR: &str = "LOGDRIVE_TEST_PYTHON";
/// Tells the tests by which program they can have servers of their own.
const XTASK_VAR: &str = "LOGDRIVE_TEST_XTASK";
/// Where the tests write down which of them were skipped.
const SKIPPED_VAR: &str = "LOGDRIVE_TEST_SKIPPED";
/// Property tests draw from this seed, so that a run says the same of the same code wherever it runs. By hand, give
/// another seed, and `PROPTEST_CASES` for more of them.
const SEED_VAR: &str = "PROPTEST_RNG_SEED";
const SEED: &str = "20261121";

/// The arguments of `cargo xtask services` by which the servers are installed.
pub fn install() -> Vec<String> {
    ["install"].iter().chain(&SERVERS).map(|&name| name.to_owned()).collect()
}

/// Every test, in one profile.
pub fn command(args: &[String]) -> Result<()> {
    let (bare, args) = match args {
        [first, rest @ ..] if first == "--bare" => (true, rest),
        _ => (false, args),
    };
    let strict = std::env::var_os("CI").is_some();
    let wanted: &[&str] = if bare { &[] } else { &SERVERS };
    let page = if bare || scope(args).is_empty() { None } else { page::tools_or_note()? };
    let set = format!("test-{}", std::process::id());
    let guard = Guard::over(&set)?;
    let (built, servers, pure) = std::thread::scope(|scope| {
        let servers = scope.spawn(|| start(&set, wanted));
        let pure = scope.spawn(|| page.as_ref().map_or(Ok(()), |tools| tools.types().and_then(|()| tools.unit())));
        let built = build(strict, args);
        let servers = servers.join().unwrap_or_else(|_| bail!("a bug in starting servers"));
        (built, servers, pure.join().unwrap_or_else(|_| bail!("a bug in starting node")))
    });
    let (python, servers) = (built?, servers?);
    pure?;
    for failed in &servers.failed {
        eprintln!("note: {failed}");
    }
    if strict && !servers.failed.is_empty() {
        bail!("not every server that the tests ask for can be had");
    }

    let skipped = std::env::temp_dir().join(format!("logdrive-skipped-{}", std::process::id()));
    let mut tests = cargo(&["test", "--locked"]);
    tests.args(scope(args));
    if !python.as_os_str().is_empty() {
        tests.env(PYTHON_VAR, python);
    }
    if std::env::var_os(SEED_VAR).is_none() {
        tests.env(SEED_VAR, SEED);
    }
    tests.env(BINARY_VAR, target().join("debug/logdrive")).env(XTASK_VAR, target().join("debug/xtask"));
    tests.env(SKIPPED_VAR, &skipped).envs(servers.lines).args(args);
    if let Some(tools) = &page {
        tests.env(page::MODULES_VAR, tools.modules());
    }
    // Not beside the others: a browser that waits for its turn on the processors looks like a page that hangs.
    let browser = page.map_or(Ok(()), |tools| tools.browser(&target().join("debug/logdrive"), &[]));
    let result = run(tests).and(browser);
    drop(guard);
    let list = skipped_tests(&skipped);
    if !list.is_empty() {
        eprintln!("{} skipped for want of a server:\n{}", list.len(), list.join("\n"));
        if strict {
            bail!("tests were skipped");
        }
    }
    result
}

/// All of it, unless only some packages are asked for.
fn scope(args: &[String]) -> &'static [&'static str] {
    let some =
        args.iter().take_while(|arg| *arg != "--").any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    if some { &[] } else { &["--workspace"] }
}

fn build(strict: bool, args: &[String]) -> Result<PathBuf> {
    let python = match python() {
        Err(failed) if strict => return Err(failed),
        Err(failed) => {
            eprintln!("note: {failed:#}; tests with programs of others are left out");
            PathBuf::new()
        }
        Ok(python) => python,
    };
    if scope(args).is_empty() {
        run(cargo(&["build", "-p", "logdrive", "-p", "xtask", "--locked"]))?;
    } else {
        // All targets at once, so that the binary has the same features as in the tests and nothing is built twice.
        run(cargo(&["build", "--workspace", "--all-targets", "--locked"]))?;
    }
    Ok(python)
}

/// Servers that were started.
pub struct Servers {
    /// Variables and their values.
    pub lines: services::Lines,
    /// What is wrong with those that were not.
    pub failed: Vec<String>,
}

/// Starts these, as far as they can be had.
pub fn start(set: &str, wanted: &[&str]) -> Result<Servers> {
    let mut servers = Servers { lines: Vec::new(), failed: Vec::new() };
    if wanted.is_empty() {
        return Ok(servers);
    }
    let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
    for up in services::Set::named(set)?.up(&services::services(&wanted)?, &[]) {
        match up {
            Ok(lines) => servers.lines.extend(lines),
            Err(failed) => servers.failed.push(format!("{failed:#}")),
        }
    }
    Ok(servers)
}

/// By name, each once.
fn skipped_tests(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // It is there only where a test was skipped.
    let _ = std::fs::remove_file(path);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The process that stops the servers of a set when this one ends or lets go.
pub struct Guard {
    process: Child,
    hold: Option<ChildStdin>,
}

impl Guard {
    /// Over the servers of a set.
    pub fn over(set: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("a program knows its own path")?);
        // Ctrl-C is not for it.
        command.args(["services", "--set", set, "guard"]).stdin(Stdio::piped()).process_group(0);
        let mut process = command.spawn().context("cannot start what stops the servers")?;
        let hold = process.stdin.take();
        Ok(Self { process, hold })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing is the sign.
        drop(self.hold.take());
        if let Err(failed) = self.process.wait() {
            eprintln!("what stops the servers: {failed}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_each_skipped_test_once() {
        let path = std::env::temp_dir().join(format!("logdrive-xtask-{}", std::process::id()));
        std::fs::write(&path, "skipped: b needs KAFKA\nskipped: a needs ETCD\nskipped: b needs KAFKA\n").unwrap();
        assert_eq!(skipped_tests(&path), ["skipped: a needs ETCD", "skipped: b needs KAFKA"]);
        assert_eq!(skipped_tests(&path), Vec::<String>::new());
    }
}
