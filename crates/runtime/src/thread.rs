//! Threads with names, for work that blocks or burns.

pub use std::thread::JoinHandle;

/// Starts a named thread. Linux shows the first 15 bytes of the name.
///
/// # Errors
/// Where the system refuses another thread.
pub fn spawn_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}
