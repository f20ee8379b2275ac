//! Members of consumer groups, and what they read.
//!
//! Decision: which partitions are ours and what the group has committed is librdkafka's business ([`member`]); the
//! data comes by our own fetches ([`fetch`]) and is decoded in bulk ([`lane`]). A partition that is taken from us is
//! no longer handed out from the next poll on, and cannot be committed from the moment on that the group learns of it.

mod fetch;
mod lane;
mod member;
mod offsets;
mod position;
mod stats;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::FetchResponse;
use model::{Cursors, Partition, Place, SourceId};
use queue::{Consumer, Delivery, PollOptions, QueueError};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use crate::client::Cluster;
use crate::error::{self, Remedy, remedy};
use crate::record::assemble::{Origin, Scratch};
use crate::topics::{Template, seam_partition};
use fetch::{Event, Fetcher, Wanted};
use lane::Lane;
use member::{Member, TopicPartition};
pub(crate) use stats::{forget, stats};

/// How long the group may take to tell us our partitions before we go on without: they come later then.
const JOIN_WITHIN: Duration = Duration::from_secs(15);
/// What fails for so long is told; before, it is tried again quietly: leaders change in a few seconds.
const TELL_AFTER: Duration = Duration::from_secs(10);
/// Between two tries.
const RETRY: Duration = Duration::from_millis(100);

/// A member of a consumer group.
pub(crate) struct KafkaConsumer {
    topic: KafkaTopics,
    group: String,
    member: Member,
    fetcher: Fetcher,
    lanes: Vec<Lane>,
    scratch: Scratch,
    /// The epoch of the membership that the lanes follow.
    epoch: u64,
    /// Whose turn it is to be handed out first.
    turn: usize,
    /// How far what we no longer have was handed out.
    released: BTreeMap<Partition, u64>,
    /// What keeps us from taking up what has become ours.
    trouble: Trouble,
}

/// The Kafka topics behind one topic of the seam.
#[derive(Clone)]
pub(crate) struct KafkaTopics {
    cluster: Arc<Cluster>,
    templates: Vec<Template>,
    /// Their names, or patterns that begin with `^`.
    names: Vec<String>,
    /// All there can be is one topic.
    only_one: bool,
}

impl KafkaTopics {
    /// Topics with constant names must be there, or are made.
    pub(crate) async fn find(cluster: Arc<Cluster>, topic: &str) -> Result<Self, QueueError> {
        let (mut names, mut templates) = (Vec::new(), Vec::new());
        for text in cluster.options().topics_of(topic) {
            let template = Template::topic(&text)?;
            if template.is_constant() {
                cluster.topic(&text).await?;
                names.push(text);
            } else {
                names.push(template.pattern());
            }
            templates.push(template);
        }
        let only_one = templates.len() == 1 && templates[0].is_constant();
        Ok(Self { cluster, templates, names, only_one })
    }

    fn partition(&self, (topic, index): &TopicPartition) -> Partition {
        seam_partition(topic, *index, self.only_one)
    }

    /// What messages of other producers in a partition are taken for.
    fn origin(&self, (topic, index): &TopicPartition) -> Origin {
        let hash = Sha256::digest(format!("{}\n{topic}\n{index}", self.cluster.cluster_id()));
        let source = hash.iter().take(16).fold(0u128, |id, byte| (id << 8) | u128::from(*byte));
        let streams = &self.cluster.options().streams;
        let stream = streams.iter().find(|(_, route)| route.topic == **topic).map_or(&**topic, |(name, _)| name);
        Origin {
            place: Place { partition: self.partition(&(topic.clone(), *index)), offset: 0 },
            source: SourceId(source),
            stream: stream.to_owned(),
            host: "kafka".to_owned(),
            path: format!("kafka:{topic}/{index}"),
        }
    }
}

impl KafkaConsumer {
    pub(crate) async fn join(cluster: Arc<Cluster>, topic: &str, group: &str) -> Result<Self, QueueError> {
        let topic = KafkaTopics::find(cluster.clone(), topic).await?;
        let member = Member::join(cluster.options(), &cluster.address(), &topic.names, group)?;
        let this = Self {
            topic,
            group: group.to_owned(),
            member,
            fetcher: Fetcher::new(cluster),
            lanes: Vec::new(),
            scratch: Scratch::default(),
            epoch: 0,
            turn: 0,
            released: BTreeMap::new(),
            trouble: Trouble::default(),
        };
        this.joined().await?;
        Ok(this)
    }

    /// Waits until the group has told us our partitions.
    async fn joined(&self) -> Result<(), QueueError> {
        let deadline = Instant::now() + JOIN_WITHIN;
        loop {
            let mut changed = std::pin::pin!(self.member.shared.changed.notified());
            changed.as_mut().enable();
            if self.member.shared.owned.read().joined {
                return Ok(());
            }
            // In turns, because a refusal is no change.
            let turn = (Instant::now() + RETRY).min(deadline);
            if timeout_at(turn, changed).await.is_err() {
                self.member.refusal(&self.address(), &self.group)?;
                if Instant::now() >= deadline {
                    tracing::info!(group = self.group, "the group has not shared out its partitions yet");
                    return Ok(());
                }
            }
        }
    }

    fn address(&self) -> String {
        self.topic.cluster.address()
    }

    /// Batches of what has come. Every lane that has something gets its share, so that a backlog in one does not keep
    /// the others waiting; where there is no room for all, the next call goes on with those that got nothing.
    fn hand_out(&mut self, max_bytes: usize) -> Result<Vec<Delivery>, QueueError> {
        let at = self.address();
        let mut out = Vec::new();
        let count = self.lanes.len();
        let mut waiting = self.lanes.iter().filter(|lane| lane.has_some()).count();
        let (mut room, mut next_turn) = (max_bytes, self.turn.wrapping_add(1));
        for step in 0..count {
            let lane = &mut self.lanes[(self.turn + step) % count];
            if !lane.has_some() {
                continue;
            }
            if room == 0 && !out.is_empty() {
                next_turn = self.turn + step;
                break;
            }
            let share = room / waiting.max(1);
            waiting = waiting.saturating_sub(1);
            room = room.saturating_sub(lane.hand_out(share, &at, &mut self.scratch, &mut out));
        }
        self.turn = next_turn % count.max(1);
        if out.is_empty()
            && let Some(stuck) = self.lanes.iter().find_map(|lane| lane.stuck.clone())
        {
            return Err(stuck);
        }
        Ok(out)
    }

    /// Begins to fetch whatever lanes have run out of.
    fn ask(&mut self) {
        let now = Instant::now();
        let count = self.lanes.len();
        let lanes = (0..count).map(|step| &self.lanes[(self.turn + step) % count]);
        let wanted = lanes.filter_map(|lane| {
            let from = lane.wants(now)?;
            Some(Wanted { topic: lane.topic.clone(), index: lane.index, turn: lane.turn, from })
        });
        let wanted = wanted.collect();
        for one in self.fetcher.ask(wanted) {
            if let Some(lane) = lane_of(&mut self.lanes, &one.topic, one.index) {
                lane.asked = true;
            }
        }
    }

    fn absorb(&mut self, event: Event) {
        match event {
            Event::Leaders(topic, answer) => {
                for lane in self.lanes.iter_mut().filter(|lane| lane.topic == topic) {
                    let about = || format!("topic '{topic}', partition {}", lane.index);
                    let error = match &answer {
                        Ok(meta) if meta.leader(lane.index).is_some() => continue,
                        Ok(_) => {
                            let at = self.topic.cluster.address();
                            error::refused(&at, ResponseError::LeaderNotAvailable, &about())
                        }
                        Err(error) => error.clone(),
                    };
                    lane.trouble.note(error);
                }
            }
            Event::Fetched { wanted, answer: Ok(answer), .. } => self.take(&wanted, &answer),
            Event::Fetched { wanted, answer: Err(error), .. } => {
                for one in &wanted {
                    if let Some(lane) = self.lane_of(one) {
                        lane.asked = false;
                        lane.retry_at = Some(Instant::now() + RETRY);
                        lane.trouble.note(error.clone());
                    }
                    // The broker may be gone for good, and another one lead.
                    self.fetcher.forget(&one.topic);
                }
            }
        }
    }

    /// The lane of which something was wanted, if it still is where it was then.
    fn lane_of(&mut self, wanted: &Wanted) -> Option<&mut Lane> {
        lane_of(&mut self.lanes, &wanted.topic, wanted.index).filter(|lane| lane.turn == wanted.turn)
    }

    fn take(&mut self, wanted: &[Wanted], answer: &FetchResponse) {
        let at = self.address();
        for one in wanted {
            let Some(lane) = self.lane_of(one) else { continue };
            lane.asked = false;
            let topics = answer.responses.iter().filter(|topic| topic.topic.0 == *one.topic);
            let mut partitions = topics.flat_map(|topic| &topic.partitions);
            let data = partitions.find(|data| data.partition_index == one.index);
            match (data, data.map_or(answer.error_code, |data| data.error_code).err()) {
                (Some(data), None) => lane.take(data),
                (_, Some(ResponseError::OffsetOutOfRange)) => lane.lost = true,
                (None, None) => lane.retry_at = Some(Instant::now() + RETRY),
                (_, Some(code)) => {
                    lane.retry_at = Some(Instant::now() + RETRY);
                    lane.trouble.note(error::refused(
                        &at,
                        code,
                        &format!("topic '{}', partition {}", one.topic, one.index),
                    ));
                    if remedy(code) == Remedy::Refresh {
                        self.fetcher.forget(&one.topic);
                    }
                }
            }
        }
    }

    /// What has failed for so long that it is to be told.
    fn told(&self) -> Result<(), QueueError> {
        let troubles = self.lanes.iter().map(|lane| &lane.trouble).chain([&self.trouble]);
        troubles.filter_map(Trouble::told).next().map_or(Ok(()), Err)
    }

    /// Where the leader no longer has what comes next: the error that says so, unless it has it after all.
    async fn check_lost(&mut self) -> Result<(), QueueError> {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.lost) else { return Ok(()) };
        let key = (lane.topic.clone(), lane.index);
        let found = offsets::ranges(&self.topic.cluster, std::slice::from_ref(&key)).await?;
        let (first, end) = found.get(&key).copied().unwrap_or_default();
        if (first..=end).contains(&lane.next) {
            lane.seek(lane.next);
            return Ok(());
        }
        let asked = lane.next.max(0) as u64;
        Err(QueueError::OutOfRange { partition: lane.partition, asked, first: first as u64, end: end as u64 })
    }

    async fn once(&mut self, max_bytes: usize, deadline: Instant) -> Result<Option<Vec<Delivery>>, QueueError> {
        let shared = self.member.shared.clone();
        let mut changed = std::pin::pin!(shared.changed.notified());
        changed.as_mut().enable();
        let mut again = None;
        match self.follow_membership().await {
            Ok(()) => self.trouble = Trouble::default(),
            Err(error) => {
                self.trouble.note(error);
                again = Some(Instant::now() + RETRY);
            }
        }
        let found = self.hand_out(max_bytes)?;
        self.ask();
        if !found.is_empty() {
            return Ok(Some(found));
        }
        if let Err(error) = self.check_lost().await {
            if matches!(error, QueueError::OutOfRange { .. }) {
                return Err(error);
            }
            self.trouble.note(error);
            again = Some(Instant::now() + RETRY);
        }
        self.member.refusal(&self.address(), &self.group)?;
        // Lanes that wait for their next try are looked at again in time.
        let now = Instant::now();
        let waiting = self.lanes.iter().filter_map(|lane| lane.retry_at).chain(again).filter(|at| *at > now).min();
        let until = waiting.map_or(deadline, |at| at.min(deadline));
        tokio::select! {
            event = self.fetcher.next() => self.absorb(event),
            () = changed => {}
            () = tokio::time::sleep_until(until) => {
                if until >= deadline {
                    self.told()?;
                    return Ok(Some(Vec::new()));
                }
            }
        }
        Ok(None)
    }
}

/// What fails, and since when. It is not told before it has failed for a while: leaders change, and are found again.
#[derive(Default)]
pub(crate) struct Trouble(Option<(Instant, QueueError)>);

impl Trouble {
    fn note(&mut self, error: QueueError) {
        tracing::debug!(%error, "cannot fetch");
        let since = self.0.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        self.0 = Some((since, error));
    }

    fn told(&self) -> Option<QueueError> {
        let (since, error) = self.0.as_ref()?;
        let lasting = matches!(error, QueueError::Refused { lasting: true, .. } | QueueError::Invalid(_));
        (lasting || since.elapsed() >= TELL_AFTER).then(|| error.clone())
    }
}

fn lane_of<'a>(lanes: &'a mut [Lane], topic: &str, index: i32) -> Option<&'a mut Lane> {
    lanes.iter_mut().find(|lane| *lane.topic == *topic && lane.index == index)
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        let deadline = Instant::now() + options.max_wait;
        loop {
            if let Some(found) = self.once(options.max_bytes, deadline).await? {
                return Ok(found);
            }
        }
    }

    fn assignment(&self) -> Vec<Partition> {
        let owned = self.member.shared.owned.read();
        let mut all: Vec<_> = owned.partitions.keys().map(|partition| self.topic.partition(partition)).collect();
        all.sort_unstable();
        all
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        self.cursors().await
    }

    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.seek_to(cursors).await
    }

    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.commit_to(cursors).await
    }
}
