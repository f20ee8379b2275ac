//! `/api/v1/tail`: what comes in, as it comes in.
//!
//! The reader sets the pace: a piece of the answer is made when there is room for it in the connection, and what a
//! slow reader cannot take is left in the store's ring, which moves on and counts.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use model::RecordId;
use store::tail::{Tail, TailEvent};
use store::{Hit, Scope, SearchRequest, TimeRange};

use super::ndjson::{self, Control};
use crate::app::App;
use crate::hit::write_hit;
use crate::params::{Holds, Param, Params, Q};
use crate::problem::Problem;

pub(crate) const PARAMS: &[Param] = &[
    Q,
    Param::new("backlog", Holds::Number, "First the newest so many that are already there, oldest of them first."),
];

const BACKLOG_MAX: usize = 1000;

pub(crate) async fn tail(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Response, Problem> {
    let query = params.query()?;
    let backlog = params.number("backlog", 0, 0, BACKLOG_MAX)?;
    // Following begins before the backlog is looked up, so nothing falls between; what is in both is given once.
    let follower = app.parts.store.tail(&query)?;
    let mut first = Vec::new();
    let mut given = HashSet::new();
    let mut count = 0;
    if backlog > 0 {
        let scope = Scope { query, range: TimeRange::ALL, deadline: Some(app.parts.limits.default_deadline) };
        let page = app.parts.store.search(&SearchRequest { scope, limit: backlog, after: None }).await?;
        for hit in page.hits.iter().rev() {
            write_line(&mut first, hit);
            given.insert(hit.id);
        }
        count = page.hits.len() as u64;
    }
    // An answer begins with something, so that the listener knows that it is heard.
    Control::Alive.write(&mut first);
    let following = Following { app, follower, first: Some(first), given, count, ended: false };
    Ok(ndjson::answer(stream::unfold(following, |mut following| async {
        let chunk = following.chunk().await?;
        Some((chunk, following))
    })))
}

struct Following {
    app: Arc<App>,
    follower: Tail,
    first: Option<Vec<u8>>,
    /// Ids of the backlog, as long as they may come again.
    given: HashSet<RecordId>,
    count: u64,
    ended: bool,
}

impl Following {
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let out = match self.first.take() {
            Some(first) => first,
            None => self.next().await,
        };
        self.app.figures.streamed_bytes.inc_by(out.len() as u64);
        Some(Bytes::from(out))
    }

    async fn next(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while out.is_empty() {
            let heartbeat = self.app.parts.limits.heartbeat;
            tokio::select! {
                () = self.app.shutdown.called() => self.end(&mut out),
                event = tokio::time::timeout(heartbeat, self.follower.next()) => match event {
                    Ok(Some(TailEvent::Hits(hits))) => self.hits(&mut out, &hits),
                    Ok(Some(TailEvent::Skipped(skipped))) => {
                        let count = skipped.matching + skipped.unexamined;
                        self.app.figures.skipped.inc_by(count);
                        Control::Skipped { count }.write(&mut out);
                    }
                    Ok(None) => self.end(&mut out),
                    Err(_) => Control::Alive.write(&mut out),
                },
            }
        }
        out
    }

    fn hits(&mut self, out: &mut Vec<u8>, hits: &[Hit]) {
        for hit in hits {
            if self.given.is_empty() || !self.given.remove(&hit.id) {
                write_line(out, hit);
                self.count += 1;
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        Control::End { complete: false, next: None, count: self.count }.write(out);
        self.ended = true;
    }
}

fn write_line(out: &mut Vec<u8>, hit: &Hit) {
    write_hit(out, hit);
    out.push(b'\n');
}
