//! `/api/v1/config`: the settings as they are in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;

pub(crate) async fn config(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "config": app.parts.config, "http": app.parts.limits }))
}
