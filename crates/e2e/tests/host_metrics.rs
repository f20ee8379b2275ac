//! What a machine measures of itself reaches InfluxDB: whole, whatever ends or is away meanwhile.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{Folder, Random, Server, Start, services, until};
use serde_json::Value;

/// Stands before a server; while it is closed, nobody gets through, and who was through is cut off.
struct Gate {
    address: String,
    open: Arc<AtomicBool>,
}

impl Gate {
    fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("127.0.0.1:{}", listener.local_addr().expect("bound").port());
        let (open, server) = (Arc::new(AtomicBool::new(true)), server.replace("http://", ""));
        let seen = open.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().filter(|_| seen.load(Ordering::SeqCst)) {
                let Ok(target) = TcpStream::connect(&server) else { continue };
                let pair = |stream: &TcpStream| stream.try_clone().expect("a socket");
                carry(pair(&stream), pair(&target), seen.clone());
                carry(target, stream, seen.clone());
            }
        });
        Self { address, open }
    }

    fn set(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
    }
}

/// Carries bytes one way until an end, or until the gate is found closed.
fn carry(mut from: TcpStream, mut to: TcpStream, open: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut room = [0; 16 << 10];
        while let Ok(len @ 1..) = io::Read::read(&mut from, &mut room) {
            if !open.load(Ordering::SeqCst) || io::Write::write_all(&mut to, &room[..len]).is_err() {
                break;
            }
        }
        // Either may be gone already.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

fn text(url: &str, query: &[(&str, &str)]) -> Result<String, String> {
    let mut answer = ureq::get(url).query_pairs(query.iter().copied()).call().map_err(|error| error.to_string())?;
    answer.body_mut().read_to_string().map_err(|error| error.to_string())
}

/// How many points have a field.
fn count(influx: &str, database: &str, measurement: &str, field: &str) -> Result<u64, String> {
    let select = format!("SELECT count(\"{field}\") FROM \"{measurement}\"");
    let answer = text(&format!("{influx}/query"), &[("db", database), ("q", &select)])?;
    let json: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    Ok(json["results"][0]["series"][0]["values"][0][1].as_u64().unwrap_or(0))
}

/// How many samples a process has taken.
fn samples(server: &Server) -> Result<u64, String> {
    let metrics = text(&format!("{}/metrics", server.client().address), &[])?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("logdrive_agent_host_samples_total "));
    line.and_then(|count| count.trim().parse().ok()).ok_or_else(|| "no such figure".to_owned())
}

fn taken(server: &Server, least: u64) -> u64 {
    until("it measures", || match samples(server)? {
        count if count >= least => Ok(count),
        count => Err(format!("{count} samples")),
    })
}

#[test]
fn what_is_measured_survives_kills_and_outages() {
    let test = "what_is_measured_survives_kills_and_outages";
    let Some(influx) = services::address("INFLUXDB1", test) else { return };
    let (folder, gate) = (Folder::new(), Gate::before(&influx));
    let database = format!("e2e-{}-{}", std::process::id(), Random::seed());
    let settings = format!(
        "[metrics]\nurl = \"influxdb://{}\"\ndatabase = \"{database}\"\ncreate = true\n\
         [host_metrics]\nenabled = true\ninterval = \"1s\"\n",
        gate.address
    );
    let start = || Start::up(&folder, &[&folder.logs()]).config(&settings).start();
    let held = |least: u64, server: &Server| {
        until("the points are in InfluxDB", || match count(&influx, &database, "system", "load1")? {
            count if count >= least => Ok(()),
            count => Err(format!("{count} of {least}; {}", server.output())),
        });
    };

    let first = start();
    held(3, &first);
    gate.set(false);
    let before = taken(&first, samples(&first).expect("it runs") + 3);
    until("the outage is told", || match first.output().contains("metrics store") {
        true => Ok(()),
        false => Err(first.output()),
    });
    first.kill();
    let second = start();
    taken(&second, 3);
    gate.set(true);
    // The last sample before the kill may not have reached the queue.
    held(before - 1 + taken(&second, 3), &second);
    let (loads, memories) = (count(&influx, &database, "system", "load1"), count(&influx, &database, "mem", "used"));
    assert!(memories.expect("answers") >= loads.expect("answers"), "every moment is whole");
    assert_eq!(second.stop().code(), Some(0));
}
