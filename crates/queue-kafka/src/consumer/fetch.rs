//! Fetches: one under way per broker, on connections of our own, because a fetch that waits for something to come holds
//! up whatever is asked behind it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use parking_lot::Mutex;
use queue::QueueError;
use runtime::{Ahead, ahead};
use tokio::sync::mpsc;

use crate::client::{Cluster, Connection, TopicMeta, topic_name};

/// How long a broker waits for something to come before it answers that there is nothing.
const WAIT: Duration = Duration::from_millis(500);
/// Most bytes of one answer, as they are on disk.
const ANSWER_BYTES: i32 = 4 << 20;
/// Most bytes of one partition in an answer.
const PARTITION_BYTES: i32 = 1 << 20;
/// Answers that wait to be taken: there are as many as brokers at the most, and one more.
const INBOX: usize = 16;

/// Which lane, in which turn of it, from where.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The Kafka topic.
    pub topic: Arc<str>,
    /// The partition in it.
    pub index: i32,
    /// The lane's turn.
    pub turn: u64,
    /// The first offset.
    pub from: i64,
}

/// What came.
pub enum Event {
    /// Who leads the partitions of a topic.
    Leaders(Arc<str>, Result<Arc<TopicMeta>, QueueError>),
    /// The answer to a fetch.
    Fetched {
        /// Who answered.
        broker: i32,
        /// What was asked.
        wanted: Vec<Wanted>,
        /// The answer, or why there is none.
        answer: Result<FetchResponse, QueueError>,
    },
}

/// Who leads which partition, and what is under way.
pub struct Fetcher {
    cluster: Arc<Cluster>,
    leaders: HashMap<Arc<str>, Arc<TopicMeta>>,
    asking: HashMap<Arc<str>, Ahead<()>>,
    fetching: HashMap<i32, Ahead<()>>,
    connections: Arc<Mutex<HashMap<i32, Arc<Connection>>>>,
    sender: mpsc::Sender<Event>,
    inbox: mpsc::Receiver<Event>,
}

impl Fetcher {
    /// Nothing under way.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let (sender, inbox) = mpsc::channel(INBOX);
        Self {
            cluster,
            leaders: HashMap::new(),
            asking: HashMap::new(),
            fetching: HashMap::new(),
            connections: Arc::default(),
            sender,
            inbox,
        }
    }

    /// The next thing that comes. Nothing is lost where nobody waits to the end.
    pub async fn next(&mut self) -> Event {
        // We hold a sender ourselves, so the channel does not end.
        let Some(event) = self.inbox.recv().await else { return std::future::pending().await };
        match &event {
            Event::Leaders(topic, answer) => {
                self.asking.remove(topic);
                if let Ok(meta) = answer {
                    self.leaders.insert(topic.clone(), meta.clone());
                }
            }
            Event::Fetched { broker, answer, .. } => {
                self.fetching.remove(broker);
                if answer.is_err() {
                    self.connections.lock().remove(broker);
                }
            }
        }
        event
    }

    /// What was known of a topic is wrong.
    pub fn forget(&mut self, topic: &str) {
        self.leaders.remove(topic);
        self.cluster.forget(topic);
    }

    /// Asks for what is wanted, each leader for its own; answers which of it is under way now.
    pub fn ask(&mut self, wanted: Vec<Wanted>) -> Vec<Wanted> {
        let mut by_broker: BTreeMap<i32, Vec<Wanted>> = BTreeMap::new();
        for one in wanted {
            let Some(meta) = self.leaders.get(&one.topic) else {
                self.ask_leaders(&one.topic);
                continue;
            };
            match meta.leader(one.index) {
                Some(leader) if !self.fetching.contains_key(&leader) => by_broker.entry(leader).or_default().push(one),
                Some(_) => {}
                None => {
                    self.forget(&one.topic.clone());
                    self.ask_leaders(&one.topic);
                }
            }
        }
        let mut under_way = Vec::new();
        for (broker, wanted) in by_broker {
            under_way.extend(wanted.iter().cloned());
            self.fetch(broker, wanted);
        }
        under_way
    }

    fn ask_leaders(&mut self, topic: &Arc<str>) {
        if self.asking.contains_key(topic) {
            return;
        }
        let (cluster, sender, name) = (self.cluster.clone(), self.sender.clone(), topic.clone());
        let work = async move {
            let answer = cluster.topic(&name).await;
            // Without leaders there is nothing to do for a moment.
            let leaderless = |meta: &Arc<TopicMeta>| meta.partitions.iter().any(|partition| partition.leader.is_none());
            if answer.is_err() || answer.as_ref().is_ok_and(leaderless) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            // Where nobody takes it, nobody waits for it.
            let _ = sender.send(Event::Leaders(name, answer)).await;
        };
        self.asking.insert(topic.clone(), ahead(work));
    }

    fn fetch(&mut self, broker: i32, wanted: Vec<Wanted>) {
        let (cluster, sender, connections) = (self.cluster.clone(), self.sender.clone(), self.connections.clone());
        let work = async move {
            let answer = fetch(&cluster, &connections, broker, &wanted).await;
            // Where nobody takes it, nobody waits for it.
            let _ = sender.send(Event::Fetched { broker, wanted, answer }).await;
        };
        self.fetching.insert(broker, ahead(work));
    }
}

async fn fetch(
    cluster: &Cluster,
    connections: &Mutex<HashMap<i32, Arc<Connection>>>,
    broker: i32,
    wanted: &[Wanted],
) -> Result<FetchResponse, QueueError> {
    let known = connections.lock().get(&broker).cloned().filter(|connection| connection.is_alive());
    let connection = match known {
        Some(connection) => connection,
        None => {
            let made = Arc::new(cluster.own_connection(broker).await?);
            connections.lock().insert(broker, made.clone());
            made
        }
    };
    connection.call(&request(wanted)).await
}

fn request(wanted: &[Wanted]) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for one in wanted {
        let partition = FetchPartition::default()
            .with_partition(one.index)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(one.from)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(PARTITION_BYTES);
        match topics.last_mut() {
            Some(last) if *last.topic.0 == *one.topic => last.partitions.push(partition),
            _ => topics.push(FetchTopic::default().with_topic(topic_name(&one.topic)).with_partitions(vec![partition])),
        }
    }
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(WAIT.as_millis() as i32)
        .with_min_bytes(1)
        .with_max_bytes(ANSWER_BYTES)
        // Only what is not part of a transaction, or of one that was done.
        .with_isolation_level(1)
        .with_session_id(0)
        .with_session_epoch(-1)
        .with_topics(topics)
}
