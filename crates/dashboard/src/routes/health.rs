//! `/health` and `/ready`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::Explain as _;
use queue::LINES;
use schemars::JsonSchema;
use serde::Serialize;

use super::audit::PROBE;
use super::stats::all_workers;
use crate::app::{App, Trouble};

/// The process is alive.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
}

pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Whether everything needed is there.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ready {
    ready: bool,
    /// What is missing.
    reasons: Vec<String>,
    /// What is not as it should be, but does not keep us from answering.
    notes: Vec<String>,
}

/// Engines that take nothing now (a full disk, say): which, and why.
pub(crate) async fn paused(app: &App) -> Vec<Trouble> {
    let trouble = |path: &str, reason| Trouble { host: None, path: path.to_owned(), reason };
    let mut found = Vec::new();
    if let Ok(Ok(stats)) = tokio::time::timeout(PROBE, app.parts.store.stats()).await {
        found.extend(stats.paused.map(|why| trouble("store", format!("takes nothing now: {why}"))));
    }
    if let Some(queue) = &app.parts.queue
        && let Ok(Ok(stats)) = tokio::time::timeout(PROBE, queue.stats(LINES)).await
    {
        found.extend(stats.paused.map(|why| trouble("queue", format!("takes nothing now: {why}"))));
    }
    found
}

pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    let (mut reasons, mut notes) = (Vec::new(), Vec::new());
    match tokio::time::timeout(PROBE, app.parts.store.stats()).await {
        Ok(Ok(stats)) => notes.extend(stats.paused.map(|why| format!("the store takes nothing now: {why}"))),
        Ok(Err(error)) => reasons.push(error.chain()),
        Err(_) => reasons.push(format!("the store did not answer within {PROBE:?}")),
    }
    if let Some(queue) = &app.parts.queue {
        match tokio::time::timeout(PROBE, queue.stats(LINES)).await {
            Ok(Ok(stats)) => notes.extend(stats.paused.map(|why| format!("the queue takes nothing now: {why}"))),
            Ok(Err(error)) => reasons.push(error.chain()),
            Err(_) => reasons.push(format!("the queue did not answer within {PROBE:?}")),
        }
    }
    for worker in all_workers(&app).iter().filter(|worker| worker.state == "waiting") {
        reasons.push(format!("worker {} failed and waits to start again", worker.name));
    }
    if app.shutdown.is_called() {
        reasons.push("shutting down".to_owned());
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, reasons, notes })).into_response()
}
