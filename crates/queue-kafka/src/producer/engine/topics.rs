//! Topics, as the engine knows them: what waits until they are known, and who leads their partitions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base::Backoff;
use model::Batch;
use queue::QueueError;
use tokio::time::Instant;

use super::super::encode::Part;
use super::super::lane::{Lane, Piece};
use super::{Engine, jobs};
use crate::client::TopicMeta;

/// What is known of a topic is asked again after so long: partitions may have been added.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// A topic of Kafka.
pub struct Topic {
    pub meta: Option<Arc<TopicMeta>>,
    pub asking: bool,
    /// Not asked again before that.
    pub hold_until: Option<Instant>,
    backoff: Backoff,
    /// What is to be routed once it is known: item, batch, way.
    waiting: VecDeque<(u64, Batch, usize)>,
}

/// The waits between tries.
pub fn backoff(seed: u64) -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5), seed)
}

impl Engine {
    /// Sends a batch on its way: to a lane, or to wait for its topic.
    pub(super) fn route(&mut self, item: u64, batch: Batch, way: usize) {
        let name = self.routes.ways[way].topic(&batch.header);
        let seed = name.len() as u64;
        let topic = self.topics.entry(name.clone()).or_insert_with(|| Topic {
            meta: None,
            asking: false,
            hold_until: None,
            backoff: backoff(seed),
            waiting: VecDeque::new(),
        });
        let Some(meta) = topic.meta.clone() else {
            topic.waiting.push_back((item, batch, way));
            return self.ask(&name, Instant::now());
        };
        if meta.age() > GOOD_FOR {
            self.ask(&name, Instant::now());
        }
        self.push_to_lane(item, batch, way, &meta);
    }

    fn push_to_lane(&mut self, item: u64, batch: Batch, way: usize, meta: &TopicMeta) {
        let way = &mut self.routes.ways[way];
        let (key, partition) = way.picker.pick(&batch.header, meta);
        let framing = way.framing;
        let topic: Arc<str> = Arc::from(meta.name.as_str());
        let lane = *self.lane_of.entry((topic.clone(), partition)).or_insert_with(|| {
            let leader = meta.partitions.iter().find(|p| p.index == partition).and_then(|p| p.leader);
            self.lanes.push(Lane::new(topic, partition, leader));
            self.lanes.len() - 1
        });
        let Batch { header, payload } = batch;
        let range = 0..payload.len();
        self.lanes[lane].push(Piece { item, part: Part { header, payload, range, key, framing } });
    }

    /// Asks what a topic is, unless that is being done or was done in vain just now.
    pub(super) fn ask(&mut self, name: &str, now: Instant) {
        let Some(topic) = self.topics.get_mut(name) else { return };
        if topic.asking || topic.hold_until.is_some_and(|until| until > now) {
            return;
        }
        topic.asking = true;
        self.jobs.push(jobs::know(self.cluster.clone(), name.to_owned()));
    }

    /// A topic is known, or is not.
    pub(super) fn known(&mut self, name: &str, meta: Result<Arc<TopicMeta>, QueueError>) {
        let Some(topic) = self.topics.get_mut(name) else { return };
        topic.asking = false;
        let meta = match meta {
            Ok(meta) => meta,
            Err(error) => {
                topic.hold_until = Some(Instant::now() + topic.backoff.next_wait());
                return self.shared.note(&format!("topic '{name}'"), error.to_string());
            }
        };
        self.shared.clear(&format!("topic '{name}'"));
        let leaderless = meta.partitions.iter().any(|partition| partition.leader.is_none());
        if leaderless {
            topic.hold_until = Some(Instant::now() + topic.backoff.next_wait());
        } else {
            topic.backoff.reset();
        }
        topic.meta = Some(meta.clone());
        let waiting = std::mem::take(&mut topic.waiting);
        for lane in self.lanes.iter_mut().filter(|lane| *lane.topic == *name) {
            lane.leader = meta.partitions.iter().find(|p| p.index == lane.partition).and_then(|p| p.leader);
        }
        for (item, batch, way) in waiting {
            self.push_to_lane(item, batch, way, &meta);
        }
    }
}
