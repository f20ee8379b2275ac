//! `/api/v1/suggestions`, and `POST` and `DELETE` at `/api/v1/streams`: what this process's agent follows.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::control::{Control, Followed, NewStream, Refused, Suggestions};
use crate::problem::{self, Problem};

/// A stream that is followed no longer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Unfollowed {
    name: String,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoAgent => Self::new(
                &problem::UNSUPPORTED,
                "no agent runs in this process; write the stream into the logdrive.toml of the machine whose files are meant, \
                 or use 'logdrive up' there",
            ),
            Refused::Wrong { key, detail } => Self { parameter: Some(key), ..Self::new(&problem::BODY, detail) },
            Refused::Conflict(detail) => Self::new(&problem::CONFLICT, detail),
            Refused::Missing(detail) => Self::new(&problem::NOT_FOUND, detail),
            Refused::Full(detail) => Self::new(&problem::EXHAUSTED, detail),
            Refused::Failed(detail) => Self::new(&problem::UNAVAILABLE, detail),
        }
    }
}

/// Does something that waits for disks.
async fn ask<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&dyn Control) -> T + Send + 'static,
) -> Result<T, Problem> {
    let control = Arc::clone(&app.parts.control);
    runtime::blocking(move || work(&*control))
        .await
        .map_err(|_| Problem::new(&problem::INTERNAL, "that failed here; the server's log has more"))
}

pub(crate) async fn suggestions(State(app): State<Arc<App>>) -> Result<Json<Suggestions>, Problem> {
    ask(&app, |control| control.suggestions()).await.map(Json)
}

pub(crate) async fn follow(
    State(app): State<Arc<App>>,
    body: Result<Json<NewStream>, JsonRejection>,
) -> Result<Json<Followed>, Problem> {
    let stream = super::body(body)?;
    if stream.demo && stream != (NewStream { demo: true, ..NewStream::default() }) {
        return Err(Refused::Wrong {
            key: "demo".into(),
            detail: "demo: it stands alone; leave the others out".into(),
        })?;
    }
    let followed = ask(&app, move |control| if stream.demo { control.demo() } else { control.follow(&stream) });
    Ok(Json(followed.await??))
}

pub(crate) async fn unfollow(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<Unfollowed>, Problem> {
    let asked = name.clone();
    ask(&app, move |control| control.unfollow(&asked)).await??;
    Ok(Json(Unfollowed { name }))
}
