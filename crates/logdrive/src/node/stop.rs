//! The end: told once, everything in flight is brought home within a bound; told twice, at once.

use std::time::{Duration, Instant};

use runtime::Supervisor;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::terminal::note;

/// What is in flight gets so long.
const GRACE: Duration = Duration::from_secs(10);
/// Signals that come this soon after the first are the same wish: wrappers (timeout, npm) and the terminal both send
/// one.
const SAME_WISH: Duration = Duration::from_millis(500);

/// The two signals that end a process.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Workers that end together.
pub(crate) struct Stage<'a> {
    pub name: &'static str,
    pub supervisor: &'a Supervisor,
}

impl Signals {
    /// Begins to listen; from now on the signals do not kill. Must be called within a tokio runtime.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::Failed(format!("cannot listen for signals: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    /// Waits for either.
    pub(crate) async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits until it is told once more.
    async fn told_again(&mut self) {
        let first = Instant::now();
        while first.elapsed() < SAME_WISH {
            self.told().await;
        }
    }
}

/// Ends the workers of each stage, one stage after the other, within the grace period. `Err` where it was told again
/// or took too long; what was not brought home is read again at the next start.
pub(crate) async fn drain(stages: &[Stage<'_>], signals: &mut Signals) -> Result<(), Failure> {
    let stopping = async {
        for stage in stages {
            tracing::info!(stage = stage.name, "stopping");
            stage.supervisor.shutdown().call();
            stage.supervisor.join().await;
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(GRACE, stopping) => match ended {
            Ok(()) => Ok(()),
            Err(_) => {
                note(&format!("not everything was done within {}s; the rest is done at the next start", GRACE.as_secs()));
                Err(Failure::Silent(1))
            }
        },
        () = signals.told_again() => {
            note("stopped at once; the rest is done at the next start");
            Err(Failure::Silent(1))
        }
    }
}
