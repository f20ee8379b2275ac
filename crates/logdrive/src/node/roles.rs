//! Roles put together: each is built over shared parts and started under a supervisor of its stage, so that the end
//! goes from the files to the store.

use std::net::SocketAddr;
use std::sync::Arc;

use agent::AgentHandle;
use base::Explain;
use config::{Config, Loaded, MetricsUrl, QueueUrl, StoreConfig};
use dashboard::{Brought, Control, Door, NamedStore, SourceReports};
use es_api::{Intake, IntakeOptions};
use model::{SourceKey, SourceReport};
use parking_lot::Mutex;
use queue::{Producer, Queue};
use runtime::{Shutdown, Supervisor, SystemClock};
use store::Store;
use store::metrics::{MetricsStore, PointWriter};
use telemetry::Metrics;
use transfer::{StorePart, TransferHandle};

use super::engines::Late;
use super::letters::DeadLetters;
use super::stop::{Signals, Stage, drain};
use crate::failure::Failure;

/// The workers of a process, in the order in which they end.
pub(crate) struct Node {
    pub metrics: Metrics,
    /// Reads files: ends first.
    pub reading: Supervisor,
    /// Brings lines from the queue into the store: ends when nothing comes any more.
    pub moving: Supervisor,
    /// Answers questions: ends last.
    pub serving: Supervisor,
    /// Stands at the address until the dashboard is there.
    door: Mutex<Option<Door>>,
}

impl Node {
    /// Must be called within a tokio runtime.
    pub(crate) fn new() -> Self {
        Self::behind(None)
    }

    /// Whose dashboard takes over from `door`. Must be called within a tokio runtime.
    pub(crate) fn behind(door: Option<Door>) -> Self {
        let serving = Supervisor::new(Shutdown::new());
        let (reading, moving) = (serving.stage(Shutdown::new()), serving.stage(Shutdown::new()));
        Self { metrics: Metrics::default(), reading, moving, serving, door: Mutex::new(door) }
    }

    /// Builds and starts an agent.
    pub(crate) fn agent(
        &self,
        config: &Config,
        queue: &Arc<dyn Queue>,
        producer: Arc<dyn Producer>,
    ) -> Result<AgentHandle, Failure> {
        let stdin = config.streams.iter().any(|stream| stream.paths.iter().any(|path| path == "-"));
        let parts = agent::Parts {
            producer,
            clock: Arc::new(SystemClock),
            stdin: stdin.then(|| Box::new(std::io::stdin()) as Box<dyn std::io::Read + Send>),
        };
        let keeps_positions = parts.producer.keeps_positions();
        let mut agent = agent::build(config, parts).map_err(|error| Failure::of(&error))?;
        if config.host_metrics.enabled {
            // A topic of points that is not there must not hold up the lines.
            let points = Late::open(queue.clone(), queue::METRICS, keeps_positions, &self.moving);
            agent = agent.with_host_metrics(points);
        }
        let handle = agent.handle();
        super::figures::show(handle.clone(), &self.metrics);
        // It starts its own reader again after a fault; there is nothing to start it from a second time.
        let agent = Mutex::new(Some(agent));
        self.reading.spawn("agent", move |shutdown| {
            let agent = agent.lock().take();
            async move {
                match agent {
                    Some(agent) => agent.run(shutdown).await.map_err(|error| error.chain()),
                    None => Err("the agent cannot go on; start logdrive again".to_owned()),
                }
            }
        });
        Ok(handle)
    }

    /// Builds and starts a transfer.
    pub(crate) fn transfer(
        &self,
        config: &Config,
        queue: Arc<dyn Queue>,
        stores: &[Arc<dyn Store>],
        points: &Arc<dyn MetricsStore>,
    ) -> Result<TransferHandle, Failure> {
        let part = |(config, store): (&StoreConfig, &Arc<dyn Store>)| StorePart {
            name: config.name.clone(),
            store: store.clone(),
            start: config.start,
        };
        let stores = config.stores.iter().zip(stores).map(part).collect();
        if config.host_metrics.enabled {
            super::own::keep(&self.metrics, &config.host, points.clone(), &self.moving);
        }
        let points: Arc<dyn PointWriter> = points.clone();
        let parts = transfer::Parts {
            queue,
            stores,
            points: has_points(config).then_some(points),
            rules: config.metric_rules.clone(),
            rules_folder: Some(config.data.join("rules")),
            revisions: Some(config.data.join("revisions")),
            metrics: self.metrics.clone(),
            clock: Arc::new(SystemClock),
        };
        let transfer =
            transfer::build(&config.transfer, &config.streams, parts).map_err(|error| Failure::of(&error))?;
        let handle = transfer.handle();
        transfer.start(&self.moving);
        Ok(handle)
    }

    /// Builds what takes documents by HTTP; it takes none any more once reading has ended.
    pub(crate) fn documents(
        &self,
        config: &Config,
        producer: Arc<dyn Producer>,
        store: Arc<dyn Store>,
    ) -> Result<Arc<Intake>, Failure> {
        let options = IntakeOptions::new(config.host.clone(), Some(config.data.clone()));
        let intake = Intake::open(options, producer, store, Arc::new(SystemClock));
        let intake = Arc::new(intake.map_err(|error| Failure::of(&error))?);
        let taken = intake.clone();
        self.reading.spawn("documents", move |shutdown| {
            let taken = taken.clone();
            async move {
                shutdown.called().await;
                taken.close().await;
                Ok::<_, String>(())
            }
        });
        Ok(intake)
    }

    /// Builds and starts the HTTP side. The address it listens on comes back.
    pub(crate) fn dashboard(
        &self,
        loaded: &Loaded,
        queue: Option<Arc<dyn Queue>>,
        stores: &[Arc<dyn Store>],
        points: Arc<dyn MetricsStore>,
        sources: Sources,
        control: Arc<dyn Control>,
    ) -> Result<SocketAddr, Failure> {
        let documents = sources.documents.clone();
        let letters = match &sources.transfer {
            Some(transfer) => {
                let file = loaded.config.data.join("letters.json");
                let letters = transfer.letters(&file).map_err(|error| Failure::of(&error))?;
                Some(Arc::new(DeadLetters(letters)) as Arc<dyn dashboard::Letters>)
            }
            None => None,
        };
        let parts = dashboard::Parts {
            store: stores[0].clone(),
            stores: named(&loaded.config, stores),
            documents,
            queue,
            sources: Arc::new(sources),
            control,
            letters,
            supervisor: Some(self.serving.clone()),
            metrics: self.metrics.clone(),
            points: Some(points),
            config: serde_json::to_value(&loaded.settings).unwrap_or_default(),
            clock: Arc::new(SystemClock),
            folder: Some(loaded.config.data.join("dashboard")),
            limits: dashboard::Limits::default(),
        };
        let dashboard = match self.door.lock().take() {
            Some(door) => dashboard::build_behind(door, parts),
            None => dashboard::build(loaded.config.listen, parts).map_err(|error| Failure::Failed(error.chain()))?,
        };
        let address = dashboard.address();
        dashboard.start(&self.serving);
        Ok(address)
    }

    /// Ends the stages in their order, once `signals` told so before.
    pub(crate) async fn end(&self, signals: &mut Signals) -> Result<(), Failure> {
        let stages = [("reading", &self.reading), ("moving", &self.moving), ("serving", &self.serving)];
        drain(&stages.map(|(name, supervisor)| Stage { name, supervisor }), signals).await
    }
}

/// The stores as they can be asked for; one alone needs no name.
fn named(config: &Config, stores: &[Arc<dyn Store>]) -> Vec<NamedStore> {
    let named = |(store, reader): (&StoreConfig, &Arc<dyn Store>)| NamedStore {
        name: store.name.clone(),
        reader: reader.clone(),
        leaves_out: {
            let others = config.streams.iter().filter(|s| !s.stores.is_empty() && !s.stores.contains(&store.name));
            others.map(|stream| stream.name.clone()).collect()
        },
    };
    if stores.len() == 1 { Vec::new() } else { config.stores.iter().zip(stores).map(named).collect() }
}

/// Whether anybody speaks of points. In Kafka their topic would have to be there, and who has none should not miss it.
fn has_points(config: &Config) -> bool {
    !matches!(config.queue.url, QueueUrl::Kafka(_))
        || !matches!(config.metrics.url, MetricsUrl::Embedded(_))
        || config.host_metrics.enabled
        || !config.metric_rules.is_empty()
}

/// What the dashboard is told of files and streams.
#[derive(Default)]
pub(crate) struct Sources {
    pub agent: Option<AgentHandle>,
    pub transfer: Option<TransferHandle>,
    pub documents: Option<Arc<Intake>>,
}

impl SourceReports for Sources {
    fn sources(&self) -> Vec<SourceReport> {
        let mut reports = self.agent.as_ref().map(AgentHandle::sources).unwrap_or_default();
        reports.extend(self.documents.iter().flat_map(|documents| documents.sources()));
        reports
    }

    fn problems(&self) -> Vec<(String, String)> {
        let agent = self.agent.iter().flat_map(AgentHandle::problems).map(|problem| (problem.path, problem.reason));
        let transfer = self.transfer.iter().flat_map(TransferHandle::problems);
        agent.chain(transfer).collect()
    }

    fn is_following(&self) -> bool {
        self.agent.is_some()
    }

    fn pulse(&self) -> u64 {
        let stats = self.agent.as_ref().map(AgentHandle::stats).unwrap_or_default();
        let mut pulse = stats.files.rotate_left(48) ^ stats.faults.rotate_left(40) ^ stats.truncations.rotate_left(32);
        for counted in [stats.read_bytes, stats.sent_batches, stats.missed_bytes, stats.open_files] {
            pulse = pulse.rotate_left(7) ^ counted;
        }
        pulse
    }

    fn brought(&self) -> Option<Vec<Brought>> {
        let of = |(stream, status): (Arc<str>, transfer::StreamStatus)| Brought {
            stream,
            records: status.records,
            bytes: status.bytes,
            unparsed: status.unparsed,
        };
        self.transfer.as_ref().map(|transfer| transfer.streams().into_iter().map(of).collect())
    }

    fn open(&self, key: SourceKey) -> Result<std::fs::File, String> {
        match &self.agent {
            Some(agent) => agent.open(key),
            None => Err("no agent of this process reads it; verify it on its own machine".to_owned()),
        }
    }
}
