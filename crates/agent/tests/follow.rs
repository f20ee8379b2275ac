//! Following files: everything that is in them and comes to them arrives, once, in order.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::Ordering;

use common::{Yard, lines};
use config::{Compression, Start};
use model::{FileState, MissedReason};

#[test]
fn reads_what_is_there_and_what_comes() {
    let mut yard = Yard::new(&["a.log"]);
    let all = lines(0, 2000);
    let (first, second) = all.split_at(all.len() / 3 * 2);
    yard.write("a.log", first);
    yard.start();
    yard.until_held(first.rfind('\n').expect("a line") + 1);
    yard.append("a.log", second);
    yard.until_held(all.len());
    assert_eq!(yard.text("a.log"), all);
    yard.until("it is accounted for", |yard| {
        yard.source_at("a.log").is_some_and(|source| source.queued == all.len() as u64 && source.size == source.read)
    });
    let stats = yard.handle().stats();
    assert_eq!((stats.read_lines, stats.read_bytes), (2000, all.len() as u64));
}

#[test]
fn every_codec_carries_the_same() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let mut yard = Yard::new(&["a.log"]);
        yard.config.queue.compression = compression;
        let all = lines(0, 1000);
        yard.write("a.log", &all);
        yard.start();
        yard.until_held(all.len());
        assert_eq!(yard.text("a.log"), all);
    }
}

#[test]
fn globs_folders_excludes_and_files_that_come_later() {
    let mut yard = Yard::new(&["**/*.log", "later/deep"]);
    yard.config.streams[0].exclude = vec!["no*.log".to_owned()];
    yard.write("a.log", "a\n");
    yard.write("no.log", "no\n");
    yard.write("a.txt", "no\n");
    yard.start();
    yard.until_held(2);
    assert!(yard.handle().problems().iter().any(|problem| problem.reason == "is not there; waits for it"));
    std::fs::create_dir_all(yard.path("later/deep/x")).expect("makes");
    yard.write("later/b.log", "b\n");
    yard.write("later/deep/x/plain", "c\n");
    yard.write("later/deep/x/packed.gz", "no\n");
    yard.write("later/deep/x/binary", b"\0\0no\n");
    yard.write("later/nothing.log", "");
    yard.until_held(6);
    yard.until("what is wrong is told, what is well again is not", |yard| {
        let problems = yard.handle().problems();
        problems.len() == 1 && problems[0].reason == "skipped: looks binary"
    });
    assert_eq!(yard.recorder.lines(), ["a\n", "b\n", "c\n"]);
    std::fs::remove_dir_all(yard.path("later")).expect("removes");
    yard.until("the path that vanished is told", |yard| {
        yard.handle().problems().iter().any(|problem| problem.path.ends_with("later/deep"))
    });
    std::fs::create_dir_all(yard.path("later/deep")).expect("makes");
    yard.write("later/deep/again", "d\n");
    yard.until_held(8);
    assert_eq!(yard.recorder.lines(), ["a\n", "b\n", "c\n", "d\n"]);
}

#[test]
fn a_file_with_several_names_is_read_once() {
    let mut yard = Yard::new(&["a.log", "*.log", "b.log"]);
    yard.write("a.log", "one\n");
    std::fs::hard_link(yard.path("a.log"), yard.path("b.log")).expect("links");
    symlink(yard.path("a.log"), yard.path("c.log")).expect("links");
    yard.start();
    yard.until_held(4);
    yard.append("b.log", "two\n");
    yard.append("c.log", "three\n");
    yard.until_held(14);
    let scans = yard.handle().stats().scans;
    yard.until("it was scanned twice more", |yard| yard.handle().stats().scans > scans + 2);
    assert_eq!(yard.recorder.lines(), ["one\n", "three\n", "two\n"]);
    assert_eq!(yard.handle().sources().len(), 1);
}

#[test]
fn the_first_stream_that_claims_a_file_keeps_it() {
    let mut yard = Yard::new(&["a.log"]);
    let mut second = config::StreamConfig::new("second", vec![yard.logs.to_string_lossy().into_owned()]);
    second.utc_offset_secs = Some(3600);
    yard.config.streams.push(second);
    yard.write("a.log", "one\n");
    yard.write("b.log", "two\n");
    yard.start();
    yard.until_held(8);
    let header = |name: &str| yard.recorder.by_path(&yard.path(name))[0].headers[0].clone();
    assert_eq!((&*header("a.log").stream, &*header("b.log").stream), ("test", "second"));
    assert_eq!(header("b.log").utc_offset_secs, 3600);
}

#[test]
fn starting_at_the_end_is_counted() {
    let mut yard = Yard::new(&["*.log"]);
    yard.config.streams[0].start = Start::End;
    yard.write("a.log", "old\n");
    std::thread::sleep(std::time::Duration::from_millis(120));
    yard.start();
    yard.until("it is followed", |yard| yard.source_at("a.log").is_some_and(|source| !source.missed.is_empty()));
    yard.append("a.log", "new\n");
    yard.write("b.log", "later\n");
    yard.until("both are held", |yard| yard.recorder.lines().len() >= 2);
    let source = yard.source_at("a.log").expect("is known");
    assert_eq!(source.missed.len(), 1);
    assert_eq!(
        (source.missed[0].start, source.missed[0].end, source.missed[0].reason),
        (0, 4, MissedReason::BeforeStart)
    );
    assert!(yard.recorder.lines().contains(&"later\n".to_owned()));
    assert_eq!(yard.recorder.by_path(&yard.path("a.log"))[0].headers[0].start, 4);
    // A restart goes on, and still knows what was missed.
    yard.stop();
    yard.append("a.log", "more\n");
    yard.start();
    yard.until("the rest is held", |yard| yard.text("a.log").ends_with("new\nmore\n"));
    assert_eq!(yard.source_at("a.log").expect("is known").missed.len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_and_tried_again() {
    let mut yard = Yard::new(&["*.log", "pipe"]);
    if rustix::process::geteuid().is_root() {
        // Root may read everything: a folder in place of a file has to do.
        std::fs::create_dir(yard.path("dir.log")).expect("makes");
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, yard.path("pipe"), 0o600.into()).expect("makes");
    yard.write("a.log", "one\n");
    std::fs::set_permissions(yard.path("a.log"), std::fs::Permissions::from_mode(0o000)).expect("sets");
    yard.write("b.log", "two\n");
    yard.start();
    yard.until("the other is read", |yard| yard.recorder.lines().contains(&"two\n".to_owned()));
    yard.until("the pipe is told", |yard| {
        yard.handle().problems().iter().any(|problem| problem.path.ends_with("pipe"))
    });
    if !rustix::process::geteuid().is_root() {
        yard.until("it is told", |yard| yard.handle().problems().iter().any(|problem| problem.path.ends_with("a.log")));
    }
    std::fs::set_permissions(yard.path("a.log"), std::fs::Permissions::from_mode(0o600)).expect("sets");
    yard.until_held(8);
}

#[test]
fn a_panic_quarantines_one_file_and_no_other() {
    let mut yard = Yard::new(&["*.log"]);
    *yard.recorder.panic_on.lock() = Some("bad.log".to_owned());
    yard.write("bad.log", "bad\n");
    yard.write("good.log", "good\n");
    yard.start();
    yard.until("it is quarantined", |yard| {
        yard.source_at("bad.log").is_some_and(|source| matches!(source.state, FileState::Quarantined(_)))
    });
    yard.append("good.log", "better\n");
    yard.until_held(12);
    assert_eq!(yard.text("good.log"), "good\nbetter\n");
    // A restart gives it another chance.
    *yard.recorder.panic_on.lock() = None;
    yard.stop();
    yard.start();
    yard.until_held(16);
}

#[test]
fn a_queue_that_refuses_loses_and_repeats_nothing() {
    for every in [3, 5, 7] {
        let mut yard = Yard::new(&["*.log"]);
        yard.recorder.fail_every.store(every, Ordering::SeqCst);
        let all = lines(0, 3000);
        yard.write("a.log", &all);
        yard.write("b.log", &all);
        yard.start();
        yard.until_held(2 * all.len());
        assert_eq!((yard.text("a.log"), yard.text("b.log")), (all.clone(), all));
    }
}

#[test]
fn a_full_queue_stops_reading_and_a_queue_that_is_away_is_waited_for() {
    let mut yard = Yard::new(&["a.log"]);
    let all = lines(0, 20_000);
    yard.write("a.log", &all);
    yard.recorder.unreachable.store(true, Ordering::SeqCst);
    yard.start();
    yard.until("it is told", |yard| yard.handle().problems().iter().any(|problem| problem.path == "queue"));
    yard.recorder.full.store(true, Ordering::SeqCst);
    yard.recorder.unreachable.store(false, Ordering::SeqCst);
    yard.until("batches wait", |yard| yard.handle().stats().resent_batches > 10);
    assert!(yard.handle().stats().in_flight_bytes <= yard.config.agent.in_flight_bytes.0);
    assert!(yard.handle().stats().read_bytes <= yard.config.agent.in_flight_bytes.0);
    // What waits is kept, even if the file does not have it any more.
    let read = yard.handle().stats().read_bytes as usize;
    yard.truncate("a.log");
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.until_held(read);
    assert_eq!(yard.text("a.log"), all[..read]);
}

#[test]
fn the_queue_is_the_truth() {
    let mut yard = Yard::new(&["*.log"]);
    let all = lines(0, 500);
    yard.write("a.log", &all);
    yard.start();
    yard.until_held(all.len());
    yard.stop();
    // Checkpoints lost: nothing is sent twice.
    yard.lose_checkpoints();
    yard.append("a.log", "more\n");
    yard.start();
    yard.until_held(all.len() + 5);
    yard.stop();
    // The queue lost: everything is sent again, whatever the checkpoints say.
    yard.recorder.held.lock().clear();
    yard.start();
    yard.until_held(all.len() + 5);
    assert_eq!(yard.text("a.log"), all + "more\n");
    // Lost while we run: it says so, and gets everything.
    yard.recorder.held.lock().clear();
    yard.append("a.log", "end\n");
    yard.until("everything is there", |yard| yard.text("a.log").ends_with("more\nend\n"));
    yard.judge();
}

#[test]
fn more_files_than_may_be_open() {
    let mut yard = Yard::new(&["*.log"]);
    yard.config.agent.open_files_max = 8;
    for n in 0..60 {
        yard.write(&format!("{n}.log"), format!("{n} one\n"));
    }
    yard.start();
    yard.until("all are held", |yard| yard.recorder.lines().len() == 60);
    // Those with batches on their way are not closed: a round of blocks more.
    assert!(yard.handle().stats().open_files <= 8 + 16, "{:?}", yard.handle().stats());
    for n in 0..60 {
        yard.append(&format!("{n}.log"), format!("{n} two\n"));
    }
    yard.until("all are held", |yard| yard.recorder.lines().len() == 120);
    yard.judge();
}

#[test]
fn standard_input_is_delivered_to_its_end() {
    let mut yard = Yard::new(&["-"]);
    yard.recorder.fail_every.store(5, Ordering::SeqCst);
    let all = lines(0, 3000) + "no newline";
    yard.start_with(Some(Box::new(std::io::Cursor::new(all.clone().into_bytes()))));
    yard.until_held(all.len());
    let path = std::path::Path::new("-");
    assert_eq!(yard.recorder.by_path(path)[0].bytes, all.as_bytes());
    yard.until("it is finished", |yard| {
        yard.handle()
            .sources()
            .iter()
            .any(|source| source.state == FileState::Finished && source.queued == all.len() as u64)
    });
}

/// Gives what it has, then nothing more, without ending.
struct Endless(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Endless {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(room)?;
        if n == 0 {
            std::thread::park();
        }
        Ok(n)
    }
}

#[test]
fn standard_input_that_is_interrupted_delivers_what_was_read() {
    let mut yard = Yard::new(&["-"]);
    yard.config.agent.partial_line_timeout = std::time::Duration::from_secs(60);
    yard.start_with(Some(Box::new(Endless(std::io::Cursor::new(b"one\ntwo, without newline".to_vec())))));
    yard.until_held(4);
    yard.stop();
    assert_eq!(yard.recorder.by_path(std::path::Path::new("-"))[0].bytes, b"one\ntwo, without newline");
    // The next run knows that it is over.
    yard.start();
    yard.until("it is over", |yard| yard.handle().sources().iter().all(|source| source.state == FileState::Finished));
}

#[test]
fn a_file_that_is_no_longer_followed_was_not_deleted() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", "one\n");
    yard.write("b.log", "two\n");
    yard.start();
    yard.until_held(4);
    yard.stop();
    yard.append("a.log", "three\n");
    let both = yard.config.streams.clone();
    yard.config.streams[0].paths = vec![yard.path("b.log").to_string_lossy().into_owned()];
    yard.start();
    yard.until_held(8);
    assert!(yard.handle().sources().iter().all(|source| source.missed.is_empty()));
    yard.stop();
    yard.config.streams = both;
    yard.start();
    yard.until_held(14);
    assert_eq!(yard.text("a.log"), "one\nthree\n");
}

#[test]
fn a_symlink_to_a_file_elsewhere_is_followed_by_hints() {
    let mut yard = Yard::new(&["a.log"]);
    let elsewhere = yard.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("makes");
    std::fs::write(elsewhere.join("real"), "one\n").expect("writes");
    symlink(elsewhere.join("real"), yard.path("a.log")).expect("links");
    // Nothing but hints would be in time.
    yard.config.agent.sweep_interval = std::time::Duration::from_secs(3600);
    yard.config.agent.scan_interval = std::time::Duration::from_secs(3600);
    yard.start();
    yard.until_held(4);
    std::fs::write(elsewhere.join("real"), "one\ntwo\n").expect("writes");
    yard.until("the rest is held", |yard| yard.recorder.all_bytes() >= 8);
}

#[test]
fn an_agent_with_nothing_to_do_does_nothing() {
    let mut yard = Yard::new(&["*.log"]);
    yard.config.agent.sweep_interval = std::time::Duration::from_millis(250);
    for n in 0..200 {
        yard.write(&format!("{n}.log"), "one\n");
    }
    yard.start();
    yard.until_held(800);
    let rounds = yard.handle().stats().rounds;
    std::thread::sleep(std::time::Duration::from_secs(1));
    // Sweeps, scans, and a checkpoint.
    assert!(yard.handle().stats().rounds - rounds < 30, "{}", yard.handle().stats().rounds - rounds);
}

#[test]
fn a_live_file_is_read_while_another_fills_the_window() {
    let mut yard = Yard::new(&["*.log"]);
    yard.recorder.hold_acks.store(true, Ordering::SeqCst);
    *yard.recorder.hold_only.lock() = Some("behind".to_owned());
    yard.write("live.log", "one\n");
    yard.write("behind.log", lines(0, 20_000));
    yard.start();
    yard.until("both are read", |yard| yard.text("live.log") == "one\n" && !yard.text("behind.log").is_empty());
    let block = yard.config.agent.block_bytes.0;
    yard.until("no more of it is read", |yard| yard.handle().stats().in_flight_bytes > 3 * block);
    for n in 0..3 {
        yard.append("live.log", format!("{n}\n"));
        yard.until("it is read all the same", |yard| yard.text("live.log").ends_with(&format!("{n}\n")));
    }
    assert!(yard.handle().stats().in_flight_bytes <= yard.config.agent.in_flight_bytes.0);
    yard.recorder.hold_acks.store(false, Ordering::SeqCst);
    yard.recorder.release(usize::MAX);
    yard.until("all is read", |yard| yard.text("behind.log").len() == lines(0, 20_000).len());
}

#[test]
fn files_take_turns_and_those_at_risk_come_first() {
    let mut yard = Yard::new(&["*.log"]);
    yard.recorder.hold_acks.store(true, Ordering::SeqCst);
    for name in ["a.log", "b.log", "c.log"] {
        yard.write(name, lines(0, 20_000));
    }
    yard.start();
    yard.until("no more is read", |yard| yard.handle().stats().in_flight_bytes > 12 << 10);
    yard.until("all have had turns", |yard| yard.recorder.held.lock().len() == 3);
    let sizes: Vec<usize> = yard.recorder.held.lock().values().map(|held| held.bytes.len()).collect();
    assert!(sizes.iter().max() <= sizes.iter().min().map(|min| min + (8 << 10)).as_ref(), "{sizes:?}");
    yard.remove("b.log");
    yard.until("it is seen", |yard| yard.source_at("b.log").is_some_and(|source| source.state == FileState::Draining));
    let before = yard.recorder.order.lock().len();
    yard.recorder.release(usize::MAX);
    yard.until("more is read", |yard| yard.recorder.order.lock().len() >= before + 3);
    // One of the others may have been next already.
    let order = yard.recorder.order.lock()[before..].to_vec();
    let others = order.iter().filter(|path| !path.ends_with("b.log")).count();
    assert!(others <= 1, "{order:?}");
    yard.recorder.hold_acks.store(false, Ordering::SeqCst);
    yard.recorder.release(usize::MAX);
    yard.until_held(3 * lines(0, 20_000).len());
}
