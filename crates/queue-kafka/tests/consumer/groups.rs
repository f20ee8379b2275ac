//! Members that come, go and die: everything is delivered, and nothing committed comes again.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command};
use std::time::Duration;

use e2e::services::address;
use model::{Batch, Partition};
use queue::testing::BatchOf;
use queue::{Consumer, Queue as _, QueueError};
use queue_kafka::{Framing, Options};

use crate::common::{append, collect, lines, options, past, poll, records, records_in};

const SOON: Duration = Duration::from_millis(50);
const PARTITIONS: u32 = 6;
const SOURCES: u128 = 24;

fn numbered(from: u64, to: u64) -> Vec<Batch> {
    (from..to).flat_map(|n| (1..=SOURCES).map(move |source| BatchOf::source(source).numbered(n))).collect()
}

fn everything() -> BTreeSet<Partition> {
    (0..PARTITIONS).map(Partition).collect()
}

fn assigned(consumer: &dyn Consumer) -> BTreeSet<Partition> {
    consumer.assignment().into_iter().collect()
}

/// What all members together got, and how far the group has come: nothing may come from before that.
#[derive(Default)]
struct Account {
    seen: BTreeMap<String, Vec<u8>>,
    committed: BTreeMap<Partition, u64>,
    records: usize,
}

impl Account {
    /// One poll of one member, and the commit of what it gave.
    async fn turn(&mut self, queue: &queue_kafka::KafkaQueue, consumer: &mut dyn Consumer) {
        let found = poll(consumer, SOON).await;
        for delivery in &found {
            let committed = self.committed.get(&delivery.place.partition).copied().unwrap_or(0);
            assert!(delivery.place.offset >= committed, "{} was committed up to {committed}", delivery.place);
        }
        let cursors = past(queue.id(), &found);
        consumer.commit(&cursors).await.expect("commits");
        // What was taken from the member in between was not committed, and may come again to the other.
        let owned = assigned(consumer);
        self.committed.extend(cursors.next.iter().filter(|(partition, _)| owned.contains(partition)));
        self.records += records_in(&found);
        self.seen.extend(records(&found));
    }
}

#[tokio::test]
async fn two_members_under_load_share_and_miss_nothing() {
    let Some(servers) = address("KAFKA", "two_members_under_load_share_and_miss_nothing") else { return };
    let options = options(&servers, "load", PARTITIONS, Framing::Record);
    let (queue, lines) = lines(&options).await;
    let group = options.lines.topic.clone();
    let mut account = Account::default();
    let mut first = queue.consumer(queue::LINES, &group).await.expect("a member");
    let mut second: Option<Box<dyn Consumer>> = None;
    let mut sent = Vec::new();
    let mut shared = false;
    for round in 0..400u64 {
        if round < 200 {
            let batches = numbered(round, round + 1);
            append(&*lines, &batches).await;
            sent.extend(batches);
        }
        if round == 40 {
            second = Some(queue.consumer(queue::LINES, &group).await.expect("a second member"));
        }
        if round == 150 {
            second = None;
        }
        account.turn(&queue, &mut *first).await;
        if let Some(second) = &mut second {
            account.turn(&queue, &mut **second).await;
            let shares = [assigned(&*first), assigned(&**second)];
            shared |= shares.iter().all(|share| share.len() == PARTITIONS as usize / 2);
        }
        if round >= 200 && account.seen.len() == sent.len() {
            break;
        }
    }
    assert!(shared, "both had their share for a while");
    assert_eq!(account.seen.len(), sent.len(), "everything came");
    assert_eq!(assigned(&*first), everything(), "the one left has all");
    eprintln!("{} records were sent, {} came", sent.len(), account.records);
}

/// Runs as a process of its own: joins a group, reads, commits nothing, and waits to be killed.
#[tokio::test]
#[ignore = "is started by another test"]
async fn member_to_be_killed() {
    let var = |name| std::env::var(name).expect(name);
    let mut options = Options::new([var("KAFKA")]);
    options.lines.topic = var("MEMBER_TOPIC");
    options.session_timeout = Duration::from_secs(6);
    options.group_instance_id = std::env::var("MEMBER_INSTANCE").ok();
    let (queue, _) = lines(&options).await;
    let mut consumer = queue.consumer(queue::LINES, &var("MEMBER_TOPIC")).await.expect("a member");
    loop {
        poll(&mut *consumer, SOON).await;
    }
}

fn start_member(servers: &str, topic: &str) -> Child {
    let exe = std::env::current_exe().expect("this program");
    let mut command = Command::new(exe);
    command.args(["--exact", "groups::member_to_be_killed", "--ignored", "--nocapture"]);
    command.env("KAFKA", servers).env("MEMBER_TOPIC", topic).spawn().expect("starts")
}

#[tokio::test]
async fn what_a_killed_member_had_goes_to_the_other() {
    let Some(servers) = address("KAFKA", "what_a_killed_member_had_goes_to_the_other") else { return };
    let mut options = options(&servers, "killed", PARTITIONS, Framing::Record);
    options.session_timeout = Duration::from_secs(6);
    let (queue, lines) = lines(&options).await;
    let topic = options.lines.topic.clone();
    let mut account = Account::default();
    let mut one = queue.consumer(queue::LINES, &topic).await.expect("a member");
    let mut other = start_member(&servers, &topic);
    let mut sent = 0;
    for round in 0..3000u64 {
        if round < 1000 && assigned(&*one).len() == PARTITIONS as usize {
            account.turn(&queue, &mut *one).await;
            continue;
        }
        break;
    }
    assert!(assigned(&*one).len() < PARTITIONS as usize, "the other never got its share");
    for round in 0..20 {
        let batches = numbered(round, round + 1);
        append(&*lines, &batches).await;
        sent += batches.len();
        account.turn(&queue, &mut *one).await;
    }
    assert!(account.seen.len() < sent, "the other has its share of the lines");
    other.kill().expect("kills");
    other.wait().expect("is dead");
    for _ in 0..1200 {
        account.turn(&queue, &mut *one).await;
        if account.seen.len() == sent {
            break;
        }
    }
    assert_eq!(account.seen.len(), sent, "everything came");
    assert_eq!(account.records, sent, "nothing committed came again");
    assert_eq!(assigned(&*one), everything());
}

#[tokio::test]
async fn a_member_with_a_name_keeps_its_share_over_a_restart() {
    let Some(servers) = address("KAFKA", "a_member_with_a_name_keeps_its_share_over_a_restart") else { return };
    let options = options(&servers, "static", PARTITIONS, Framing::Record);
    let named = |name: &str| Options { group_instance_id: Some(name.to_owned()), ..options.clone() };
    let group = options.lines.topic.clone();
    let (a_queue, producer) = lines(&named("a")).await;
    let (b_queue, _) = lines(&named("b")).await;
    let mut a = a_queue.consumer(queue::LINES, &group).await.expect("a member");
    let mut b = b_queue.consumer(queue::LINES, &group).await.expect("a member");
    for _ in 0..400 {
        poll(&mut *a, SOON).await;
        poll(&mut *b, SOON).await;
        if [&a, &b].iter().all(|one| assigned(&***one).len() == PARTITIONS as usize / 2) {
            break;
        }
    }
    let (of_a, of_b) = (assigned(&*a), assigned(&*b));
    assert_eq!((of_a.len(), of_b.len()), (3, 3), "{of_a:?} {of_b:?}");
    drop(a);
    let sent = numbered(0, 3);
    append(&*producer, &sent).await;
    let mut came = Vec::new();
    for _ in 0..20 {
        came.extend(poll(&mut *b, SOON).await);
        assert_eq!(assigned(&*b), of_b, "nobody takes what belongs to a member that comes back");
    }
    let mut a = a_queue.consumer(queue::LINES, &group).await.expect("comes back");
    assert_eq!(assigned(&*a), of_a, "it has what it had");
    let left = sent.len() - records_in(&came);
    came.extend(collect(&mut *a, left).await);
    assert_eq!(assigned(&*b), of_b);
    assert_eq!(records(&came).len(), sent.len());

    // A second one with the same name takes its place; the first is told so.
    let (thief_queue, _) = lines(&named("a")).await;
    let _thief = thief_queue.consumer(queue::LINES, &group).await.expect("a member");
    for _ in 0..400 {
        match a.poll(queue::PollOptions { max_bytes: 1, max_wait: SOON }).await {
            Ok(_) => {}
            Err(error @ QueueError::Refused { lasting: true, .. }) => {
                assert!(error.to_string().contains("group_instance_id"), "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it was never told");
}
