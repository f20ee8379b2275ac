//! `/api/v1/complete`: what may stand at the caret of a query line.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;
use store::{FacetOrder, FacetsRequest, Query, Scope};

use crate::app::App;
use crate::completion::{self, Caret, Kind, Wanted};
use crate::params::{DEADLINE, Holds, Param, Params, SINCE, UNTIL};
use crate::problem::Problem;

pub(crate) const PARAMS: &[Param] = &[
    Param::new("q", Holds::Text, "The query as it is typed; it need not be right yet."),
    Param::new("at", Holds::Number, "Where the caret is: so many characters stand before it. Without it, at the end."),
    SINCE,
    UNTIL,
    DEADLINE,
    Param::new("limit", Holds::Number, "At most so many, 20 unless told."),
];

/// What may stand at the caret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Completion")]
pub(crate) struct CompleteAnswer {
    /// The first character of what a suggestion takes the place of.
    from: usize,
    /// Behind the last character of it.
    to: usize,
    /// The best first.
    suggestions: Vec<Suggestion>,
}

/// Something that may stand at the caret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CompletionSuggestion")]
struct Suggestion {
    /// What to put from `from` to `to`, quoted where it must be.
    text: String,
    /// field, value or keyword.
    kind: &'static str,
    /// Records that have it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

/// Who types does not wait.
const PATIENCE: Duration = Duration::from_millis(300);

pub(crate) async fn complete(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<CompleteAnswer>, Problem> {
    let limit = params.number("limit", 20, 1, 200)?;
    let text = params.text("q").unwrap_or_default();
    let at = params.number("at", usize::MAX, 0, usize::MAX)?;
    // What is typed need not be a query yet.
    let mut scope = params.without("q").scope(&app.parts.limits, &*app.parts.clock)?;
    scope.deadline = params.deadline(&app.parts.limits)?.or(Some(PATIENCE));
    let caret = completion::caret(text, at);
    let mut found = match &caret.wanted {
        Wanted::Nothing => Vec::new(),
        Wanted::Word(begin) => words(&app, &caret, begin).await?,
        Wanted::Value { field, begin } => values(&app, &caret, field, begin, limit, scope).await?,
    };
    found.truncate(limit);
    let suggestions = found.into_iter().map(|(text, kind, count)| Suggestion { text, kind: kind.name(), count });
    Ok(Json(CompleteAnswer { from: caret.from, to: caret.to, suggestions: suggestions.collect() }))
}

type Found = Vec<(String, Kind, Option<u64>)>;

/// Fields, and the words that join terms.
async fn words(app: &App, caret: &Caret, begin: &str) -> Result<Found, Problem> {
    // Of everything held: that, a store knows without looking.
    let scope = Scope { deadline: Some(PATIENCE), ..Scope::everything() };
    let known = app.parts.store.fields(&scope).await?;
    let known = known.into_iter().map(|field| (field.name, field.records));
    Ok(completion::words(caret, begin, known))
}

/// Values of a field in the records that the rest of the query finds, the commonest first.
async fn values(
    app: &App,
    caret: &Caret,
    field: &str,
    begin: &str,
    limit: usize,
    mut scope: Scope,
) -> Result<Found, Problem> {
    scope.query = Query::parse(&caret.rest).unwrap_or_else(|_| Query::all());
    let matching = (!begin.is_empty()).then(|| begin.to_owned());
    let request = FacetsRequest {
        matching,
        order: FacetOrder::Count,
        ..FacetsRequest::new(scope, vec![field.to_owned()], limit * 2)
    };
    let counted = app.parts.store.facets(&request).await?;
    let counted = counted.facets.into_iter().flat_map(|facet| facet.values);
    Ok(completion::values(field, begin, counted))
}
