//! Streams that come and go while the agent runs.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::{Yard, lines};
use config::{Start, StreamConfig};
use model::{FileState, MissedReason};

fn stream(yard: &Yard, name: &str, pattern: &str) -> StreamConfig {
    StreamConfig::new(name, vec![yard.path(pattern).to_string_lossy().into_owned()])
}

#[test]
fn a_stream_is_followed_at_once_and_disturbs_nobody() {
    let mut yard = Yard::new(&["a.log"]);
    let all = lines(0, 3000);
    let (first, second) = all.split_at(all.len() / 2 + all[all.len() / 2..].find('\n').expect("a line") + 1);
    yard.write("a.log", first);
    yard.write("b.log", "b 1\n");
    yard.start();
    yard.handle().follow(&stream(&yard, "more", "b.log")).expect("is followed");
    yard.append("a.log", second);
    yard.append("b.log", "b 2\n");
    yard.until_held(all.len() + 8);
    assert_eq!((yard.text("a.log"), yard.text("b.log").as_str()), (all, "b 1\nb 2\n"));
    assert_eq!(&*yard.source_at("b.log").expect("is known").stream, "more");
    assert_eq!(yard.handle().follower(&yard.path("b.log")).as_deref(), Some("more"));
    let twice = yard.handle().follow(&stream(&yard, "more", "c.log")).expect_err("has its name");
    assert!(twice.to_string().contains("choose another name"), "{twice}");
}

#[test]
fn what_was_there_is_old_to_a_stream_that_starts_at_the_end() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", "a\n");
    yard.start();
    yard.until_held(2);
    yard.write("late.log", "old\n");
    // A file is old if it was there a moment before: file times are coarse.
    std::thread::sleep(std::time::Duration::from_millis(150));
    let late = StreamConfig { start: Start::End, ..stream(&yard, "late", "late*.log") };
    yard.handle().follow(&late).expect("is followed");
    yard.until("it is known", |yard| yard.source_at("late.log").is_some_and(|source| !source.missed.is_empty()));
    assert_eq!(yard.source_at("late.log").expect("is known").missed[0].reason, MissedReason::BeforeStart);
    yard.append("late.log", "new\n");
    yard.write("late2.log", "young\n");
    yard.until_held(2 + 4 + 6);
    assert_eq!((yard.text("late.log").as_str(), yard.text("late2.log").as_str()), ("new\n", "young\n"));
}

#[test]
fn a_stream_that_is_let_go_is_read_as_far_as_it_went() {
    let mut yard = Yard::new(&["a.log"]);
    let all = lines(0, 2000);
    yard.write("a.log", "a\n");
    yard.write("b.log", &all);
    yard.start();
    yard.handle().follow(&stream(&yard, "more", "b.log")).expect("is followed");
    yard.until("it is begun", |yard| yard.source_at("b.log").is_some());
    assert!(yard.handle().unfollow("more") && !yard.handle().unfollow("more"));
    yard.until("it is over", |yard| yard.source_at("b.log").is_some_and(|b| b.state == FileState::Finished));
    let b = yard.source_at("b.log").expect("is known");
    assert_eq!((b.queued, b.size), (all.len() as u64, all.len() as u64));
    yard.append("b.log", "unwanted\n");
    yard.append("a.log", "a\n");
    yard.until_held(all.len() + 4);
    assert_eq!(yard.text("b.log"), all);

    // Followed again, it goes on where it was left.
    yard.handle().follow(&stream(&yard, "again", "*.log")).expect("is followed");
    yard.until_held(all.len() + 4 + 9);
    assert_eq!(yard.text("b.log"), format!("{all}unwanted\n"));
    assert_eq!(&*yard.source_at("a.log").expect("is known").stream, "test");
}

#[test]
fn another_stream_takes_over_what_one_lets_go() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", "a 1\n");
    yard.start();
    yard.until_held(4);
    yard.handle().follow(&stream(&yard, "wide", "*.log")).expect("is followed");
    assert!(yard.handle().unfollow("test"));
    yard.append("a.log", "a 2\n");
    yard.until_held(8);
    yard.until("the other has it", |yard| {
        yard.source_at("a.log").is_some_and(|a| &*a.stream == "wide" && a.state == FileState::Following)
    });
    yard.append("a.log", "a 3\n");
    yard.until_held(12);
    assert_eq!(yard.text("a.log"), "a 1\na 2\na 3\n");
}

#[test]
fn many_come_and_go() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", "a\n");
    yard.start();
    yard.until_held(2);
    for n in 0..20 {
        let name = format!("s{n}");
        yard.write(&format!("{name}.log"), "x\n");
        yard.handle().follow(&stream(&yard, &name, &format!("{name}.log"))).expect("is followed");
        if n % 3 == 0 {
            assert!(yard.handle().unfollow(&name));
        }
    }
    yard.stop();
    yard.start();
    yard.append("a.log", "b\n");
    yard.until("the rest is held", |yard| yard.text("a.log") == "a\nb\n");
    yard.judge();
}
