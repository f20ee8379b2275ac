//! Where a consumer is: what becomes ours and where it begins, seeking, committing.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Cursors, Partition};
use queue::QueueError;
use tokio::time::{Instant, sleep};

use super::lane::Lane;
use super::member::{Refused, TopicPartition};
use super::{KafkaConsumer, RETRY, TELL_AFTER, offsets};
use crate::topics::Template;

impl KafkaConsumer {
    /// Lets go of the lanes that are not ours any more, and takes up those that are now, where the group has committed
    /// to.
    pub(super) async fn follow_membership(&mut self) -> Result<(), QueueError> {
        let (owned, epoch) = {
            let owned = self.member.shared.owned.read();
            if owned.epoch == self.epoch {
                return Ok(());
            }
            (owned.partitions.clone(), owned.epoch)
        };
        let released = &mut self.released;
        self.lanes.retain(|lane| {
            let kept = owned.get(&(lane.topic.clone(), lane.index)) == Some(&lane.since);
            if !kept {
                released.insert(lane.partition, lane.next.max(0) as u64);
            }
            kept
        });
        let has =
            |partition: &TopicPartition| self.lanes.iter().any(|l| l.topic == partition.0 && l.index == partition.1);
        let new: Vec<TopicPartition> = owned.keys().filter(|partition| !has(partition)).cloned().collect();
        if !new.is_empty() {
            self.take_up(&new, &owned).await?;
        }
        self.epoch = epoch;
        Ok(())
    }

    async fn take_up(
        &mut self,
        new: &[TopicPartition],
        owned: &BTreeMap<TopicPartition, u64>,
    ) -> Result<(), QueueError> {
        let committed = offsets::committed(&self.topic.cluster, &self.group).await?;
        let ranges = offsets::ranges(&self.topic.cluster, new).await?;
        for key in new {
            let origin = self.topic.origin(key);
            let partition = origin.place.partition;
            let (first, end) = ranges.get(key).copied().unwrap_or_default();
            let mut lane = Lane::new(key.0.clone(), key.1, owned.get(key).copied().unwrap_or_default(), origin);
            let held = committed.get(key).copied();
            let start = match held {
                Some(asked) if asked > end || asked < first => {
                    tracing::warn!(
                        topic = &*key.0,
                        partition = key.1,
                        asked,
                        first,
                        end,
                        "the topic no longer holds the cursor, goes on with the first that it holds"
                    );
                    first
                }
                held => held.unwrap_or(first),
            };
            lane.committed = held.unwrap_or(0);
            lane.end = end;
            lane.seek(start);
            self.released.remove(&partition);
            self.lanes.push(lane);
        }
        Ok(())
    }

    /// What the group has committed.
    pub(super) async fn cursors(&self) -> Result<Cursors, QueueError> {
        let committed = offsets::committed(&self.topic.cluster, &self.group).await?;
        let mut cursors = Cursors::start_of(self.topic.cluster.id());
        for (key, offset) in committed.iter().filter(|(key, _)| self.topic.has(&key.0)) {
            cursors.next.insert(self.topic.partition(key), (*offset).max(0) as u64);
        }
        Ok(cursors)
    }

    pub(super) async fn seek_to(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.check_queue(cursors)?;
        self.follow_membership().await?;
        let keys: Vec<TopicPartition> = self.lanes.iter().map(|lane| (lane.topic.clone(), lane.index)).collect();
        let ranges = offsets::ranges(&self.topic.cluster, &keys).await?;
        let target = |lane: &Lane| {
            let (first, end) = ranges.get(&(lane.topic.clone(), lane.index)).copied().unwrap_or_default();
            let (first, end) = (first.max(0) as u64, end.max(0) as u64);
            let asked = cursors.next.get(&lane.partition).copied().unwrap_or(first);
            if (first..=end).contains(&asked) {
                return Ok(asked as i64);
            }
            Err(QueueError::OutOfRange { partition: lane.partition, asked, first, end })
        };
        let targets = self.lanes.iter().map(target).collect::<Result<Vec<_>, _>>()?;
        for (lane, next) in self.lanes.iter_mut().zip(targets) {
            lane.seek(next);
        }
        Ok(())
    }

    fn check_queue(&self, cursors: &Cursors) -> Result<(), QueueError> {
        let here = self.topic.cluster.id();
        if cursors.queue == here { Ok(()) } else { Err(QueueError::OtherQueue { found: cursors.queue, here }) }
    }

    pub(super) async fn commit_to(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.check_queue(cursors)?;
        let deadline = Instant::now() + TELL_AFTER;
        // What is committed may have become ours since the last poll.
        self.follow_membership().await?;
        let moves = self.moves(cursors).await?;
        if moves.is_empty() {
            return Ok(());
        }
        loop {
            let Some(committer) = self.member.committer() else { return Ok(()) };
            let (at, group, next) = (self.address(), self.group.clone(), moves.clone());
            let done = runtime::blocking(move || committer.commit(&at, &group, &next)).await;
            match done {
                Ok(Ok(())) => break,
                Ok(Err(Refused::Failed(error))) => return Err(error),
                Ok(Err(Refused::Rebalancing)) if Instant::now() < deadline => sleep(RETRY).await,
                Ok(Err(Refused::Rebalancing)) => {
                    let reason = format!("group '{}' is still sharing out its partitions anew", self.group);
                    return Err(QueueError::Unavailable { at: self.address(), reason });
                }
                Err(_) => {
                    let reason = "the commit was broken off".to_owned();
                    return Err(QueueError::Closed { at: self.address(), reason });
                }
            }
        }
        for lane in &mut self.lanes {
            if let Some(&next) = moves.get(&(lane.topic.clone(), lane.index)) {
                lane.committed = lane.committed.max(next);
            }
        }
        Ok(())
    }

    /// What of cursors moves the group on.
    async fn moves(&self, cursors: &Cursors) -> Result<BTreeMap<TopicPartition, i64>, QueueError> {
        let mut moves = BTreeMap::new();
        let mut known: Option<(Cursors, Vec<Partition>)> = None;
        for (&partition, &asked) in &cursors.next {
            let Some(lane) = self.lanes.iter().find(|lane| lane.partition == partition) else {
                if known.is_none() {
                    known = Some((self.cursors().await?, self.topic.partitions().await?));
                }
                let Some((committed, partitions)) = &known else { continue };
                self.check_foreign(partition, asked, committed, partitions)?;
                continue;
            };
            let next = i64::try_from(asked).unwrap_or(i64::MAX);
            if next > lane.next && next > lane.end {
                let key = (lane.topic.clone(), lane.index);
                let ranges = offsets::ranges(&self.topic.cluster, std::slice::from_ref(&key)).await?;
                let (first, end) = ranges.get(&key).copied().unwrap_or_default();
                if next > end {
                    return Err(QueueError::OutOfRange { partition, asked, first: first as u64, end: end as u64 });
                }
            }
            if next > lane.committed {
                moves.insert((lane.topic.clone(), lane.index), next);
            }
        }
        Ok(moves)
    }

    /// A partition that is not ours may be named, but not moved; save that what we were handed while it was ours is
    /// merely left to whoever has it now.
    fn check_foreign(
        &self,
        partition: Partition,
        asked: u64,
        committed: &Cursors,
        partitions: &[Partition],
    ) -> Result<(), QueueError> {
        let handed_out = self.released.get(&partition).copied().unwrap_or(0);
        if asked <= committed.get(partition).max(handed_out) {
            return Ok(());
        }
        if !partitions.contains(&partition) {
            return Err(QueueError::OutOfRange { partition, asked, first: 0, end: 0 });
        }
        Err(QueueError::Owned { group: self.group.clone(), partition })
    }
}

impl super::KafkaTopics {
    /// Whether a Kafka topic is one of these.
    pub(super) fn has(&self, topic: &Arc<str>) -> bool {
        self.templates.iter().any(|template| template.matches(topic))
    }

    /// The Kafka topics there are now.
    pub(super) async fn found(&self) -> Result<Vec<Arc<str>>, QueueError> {
        if self.templates.iter().all(Template::is_constant) {
            return Ok(self.names.iter().map(|name| Arc::from(name.as_str())).collect());
        }
        let all = self.cluster.topics().await?;
        Ok(all.into_iter().map(Arc::from).filter(|topic| self.has(topic)).collect())
    }

    /// The partitions there are now, as the seam counts.
    pub(super) async fn partitions(&self) -> Result<Vec<Partition>, QueueError> {
        let mut all = Vec::new();
        for topic in self.found().await? {
            let meta = self.cluster.topic(&topic).await?;
            all.extend(meta.partitions.iter().map(|partition| self.partition(&(topic.clone(), partition.index))));
        }
        Ok(all)
    }
}
