//! `POST` and `DELETE` at `/api/v1/dead-letters`: dead letters are tried again, or given up.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use model::RecordId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::letters::{LetterResult, Letters, Settled};
use crate::problem::{self, Problem};

/// Ids of one call.
const IDS_MAX: usize = 500;

/// Which dead letters: some, or all.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WhichLetters")]
pub(crate) struct Which {
    /// Their records.
    #[serde(default)]
    ids: Vec<String>,
    /// All that there are; as many as are done at a time.
    #[serde(default)]
    all: bool,
}

/// What became of dead letters.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SettledLetters")]
pub(crate) struct SettledAnswer {
    /// Of each letter. One record may have several: of several stores.
    results: Vec<Settled>,
    /// How many are stored now.
    stored: usize,
    /// How many are dropped.
    dropped: usize,
    /// How many are still dead letters.
    refused: usize,
    /// Whether there are more than are done at a time; then ask again.
    more: bool,
}

impl SettledAnswer {
    fn of((results, more): (Vec<Settled>, bool)) -> Self {
        let count = |is: &[LetterResult]| results.iter().filter(|one| is.contains(&one.result)).count();
        let (stored, dropped) = (count(&[LetterResult::Stored]), count(&[LetterResult::Dropped]));
        let refused = count(&[LetterResult::Refused, LetterResult::Kept]);
        Self { results, stored, dropped, refused, more }
    }
}

pub(crate) async fn retry_one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<SettledAnswer>, Problem> {
    let ids = [record(&id)?];
    let _turn = app.looking.lock().await;
    found(letters(&app)?.retry(Some(&ids)).await, &id)
}

pub(crate) async fn give_up_one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<SettledAnswer>, Problem> {
    let ids = [record(&id)?];
    let _turn = app.looking.lock().await;
    found(letters(&app)?.give_up(Some(&ids)).await, &id)
}

pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    body: Result<Json<Which>, JsonRejection>,
) -> Result<Json<SettledAnswer>, Problem> {
    let which = ids(super::body(body)?)?;
    let _turn = app.looking.lock().await;
    let settled = letters(&app)?.retry(which.as_deref()).await.map_err(failed)?;
    Ok(Json(SettledAnswer::of(settled)))
}

pub(crate) async fn give_up(
    State(app): State<Arc<App>>,
    body: Result<Json<Which>, JsonRejection>,
) -> Result<Json<SettledAnswer>, Problem> {
    let which = ids(super::body(body)?)?;
    let _turn = app.looking.lock().await;
    let settled = letters(&app)?.give_up(which.as_deref()).await.map_err(failed)?;
    Ok(Json(SettledAnswer::of(settled)))
}

fn letters(app: &App) -> Result<&dyn Letters, Problem> {
    let none = "no transfer runs in this process; ask the server that brings lines into the store";
    app.parts.letters.as_deref().ok_or_else(|| Problem::new(&problem::UNSUPPORTED, none))
}

fn record(id: &str) -> Result<RecordId, Problem> {
    id.parse().map_err(|wrong| Problem::parameter("id", format!("id: {wrong}")))
}

/// `None`: all.
fn ids(Which { ids, all }: Which) -> Result<Option<Vec<RecordId>>, Problem> {
    let wrong = |detail: String| Problem { parameter: Some("ids".to_owned()), ..Problem::new(&problem::BODY, detail) };
    match (all, ids.len()) {
        (true, 0) => Ok(None),
        (false, 1..=IDS_MAX) => {
            let read = |id: &String| id.parse().map_err(|reason| wrong(format!("ids: '{id}': {reason}")));
            ids.iter().map(read).collect::<Result<_, _>>().map(Some)
        }
        _ => Err(wrong(format!("write \"all\": true, or \"ids\" with 1 to {IDS_MAX} of them"))),
    }
}

fn found(settled: Result<(Vec<Settled>, bool), String>, id: &str) -> Result<Json<SettledAnswer>, Problem> {
    let settled = settled.map_err(failed)?;
    if settled.0.is_empty() {
        return Err(Problem::new(&problem::NOT_FOUND, format!("there is no dead letter of {id}")));
    }
    Ok(Json(SettledAnswer::of(settled)))
}

fn failed(reason: String) -> Problem {
    Problem::new(&problem::UNAVAILABLE, reason)
}
