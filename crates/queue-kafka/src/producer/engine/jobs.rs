//! What the engine has others do, and the events in which that ends.

use std::cell::RefCell;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use queue::QueueError;

use super::super::encode::{Limits, Output, encode as encode_parts};
use super::super::lane::{Identity, Piece};
use super::super::request::Sent;
use crate::client::{Cluster, Connection, Reply, Told, TopicMeta};
use crate::error;

/// Something has ended.
pub enum Event {
    /// A load is encoded; `None` where that panicked.
    Encoded { lane: usize, slot: u64, pieces: Arc<Vec<Piece>>, output: Option<Output> },
    /// A broker answered, or did not.
    Answered { broker: i32, sent: Vec<Sent>, answer: Result<ProduceResponse, QueueError> },
    /// A request that is not answered was written, or was not.
    Told { broker: i32, sent: Vec<Sent>, told: Result<(), QueueError> },
    /// A broker is connected, or is not.
    Connected { broker: i32, connection: Result<Arc<Connection>, QueueError> },
    /// A topic is known, or is not.
    Known { topic: String, meta: Result<Arc<TopicMeta>, QueueError> },
    /// A producer id was given, or was not.
    Identified(Result<Identity, QueueError>),
}

/// Encodes and compresses on another thread.
pub fn encode(lane: usize, slot: u64, pieces: Vec<Piece>, limits: Limits) -> BoxFuture<'static, Event> {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let pieces = Arc::new(pieces);
    let theirs = pieces.clone();
    let work = runtime::blocking(move || {
        SCRATCH.with_borrow_mut(|scratch| encode_parts(theirs.iter().map(|piece| &piece.part), limits, scratch))
    });
    async move {
        let output = work.await.ok();
        Event::Encoded { lane, slot, pieces, output }
    }
    .boxed()
}

/// Waits for an answer.
pub fn answer(broker: i32, sent: Vec<Sent>, reply: Reply<ProduceRequest>) -> BoxFuture<'static, Event> {
    async move { Event::Answered { broker, sent, answer: reply.get().await } }.boxed()
}

/// Waits until a request is written.
pub fn told(broker: i32, sent: Vec<Sent>, told: Told) -> BoxFuture<'static, Event> {
    async move { Event::Told { broker, sent, told: told.get().await } }.boxed()
}

/// Connects.
pub fn connect(cluster: Arc<Cluster>, broker: i32) -> BoxFuture<'static, Event> {
    async move { Event::Connected { broker, connection: cluster.broker(broker).await } }.boxed()
}

/// Asks anew what a topic is.
pub fn know(cluster: Arc<Cluster>, topic: String) -> BoxFuture<'static, Event> {
    async move {
        cluster.forget(&topic);
        let meta = cluster.topic(&topic).await;
        Event::Known { topic, meta }
    }
    .boxed()
}

/// Asks for a producer id.
pub fn identity(cluster: Arc<Cluster>) -> BoxFuture<'static, Event> {
    async move {
        let request = InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(60_000);
        let answer = cluster.call_any(&request).await.and_then(|answer| match answer.error_code.err() {
            None => Ok(Identity { id: answer.producer_id.0, epoch: answer.producer_epoch }),
            Some(code) => Err(error::refused(&cluster.address(), code, "an idempotent producer")),
        });
        Event::Identified(answer)
    }
    .boxed()
}
