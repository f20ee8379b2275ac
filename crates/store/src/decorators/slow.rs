//! A store that takes its time.

use std::time::Duration;

use async_trait::async_trait;

use super::hooked::{Hook, Hooked, Operation};
use crate::StoreError;

/// A store that takes its time for each call.
pub type Slow<S> = Hooked<S, Delay>;

/// How long it takes.
pub struct Delay(Duration);

impl<S> Hooked<S, Delay> {
    /// Waits so long before each call.
    pub const fn slow(inner: S, delay: Duration) -> Self {
        Self { inner, hook: Delay(delay) }
    }
}

#[async_trait]
impl Hook for Delay {
    async fn before(&self, _operation: Operation) -> Result<(), StoreError> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}
