//! The overview: what is to be known at one look, from samples that one worker takes.
//!
//! Decision: nobody who asks makes anybody work. A worker looks every two seconds at what is cheap; the account of all
//! files, which is not, is added up only when something changed, and never for more than a few thousandths of a core.
//! Every answer, and every open page, is given the overview made last; pages are told when it is another one.

pub(crate) mod attention;
pub(crate) mod figures;
mod files;
mod sample;
pub(crate) mod shown;
mod state;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::SourceKey;
use parking_lot::Mutex;
use runtime::Shutdown;
use tokio::sync::{Semaphore, watch};

use crate::app::App;
pub(crate) use files::{LAG_STEP, behind};
use state::State;

/// How often the worker looks.
pub(crate) const STEP: Duration = Duration::from_secs(2);
/// What was made this long ago is made anew for whoever asks: no worker is there to do it.
const STALE: Duration = Duration::from_secs(10);
/// Whoever asks waits so long for it.
const LOOK_WAIT: Duration = Duration::from_secs(5);
/// Pages that are told of changes at a time.
pub(crate) const LISTENERS_MAX: usize = 64;

/// The overview as it was made last.
#[derive(Clone, Default)]
pub(crate) struct Made {
    /// How often it has become another one; 0 where it was never made.
    pub version: u64,
    /// Its JSON.
    pub json: Bytes,
}

/// What the app keeps of it.
pub(crate) struct Overviews {
    state: tokio::sync::Mutex<State>,
    looked_at: Mutex<Option<Instant>>,
    made: watch::Sender<Made>,
    lags: Mutex<Arc<state::Lags>>,
    pub listeners: Arc<Semaphore>,
}

impl Default for Overviews {
    fn default() -> Self {
        Self {
            state: tokio::sync::Mutex::default(),
            looked_at: Mutex::default(),
            made: watch::Sender::new(Made::default()),
            lags: Mutex::default(),
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
        }
    }
}

impl Overviews {
    /// The newest.
    pub(crate) async fn current(&self, app: &App) -> Made {
        let is_fresh = || self.looked_at.lock().is_some_and(|at| at.elapsed() < STALE);
        if !is_fresh() {
            let looking = async {
                let mut state = self.state.lock().await;
                // Somebody else may have made it while we waited for our turn.
                if !is_fresh() {
                    self.look(app, &mut state).await;
                }
            };
            // Where engines do not answer, what is known will do.
            let _ = tokio::time::timeout(LOOK_WAIT, looking).await;
        }
        let made = self.made.borrow().clone();
        if made.version > 0 {
            return made;
        }
        let starting = shown::Overview {
            at: app.parts.clock.now(),
            starting: true,
            completeness: figures::completeness(&[]),
            ..shown::Overview::default()
        };
        Made { json: json_of(&starting), ..made }
    }

    /// Tells when it is another one.
    pub(crate) fn listen(&self) -> watch::Receiver<Made> {
        self.made.subscribe()
    }

    /// How far a source was behind lately: see [`files::Files::lags`].
    pub(crate) fn lag_of(&self, key: SourceKey) -> Vec<u64> {
        self.lags.lock().get(&key).cloned().unwrap_or_default()
    }

    async fn look(&self, app: &App, state: &mut State) {
        let overview = state.look(app).await;
        *self.looked_at.lock() = Some(Instant::now());
        *self.lags.lock() = state.lags();
        if let Some(overview) = overview {
            let json = json_of(&overview);
            self.made.send_modify(|made| *made = Made { version: made.version + 1, json });
        }
    }
}

/// Numbers, texts and lists always have a JSON form.
fn json_of(overview: &shown::Overview) -> Bytes {
    Bytes::from(serde_json::to_vec(overview).unwrap_or_default())
}

/// Looks every two seconds, until the shutdown.
pub(crate) async fn work(app: Arc<App>, shutdown: Shutdown) -> Result<(), Infallible> {
    loop {
        let look = async { app.overviews.look(&app, &mut *app.overviews.state.lock().await).await };
        tokio::select! {
            // An engine that does not answer is no reason to stay.
            () = shutdown.called() => {}
            () = look => {}
        }
        save(&app).await;
        if !shutdown.sleep(STEP).await {
            save(&app).await;
            return Ok(());
        }
    }
}

async fn save(app: &Arc<App>) {
    if app.changes.is_dirty() {
        let app = Arc::clone(app);
        // Where the process is ending, the next start says so itself.
        let _ = runtime::blocking(move || app.changes.save()).await;
    }
}
