//! `--demo`: five services that write realistic logs at a human pace, with an incident every few minutes that shows in
//! several of them at once, and a file that is rotated now and then.
//!
//! Decision: what happens is drawn request by request from a seed, and every service writes its own lines about the same
//! request. So the lines tell one story: a trace id found in the web's 504 leads to the shop's timeout, the stack trace
//! of the orders service and the lock wait of the database.

mod chance;
mod file;
mod moment;
mod orders;
mod postgres;
mod request;
mod shop;
mod story;
mod system;
mod web;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Clock, Timestamp};
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use runtime::{Supervisor, SystemClock};

use crate::failure::Failure;
use chance::Chance;
use file::LogFile;
use moment::Moment;
use request::Request;
use story::{Trouble, trouble_at};

/// The streams, named after their folders.
const STREAMS: [&str; 5] = ["web", "shop", "orders", "postgres", "syslog"];
/// The files by the text that goes into them, and after how many bytes each is rotated.
const FILES: [(&str, u64); 6] = [
    ("web/access.log", 400 << 10),
    ("web/error.log", 4 << 20),
    ("shop/shop.log", 4 << 20),
    ("orders/orders.log", 4 << 20),
    ("postgres/postgresql.log", 4 << 20),
    ("syslog/syslog", 4 << 20),
];
/// Lines are written so often.
const TICK: Duration = Duration::from_millis(50);
/// Requests per second, on average.
const RATE: f64 = 40.0;

/// The demo's folder, removed at the end, and its services.
pub(crate) struct Demo {
    folder: PathBuf,
    services: Arc<Mutex<Services>>,
}

impl Demo {
    /// Makes a folder of its own and the files in it. Nothing is written yet.
    pub(crate) fn prepare(seed: u64) -> Result<Self, Failure> {
        let stamp = SystemClock.now().as_micros();
        let folder = std::env::temp_dir().join(format!("logdrive-demo-{}-{stamp}", std::process::id()));
        let services = Services::create(&folder.join("log"), seed).map_err(|error| {
            Failure::Failed(format!(
                "cannot write the demo's files in {}: {error}; set TMPDIR to a folder with room",
                folder.display()
            ))
        })?;
        Ok(Self { folder, services: Arc::new(Mutex::new(services)) })
    }

    /// Where logdrive's own data goes, if nobody says otherwise.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What is to be followed.
    pub(crate) fn paths(&self) -> Vec<String> {
        STREAMS.iter().map(|stream| self.folder.join("log").join(stream).display().to_string()).collect()
    }

    /// What is to be followed, by name.
    pub(crate) fn streams(&self) -> Vec<(&'static str, String)> {
        STREAMS.iter().copied().zip(self.paths()).collect()
    }

    /// Lets the services write until the shutdown.
    pub(crate) fn start(&self, supervisor: &Supervisor) {
        let services = self.services.clone();
        supervisor.spawn_blocking("demo", move |shutdown| {
            let mut services = services.lock();
            let zone = TimeZone::system();
            while !shutdown.is_called() {
                services.tick(SystemClock.now(), &zone)?;
                std::thread::sleep(TICK);
            }
            Ok::<(), io::Error>(())
        });
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "the demo's folder was not removed");
        }
    }
}

struct Services {
    seed: u64,
    chance: Chance,
    files: Vec<LogFile>,
    began: Instant,
    /// Requests that are due, with the part of one.
    due: f64,
    trouble: Option<Trouble>,
}

impl Services {
    fn create(folder: &Path, seed: u64) -> io::Result<Self> {
        let files =
            FILES.iter().map(|(name, max)| LogFile::create(folder.join(name), *max)).collect::<io::Result<_>>()?;
        Ok(Self { seed, chance: Chance::new(seed), files, began: Instant::now(), due: 0.0, trouble: None })
    }

    fn tick(&mut self, now: Timestamp, zone: &TimeZone) -> io::Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        let text = self.write(&Moment::new(now, zone), seconds);
        for (file, text) in self.files.iter_mut().zip(text) {
            file.append(&text)?;
        }
        Ok(())
    }

    /// What each service writes in one tick, in the order of [`FILES`].
    fn write(&mut self, now: &Moment, seconds: f64) -> [String; 6] {
        let [mut access, mut error, mut shop, mut orders, mut postgres, mut syslog] =
            std::array::from_fn(|_| String::new());
        let trouble = trouble_at(self.seed, seconds);
        let chance = &mut self.chance;
        match (self.trouble, trouble) {
            (None, Some(new)) => system::begin(new, now, &mut syslog),
            (Some(old), None) => {
                system::end(old, now, &mut syslog);
                if old.incident == story::Incident::OutOfMemory {
                    orders::restart(old, now, &mut orders);
                }
            }
            _ => {}
        }
        self.trouble = trouble;
        // Customers come in waves.
        let wave = 1.0 + 0.4 * (seconds / 20.0).sin() + 0.3 * (chance.share() - 0.5);
        self.due += RATE * wave * TICK.as_secs_f64();
        while self.due >= 1.0 {
            self.due -= 1.0;
            let request = Request::make(chance, trouble);
            postgres::lines(&request, now, chance, &mut postgres);
            orders::lines(&request, now, chance, &mut orders);
            shop::lines(&request, now, chance, &mut shop);
            web::error(&request, now, chance, &mut error);
            web::access(&request, now, &mut access);
        }
        let often = |per_second: f64| per_second * TICK.as_secs_f64();
        if chance.happens(often(1.5)) {
            system::background(now, chance, &mut syslog);
        }
        if chance.happens(often(1.0)) {
            orders::background(now, chance, &mut orders);
        }
        if chance.happens(often(0.8)) {
            postgres::background(now, chance, &mut postgres);
        }
        [access, error, shop, orders, postgres, syslog]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written in so many seconds, by file.
    fn told(seed: u64, seconds: u32) -> [String; 6] {
        let folder = tempfile::tempdir().unwrap();
        let mut services = Services::create(folder.path(), seed).unwrap();
        let mut all: [String; 6] = std::array::from_fn(|_| String::new());
        for tick in 0..seconds * 20 {
            let at = Timestamp::from_micros(1_769_853_600_000_000 + i64::from(tick) * 50_000);
            let texts = services.write(&Moment::new(at, &TimeZone::UTC), f64::from(tick) * 0.05);
            all.iter_mut().zip(texts).for_each(|(all, text)| all.push_str(&text));
        }
        all
    }

    #[test]
    fn one_seed_tells_one_story_at_a_human_pace() {
        let first = told(7, 60);
        assert!(first == told(7, 60) && first != told(8, 60));
        let lines: usize = first.iter().map(|text| text.lines().count()).sum();
        assert!((50 * 60..200 * 60).contains(&lines), "{lines} lines a minute");
        assert!(first.iter().all(|text| text.ends_with('\n')));
    }

    #[test]
    fn an_incident_shows_in_several_services() {
        let [access, error, shop, orders, postgres, _] = told(3, 66);
        let trace = shop.lines().find(|line| line.contains("timeout waiting for orders")).unwrap();
        let trace = serde_json::from_str::<serde_json::Value>(trace).unwrap()["trace_id"].as_str().unwrap().to_owned();
        assert!(orders.contains(&trace), "{trace}");
        for (text, word) in [
            (&access, "\" 504 "),
            (&error, "upstream timed out"),
            (&orders, "Caused by: org.postgresql.util.PSQLException"),
            (&postgres, "canceling statement due to lock timeout"),
        ] {
            assert!(text.contains(word), "{word}");
        }
        let calm = told(3, 30);
        assert!(!calm.iter().any(|text| text.contains("lock timeout")));
    }

    #[test]
    fn files_are_rotated_and_old_ones_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut file = LogFile::create(path.clone(), 3).unwrap();
        for n in 0..6 {
            file.append(&format!("line {n}\n")).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let all = ["a.log", "a.log.1", "a.log.2", "a.log.3", "a.log.4"].map(read);
        assert_eq!(all, ["line 5\n", "line 4\n", "line 3\n", "line 2\n", ""]);
    }
}
