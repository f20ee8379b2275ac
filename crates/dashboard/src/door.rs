//! Who stands at the address before the dashboard does: it answers that the server is still starting.
//!
//! Decision: the address is taken first of all, and never let go in between: opening a large queue or store takes its
//! time, and who asks meanwhile shall be told so (503, when to ask again, and what is being done), not be refused as
//! if nothing were there. The dashboard takes over the same listening socket, so no connection is lost at the change.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use runtime::{Ahead, Shutdown, Tasks};

use crate::error::DashboardError;
use crate::problem::{self, Problem};

/// Connections at a time; more wait.
const CONNECTIONS: usize = 64;
/// A request has to be there after so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Listens, and answers that the server is starting.
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    doing: Arc<Mutex<String>>,
    open: Shutdown,
    answering: Ahead<()>,
}

/// Takes the address; port 0 takes any free one.
pub(crate) fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), DashboardError> {
    let refused = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => DashboardError::InUse { address },
        _ => DashboardError::Listen { address, reason: error.to_string() },
    };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

impl Door {
    /// Takes the address and answers there from now on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Where the address cannot be had; the error says what to do.
    pub fn new(address: SocketAddr) -> Result<Self, DashboardError> {
        let (listener, address) = listen(address)?;
        let failed = |error: std::io::Error| DashboardError::Listen { address, reason: error.to_string() };
        let ours = listener.try_clone().and_then(tokio::net::TcpListener::from_std).map_err(failed)?;
        let doing = Arc::new(Mutex::new("starting".to_owned()));
        let open = Shutdown::new();
        let answering = runtime::ahead(answer_all(ours, Arc::clone(&doing), open.clone()));
        Ok(Self { listener, address, doing, open, answering })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what is being done, in a few words that go on from "the server is".
    pub fn doing(&self, what: &str) {
        what.clone_into(&mut self.doing.lock());
    }

    /// Makes room for who takes over. The task ends once it has answered those it has let in.
    pub(crate) fn open(self) -> (TcpListener, SocketAddr, Ahead<()>) {
        self.open.call();
        (self.listener, self.address, self.answering)
    }
}

async fn answer_all(listener: tokio::net::TcpListener, doing: Arc<Mutex<String>>, open: Shutdown) {
    let mut tasks = Tasks::at_most(CONNECTIONS);
    loop {
        let accepted = tokio::select! {
            biased;
            () = open.called() => break,
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _)), Some(room)) = (accepted, tasks.room()) else {
            open.sleep(Duration::from_millis(20)).await;
            continue;
        };
        let doing = Arc::clone(&doing);
        let answer = move |request| {
            let answer = answer(&request, &doing.lock());
            async move { Ok::<_, Infallible>(answer) }
        };
        tasks.spawn(room, async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            if let Ok(Err(error)) = tokio::time::timeout(PATIENCE * 2, served).await {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    // Who was let in is answered; who does not take the answer is left.
    let _ = tokio::time::timeout(PATIENCE, tasks.join()).await;
}

/// What everybody is told: alive, and not ready.
fn answer(request: &Request<Incoming>, doing: &str) -> Response {
    let mut response = match request.uri().path() {
        "/health" => {
            let body = format!("{{\"status\":\"ok\",\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"));
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        path if path.starts_with("/api/") || path.starts_with("/es/") || path == "/ready" => {
            Problem::new(&problem::STARTING, format!("the server is {doing}; ask again in a moment")).into_response()
        }
        _ => page(doing),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

/// For browsers: the page comes by itself once it is there.
fn page(doing: &str) -> Response {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"1\">\
         <title>logdrive</title><h1>logdrive</h1><p>The server is {doing}. This page comes by itself.</p></html>"
    );
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::RETRY_AFTER, "1")];
    (problem::STARTING.status, headers, body).into_response()
}
