//! How fast batches become durable, and come out again: `append [FOLDER] [MEGABYTES] [BATCH_KILOBYTES] [ROUNDS]`.
//!
//! The first round writes new files, the others mostly write recycled ones. Prints CPU seconds per GB.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use model::{BatchFlags, Cursors};
use queue::testing::BatchOf;
use queue::{Ack, Outcome, PollOptions, Queue as _};
use queue_embedded::{EmbeddedQueue, Options};
use rustix::time::{ClockId, clock_gettime};

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn report(what: &str, bytes: u64, cpu: Duration, wall: Duration) {
    let gb = bytes as f64 / 1e9;
    println!(
        "{what:<28} {:>6.0} MB/s wall {:>6.3} CPU-s/GB {:>6.2} GB/s per core",
        gb * 1e3 / wall.as_secs_f64(),
        cpu.as_secs_f64() / gb,
        gb / cpu.as_secs_f64()
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "/tmp/logdrive-append".to_owned());
    let mut number = |default: u64| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (megabytes, batch_len, rounds) = (number(1000), number(256) << 10, number(3));
    let started = Instant::now();
    let queue = EmbeddedQueue::open(&folder, Options::default())?;
    println!("opened in {:?}", started.elapsed());
    let lines = queue.producer("lines").await?;
    let mut reader = queue.consumer("lines", "bench").await?;
    let line = "2026-11-21T08:00:00Z INFO request served path=/api/v1/things status=200 took=12ms\n";
    let text: String = line.chars().cycle().take(batch_len as usize).collect();
    let template = BatchOf::source(1).text(&text);
    let mut at = lines.positions(&[template.header.key]).await?[0].map_or(0, |p| p.end);

    for round in 1..=rounds {
        let (cpu_before, started) = (cpu(), Instant::now());
        let target = at + megabytes * 1_000_000;
        let mut window: VecDeque<Ack> = VecDeque::new();
        let before = queue.counters("lines")?;
        while at < target {
            let mut batch = template.clone();
            let mut header = (*batch.header).clone();
            (header.start, header.end, header.line_start) = (at, at + batch_len, at);
            header.flags = BatchFlags::default();
            batch.header = header.into();
            window.push_back(lines.append(batch));
            at += batch_len;
            if window.len() as u64 * batch_len > 16 << 20 {
                let Some(ack) = window.pop_front() else { continue };
                let outcome = ack.await?;
                if !matches!(outcome, Outcome::Appended(_)) {
                    return Err(format!("{outcome:?}").into());
                }
            }
        }
        for ack in window {
            ack.await?;
        }
        report(&format!("append, round {round}"), megabytes * 1_000_000, cpu() - cpu_before, started.elapsed());
        let counters = queue.counters("lines")?;
        let groups = counters.groups - before.groups;
        println!(
            "{:>28} {groups} syncs, mean {:?}",
            "",
            Duration::from_nanos((counters.sync_nanos - before.sync_nanos) / groups.max(1))
        );

        let (cpu_before, started) = (cpu(), Instant::now());
        let mut bytes = 0;
        while bytes < megabytes * 1_000_000 {
            let found = reader.poll(PollOptions { max_bytes: 4 << 20, max_wait: Duration::from_secs(1) }).await?;
            bytes += found.iter().map(|d| d.batch.payload.len() as u64).sum::<u64>();
            let mut cursors = Cursors::start_of(queue.id());
            found.iter().for_each(|d| cursors.pass(d.place));
            if round < rounds {
                reader.commit(&cursors).await?;
            }
        }
        report(&format!("poll and commit, round {round}"), bytes, cpu() - cpu_before, started.elapsed());
    }
    queue.close().await?;
    drop(queue);
    let started = Instant::now();
    let queue = EmbeddedQueue::open(&folder, Options::default())?;
    let held = queue.stats("lines").await?.partitions[0].3;
    println!("opened again with {} MB held in {:?}", held / 1_000_000, started.elapsed());
    Ok(())
}
