//! What every handler shares.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::SourceReport;
use prometheus_client::encoding::EncodeLabelSet;
use runtime::Shutdown;
use telemetry::metric::{Counter, Family, Gauge, Histogram, exponential_buckets};

use crate::changes::Changes;
use crate::overview::Overviews;
use crate::params::{Params, STORE};
use crate::parts::{NamedStore, Parts};
use crate::problem::Problem;
use crate::reports::RemoteReports;
use crate::searches::Searches;

/// The parts, what remote agents said, our own figures, and the signal that ends streams.
pub(crate) struct App {
    pub parts: Parts,
    pub remote: RemoteReports,
    /// What answers under `/es`.
    pub es: es_api::EsApi,
    /// The queue as it is offered to other machines.
    pub offered: Option<crate::routes::Offered>,
    pub figures: Figures,
    /// What is to be known at one look.
    pub overviews: Overviews,
    /// What changed, and when.
    pub changes: Changes,
    /// What people saved; `None`: there is no folder for it.
    pub searches: Option<Arc<Searches>>,
    pub shutdown: Shutdown,
    /// Where we listen.
    pub address: std::net::SocketAddr,
    /// Turns of those who compare stored lines with their files.
    pub verifying: Arc<tokio::sync::Semaphore>,
    /// Held while somebody looks through the dead letters.
    pub looking: tokio::sync::Mutex<()>,
}

/// Something that cannot be read or followed.
pub(crate) struct Trouble {
    pub host: Option<String>,
    pub path: String,
    pub reason: String,
}

impl Trouble {
    /// Whether it tells what another does, with more words around the same reason.
    pub(crate) fn says(&self, other: &Self) -> bool {
        let reason = other.reason.split_once(": ").map_or(other.reason.as_str(), |(_, reason)| reason);
        self.host == other.host && !reason.is_empty() && self.reason.contains(reason)
    }
}

impl App {
    /// The store that a request asks: the one that it names, or the first.
    pub(crate) fn store(&self, params: &Params) -> Result<Arc<dyn store::Reader>, Problem> {
        let named = self.named_store(params)?;
        Ok(named.map_or_else(|| self.parts.store.clone(), |named| named.reader.clone()))
    }

    /// The store that a request names.
    pub(crate) fn named_store(&self, params: &Params) -> Result<Option<&NamedStore>, Problem> {
        let Some(name) = params.filled(STORE.name) else { return Ok(None) };
        let found = self.parts.stores.iter().find(|store| store.name == name);
        let names = || self.parts.stores.iter().map(|store| store.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = || match names().as_str() {
            "" => format!("store={name}: there is one store only, and it needs no name"),
            known => format!("store={name}: there is no such store; there are: {known}"),
        };
        found.map(Some).ok_or_else(|| Problem::parameter(STORE.name, unknown()))
    }

    /// What every agent knows of its sources; this process's own agent first, each source once.
    pub(crate) fn reports(&self) -> Vec<SourceReport> {
        let mut reports = self.parts.sources.sources();
        let remote = self.remote.all();
        if !remote.is_empty() {
            let mut known: HashSet<_> = reports.iter().map(|report| report.key).collect();
            let others = remote.iter().flat_map(|host| &host.sources);
            reports.extend(others.filter(|report| known.insert(report.key)).cloned());
        }
        reports
    }

    /// What cannot be read or followed, on any machine.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let own = self.parts.sources.problems().into_iter();
        let mut troubles: Vec<_> = own.map(|(path, reason)| Trouble { host: None, path, reason }).collect();
        for remote in self.remote.all() {
            troubles.extend(remote.problems.iter().map(|(path, reason)| Trouble {
                host: Some(remote.host.clone()),
                path: path.clone(),
                reason: reason.clone(),
            }));
        }
        troubles
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: &'static str,
}

/// Our own figures.
pub(crate) struct Figures {
    requests: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram>,
    pub connections: Gauge,
    pub refused: Counter,
    pub streams: Gauge,
    pub streamed_bytes: Counter,
    pub skipped: Counter,
}

impl Figures {
    pub(crate) fn registered(metrics: &telemetry::Metrics) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 4.0, 9));
        let seconds = Family::new_with_constructor(histogram);
        let figures = Self {
            requests: Family::default(),
            seconds,
            connections: Gauge::default(),
            refused: Counter::default(),
            streams: Gauge::default(),
            streamed_bytes: Counter::default(),
            skipped: Counter::default(),
        };
        let requests = "answers given, by route, method and status";
        metrics.register("dashboard_requests", requests, figures.requests.clone());
        metrics.register("dashboard_request_seconds", "time until an answer began", figures.seconds.clone());
        metrics.register("dashboard_connections", "open connections", figures.connections.clone());
        metrics.register("dashboard_refused_connections", "connections beyond a bound", figures.refused.clone());
        metrics.register("dashboard_streams", "streamed searches that are open", figures.streams.clone());
        metrics.register("dashboard_streamed_bytes", "bytes of streamed answers", figures.streamed_bytes.clone());
        metrics.register("dashboard_skipped_records", "records that a slow tail skipped", figures.skipped.clone());
        figures
    }

    pub(crate) fn answered(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Answered { route, method, status }).inc();
        self.seconds.get_or_create(&Asked { route }).observe(took.as_secs_f64());
    }
}
