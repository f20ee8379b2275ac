//! Files that are renamed, truncated, copied and deleted, while the agent runs and while it does not.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::atomic::Ordering;

use common::{Yard, lines};
use model::{FileState, MissedReason};

/// Every source is over or complete, and nothing was missed.
fn nothing_missed(yard: &Yard) -> bool {
    yard.handle().sources().iter().all(|source| source.missed.is_empty() && source.queued == source.size)
}

#[test]
fn rename_and_create_several_times_while_behind() {
    let mut yard = Yard::new(&["app.log"]);
    yard.recorder.full.store(true, Ordering::SeqCst);
    yard.start();
    let mut all = String::new();
    for n in 0..6 {
        for older in (1..n).rev() {
            yard.rename(&format!("app.log.{older}"), &format!("app.log.{}", older + 1));
        }
        if n > 0 {
            yard.rename("app.log", "app.log.1");
        }
        let some = lines(n * 1000, n * 1000 + 1000);
        yard.append("app.log", &some);
        all += &some;
        std::thread::sleep(std::time::Duration::from_millis(40));
    }
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.until_held(all.len());
    let mut wanted: Vec<String> = all.split_inclusive('\n').map(str::to_owned).collect();
    wanted.sort();
    assert_eq!(yard.recorder.lines(), wanted);
    yard.until("the rotated are over", |yard| {
        yard.handle().sources().iter().filter(|source| source.state == FileState::Finished).count() == 5
    });
    yard.until("nothing is missed", nothing_missed);
    // Everything is headed by the path that is followed.
    assert_eq!(yard.recorder.by_path(&yard.path("app.log")).len(), 6);
}

#[test]
fn rotations_faster_than_we_look() {
    let mut yard = Yard::new(&["app.log"]);
    yard.config.agent.sweep_interval = std::time::Duration::from_millis(300);
    yard.start();
    yard.until("it was scanned", |yard| yard.handle().stats().scans > 0);
    std::thread::sleep(std::time::Duration::from_millis(120));
    for n in (0..40).rev() {
        yard.append("app.log", format!("line {n}\n"));
        yard.rename("app.log", &format!("app.log.{n}"));
    }
    yard.until("all are held", |yard| yard.recorder.lines().len() >= 40);
    let wanted: std::collections::BTreeSet<String> = (0..40).map(|n| format!("line {n}\n")).collect();
    assert!(yard.recorder.lines().iter().eq(wanted.iter()));
}

#[test]
fn rotations_while_the_agent_is_down() {
    let mut yard = Yard::new(&["app.log"]);
    yard.write("app.log.1", "a stranger from before\n");
    std::thread::sleep(std::time::Duration::from_millis(150));
    yard.append("app.log", "zero\n");
    yard.start();
    yard.until_held(5);
    yard.stop();
    yard.append("app.log", "one, unread\n");
    yard.rename("app.log", "app.log.3");
    // Made and rotated away while nobody looked.
    yard.append("app.log", "two, never seen\n");
    yard.rename("app.log", "app.log.2");
    yard.append("app.log", "packed\n");
    yard.rename("app.log", "app.log.4.gz");
    yard.append("app.log", "three\n");
    yard.start();
    yard.until("all are held", |yard| yard.recorder.lines().len() >= 4);
    assert_eq!(yard.recorder.lines(), ["one, unread\n", "three\n", "two, never seen\n", "zero\n"]);
    yard.until("nothing is missed", nothing_missed);
}

#[test]
fn a_rotated_file_that_still_grows_is_read_to_its_end() {
    let mut yard = Yard::new(&["app.log"]);
    yard.write("app.log", "one\n");
    yard.start();
    yard.until_held(4);
    yard.rename("app.log", "app.log.1");
    yard.append("app.log.1", "two\n");
    yard.append("app.log", "three\n");
    yard.append("app.log.1", "no newline");
    yard.until_held(24);
    yard.until("it is over", |yard| yard.handle().sources().iter().any(|source| source.state == FileState::Finished));
    // Even then: whoever writes it may not have noticed.
    yard.append("app.log.1", " yet\n");
    yard.until_held(29);
    let sources = yard.recorder.by_path(&yard.path("app.log"));
    assert!(sources.iter().any(|source| source.bytes == b"one\ntwo\nno newline yet\n"));
}

#[test]
fn a_deleted_file_is_read_to_its_end() {
    let mut yard = Yard::new(&["*.log"]);
    yard.recorder.full.store(true, Ordering::SeqCst);
    let all = lines(0, 5000);
    yard.write("a.log", &all);
    yard.start();
    yard.until("it is read", |yard| yard.handle().stats().read_bytes > 0);
    yard.remove("a.log");
    yard.write("b.log", "other\n");
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.until_held(all.len() + 6);
    assert_eq!(yard.text("a.log"), all);
    yard.until("it is over", |yard| yard.handle().stats().files == 1 && yard.handle().stats().open_files == 1);
    yard.until("nothing is missed", nothing_missed);
}

#[test]
fn a_file_deleted_unread_while_the_agent_is_down_is_counted() {
    let mut yard = Yard::new(&["*.log"]);
    yard.write("a.log", lines(0, 10_000));
    yard.start();
    yard.until("some is read", |yard| yard.recorder.all_bytes() > 0);
    yard.recorder.full.store(true, Ordering::SeqCst);
    yard.until("it is known", |yard| yard.source_at("a.log").is_some());
    yard.append("a.log", lines(0, 100));
    yard.stop();
    let (held, size) =
        (yard.recorder.all_bytes() as u64, std::fs::metadata(yard.path("a.log")).expect("is there").len());
    yard.remove("a.log");
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.start();
    let done = |yard: &Yard| yard.source_at("a.log").is_some_and(|source| source.state == FileState::Finished);
    yard.until("it is over", done);
    let source = yard.source_at("a.log").expect("is known");
    if held < source.size {
        assert_eq!((source.missed[0].start, source.missed[0].reason), (held, MissedReason::DeletedUnread));
        assert!(source.missed[0].end <= size);
    }
    // The next run still tells.
    yard.stop();
    yard.start();
    assert_eq!(yard.source_at("a.log").expect("is known").missed, source.missed);
}

#[test]
fn truncated_to_nothing_and_written_again() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", "one\ntwo\n");
    yard.start();
    yard.until_held(8);
    yard.truncate("a.log");
    yard.append("a.log", "three\n");
    yard.until_held(14);
    yard.truncate("a.log");
    // Longer than it was, between two looks: only the bytes before the mark tell.
    yard.append("a.log", "four and five and six\n");
    yard.until_held(36);
    let held = yard.recorder.by_path(&yard.path("a.log"));
    assert_eq!(
        held.iter().map(|held| held.bytes.as_slice()).collect::<Vec<_>>(),
        [&b"one\ntwo\n"[..], b"three\n", b"four and five and six\n"]
    );
    yard.until("nothing is missed", nothing_missed);
    // The same while it is down.
    yard.stop();
    yard.write("a.log", "seven and eight and nine and ten\n");
    yard.start();
    yard.until_held(36 + 33);
    assert_eq!(yard.recorder.by_path(&yard.path("a.log")).len(), 4);
    // And with nothing but the queue to know it by: it has more than the file.
    yard.stop();
    yard.lose_checkpoints();
    yard.write("a.log", "end\n");
    yard.start();
    yard.until_held(36 + 33 + 4);
}

#[test]
fn what_a_truncation_took_unread_is_counted() {
    let mut yard = Yard::new(&["a.log"]);
    yard.recorder.full.store(true, Ordering::SeqCst);
    let all = lines(0, 10_000);
    yard.write("a.log", &all);
    yard.start();
    yard.until("the window is full", |yard| yard.handle().stats().resent_batches > 3);
    yard.truncate("a.log");
    yard.append("a.log", "new\n");
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.until("the new is held", |yard| yard.text("a.log").ends_with("new\n"));
    let sources = yard.handle().sources();
    let old = sources.iter().find(|source| source.state == FileState::Finished).expect("is over");
    assert_eq!(old.missed.len(), 1);
    assert_eq!((old.missed[0].start, old.missed[0].end), (old.queued, all.len() as u64));
    assert_eq!(old.missed[0].reason, MissedReason::TruncatedUnread);
    assert_eq!(yard.handle().stats().missed_bytes, all.len() as u64 - old.queued);
}

#[test]
fn the_copy_of_a_copytruncate_is_not_read_again_but_read_on() {
    for pattern in ["app.log", "app.log*"] {
        for down in [false, true] {
            let mut yard = Yard::new(&[pattern]);
            let first = lines(0, 300);
            yard.append("app.log", &first);
            yard.start();
            yard.until_held(first.len());
            yard.until("it is in the checkpoint", |yard| {
                yard.source_at("app.log").is_some_and(|source| source.queued == first.len() as u64)
            });
            if down {
                yard.stop();
            } else {
                // It falls behind, so that the copy has bytes that nobody has read.
                yard.recorder.full.store(true, Ordering::SeqCst);
            }
            let second = lines(300, 2000);
            yard.append("app.log", &second);
            std::fs::copy(yard.path("app.log"), yard.path("app.log.1")).expect("copies");
            yard.truncate("app.log");
            yard.append("app.log", "after\n");
            if down {
                yard.start();
            }
            yard.recorder.full.store(false, Ordering::SeqCst);
            let all = first.clone() + &second + "after\n";
            yard.until("everything is held", |yard| yard.recorder.lines().len() >= 2001);
            let mut wanted: Vec<String> = all.split_inclusive('\n').map(str::to_owned).collect();
            wanted.sort();
            let held = yard.recorder.lines();
            assert!(held == wanted, "{pattern} down: {down}: {} lines", held.len());
            yard.until("nothing is missed", nothing_missed);
            yard.stop();
            yard.start();
            yard.append("app.log", "end\n");
            yard.until("it goes on", |yard| yard.recorder.lines().len() >= 2002);
            assert_eq!(yard.recorder.lines().len(), 2002, "{pattern} down: {down}");
            yard.judge();
        }
    }
}

#[test]
fn files_that_only_look_alike_are_all_read() {
    let mut yard = Yard::new(&["*"]);
    for name in ["a.log", "b.log", "a.log.1", "a.log.2", "c"] {
        yard.write(name, "the same\n");
    }
    yard.start();
    yard.until("all are held", |yard| yard.recorder.lines().len() >= 5);
    // A copy that somebody makes is a file of its own, if it is followed.
    let some = lines(0, 100);
    yard.append("c", &some);
    std::fs::copy(yard.path("c"), yard.path("c.1")).expect("copies");
    yard.until("all are held", |yard| yard.recorder.lines().len() >= 5 + 201);
    assert_eq!(yard.recorder.lines().len(), 5 + 201);
}

#[test]
fn a_reused_inode_is_another_source() {
    let mut yard = Yard::new(&["a.log"]);
    yard.start();
    let mut wanted = Vec::new();
    for n in 0..30 {
        yard.write("a.log", format!("line {n} of a file that is always as long\n"));
        wanted.push(format!("line {n} of a file that is always as long\n"));
        wanted.sort();
        yard.until("it is held", |yard| yard.recorder.lines().len() > n);
        yard.remove("a.log");
    }
    assert_eq!(yard.recorder.lines(), wanted);
}

#[test]
fn deleted_files_are_not_held_without_bound() {
    let mut yard = Yard::new(&["*.log"]);
    yard.config.agent.deleted_held_bytes_max = base::ByteSize(100 << 10);
    yard.recorder.full.store(true, Ordering::SeqCst);
    for n in 0..3 {
        yard.write(&format!("{n}.log"), lines(0, 1000));
    }
    yard.start();
    yard.until("all are known", |yard| yard.handle().stats().files == 3 && yard.handle().sources().len() == 3);
    for n in 0..3 {
        yard.remove(&format!("{n}.log"));
    }
    yard.until("they are held", |yard| yard.handle().stats().deleted_held_bytes > 0);
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.until("all are over", |yard| yard.handle().stats().files == 0);
    for source in yard.handle().sources() {
        let missed: u64 = source.missed.iter().map(|missed| missed.end - missed.start).sum();
        assert_eq!(source.queued + missed, source.size);
        assert!(source.missed.iter().all(|missed| missed.reason == MissedReason::HeldTooMuch));
    }
}
