//! The one signal to stop, handed to every worker.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Cloned to all; once it is called, it stays called. A child is called with its parent, not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// One that has not been called.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is called with this one, and can be called alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Tells everybody to stop.
    pub fn call(&self) {
        self.0.cancel();
    }

    /// Whether it was called.
    pub fn is_called(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is called.
    pub async fn called(&self) {
        self.0.cancelled().await;
    }

    /// Sleeps, unless it is called before: then `false`.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::time::timeout(duration, self.0.cancelled()).await.is_err()
    }
}
