//! One server process: how it is started, what it is reached by, whether it lives.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::process::Process;

/// On a busy machine a JVM takes its time.
const START: Duration = Duration::from_secs(120);
/// A broker that hands over its partitions first takes seconds.
const STOP: Duration = Duration::from_secs(10);

/// What is needed to start it, and to start it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Server {
    /// `kafka`, or `kafka3#2` where there are several.
    pub name: String,
    /// How it is reached: `127.0.0.1:port`.
    pub address: String,
    /// Other addresses of it, by name.
    #[serde(default)]
    pub others: Vec<(String, String)>,
    /// Its data, settings and log.
    pub folder: PathBuf,
    program: PathBuf,
    args: Vec<String>,
    process: Option<Process>,
}

impl Server {
    /// One that does not run yet; its folder is made.
    pub fn new(name: impl Into<String>, address: String, folder: PathBuf, program: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { name: name.into(), address, others: Vec::new(), folder, program, args: Vec::new(), process: None })
    }

    /// With these arguments.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Reached by another address, too.
    pub fn other(mut self, name: &str, address: String) -> Self {
        self.others.push((name.to_owned(), address));
        self
    }

    /// A file in its folder.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Starts it, without waiting for it.
    pub fn spawn(&mut self) -> Result<()> {
        if self.alive().is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(self.log())?;
        // In a process group of its own, it does not end with the terminal's Ctrl-C.
        let child = Command::new(&self.program)
            .args(&self.args)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        self.process = Process::of(child.id());
        Ok(())
    }

    /// Waits until it answers.
    pub fn wait(&self, answers: impl Fn(&Self) -> Result<()>) -> Result<()> {
        let began = Instant::now();
        loop {
            let Err(instead) = answers(self) else { return Ok(()) };
            let died = self.alive().is_none();
            if died || began.elapsed() > START {
                let how = if died { "ended".to_owned() } else { format!("does not answer: {instead:#}") };
                bail!("{} at {} {how}; its log ends:\n{}", self.name, self.address, self.log_end());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its process, if it runs.
    pub fn alive(&self) -> Option<Process> {
        self.process.filter(|process| process.alive())
    }

    /// Ends it.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(STOP);
        }
    }

    /// Ends it without asking.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(rustix::process::Signal::KILL);
            process.gone_within(STOP);
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let process = self.alive().with_context(|| format!("{} does not run", self.name))?;
        process.signal(signal);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn log_end(&self) -> String {
        end_of(&self.log()).unwrap_or_default()
    }
}

/// The last lines of a file.
fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(3000)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
