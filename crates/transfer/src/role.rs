//! Building and starting the transfer.

use std::path::PathBuf;
use std::sync::Arc;

use config::{StreamConfig, TransferConfig};
use queue::Queue;
use runtime::Supervisor;
use store::Store;
use telemetry::Metrics;

use crate::pipeline::Pipeline;
use crate::revisions::Revisions;
use crate::status::Status;
use crate::{StreamStatus, TransferError};

/// What the transfer is given.
pub struct Parts {
    /// Where batches come from.
    pub queue: Arc<dyn Queue>,
    /// Where records go.
    pub store: Arc<dyn Store>,
    /// Where the definitions of earlier revisions are kept; `None`: nowhere.
    pub revisions: Option<PathBuf>,
    /// Where figures are registered.
    pub metrics: Metrics,
}

/// A transfer that is built and not yet running.
pub struct Transfer {
    pipeline: Arc<Pipeline>,
}

/// What others may ask of a transfer.
#[derive(Clone)]
pub struct TransferHandle(Arc<Pipeline>);

/// Checks the streams' rules and opens the definitions of earlier revisions. Nothing runs yet.
///
/// # Errors
/// A rule that is no regular expression; a folder that cannot be written.
pub fn build(config: &TransferConfig, streams: &[StreamConfig], parts: Parts) -> Result<Transfer, TransferError> {
    let revisions = Revisions::open(parts.revisions.as_deref(), streams)?;
    let status = Status::new(&parts.metrics);
    let (queue, store) = (parts.queue, parts.store);
    Ok(Transfer { pipeline: Arc::new(Pipeline { config: config.clone(), queue, store, revisions, status }) })
}

impl Transfer {
    /// For asking how it goes.
    pub fn handle(&self) -> TransferHandle {
        TransferHandle(self.pipeline.clone())
    }

    /// Runs under the supervisor until its shutdown is called; then what was polled is written, the store is flushed
    /// and the cursors are committed.
    pub fn start(self, supervisor: &Supervisor) {
        let pipeline = self.pipeline;
        supervisor.spawn("transfer", move |shutdown| {
            let pipeline = pipeline.clone();
            async move { pipeline.run(&shutdown).await }
        });
    }
}

impl TransferHandle {
    /// Counts by stream since the process started.
    pub fn streams(&self) -> Vec<(Arc<str>, StreamStatus)> {
        self.0.status.streams()
    }

    /// What somebody should look at: the stream, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let silent = self.streams().into_iter().filter(|(_, status)| status.time_never_parses());
        let text = "no time is found in any line of this stream; the time of reading stands in (set 'parse' or check the format)";
        silent.map(|(name, _)| (name.to_string(), text.to_owned())).collect()
    }
}
