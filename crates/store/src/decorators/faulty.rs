//! A store that fails now and then, the same way for the same seed.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::hooked::{Hook, Hooked, Operation};
use crate::StoreError;

/// A store that fails now and then.
pub type Faulty<S> = Hooked<S, Faults>;

/// How often it fails.
pub struct Faults {
    state: Mutex<u64>,
    before_permille: AtomicU32,
    after_permille: AtomicU32,
}

impl<S> Hooked<S, Faults> {
    /// Fails `before` of a thousand calls without making them, and `after` of a thousand although they were made: the
    /// worse kind, which a caller cannot tell from the first.
    pub fn faulty(inner: S, seed: u64, before: u32, after: u32) -> Self {
        let hook = Faults {
            state: Mutex::new(seed | 1),
            before_permille: AtomicU32::new(before),
            after_permille: AtomicU32::new(after),
        };
        Self { inner, hook }
    }

    /// From now on it works.
    pub fn heal(&self) {
        self.hook.before_permille.store(0, Ordering::Relaxed);
        self.hook.after_permille.store(0, Ordering::Relaxed);
    }

    /// The store within.
    pub const fn inner(&self) -> &S {
        &self.inner
    }
}

impl Faults {
    fn strikes(&self, permille: u32) -> bool {
        let mut state = self.state.lock();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 20) % 1000 < u64::from(permille)
    }
}

#[async_trait]
impl Hook for Faults {
    async fn before(&self, _operation: Operation) -> Result<(), StoreError> {
        if self.strikes(self.before_permille.load(Ordering::Relaxed)) {
            return Err(StoreError::Injected("before the call"));
        }
        Ok(())
    }

    fn after(&self, _operation: Operation) -> Result<(), StoreError> {
        if self.strikes(self.after_permille.load(Ordering::Relaxed)) {
            return Err(StoreError::Injected("after the call"));
        }
        Ok(())
    }
}
