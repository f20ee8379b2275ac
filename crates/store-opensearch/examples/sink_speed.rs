//! What it costs to make documents of records and to send them: CPU seconds for a GB of lines, into a server that
//! throws everything away (a process of its own, so that its work is not counted).
//!
//! `cargo run --release -p store-opensearch --example sink_speed [access|json|plain] [MB]`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use model::{Format, Level};
use store::testing::{BatchBuilder, Random};
use store::{StoreBatch, Writer};
use store_opensearch::{OpenSearchStore, Options};

const ROOT: &str = r#"{"version":{"distribution":"opensearch","number":"2.19.1"},"tagline":"The OpenSearch Project"}"#;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|arg| arg == "sink") {
        return sink();
    }
    let kind = args.get(1).map_or("access", String::as_str);
    let megabytes: usize = args.get(2).and_then(|arg| arg.parse().ok()).unwrap_or(500);
    let exe = std::env::current_exe().expect("an executable");
    let mut child = Command::new(exe).arg("sink").stdout(Stdio::piped()).spawn().expect("a sink");
    let mut port = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut port).expect("its port");
    let batches = batches(kind);
    let bytes: usize = batches.iter().map(|batch| batch.batch.payload.len()).sum();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = Options { install: true, ..Options::new([format!("http://127.0.0.1:{}", port.trim())]) };
        let store = OpenSearchStore::connect(options).expect("a store");
        store.write(&batches).await.expect("warm");
        let (began, cpu) = (Instant::now(), cpu());
        let mut sent = 0;
        while sent < megabytes << 20 {
            for some in batches.chunks(4) {
                store.write(some).await.expect("write");
            }
            sent += bytes;
        }
        let gb = sent as f64 / 1e9;
        let (user, system) = (self::cpu().0 - cpu.0, self::cpu().1 - cpu.1);
        let lines: usize = batches.iter().map(|batch| batch.batch.records.len()).sum();
        println!(
            "{kind}: {:.0} bytes a line; {:.2} CPU-s/GB ({:.2} user, {:.2} system), {:.0} MB/s",
            bytes as f64 / lines as f64,
            (user + system) / gb,
            user / gb,
            system / gb,
            sent as f64 / 1e6 / began.elapsed().as_secs_f64()
        );
    });
    child.kill().expect("it lives");
    child.wait().expect("it ends");
}

/// User and system time of this process, in seconds.
fn cpu() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs");
    let behind: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |n: usize| behind[n].parse::<f64>().expect("a number") / 100.0;
    (ticks(11), ticks(12))
}

fn batches(kind: &str) -> Vec<StoreBatch> {
    let mut random = Random::new(7);
    (0..64)
        .map(|n| {
            let mut batch = BatchBuilder::new(n + 1, 0, 0).origin("web", "host-1", "/var/log/nginx/access.log");
            while batch.end() < 256 << 10 {
                let time = 1_700_000_000_000_000 + batch.end() as i64 * 100;
                match kind {
                    "json" => json(&mut random, &mut batch, time),
                    "plain" => {
                        let text = "connection reset by peer while reading response header from upstream, giving up";
                        let line = format!("{} {text} after {} ms", text, random.below(5000));
                        batch.plain(line.as_bytes(), time);
                    }
                    _ => access(&mut random, &mut batch, time),
                }
            }
            batch.build()
        })
        .collect()
}

fn access(random: &mut Random, batch: &mut BatchBuilder, time: i64) {
    let client = format!("10.0.{}.{}", random.below(4), random.below(200));
    let path = format!("/api/v1/items/{}", random.below(500));
    let (status, bytes) = (*random.one(&["200", "200", "200", "404", "500"]), random.below(90_000).to_string());
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
    let line =
        format!("{client} - - [14/Nov/2023:22:13:20 +0000] \"GET {path} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\"");
    let fields: [(&str, &[u8]); 7] = [
        ("client", client.as_bytes()),
        ("method", b"GET"),
        ("path", path.as_bytes()),
        ("protocol", b"HTTP/1.1"),
        ("status", status.as_bytes()),
        ("bytes", bytes.as_bytes()),
        ("agent", agent.as_bytes()),
    ];
    batch.line(line.as_bytes(), time, Level::Info, Format::Access, &fields);
}

fn json(random: &mut Random, batch: &mut BatchBuilder, time: i64) {
    let trace = format!("{:016x}{:016x}", random.below(u64::MAX), random.below(u64::MAX));
    let (took, user) = (format!("{}.{}", random.below(300), random.below(1000)), random.below(5000).to_string());
    let line = format!(
        "{{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"logger\":\"http.server\",\"msg\":\"request done\",\
         \"trace_id\":\"{trace}\",\"took\":{took},\"user\":{user},\"route\":\"/api/v1/items\"}}"
    );
    let fields: [(&str, &[u8]); 7] = [
        ("level", b"info"),
        ("logger", b"http.server"),
        ("msg", b"request done"),
        ("trace_id", trace.as_bytes()),
        ("took", took.as_bytes()),
        ("user", user.as_bytes()),
        ("route", b"/api/v1/items"),
    ];
    batch.line(line.as_bytes(), time, Level::Info, Format::Json, &fields);
}

/// Answers everything, and keeps nothing.
fn sink() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            scope.spawn(move || serve(stream));
        }
    });
}

fn serve(mut stream: TcpStream) {
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    loop {
        let head = loop {
            let found = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = found {
                break end + 4;
            }
            match stream.read(&mut buffer[filled..]) {
                Ok(0) | Err(_) => return,
                Ok(read) => filled += read,
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let mut left: usize = length.unwrap_or(0);
        let here = left.min(filled - head);
        left -= here;
        buffer.copy_within(head + here..filled, 0);
        filled -= head + here;
        while left > 0 {
            let most = left.min(buffer.len());
            match stream.read(&mut buffer[..most]) {
                Ok(0) | Err(_) => return,
                Ok(read) => left -= read,
            }
        }
        let body = match text.lines().next() {
            Some(first) if first.contains("/_bulk") => "{\"took\":1,\"errors\":false,\"items\":[]}",
            _ => ROOT,
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
