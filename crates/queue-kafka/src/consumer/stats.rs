//! How full the Kafka topics behind a topic of the seam are, and how far groups have come in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Cursors;
use queue::{QueueError, TopicStats};

use super::member::TopicPartition;
use super::{KafkaTopics, offsets};
use crate::client::Cluster;

/// Of a topic of the seam.
pub(crate) async fn stats(cluster: &Arc<Cluster>, topic: &str) -> Result<TopicStats, QueueError> {
    let topics = KafkaTopics::find(cluster.clone(), topic).await?;
    let mut by_topic: BTreeMap<Arc<str>, Vec<i32>> = BTreeMap::new();
    for name in topics.found().await? {
        let meta = cluster.topic(&name).await?;
        by_topic.insert(name, meta.partitions.iter().map(|partition| partition.index).collect());
    }
    let keys: Vec<TopicPartition> =
        by_topic.iter().flat_map(|(name, list)| list.iter().map(|index| (name.clone(), *index))).collect();
    let ranges = offsets::ranges(cluster, &keys).await?;
    let sizes = offsets::sizes(cluster, &by_topic).await;
    let mut partitions: Vec<_> = ranges
        .iter()
        .map(|(key, (first, end))| {
            let size = sizes.get(key).copied().unwrap_or(0);
            (topics.partition(key), (*first).max(0) as u64, (*end).max(0) as u64, size)
        })
        .collect();
    partitions.sort_unstable();
    let mut groups = Vec::new();
    for (group, committed) in offsets::groups(cluster).await {
        let mut cursors = Cursors::start_of(cluster.id());
        for (key, offset) in committed.iter().filter(|(key, _)| by_topic.contains_key(&key.0)) {
            cursors.next.insert(topics.partition(key), (*offset).max(0) as u64);
        }
        if !cursors.next.is_empty() {
            groups.push((group, cursors));
        }
    }
    // Brokers keep data for a time, whoever has read it: no group holds anything.
    Ok(TopicStats { partitions, groups, ..TopicStats::default() })
}

/// Forgets how far a group has come in the Kafka topics behind a topic of the seam.
pub(crate) async fn forget(cluster: &Arc<Cluster>, topic: &str, group: &str) -> Result<(), QueueError> {
    let topics = KafkaTopics::find(cluster.clone(), topic).await?;
    let mut partitions = BTreeMap::<Arc<str>, Vec<i32>>::new();
    for name in topics.found().await? {
        let meta = cluster.topic(&name).await?;
        partitions.insert(name, meta.partitions.iter().map(|partition| partition.index).collect());
    }
    offsets::forget(cluster, group, &partitions).await
}
