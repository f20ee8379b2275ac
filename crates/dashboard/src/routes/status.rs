//! `/api/v1/status`: tells an open page when the overview is another one.
//!
//! Decision: server-sent events, one connection a page, and one text for all of them. An event waits until the page
//! has taken the one before; what it missed meanwhile does not matter, as each is the whole overview.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Content;
use crate::app::App;
use crate::overview::{LISTENERS_MAX, Made};
use crate::problem::{self, Problem};

/// A stream of events.
pub(crate) const EVENTS: Content = Content {
    media: "text/event-stream",
    schema: |_| {
        schemars::json_schema!({
            "type": "string",
            "description": "Events named `overview`, whose data is an Overview; between them comments, as a sign of life.",
        })
    },
};

pub(crate) async fn status(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Ok(place) = app.overviews.listeners.clone().try_acquire_owned() else {
        let detail =
            format!("{LISTENERS_MAX} pages listen already; close some, or ask for /api/v1/overview now and then");
        return Err(Problem::new(&problem::EXHAUSTED, detail));
    };
    let made = app.overviews.listen();
    // Whoever comes first has it made.
    app.overviews.current(&app).await;
    let listener = Listener { app, made, told: 0, _place: place };
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies are asked not to hold it back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

struct Listener {
    app: Arc<App>,
    made: watch::Receiver<Made>,
    told: u64,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let newest = self.made.borrow_and_update().clone();
            if newest.version != self.told {
                self.told = newest.version;
                return Some(event(&newest));
            }
            tokio::select! {
                () = self.app.shutdown.called() => return None,
                changed = tokio::time::timeout(self.app.parts.limits.heartbeat, self.made.changed()) => match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => return Some(Bytes::from_static(b": alive\n\n")),
                },
            }
        }
    }
}

/// JSON has no newlines of its own, so it is one line of data.
fn event(made: &Made) -> Bytes {
    let mut text = Vec::with_capacity(made.json.len() + 64);
    text.extend_from_slice(format!("event: overview\nid: {}\ndata: ", made.version).as_bytes());
    text.extend_from_slice(&made.json);
    text.extend_from_slice(b"\n\n");
    Bytes::from(text)
}
