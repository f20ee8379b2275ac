//! Single records that go through a pipeline out of turn: dead letters that are tried again, or given up.
//!
//! Decision: the pipeline's own writing loop carries them, between two of its writes. So a store has one writer, and
//! what is written again is parsed, refused and made durable exactly as the first time.

use std::sync::atomic::{AtomicU64, Ordering};

use model::{Partition, Place};
use store::{Refusal, StoreBatch, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::Pipeline;

/// So many may wait.
const WAITING_MAX: usize = 4;
/// They come from no place of the queue: this partition is nobody's, so no cursor of the queue moves with them.
const NOWHERE: Partition = Partition(u32::MAX);

/// Batches to write and to make durable, and whom to tell.
pub struct Errand {
    batches: Vec<StoreBatch>,
    done: oneshot::Sender<Result<Vec<Refusal>, StoreError>>,
}

/// The way into a pipeline.
pub struct Errands {
    sender: mpsc::Sender<Errand>,
    pub(super) receiver: Mutex<mpsc::Receiver<Errand>>,
    /// How many batches were sent.
    sent: AtomicU64,
}

impl Default for Errands {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self { sender, receiver: Mutex::new(receiver), sent: AtomicU64::new(0) }
    }
}

impl Errands {
    /// The next place of what is nowhere in the queue.
    pub fn place(&self) -> Place {
        Place { partition: NOWHERE, offset: self.sent.fetch_add(1, Ordering::Relaxed) }
    }

    /// Has batches written and made durable. `None`: the pipeline is ending.
    pub async fn run(&self, batches: Vec<StoreBatch>) -> Option<Result<Vec<Refusal>, StoreError>> {
        let (done, answer) = oneshot::channel();
        self.sender.send(Errand { batches, done }).await.ok()?;
        answer.await.ok()
    }
}

impl Pipeline {
    /// A store that takes nothing now is not waited for: whoever asks may ask again.
    pub(super) async fn run_errand(&self, errand: Errand) {
        if errand.done.is_closed() {
            return;
        }
        let written = async {
            let refusals = self.store.write(&errand.batches).await?;
            self.store.flush().await?;
            Ok(refusals)
        };
        // Nobody listens any more where the answer took too long; the records are in the store nevertheless.
        let _ = errand.done.send(written.await);
    }
}
