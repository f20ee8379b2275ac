//! A running `logdrive up`.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::{Client, Folder, binary, logdrive, until};

/// How to start it.
pub struct Start {
    command: Command,
    folder: PathBuf,
}

impl Start {
    /// `logdrive up PATH…` with its data in `data` under the test's folder and a port that is free.
    pub fn up(folder: &Folder, paths: &[&Path]) -> Self {
        Self::up_in(&folder.path(""), &folder.path("data"), paths)
    }

    /// The same, with its data in `data` and what it says in `folder`.
    pub fn up_in(folder: &Path, data: &Path, paths: &[&Path]) -> Self {
        let mut start = Self::role(folder, data, "up").arg("--listen").arg("127.0.0.1:0");
        start.command.args(paths);
        start
    }

    /// `logdrive ROLE` with its data in `data` and what it says in `folder`.
    pub fn role(folder: &Path, data: &Path, role: &str) -> Self {
        let mut command = logdrive(&[role]);
        command.arg("--data").arg(data).current_dir(folder);
        Self { command, folder: folder.to_owned() }
    }

    /// With another argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.command.arg(arg.into());
        self
    }

    /// With settings of a file, as in `logdrive.toml`.
    ///
    /// # Panics
    /// Where the file cannot be written.
    #[must_use]
    pub fn config(self, text: &str) -> Self {
        let path = self.folder.join("logdrive.toml");
        std::fs::write(&path, text).expect("our own folder");
        self.arg("-c").arg(path)
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdio) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// Starts it without waiting for anything.
    ///
    /// # Panics
    /// Where the binary cannot be started.
    pub fn spawn(mut self) -> Server {
        let (out, err) = (self.folder.join("out.txt"), self.folder.join("err.txt"));
        let create = |path: &Path| File::create(path).expect("our own folder");
        self.command.stdout(create(&out)).stderr(create(&err));
        let child = self.command.spawn().unwrap_or_else(|failed| panic!("{}: {failed}", binary().display()));
        Server { child, out, err, client: None }
    }

    /// Starts it and waits until it answers.
    pub fn start(self) -> Server {
        let mut server = self.spawn();
        server.ready();
        server
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// Where it does not end by itself.
    pub fn fails(self) -> (ExitStatus, String) {
        let mut server = self.spawn();
        let status = until("it ends by itself", || match server.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            _ => Err(format!("still running: {}", server.output())),
        });
        (status, server.output())
    }
}

/// Ends with the test, whatever happens.
pub struct Server {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    client: Option<Client>,
}

impl Server {
    /// Waits until it has said its address and answers there.
    ///
    /// # Panics
    /// Where it ends instead, or never answers.
    pub fn ready(&mut self) -> &Client {
        let client = self.says_address();
        until("logdrive is ready", || client.get("/ready").map(|_| ()));
        self.client()
    }

    /// Waits until it has said its address: what it needs may be missing yet.
    ///
    /// # Panics
    /// Where it ends instead.
    pub fn says_address(&mut self) -> &Client {
        let address = until("logdrive says its address", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("logdrive ended with {status}: {}", self.output());
            }
            address(&read(&self.out)).ok_or_else(|| self.output())
        });
        self.client.insert(Client::new(&address))
    }

    /// Asks it.
    ///
    /// # Panics
    /// Where it was never ready.
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("the test waited until it was ready")
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The writing end of its standard input.
    pub fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// `kill -9`
    ///
    /// # Panics
    /// Where it was dead already.
    pub fn kill(mut self) {
        assert!(self.is_running(), "logdrive ended by itself: {}", self.output());
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Stops it as a service manager does.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn stop(self) -> ExitStatus {
        self.terminate();
        self.ends()
    }

    /// Tells it to stop.
    ///
    /// # Panics
    /// Where it is not there any more.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is our child");
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// Where it does not.
    pub fn ends(mut self) -> ExitStatus {
        until("logdrive ends by itself", || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            _ => Err(self.output()),
        })
    }

    /// What it said so far on both streams.
    pub fn output(&self) -> String {
        format!("{}{}", read(&self.out), read(&self.err))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- logdrive said:\n{}---", self.output());
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The `http://ADDRESS:PORT` that it says is its own, on a line that is complete.
fn address(text: &str) -> Option<String> {
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let own = lines.filter_map(|line| line.trim().strip_prefix("address "));
    own.map(str::trim).find(|address| address.starts_with("http://")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address_once_it_is_whole() {
        let text = "  store    http://127.0.0.1:9200\n  address  http://127.0.0.1:4711\n  try      ";
        assert_eq!(address(text).as_deref(), Some("http://127.0.0.1:4711"));
        assert_eq!(address("  address  http://127.0.0.1:47"), None);
    }
}
