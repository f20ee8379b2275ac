//! Cases about what a queue takes.

use model::{BatchFlags, Generation, SourceId, SourceKey};

use super::support::{again, appended, assert_all_once, delivered_all, position, producer, put, send_all, topic};
use super::{BatchOf, Capabilities};
use crate::{Outcome, Position, Queue, QueueError};

const fn at(end: u64) -> Position {
    Position { end, open_line: None }
}

pub async fn what_is_appended_comes_out(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("roundtrip");
    let every_byte: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let sent = [
        BatchOf::source(1).at(0).continuations(&[4]).text("one\n  at two\nthree\n"),
        BatchOf::source(2).at(0).bytes(&every_byte),
        BatchOf::source(1).at(19).text("\n"),
        BatchOf::source(3).at(0).bytes(b"\r\n\0\xff\xfe\n"),
    ];
    let lines = producer(queue, &topic).await;
    for batch in &sent {
        appended(&*lines, batch).await;
        assert_eq!(position(&*lines, batch.header.key).await, Some(at(batch.header.end)));
    }
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &topic, &sent).await);
}

pub async fn append_is_idempotent(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("idempotent");
    let lines = producer(queue, &topic).await;
    let sent = [BatchOf::source(1).at(0).text("0123456\n"), BatchOf::source(1).at(8).text("8901234\n")];
    for batch in &sent {
        appended(&*lines, batch).await;
    }
    let table = [
        (0, "0123456\n", Outcome::Duplicate(at(16))),
        (8, "8901234\n", Outcome::Duplicate(at(16))),
        (0, "0123456\n8901234\n", Outcome::Duplicate(at(16))),
        (3, "345\n", Outcome::Duplicate(at(16))),
        (8, "8901234\nmore\n", Outcome::Gap { expected: at(16) }),
        (17, "too early\n", Outcome::Gap { expected: at(16) }),
    ];
    for (start, text, expected) in table {
        let batch = BatchOf::source(1).at(start).text(text);
        assert_eq!(put(&*lines, &batch).await.outcome, expected, "{start}: {text:?}");
    }
    assert_eq!(position(&*lines, sent[0].header.key).await, Some(at(16)));
    let last = BatchOf::source(1).at(16).text("end\n");
    appended(&*lines, &last).await;
    let [a, b] = sent;
    let sent = [a, b, last];
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &topic, &sent).await);
}

pub async fn sources_and_generations_are_apart(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("apart");
    let lines = producer(queue, &topic).await;
    let sent: Vec<_> = (0..3)
        .flat_map(|source| (0..3).map(move |generation| BatchOf::source(source).generation(generation).text("x\n")))
        .collect();
    for batch in &sent {
        appended(&*lines, batch).await;
    }
    let other = SourceKey::new(SourceId(1), Generation(9));
    assert_eq!(position(&*lines, other).await, None);
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &topic, &sent).await);
}

pub async fn unknown_sources_start_at_zero(queue: &dyn Queue, capabilities: &Capabilities) {
    let lines = producer(queue, &topic("unknown")).await;
    assert_eq!(lines.keeps_positions(), capabilities.keeps_positions);
    let early = BatchOf::source(1).at(5).text("five\n");
    assert_eq!(position(&*lines, early.header.key).await, None);
    if capabilities.keeps_positions {
        assert_eq!(put(&*lines, &early).await.outcome, Outcome::Gap { expected: at(0) });
        assert_eq!(position(&*lines, early.header.key).await, None);
        appended(&*lines, &BatchOf::source(1).at(5).flags(BatchFlags::AFTER_MISSED).text("five\n")).await;
    } else {
        // It cannot know what there was before it.
        appended(&*lines, &early).await;
        let gap = put(&*lines, &BatchOf::source(1).at(11).text("eleven\n")).await.outcome;
        assert_eq!(gap, Outcome::Gap { expected: at(10) });
    }
    assert_eq!(position(&*lines, early.header.key).await, Some(at(10)));
}

pub async fn what_was_missed_is_passed_over(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("missed");
    let lines = producer(queue, &topic).await;
    let first = BatchOf::source(1).text("0123456\n");
    let after = BatchOf::source(1).at(100).flags(BatchFlags::AFTER_MISSED).text("after\n");
    appended(&*lines, &first).await;
    appended(&*lines, &after).await;
    assert!(matches!(put(&*lines, &after).await.outcome, Outcome::Duplicate(_)));
    let overlap = BatchOf::source(1).at(101).flags(BatchFlags::AFTER_MISSED).text("overlaps\n");
    assert_eq!(put(&*lines, &overlap).await.outcome, Outcome::Gap { expected: at(106) });
    let sent = [first, after];
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &topic, &sent).await);
}

pub async fn open_lines_are_known(queue: &dyn Queue) {
    let lines = producer(queue, &topic("open")).await;
    let key = SourceKey::new(SourceId(1), Generation(0));
    let (open, more) = (BatchFlags::LAST_IS_OPEN, BatchFlags::FIRST_CONTINUES);
    let steps = [
        (BatchOf::source(1).at(0).text("whole\n"), None),
        (BatchOf::source(1).at(6).flags(open).text("ope"), Some(6)),
        (BatchOf::source(1).at(9).line_start(6).flags(more.with(open)).text("n li"), Some(6)),
        (BatchOf::source(1).at(13).line_start(6).flags(more).text("ne\nnext\n"), None),
    ];
    for (batch, open_line) in steps {
        appended(&*lines, &batch).await;
        assert_eq!(position(&*lines, key).await, Some(Position { end: batch.header.end, open_line }));
    }
}

pub async fn what_cannot_be_right_is_refused(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("invalid");
    let lines = producer(queue, &topic).await;
    let mut short = BatchOf::source(1).text("one\n");
    short.payload = short.payload.slice(..3);
    let two_open = BatchOf::source(1).flags(BatchFlags::LAST_IS_OPEN).text("one\ntw");
    for batch in [BatchOf::source(1).text(""), short, two_open] {
        let mut answer = lines.append(batch.clone()).await;
        while answer.as_ref().is_err_and(again) {
            answer = lines.append(batch.clone()).await;
        }
        assert!(matches!(answer, Err(QueueError::Invalid(_))), "{answer:?}");
    }
    let good = BatchOf::source(1).text("one\n");
    appended(&*lines, &good).await;
    let sent = [good];
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &topic, &sent).await);
}

pub async fn a_stream_of_appends_keeps_its_order(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("order");
    let sent: Vec<_> = (0..200).flat_map(|n| (1..6).map(move |source| BatchOf::source(source).numbered(n))).collect();
    send_all(queue, &topic, &sent).await;
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &topic, &sent).await);
}
