//! What runs, written down.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use super::cache::{self, Lock};
use super::server::Server;
use super::{ALL, Service, all_good, each, find_service};

/// Names and values.
pub type Lines = Vec<(String, String)>;

/// A folder with what runs: `NAME.json` and `NAME/` for each service.
pub struct Set(PathBuf);

impl Set {
    /// The set of this name.
    pub fn named(name: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ensure!(!name.starts_with('.') && !name.is_empty() && name.chars().all(plain), "'{name}' is no name of a set");
        Ok(Self(sets()?.join(name)))
    }

    /// Starts these, or takes those that run. Answers the lines to print for each.
    pub fn up(&self, services: &[Service], with: &[String]) -> Vec<Result<Lines>> {
        each(services, |service| self.up_one(service, with))
    }

    fn up_one(&self, service: &Service, with: &[String]) -> Result<Lines> {
        (service.install)()?;
        let _lock = self.lock(service.name)?;
        let there = self.load(service.name)?;
        let healthy =
            !there.is_empty() && there.iter().all(|one| one.alive().is_some() && (service.ready)(one).is_ok());
        if healthy {
            return Ok((service.lines)(&there));
        }
        self.remove(service.name)?;
        // Between finding a port free and listening on it, somebody else may have taken it.
        let mut attempt = 1;
        let servers = loop {
            match self.start_new(service, with) {
                Ok(servers) => break servers,
                Err(failed) if attempt == 2 => return Err(failed),
                Err(failed) => eprintln!("{}: {failed:#}; once more", service.name),
            }
            attempt += 1;
            self.remove(service.name)?;
        };
        Ok((service.lines)(&servers))
    }

    fn start_new(&self, service: &Service, with: &[String]) -> Result<Vec<Server>> {
        let began = std::time::Instant::now();
        let mut servers = (service.plan)(&self.0.join(service.name), with)?;
        for n in 0..servers.len() {
            servers[n].spawn()?;
            // Written down at once, so that nothing is left behind whatever happens next.
            self.save(service.name, &servers)?;
        }
        servers.iter().try_for_each(|server| server.wait(service.ready))?;
        eprintln!("{}: ready after {:.1} s", service.name, began.elapsed().as_secs_f32());
        Ok(servers)
    }

    /// Stops one service and removes everything of it.
    pub fn down(&self, name: &str) -> Result<()> {
        let lock = self.lock(name)?;
        self.remove(name)?;
        drop(lock);
        // The last one takes the folder with it; otherwise this fails, and rightly.
        let _ = fs::remove_dir(&self.0);
        Ok(())
    }

    /// Stops everything.
    pub fn down_all(&self) -> Result<()> {
        let there: Vec<Service> = ALL.into_iter().filter(|service| self.0.join(service.name).exists()).collect();
        all_good(each(&there, |service| self.down(service.name)))?;
        let _ = fs::remove_dir(&self.0);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut servers = self.load(name)?;
        std::thread::scope(|scope| {
            for server in &mut servers {
                scope.spawn(|| server.stop());
            }
        });
        cache::remove(&self.0.join(name))?;
        match fs::remove_file(self.file(name)) {
            Err(failed) if failed.kind() != std::io::ErrorKind::NotFound => Err(failed).context("cannot forget it"),
            _ => Ok(()),
        }
    }

    /// The lines of everything that runs.
    pub fn lines(&self) -> Result<Lines> {
        let mut lines = Vec::new();
        for service in ALL {
            lines.extend((service.lines)(&self.load(service.name)?));
        }
        Ok(lines)
    }

    /// Does something bad to a server, or makes it good again.
    pub fn fault(&self, what: &str, server: &str) -> Result<()> {
        let service = find_service(server.split('#').next().unwrap_or_default())?;
        let _lock = self.lock(service.name)?;
        let mut servers = self.load(service.name)?;
        let mut meant: Vec<&mut Server> =
            servers.iter_mut().filter(|one| one.name == server || service.name == server).collect();
        if meant.is_empty() {
            bail!("no {server} runs");
        }
        for one in &mut meant {
            match what {
                "pause" => one.signal(Signal::STOP)?,
                "resume" => one.signal(Signal::CONT)?,
                "kill" => one.kill(),
                _ => one.spawn()?,
            }
        }
        let started: Vec<Server> =
            if what == "start" { meant.iter().map(|one| (**one).clone()).collect() } else { Vec::new() };
        self.save(service.name, &servers)?;
        started.iter().try_for_each(|one| one.wait(service.ready))
    }

    fn lock(&self, name: &str) -> Result<Lock> {
        Lock::take(&self.0.join(format!(".{name}.lock")))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    fn load(&self, name: &str) -> Result<Vec<Server>> {
        let file = self.file(name);
        match fs::read(&file) {
            Err(failed) if failed.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            read => serde_json::from_slice(&read?).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn save(&self, name: &str, servers: &[Server]) -> Result<()> {
        let new = self.0.join(format!(".{name}.new"));
        fs::write(&new, serde_json::to_vec_pretty(servers)?)?;
        fs::rename(&new, self.file(name))
            .with_context(|| format!("cannot write down what runs in {}", self.0.display()))
    }
}

fn sets() -> Result<PathBuf> {
    Ok(cache::folder()?.join("run"))
}

/// Prints what runs in all sets.
pub fn status() -> Result<()> {
    let mut rows = vec![["SET", "NAME", "PID", "STATE", "MIB", "ADDRESS"].map(str::to_owned)];
    let mut folders: Vec<PathBuf> = match fs::read_dir(sets()?) {
        Err(failed) if failed.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        entries => entries?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?,
    };
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let set = Set(folder);
        for server in ALL.iter().map(|service| set.load(service.name)).collect::<Result<Vec<_>>>()?.concat() {
            let (pid, state, mib) = match server.alive() {
                Some(process) => {
                    let (mib, state) = process.shown();
                    (process.pid.to_string(), state, mib.to_string())
                }
                None => ("-".to_owned(), "dead", "-".to_owned()),
            };
            rows.push([name.clone(), server.name, pid, state.to_owned(), mib, server.address]);
        }
    }
    print_table(&rows);
    Ok(())
}

fn print_table(rows: &[[String; 6]]) {
    let width = |n: usize| rows.iter().map(|row| row[n].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}  {}", cells.join("  "), row[5]);
    }
}
