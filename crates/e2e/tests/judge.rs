//! The promise over real engines: files, Kafka, OpenSearch; whoever dies, each line is in the store once.
//!
//! Each case has servers of its own. Here they are short; `e2e::judge` says how to make them long.

use std::fs::File;

use e2e::judge::{Case, Fault, Verdict, judge};
use e2e::services;

const ALL_DIE: [Fault; 4] = [Fault::Agent, Fault::Transfer, Fault::Broker, Fault::Store];

const CASE: Case = Case {
    name: "source",
    brokers: 1,
    transfers: 1,
    partitioner: "source",
    framing: "record",
    store: &[],
    faults: &ALL_DIE,
    rounds: 4,
    pause: 2000,
};

/// One after the other: each wants the whole machine.
fn in_turn(case: &Case) -> Option<Verdict> {
    let thread = std::thread::current();
    for server in ["KAFKA", "OPENSEARCH"] {
        services::address(server, thread.name().unwrap_or(case.name))?;
    }
    let turn = File::create(std::env::temp_dir().join("logdrive-judge.lock")).expect("a temporary file");
    turn.lock().expect("a lock");
    Some(judge(case))
}

#[test]
fn all_die_at_random() {
    in_turn(&CASE);
}

#[test]
fn all_die_at_random_with_lines_spread_over_partitions() {
    in_turn(&Case { name: "random", partitioner: "random", ..CASE });
}

#[test]
fn all_die_at_random_with_a_batch_in_each_message() {
    in_turn(&Case { name: "batch", framing: "batch", ..CASE });
}

#[test]
fn three_brokers_lose_their_leader() {
    in_turn(&Case { name: "leader", brokers: 3, faults: &[Fault::Broker], rounds: 2, ..CASE });
}

#[test]
fn transfers_that_share_the_work_come_and_go() {
    in_turn(&Case { name: "share", transfers: 2, faults: &[Fault::Transfer], rounds: 4, pause: 4000, ..CASE });
}

#[test]
fn a_broker_hangs() {
    in_turn(&Case { name: "hang", faults: &[Fault::Hang], rounds: 1, ..CASE });
}

#[test]
fn the_store_is_full_busy_and_gone() {
    // One bulk at a time, and one that waits: more are refused.
    let store = &["thread_pool.write.size=1", "thread_pool.write.queue_size=1"];
    in_turn(&Case { name: "store", store, faults: &[Fault::Store, Fault::Full], rounds: 4, pause: 1500, ..CASE });
}
