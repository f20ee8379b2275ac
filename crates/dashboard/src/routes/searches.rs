//! `/api/v1/searches`: searches that people keep, with a name.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::problem::{self, Problem};
use crate::searches::{Refused, Saved, Search, Searches};
use crate::time;

/// Characters of a name.
const NAME_MAX: usize = 100;
/// Bytes of a query.
const QUERY_MAX: usize = 16 << 10;
/// Columns, and bytes of the name of one.
const COLUMNS_MAX: usize = 64;
const COLUMN_BYTES_MAX: usize = 256;
const TIME_BYTES_MAX: usize = 64;

/// The saved searches.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Searches")]
pub(crate) struct SearchesAnswer {
    /// Starred ones first, then by name.
    searches: Vec<SavedSearch>,
}

/// A saved search.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SavedSearch {
    name: String,
    /// In the query language; empty for all records.
    q: String,
    /// First moment, or how far back; null for the beginning.
    since: Option<String>,
    /// First moment behind the range; null for the end.
    until: Option<String>,
    /// Columns shown, in their order.
    columns: Vec<String>,
    /// Whether it stands first.
    starred: bool,
    /// When it was saved last.
    saved_at: String,
}

impl SavedSearch {
    fn of(name: String, Saved { search, saved_at }: Saved) -> Self {
        let Search { q, since, until, columns, starred } = search;
        Self { name, q, since, until, columns, starred, saved_at }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let kind = match refused {
            Refused::Full => &problem::EXHAUSTED,
            Refused::Damaged(_) => &problem::CORRUPT,
            Refused::Write { .. } => &problem::UNAVAILABLE,
        };
        Self::new(kind, refused.to_string())
    }
}

fn searches(app: &App) -> Result<Arc<Searches>, Problem> {
    let none = "this server has no data folder, so it keeps no searches";
    app.searches.clone().ok_or_else(|| Problem::new(&problem::UNSUPPORTED, none))
}

pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<SearchesAnswer>, Problem> {
    let mut all: Vec<SavedSearch> =
        searches(&app)?.all()?.into_iter().map(|(name, saved)| SavedSearch::of(name, saved)).collect();
    all.sort_by_key(|search| !search.starred);
    Ok(Json(SearchesAnswer { searches: all }))
}

pub(crate) async fn one(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<SavedSearch>, Problem> {
    let found = searches(&app)?.all()?.remove(&name);
    found.map(|saved| Json(SavedSearch::of(name.clone(), saved))).ok_or_else(|| missing(&name))
}

pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    body: Result<Json<Search>, JsonRejection>,
) -> Result<Json<SavedSearch>, Problem> {
    let search = super::body(body)?;
    check_name(&name)?;
    check(&search, &app)?;
    let saved = Saved { search, saved_at: app.parts.clock.now().to_string() };
    let answer = SavedSearch::of(name.clone(), saved.clone());
    let searches = searches(&app)?;
    runtime::blocking(move || searches.put(&name, saved)).await.map_err(failed)??;
    Ok(Json(answer))
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<SavedSearch>, Problem> {
    let (searches, asked) = (searches(&app)?, name.clone());
    let removed = runtime::blocking(move || searches.remove(&asked)).await.map_err(failed)??;
    removed.map(|saved| Json(SavedSearch::of(name.clone(), saved))).ok_or_else(|| missing(&name))
}

fn missing(name: &str) -> Problem {
    Problem::new(&problem::NOT_FOUND, format!("no search is saved as '{name}'; /api/v1/searches lists them"))
}

fn failed(_: runtime::Panicked) -> Problem {
    Problem::new(&problem::INTERNAL, "the searches could not be written; the server's log has more")
}

fn check_name(name: &str) -> Result<(), Problem> {
    let good = !name.trim().is_empty() && name.trim() == name && !name.contains(['/', '\\']);
    if good && name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let help = format!("name: write 1 to {NAME_MAX} characters, without slashes, and no space at either end");
    Err(Problem::parameter("name", help))
}

/// What is saved can be asked: its query and its times are right now.
fn check(search: &Search, app: &App) -> Result<(), Problem> {
    let wrong =
        |key: &str, detail: String| Problem { parameter: Some(key.to_owned()), ..Problem::new(&problem::BODY, detail) };
    if search.q.len() > QUERY_MAX {
        return Err(wrong("q", format!("q: a query has at most {QUERY_MAX} bytes")));
    }
    if !search.q.trim().is_empty() {
        store::Query::parse(&search.q)?;
    }
    for (key, text) in [("since", &search.since), ("until", &search.until)] {
        let Some(text) = text else { continue };
        if text.len() > TIME_BYTES_MAX {
            return Err(wrong(key, format!("{key}: a time has at most {TIME_BYTES_MAX} bytes")));
        }
        time::parse(text, app.parts.clock.now()).map_err(|reason| wrong(key, format!("{key}: {reason}")))?;
    }
    let column = |name: &String| !name.is_empty() && name.len() <= COLUMN_BYTES_MAX;
    if search.columns.len() > COLUMNS_MAX || !search.columns.iter().all(column) {
        let detail = format!("columns: write at most {COLUMNS_MAX} names of 1 to {COLUMN_BYTES_MAX} bytes");
        return Err(wrong("columns", detail));
    }
    Ok(())
}
