//! Cases about bounds, names and what a queue tells of itself.

use super::support::{
    again, appended, assert_all_once, collect_records, commit, consumer, delivered_all, past, producer, records,
    send_all, stats, topic,
};
use super::{BatchOf, Capabilities};
use crate::{Located, Outcome, Queue, QueueError};

pub async fn names_are_checked(queue: &dyn Queue) {
    for name in ["", "..", "a/b", "a b"] {
        loop {
            match queue.producer(name).await.map(|_| ()) {
                Err(error) if again(&error) => {}
                answer => {
                    assert!(matches!(answer, Err(QueueError::Invalid(_))), "{name}: {answer:?}");
                    break;
                }
            }
        }
    }
}

pub async fn stats_tell_how_full_it_is(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("stats");
    let sent: Vec<_> = (0..10).map(|n| BatchOf::source(1).numbered(n)).collect();
    send_all(queue, &topic, &sent).await;
    let came = delivered_all(queue, &topic, &topic, &sent).await;
    let stats = stats(queue, &topic).await;
    assert_eq!(stats.partitions.len(), capabilities.partitions as usize);
    let partition = came[0].place.partition;
    let (_, first, end, bytes) = *stats.partitions.iter().find(|p| p.0 == partition).expect("its partition");
    assert!(first <= end && end == 10, "{first}..{end}");
    assert!(first == end || bytes > 0, "{bytes} bytes");
    assert_eq!(stats.groups, [(topic, past(queue.id(), &came))]);
    assert_eq!(stats.paused, None);
}

/// A queue that can say where a byte is says it of every byte that it holds, and of no other.
pub async fn bytes_are_located(queue: &dyn Queue) {
    let topic = topic("located");
    let sent: Vec<_> = (0..20u64).map(|n| BatchOf::source((n % 3).into()).numbered(n / 3)).collect();
    send_all(queue, &topic, &sent).await;
    for batch in &sent {
        let (key, start, end) = (batch.header.key, batch.header.start, batch.header.end);
        for offset in [start, end - 1] {
            match queue.locate(&topic, key, offset).await.expect("is told") {
                Located::Here(here) => assert_eq!((here.header.key, here.header.start), (key, start), "byte {offset}"),
                Located::NotHeld => panic!("byte {offset} of {key} is held"),
                Located::Unknown => return,
            }
        }
    }
    let last = &sent[sent.len() - 1].header;
    let behind = queue.locate(&topic, last.key, last.end).await.expect("is told");
    assert!(matches!(behind, Located::NotHeld), "{behind:?}");
}

pub async fn a_full_queue_says_back_pressure(queue: &dyn Queue, capabilities: &Capabilities, capacity: usize) {
    let topic = topic("full");
    let lines = producer(queue, &topic).await;
    let payload = vec![b'x'; capacity / 16];
    let batch = |n: usize| BatchOf::source(1).at((n * payload.len()) as u64).bytes(&payload);
    let mut reader = consumer(queue, &topic, &topic).await;
    let mut sent = Vec::new();
    let mut full = false;
    while !full && sent.len() < 200 {
        let next = batch(sent.len());
        match lines.append(next.clone()).await {
            Ok(Outcome::Appended(_) | Outcome::Duplicate(_)) => sent.push(next),
            Ok(Outcome::BackPressure { .. }) => full = true,
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(again(&error), "{error}"),
        }
    }
    assert!(full, "{} bytes were taken, {capacity} are its bound", sent.len() * payload.len());

    // Nothing unread was given up for it, and once it is read there is room again.
    let came = collect_records(&mut *reader, records(&sent)).await;
    assert_all_once(capabilities, &sent, &came);
    commit(&mut *reader, &past(queue.id(), &came)).await;
    let next = batch(sent.len());
    appended(&*lines, &next).await;
    assert_all_once(capabilities, &[next], &collect_records(&mut *reader, 1).await);
}
