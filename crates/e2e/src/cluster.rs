//! Real servers of a test's own, which it may kill, stop and start at will.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::binary;

/// They end with the test, however that ends.
pub struct Cluster {
    set: String,
    addresses: BTreeMap<String, String>,
    /// Stops the servers as soon as we let go of its standard input.
    guard: Child,
}

impl Cluster {
    /// Starts these: the names of `cargo xtask services`, each with settings beyond the usual ones.
    ///
    /// # Panics
    /// Where one does not start.
    pub fn start(servers: &[(&str, &[&str])]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let set = format!("e2e-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut guard = xtask(&["--set", &set, "guard"]);
        let guard = guard.stdin(Stdio::piped()).spawn().expect("xtask was built");
        let mut cluster = Self { set, addresses: BTreeMap::new(), guard };
        let commands = servers.iter().map(|(name, with)| {
            let with = with.iter().flat_map(|setting| ["--with", setting]);
            let mut up = cluster.command("up");
            up.args(with).arg(name).stdout(Stdio::piped());
            up.spawn().expect("it ran just now")
        });
        // All at once.
        let commands: Vec<Child> = commands.collect();
        for command in commands {
            let output = command.wait_with_output().expect("our own child");
            assert!(output.status.success(), "cargo xtask services up: {}", output.status);
            let lines = String::from_utf8(output.stdout).expect("lines of text");
            let pairs = lines.lines().filter_map(|line| line.split_once('='));
            cluster.addresses.extend(pairs.map(|(name, address)| (name.to_owned(), address.to_owned())));
        }
        cluster
    }

    /// As `cargo xtask services up` prints it: of `KAFKA`, `OPENSEARCH`, …
    ///
    /// # Panics
    /// Where that was not started.
    pub fn address(&self, name: &str) -> &str {
        self.addresses.get(name).unwrap_or_else(|| panic!("no {name} was started"))
    }

    /// `pause`, `resume`, `kill` or `start` for a server such as `kafka3#2`.
    ///
    /// # Panics
    /// Where that fails.
    pub fn fault(&self, what: &str, server: &str) {
        let status = self.command(what).arg(server).status().expect("it ran just now");
        assert!(status.success(), "cargo xtask services {what} {server}: {status}");
    }

    fn command(&self, name: &str) -> Command {
        xtask(&["--set", &self.set, name])
    }
}

/// `cargo xtask services ARGS…`
pub fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(binary::xtask());
    command.arg("services").args(args).stdin(Stdio::null());
    command
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It may have ended by itself.
        let _ = self.guard.wait();
    }
}
