//! Documents into the queue.
//!
//! Decision: each index is a byte stream of its own, as standard input is one: its documents are lines that follow one
//! another, and a line's offset is where it stands in that stream. So a document has an identity like any line of a
//! file, the queue knows how far it holds the stream, and the account of an index balances like that of a file. A
//! document is answered when it is durable. Its bytes are taken in one order, one bulk of an index at a time.
//!
//! Repeats are known by `_id`, over a window of the newest ids ([`ids`]). After a start it is filled again from the
//! newest documents that the store holds, once that has all that the queue has: so a shipper that sends again what was
//! not answered before a crash makes nothing twice.

pub mod ids;
mod lane;
mod state;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{Clock, Explain};
use model::SourceReport;
use parking_lot::Mutex;
use queue::Producer;
use runtime::Tasks;
use store::Reader;
use tokio::sync::oneshot;

use crate::EsError;
use ids::Window;
use lane::Lane;
use state::State;

/// Most indices that one process writes to.
const INDICES_MAX: usize = 4_096;
/// Bulks that are on their way at a time, whether or not somebody still waits for their answer.
const WRITES_MAX: usize = 8;
/// What was written is waited for so long, where a client asks to find it at once.
const FOUND_WAIT: Duration = Duration::from_secs(10);

/// How an intake is made.
#[derive(Clone, Debug)]
pub struct IntakeOptions {
    /// The name of this machine: documents that name none are of it.
    pub host: String,
    /// The data folder of this process; without it, streams begin anew at every start.
    pub folder: Option<PathBuf>,
    /// Ids that are remembered, at most.
    pub ids: usize,
}

impl IntakeOptions {
    /// Of a machine, with a data folder.
    pub fn new(host: impl Into<String>, folder: Option<PathBuf>) -> Self {
        Self { host: host.into(), folder, ids: ids::WINDOW }
    }
}

/// A document on its way.
#[derive(Clone, Debug)]
pub struct Document {
    /// The id it was given.
    pub id: Option<String>,
    /// Whether it must be new.
    pub create: bool,
    /// The hash of its line.
    pub content: u64,
    /// The machine it says it comes from.
    pub host: Option<Arc<str>>,
    /// The file it says it comes from.
    pub path: Option<Arc<str>>,
    /// Its line, with the newline.
    pub line: Vec<u8>,
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is durable.
    Created {
        /// Its id: the one it was given, or that of its record.
        id: String,
        /// Where it stands in its stream.
        offset: u64,
    },
    /// The very same is there already.
    Same {
        /// Its id.
        id: String,
    },
    /// It is not taken.
    Refused(EsError),
}

/// Takes documents.
pub struct Intake {
    shared: Arc<Shared>,
    lanes: Mutex<HashMap<Arc<str>, Arc<Lane>>>,
    /// Writes go on although a client has gone away: what is half done must come to its end.
    tasks: Mutex<Tasks>,
    closed: AtomicBool,
}

/// What all indices share.
struct Shared {
    host: Arc<str>,
    producer: Arc<dyn Producer>,
    store: Arc<dyn Reader>,
    clock: Arc<dyn Clock>,
    state: State,
    window: Mutex<Window>,
}

impl Intake {
    /// Over a queue's topic of lines, and the store that they end in.
    ///
    /// # Errors
    /// Where the data folder cannot be read or written.
    pub fn open(
        options: IntakeOptions,
        producer: Arc<dyn Producer>,
        store: Arc<dyn Reader>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EsError> {
        let state = State::open(options.folder.as_deref(), clock.now(), !producer.keeps_positions())?;
        let shared = Shared {
            host: options.host.as_str().into(),
            producer,
            store,
            clock,
            state,
            window: Mutex::new(Window::new(options.ids)),
        };
        Ok(Self {
            shared: Arc::new(shared),
            lanes: Mutex::default(),
            tasks: Mutex::new(Tasks::at_most(WRITES_MAX)),
            closed: AtomicBool::new(false),
        })
    }

    /// Takes documents of one index; what became of each, in their order.
    pub async fn write(&self, index: &str, documents: Vec<Document>) -> Vec<Written> {
        let count = documents.len();
        let refused = |error: EsError| vec![Written::Refused(error); count];
        let lane = match self.lane(index) {
            Ok(lane) => lane,
            Err(error) => return refused(error),
        };
        let (tell, told) = oneshot::channel();
        {
            let mut tasks = self.tasks.lock();
            if self.closed.load(Ordering::SeqCst) {
                return refused(EsError::unavailable("logdrive is about to end; try again later"));
            }
            let Some(room) = tasks.room() else {
                return refused(EsError::busy("too many bulks are on their way; try again later"));
            };
            let shared = self.shared.clone();
            tasks.spawn(room, async move {
                // Nobody listens where the client has gone away.
                let _ = tell.send(lane.write(&shared, documents).await);
            });
        }
        told.await.unwrap_or_else(|_| refused(EsError::unavailable("the process is ending")))
    }

    fn lane(&self, index: &str) -> Result<Arc<Lane>, EsError> {
        let mut lanes = self.lanes.lock();
        if let Some(lane) = lanes.get(index) {
            return Ok(lane.clone());
        }
        if lanes.len() == INDICES_MAX {
            return Err(EsError::illegal(format!("there are {INDICES_MAX} indices already; write to one of them")));
        }
        let name: Arc<str> = index.into();
        let lane = Arc::new(Lane::new(name.clone(), &self.shared));
        lanes.insert(name, lane.clone());
        Ok(lane)
    }

    /// Takes nothing more, and waits for what is on its way.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let mut tasks = std::mem::replace(&mut *self.tasks.lock(), Tasks::at_most(0));
        tasks.join().await;
    }

    /// The indices written to since the start.
    pub fn indices(&self) -> Vec<String> {
        self.lanes.lock().keys().map(ToString::to_string).collect()
    }

    /// Waits until what was written to these indices is found, but not for ever.
    ///
    /// # Errors
    /// Where the store cannot tell.
    pub async fn found(&self, indices: &[String]) -> Result<(), EsError> {
        let lanes: Vec<Arc<Lane>> = {
            let lanes = self.lanes.lock();
            indices.iter().filter_map(|index| lanes.get(index.as_str()).cloned()).collect()
        };
        for lane in lanes {
            let report = lane.report();
            lane::stored_up_to(&self.shared, report.key, report.queued, FOUND_WAIT).await?;
        }
        Ok(())
    }

    /// What the account of each index needs to know.
    pub fn sources(&self) -> Vec<SourceReport> {
        let lanes: Vec<Arc<Lane>> = self.lanes.lock().values().cloned().collect();
        lanes.iter().map(|lane| lane.report()).filter(|report| report.size > 0).collect()
    }
}

impl From<queue::QueueError> for EsError {
    fn from(error: queue::QueueError) -> Self {
        match error.kind() {
            base::ErrorKind::Invalid => Self::illegal(error.chain()),
            base::ErrorKind::Exhausted => Self::busy(error.chain()),
            _ => Self::unavailable(error.chain()),
        }
    }
}
