//! Membership of a consumer group: which partitions are ours, and commits that the group's generation fences.
//!
//! Decision: librdkafka joins, shares out (cooperatively, so that what stays with a member goes on meanwhile) and
//! commits; it fetches nothing, because each of its messages costs as much as we have for reading, parsing and storing
//! a line together. A thread of its own serves it, so that slow readers are not taken for dead ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use queue::QueueError;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use runtime::spawn_thread;
use tokio::sync::Notify;

use crate::options::{Mechanism, Options};

/// How long the thread waits for something to happen before it looks whether it shall stop.
const TURN: Duration = Duration::from_millis(100);
/// How long leaving may take: the others get our partitions at once where it succeeds.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// A partition of a Kafka topic.
pub type TopicPartition = (Arc<str>, i32);

/// What the group has given us.
#[derive(Debug, Default)]
pub struct Owned {
    /// Our partitions, and in which epoch each became ours.
    pub partitions: BTreeMap<TopicPartition, u64>,
    /// Raised by every change.
    pub epoch: u64,
    /// Whether the group has told us anything yet.
    pub joined: bool,
}

/// What callbacks, the thread and readers share.
pub struct Shared {
    /// Held for reading while something is committed: nothing is taken from us in the midst of it.
    pub owned: RwLock<Owned>,
    /// Woken by every change of what is ours.
    pub changed: Notify,
    /// What librdkafka complained about last.
    problem: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl ClientContext for Shared {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                tracing::debug!(facility, message, "librdkafka");
            }
            _ => tracing::warn!(facility, message, "librdkafka"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
        if let Some(code) = error.rdkafka_error_code() {
            *self.problem.lock() = Some((code, reason.replace('\n', " ")));
        }
    }
}

impl ConsumerContext for Shared {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(partitions) = rebalance else { return };
        if consumer.assignment_lost() {
            tracing::warn!("the group went on without us; what we had is read again by others");
        }
        let gone: BTreeSet<TopicPartition> = list(partitions).collect();
        self.change(|owned| owned.partitions.retain(|partition, _| !gone.contains(partition)));
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                if let Err(error) = consumer.pause(partitions) {
                    tracing::debug!(%error, "cannot pause");
                }
                self.change(|owned| {
                    let epoch = owned.epoch;
                    owned.partitions.extend(list(partitions).map(|partition| (partition, epoch)));
                    owned.joined = true;
                });
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => tracing::warn!(%error, "the group cannot share out its partitions"),
        }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Owned)) {
        let mut owned = self.owned.write();
        owned.epoch += 1;
        change(&mut owned);
        drop(owned);
        self.changed.notify_waiters();
    }
}

fn list(partitions: &TopicPartitionList) -> impl Iterator<Item = TopicPartition> {
    partitions.elements().into_iter().map(|one| (Arc::from(one.topic()), one.partition()))
}

/// A member of a group.
pub struct Member {
    /// What is ours.
    pub shared: Arc<Shared>,
    consumer: Option<Arc<BaseConsumer<Shared>>>,
    stop: Arc<AtomicBool>,
    left: Mutex<mpsc::Receiver<()>>,
}

/// Why a commit was not done.
pub enum Refused {
    /// The group is sharing out its partitions anew: again soon.
    Rebalancing,
    /// Something else.
    Failed(QueueError),
}

impl Member {
    /// Joins a group. `topics` are names, or patterns that begin with `^`.
    pub fn join(options: &Options, at: &str, topics: &[String], group: &str) -> Result<Self, QueueError> {
        let context = Shared { owned: RwLock::default(), changed: Notify::new(), problem: Mutex::default() };
        let invalid = |error: KafkaError| QueueError::Invalid(format!("kafka: {error}"));
        let consumer: BaseConsumer<Shared> = config(options, group).create_with_context(context).map_err(invalid)?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(invalid)?;
        let consumer = Arc::new(consumer);
        let stop = Arc::new(AtomicBool::new(false));
        let (leaving, left) = mpsc::sync_channel(1);
        let (served, until) = (consumer.clone(), stop.clone());
        spawn_thread("kafka-member", move || {
            while !until.load(Ordering::Relaxed) {
                serve(&served);
            }
            // The last to hold it leaves the group.
            drop(served);
            // Nobody may wait any more.
            let _ = leaving.send(());
        })
        .map_err(|error| QueueError::Closed { at: at.to_owned(), reason: format!("no thread for it: {error}") })?;
        Ok(Self { shared: consumer.context().clone(), consumer: Some(consumer), stop, left: Mutex::new(left) })
    }

    /// What a commit needs, for a thread that may block.
    pub fn committer(&self) -> Option<Committer> {
        Some(Committer { shared: self.shared.clone(), consumer: self.consumer.clone()? })
    }

    /// What keeps us out of the group and does not pass by itself, if something does.
    pub fn refusal(&self, at: &str, group: &str) -> Result<(), QueueError> {
        use RDKafkaErrorCode as Code;
        let Some((code, said)) = self.shared.problem.lock().take() else { return Ok(()) };
        let refused = |reason: String, lasting| Err(QueueError::Refused { at: at.to_owned(), reason, lasting });
        match code {
            Code::GroupAuthorizationFailed => {
                refused(format!("this user may not use group '{group}'; grant READ on it [{code:?}]"), false)
            }
            Code::Authentication | Code::SaslAuthenticationFailed => {
                refused(format!("{said}; check kafka.username and kafka.password [{code:?}]"), true)
            }
            Code::FencedInstanceId | Code::Fatal => refused(fenced(group, code), true),
            _ => Ok(()),
        }
    }
}

/// Commits; blocks.
pub struct Committer {
    shared: Arc<Shared>,
    consumer: Arc<BaseConsumer<Shared>>,
}

impl Committer {
    /// Commits, waiting for nothing but the coordinator. What is not ours any more is left out.
    pub fn commit(&self, at: &str, group: &str, next: &BTreeMap<TopicPartition, i64>) -> Result<(), Refused> {
        let owned = self.shared.owned.read();
        let mut list = TopicPartitionList::new();
        for (partition, &offset) in next.iter().filter(|(partition, _)| owned.partitions.contains_key(*partition)) {
            // Only a negative offset can be refused here.
            let _ = list.add_partition_offset(&partition.0, partition.1, Offset::Offset(offset));
        }
        if list.count() == 0 {
            return Ok(());
        }
        self.consumer.commit(&list, CommitMode::Sync).map_err(|error| refusal(&error, at, group))
    }
}

fn refusal(error: &KafkaError, at: &str, group: &str) -> Refused {
    use RDKafkaErrorCode as Code;
    let failed = |reason: String, lasting: Option<bool>| {
        let at = at.to_owned();
        Refused::Failed(match lasting {
            None => QueueError::Unavailable { at, reason },
            Some(lasting) => QueueError::Refused { at, reason, lasting },
        })
    };
    match error.rdkafka_error_code() {
        Some(
            Code::RebalanceInProgress
            | Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::NoOffset
            | Code::AssignmentLost
            | Code::WaitingForCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator,
        ) => Refused::Rebalancing,
        Some(code @ Code::GroupAuthorizationFailed) => {
            failed(format!("this user may not use group '{group}'; grant READ on it [{code:?}]"), Some(false))
        }
        Some(code @ (Code::FencedInstanceId | Code::Fatal)) => failed(fenced(group, code), Some(true)),
        _ => failed(format!("cannot commit for group '{group}': {error}"), None),
    }
}

fn fenced(group: &str, code: RDKafkaErrorCode) -> String {
    format!(
        "another process with the same kafka.group_instance_id took our place in group '{group}'; give each its own [{code:?}]"
    )
}

fn serve(consumer: &BaseConsumer<Shared>) {
    // All partitions are paused: what comes are events, and at most what was on its way before the pause.
    if let Some(Err(error)) = consumer.poll(TURN) {
        tracing::debug!(%error, "librdkafka");
        if let Some(code) = error.rdkafka_error_code() {
            *consumer.context().problem.lock() = Some((code, error.to_string()));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.consumer = None;
        // A process that ends at once must not leave its partitions to the session's timeout; but nor must it wait for
        // a broker that is gone.
        let _ = self.left.get_mut().recv_timeout(LEAVE_WITHIN);
    }
}

fn config(options: &Options, group: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    let session = options.session_timeout.as_millis().max(1000);
    let heartbeat = (session / 10).clamp(100, 3000);
    let poll = session.max(300_000);
    config
        .set("bootstrap.servers", options.servers.join(","))
        .set("client.id", &options.client_id)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false")
        .set("auto.offset.reset", "latest")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.to_string())
        .set("heartbeat.interval.ms", heartbeat.to_string())
        .set("max.poll.interval.ms", poll.to_string())
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("queued.max.messages.kbytes", "64")
        .set("fetch.message.max.bytes", "4096")
        .set_log_level(RDKafkaLogLevel::Warning);
    if let Some(id) = &options.group_instance_id {
        config.set("group.instance.id", format!("{id}-{group}"));
    }
    security(options, &mut config);
    config
}

fn security(options: &Options, config: &mut ClientConfig) {
    let protocol = match (&options.tls, &options.sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(tls) = &options.tls {
        let files = [
            ("ssl.ca.location", &tls.ca),
            ("ssl.certificate.location", &tls.certificate),
            ("ssl.key.location", &tls.private_key),
        ];
        for (key, file) in files {
            if let Some(file) = file {
                config.set(key, file.to_string_lossy());
            }
        }
    }
    if let Some(sasl) = &options.sasl {
        let mechanism = match sasl.mechanism {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        };
        config.set("sasl.mechanism", mechanism);
        config.set("sasl.username", &sasl.username).set("sasl.password", &sasl.password);
    }
}
