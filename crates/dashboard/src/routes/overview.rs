//! `/api/v1/overview`: what is to be known at one look.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;

pub(crate) use crate::overview::shown::Overview;

pub(crate) async fn overview(State(app): State<Arc<App>>) -> Response {
    let made = app.overviews.current(&app).await;
    ([(header::CONTENT_TYPE, "application/json")], Body::from(made.json)).into_response()
}
