//! What the API says of itself: its description, our figures, what a problem means.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::app::App;
use crate::problem::{self, KINDS, Problem};

pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn openapi() -> Json<Value> {
    Json(crate::openapi::describe())
}

pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], app.parts.metrics.text()).into_response()
}

pub(crate) async fn problem(Path(kind): Path<String>) -> Result<String, Problem> {
    let found = KINDS.iter().find(|known| known.path.strip_prefix("/problems/") == Some(&kind));
    let Some(known) = found else {
        let names: Vec<_> = KINDS.iter().filter_map(|known| known.path.strip_prefix("/problems/")).collect();
        let detail = format!("there is no problem '{kind}'; there are {}", names.join(", "));
        return Err(Problem::new(&problem::NOT_FOUND, detail));
    };
    Ok(format!("{} (HTTP {})\n\n{}\n", known.title, known.status.as_u16(), known.help))
}
