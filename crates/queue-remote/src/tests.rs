//! The suite over real HTTP, with a connection that breaks now and then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use model::Cursors;
use parking_lot::Mutex;
use queue::remote::wire::{Call, MAX_BODY};
use queue::remote::{Server, SessionLimits};
use queue::testing::{BatchOf, Capabilities, run, send_all};
use queue::{MemoryOptions, MemoryQueue, PollOptions, Queue, QueueError};

use crate::RemoteQueue;

struct Front {
    server: Mutex<Arc<Server>>,
    /// Of so many calls, one is refused and one is done without an answer; 0: none.
    breaks_each: u64,
    calls: AtomicU64,
}

async fn answer(
    State(front): State<Arc<Front>>,
    Path((topic, call)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.get("authorization").is_none_or(|value| value != "Bearer secret") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let number = front.calls.fetch_add(1, Ordering::SeqCst);
    let breaks = |at| front.breaks_each > 0 && number % front.breaks_each == at;
    if breaks(1) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(call) = Call::from_name(&call) else { return StatusCode::NOT_FOUND.into_response() };
    let server = Arc::clone(&front.server.lock());
    let answer = server.call(&topic, call, body).await;
    if breaks(2) { StatusCode::BAD_GATEWAY.into_response() } else { answer.into_response() }
}

fn memory() -> Arc<dyn Queue> {
    Arc::new(MemoryQueue::with(MemoryOptions { partitions: 2, max_bytes: 1 << 20, ..MemoryOptions::default() }))
}

fn server(queue: &Arc<dyn Queue>) -> Arc<Server> {
    Arc::new(Server::new(Arc::clone(queue), SessionLimits::default()))
}

fn serve(queue: &Arc<dyn Queue>, breaks_each: u64) -> (SocketAddr, Arc<Front>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("sets");
    let front = Front { server: Mutex::new(server(queue)), breaks_each, calls: AtomicU64::new(0) };
    let front = Arc::new(front);
    let state = Arc::clone(&front);
    let served = async move {
        let routes = Router::new()
            .route("/api/v1/queue/{topic}/{call}", post(answer))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(state);
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        axum::serve(listener, routes).await.expect("serves");
    };
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(served);
    };
    // Ends with the test's process.
    runtime::spawn_thread("server", work).expect("starts");
    (address, front)
}

async fn connect(address: SocketAddr) -> RemoteQueue {
    for _ in 0..10 {
        if let Ok(queue) = RemoteQueue::connect(&format!("http://{address}/"), Some("secret")).await {
            return queue;
        }
    }
    panic!("no connection");
}

#[tokio::test]
async fn keeps_the_contract() {
    let queue = connect(serve(&memory(), 0).0).await;
    run(&queue, &Capabilities::whole(2, Some(1 << 20))).await;
    queue.close().await.expect("closes");
}

#[tokio::test]
async fn keeps_the_contract_when_the_network_fails() {
    let queue = connect(serve(&memory(), 9).0).await;
    run(&queue, &Capabilities::whole(2, Some(1 << 20))).await;
}

#[tokio::test]
async fn says_what_is_wrong_with_the_address_or_the_token() {
    let (address, _) = serve(&memory(), 0);
    let wrong = |url: String, token: Option<&'static str>| async move {
        RemoteQueue::connect(&url, token).await.err().expect("is refused")
    };
    let error = wrong(format!("http://{address}"), Some("guess")).await;
    assert!(matches!(&error, QueueError::Invalid(text) if text.contains("refuses the token")), "{error}");
    for url in ["", "localhost:7700", "ftp://x", "http://"] {
        let error = wrong(url.to_owned(), None).await;
        assert!(error.to_string().contains("write http://host:port"), "{error}");
    }
    // Nobody listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let error = wrong(format!("http://{free}"), None).await;
    assert!(matches!(&error, QueueError::Unavailable { at, .. } if at.contains(&free.to_string())), "{error}");
}

#[tokio::test]
async fn who_was_forgotten_joins_again() {
    let held = memory();
    let (address, front) = serve(&held, 0);
    let queue = connect(address).await;
    let sent: Vec<_> = (0..5).map(|n| BatchOf::source(1).numbered(n)).collect();
    send_all(&queue, "lines", &sent).await;
    let mut reader = queue.consumer("lines", "group").await.expect("joins");
    let options = PollOptions { max_bytes: 64 * 2, max_wait: Duration::from_secs(30) };
    let first = reader.poll(options).await.expect("polls");
    let mut cursors = Cursors::start_of(queue.id());
    cursors.pass(first[0].place);
    reader.commit(&cursors).await.expect("commits");

    // The server starts anew: it has the data and the cursors, and knows no member.
    *front.server.lock() = server(&held);
    assert_eq!(reader.committed().await.expect("committed"), cursors);
    let again = reader.poll(options).await.expect("polls");
    assert_eq!(again[0].batch, sent[1], "from behind what was committed");
    cursors.pass(again[1].place);
    *front.server.lock() = server(&held);
    reader.commit(&cursors).await.expect("commits");
    assert_eq!(reader.poll(options).await.expect("polls")[0].batch, sent[3]);
}
