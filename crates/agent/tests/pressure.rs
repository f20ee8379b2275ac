//! A queue that takes nothing, or little, or nothing of some: memory stays within its bound, the others go on, and those
//! that are live do not wait for those that catch up.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::atomic::Ordering;

use base::ByteSize;
use common::{Yard, lines};

fn in_flight(yard: &Yard) -> u64 {
    yard.handle().stats().in_flight_bytes
}

#[test]
fn while_nothing_is_taken_memory_keeps_its_bound_and_afterwards_all_arrives() {
    let mut yard = Yard::new(&["*.log"]);
    yard.recorder.full.store(true, Ordering::SeqCst);
    let mut all = 0;
    for n in 0..40 {
        yard.write(&format!("behind{n}.log"), lines(0, 2000));
        all += lines(0, 2000).len();
    }
    yard.start();
    let window = yard.config.agent.in_flight_bytes.0;
    yard.until("it is under way", |yard| in_flight(yard) > 0);
    for round in 0..100 {
        for n in 0..10 {
            let line = format!("live {round}\n");
            all += line.len();
            yard.append(&format!("live{n}.log"), line);
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert!(in_flight(&yard) <= window, "{} of {window}", in_flight(&yard));
    }
    yard.recorder.full.store(false, Ordering::SeqCst);
    yard.until_held(all);
}

#[test]
fn a_file_holds_few_batches_however_many_lines_come_while_nothing_is_taken() {
    let mut yard = Yard::new(&["a.log"]);
    yard.recorder.hold_acks.store(true, Ordering::SeqCst);
    yard.start();
    for n in 0..50 {
        yard.append("a.log", format!("line {n}\n"));
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    yard.until("some are sent", |yard| yard.handle().stats().sent_batches > 0);
    assert!(yard.handle().stats().sent_batches <= 2);
    yard.recorder.hold_acks.store(false, Ordering::SeqCst);
    yard.recorder.release(usize::MAX);
    yard.until("all are held", |yard| yard.recorder.lines().len() == 50);
    assert!(yard.handle().stats().sent_batches < 10);
}

#[test]
fn files_of_which_nothing_is_taken_slow_no_others_down() {
    let mut yard = Yard::new(&["*.log"]);
    yard.config.agent.in_flight_bytes = ByteSize(256 << 10);
    yard.recorder.hold_acks.store(true, Ordering::SeqCst);
    *yard.recorder.hold_only.lock() = Some("blocked".to_owned());
    for n in 0..20 {
        yard.write(&format!("blocked{n:02}.log"), lines(0, 2000));
    }
    yard.start();
    yard.until("they are blocked", |yard| yard.recorder.held_acks.lock().len() >= 4);
    yard.write("behind.log", lines(0, 20_000));
    yard.append("live.log", "one\n");
    yard.until("one that is live goes on", |yard| yard.text("live.log") == "one\n");
    yard.until("one that catches up goes on", |yard| yard.text("behind.log").len() == lines(0, 20_000).len());
    assert!(in_flight(&yard) <= 256 << 10);
    yard.recorder.hold_acks.store(false, Ordering::SeqCst);
    yard.until("all is read", |yard| {
        yard.recorder.release(usize::MAX);
        yard.recorder.all_bytes() == 20 * lines(0, 2000).len() + lines(0, 20_000).len() + 4
    });
}

#[test]
fn a_live_file_comes_before_however_many_that_catch_up() {
    let mut yard = Yard::new(&["*.log"]);
    yard.recorder.hold_acks.store(true, Ordering::SeqCst);
    *yard.recorder.hold_only.lock() = Some("behind".to_owned());
    for n in 0..60 {
        yard.write(&format!("behind{n}.log"), lines(0, 2000));
    }
    yard.start();
    yard.until("no more of them is read", |yard| in_flight(yard) > 12 << 10);
    for n in 0..5 {
        yard.append("live.log", format!("{n}\n"));
        let before = yard.recorder.order.lock().len();
        yard.until("it is read", |yard| yard.text("live.log").ends_with(&format!("{n}\n")));
        let order = yard.recorder.order.lock();
        let others = order[before..].iter().take_while(|path| !path.ends_with("live.log")).count();
        assert!(others <= 4, "{others} before it");
    }
}
