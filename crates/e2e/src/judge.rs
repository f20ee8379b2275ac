//! The judge: writers that know every byte, the whole chain over real servers, faults at random, and then the question
//! whether each line is in the store once, byte by byte.
//!
//! Decision: the judge asks the store itself, not logdrive, and takes nothing for granted but the ids of the documents:
//! from them the files are put together again and compared with what was written.
//!
//! By hand, for long runs: `LOGDRIVE_JUDGE_SECONDS` (how long the faults go on), `LOGDRIVE_JUDGE_HANG` (seconds that a
//! broker hangs), `LOGDRIVE_JUDGE_EVERY` (seconds between two losses of a leader), `LOGDRIVE_TEST_SEED`. For example
//!
//! ```sh
//! LOGDRIVE_JUDGE_SECONDS=600 LOGDRIVE_JUDGE_EVERY=20 cargo xtask test -p e2e --test judge three_brokers -- --nocapture
//! ```

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::kafka::Topic;
use crate::opensearch::OpenSearch;
use crate::{Cluster, Folder, Ledger, Random, Server, Start, Writer, found, until, until_within};

/// For what was written to be in the store, once everything runs.
const CATCH_UP: Duration = Duration::from_secs(300);
/// A busy machine, brokers that died: they all take their time.
const RECOVERY: Duration = Duration::from_secs(120);
const WRITERS: u64 = 3;
/// Lines of up to 2 MiB pass as one message.
const BROKER: [&str; 2] = ["message.max.bytes=8388608", "replica.fetch.max.bytes=8388608"];

/// Something bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of the agent, and another one.
    Agent,
    /// `kill -9` of the transfer, and another one.
    Transfer,
    /// `kill -9` of the broker, and it comes back; of three, the one that leads partition 0.
    Broker,
    /// A broker that hangs for a while: it keeps its connections, and says nothing.
    Hang,
    /// `kill -9` of the store, and it comes back.
    Store,
    /// The store answers each document with 429 for a while.
    Full,
}

/// What is judged.
pub struct Case {
    /// In the names of things.
    pub name: &'static str,
    /// 1 or 3.
    pub brokers: u32,
    /// How many transfers share the work.
    pub transfers: u32,
    /// As in `[kafka]`.
    pub partitioner: &'static str,
    /// As in `[kafka]`.
    pub framing: &'static str,
    /// Settings of the store's server.
    pub store: &'static [&'static str],
    /// Which faults there are; each comes once before one comes again.
    pub faults: &'static [Fault],
    /// How many, unless `LOGDRIVE_JUDGE_SECONDS` says how long.
    pub rounds: u32,
    /// The longest time between two, in milliseconds.
    pub pause: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// Documents in the store: each is a record.
    pub records: u64,
    /// Messages in Kafka.
    pub messages: u64,
}

/// Runs a case to its end.
///
/// # Panics
/// Where a line is missing, changed, or there twice.
pub fn judge(case: &Case) -> Verdict {
    let seed = Random::seed();
    eprintln!("{}: seed {seed}: repeat with LOGDRIVE_TEST_SEED={seed}", case.name);
    let mut chain = Chain::start(case, seed);
    let stop = AtomicBool::new(false);
    let ledger = std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        let logs = chain.folder.logs();
        let writer = |n| {
            let (logs, stop) = (logs.clone(), &stop);
            move || write(&logs, n, seed, stop)
        };
        let writers: Vec<_> = (0..WRITERS).map(|n| scope.spawn(writer(n))).collect();
        chain.suffer(case, &mut Random::new(seed));
        stop.store(true, Ordering::SeqCst);
        let mut ledger = Ledger::default();
        writers.into_iter().for_each(|writer| ledger.extend(writer.join().expect("a writer")));
        ledger
    });
    chain.judge(&ledger, seed)
}

/// Lets the writers end where the test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn write(logs: &std::path::Path, n: u64, seed: u64, stop: &AtomicBool) -> Ledger {
    let mut random = Random::new(seed + 1000 + n);
    let mut writer = Writer::new(logs, &format!("service-{n}"), seed + 2000 + n);
    while !stop.load(Ordering::SeqCst) {
        writer.burst();
        if random.percent(3) {
            writer.rotate();
        }
        std::thread::sleep(Duration::from_millis(random.below(400)));
    }
    writer.finish()
}

/// Agent, Kafka, transfer, OpenSearch.
struct Chain {
    // In the order in which they end.
    agent: Option<Server>,
    transfers: Vec<Option<Server>>,
    cluster: Cluster,
    brokers: Vec<String>,
    topic: Topic,
    store: OpenSearch,
    settings: String,
    /// Where the transfers listen: free at first, then always the same, so that the agent finds the first again.
    listen: Vec<String>,
    folder: Folder,
}

impl Chain {
    fn start(case: &Case, seed: u64) -> Self {
        let (service, variable) = if case.brokers == 3 { ("kafka3", "KAFKA3") } else { ("kafka", "KAFKA") };
        let cluster = Cluster::start(&[(service, &BROKER), ("opensearch", case.store)]);
        let folder = Folder::new();
        let (kafka, opensearch) = (cluster.address(variable).to_owned(), cluster.address("OPENSEARCH").to_owned());
        let topic = format!("judge-{}-{seed}", case.name);
        let settings = settings(case, &kafka, opensearch.trim_start_matches("http://"), &topic, &folder.logs());
        let brokers = match case.brokers {
            3 => (1..=3).map(|n| format!("kafka3#{n}")).collect(),
            _ => vec!["kafka".to_owned()],
        };
        let store = OpenSearch::new(&opensearch, &format!("{topic}-*"));
        let topic = Topic::new(&kafka, &topic);
        let listen: Vec<String> = (0..case.transfers).map(|_| "127.0.0.1:0".to_owned()).collect();
        let (agent, transfers) = (None, listen.iter().map(|_| None).collect());
        let mut chain = Self { agent, transfers, cluster, brokers, topic, store, settings, listen, folder };
        (0..chain.transfers.len()).for_each(|n| chain.start_transfer(n));
        chain.start_agent();
        chain
    }

    fn place(&self, role: &str) -> (PathBuf, PathBuf) {
        let folder = self.folder.path(role);
        std::fs::create_dir_all(&folder).expect("our own folder");
        let data = folder.join("data");
        (folder, data)
    }

    fn start_transfer(&mut self, n: usize) {
        let (folder, data) = self.place(&format!("transfer-{n}"));
        let start = Start::role(&folder, &data, "transfer").config(&self.settings).arg("--listen");
        let mut server = start.arg(&self.listen[n]).spawn();
        server.says_address();
        self.listen[n] = server.client().address.trim_start_matches("http://").to_owned();
        self.transfers[n] = Some(server);
    }

    fn start_agent(&mut self) {
        let (folder, data) = self.place("agent");
        let start = Start::role(&folder, &data, "agent").config(&self.settings);
        let server = format!("http://{}", self.listen[0]);
        self.agent = Some(start.arg("--listen").arg("127.0.0.1:0").arg("--server").arg(server).spawn());
    }

    /// One fault after the other.
    fn suffer(&mut self, case: &Case, random: &mut Random) {
        let limit = variable("LOGDRIVE_JUDGE_SECONDS");
        let (began, mut round) = (Instant::now(), 0);
        let mut left: Vec<Fault> = Vec::new();
        while limit.map_or(round < case.rounds, |seconds| began.elapsed() < Duration::from_secs(seconds)) {
            std::thread::sleep(Duration::from_millis(random.below(case.pause)));
            if left.is_empty() {
                left.extend(case.faults);
            }
            let fault = left.swap_remove(random.below(left.len() as u64) as usize);
            eprintln!("{} {:>6.1} s: {fault:?}", case.name, began.elapsed().as_secs_f32());
            let while_down = Duration::from_millis(random.below(1500));
            match fault {
                Fault::Agent => {
                    self.agent.take().expect("started").kill();
                    self.start_agent();
                }
                Fault::Transfer => {
                    let n = random.below(self.transfers.len() as u64) as usize;
                    self.transfers[n].take().expect("started").kill();
                    self.start_transfer(n);
                }
                Fault::Broker => self.lose_broker(while_down),
                Fault::Hang => self.hang_broker(random),
                Fault::Store => self.lose("opensearch", while_down),
                Fault::Full => self.fill_store(while_down),
            }
            round += 1;
        }
    }

    fn lose(&self, server: &str, for_now: Duration) {
        self.cluster.fault("kill", server);
        std::thread::sleep(for_now);
        self.cluster.fault("start", server);
    }

    fn lose_broker(&self, for_now: Duration) {
        if self.brokers.len() == 1 {
            return self.lose(&self.brokers[0], for_now);
        }
        let leader = until_within(RECOVERY, "partition 0 has a leader", || {
            let leaders = self.topic.leaders()?;
            usize::try_from(leaders[0]).map_err(|_| format!("{leaders:?}"))
        });
        let server = &self.brokers[leader - 1];
        let lost = Instant::now();
        self.cluster.fault("kill", server);
        // Long enough that another leads, and that messages are written there.
        until_within(RECOVERY, "another broker leads", || match self.topic.leaders()? {
            leaders if leaders.iter().all(|&other| other >= 0 && other != leader as i64) => Ok(()),
            leaders => Err(format!("{leaders:?}")),
        });
        std::thread::sleep(for_now);
        self.cluster.fault("start", server);
        let every = Duration::from_secs(variable("LOGDRIVE_JUDGE_EVERY").unwrap_or(2));
        std::thread::sleep(every.saturating_sub(lost.elapsed()));
    }

    fn hang_broker(&self, random: &mut Random) {
        let server = &self.brokers[random.below(self.brokers.len() as u64) as usize];
        let seconds = variable("LOGDRIVE_JUDGE_HANG").unwrap_or_else(|| 2 + random.below(4));
        self.cluster.fault("pause", server);
        std::thread::sleep(Duration::from_secs(seconds));
        self.cluster.fault("resume", server);
    }

    fn fill_store(&self, for_now: Duration) {
        // Without an index yet there is nothing to fill.
        if self.store.full(true).is_ok() {
            std::thread::sleep(for_now);
            until_within(RECOVERY, "the store takes again", || self.store.full(false));
        }
    }

    /// Waits until everything must be there, and looks.
    fn judge(mut self, ledger: &Ledger, seed: u64) -> Verdict {
        let written = ledger.bytes();
        eprintln!("seed {seed}: {} files, {written} bytes", ledger.0.len());
        let began = Instant::now();
        let (records, _) = until_within(CATCH_UP, "everything is in the store", || match self.store.totals()? {
            (records, bytes) if bytes == written => Ok((records, bytes)),
            (records, bytes) => {
                for server in [&mut self.agent].into_iter().chain(&mut self.transfers).flatten() {
                    assert!(server.is_running(), "seed {seed}: it ended by itself: {}", server.output());
                }
                assert!(bytes < written, "seed {seed}: {bytes} bytes in {records} records, {written} written");
                Err(format!("{bytes} of {written} bytes"))
            }
        });
        let took = began.elapsed().as_secs_f32();
        let transfers = std::mem::take(&mut self.transfers);
        for server in [self.agent.take()].into_iter().chain(transfers).flatten() {
            assert_eq!(server.stop().code(), Some(0), "seed {seed}");
        }
        let hits = self.store.all().expect("the documents");
        assert_eq!(hits.len() as u64, records, "seed {seed}: something came after the end");
        let found = found(&hits).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert_eq!(ledger.compare(found.values().map(|file| &*file.bytes)), Ok(()), "seed {seed}");
        let messages = until("Kafka counts its messages", || self.topic.messages());
        let again = messages.saturating_sub(records);
        eprintln!("seed {seed}: {records} records after {took:.1} s, each once; {again} twice in Kafka of {messages}");
        Verdict { records, messages }
    }
}

fn settings(case: &Case, kafka: &str, opensearch: &str, topic: &str, logs: &std::path::Path) -> String {
    let Case { partitioner, framing, brokers, .. } = case;
    let urls = kafka;
    format!(
        r#"
[queue]
url = "kafka://{urls}"

[kafka]
topic = "{topic}"
create_topics = true
partitions = 6
replication = {brokers}
partitioner = "{partitioner}"
framing = "{framing}"
message_bytes_max = "8MB"
session_timeout = "6s"

[agent]
line_bytes_max = "2MiB"

[store]
url = "opensearch://{opensearch}"
index = "{topic}-{{yyyy.MM.dd}}"
install = true

[[stream]]
name = "judge"
paths = ["{logs}/*"]
"#,
        logs = logs.display()
    )
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number of seconds, not '{value}'")))
}
