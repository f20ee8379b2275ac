//! The only place that spawns: threads, supervised workers, shutdown; and the real clock.
//!
//! Decision: a worker is a thing with a name that runs until told to stop; what restarts it after a fault, counts the
//! faults and waits longer each time is written once, here. Long-lived CPU work and blocking reads have threads of
//! their own; everything that waits for sockets is a task.
//!
//! Must not know: what a worker does.
#![deny(missing_docs)]

mod ahead;
mod blocking;
mod clock;
mod shutdown;
mod supervisor;
mod tasks;
mod thread;

pub use ahead::{Ahead, ahead};
pub use blocking::{Blocking, Panicked, blocking};
pub use clock::SystemClock;
pub use shutdown::Shutdown;
pub use supervisor::{Supervisor, WorkerReport, WorkerState};
pub use tasks::{Room, Tasks};
pub use thread::{JoinHandle, spawn_thread};
