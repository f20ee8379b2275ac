//! A store that counts its calls.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::hooked::{Hook, Hooked, Operation};
use crate::StoreError;

/// A store that counts its calls.
pub type Counting<S> = Hooked<S, Counts>;

/// What it counted.
#[derive(Default)]
pub struct Counts {
    begun: [AtomicU64; Operation::ALL.len()],
    done: [AtomicU64; Operation::ALL.len()],
}

impl<S> Hooked<S, Counts> {
    /// Counts the calls of a store.
    pub fn counting(inner: S) -> Self {
        Self { inner, hook: Counts::default() }
    }

    /// Calls that were made.
    pub fn begun(&self, operation: Operation) -> u64 {
        self.hook.begun[operation as usize].load(Ordering::Relaxed)
    }

    /// Calls that succeeded.
    pub fn done(&self, operation: Operation) -> u64 {
        self.hook.done[operation as usize].load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Hook for Counts {
    async fn before(&self, operation: Operation) -> Result<(), StoreError> {
        self.begun[operation as usize].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn after(&self, operation: Operation) -> Result<(), StoreError> {
        self.done[operation as usize].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
