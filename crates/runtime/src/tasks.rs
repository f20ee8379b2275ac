//! Short tasks that belong to a worker: one a connection, at most so many at a time, and none outlives its owner.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::error;

/// A bounded set of tasks. Dropping it ends them all.
pub struct Tasks {
    room: Arc<Semaphore>,
    running: JoinSet<()>,
}

/// Room for one task, see [`Tasks::room`].
pub struct Room(OwnedSemaphorePermit);

impl Tasks {
    /// At most `max` at a time.
    pub fn at_most(max: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(max)), running: JoinSet::new() }
    }

    /// Room for one more, if there is some now.
    pub fn room(&self) -> Option<Room> {
        Arc::clone(&self.room).try_acquire_owned().ok().map(Room)
    }

    /// Starts a task. One that panics is logged and leaves its room; the others go on.
    pub fn spawn(&mut self, room: Room, work: impl Future<Output = ()> + Send + 'static) {
        while let Some(ended) = self.running.try_join_next() {
            note(ended);
        }
        self.running.spawn(async move {
            work.await;
            drop(room.0);
        });
    }

    /// Waits until all have ended.
    pub async fn join(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            note(ended);
        }
    }

    /// How many have not ended, or have and were not looked at yet.
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(failed) = ended.as_ref()
        && failed.is_panic()
    {
        error!(error = %failed, "a task panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_leaves_its_room() {
        let mut tasks = Tasks::at_most(1);
        let room = tasks.room().expect("is empty");
        assert!(tasks.room().is_none());
        tasks.spawn(room, async { panic!("on purpose") });
        tasks.join().await;
        assert!(tasks.room().is_some() && tasks.is_empty());
    }
}
