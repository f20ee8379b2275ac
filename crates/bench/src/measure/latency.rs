//! From a line's last byte written to the line found, with little going on.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::{Client, Start, logdrive};

use super::{Env, percentile, until};
use crate::report::{Figure, Target};

/// Lines measured each way.
const LINES: usize = 200;

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let folder = env.fresh("latency")?;
    let log = folder.join("app.log");
    write_line(&mut File::create(&log)?, "warming up")?;
    let server = Start::up_in(&folder, &folder.join("data"), &[&log]).start();
    found(server.client(), "warming")?;
    let mut by_search = by_search(server.client(), &log)?;
    let mut by_tail = by_tail(server.client(), &log)?;
    server.stop();
    let p50 = Target::AtMost(0.5);
    let p99 = Target::AtMost(2.0);
    Ok(vec![
        Figure::new("line written → found by search, p50", percentile(&mut by_search, 0.5), "s", p50),
        Figure::new("  p99", percentile(&mut by_search, 0.99), "s", p99),
        Figure::new("line written → shown by tail, p50", percentile(&mut by_tail, 0.5), "s", p50),
        Figure::new("  p99", percentile(&mut by_tail, 0.99), "s", p99),
    ])
}

/// A line of an application, whose format is recognised (and whose record may thus wait for continuations).
fn write_line(file: &mut File, message: &str) -> Result<()> {
    let now = base::Clock::now(&runtime::SystemClock);
    Ok(writeln!(file, "{{\"time\":\"{now}\",\"level\":\"info\",\"msg\":\"{message}\"}}")?)
}

fn found(client: &Client, term: &str) -> Result<()> {
    let path = format!("/api/v1/search?q={term}");
    until("the line is found", Duration::from_millis(2), || {
        Ok(client.get(&path).is_ok_and(|text| text.contains("\"id\"")).then_some(()))
    })
}

fn by_search(client: &Client, log: &Path) -> Result<Vec<f64>> {
    let mut file = OpenOptions::new().append(true).open(log)?;
    (0..LINES)
        .map(|n| {
            let term = format!("searched{n}");
            // Not in step with anything that wakes up regularly.
            std::thread::sleep(Duration::from_millis(17 + (n as u64 * 31) % 40));
            write_line(&mut file, &term)?;
            let began = Instant::now();
            found(client, &term)?;
            Ok(began.elapsed().as_secs_f64())
        })
        .collect()
}

fn by_tail(client: &Client, log: &Path) -> Result<Vec<f64>> {
    let mut follower = logdrive(&["search", "tailed", "--follow", "--json", "--server", &client.address])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut shown = BufReader::new(follower.stdout.take().context("stdout")?).lines();
    let mut file = OpenOptions::new().append(true).open(log)?;
    // It has begun when it shows something.
    let (say, heard) = std::sync::mpsc::sync_channel::<(String, Instant)>(4 * LINES);
    let reader = std::thread::spawn(move || {
        while let Some(Ok(line)) = shown.next() {
            if say.send((line, Instant::now())).is_err() {
                return;
            }
        }
    });
    until("the follower begins", Duration::from_millis(100), || {
        write_line(&mut file, "tailed begin")?;
        Ok(heard.try_recv().ok())
    })?;
    let mut times = Vec::with_capacity(LINES);
    for n in 0..LINES {
        std::thread::sleep(Duration::from_millis(17 + (n as u64 * 31) % 40));
        let mark = format!("number{n} ");
        write_line(&mut file, &format!("tailed {mark}"))?;
        let began = Instant::now();
        loop {
            let (line, at) = heard.recv_timeout(Duration::from_secs(60)).context("the follower shows nothing")?;
            if line.contains(&mark) {
                times.push(at.saturating_duration_since(began).as_secs_f64());
                break;
            }
        }
    }
    follower.kill()?;
    follower.wait()?;
    drop(heard);
    let _ = reader.join();
    Ok(times)
}
