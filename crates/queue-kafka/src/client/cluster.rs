//! What is known of the cluster: brokers, topics, who leads which partition. Asked when it is needed, kept until it is
//! wrong or old.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, MetadataRequest, MetadataResponse, TopicName,
    create_topics_request::CreatableTopic,
};
use kafka_protocol::protocol::StrBytes;
use model::QueueId;
use parking_lot::Mutex;
use queue::QueueError;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::call::Call;
use super::connection::Connection;
use super::link::Link;
use super::tls;
use crate::error::{self, Remedy, remedy};
use crate::options::{NewTopics, Options};
use crate::producer::Budget;

/// What is known of a topic is asked again after so long: partitions may have been added.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// How long a topic may take to be there after it was made, or to get leaders.
const SETTLES_IN: Duration = Duration::from_secs(10);
const SETTLE_STEP: Duration = Duration::from_millis(50);

/// A topic, as the cluster told it.
#[derive(Clone, Debug)]
pub struct TopicMeta {
    /// Its name.
    pub name: String,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionMeta>,
    fetched: Instant,
}

impl TopicMeta {
    /// Which broker leads a partition, if any does.
    pub fn leader(&self, index: i32) -> Option<i32> {
        self.partitions.iter().find(|partition| partition.index == index).and_then(|partition| partition.leader)
    }
}

/// A partition, as the cluster told it.
#[derive(Clone, Copy, Debug)]
pub struct PartitionMeta {
    /// Its number.
    pub index: i32,
    /// Which broker leads it, if any does.
    pub leader: Option<i32>,
}

impl TopicMeta {
    /// How long ago it was told.
    pub fn age(&self) -> Duration {
        self.fetched.elapsed()
    }
}

#[derive(Default)]
struct View {
    brokers: BTreeMap<i32, Arc<str>>,
    controller: Option<i32>,
    topics: HashMap<String, Arc<TopicMeta>>,
}

/// A Kafka cluster.
pub struct Cluster {
    options: Arc<Options>,
    tls: Option<Arc<rustls::ClientConfig>>,
    cluster_id: String,
    links: Mutex<HashMap<Arc<str>, Arc<Link>>>,
    view: Mutex<View>,
    budget: Budget,
    /// One asks at a time: who waited for its turn finds the answer there.
    asking: tokio::sync::Mutex<()>,
}

impl Cluster {
    /// Asks the brokers that the options name which cluster they are.
    ///
    /// # Errors
    /// `Invalid` where the options cannot be right, `Unavailable` where no broker answers, `Refused` where one says no.
    pub async fn connect(options: Options) -> Result<Arc<Self>, QueueError> {
        let tls = options.tls.as_ref().map(tls::config).transpose()?;
        let mut this = Self {
            budget: Budget::new(options.in_flight_bytes),
            options: Arc::new(options),
            tls,
            cluster_id: String::new(),
            links: Mutex::default(),
            view: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        };
        let answer = this.call_any(&MetadataRequest::default().with_topics(Some(Vec::new()))).await?;
        let id = answer.cluster_id.as_ref().map(ToString::to_string);
        this.cluster_id = id.unwrap_or_else(|| this.options.servers.join(","));
        this.note(&answer);
        Ok(Arc::new(this))
    }

    /// The options it was made with.
    pub fn options(&self) -> &Arc<Options> {
        &self.options
    }

    /// The bytes in flight of all producers.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The cluster's own id.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The cluster's id as the seam's.
    pub fn id(&self) -> QueueId {
        let hash = Sha256::digest(self.cluster_id.as_bytes());
        QueueId(hash.iter().take(8).fold(0, |id, byte| (id << 8) | u64::from(*byte)))
    }

    /// The brokers that are known, or were named: for errors.
    pub fn address(&self) -> String {
        self.options.servers.join(",")
    }

    /// Asks any broker; another one where one cannot be reached.
    ///
    /// # Errors
    /// What the last one said.
    pub async fn call_any<R: Call>(&self, request: &R) -> Result<R::Response, QueueError> {
        let known: Vec<Arc<str>> = self.view.lock().brokers.values().cloned().collect();
        let named = self.options.servers.iter().map(|server| Arc::from(server.as_str()));
        let mut links: Vec<Arc<Link>> = known.into_iter().chain(named).map(|address| self.link(&address)).collect();
        // Those that are connected first: the others may be down.
        links.sort_by_key(|link| link.live().is_none());
        let mut refused = None;
        for link in links {
            let answer = match link.connection(&self.options, self.tls.as_ref()).await {
                Ok(connection) => connection.call(request).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error @ QueueError::Unavailable { .. }) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| self.unavailable("no broker is known")))
    }

    /// A connection to a broker.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn broker(&self, id: i32) -> Result<Arc<Connection>, QueueError> {
        let address = self.view.lock().brokers.get(&id).cloned();
        let address = address.ok_or_else(|| self.unavailable(&format!("broker {id} is not there")))?;
        self.link(&address).connection(&self.options, self.tls.as_ref()).await
    }

    /// A connection to a broker for the caller alone: a request that waits there holds up nobody else's.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn own_connection(&self, id: i32) -> Result<Connection, QueueError> {
        let address = self.view.lock().brokers.get(&id).cloned();
        let address = address.ok_or_else(|| self.unavailable(&format!("broker {id} is not there")))?;
        Connection::open(address, &self.options, self.tls.as_ref()).await
    }

    /// The brokers that are known now.
    pub fn broker_ids(&self) -> Vec<i32> {
        self.view.lock().brokers.keys().copied().collect()
    }

    /// A connection to whoever leads a partition.
    ///
    /// # Errors
    /// Where there is no leader, or it cannot be reached.
    pub async fn leader(&self, topic: &str, partition: i32) -> Result<Arc<Connection>, QueueError> {
        let meta = self.topic(topic).await?;
        let found = meta.partitions.iter().find(|p| p.index == partition).and_then(|p| p.leader);
        match found {
            Some(leader) => self.broker(leader).await,
            None => {
                self.forget(topic);
                let about = format!("topic '{topic}', partition {partition}");
                Err(error::refused(&self.address(), ResponseError::LeaderNotAvailable, &about))
            }
        }
    }

    /// A connection to the coordinator of a consumer group.
    ///
    /// # Errors
    /// Where there is none, or it cannot be reached.
    pub async fn coordinator(&self, group: &str) -> Result<Arc<Connection>, QueueError> {
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_string(group.to_owned()));
        let answer = self.call_any(&request).await?;
        if let Some(code) = answer.error_code.err() {
            return Err(error::refused(&self.address(), code, &format!("group '{group}'")));
        }
        let address: Arc<str> = join(&answer.host, answer.port).into();
        self.link(&address).connection(&self.options, self.tls.as_ref()).await
    }

    /// What is known of a topic; asked where it is not known. It is made where it is not there and the options say so.
    ///
    /// # Errors
    /// `Refused` where it is not there, or may not be used.
    pub async fn topic(&self, name: &str) -> Result<Arc<TopicMeta>, QueueError> {
        let asked = Instant::now();
        if let Some(meta) = self.known(name, asked.checked_sub(GOOD_FOR)) {
            return Ok(meta);
        }
        let _turn = self.asking.lock().await;
        if let Some(meta) = self.known(name, Some(asked)) {
            return Ok(meta);
        }
        let deadline = Instant::now() + SETTLES_IN;
        let mut made = false;
        loop {
            let error = match self.ask_topic(name).await {
                Ok(meta) => return Ok(meta),
                Err(error) => error,
            };
            let missing = matches!(error, Asked::Code(ResponseError::UnknownTopicOrPartition));
            if missing
                && !made
                && let Some(new) = self.options.create_topics
            {
                self.create(name, new).await?;
                made = true;
            } else if !made || !error.settles() || Instant::now() > deadline {
                return Err(error.into_error(&self.address(), name));
            } else {
                tokio::time::sleep(SETTLE_STEP).await;
            }
        }
    }

    /// The names of all topics that may be seen.
    ///
    /// # Errors
    /// Where no broker answers.
    pub async fn topics(&self) -> Result<Vec<String>, QueueError> {
        let answer = self.call_any(&MetadataRequest::default().with_topics(None)).await?;
        self.note(&answer);
        let names = answer.topics.iter().filter(|topic| !topic.is_internal);
        Ok(names.filter_map(|topic| Some(topic.name.as_ref()?.to_string())).collect())
    }

    /// What is known of a topic was wrong: it is asked again.
    pub fn forget(&self, topic: &str) {
        self.view.lock().topics.remove(topic);
    }

    /// Ends all connections.
    pub fn close(&self) {
        self.links.lock().values().for_each(|link| link.close());
    }

    fn known(&self, name: &str, since: Option<Instant>) -> Option<Arc<TopicMeta>> {
        let view = self.view.lock();
        view.topics.get(name).filter(|meta| since.is_none_or(|since| meta.fetched >= since)).cloned()
    }

    async fn ask_topic(&self, name: &str) -> Result<Arc<TopicMeta>, Asked> {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(false);
        let answer = self.call_any(&request).await.map_err(Asked::Failed)?;
        self.note(&answer);
        let found = answer.topics.iter().find(|topic| topic.name.as_ref().is_some_and(|found| found.0 == *name));
        let topic = found.ok_or(Asked::Code(ResponseError::UnknownTopicOrPartition))?;
        if let Some(code) = topic.error_code.err() {
            return Err(Asked::Code(code));
        }
        let meta = Arc::new(meta(name, topic));
        if meta.partitions.iter().all(|partition| partition.leader.is_none()) {
            return Err(Asked::Code(ResponseError::LeaderNotAvailable));
        }
        self.view.lock().topics.insert(name.to_owned(), meta.clone());
        Ok(meta)
    }

    async fn create(&self, name: &str, new: NewTopics) -> Result<(), QueueError> {
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(new.partitions.map_or(-1, |n| n as i32))
            .with_replication_factor(new.replication.map_or(-1, |n| n as i16));
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
        let controller = self.view.lock().controller;
        let answer = match controller {
            Some(controller) => self.broker(controller).await?.call(&request).await?,
            None => self.call_any(&request).await?,
        };
        for topic in &answer.topics {
            match topic.error_code.err() {
                None => tracing::info!(topic = name, "made the topic"),
                Some(ResponseError::TopicAlreadyExists) => {}
                Some(code) => {
                    let said = topic.error_message.as_ref().map_or("", |text| text.as_str()).replace('\n', " ");
                    let about = format!("topic '{name}', which is to be made: {said}");
                    return Err(error::refused(&self.address(), code, &about));
                }
            }
        }
        Ok(())
    }

    fn note(&self, answer: &MetadataResponse) {
        let mut view = self.view.lock();
        view.brokers =
            answer.brokers.iter().map(|broker| (broker.node_id.0, join(&broker.host, broker.port).into())).collect();
        view.controller = Some(answer.controller_id.0).filter(|id| view.brokers.contains_key(id));
    }

    fn link(&self, address: &Arc<str>) -> Arc<Link> {
        let mut links = self.links.lock();
        links.entry(address.clone()).or_insert_with(|| Arc::new(Link::new(address.clone()))).clone()
    }

    fn unavailable(&self, reason: &str) -> QueueError {
        QueueError::Unavailable { at: self.address(), reason: reason.to_owned() }
    }
}

/// Why a topic is not known.
enum Asked {
    Failed(QueueError),
    Code(ResponseError),
}

impl Asked {
    /// Whether it may be only that the cluster has not settled yet.
    fn settles(&self) -> bool {
        matches!(self, Self::Code(code) if remedy(*code) == Remedy::Refresh)
    }

    fn into_error(self, at: &str, name: &str) -> QueueError {
        match self {
            Self::Failed(error) => error,
            Self::Code(code) => error::refused(at, code, &format!("topic '{name}'")),
        }
    }
}

fn meta(name: &str, topic: &MetadataResponseTopic) -> TopicMeta {
    let mut partitions: Vec<_> = topic
        .partitions
        .iter()
        .map(|p| PartitionMeta { index: p.partition_index, leader: Some(p.leader_id.0).filter(|id| *id >= 0) })
        .collect();
    partitions.sort_by_key(|partition| partition.index);
    TopicMeta { name: name.to_owned(), partitions, fetched: Instant::now() }
}

/// A name as requests have it.
pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn join(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
