//! Short CPU-bound work away from the threads that wait for sockets.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Work that was handed to the pool of blocking threads.
pub struct Blocking<T>(tokio::task::JoinHandle<T>);

/// The work panicked, or the process is ending.
#[derive(Debug)]
pub struct Panicked;

/// Runs `work` on the pool of blocking threads, from now on, whether the result is awaited or not.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Blocking<T> {
    Blocking(tokio::task::spawn_blocking(work))
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|done| done.map_err(|_| Panicked))
    }
}
