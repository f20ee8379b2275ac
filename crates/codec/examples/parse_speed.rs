//! How fast lines are cut and parsed: CPU seconds per GB for a mix of access, JSON and stack-trace lines (52 %, 40 %
//! and 8 % of the records), each kind in batches of its own, as files are.
//!
//! `cargo run --release -p codec --example parse_speed [-- KIND [STAGE]]`, KIND being `access`, `json`, `java` or
//! `mixed`, STAGE one of those printed.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use base::Timestamp;
use bytes::Bytes;
use codec::{FieldReader, Framing, ParseRules, Parser, cut, cut_last_newline, detect, encode_payload, field};
use model::{Batch, BatchFlags, BatchHeader, Codec, Generation, Revision, SourceId, SourceKey};

const BLOCK: usize = 256 << 10;
const ROUNDS: usize = 20;

/// A sequence that is the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) ^ (self.0 >> 50)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const PATHS: [&str; 8] =
    ["/", "/health", "/api/v1/items", "/login", "/static/app.js", "/search", "/cart", "/img/logo.png"];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605",
    "curl/8.4.0",
    "kube-probe/1.28",
];
const MESSAGES: [&str; 4] = ["request handled", "cache miss", "payment accepted", "user \\\"guest\\\" logged in"];

fn access(dice: &mut Dice, n: u64, out: &mut String) {
    let _ = writeln!(
        out,
        "10.{}.{}.{} - - [31/Jan/2024:10:{:02}:{:02} +0000] \"{} {}?id={} HTTP/1.1\" {} {} \"https://example.com{}\" \"{}\"",
        dice.below(4),
        dice.below(40),
        dice.below(250),
        n / 60 % 60,
        n % 60,
        dice.pick(&["GET", "GET", "GET", "POST"]),
        dice.pick(&PATHS),
        dice.below(100_000),
        dice.pick(&["200", "200", "200", "304", "404", "502"]),
        dice.below(50_000),
        dice.pick(&PATHS),
        dice.pick(&AGENTS),
    );
}

fn json(dice: &mut Dice, n: u64, out: &mut String) {
    let _ = writeln!(
        out,
        "{{\"time\":\"2024-01-31T10:{:02}:{:02}.{:03}Z\",\"level\":\"{}\",\"service\":\"{}\",\"msg\":\"{}\",\
         \"user_id\":{},\"duration_ms\":{}.{},\"trace_id\":\"{:016x}\",\"http\":{{\"method\":\"GET\",\"status\":{}}}}}",
        n / 60 % 60,
        n % 60,
        dice.below(1000),
        dice.pick(&["info", "info", "info", "warn", "error", "debug"]),
        dice.pick(&["checkout", "cart", "auth"]),
        dice.pick(&MESSAGES),
        dice.below(10_000),
        dice.below(900),
        dice.below(10),
        dice.next() * dice.next(),
        dice.pick(&["200", "500", "404"]),
    );
}

fn java(dice: &mut Dice, n: u64, out: &mut String) {
    let _ = writeln!(
        out,
        "2024-01-31 10:{:02}:{:02},{:03} ERROR [worker-{}] com.example.shop.OrderService - could not place order {}\n\
         java.lang.IllegalStateException: no stock for {}\n\
         \tat com.example.shop.OrderService.place(OrderService.java:{})\n\
         \tat com.example.shop.OrderController.post(OrderController.java:88)\n\
         Caused by: java.sql.SQLTimeoutException: timed out\n\t... 12 more",
        n / 60 % 60,
        n % 60,
        dice.below(1000),
        dice.below(8),
        dice.below(1_000_000),
        dice.below(5000),
        dice.below(400),
    );
}

/// About `len` bytes of one kind.
fn file(kind: fn(&mut Dice, u64, &mut String), len: usize) -> Vec<u8> {
    let mut dice = Dice(7);
    let mut out = String::with_capacity(len + 4096);
    let mut n = 0;
    while out.len() < len {
        kind(&mut dice, n, &mut out);
        n += 1;
    }
    out.into_bytes()
}

fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some(len) = cut_last_newline(&rest[..rest.len().min(BLOCK)]) {
        let (block, behind) = rest.split_at(len);
        blocks.push(block);
        rest = behind;
    }
    blocks
}

fn batch(block: &[u8], framing: Framing) -> Batch {
    let mut continuations = Vec::new();
    let found = cut(block, framing, true, &mut continuations);
    let (codec, payload, payload_crc) = encode_payload(Bytes::copy_from_slice(block), Codec::None);
    let header = BatchHeader {
        key: SourceKey::new(SourceId(1), Generation(0)),
        start: 0,
        end: block.len() as u64,
        line_start: 0,
        lines: found.lines,
        records: found.records,
        flags: BatchFlags::default(),
        codec,
        payload_len: payload.len() as u32,
        payload_crc,
        format: framing.format,
        utc_offset_secs: 0,
        read_at: Timestamp::from_civil(2026, 11, 21, 0),
        revision: Revision(0),
        stream: "speed".into(),
        host: "here".into(),
        path: "speed".into(),
        continuations: continuations.into(),
    };
    Batch { header: Arc::new(header), payload }
}

fn main() {
    let kind = std::env::args().nth(1).unwrap_or_else(|| "mixed".to_owned());
    let size = 32 << 20;
    let files: Vec<Vec<u8>> = match kind.as_str() {
        "access" => vec![file(access, size)],
        "json" => vec![file(json, size)],
        "java" => vec![file(java, size)],
        _ => vec![file(access, size * 52 / 100), file(json, size * 40 / 100), file(java, size * 8 / 100)],
    };
    let bytes: usize = files.iter().map(Vec::len).sum();
    let framed: Vec<(&[u8], Framing)> = files
        .iter()
        .flat_map(|file| {
            let framing = Framing { format: detect(&file[..BLOCK]), join: true };
            blocks(file).into_iter().map(move |block| (block, framing))
        })
        .collect();
    let batches: Vec<Batch> = framed.iter().map(|(block, framing)| batch(block, *framing)).collect();
    let lines: u32 = batches.iter().map(|batch| batch.header.lines).sum();
    println!("{kind}: {} MB, {:.0} B a line", bytes / 1_000_000, bytes as f64 / f64::from(lines));

    let mut continuations = Vec::new();
    report("cut", &batches, |n| {
        continuations.clear();
        black_box(cut(framed[n].0, framed[n].1, true, &mut continuations));
    });
    report("crc32c", &batches, |n| {
        black_box(crc32c::crc32c(framed[n].0));
    });
    let (mut parser, rules) = (Parser::new(), ParseRules::default());
    report("parse", &batches, |n| match parser.parse(&batches[n], &rules) {
        Ok(parsed) => drop(black_box(parsed)),
        Err(error) => eprintln!("{error}"),
    });
    report("field", &batches, |n| {
        for line in framed[n].0.split(|byte| *byte == b'\n') {
            black_box(field(framed[n].1.format, line, "msg"));
        }
    });
    let mut reader = FieldReader::new();
    report("reader", &batches, |n| {
        for line in framed[n].0.split(|byte| *byte == b'\n') {
            black_box(reader.field(framed[n].1.format, line, "msg"));
        }
    });
}

/// Does `work` with every batch in turn, several times over; prints the sum of each batch's quickest. A batch takes
/// less than a millisecond, so its quickest is undisturbed CPU time even on a busy machine.
fn report(name: &str, batches: &[Batch], mut work: impl FnMut(usize)) {
    if std::env::args().nth(2).is_some_and(|stage| stage != name) {
        return;
    }
    let mut best = vec![f64::MAX; batches.len()];
    for _ in 0..ROUNDS {
        for (n, best) in best.iter_mut().enumerate() {
            let from = Instant::now();
            work(n);
            *best = best.min(from.elapsed().as_secs_f64());
        }
    }
    let used: f64 = best.iter().sum();
    let total = batches.iter().map(|batch| batch.payload.len()).sum::<usize>() as f64 / 1e9;
    let records = batches.iter().map(|batch| f64::from(batch.header.records)).sum::<f64>();
    println!(
        "{name:<6} {:.3} CPU-s/GB  {:.1} GB/s  {:.0} ns a record",
        used / total,
        total / used,
        used * 1e9 / records
    );
}
