//! How fast batches become durable, and come out again: `append [FOLDER] [MEGABYTES] [BATCH_KILOBYTES]`.

use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

use model::{Batch, Cursors, QueueId};
use queue::testing::BatchOf;
use queue::{Ack, Consumer, Outcome, PollOptions, Producer, Queue as _};
use queue_embedded::{EmbeddedQueue, Options};
use rustix::time::{ClockId, clock_gettime};

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn report(what: &str, bytes: u64, cpu: Duration, wall: Duration) {
    let gb = bytes as f64 / 1e9;
    println!(
        "{what:<36} {:>6.0} MB/s wall {:>6.3} CPU-s/GB {:>6.2} GB/s per core",
        gb * 1e3 / wall.as_secs_f64(),
        cpu.as_secs_f64() / gb,
        gb / cpu.as_secs_f64()
    );
}

/// Appends batches with up to 16 MiB under way.
async fn send(lines: &dyn Producer, template: &Batch, mut at: u64, bytes: u64) -> Result<u64, Box<dyn Error>> {
    let len = template.payload.len() as u64;
    let mut window: VecDeque<Ack> = VecDeque::new();
    let target = at + bytes;
    while at < target || !window.is_empty() {
        if at < target {
            let mut header = (*template.header).clone();
            (header.start, header.end, header.line_start) = (at, at + len, at);
            window.push_back(lines.append(Batch { header: header.into(), payload: template.payload.clone() }));
            at += len;
        }
        if at >= target || window.len() as u64 * len > 16 << 20 {
            let Some(ack) = window.pop_front() else { continue };
            let outcome = ack.await?;
            if !matches!(outcome, Outcome::Appended(_)) {
                return Err(format!("{outcome:?}").into());
            }
        }
    }
    Ok(at)
}

/// Polls and commits until the batch that ends at `end` came.
async fn receive(reader: &mut dyn Consumer, queue: QueueId, end: u64) -> Result<(), Box<dyn Error>> {
    loop {
        let found = reader.poll(PollOptions { max_bytes: 4 << 20, max_wait: Duration::from_secs(1) }).await?;
        let mut cursors = Cursors::start_of(queue);
        found.iter().for_each(|d| cursors.pass(d.place));
        reader.commit(&cursors).await?;
        if found.last().is_some_and(|d| d.batch.header.end >= end) {
            return Ok(());
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "/tmp/logdrive-append".to_owned());
    let mut number = |default: u64| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (megabytes, batch_len) = (number(1000), number(256) << 10);
    let started = Instant::now();
    let queue = EmbeddedQueue::open(&folder, Options::default())?;
    println!("opened in {:?}", started.elapsed());
    let lines = queue.producer("lines").await?;
    let mut reader = queue.consumer("lines", "bench").await?;
    let line = "2026-11-21T08:00:00Z INFO request served path=/api/v1/things status=200 took=12ms\n";
    let text: String = line.chars().cycle().take(batch_len as usize).collect();
    let template = BatchOf::source(1).text(&text);
    let mut at = lines.positions(&[template.header.key]).await?[0].map_or(0, |p| p.end);

    // The first gigabyte warms up: new files, new pages. Then as in a steady flow: read soon, files written again.
    for (round, chunk) in [("in one go", megabytes), ("in one go", megabytes), ("read every 64 MB", 64)] {
        let (mut append, mut poll) = ((Duration::ZERO, Duration::ZERO), (Duration::ZERO, Duration::ZERO));
        let before = queue.counters("lines")?;
        let mut done = 0;
        while done < megabytes {
            let chunk_bytes = chunk * 1_000_000;
            let (cpu_before, started) = (cpu(), Instant::now());
            at = send(&*lines, &template, at, chunk_bytes).await?;
            append = (append.0 + (cpu() - cpu_before), append.1 + started.elapsed());
            let (cpu_before, started) = (cpu(), Instant::now());
            receive(&mut *reader, queue.id(), at).await?;
            poll = (poll.0 + (cpu() - cpu_before), poll.1 + started.elapsed());
            done += chunk;
        }
        report(&format!("append, {round}"), done * 1_000_000, append.0, append.1);
        report(&format!("poll and commit, {round}"), done * 1_000_000, poll.0, poll.1);
        let counters = queue.counters("lines")?;
        let groups = counters.groups - before.groups;
        let mean = Duration::from_nanos((counters.sync_nanos - before.sync_nanos) / groups.max(1));
        println!("{:32} {groups} syncs, mean {mean:?}", "");
    }
    send(&*lines, &template, at, megabytes * 1_000_000).await?;
    drop(reader);
    queue.close().await?;
    drop(queue);
    let started = Instant::now();
    let queue = EmbeddedQueue::open(&folder, Options::default())?;
    let held = queue.stats("lines").await?.partitions[0].3;
    println!("opened again with {} MB held in {:?}", held / 1_000_000, started.elapsed());
    Ok(())
}
