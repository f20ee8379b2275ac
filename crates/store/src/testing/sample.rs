//! Records like those of real services, the same for the same seed.

use model::{Format, Level};

use super::BatchBuilder;
use crate::StoreBatch;

/// A small source of chance: the same numbers for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    /// One of these.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

const WORDS: [&str; 12] = [
    "timeout",
    "timeouts",
    "connection",
    "reset",
    "by",
    "peer",
    "Größe",
    "10.0.0.1",
    "user_id=7",
    "[ERROR]",
    "a\\b",
    "x:y",
];
const LEVELS: [Level; 5] = [Level::Unknown, Level::Debug, Level::Info, Level::Warn, Level::Error];
const PATHS: [&str; 5] = ["/health", "/api/v1/users", "/api/v1/health?x=1", "/", "/Login"];
const STATUS: [&str; 6] = ["200", "201", "404", "500", "503", "-"];

/// A batch of `count` records, and where the next batch of that source begins.
pub fn sample(random: &mut Random, batch: BatchBuilder, count: usize, first_time: i64) -> BatchBuilder {
    let mut batch = batch;
    for n in 0..count {
        let jitter = random.below(5_000_000) as i64 - 2_500_000;
        let time = first_time + n as i64 * 1_000_000 + jitter;
        match random.below(4) {
            0 => access(random, &mut batch, time),
            1 => json(random, &mut batch, time),
            2 => logfmt(random, &mut batch, time),
            _ => plain(random, &mut batch, time),
        }
    }
    batch
}

/// Batches of several streams, hosts, sources and generations.
pub fn samples(seed: u64, batches: usize, records: usize) -> Vec<StoreBatch> {
    let mut random = Random::new(seed);
    let mut ends = [0u64; 4];
    (0..batches)
        .map(|n| {
            let which = random.below(4) as usize;
            let source = u128::from(seed) << 32 | (which as u128 % 3 + 1);
            let (stream, host) = [("web", "h1"), ("app-1", "h2"), ("Sys", "h1"), ("web", "h1")][which];
            let path = format!("/var/log/{stream}/{which}.log");
            let batch = BatchBuilder::new(source, u32::from(which == 3), ends[which]);
            let batch = batch.origin(stream, host, &path).place(which as u32 % 2, n as u64);
            let time = 1_700_000_000_000_000 + n as i64 * 40_000_000;
            let batch = sample(&mut random, batch, records, time);
            ends[which] = batch.end();
            batch.build()
        })
        .collect()
}

fn phrase(random: &mut Random) -> String {
    let words: Vec<&str> = (0..1 + random.below(5)).map(|_| *random.one(&WORDS)).collect();
    words.join(" ")
}

fn access(random: &mut Random, batch: &mut BatchBuilder, time: i64) {
    let (path, status) = (*random.one(&PATHS), *random.one(&STATUS));
    let client = format!("10.0.0.{}", random.below(20));
    let bytes = random.below(5000).to_string();
    let line = format!("{client} - - [x] \"GET {path} HTTP/1.1\" {status} {bytes}");
    let mut fields: Vec<(&str, &[u8])> = vec![("client", client.as_bytes()), ("path", path.as_bytes())];
    if status != "-" {
        fields.push(("status", status.as_bytes()));
    }
    fields.push(("bytes", bytes.as_bytes()));
    let level = if status.starts_with('5') { Level::Error } else { Level::Unknown };
    batch.line(line.as_bytes(), time, level, Format::Access, &fields);
}

fn json(random: &mut Random, batch: &mut BatchBuilder, time: i64) {
    let level = *random.one(&LEVELS);
    let (message, took) = (phrase(random), format!("{}.{}", random.below(3), random.below(100)));
    let escaped = message.replace('\\', "\\\\").replace('t', if random.below(4) == 0 { "\\u0074" } else { "t" });
    let line = format!("{{\"level\":\"{level}\",\"msg\":\"{escaped}\",\"took\":{took}}}");
    let fields: [(&str, &[u8]); 3] =
        [("level", level.name().as_bytes()), ("msg", message.as_bytes()), ("took", took.as_bytes())];
    batch.line(line.as_bytes(), time, level, Format::Json, &fields);
}

fn logfmt(random: &mut Random, batch: &mut BatchBuilder, time: i64) {
    let level = *random.one(&LEVELS);
    let (user, count) = (*random.one(&["ann", "bob", "Carol", "ann-2"]), random.below(300).to_string());
    let line = format!("level={level} user={user} count={count} localhost:{count}");
    let fields: [(&str, &[u8]); 3] =
        [("level", level.name().as_bytes()), ("user", user.as_bytes()), ("count", count.as_bytes())];
    batch.line(line.as_bytes(), time, level, Format::Logfmt, &fields);
}

fn plain(random: &mut Random, batch: &mut BatchBuilder, time: i64) {
    let mut line = phrase(random).into_bytes();
    match random.below(8) {
        0 => line.clear(),
        1 => line.extend_from_slice(b" \xff\xfe\0 end"),
        2 => line.extend_from_slice(b"\n\tat java.lang.Thread.run(Thread.java:12)\r"),
        _ => {}
    }
    batch.plain(&line, time);
}
