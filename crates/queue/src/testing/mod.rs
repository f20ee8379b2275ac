//! The conformance suite: what every queue, and every decorator around one, must do.
//!
//! Decision: the cases are plain async functions over `&dyn Queue`. Each uses a topic of its own, so that one queue,
//! also one on a live server, can serve them all; each repeats what fails for the moment, as the roles do, so that the
//! suite also passes over a queue that injects faults, and then proves that retrying is safe.

mod append;
mod batch;
mod consume;
mod limits;
mod records;
mod support;

use std::sync::Arc;

use crate::Queue;

pub use batch::BatchOf;
pub use support::{Put, collect, delivered, put, send_all};

/// In what queues may differ.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Partitions of a new topic.
    pub partitions: u32,
    /// About how many bytes of unread payload a topic takes before it says back-pressure; `None`: do not try.
    pub capacity: Option<usize>,
    /// It keeps how far it holds each source: see [`crate::Producer::keeps_positions`].
    pub keeps_positions: bool,
    /// What comes out are the batches that went in; otherwise the same records, cut into batches anew.
    pub keeps_batches: bool,
    /// Offsets count batches, without gaps.
    pub dense_offsets: bool,
}

impl Capabilities {
    /// Of a queue of our own: it keeps everything as it was appended.
    pub const fn whole(partitions: u32, capacity: Option<usize>) -> Self {
        Self { partitions, capacity, keeps_positions: true, keeps_batches: true, dense_offsets: true }
    }
}

/// Runs every case; panics where the queue does not keep the contract.
pub async fn run(queue: &dyn Queue, capabilities: &Capabilities) {
    append::what_is_appended_comes_out(queue, capabilities).await;
    append::append_is_idempotent(queue, capabilities).await;
    append::sources_and_generations_are_apart(queue, capabilities).await;
    append::unknown_sources_start_at_zero(queue, capabilities).await;
    append::what_was_missed_is_passed_over(queue, capabilities).await;
    append::open_lines_are_known(queue).await;
    append::what_cannot_be_right_is_refused(queue, capabilities).await;
    append::a_stream_of_appends_keeps_its_order(queue, capabilities).await;
    consume::poll_keeps_to_its_bounds(queue, capabilities).await;
    consume::poll_waits_and_wakes(queue, capabilities).await;
    consume::what_was_not_committed_comes_again(queue, capabilities).await;
    consume::commits_never_move_backwards(queue).await;
    consume::groups_are_apart(queue, capabilities).await;
    consume::a_forgotten_group_begins_anew(queue, capabilities).await;
    consume::members_share_the_partitions(queue, capabilities).await;
    consume::seek_reads_on_from_there(queue, capabilities).await;
    consume::cursors_of_other_data_are_refused(queue).await;
    limits::names_are_checked(queue).await;
    limits::stats_tell_how_full_it_is(queue, capabilities).await;
    limits::bytes_are_located(queue).await;
    if let Some(capacity) = capabilities.capacity {
        limits::a_full_queue_says_back_pressure(queue, capabilities, capacity).await;
    }
}

/// That what was acknowledged, and what was committed, is there after the queue was opened again by `reopen`, which is
/// given the first one to close or to kill.
pub async fn survives_reopening<F>(queue: Arc<dyn Queue>, reopen: impl FnOnce(Arc<dyn Queue>) -> F)
where
    F: Future<Output = Arc<dyn Queue>>,
{
    survives_reopening_as(queue, &Capabilities::whole(0, None), reopen).await;
}

/// The same, for a queue that differs.
pub async fn survives_reopening_as<F>(
    queue: Arc<dyn Queue>,
    capabilities: &Capabilities,
    reopen: impl FnOnce(Arc<dyn Queue>) -> F,
) where
    F: Future<Output = Arc<dyn Queue>>,
{
    let topic = support::topic("reopen");
    let id = queue.id();
    let batches: Vec<_> = (0..40).flat_map(|n| [1, 2].map(|s| BatchOf::source(s).numbered(n))).collect();
    let (before, after) = batches.split_at(50);
    send_all(&*queue, &topic, before).await;
    let mut consumer = support::consumer(&*queue, &topic, &topic).await;
    let seen = support::collect_records(&mut *consumer, 20).await;
    support::commit(&mut *consumer, &support::past(id, &seen)).await;
    drop(consumer);

    let queue = reopen(queue).await;
    assert_eq!(queue.id(), id, "its identity is durable");
    if capabilities.keeps_positions {
        let producer = support::producer(&*queue, &topic).await;
        for batch in before {
            let held = put(&*producer, batch).await.outcome;
            assert!(matches!(held, crate::Outcome::Duplicate(_)), "was acknowledged before: {held:?}");
        }
    }
    send_all(&*queue, &topic, after).await;
    let mut consumer = support::consumer(&*queue, &topic, &topic).await;
    let mut all = seen;
    let left = support::records(&batches) - support::records_in(&all);
    all.extend(support::collect_records(&mut *consumer, left).await);
    support::assert_all_once(capabilities, &batches, &all);
}
