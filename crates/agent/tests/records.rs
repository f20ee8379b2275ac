//! Where lines and records begin and end: limits, joins, silences, and bytes that stay as they are.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::Yard;
use config::{Multiline, ParseChoice};
use model::{BatchFlags, Format};

#[test]
fn bytes_are_sacred() {
    let mut yard = Yard::new(&["a.log"]);
    let mut all = b"crlf\r\n\n\r\nnul \0 here\n\xff\xfe not utf-8 \x80\n".to_vec();
    all.extend((0..=255u8).cycle().take(5000));
    all.push(b'\n');
    yard.write("a.log", &all);
    yard.start();
    yard.until_held(all.len());
    assert_eq!(yard.recorder.by_path(&yard.path("a.log"))[0].bytes, all);
}

#[test]
fn long_lines_are_split_into_linked_parts() {
    let mut yard = Yard::new(&["a.log"]);
    let limit = yard.config.agent.line_bytes_max.0 as usize;
    let long = "y".repeat(limit * 5 / 2);
    let all = format!("first\n{long}\nlast\n{}\nend\n", "z".repeat(limit / 2));
    yard.write("a.log", &all);
    yard.start();
    yard.until_held(all.len());
    assert_eq!(yard.text("a.log"), all);
    let held = &yard.recorder.by_path(&yard.path("a.log"))[0];
    let parts: Vec<_> = held.headers.iter().filter(|header| header.line_start == 6).collect();
    assert_eq!(parts.len(), 3);
    assert!(parts[0].flags.has(BatchFlags::LAST_IS_OPEN) && !parts[0].flags.has(BatchFlags::FIRST_CONTINUES));
    assert!(parts[1].flags.has(BatchFlags::LAST_IS_OPEN) && parts[1].flags.has(BatchFlags::FIRST_CONTINUES));
    assert!(!parts[2].flags.has(BatchFlags::LAST_IS_OPEN) && parts[2].flags.has(BatchFlags::FIRST_CONTINUES));
    assert!(held.records().iter().all(|record| record.len() <= limit));
}

#[test]
fn a_long_line_that_grows_slowly_is_one_line() {
    let mut yard = Yard::new(&["a.log"]);
    yard.config.agent.partial_line_timeout = std::time::Duration::from_secs(60);
    yard.start();
    let long = "y".repeat(yard.config.agent.line_bytes_max.0 as usize - 1);
    for piece in long.as_bytes().chunks(700) {
        yard.append("a.log", piece);
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    yard.append("a.log", "\n");
    yard.until_held(long.len() + 1);
    assert_eq!(yard.recorder.by_path(&yard.path("a.log"))[0].headers.len(), 1);
}

#[test]
fn a_last_line_without_newline_comes_after_silence_and_is_continued() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", "one\nhalf");
    yard.start();
    yard.until_held(8);
    let header = |yard: &Yard, n: usize| yard.recorder.by_path(&yard.path("a.log"))[0].headers[n].clone();
    assert!(header(&yard, 1).flags.has(BatchFlags::LAST_IS_OPEN));
    // What follows continues the line, also after a restart without checkpoints.
    yard.stop();
    yard.lose_checkpoints();
    yard.start();
    yard.append("a.log", " line\nnext\n");
    yard.until_held(19);
    let rest = header(&yard, 2);
    assert!(rest.flags.has(BatchFlags::FIRST_CONTINUES) && !rest.flags.has(BatchFlags::LAST_IS_OPEN));
    assert_eq!((rest.line_start, rest.start), (4, 8));
    assert_eq!(yard.text("a.log"), "one\nhalf line\nnext\n");
}

const TRACE: &str = "2024-01-31 10:00:00,123 ERROR [main] c.e.App: failed\njava.lang.IllegalStateException: no\n\tat a.b.C(D.java:1)\n\tat a.b.E(F.java:2)\n";
const LINE: &str = "2024-01-31 10:00:01,123 INFO [main] c.e.App: fine\n";

#[test]
fn stack_traces_are_one_record_also_across_blocks_and_writes() {
    let mut yard = Yard::new(&["a.log"]);
    let all = format!("{LINE}{TRACE}").repeat(100);
    yard.write("a.log", &all);
    yard.start();
    yard.until_held(all.len());
    yard.append("a.log", LINE);
    yard.append("a.log", &TRACE[..80]);
    std::thread::sleep(std::time::Duration::from_millis(30));
    yard.append("a.log", &TRACE[80..]);
    yard.until_held(all.len() + LINE.len() + TRACE.len());
    let records = yard.recorder.by_path(&yard.path("a.log"))[0].records();
    assert_eq!(records.len(), 202);
    assert!(records.iter().all(|record| record == LINE.as_bytes() || record == TRACE.as_bytes()));
    assert_eq!(yard.recorder.by_path(&yard.path("a.log"))[0].headers[0].format, Format::Timestamped);
}

#[test]
fn lines_are_not_joined_across_silence_nor_where_that_is_off() {
    let mut yard = Yard::new(&["a.log"]);
    yard.write("a.log", LINE.repeat(3));
    yard.start();
    yard.until_held(3 * LINE.len());
    yard.append("a.log", "\tat a.b.C(D.java:1)\n");
    yard.until_held(3 * LINE.len() + 20);
    assert_eq!(yard.recorder.by_path(&yard.path("a.log"))[0].records().len(), 4);
    for (parse, multiline) in [(ParseChoice::None, Multiline::Auto), (ParseChoice::Auto, Multiline::Off)] {
        let mut yard = Yard::new(&["a.log"]);
        (yard.config.streams[0].parse, yard.config.streams[0].multiline) = (parse, multiline);
        yard.write("a.log", TRACE.repeat(10));
        yard.start();
        yard.until_held(10 * TRACE.len());
        assert_eq!(yard.recorder.by_path(&yard.path("a.log"))[0].records().len(), 40);
    }
}

#[test]
fn a_joined_record_has_a_limit() {
    let mut yard = Yard::new(&["a.log"]);
    let limit = yard.config.agent.multiline_bytes_max.0 as usize;
    let all = format!("{LINE}{TRACE}{}{LINE}{LINE}", "\tat a.b.C(D.java:1)\n".repeat(limit / 5));
    yard.write("a.log", &all);
    yard.start();
    yard.until_held(all.len());
    let records = yard.recorder.by_path(&yard.path("a.log"))[0].records();
    assert!(records.iter().all(|record| record.len() <= limit + 4096) && records.len() < 20, "{}", records.len());
    assert_eq!(yard.text("a.log"), all);
}
