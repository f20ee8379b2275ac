//! Cases about what consumers get.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Cursors, Partition, Place, QueueId};

use super::support::{
    again, appended, assert_all_once, collect_records, commit, committed, consumer, delivered_all, forget, past, poll,
    producer, records, records_in, seek, send_all, stats, topic, try_commit,
};
use super::{BatchOf, Capabilities};
use crate::{PollOptions, Queue, QueueError};

const SOON: Duration = Duration::from_millis(20);
/// How often is looked whether shares have settled: a broker takes its time.
const TURNS: usize = 1000;
const LONG: Duration = Duration::from_secs(60);

fn numbered(sources: u128, count: u64) -> Vec<model::Batch> {
    (0..count).flat_map(|n| (1..=sources).map(move |source| BatchOf::source(source).numbered(n))).collect()
}

pub async fn poll_keeps_to_its_bounds(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("bounds");
    let sent = numbered(1, 10);
    send_all(queue, &topic, &sent).await;
    let mut one = consumer(queue, &topic, &topic).await;
    let mut all = poll(&mut *one, 1, LONG).await;
    assert_eq!(all.len(), 1, "at least one, however little is asked for");
    if capabilities.keeps_batches {
        let three = poll(&mut *one, 64 * 3 + 63, LONG).await;
        assert_eq!(three.len(), 3);
        all.extend(three);
    }
    all.extend(collect_records(&mut *one, records(&sent) - records_in(&all)).await);
    assert_all_once(capabilities, &sent, &all);
    assert!(poll(&mut *one, 1000, SOON).await.is_empty(), "nothing came, nothing is handed out");
}

pub async fn poll_waits_and_wakes(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("wakes");
    let lines = producer(queue, &topic).await;
    let mut waiting = consumer(queue, &topic, &topic).await;
    let batch = BatchOf::source(1).text("at last\n");
    let reader = async {
        loop {
            match waiting.poll(PollOptions { max_bytes: 1000, max_wait: LONG }).await {
                Ok(found) if found.is_empty() => panic!("it gave up"),
                Ok(found) => return found,
                Err(error) => assert!(again(&error), "{error}"),
            }
        }
    };
    let writer = async {
        tokio::time::sleep(SOON).await;
        appended(&*lines, &batch).await;
    };
    let (found, ()) = tokio::join!(reader, writer);
    assert_all_once(capabilities, &[batch], &found);
}

pub async fn what_was_not_committed_comes_again(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("again");
    let sent = numbered(3, 10);
    send_all(queue, &topic, &sent).await;
    let mut first = consumer(queue, &topic, &topic).await;
    let mut all = poll(&mut *first, 64 * 12, LONG).await;
    commit(&mut *first, &past(queue.id(), &all)).await;
    let lost = poll(&mut *first, 64 * 12, LONG).await;
    assert!(!lost.is_empty());
    drop(first);
    let mut second = consumer(queue, &topic, &topic).await;
    assert_eq!(committed(&*second).await, past(queue.id(), &all));
    all.extend(collect_records(&mut *second, records(&sent) - records_in(&all)).await);
    assert_all_once(capabilities, &sent, &all);
}

pub async fn commits_never_move_backwards(queue: &dyn Queue) {
    let topic = topic("monotonic");
    send_all(queue, &topic, &numbered(1, 10)).await;
    let mut one = consumer(queue, &topic, &topic).await;
    assert_eq!(committed(&*one).await, Cursors::start_of(queue.id()));
    let all = collect_records(&mut *one, 10).await;
    commit(&mut *one, &past(queue.id(), &all)).await;
    commit(&mut *one, &past(queue.id(), &all[..all.len() / 3])).await;
    commit(&mut *one, &Cursors::start_of(queue.id())).await;
    assert_eq!(committed(&*one).await, past(queue.id(), &all));
}

pub async fn groups_are_apart(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("groups");
    let sent = numbered(2, 10);
    send_all(queue, &topic, &sent).await;
    for group in ["one", "two"].map(|name| format!("{topic}-{name}")) {
        assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &group, &sent).await);
    }
}

pub async fn a_forgotten_group_begins_anew(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("forgotten");
    let sent = numbered(2, 10);
    send_all(queue, &topic, &sent).await;
    let [stays, goes] = ["stays", "goes"].map(|name| format!("{topic}-{name}"));
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &stays, &sent).await);
    let mut one = consumer(queue, &topic, &goes).await;
    let some = collect_records(&mut *one, 5).await;
    commit(&mut *one, &past(queue.id(), &some)).await;
    let refused = forget(queue, &topic, &goes).await;
    assert!(matches!(&refused, Err(QueueError::InUse { group }) if *group == goes), "{refused:?}");
    drop(one);
    // That a member is gone is learnt a little later by some.
    let mut forgotten = forget(queue, &topic, &goes).await;
    for _ in 0..TURNS {
        if !matches!(forgotten, Err(QueueError::InUse { .. })) {
            break;
        }
        tokio::time::sleep(SOON).await;
        forgotten = forget(queue, &topic, &goes).await;
    }
    assert!(forgotten.is_ok(), "{forgotten:?}");
    assert!(forget(queue, &topic, &goes).await.is_ok(), "it is forgotten already");
    let known = stats(queue, &topic).await.groups.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(known, [stays], "the other is not");
    assert_all_once(capabilities, &sent, &delivered_all(queue, &topic, &goes, &sent).await);
}

pub async fn members_share_the_partitions(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("members");
    let sent = numbered(12, 10);
    send_all(queue, &topic, &sent).await;
    let everything: BTreeSet<_> = (0..capabilities.partitions).map(Partition).collect();
    let mut first = consumer(queue, &topic, &topic).await;
    let mut all = poll(&mut *first, 64 * 20, LONG).await;
    assert_eq!(first.assignment().into_iter().collect::<BTreeSet<_>>(), everything);
    commit(&mut *first, &past(queue.id(), &all)).await;

    let mut second = consumer(queue, &topic, &topic).await;
    // Both learn of the new shares when they poll; what the first got by then of the other's is not committed by it.
    let mut kept = Vec::new();
    for _ in 0..TURNS {
        poll(&mut *second, 1, SOON).await;
        poll(&mut *first, 1, SOON).await;
        kept = [first.assignment(), second.assignment()].concat();
        let settled = kept.len() == everything.len() && !(second.assignment().is_empty() && everything.len() > 1);
        if settled && kept.iter().copied().collect::<BTreeSet<_>>() == everything {
            break;
        }
    }
    let noted = committed(&*first).await;
    seek(&mut *first, &noted).await.expect("seeks");
    seek(&mut *second, &noted).await.expect("seeks");
    assert_eq!(kept.iter().copied().collect::<BTreeSet<_>>(), everything);
    assert_eq!(kept.len(), everything.len(), "one owner each: {kept:?}");
    let foreign = second.assignment().first().map(|p| Cursors { queue: queue.id(), next: [(*p, u64::MAX)].into() });
    if let Some(foreign) = foreign {
        let refused = try_commit(&mut *first, &foreign).await;
        assert!(matches!(refused, Err(QueueError::Owned { .. })), "{refused:?}");
    }
    for _ in 0..TURNS {
        for one in [&mut first, &mut second] {
            let found = poll(&mut **one, 64 * 50, SOON).await;
            assert!(found.iter().all(|d| one.assignment().contains(&d.place.partition)));
            commit(&mut **one, &past(queue.id(), &found)).await;
            all.extend(found);
        }
        if records_in(&all) >= records(&sent) {
            break;
        }
    }
    for one in [&mut first, &mut second] {
        assert!(poll(&mut **one, 64 * 50, SOON).await.is_empty(), "nothing comes twice");
    }
    assert_all_once(capabilities, &sent, &all);

    drop(first);
    let has_all = |one: &dyn crate::Consumer| one.assignment().into_iter().collect::<BTreeSet<_>>() == everything;
    for _ in 0..TURNS {
        poll(&mut *second, 1, SOON).await;
        if has_all(&*second) {
            return;
        }
    }
    panic!("the one left does not get all: {:?}", second.assignment());
}

pub async fn seek_reads_on_from_there(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("seek");
    let sent = numbered(1, 10);
    send_all(queue, &topic, &sent).await;
    let mut one = consumer(queue, &topic, &topic).await;
    let all = collect_records(&mut *one, 10).await;
    let (seen, left) = all.split_at(all.len() * 3 / 10);
    seek(&mut *one, &past(queue.id(), seen)).await.expect("seeks");
    assert_all_once(capabilities, &sent[records_in(seen)..], &collect_records(&mut *one, records_in(left)).await);
    assert_eq!(committed(&*one).await, Cursors::start_of(queue.id()), "seeking commits nothing");
    seek(&mut *one, &Cursors::start_of(queue.id())).await.expect("seeks");
    assert_all_once(capabilities, &sent, &collect_records(&mut *one, 10).await);

    let Place { partition, offset } = all[all.len() - 1].place;
    seek(&mut *one, &Cursors { queue: queue.id(), next: [(partition, offset + 1)].into() }).await.expect("to the end");
    let beyond = Cursors { queue: queue.id(), next: [(partition, offset + 2)].into() };
    for refused in [seek(&mut *one, &beyond).await, try_commit(&mut *one, &beyond).await] {
        assert!(
            matches!(refused, Err(QueueError::OutOfRange { asked, end, .. }) if asked == offset + 2 && end == offset + 1),
            "{refused:?}"
        );
    }
}

pub async fn cursors_of_other_data_are_refused(queue: &dyn Queue) {
    let topic = topic("foreign");
    send_all(queue, &topic, &numbered(1, 2)).await;
    let mut one = consumer(queue, &topic, &topic).await;
    let foreign = Cursors { queue: QueueId(!queue.id().0), next: [(Partition(0), 1)].into() };
    for refused in [seek(&mut *one, &foreign).await, try_commit(&mut *one, &foreign).await] {
        assert!(matches!(refused, Err(QueueError::OtherQueue { .. })), "{refused:?}");
    }
    assert_eq!(records_in(&collect_records(&mut *one, 2).await), 2, "it goes on where it was");
}
