//! `/api/v1/changes`: what changed here, and when.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::changes::{CHANGES_MAX, Change};
use crate::params::{Holds, Param, Params};
use crate::problem::Problem;

pub(crate) const PARAMS: &[Param] = &[Param::new("limit", Holds::Number, "At most so many, 100 unless told.")];

/// What changed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Changes")]
pub(crate) struct ChangesAnswer {
    /// Newest first; so many as are remembered.
    changes: Vec<Change>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<ChangesAnswer>, Problem> {
    let limit = params.number("limit", 100, 1, CHANGES_MAX)?;
    Ok(Json(ChangesAnswer { changes: app.changes.newest(limit) }))
}
