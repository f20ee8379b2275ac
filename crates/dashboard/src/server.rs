//! Listening, accepting, draining.
//!
//! Decision: our own accept loop on hyper, because the ready-made one waits for ever on half a request's head. A
//! connection has to be worth its place: the head must come in time, there are so many in all and per peer.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use runtime::{Ahead, Shutdown, Supervisor, Tasks};
use tokio::net::TcpStream;
use tracing::{debug, warn};

use crate::app::{App, Figures};
use crate::changes::Changes;
use crate::door::{self, Door};
use crate::error::DashboardError;
use crate::overview::{self, Overviews};
use crate::parts::Parts;
use crate::problem::{self, Problem};
use crate::reports::RemoteReports;
use crate::routes;
use crate::searches::Searches;

/// Bytes of a request's head, and of the buffer that answers go through.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// Listens already, but answers only once it runs.
pub struct Dashboard {
    listener: TcpListener,
    address: SocketAddr,
    /// Answers those whom it let in before us.
    _door: Option<Ahead<()>>,
    app: Arc<App>,
}

/// Binds the address; port 0 takes any free one.
///
/// # Errors
/// Where the address cannot be had; the error says what to do.
pub fn build(listen: SocketAddr, parts: Parts) -> Result<Dashboard, DashboardError> {
    let (listener, address) = door::listen(listen)?;
    Ok(assemble(listener, address, None, parts))
}

/// Takes over from who stood at the address until now.
pub fn build_behind(door: Door, parts: Parts) -> Dashboard {
    let (listener, address, answering) = door.open();
    assemble(listener, address, Some(answering), parts)
}

fn assemble(listener: TcpListener, address: SocketAddr, door: Option<Ahead<()>>, parts: Parts) -> Dashboard {
    let figures = Figures::registered(&parts.metrics);
    let offered = parts.queue.clone().map(|queue| routes::Offered::new(queue, &parts.limits));
    let searches = parts.folder.as_deref().map(|folder| Arc::new(Searches::open(folder)));
    let changes = Changes::open(parts.folder.as_deref());
    changes.started(parts.clock.now(), &parts.config);
    let es = es_api::EsApi::new(es_api::Parts {
        store: parts.store.clone(),
        intake: parts.documents.clone(),
        clock: parts.clock.clone(),
        limits: es_api::Limits::default(),
    });
    let app = App {
        es,
        overviews: Overviews::default(),
        changes,
        searches,
        parts,
        offered,
        remote: RemoteReports::default(),
        figures,
        shutdown: Shutdown::new(),
        address,
        verifying: Arc::new(tokio::sync::Semaphore::new(routes::VERIFYING_MAX)),
        looking: tokio::sync::Mutex::default(),
    };
    Dashboard { listener, address, _door: door, app: Arc::new(app) }
}

impl Dashboard {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs as a worker of `supervisor`, until that is shut down.
    pub fn start(self, supervisor: &Supervisor) {
        let this = Arc::new(self);
        let app = Arc::clone(&this.app);
        supervisor.spawn("overview", move |shutdown| overview::work(Arc::clone(&app), shutdown));
        supervisor.spawn("dashboard", move |shutdown| {
            let this = Arc::clone(&this);
            async move { this.serve(&shutdown).await }
        });
    }

    /// Runs until `shutdown` is called, and the open answers have ended or had their time.
    ///
    /// # Errors
    /// Where nothing can be accepted any more.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), DashboardError> {
        self.serve(&shutdown).await
    }

    async fn serve(&self, shutdown: &Shutdown) -> Result<(), DashboardError> {
        let failed =
            |error: std::io::Error| DashboardError::Accept { address: self.address, reason: error.to_string() };
        let listener = self.listener.try_clone().and_then(tokio::net::TcpListener::from_std).map_err(failed)?;
        let limits = &self.app.parts.limits;
        let service = routes::router(&self.app);
        let peers = Peers::default();
        let mut tasks = Tasks::at_most(limits.connections);
        loop {
            let accepted = tokio::select! {
                () = shutdown.called() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a connection that was gone before we took it: both pass.
                    warn!(%error, "cannot accept a connection");
                    shutdown.sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (Some(room), Some(place)) = (tasks.room(), peers.enter(peer.ip(), limits.connections_per_peer)) else {
                self.app.figures.refused.inc();
                debug!(%peer, "too many connections");
                continue;
            };
            let connection = Connection { app: Arc::clone(&self.app), service: service.clone(), _place: place };
            tasks.spawn(room, connection.run(stream));
        }
        drop(listener);
        self.app.shutdown.call();
        // Answers that do not end in time are cut off with their tasks.
        let drained = tokio::time::timeout(limits.drain, tasks.join()).await;
        if drained.is_err() {
            warn!(open = tasks.len(), "cut off the answers that did not end in time");
        }
        Ok(())
    }
}

/// How many connections each peer has.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of a peer's connections; leaves when dropped.
struct Place {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    fn enter(&self, peer: IpAddr, max: usize) -> Option<Place> {
        let mut counts = self.0.lock();
        let count = counts.entry(peer).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { peers: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.peers.0.lock();
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

struct Connection {
    app: Arc<App>,
    service: Router,
    _place: Place,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Lines of a tail go out at once; a socket that refuses is no reason not to answer.
        let _ = stream.set_nodelay(true);
        self.app.figures.connections.inc();
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.app.parts.limits.header_timeout)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.service));
        let mut served = std::pin::pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.app.shutdown.called() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        self.app.figures.connections.dec();
        if let Err(error) = ended {
            debug!(%error, "a connection ended badly");
        }
    }
}

/// No web page elsewhere reads or writes here by way of a user's browser.
///
/// On a loopback address only requests to a name that is ours are answered: the page's own name could have been made
/// to resolve to this machine. And what a browser says comes from a page of another origin may not change anything.
pub(crate) async fn only_own_host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match foreign(&app, &request) {
        Some(detail) => Problem::new(&problem::FOREIGN_HOST, detail).into_response(),
        None => next.run(request).await,
    }
}

fn foreign(app: &App, request: &Request) -> Option<String> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let authority = text(header::HOST).or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    if let Some(host) = authority.filter(|host| app.address.ip().is_loopback() && !is_own(host)) {
        return Some(format!("'{host}' is not a name of this server; use http://{}", app.address));
    }
    let origin = text(header::ORIGIN).filter(|_| !request.method().is_safe())?;
    let is_other = origin.split_once("://").map(|(_, host)| host) != authority;
    is_other.then(|| format!("a page of '{origin}' may not change anything here"))
}

/// Whether the name is `localhost`, under it, or an address.
fn is_own(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_names() {
        for (name, is) in [
            ("localhost", true),
            ("LOCALHOST:7700", true),
            ("web.localhost:80", true),
            ("127.0.0.1:7700", true),
            ("[::1]:7700", true),
            ("192.168.0.5", true),
            ("evil.example", false),
            ("localhost.evil.example:7700", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_own(name), is, "{name}");
        }
    }

    #[test]
    fn a_peer_gets_so_many_places_and_gives_them_back() {
        let peers = Peers::default();
        let peer = IpAddr::from([127, 0, 0, 1]);
        let first = peers.enter(peer, 2).expect("is room");
        let _second = peers.enter(peer, 2).expect("is room");
        assert!(peers.enter(peer, 2).is_none());
        assert!(peers.enter(IpAddr::from([127, 0, 0, 2]), 2).is_some());
        drop(first);
        assert!(peers.enter(peer, 2).is_some());
    }
}
