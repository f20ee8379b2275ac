//! `/api/v1/context` and `/api/v1/line/{id}`: one record in its file, and its exact bytes.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::RecordId;
use schemars::JsonSchema;
use serde::Serialize;
use store::ContextRequest;

use super::ndjson::{self, Control};
use super::search::write_hits;
use super::{json_bytes, wants_ndjson};
use crate::app::App;
use crate::hit::{HitShape, write_hit};
use crate::params::{Holds, Param, Params};
use crate::problem::{self, Problem};

pub(crate) const PARAMS: &[Param] = &[
    crate::params::STORE,
    Param::new("id", Holds::Text, "The record: source.generation.offset.").required(),
    Param::new("before", Holds::Number, "So many before it, 10 unless told."),
    Param::new("after", Holds::Number, "So many after it, 10 unless told."),
];

/// A record in its surroundings.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Context")]
pub(crate) struct ContextAnswer {
    /// Which of the hits is the record asked for; null where it is not held.
    anchor: Option<usize>,
    /// In the order of the file.
    hits: Vec<HitShape>,
}

pub(crate) async fn context(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let text = params.text("id").unwrap_or_default();
    let id = text.parse::<RecordId>().map_err(|wrong| Problem::parameter("id", format!("id: {wrong}")))?;
    let before = params.number("before", 10, 0, 1000)?;
    let after = params.number("after", 10, 0, 1000)?;
    let found = app.store(&params)?.context(&ContextRequest { id, before, after }).await?;
    if found.hits.is_empty() {
        return Err(not_held(id));
    }
    let mut body = Vec::with_capacity(found.hits.iter().map(|hit| hit.line.len() + 400).sum());
    if wants_ndjson(&headers) {
        for hit in &found.hits {
            write_hit(&mut body, hit);
            body.push(b'\n');
        }
        Control::End { complete: true, next: None, count: found.hits.len() as u64 }.write(&mut body);
        return Ok(ndjson::whole(body));
    }
    let anchor = found.anchor.map_or_else(|| "null".to_owned(), |n| n.to_string());
    body.extend_from_slice(format!("{{\"anchor\":{anchor},\"hits\":").as_bytes());
    write_hits(&mut body, &found.hits);
    body.push(b'}');
    Ok(json_bytes(body))
}

pub(crate) async fn line(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = id.parse::<RecordId>().map_err(|wrong| Problem::parameter("id", wrong.to_string()))?;
    let found = app.parts.store.context(&ContextRequest { id, before: 0, after: 0 }).await?;
    let hit = found.anchor.and_then(|n| found.hits.into_iter().nth(n)).ok_or_else(|| not_held(id))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], hit.line).into_response())
}

fn not_held(id: RecordId) -> Problem {
    Problem::new(
        &problem::NOT_FOUND,
        format!("record {id} is not held; /api/v1/audit?source={} says more", id.key.source),
    )
}
