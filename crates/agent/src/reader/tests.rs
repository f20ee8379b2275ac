use model::Format;
use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { line: 40, record: 60 };
const PLAIN: Framing = Framing { format: Format::Plain, join: false };
const JOIN: Framing = Framing { format: Format::Access, join: true };

fn planned(block: &str, framing: Framing, flush: Flush, reach: Reach) -> (Plan, Vec<u32>) {
    let mut continuations = vec![99];
    let plan = plan(block.as_bytes(), framing, LIMITS, flush, reach, &mut continuations);
    (plan, continuations)
}

fn send(len: usize, lines: u32, records: u32, open: bool) -> Plan {
    Plan::Send(Range { len, lines, records, open, by_silence: false })
}

/// The same, ended by silence.
fn silent(plan: Plan) -> Plan {
    match plan {
        Plan::Send(range) => Plan::Send(Range { by_silence: true, ..range }),
        other => other,
    }
}

#[test]
fn decides_about_the_end_of_a_block() {
    use Flush::{Line, Nothing, Record, Single};
    use Reach::{End, Longest, Part};
    let long = "x".repeat(50);
    let long_line = format!("{long}\n");
    let after = format!("a\n{long}\nb\n");
    let table: Vec<(&str, Framing, Flush, Reach, Plan)> = vec![
        ("a\nb\n", PLAIN, Nothing, End, send(4, 2, 2, false)),
        ("a\nb\nhalf", PLAIN, Nothing, End, send(4, 2, 2, false)),
        ("half", PLAIN, Nothing, End, Plan::Hold(Held::Line)),
        ("half", PLAIN, Record, End, Plan::Hold(Held::Line)),
        ("half", PLAIN, Line, End, silent(send(4, 1, 1, true))),
        ("half", PLAIN, Nothing, Part, Plan::Longer),
        (&long, PLAIN, Nothing, End, send(40, 1, 1, true)),
        (&long_line, PLAIN, Nothing, End, send(40, 1, 1, true)),
        (&after, PLAIN, Nothing, End, send(2, 1, 1, false)),
        // Joined: the last record waits for what follows it.
        ("a\nb\n", JOIN, Nothing, End, send(2, 1, 1, false)),
        ("b\n", JOIN, Nothing, End, Plan::Hold(Held::Single)),
        ("b\n c\n", JOIN, Nothing, End, Plan::Hold(Held::Record)),
        ("b\n", JOIN, Single, End, silent(send(2, 1, 1, false))),
        ("b\n c\n", JOIN, Single, End, Plan::Hold(Held::Record)),
        ("b\n c\n", JOIN, Record, End, silent(send(5, 2, 1, false))),
        ("a\n x\nb\n c\n", JOIN, Nothing, End, send(5, 2, 1, false)),
        ("a\n x\nb\n c\n", JOIN, Record, End, silent(send(10, 4, 2, false))),
        ("a\n x\nb\n c\n", JOIN, Record, Part, send(5, 2, 1, false)),
        ("b\n c\n", JOIN, Nothing, Part, Plan::Longer),
        ("b\n c\n", JOIN, Nothing, Longest, send(5, 2, 1, false)),
        // An indented first line begins a record all the same: nothing stands before it.
        (" c\nd\n", JOIN, Nothing, End, send(3, 1, 1, false)),
        // A record before a long line is finished.
        (&after, JOIN, Nothing, End, send(2, 1, 1, false)),
    ];
    for (block, framing, flush, reach, wanted) in table {
        let (plan, continuations) = planned(block, framing, flush, reach);
        assert_eq!(plan, wanted, "{block:?} {framing:?} {flush:?} {reach:?}");
        if let Plan::Send(range) = plan {
            assert!(continuations.iter().all(|at| (*at as usize) < range.len));
            assert_eq!(range.records + continuations.len() as u32, range.lines);
        }
    }
}

#[test]
fn a_record_that_grows_too_long_is_cut_between_lines() {
    let lines: String =
        std::iter::once("a\n".to_owned()).chain((0..10).map(|n| format!(" {n}{}\n", "-".repeat(17)))).collect();
    let (plan, continuations) = planned(&lines, JOIN, Flush::Record, Reach::End);
    // 2 + 2·20 bytes, then 3·20 bytes a record.
    assert_eq!(plan, silent(send(202, 11, 4, false)));
    assert_eq!(continuations, [2, 22, 62, 82, 122, 142, 182]);
}

proptest! {
    /// Whatever the block, sending what is planned again and again gives every byte once, in order, in lines or parts
    /// that keep the limit, and never without end.
    #[test]
    fn everything_is_sent_once(
        text in "( ?[a-c]{0,60}\n){0,20}[a-c]{0,90}", join: bool, block_len in 8usize..80,
    ) {
        let framing = if join { JOIN } else { PLAIN };
        let (bytes, mut at, mut continuations, mut open) = (text.as_bytes(), 0, Vec::new(), false);
        let mut len = block_len;
        let mut flush = Flush::Nothing;
        while at < bytes.len() {
            let block = &bytes[at..bytes.len().min(at + len)];
            let longest = LIMITS.line.max(LIMITS.record);
            let reach = if at + block.len() == bytes.len() { Reach::End }
                else if len >= longest { Reach::Longest } else { Reach::Part };
            match plan(block, framing, LIMITS, flush, reach, &mut continuations) {
                Plan::Send(range) => {
                    prop_assert!(range.len > 0 && range.len <= block.len());
                    prop_assert_eq!(range.open, block[range.len - 1] != b'\n');
                    prop_assert!(!range.open || range.records == 1 && range.lines == 1);
                    let sent = &block[..range.len];
                    prop_assert_eq!(range.lines as usize, sent.split_inclusive(|b| *b == b'\n').count());
                    prop_assert!(sent.split_inclusive(|b| *b == b'\n').all(|line| line.len() <= LIMITS.line));
                    for start in &continuations { prop_assert_eq!(sent[*start as usize - 1], b'\n'); }
                    open = range.open;
                    at += range.len;
                    len = block_len;
                }
                Plan::Longer => { prop_assert_eq!(reach, Reach::Part); len = longest; }
                Plan::Hold(_) => { prop_assert!(flush < Flush::Line); flush = Flush::Line; }
            }
        }
        prop_assert_eq!(open, !text.is_empty() && !text.ends_with('\n'));
    }
}
