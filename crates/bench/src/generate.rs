//! Realistic lines, the same for the same size on every machine and day.
//!
//! Three services over one day: a web server's access log (52 % of the lines, each with a random request id), a JSON
//! application (40 %, each with a random 128-bit trace id) and a Java service whose lines are mostly stack traces
//! (8 %). The random ids are what makes it honest: they neither compress nor repeat, as in life.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Changes with every change of the content, so that a cached folder is never stale.
const VERSION: u32 = 2;
/// 2026-11-20T00:00:00Z in microseconds; the lines are spread over the day that begins here.
const DAY: u64 = 1_795_132_800_000_000;
const DAY_MICROS: u64 = 86_400_000_000;

/// A term that stands in three lines of the application's file.
pub const RARE_TERM: &str = "zanzibar";
/// A term that stands in about every tenth line.
pub const COMMON_TERM: &str = "checkout";
/// Within [`RARE_TERM`]: for searches that no index of whole terms helps.
pub const SUBSTRING: &str = "anziba";

/// How lines are laid out in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A folder and a file for each service, as in life.
    Services,
    /// All in one file, ordered by time.
    Mixed,
}

/// The generated files.
#[derive(Clone, Debug)]
pub struct Input {
    pub files: Vec<PathBuf>,
    pub bytes: u64,
    pub lines: u64,
}

/// The files of about `bytes` bytes under `parent`, made unless they are there.
pub fn cached(parent: &Path, bytes: u64) -> Result<Input> {
    let folder = parent.join(format!("lines-v{VERSION}-{bytes}"));
    if !folder.join("done").exists() {
        eprintln!("generating {} of lines in {}", base::ByteSize(bytes), folder.display());
        write(&folder, bytes, Layout::Services)?;
        std::fs::write(folder.join("done"), "")?;
    }
    let files = ["web/access.log", "shop/shop.log", "billing/billing.log"].map(|name| folder.join(name)).to_vec();
    let sizes: Vec<u64> = files.iter().map(|file| Ok(file.metadata()?.len())).collect::<Result<_>>()?;
    let lines: u64 = std::fs::read_to_string(folder.join("lines"))?.trim().parse().context("lines")?;
    Ok(Input { files, bytes: sizes.iter().sum(), lines })
}

/// Writes about `bytes` bytes of lines below `folder`.
pub fn write(folder: &Path, bytes: u64, layout: Layout) -> Result<u64> {
    let mut outs = match layout {
        Layout::Services => ["web/access.log", "shop/shop.log", "billing/billing.log"].map(Some),
        Layout::Mixed => [Some("mixed.log"), None, None],
    }
    .map(|name| name.map(|name| Out::create(&folder.join(name))).transpose())
    .into_iter()
    .collect::<Result<Vec<_>>>()?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ bytes);
    // About the mean length of a line: only how densely the day is filled depends on it.
    let step = DAY_MICROS / (bytes / 200).max(1);
    let (mut written, mut lines, mut at) = (0u64, 0u64, DAY);
    let mut rare = [bytes / 6, bytes / 2, bytes / 6 * 5].into_iter().peekable();
    let mut line = Vec::with_capacity(8192);
    while written < bytes {
        at += random.below(2 * step) + 1;
        line.clear();
        let service = match random.below(1000) {
            // A trace has 13 lines on average, so one in 160 events makes 8 % of the lines.
            0..6 => 2,
            6..438 => 1,
            _ => 0,
        };
        match service {
            0 => access(&mut line, at, &mut random),
            1 => application(&mut line, at, &mut random, rare.next_if(|mark| written >= *mark).is_some()),
            _ => trace(&mut line, at, &mut random),
        }
        written += line.len() as u64;
        lines += line.iter().filter(|byte| **byte == b'\n').count() as u64;
        let out = if layout == Layout::Mixed { 0 } else { service };
        if let Some(out) = &mut outs[out] {
            out.add(&line)?;
        }
    }
    // A trace at the end would wait for what may belong to it, and that wait would be measured as if it were work.
    line.clear();
    iso(&mut line, at, b' ', b',');
    line.truncate(line.len() - 3);
    line.extend_from_slice(b" INFO [main] c.e.billing.Main - done\n");
    let last = if layout == Layout::Mixed { 0 } else { 2 };
    if let Some(out) = &mut outs[last] {
        out.add(&line)?;
    }
    (written, lines) = (written + line.len() as u64, lines + 1);
    for out in outs.iter_mut().flatten() {
        out.flush()?;
    }
    std::fs::write(folder.join("lines"), lines.to_string())?;
    Ok(written)
}

struct Out {
    file: File,
    buffer: Vec<u8>,
}

impl Out {
    fn create(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { file, buffer: Vec::with_capacity(1 << 20) })
    }

    fn add(&mut self, line: &[u8]) -> Result<()> {
        if self.buffer.len() + line.len() > 1 << 20 {
            self.flush()?;
        }
        self.buffer.extend_from_slice(line);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// xorshift64*: quick, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        (self.number() >> 32).wrapping_mul(end) >> 32
    }

    /// Small numbers far more often than large ones, as names and addresses are in life.
    fn skewed(&mut self, end: u64) -> u64 {
        let a = self.below(end);
        self.below(a + 1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.skewed(from.len() as u64) as usize]
    }
}

fn access(out: &mut Vec<u8>, at: u64, random: &mut Random) {
    let address = random.skewed(40_000);
    let status = match random.below(100) {
        0..88 => 200,
        88..92 => 304,
        92..96 => 404,
        96..98 => 302,
        98 => 500,
        _ => 503,
    };
    let method = random.pick(&["GET", "POST", "PUT", "DELETE", "HEAD"]);
    let section = random.pick(&SECTIONS);
    let item = random.skewed(20_000);
    let day = at - DAY;
    let _ = write!(
        out,
        "10.{}.{}.{} - {} [20/Nov/2026:{}:{:02}:{:02} +0000] \"{method} /{section}/{item}?page={} HTTP/1.1\" {status} {} \"https://shop.example/{}\" \"{}\" rt={}.{:03} rid=",
        address >> 12 & 255,
        address >> 6 & 63,
        address & 63,
        random.pick(&["-", "-", "anna", "ben", "carla"]),
        Two(day / 3_600_000_000),
        day / 60_000_000 % 60,
        day / 1_000_000 % 60,
        random.skewed(50),
        random.skewed(80_000),
        random.pick(&SECTIONS),
        random.pick(&AGENTS),
        random.skewed(3),
        random.below(1000),
    );
    hex(out, random.number());
    out.push(b'\n');
}

fn application(out: &mut Vec<u8>, at: u64, random: &mut Random, rare: bool) {
    let level = random.pick(&["info", "info", "info", "debug", "warn", "error"]);
    let word = if rare { RARE_TERM } else { random.pick(&OBJECTS) };
    out.extend_from_slice(b"{\"ts\":\"");
    iso(out, at, b'T', b'.');
    let _ = write!(
        out,
        "Z\",\"level\":\"{level}\",\"service\":\"{}\",\"msg\":\"{} {word} {}\",\"trace_id\":\"",
        random.pick(&["orders", "cart", "search", "payment", "stock"]),
        random.pick(&VERBS),
        random.pick(&OUTCOMES),
    );
    hex(out, random.number());
    hex(out, random.number());
    let _ = writeln!(
        out,
        "\",\"user_id\":{},\"duration_ms\":{}.{:03},\"host\":\"node-{}\"}}",
        random.skewed(200_000),
        random.skewed(900),
        random.below(1000),
        random.below(12),
    );
}

fn trace(out: &mut Vec<u8>, at: u64, random: &mut Random) {
    iso(out, at, b' ', b',');
    // Java writes milliseconds.
    out.truncate(out.len() - 3);
    let _ = writeln!(
        out,
        " ERROR [http-nio-8080-exec-{}] c.e.billing.{} - {} failed for invoice {}",
        random.below(40),
        random.pick(&CLASSES),
        random.pick(&VERBS),
        random.below(10_000_000),
    );
    let _ = writeln!(out, "java.lang.{}: {}", random.pick(&EXCEPTIONS), random.pick(&OUTCOMES));
    for _ in 0..6 + random.below(11) {
        let class = random.pick(&CLASSES);
        let _ = writeln!(
            out,
            "\tat com.example.billing.{class}.{}({class}.java:{})",
            random.pick(&VERBS),
            random.skewed(900)
        );
    }
}

struct Two(u64);

impl std::fmt::Display for Two {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}", self.0 % 24)
    }
}

fn iso(out: &mut Vec<u8>, at: u64, between: u8, point: u8) {
    let text = base::Timestamp::from_micros(at as i64 / 1_000_000 * 1_000_000).to_string();
    out.extend_from_slice(&text.as_bytes()[..10]);
    out.push(between);
    out.extend_from_slice(&text.as_bytes()[11..19]);
    out.push(point);
    let _ = write!(out, "{:06}", at % 1_000_000);
}

fn hex(out: &mut Vec<u8>, value: u64) {
    let digits = b"0123456789abcdef";
    out.extend((0..16).rev().map(|n| digits[(value >> (n * 4) & 15) as usize]));
}

const SECTIONS: [&str; 12] = [
    "product",
    "catalogue",
    "cart",
    COMMON_TERM,
    "search",
    "static/js",
    "static/img",
    "account",
    "api/v2/items",
    "api/v2/prices",
    "health",
    "login",
];
const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "okhttp/4.12.0",
    "curl/8.11.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "python-requests/2.32.3",
    "kube-probe/1.31",
];
const OBJECTS: [&str; 10] =
    ["order", COMMON_TERM, "basket", "voucher", "shipment", "address", "price", "session", "refund", "mail"];
const VERBS: [&str; 10] =
    ["process", "create", "update", "load", "validate", "send", "confirm", "cancel", "charge", "publish"];
const OUTCOMES: [&str; 8] = [
    "done",
    "accepted",
    "took longer than expected",
    "timeout waiting for upstream",
    "connection reset by peer",
    "retrying in 200 ms",
    "not found in cache",
    "rejected: limit reached",
];
const CLASSES: [&str; 8] = [
    "InvoiceService",
    "PaymentGateway",
    "LedgerRepository",
    "TaxCalculator",
    "RetryTemplate",
    "TransactionInterceptor",
    "ConnectionPool",
    "JsonMapper",
];
const EXCEPTIONS: [&str; 4] =
    ["IllegalStateException", "NullPointerException", "IllegalArgumentException", "UnsupportedOperationException"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_each_time_and_has_the_stated_shape() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, layout| {
            let path = folder.path().join(name);
            write(&path, 4 << 20, layout).unwrap();
            path
        };
        let (a, b, mixed) = (make("a", Layout::Services), make("b", Layout::Services), make("m", Layout::Mixed));
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        let files = ["web/access.log", "shop/shop.log", "billing/billing.log"];
        let texts = files.map(|name| read(a.join(name)));
        assert_eq!(texts.clone(), files.map(|name| read(b.join(name))));
        let lines = texts.each_ref().map(|text| text.lines().count() as f64);
        let (all, bytes) = (lines.iter().sum::<f64>(), texts.iter().map(String::len).sum::<usize>());
        assert_eq!(read(mixed.join("mixed.log")).lines().count() as f64, all);
        for (share, expected) in lines.iter().zip([0.52, 0.40, 0.08]) {
            assert!((share / all - expected).abs() < 0.02, "{lines:?}");
        }
        assert!((170.0..230.0).contains(&(bytes as f64 / all)), "mean {}", bytes as f64 / all);
        assert_eq!(texts[1].matches(RARE_TERM).count(), 3);
        let common = texts.iter().flat_map(|text| text.lines()).filter(|line| line.contains(COMMON_TERM)).count();
        assert!((0.05..0.25).contains(&(common as f64 / all)), "{common} of {all}");
    }
}
