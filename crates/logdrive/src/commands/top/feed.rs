//! Asks the server every two seconds, and at once where another view wants other answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::answers::{Letters, Overview, Problems, RemoteAgents, Sources, Workers};
use super::state::View;
use crate::client::{Client, Params};
use crate::failure::Failure;

/// How often it asks.
const EVERY: Duration = Duration::from_secs(2);
/// So many dead letters are shown.
const LETTERS: (&str, &str) = ("limit", "200");

/// What is asked of files.
pub(super) const SOURCES: Params<'static> = &[];

/// What came.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Overview(Box<Overview>),
    Files(Sources, RemoteAgents),
    Letters(Letters),
    Workers(Workers),
    Problems(Problems),
    /// The server does not answer, and what is to be said of it.
    Lost(String),
}

/// The thread that asks.
pub(super) struct Feed {
    wants: SyncSender<View>,
    answers: Receiver<Answer>,
}

impl Feed {
    pub(super) fn start(client: Client, ended: Arc<AtomicBool>) -> std::io::Result<Self> {
        let (wants, wanted) = sync_channel(16);
        let (tell, answers) = sync_channel(16);
        // It ends with the process: an answer may take as long as it likes.
        runtime::spawn_thread("top-feed", move || ask(&client, &wanted, &tell, &ended))?;
        Ok(Self { wants, answers })
    }

    /// What is shown now.
    pub(super) fn want(&self, view: View) {
        // Where so many wishes wait already, the newest but one will do.
        let _ = self.wants.try_send(view);
    }

    /// What came since, if anything.
    pub(super) fn next(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

fn ask(client: &Client, wanted: &Receiver<View>, tell: &SyncSender<Answer>, ended: &AtomicBool) {
    let mut view = View::Flow;
    while !ended.load(Ordering::Relaxed) {
        let answers = match answers(client, view) {
            Ok(answers) => answers,
            Err(failure) => vec![Answer::Lost(failure.to_string())],
        };
        for answer in answers {
            if tell.send(answer).is_err() {
                return;
            }
        }
        match wanted.recv_timeout(EVERY) {
            Ok(wish) => view = wanted.try_iter().last().unwrap_or(wish),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn answers(client: &Client, view: View) -> Result<Vec<Answer>, Failure> {
    let overview = Answer::Overview(client.get("/api/v1/overview", &[])?);
    let rest = match view {
        View::Flow => return Ok(vec![overview]),
        View::Files => Answer::Files(client.get("/api/v1/sources", SOURCES)?, client.get("/api/v1/agents", &[])?),
        View::Letters => {
            let limit = (LETTERS.0, LETTERS.1.to_owned());
            // Where the queue is elsewhere, there are none to be shown.
            Answer::Letters(client.get("/api/v1/dead-letters", &[limit]).unwrap_or_default())
        }
        View::Workers => Answer::Workers(client.get("/api/v1/workers", &[])?),
        View::Errors => Answer::Problems(client.get("/api/v1/problems", &[])?),
    };
    Ok(vec![overview, rest])
}
