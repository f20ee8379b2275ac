//! Which offsets there are: held by the partitions, committed by groups, taken up on disks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::{
    BrokerId, DescribeLogDirsRequest, GroupId, ListGroupsRequest, ListOffsetsRequest, OffsetDeleteRequest,
    OffsetFetchRequest, OffsetFetchResponse,
};
use kafka_protocol::protocol::StrBytes;
use queue::QueueError;

use super::member::TopicPartition;
use crate::client::{Cluster, topic_name};
use crate::error::{self, Remedy, remedy};

const EARLIEST: i64 = -2;
const LATEST: i64 = -1;
/// Most groups of one broker that are looked at.
const GROUPS_MAX: usize = 2000;
/// Requests for groups that are under way at once.
const GROUPS_AT_ONCE: usize = 16;

/// The first offset held and the one behind the last that may be read, of each of these.
pub async fn ranges(
    cluster: &Cluster,
    wanted: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, (i64, i64)>, QueueError> {
    let mut by_leader: HashMap<i32, Vec<TopicPartition>> = HashMap::new();
    for (topic, index) in wanted {
        let meta = cluster.topic(topic).await?;
        let Some(leader) = meta.leader(*index) else {
            cluster.forget(topic);
            let about = format!("topic '{topic}', partition {index}");
            return Err(error::refused(&cluster.address(), ResponseError::LeaderNotAvailable, &about));
        };
        by_leader.entry(leader).or_default().push((topic.clone(), *index));
    }
    let mut all = BTreeMap::new();
    for (leader, wanted) in by_leader {
        let first = list(cluster, leader, &wanted, EARLIEST).await?;
        let end = list(cluster, leader, &wanted, LATEST).await?;
        for partition in wanted {
            if let (Some(first), Some(end)) = (first.get(&partition), end.get(&partition)) {
                all.insert(partition, (*first, (*end).max(*first)));
            }
        }
    }
    Ok(all)
}

async fn list(
    cluster: &Cluster,
    leader: i32,
    wanted: &[TopicPartition],
    which: i64,
) -> Result<BTreeMap<TopicPartition, i64>, QueueError> {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (topic, index) in wanted {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(*index)
            .with_current_leader_epoch(-1)
            .with_timestamp(which);
        topics.entry(topic).or_default().push(partition);
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| ListOffsetsTopic::default().with_name(topic_name(name)).with_partitions(partitions));
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(1)
        .with_topics(topics.collect());
    let connection = cluster.broker(leader).await?;
    let answer = connection.call(&request).await?;
    let mut found = BTreeMap::new();
    for topic in &answer.topics {
        for partition in &topic.partitions {
            let name: Arc<str> = topic.name.as_str().into();
            if let Some(code) = partition.error_code.err() {
                if remedy(code) == Remedy::Refresh {
                    cluster.forget(&name);
                }
                let about = format!("topic '{name}', partition {}", partition.partition_index);
                return Err(error::refused(connection.address(), code, &about));
            }
            found.insert((name, partition.partition_index), partition.offset);
        }
    }
    Ok(found)
}

/// All that a group has committed.
pub async fn committed(cluster: &Cluster, group: &str) -> Result<BTreeMap<TopicPartition, i64>, QueueError> {
    let connection = cluster.coordinator(group).await?;
    let answer = connection.call(&committed_request(group)).await?;
    read_committed(&answer, connection.address(), group)
}

fn committed_request(group: &str) -> OffsetFetchRequest {
    OffsetFetchRequest::default()
        .with_group_id(GroupId(StrBytes::from_string(group.to_owned())))
        .with_topics(None)
        .with_require_stable(true)
}

fn read_committed(
    answer: &OffsetFetchResponse,
    at: &str,
    group: &str,
) -> Result<BTreeMap<TopicPartition, i64>, QueueError> {
    let partitions = answer.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |one| (&topic.name, one)));
    let mut failed = answer.error_code.err();
    let mut found = BTreeMap::new();
    for (topic, partition) in partitions {
        failed = failed.or(partition.error_code.err());
        if partition.committed_offset >= 0 {
            found.insert((topic.as_str().into(), partition.partition_index), partition.committed_offset);
        }
    }
    failed.map_or(Ok(found), |code| Err(error::refused(at, code, &format!("group '{group}'"))))
}

/// What all groups have committed, by name; at most so many groups of each broker, because a cluster may have thousands
/// that have nothing to do with us. One that cannot be asked now is left out rather than all of them.
pub async fn groups(cluster: &Cluster) -> BTreeMap<String, BTreeMap<TopicPartition, i64>> {
    let mut all = BTreeMap::new();
    for broker in cluster.broker_ids() {
        let Ok(connection) = cluster.broker(broker).await else { continue };
        // A broker names those groups that it coordinates, so they are asked for there; many under way at once.
        let Ok(answer) = connection.call(&ListGroupsRequest::default()).await else { continue };
        // Groups without members that only hold offsets have no protocol.
        let ours = answer.groups.iter().filter(|group| matches!(group.protocol_type.as_str(), "consumer" | ""));
        let names: Vec<String> = ours.take(GROUPS_MAX).map(|group| group.group_id.to_string()).collect();
        for names in names.chunks(GROUPS_AT_ONCE) {
            let mut replies = Vec::new();
            for name in names {
                replies.push((name, connection.send(&committed_request(name)).await));
            }
            for (name, reply) in replies {
                let Ok(reply) = reply else { continue };
                let Ok(answer) = reply.get().await else { continue };
                if let Ok(found) = read_committed(&answer, connection.address(), name) {
                    all.insert(name.clone(), found);
                }
            }
        }
    }
    all
}

/// Removes what a group has committed for these; it is not there any more where the group is not.
pub async fn forget(cluster: &Cluster, group: &str, topics: &BTreeMap<Arc<str>, Vec<i32>>) -> Result<(), QueueError> {
    let topics = topics.iter().map(|(name, indices)| {
        let partitions =
            indices.iter().map(|index| OffsetDeleteRequestPartition::default().with_partition_index(*index));
        OffsetDeleteRequestTopic::default().with_name(topic_name(name)).with_partitions(partitions.collect())
    });
    let request = OffsetDeleteRequest::default()
        .with_group_id(GroupId(StrBytes::from_string(group.to_owned())))
        .with_topics(topics.collect());
    let connection = cluster.coordinator(group).await?;
    let answer = connection.call(&request).await?;
    let of_partitions = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|one| one.error_code);
    for code in [answer.error_code].into_iter().chain(of_partitions).filter_map(|code| code.err()) {
        match code {
            ResponseError::GroupIdNotFound => return Ok(()),
            ResponseError::GroupSubscribedToTopic | ResponseError::NonEmptyGroup => {
                return Err(QueueError::InUse { group: group.to_owned() });
            }
            ResponseError::UnknownTopicOrPartition => {}
            code => return Err(error::refused(connection.address(), code, &format!("group '{group}'"))),
        }
    }
    Ok(())
}

/// How many bytes partitions take up on the disk of the broker that has most of them. What no broker tells is missing.
pub async fn sizes(cluster: &Cluster, topics: &BTreeMap<Arc<str>, Vec<i32>>) -> HashMap<TopicPartition, u64> {
    let wanted = topics.iter().map(|(name, partitions)| {
        DescribableLogDirTopic::default().with_topic(topic_name(name)).with_partitions(partitions.clone())
    });
    let request = DescribeLogDirsRequest::default().with_topics(Some(wanted.collect()));
    let mut sizes: HashMap<TopicPartition, u64> = HashMap::new();
    for broker in cluster.broker_ids() {
        let Ok(connection) = cluster.broker(broker).await else { continue };
        let Ok(answer) = connection.call(&request).await else { continue };
        for topic in answer.results.iter().flat_map(|folder| &folder.topics) {
            for partition in &topic.partitions {
                let size = sizes.entry((topic.name.as_str().into(), partition.partition_index)).or_default();
                *size = (*size).max(partition.partition_size.max(0) as u64);
            }
        }
    }
    sizes
}
