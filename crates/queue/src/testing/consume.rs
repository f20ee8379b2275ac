//! Cases about what consumers get.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Cursors, Partition, Place, QueueId};

use super::support::{
    again, appended, assert_all_once, collect, commit, committed, consumer, past, poll, producer, seek, send_all,
    topic, try_commit,
};
use super::{BatchOf, Capabilities};
use crate::{PollOptions, Queue, QueueError};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn numbered(sources: u128, count: u64) -> Vec<model::Batch> {
    (0..count).flat_map(|n| (1..=sources).map(move |source| BatchOf::source(source).numbered(n))).collect()
}

pub async fn poll_keeps_to_its_bounds(queue: &dyn Queue) {
    let topic = topic("bounds");
    let sent = numbered(1, 10);
    send_all(queue, &topic, &sent).await;
    let mut one = consumer(queue, &topic, "group").await;
    let mut all = poll(&mut *one, 1, LONG).await;
    assert_eq!(all.len(), 1, "at least one, however little is asked for");
    let three = poll(&mut *one, 64 * 3 + 63, LONG).await;
    assert_eq!(three.len(), 3);
    all.extend(three);
    all.extend(collect(&mut *one, 6).await);
    assert_all_once(&sent, &all);
    assert!(poll(&mut *one, 1000, SOON).await.is_empty(), "nothing came, nothing is handed out");
}

pub async fn poll_waits_and_wakes(queue: &dyn Queue) {
    let topic = topic("wakes");
    let lines = producer(queue, &topic).await;
    let mut waiting = consumer(queue, &topic, "group").await;
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
    assert_all_once(&[batch], &found);
}

pub async fn what_was_not_committed_comes_again(queue: &dyn Queue) {
    let topic = topic("again");
    let sent = numbered(3, 10);
    send_all(queue, &topic, &sent).await;
    let mut first = consumer(queue, &topic, "group").await;
    let mut all = poll(&mut *first, 64 * 12, LONG).await;
    commit(&mut *first, &past(queue.id(), &all)).await;
    let lost = poll(&mut *first, 64 * 12, LONG).await;
    assert!(!lost.is_empty());
    drop(first);
    let mut second = consumer(queue, &topic, "group").await;
    assert_eq!(committed(&*second).await, past(queue.id(), &all));
    all.extend(collect(&mut *second, sent.len() - all.len()).await);
    assert_all_once(&sent, &all);
}

pub async fn commits_never_move_backwards(queue: &dyn Queue) {
    let topic = topic("monotonic");
    send_all(queue, &topic, &numbered(1, 10)).await;
    let mut one = consumer(queue, &topic, "group").await;
    assert_eq!(committed(&*one).await, Cursors::start_of(queue.id()));
    let all = collect(&mut *one, 10).await;
    commit(&mut *one, &past(queue.id(), &all)).await;
    commit(&mut *one, &past(queue.id(), &all[..3])).await;
    commit(&mut *one, &Cursors::start_of(queue.id())).await;
    assert_eq!(committed(&*one).await, past(queue.id(), &all));
}

pub async fn groups_are_apart(queue: &dyn Queue) {
    let topic = topic("groups");
    let sent = numbered(2, 10);
    send_all(queue, &topic, &sent).await;
    for group in ["one", "two"] {
        assert_all_once(&sent, &super::delivered(queue, &topic, group, sent.len()).await);
    }
}

pub async fn members_share_the_partitions(queue: &dyn Queue, capabilities: &Capabilities) {
    let topic = topic("members");
    let sent = numbered(12, 10);
    send_all(queue, &topic, &sent).await;
    let everything: BTreeSet<_> = (0..capabilities.partitions).map(Partition).collect();
    let mut first = consumer(queue, &topic, "group").await;
    let mut all = poll(&mut *first, 64 * 20, LONG).await;
    assert_eq!(first.assignment().into_iter().collect::<BTreeSet<_>>(), everything);
    commit(&mut *first, &past(queue.id(), &all)).await;

    let mut second = consumer(queue, &topic, "group").await;
    // Both learn of the new shares when they poll; what the first got by then of the other's is not committed by it.
    let kept: Vec<_> = {
        poll(&mut *second, 1, SOON).await;
        poll(&mut *first, 1, SOON).await;
        let committed = committed(&*first).await;
        seek(&mut *first, &committed).await.expect("seeks");
        seek(&mut *second, &committed).await.expect("seeks");
        [first.assignment(), second.assignment()].concat()
    };
    assert_eq!(kept.iter().copied().collect::<BTreeSet<_>>(), everything);
    assert_eq!(kept.len(), everything.len(), "one owner each: {kept:?}");
    let foreign = second.assignment().first().map(|p| Cursors { queue: queue.id(), next: [(*p, u64::MAX)].into() });
    if let Some(foreign) = foreign {
        let refused = try_commit(&mut *first, &foreign).await;
        assert!(matches!(refused, Err(QueueError::Owned { .. })), "{refused:?}");
    }
    for one in [&mut first, &mut second] {
        loop {
            let found = poll(&mut **one, 64 * 50, SOON).await;
            if found.is_empty() {
                break;
            }
            assert!(found.iter().all(|d| one.assignment().contains(&d.place.partition)));
            commit(&mut **one, &past(queue.id(), &found)).await;
            all.extend(found);
        }
    }
    assert_all_once(&sent, &all);

    drop(first);
    let has_all = |one: &dyn crate::Consumer| one.assignment().into_iter().collect::<BTreeSet<_>>() == everything;
    for _ in 0..500 {
        poll(&mut *second, 1, SOON).await;
        if has_all(&*second) {
            return;
        }
    }
    panic!("the one left does not get all: {:?}", second.assignment());
}

pub async fn seek_reads_on_from_there(queue: &dyn Queue) {
    let topic = topic("seek");
    let sent = numbered(1, 10);
    send_all(queue, &topic, &sent).await;
    let mut one = consumer(queue, &topic, "group").await;
    let all = collect(&mut *one, 10).await;
    let third = past(queue.id(), &all[..3]);
    seek(&mut *one, &third).await.expect("seeks");
    assert_all_once(&sent[3..], &collect(&mut *one, 7).await);
    assert_eq!(committed(&*one).await, Cursors::start_of(queue.id()), "seeking commits nothing");
    seek(&mut *one, &Cursors::start_of(queue.id())).await.expect("seeks");
    assert_all_once(&sent, &collect(&mut *one, 10).await);

    let Place { partition, offset } = all[9].place;
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
    let mut one = consumer(queue, &topic, "group").await;
    let foreign = Cursors { queue: QueueId(!queue.id().0), next: [(Partition(0), 1)].into() };
    for refused in [seek(&mut *one, &foreign).await, try_commit(&mut *one, &foreign).await] {
        assert!(matches!(refused, Err(QueueError::OtherQueue { .. })), "{refused:?}");
    }
    assert_eq!(collect(&mut *one, 2).await.len(), 2, "it goes on where it was");
}
