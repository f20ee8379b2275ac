//! `/api/v1/queue/{topic}/{call}`: this process's queue, offered to agents and transfers on other machines.
//!
//! The calls, their binary form and their meaning are the queue's own (`queue::remote`). Here is only what HTTP adds:
//! bounds on bodies, on bodies in memory at a time, and on the topics that can be made from outside.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::nearest;
use parking_lot::Mutex;
use queue::Queue;
use queue::remote::wire::{Call, MAX_BODY};
use queue::remote::{Server, SessionLimits};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::parts::Limits;
use crate::problem::{self, Problem};

/// The queue as others see it.
pub(crate) struct Offered {
    server: Server,
    topics: Mutex<HashSet<String>>,
    /// Bodies that carry batches and are in memory now.
    bodies: Semaphore,
}

impl Offered {
    pub(crate) fn new(queue: Arc<dyn Queue>, limits: &Limits) -> Self {
        Self {
            server: Server::new(queue, SessionLimits::default()),
            topics: Mutex::default(),
            bodies: Semaphore::new(limits.batch_bodies),
        }
    }

    fn knows(&self, topic: &str, max: usize) -> bool {
        let mut topics = self.topics.lock();
        topics.contains(topic) || (topics.len() < max && topics.insert(topic.to_owned()))
    }
}

pub(crate) async fn call(
    State(app): State<Arc<App>>,
    Path((topic, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(offered) = &app.offered else {
        return Err(Problem::new(&problem::UNSUPPORTED, "the queue is not here; ask the server that holds it"));
    };
    let call = Call::from_name(&name).ok_or_else(|| {
        let meant = nearest(&name, Call::ALL.map(Call::name)).map(|meant| format!("; did you mean {meant}?"));
        Problem::new(&problem::NOT_FOUND, format!("there is no call '{name}'{}", meant.unwrap_or_default()))
    })?;
    let limits = &app.parts.limits;
    if !offered.knows(&topic, limits.remote_topics) {
        let detail = format!("{} topics are the most that can be used from outside", limits.remote_topics);
        return Err(Problem::new(&problem::EXHAUSTED, detail));
    }
    let carries_batches = call == Call::Append;
    let bytes_max = if carries_batches { limits.batch_body_bytes.min(MAX_BODY) } else { limits.body_bytes };
    // The semaphore is never closed; without a place there would only be one body more.
    let place = if carries_batches { offered.bodies.acquire().await.ok() } else { None };
    let body = to_bytes(request.into_body(), bytes_max).await.map_err(|error| {
        let detail = format!("the body cannot be read, or is longer than {bytes_max} bytes: {error}");
        Problem::new(&problem::TOO_LARGE, detail)
    })?;
    let answer = offered.server.call(&topic, call, body).await;
    drop(place);
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], answer).into_response())
}
