//! The task that owns everything on its way: it routes what was handed in, has it encoded, sends it, and acts on what
//! is answered. It waits for events only; every wait of its own (a connection, an answer, a thread) is a job that ends
//! in an event.

mod answer;
mod jobs;
mod topics;

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Backoff;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use model::{Batch, Place};
use queue::{AckSender, Outcome, QueueError};
use tokio::time::{Instant, sleep_until};

use super::encode::{Limits, Span};
use super::lane::{IN_FLIGHT_MAX, Identity, Lane, Piece};
use super::request::{Sent, request};
use super::routes::Routes;
use super::shared::Shared;
use crate::client::{Cluster, Connection};
use crate::options::{Acks, Compression};
use crate::topics::seam_partition;
use jobs::Event;
use topics::Topic;

/// Bytes of lines that are encoded at once where so many wait: with their headers about twice as much.
const LOAD: usize = 768 << 10;
/// Record batches of a lane that are encoded ahead of those in flight.
const AHEAD: usize = 2;
/// Most bytes of one request: far below what brokers take.
const REQUEST_MAX: usize = 8 << 20;

/// The task behind a producer.
pub struct Engine {
    cluster: Arc<Cluster>,
    shared: Arc<Shared>,
    routes: Routes,
    limits: Limits,
    idempotent: bool,
    window: usize,
    items: HashMap<u64, Item>,
    next_item: u64,
    topics: BTreeMap<String, Topic>,
    lanes: Vec<Lane>,
    /// By topic and partition.
    lane_of: HashMap<(Arc<str>, i32), usize>,
    brokers: HashMap<i32, Broker>,
    identity: Option<Identity>,
    asking_identity: bool,
    identity_hold: Option<Instant>,
    backoff: Backoff,
    encoders: usize,
    encoding: usize,
    /// Something that cannot be went wrong: it ends, and whoever waits is told so.
    is_broken: bool,
    jobs: FuturesUnordered<BoxFuture<'static, Event>>,
    /// Where the next round of lanes begins, so that all get their turn.
    turn: usize,
}

/// A batch that was taken.
struct Item {
    batch: Batch,
    cost: usize,
    sender: Option<AckSender>,
    /// Stretches of it that are not durable yet.
    left: u32,
    place: Place,
}

#[derive(Default)]
struct Broker {
    connection: Option<Arc<Connection>>,
    connecting: bool,
    requests: usize,
}

impl Engine {
    /// For a topic of the seam.
    ///
    /// # Errors
    /// `Invalid` where the options cannot be right.
    pub fn new(cluster: Arc<Cluster>, shared: Arc<Shared>, topic: &str) -> Result<Self, QueueError> {
        let options = cluster.options().clone();
        let idempotent = options.acks == Acks::All;
        let bytes = options.message_bytes_max;
        let plain_bytes = if options.compression == Compression::None { bytes - 128 } else { bytes * 2 };
        let encoders = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            routes: Routes::new(&options, topic)?,
            limits: Limits { compression: options.compression, bytes, plain_bytes },
            idempotent,
            // Without numbers, what is sent behind something that fails would overtake it.
            window: if idempotent { IN_FLIGHT_MAX } else { 1 },
            items: HashMap::new(),
            next_item: 0,
            topics: BTreeMap::new(),
            lanes: Vec::new(),
            lane_of: HashMap::new(),
            brokers: HashMap::new(),
            identity: None,
            asking_identity: false,
            identity_hold: None,
            backoff: topics::backoff(u64::from(std::process::id())),
            encoders,
            encoding: 0,
            is_broken: false,
            jobs: FuturesUnordered::new(),
            turn: 0,
            cluster,
            shared,
        })
    }

    /// Works until the producer is dropped.
    pub async fn run(mut self) {
        loop {
            if self.is_broken {
                self.shared.end("a record could not be encoded, which is a bug; start logdrive again");
                return;
            }
            self.fetch();
            let now = Instant::now();
            self.encode_what_waits();
            self.send_what_is_ready(now);
            let timer = self.timer(now);
            let shared = self.shared.clone();
            tokio::select! {
                () = shared.wake.notified() => {}
                Some(event) = self.jobs.next(), if !self.jobs.is_empty() => self.act(event),
                () = async { match timer { Some(at) => sleep_until(at).await, None => pending().await } } => {
                    self.wake_up(Instant::now());
                }
            }
        }
    }

    /// Takes over what was handed in.
    fn fetch(&mut self) {
        let fetched = std::mem::take(&mut self.shared.inbox.lock().batches);
        for (batch, cost, sender) in fetched {
            let item = self.next_item;
            self.next_item += 1;
            let way = self.routes.way(&batch.header.stream);
            let taken = Item { batch: batch.clone(), cost, sender: Some(sender), left: 1, place: Place::default() };
            self.items.insert(item, taken);
            self.route(item, batch, way);
        }
    }

    /// Hands what waits to the encoders: at once where nothing is on its way, else when there is enough of it.
    fn encode_what_waits(&mut self) {
        let count = self.lanes.len();
        for n in 0..count {
            let index = (self.turn + n) % count;
            while self.encoding < self.encoders {
                let lane = &mut self.lanes[index];
                let ahead = lane.encoding.len() + lane.ready.len();
                let due = lane.waiting_bytes >= LOAD || lane.is_idle();
                if lane.waiting.is_empty() || !due || ahead >= AHEAD {
                    break;
                }
                let (slot, pieces) = lane.load(LOAD);
                self.encoding += 1;
                self.jobs.push(jobs::encode(index, slot, pieces, self.limits));
            }
        }
        self.turn = self.turn.wrapping_add(1);
    }

    /// Sends what is encoded, a record batch of each partition together, while their leader has room.
    fn send_what_is_ready(&mut self, now: Instant) {
        let mut by_leader: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for n in 0..self.lanes.len() {
            let index = (self.turn + n) % self.lanes.len();
            if !self.lanes[index].may_send(now, self.window) || !self.has_identity(index, now) {
                continue;
            }
            match self.lanes[index].leader {
                Some(leader) => by_leader.entry(leader).or_default().push(index),
                None => {
                    let topic = self.lanes[index].topic.clone();
                    self.ask(&topic, now);
                }
            }
        }
        for (leader, lanes) in by_leader {
            let Some(connection) = self.connection(leader) else { continue };
            while self.brokers.get(&leader).is_some_and(|broker| broker.requests < IN_FLIGHT_MAX) {
                let batches = self.collect(&lanes, now);
                if batches.is_empty() {
                    break;
                }
                self.post(leader, &connection, batches);
            }
        }
    }

    /// The next record batch of each of these lanes, up to the size of a request.
    fn collect(&mut self, lanes: &[usize], now: Instant) -> Vec<(Sent, bytes::Bytes)> {
        let (mut out, mut bytes) = (Vec::new(), 0);
        for &index in lanes {
            let lane = &mut self.lanes[index];
            let fits =
                lane.ready.front().is_some_and(|parcel| out.is_empty() || bytes + parcel.bytes.len() <= REQUEST_MAX);
            if !fits || !lane.may_send(now, self.window) {
                continue;
            }
            let again = lane.ready.front().is_some_and(|parcel| parcel.again);
            let (topic, partition) = (lane.topic.clone(), lane.partition);
            let Some(parcel) = lane.send(self.idempotent) else { continue };
            bytes += parcel.bytes.len();
            self.shared.figures.sent_bytes.fetch_add(parcel.bytes.len() as u64, Ordering::Relaxed);
            self.shared.figures.resent.fetch_add(u64::from(again), Ordering::Relaxed);
            let sequence = parcel.seal.map_or(-1, |seal| seal.sequence);
            out.push((Sent { lane: index, sequence, topic, partition }, parcel.bytes.clone()));
        }
        out
    }

    fn post(&mut self, leader: i32, connection: &Arc<Connection>, batches: Vec<(Sent, bytes::Bytes)>) {
        let acks = self.cluster.options().acks;
        let (request, sent) = request(acks, batches);
        let job = match acks {
            Acks::None => connection.tell_now(&request).map(|told| jobs::told(leader, sent.clone(), told)),
            _ => connection.send_now(&request).map(|reply| jobs::answer(leader, sent.clone(), reply)),
        };
        match job {
            Ok(job) => {
                self.brokers.entry(leader).or_default().requests += 1;
                self.jobs.push(job);
            }
            Err(error) => self.lost(leader, sent, &error),
        }
    }

    /// The connection to a broker; begun where there is none.
    fn connection(&mut self, id: i32) -> Option<Arc<Connection>> {
        let broker = self.brokers.entry(id).or_default();
        if let Some(connection) = broker.connection.as_ref().filter(|connection| connection.is_alive()) {
            return Some(connection.clone());
        }
        // What is under way on the old one must be answered (or lost) first: nothing overtakes.
        if !broker.connecting && broker.requests == 0 {
            broker.connecting = true;
            self.jobs.push(jobs::connect(self.cluster.clone(), id));
        }
        None
    }

    /// Whether a lane has (or needs no) producer id; asked for where there is none.
    fn has_identity(&mut self, index: usize, now: Instant) -> bool {
        if !self.idempotent || self.lanes[index].identity.is_some() {
            return true;
        }
        if self.identity.is_some() {
            self.lanes[index].renew(self.identity);
            return true;
        }
        if !self.asking_identity && self.identity_hold.is_none_or(|until| until <= now) {
            self.asking_identity = true;
            self.jobs.push(jobs::identity(self.cluster.clone()));
        }
        false
    }

    /// When something that is held may go on.
    fn timer(&self, now: Instant) -> Option<Instant> {
        let lanes = self.lanes.iter().filter(|lane| !lane.ready.is_empty()).filter_map(|lane| lane.hold_until);
        let topics = self.topics.values().filter_map(|topic| topic.hold_until);
        lanes.chain(topics).chain(self.identity_hold).filter(|at| *at > now).min()
    }

    fn wake_up(&mut self, now: Instant) {
        let due = |topic: &Topic| topic.hold_until.is_some_and(|at| at <= now);
        let names: Vec<String> =
            self.topics.iter().filter(|(_, topic)| due(topic)).map(|(name, _)| name.clone()).collect();
        for name in names {
            if let Some(topic) = self.topics.get_mut(&name) {
                topic.hold_until = None;
            }
            self.ask(&name, now);
        }
    }

    /// Some stretches are durable.
    fn durable(&mut self, lane: usize, pieces: &[Piece], spans: &[Span], base: i64) {
        let (topic, partition) = (self.lanes[lane].topic.clone(), self.lanes[lane].partition);
        let mut next = base;
        for span in spans {
            next += i64::from(span.records);
            let Some(piece) = pieces.get(span.part) else { continue };
            if let Some(item) = self.items.get_mut(&piece.item) {
                let offset = if base < 0 { 0 } else { (next - 1) as u64 };
                if offset >= item.place.offset {
                    let partition = seam_partition(&topic, partition, self.routes.one_topic);
                    item.place = Place { partition, offset };
                }
            }
            self.less(piece.item);
        }
    }

    /// One stretch less of an item; the last one answers whoever waits.
    fn less(&mut self, item: u64) {
        let Some(found) = self.items.get_mut(&item) else { return };
        found.left = found.left.saturating_sub(1);
        if found.left > 0 {
            return;
        }
        let Some(done) = self.items.remove(&item) else { return };
        self.cluster.budget().give(done.cost);
        {
            let mut inbox = self.shared.inbox.lock();
            inbox.sources.durable(&done.batch.header);
            inbox.open -= 1;
        }
        if let Some(sender) = done.sender {
            // Whoever appended may be gone.
            let _ = sender.send(Ok(Outcome::Appended(done.place)));
        }
        self.shared.settled();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let closed = self.shared.end("it ended");
        let mut inbox = self.shared.inbox.lock();
        inbox.sources.fail(&closed);
        let waiting = std::mem::take(&mut inbox.batches);
        inbox.open = 0;
        drop(inbox);
        for (_, cost, sender) in waiting {
            self.cluster.budget().give(cost);
            let _ = sender.send(Err(closed.clone()));
        }
        for item in self.items.values_mut() {
            self.cluster.budget().give(item.cost);
            if let Some(sender) = item.sender.take() {
                let _ = sender.send(Err(closed.clone()));
            }
        }
        self.shared.settled();
    }
}
