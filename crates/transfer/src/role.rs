//! Building and starting the transfer.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Clock;
use config::{MetricConfig, Start, StreamConfig, TransferConfig};
use parking_lot::Mutex;
use queue::{LINES, METRICS, Queue};
use runtime::Supervisor;
use store::Store;
use store::metrics::PointWriter;
use telemetry::Metrics;

use crate::lag::Lag;
use crate::letters::Letters;
use crate::pipeline::{Errands, Pipeline};
use crate::points::PointPipeline;
use crate::problems::Problems;
use crate::refused::Refused;
use crate::revisions::Revisions;
use crate::rules::{Rule, RulePipeline};
use crate::status::{Figures, RuleFigures, Status};
use crate::{StreamStatus, TransferError};

/// A store that lines go to.
pub struct StorePart {
    /// What streams call it.
    pub name: String,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Where in the queue it begins when it is new.
    pub start: Start,
}

/// What the transfer is given.
pub struct Parts {
    /// Where batches come from.
    pub queue: Arc<dyn Queue>,
    /// Where records go. The first one's consumer group is the configured name itself.
    pub stores: Vec<StorePart>,
    /// Where points go; `None`: they stay in the queue.
    pub points: Option<Arc<dyn PointWriter>>,
    /// What is measured of lines.
    pub rules: Vec<MetricConfig>,
    /// Where these rules note how far they are; `None`: nowhere, and each start measures all that the queue holds.
    pub rules_folder: Option<PathBuf>,
    /// Where the definitions of earlier revisions are kept; `None`: nowhere.
    pub revisions: Option<PathBuf>,
    /// Where figures are registered.
    pub metrics: Metrics,
    /// For telling since when there is a problem.
    pub clock: Arc<dyn Clock>,
}

/// A transfer that is built and not yet running.
pub struct Transfer {
    shared: Arc<Shared>,
}

struct Shared {
    pipelines: Vec<Arc<Pipeline>>,
    points: Option<Arc<PointPipeline>>,
    rules: Vec<Arc<RulePipeline>>,
    problems: Problems,
    lag: Arc<Lag>,
    refused: Arc<Refused>,
    revisions: Arc<Revisions>,
    queue: Arc<dyn Queue>,
}

/// What has come to one store since the process started.
#[derive(Clone, Debug)]
pub struct StoreStatus {
    /// Its name.
    pub name: String,
    /// Its consumer group.
    pub group: String,
    /// Counts by stream.
    pub streams: Vec<(Arc<str>, StreamStatus)>,
}

/// What others may ask of a transfer.
#[derive(Clone)]
pub struct TransferHandle(Arc<Shared>);

/// Checks the streams' rules and opens the definitions of earlier revisions. Nothing runs yet.
///
/// # Errors
/// A rule that is no regular expression; a folder that cannot be written.
pub fn build(config: &TransferConfig, streams: &[StreamConfig], parts: Parts) -> Result<Transfer, TransferError> {
    let revisions = Arc::new(Revisions::open(parts.revisions.as_deref(), streams)?);
    let figures = Figures::new(&parts.metrics);
    let problems = Problems::new(parts.clock.clone());
    let pipelines = parts.stores.into_iter().enumerate().map(|(n, part)| {
        let is_first = n == 0;
        let foreign = streams.iter().filter(|stream| !stream.stores.is_empty() && !stream.stores.contains(&part.name));
        Arc::new(Pipeline {
            group: if is_first { config.group.clone() } else { format!("{}-{}", config.group, part.name) },
            is_first,
            start: part.start,
            config: config.clone(),
            queue: parts.queue.clone(),
            store: part.store,
            foreign: foreign.map(|stream| stream.name.clone()).collect::<HashSet<_>>(),
            revisions: revisions.clone(),
            status: Status::new(&part.name, &figures),
            problems: problems.clone(),
            settled: Mutex::default(),
            errands: Errands::default(),
            name: part.name,
        })
    });
    let pipelines: Vec<_> = pipelines.collect();
    let mut rules = Vec::new();
    if let Some(points) = &parts.points {
        let rule_figures = RuleFigures::new(&parts.metrics, &figures);
        for rule in &parts.rules {
            let rule = Arc::new(Rule::new(rule)?);
            rules.push(Arc::new(RulePipeline {
                config: config.clone(),
                queue: parts.queue.clone(),
                points: points.clone(),
                revisions: revisions.clone(),
                note: parts.rules_folder.as_ref().map(|folder| folder.join(&rule.name)),
                clock: parts.clock.clone(),
                figures: rule_figures.of(&rule.name),
                problems: problems.clone(),
                rule,
            }));
        }
    }
    let points = parts.points.map(|points| {
        Arc::new(PointPipeline {
            config: config.clone(),
            queue: parts.queue.clone(),
            points,
            status: Status::new("metrics", &figures),
            problems: problems.clone(),
        })
    });
    let of_pipelines = |p: &Arc<Pipeline>| (p.name.clone(), p.store.clone());
    let refused = Arc::new(Refused {
        config: config.clone(),
        queue: parts.queue.clone(),
        stores: pipelines.iter().map(of_pipelines).collect(),
        problems: problems.clone(),
    });
    let topics = if points.is_some() { vec![LINES, METRICS] } else { vec![LINES] };
    let queue = parts.queue.clone();
    let lag =
        Arc::new(Lag { queue: parts.queue, topics, prefix: config.group.clone(), figures, problems: problems.clone() });
    Ok(Transfer { shared: Arc::new(Shared { pipelines, points, rules, problems, lag, refused, revisions, queue }) })
}

impl Transfer {
    /// For asking how it goes.
    pub fn handle(&self) -> TransferHandle {
        TransferHandle(self.shared.clone())
    }

    /// Runs under the supervisor until its shutdown is called; then what was polled is written, the stores are flushed
    /// and the cursors are committed.
    pub fn start(self, supervisor: &Supervisor) {
        for pipeline in &self.shared.pipelines {
            let pipeline = pipeline.clone();
            let name = if pipeline.is_first { "transfer".to_owned() } else { format!("transfer-{}", pipeline.name) };
            supervisor.spawn(name, move |shutdown| {
                let pipeline = pipeline.clone();
                async move { pipeline.run(&shutdown).await }
            });
        }
        if let Some(points) = &self.shared.points {
            let points = points.clone();
            supervisor.spawn("transfer-metrics", move |shutdown| {
                let points = points.clone();
                async move { points.run(&shutdown).await }
            });
        }
        let refused = self.shared.refused.clone();
        supervisor.spawn("transfer-dead-letters", move |shutdown| {
            let refused = refused.clone();
            async move { refused.run(&shutdown).await }
        });
        let lag = self.shared.lag.clone();
        supervisor.spawn("transfer-lag", move |shutdown| {
            let lag = lag.clone();
            async move { lag.watch(&shutdown).await }
        });
        for rule in &self.shared.rules {
            let rule = rule.clone();
            supervisor.spawn(format!("transfer-rule-{}", rule.rule.name), move |shutdown| {
                let rule = rule.clone();
                async move { rule.run(&shutdown).await }
            });
        }
    }
}

impl TransferHandle {
    /// Counts by stream since the process started, of the first store.
    pub fn streams(&self) -> Vec<(Arc<str>, StreamStatus)> {
        self.0.pipelines.first().map(|pipeline| pipeline.status.streams()).unwrap_or_default()
    }

    /// Counts by stream of each store, and of the metrics store, which is called `metrics`.
    pub fn stores(&self) -> Vec<StoreStatus> {
        let status = |name: &str, group: String, status: &Status| StoreStatus {
            name: name.to_owned(),
            group,
            streams: status.streams(),
        };
        let points = self.0.points.iter();
        let points = points.map(|p| status("metrics", PointPipeline::group(&p.config), &p.status));
        self.0.pipelines.iter().map(|p| status(&p.name, p.group.clone(), &p.status)).chain(points).collect()
    }

    /// Knows the definition of a stream that is followed from now on. All stores take it.
    ///
    /// # Errors
    /// A rule that is no regular expression; a folder that cannot be written.
    pub fn learn(&self, stream: &StreamConfig) -> Result<(), TransferError> {
        self.0.revisions.learn(stream)
    }

    /// The dead letters of these stores. Which are settled is noted in `file`.
    ///
    /// # Errors
    /// Where the file is there and cannot be used.
    pub fn letters(&self, file: &Path) -> Result<Letters, TransferError> {
        let Shared { queue, pipelines, revisions, .. } = &*self.0;
        Letters::open(queue.clone(), pipelines.clone(), revisions.clone(), file)
    }

    /// What somebody should look at: whom it troubles (`stream web`, `store archive`), and what it is.
    pub fn problems(&self) -> Vec<(String, String)> {
        let silent = self.streams().into_iter().filter(|(_, status)| status.time_never_parses());
        let text = "no time is found in any line of this stream; the time of reading stands in (set 'parse' or check the format)";
        let silent = silent.map(|(name, _)| (format!("stream {name}"), text.to_owned()));
        silent.chain(self.0.problems.list()).collect()
    }
}
