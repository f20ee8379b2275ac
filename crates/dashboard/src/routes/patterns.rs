//! `/api/v1/patterns`: the shapes of the newest lines.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use model::RecordId;
use schemars::JsonSchema;
use serde::Serialize;
use store::{ContextRequest, Hit, LIMIT_MAX, Scope, SearchRequest};

use super::json_bytes;
use crate::app::App;
use crate::hit::{HitShape, write_hit, write_text};
use crate::params::{DEADLINE, Holds, Param, Params, Q, SINCE, UNTIL};
use crate::patterns::{Pattern, Patterns};
use crate::problem::{INTERNAL, Problem};

pub(crate) const PARAMS: &[Param] = &[
    Q,
    SINCE,
    UNTIL,
    DEADLINE,
    Param::new("limit", Holds::Number, "At most so many patterns, 100 unless told."),
    Param::new("sample", Holds::Number, "The newest so many lines are looked at, 100000 unless told."),
    Param::new("order", Holds::Text, "common (commonest first, unless told) or rare (rarest first)."),
];

/// The shapes of the newest lines.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Patterns")]
pub(crate) struct PatternsAnswer {
    patterns: Vec<PatternShape>,
    /// Lines looked at: the newest. The counts are of these.
    sampled: u64,
    /// Patterns found in them, also beyond `limit`.
    distinct: u64,
    /// Lines looked at that are in no pattern, because there are too many patterns.
    rest: u64,
    /// All lines of the scope; null where that is not known.
    total: Option<u64>,
    /// Whether all lines of the scope were looked at.
    complete: bool,
}

/// Lines of one shape.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Pattern")]
struct PatternShape {
    /// The line with `<*>` (and `<num>`, `<time>`, …) for what changes.
    pattern: String,
    /// Lines of this shape.
    count: u64,
    /// Of the lines looked at, from 0 to 1.
    share: f64,
    /// Lines by level; the lines of one pattern have one level.
    levels: std::collections::BTreeMap<String, u64>,
    /// Time of the oldest of them.
    first: String,
    /// Time of the newest of them.
    last: String,
    /// The newest of them; null where it has gone since.
    example: Option<HitShape>,
    /// A query that finds them, and others as few as the query language can say.
    query: String,
}

/// Hits asked of the store at a time.
const PAGE: usize = 10_000;

pub(crate) async fn patterns(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Response, Problem> {
    let limits = &app.parts.limits;
    let limit = params.number("limit", 100, 1, 1000)?;
    let sample = params.number("sample", LIMIT_MAX, 1, LIMIT_MAX)?;
    let rare = match params.filled("order") {
        None | Some("common") => false,
        Some("rare") => true,
        Some(other) => return Err(Problem::parameter("order", format!("order={other}: write common or rare"))),
    };
    let scope = params.scope(limits, &*app.parts.clock)?;
    let sampled = gather(&app, &scope, sample).await?;
    let total = match sampled.complete {
        true => Some(sampled.patterns.total()),
        false => total(&app, &scope).await,
    };
    let looked_at = sampled.patterns.total();
    let (mut patterns, rest) = sampled.patterns.into_parts();
    // Newest first among equals.
    patterns.sort_by_key(|pattern| {
        let count = if rare { i128::from(pattern.count) } else { -i128::from(pattern.count) };
        (count, std::cmp::Reverse(pattern.last))
    });
    let distinct = patterns.len();
    patterns.truncate(limit);
    let mut body = b"{\"patterns\":[".to_vec();
    for (n, pattern) in patterns.iter().enumerate() {
        if n > 0 {
            body.push(b',');
        }
        let example = example(&app, pattern.example).await;
        write(&mut body, pattern, looked_at, example.as_ref());
    }
    let end = serde_json::json!({
        "sampled": looked_at, "distinct": distinct, "rest": rest, "total": total, "complete": sampled.complete,
    });
    body.extend_from_slice(b"],");
    body.extend_from_slice(&end.to_string().as_bytes()[1..]);
    Ok(json_bytes(body))
}

struct Sampled {
    patterns: Patterns,
    /// Whether these are all.
    complete: bool,
}

/// Looks at the newest lines, a page at a time; the next page is fetched while one is looked at.
async fn gather(app: &App, scope: &Scope, sample: usize) -> Result<Sampled, Problem> {
    let failed = |_| Problem::new(&INTERNAL, "the lines could not be looked at; try again");
    let until = scope.deadline.map(|deadline| Instant::now() + deadline);
    let (mut patterns, mut left, mut after) = (Patterns::default(), sample, None);
    let mut looking: Option<runtime::Blocking<Patterns>> = None;
    loop {
        let mut scope = scope.clone();
        scope.deadline = until.map(|until| until.saturating_duration_since(Instant::now()));
        let request = SearchRequest { scope, limit: left.min(PAGE), after };
        let page = app.parts.store.search(&request).await?;
        if let Some(looking) = looking.take() {
            patterns = looking.await.map_err(failed)?;
        }
        left -= page.hits.len().min(left);
        after = page.next;
        let mut so_far = std::mem::take(&mut patterns);
        looking = Some(runtime::blocking(move || {
            for hit in page.hits {
                so_far.add(&hit.line, hit.level, hit.time, hit.id);
            }
            so_far
        }));
        if !page.complete || after.is_none() || left == 0 {
            let complete = page.complete && after.is_none();
            let patterns = match looking {
                Some(looking) => looking.await.map_err(failed)?,
                None => patterns,
            };
            return Ok(Sampled { patterns, complete });
        }
    }
}

/// How many lines there are in all, if that can be said soon.
async fn total(app: &App, scope: &Scope) -> Option<u64> {
    let request =
        store::HistogramRequest { scope: scope.clone(), bucket_micros: None, buckets: 1, by: None, series_max: 1 };
    let counted = app.parts.store.histogram(&request).await.ok()?;
    counted.complete.then_some(counted.total)
}

async fn example(app: &App, id: RecordId) -> Option<Hit> {
    let found = app.parts.store.context(&ContextRequest { id, before: 0, after: 0 }).await.ok()?;
    found.anchor.and_then(|at| found.hits.into_iter().nth(at))
}

fn write(out: &mut Vec<u8>, pattern: &Pattern, looked_at: u64, example: Option<&Hit>) {
    out.extend_from_slice(b"{\"pattern\":");
    write_text(out, &pattern.text());
    let share = pattern.count as f64 / looked_at.max(1) as f64;
    let rest = format!(
        ",\"count\":{},\"share\":{share},\"levels\":{{\"{}\":{}}},\"first\":\"{}\",\"last\":\"{}\",\"example\":",
        pattern.count,
        pattern.level.name(),
        pattern.count,
        pattern.first,
        pattern.last
    );
    out.extend_from_slice(rest.as_bytes());
    match example {
        Some(hit) => write_hit(out, hit),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"query\":");
    write_text(out, &pattern.query().to_string());
    out.push(b'}');
}
