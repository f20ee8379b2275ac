//! The promise: every line, effectively once, whatever happens to the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Folder, Ledger, Random, Start, Writer, found};

const KILLS: u32 = 32;
const WRITERS: u64 = 4;

/// Everything small, so that every kind of commit, removal and back-pressure happens often and is hit by the kills.
const SETTINGS: &str = r#"
[queue]
retention_bytes = "32MiB"

[store]
head_bytes = "2MiB"
head_age = "1s"
"#;

#[test]
fn kill_9_at_random_moments_loses_nothing_and_repeats_nothing() {
    let seed = Random::seed();
    let compression = ["none", "lz4", "zstd"][seed as usize % 3];
    eprintln!("seed {seed}: repeat with LOGDRIVE_TEST_SEED={seed}");
    let folder = Folder::new();
    let stop = AtomicBool::new(false);
    let ledger = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                scope.spawn({
                    let (folder, stop) = (&folder, &stop);
                    move || write(folder, n, seed, stop)
                })
            })
            .collect();
        let _stop = StopOnDrop(&stop);
        kill_again_and_again(&folder, compression, &mut Random::new(seed));
        stop.store(true, Ordering::SeqCst);
        let mut ledger = Ledger::default();
        for writer in writers {
            ledger.extend(writer.join().expect("a writer"));
        }
        ledger
    });

    let server = start(&folder, compression).start();
    let (files, bytes) = (ledger.0.len(), ledger.bytes());
    eprintln!("{files} files, {bytes} bytes");
    let accounts = server.client().complete(files, bytes);
    for account in &accounts {
        assert_eq!((account.gaps().len(), account.bytes("stored")), (0, account.bytes("size")), "{}", account.json);
    }
    let hits = server.client().search(&["--all"]).expect("everything");
    let found = found(&hits).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
    let compared = ledger.compare(found.values().map(|file| &*file.bytes));
    assert_eq!(compared, Ok(()), "seed {seed}");
    assert_eq!(server.stop().code(), Some(0));
}

fn start(folder: &Folder, compression: &str) -> Start {
    // A glob, because in a folder files that begin like binaries are left alone.
    Start::up(folder, &[&folder.logs().join("*")]).config(SETTINGS).env("LOGDRIVE_QUEUE_COMPRESSION", compression)
}

/// Lets the writers end where the test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn write(folder: &Folder, n: u64, seed: u64, stop: &AtomicBool) -> Ledger {
    let mut random = Random::new(seed + 1000 + n);
    let mut writer = Writer::new(&folder.logs(), &format!("service-{n}"), seed + 2000 + n);
    while !stop.load(Ordering::SeqCst) {
        writer.burst();
        if random.percent(3) {
            writer.rotate();
        }
        if random.percent(1) {
            // More at once than fits anywhere.
            for _ in 0..300 {
                writer.burst();
            }
        }
        std::thread::sleep(Duration::from_millis(random.below(120)));
    }
    writer.finish()
}

/// Some kills come before it is ready, some while it reads what was written meanwhile, some at leisure.
fn kill_again_and_again(folder: &Folder, compression: &str, random: &mut Random) {
    for n in 0..KILLS {
        let mut server = start(folder, compression).spawn();
        if random.percent(75) {
            server.ready();
        }
        std::thread::sleep(Duration::from_millis(random.below(if n % 8 == 7 { 4000 } else { 1000 })));
        server.kill();
        if random.percent(20) {
            // Let rotations happen while nobody looks.
            std::thread::sleep(Duration::from_millis(random.below(1500)));
        }
    }
}
