//! What is measured of lines is the same whatever happens on the way: the transfer and InfluxDB die at random, lines
//! come late, and at the end each window's point says exactly what was written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use e2e::{Cluster, Folder, Random, Server, Start, services, until_within};
use serde_json::Value;

const FAULTS: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(180);
/// One every 1.6 seconds of the times that the lines tell.
const LINES: u64 = 3000;
/// A line may be so many seconds late: less than the rule allows.
const LATE: u64 = 100;

/// Count and sum, by minute of the day and route.
type Points = BTreeMap<(u64, String), (u64, u64)>;

struct Chain {
    // In the order in which they end.
    agent: Option<Server>,
    transfer: Option<Server>,
    cluster: Cluster,
    settings: String,
    folder: Folder,
}

impl Chain {
    fn start(seed: u64) -> Self {
        let cluster = Cluster::start(&[("kafka", &[]), ("influxdb2", &[])]);
        let folder = Folder::new();
        let settings = format!(
            r#"
[queue]
url = "kafka://{kafka}"
[kafka]
topic = "measured-{seed}"
create_topics = true
partitions = 1
session_timeout = "6s"
[metrics]
url = "influxdb2://{influxdb}"
org = "logdrive"
bucket = "logdrive"
token = "logdrive-test-token"
[[stream]]
name = "shop"
paths = ["{logs}/*"]
[[metric]]
name = "took"
streams = ["shop"]
where = "level:info"
field = "ms"
values = ["count", "sum"]
by = ["route"]
window = "1m"
lateness = "3m"
"#,
            kafka = cluster.address("KAFKA"),
            influxdb = cluster.address("INFLUXDB2").trim_start_matches("http://"),
            logs = folder.logs().display()
        );
        let mut chain = Self { agent: None, transfer: None, cluster, settings, folder };
        chain.start_transfer();
        chain.agent = Some(chain.role("agent").spawn());
        chain
    }

    fn role(&self, role: &str) -> Start {
        let path = self.folder.path(role);
        std::fs::create_dir_all(&path).expect("our own folder");
        Start::role(&path, &path.join("data"), role).config(&self.settings).arg("--listen").arg("127.0.0.1:0")
    }

    fn start_transfer(&mut self) {
        self.transfer = Some(self.role("transfer").spawn());
    }

    fn suffer(&mut self, random: &mut Random) {
        for n in 0..FAULTS {
            std::thread::sleep(Duration::from_millis(random.below(2500)));
            if n % 2 == 0 {
                self.transfer.take().expect("started").kill();
                self.start_transfer();
            } else {
                self.cluster.fault("kill", "influxdb2");
                std::thread::sleep(Duration::from_millis(random.below(1500)));
                self.cluster.fault("start", "influxdb2");
            }
        }
    }

    /// What InfluxDB holds.
    fn points(&self) -> Result<Points, String> {
        let url = format!("{}/query?db=logdrive&epoch=s&q=SELECT%20*%20FROM%20took", self.cluster.address("INFLUXDB2"));
        let answer = ureq::get(url).header("authorization", "Token logdrive-test-token").call();
        let text =
            answer.and_then(|mut answer| answer.body_mut().read_to_string()).map_err(|failed| failed.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|failed| failed.to_string())?;
        let series = &answer["results"][0]["series"][0];
        let column = |name: &str| {
            let columns = series["columns"].as_array().map_or(&[][..], Vec::as_slice);
            columns.iter().position(|column| column == name).ok_or_else(|| format!("no column {name}: {text}"))
        };
        let (time, route, count, sum) = (column("time")?, column("route")?, column("count")?, column("sum")?);
        let mut points = Points::new();
        for row in series["values"].as_array().map_or(&[][..], Vec::as_slice) {
            let number = |n: usize| row[n].as_f64().map_or(u64::MAX, |value| value as u64);
            let at = (number(time) % 86_400 / 60, row[route].as_str().unwrap_or_default().to_owned());
            if points.insert(at, (number(count), number(sum))).is_some() {
                return Err(format!("two points of one window: {row}"));
            }
        }
        Ok(points)
    }
}

fn line(second: u64, level: &str, route: &str, ms: u64) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{{\"time\":\"2026-01-05T{hour:02}:{minute:02}:{second:02}Z\",\"level\":\"{level}\",\"route\":\"{route}\",\"ms\":{ms}}}\n"
    )
}

/// Writes slowly, so that the faults come in between.
fn write(log: &mut File, random: &mut Random) -> Points {
    let mut points = Points::new();
    let mut text = String::new();
    for n in 0..LINES {
        let second = 3600 + n * 8 / 5 - random.below(LATE);
        let (route, ms) = (["cart", "search", "mail"][random.below(3) as usize], random.below(5000));
        if random.percent(10) {
            text += &line(second, "debug", route, ms);
        } else {
            text += &line(second, "info", route, ms);
            let point = points.entry((second / 60, route.to_owned())).or_default();
            *point = (point.0 + 1, point.1 + ms);
        }
        if n % 20 == 19 {
            log.write_all(text.as_bytes()).expect("our own folder");
            text.clear();
            std::thread::sleep(Duration::from_millis(random.below(160)));
        }
    }
    // By these everybody knows that the windows before are over.
    for second in [50_000, 60_000] {
        log.write_all(line(second, "debug", "end", 0).as_bytes()).expect("our own folder");
    }
    points
}

#[test]
fn what_is_measured_of_lines_is_exact_whoever_dies() {
    let test = "what_is_measured_of_lines_is_exact_whoever_dies";
    for server in ["KAFKA", "INFLUXDB2"] {
        let Some(_) = services::address(server, test) else { return };
    }
    let seed = Random::seed();
    eprintln!("seed {seed}: repeat with LOGDRIVE_TEST_SEED={seed}");
    let mut chain = Chain::start(seed);
    let mut log = File::create(chain.folder.path("logs/shop.log")).expect("our own folder");
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&mut log, &mut Random::new(seed)));
        chain.suffer(&mut Random::new(seed + 1));
        writer.join().expect("a writer")
    });
    until_within(PATIENCE, &format!("seed {seed}: each window's point is what was written"), || {
        for server in [&mut chain.agent, &mut chain.transfer].into_iter().flatten() {
            assert!(server.is_running(), "it ended by itself: {}", server.output());
        }
        match chain.points()? {
            points if points == written => Ok(()),
            points => Err(differences(&written, &points)),
        }
    });
    // Once more from the beginning of what is left to do: nothing changes.
    chain.transfer.take().expect("started").kill();
    chain.start_transfer();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(differences(&written, &chain.points().expect("points")), "");
    for server in [chain.agent.take(), chain.transfer.take()].into_iter().flatten() {
        assert_eq!(server.stop().code(), Some(0), "seed {seed}");
    }
}

/// The first few.
fn differences(written: &Points, found: &Points) -> String {
    let mut shown = String::new();
    let keys: std::collections::BTreeSet<_> = written.keys().chain(found.keys()).collect();
    let different = keys.into_iter().filter(|key| written.get(key) != found.get(key));
    for key in different.take(5) {
        let _ = writeln!(shown, "{key:?}: written {:?}, found {:?}", written.get(key), found.get(key));
    }
    shown
}
