//! The table of all routes. The router, the description and the figures are made from it.

mod agents;
mod audit;
mod changes;
mod complete;
mod config;
mod context;
mod control;
mod counts;
mod dead_letters;
mod download;
pub(crate) mod es;
mod health;
mod meta;
mod metrics;
mod ndjson;
mod overview;
mod page;
mod patterns;
mod place;
mod queue;
mod search;
mod searches;
mod settle;
mod sources;
mod stats;
mod status;
mod tail;
mod verify;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Json, Router};
use base::nearest;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::app::App;
use crate::params::{Param, Params};
use crate::problem::{self, Problem};

pub(crate) use audit::{PROBE, accounts_of};
pub(crate) use ndjson::CONTROL_SCHEMAS;
pub(crate) use queue::Offered;
pub(crate) use verify::VERIFYING_MAX;

/// A content type with its schema.
#[derive(Clone, Copy)]
pub(crate) struct Content {
    pub media: &'static str,
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// One route.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    pub body: Option<Content>,
    pub answers: &'static [Content],
    pub handler: fn() -> MethodRouter<Arc<App>>,
}

impl Route {
    const fn get(path: &'static str, summary: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Self {
        let method = "get";
        Self { method, path, summary, params: &[], body: None, answers: &[TEXT], handler }
    }

    const fn post(path: &'static str, summary: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Self {
        Self { method: "post", ..Self::get(path, summary, handler) }
    }

    const fn put(path: &'static str, summary: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Self {
        Self { method: "put", ..Self::get(path, summary, handler) }
    }

    const fn delete(path: &'static str, summary: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Self {
        Self { method: "delete", ..Self::get(path, summary, handler) }
    }

    const fn params(self, params: &'static [Param]) -> Self {
        Self { params, ..self }
    }

    const fn takes(self, body: Content) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn answers(self, answers: &'static [Content]) -> Self {
        Self { answers, ..self }
    }
}

const fn json<T: JsonSchema>() -> Content {
    Content { media: "application/json", schema: |generator| generator.subschema_for::<T>() }
}

const fn text_of(media: &'static str) -> Content {
    Content { media, schema: |_| schemars::json_schema!({ "type": "string" }) }
}

const TEXT: Content = text_of("text/plain");
const HTML: Content = text_of("text/html");
const BYTES: Content = Content {
    media: "application/octet-stream",
    schema: |_| schemars::json_schema!({ "type": "string", "format": "binary" }),
};
const GZIP: Content = Content { media: "application/gzip", ..BYTES };
const ANY_JSON: Content = json::<serde_json::Value>();

/// Every route.
pub(crate) const ROUTES: &[Route] = &[
    Route::get("/", "The page: its home.", || get(page::page)).answers(&[HTML]),
    Route::get("/overview", "The page: how everything is.", || get(page::page)).answers(&[HTML]),
    Route::get("/explore", "The page: search and follow.", || get(page::page)).answers(&[HTML]),
    Route::get("/charts", "The page: figures over time.", || get(page::page)).answers(&[HTML]),
    Route::get("/files", "The page: every file that is followed.", || get(page::page)).answers(&[HTML]),
    Route::get("/audit", "The page: whether anything is missing.", || get(page::page)).answers(&[HTML]),
    Route::get("/settings", "The page: yours, and the server's.", || get(page::page)).answers(&[HTML]),
    Route::get("/assets/{*path}", "What the page is made of.", || get(page::asset))
        .answers(&[text_of("text/javascript"), text_of("text/css")]),
    Route::get("/favicon.svg", "The page's icon.", || get(page::icon)).answers(&[text_of("image/svg+xml")]),
    Route::get("/openapi.json", "This description.", || get(meta::openapi)).answers(&[ANY_JSON]),
    Route::get("/metrics", "Figures for scrapers (OpenMetrics).", || get(meta::metrics))
        .answers(&[text_of(meta::OPEN_METRICS)]),
    Route::get("/health", "Answers while the process is alive.", || get(health::health))
        .answers(&[json::<health::Health>()]),
    Route::get("/ready", "Whether store, queue and workers are ready; 503 with reasons where not.", || {
        get(health::ready)
    })
    .answers(&[json::<health::Ready>()]),
    Route::get("/problems/{kind}", "What a kind of problem means.", || get(meta::problem)),
    Route::get("/api/v1/search", "Records, newest first: a page, or a stream of all of them.", || get(search::search))
        .params(search::PARAMS)
        .answers(&[json::<search::Page>(), ndjson::HITS, text_of("text/csv"), BYTES, GZIP]),
    Route::get("/api/v1/tail", "Records as they come in, for as long as you listen.", || get(tail::tail))
        .params(tail::PARAMS)
        .answers(&[ndjson::HITS]),
    Route::get("/api/v1/histogram", "Counts over time.", || get(counts::histogram))
        .params(counts::HISTOGRAM_PARAMS)
        .answers(&[json::<counts::HistogramAnswer>()]),
    Route::get("/api/v1/facets", "The values of fields, with counts.", || get(counts::facets))
        .params(counts::FACETS_PARAMS)
        .answers(&[json::<counts::FacetsAnswer>()]),
    Route::get("/api/v1/patterns", "The shapes of the newest lines, with counts.", || get(patterns::patterns))
        .params(patterns::PARAMS)
        .answers(&[json::<patterns::PatternsAnswer>()]),
    Route::get("/api/v1/fields", "The fields that records have.", || get(counts::fields))
        .params(counts::FIELDS_PARAMS)
        .answers(&[json::<counts::FieldsAnswer>()]),
    Route::get("/api/v1/context", "The records before and after one in its file.", || get(context::context))
        .params(context::PARAMS)
        .answers(&[json::<context::ContextAnswer>(), ndjson::HITS]),
    Route::get("/api/v1/where/{id}", "The way of a record: file, batch, queue, store, each with its time.", || {
        get(place::place)
    })
    .answers(&[json::<place::WhereAnswer>()]),
    Route::get("/api/v1/complete", "What may stand at the caret of a query line.", || get(complete::complete))
        .params(complete::PARAMS)
        .answers(&[json::<complete::CompleteAnswer>()]),
    Route::get("/api/v1/line/{id}", "The exact bytes of one record, without its newline.", || get(context::line))
        .answers(&[BYTES]),
    Route::get("/api/v1/audit", "Where every byte of every file is.", || get(audit::audit))
        .params(audit::PARAMS)
        .answers(&[json::<audit::AuditAnswer>(), audit::ACCOUNTS]),
    Route::get("/api/v1/overview", "What is to be known at one look.", || get(overview::overview))
        .answers(&[json::<overview::Overview>()]),
    Route::get("/api/v1/status", "Tells when the overview is another one, for as long as you listen.", || {
        get(status::status)
    })
    .answers(&[status::EVENTS]),
    Route::get("/api/v1/changes", "What changed here, newest first.", || get(changes::list))
        .params(changes::PARAMS)
        .answers(&[json::<changes::ChangesAnswer>()]),
    Route::get("/api/v1/verify", "Compares what is stored with the files it came from, byte by byte.", || {
        get(verify::verify)
    })
    .params(verify::PARAMS)
    .answers(&[verify::LINES]),
    Route::get("/api/v1/sources", "The files that are followed.", || get(sources::sources))
        .params(sources::PARAMS)
        .answers(&[json::<sources::SourcesAnswer>()]),
    Route::get("/api/v1/problems", "What cannot be read or followed.", || get(sources::problems))
        .answers(&[json::<sources::ProblemsAnswer>()]),
    Route::get("/api/v1/streams", "What is collected together.", || get(sources::streams))
        .answers(&[json::<sources::StreamsAnswer>()]),
    Route::post("/api/v1/streams", "Follows more, from now on and after each restart; or the demo.", || {
        post(control::follow)
    })
    .takes(json::<crate::control::NewStream>())
    .answers(&[json::<crate::control::Followed>()]),
    Route::delete("/api/v1/streams/{name}", "Follows a stream made here no longer; its records stay.", || {
        delete(control::unfollow)
    })
    .answers(&[json::<control::Unfollowed>()]),
    Route::get("/api/v1/suggestions", "Logs found on this machine that could be followed.", || {
        get(control::suggestions)
    })
    .answers(&[json::<crate::control::Suggestions>()]),
    Route::get("/api/v1/searches", "The saved searches.", || get(searches::list))
        .answers(&[json::<searches::SearchesAnswer>()]),
    Route::get("/api/v1/searches/{name}", "A saved search.", || get(searches::one))
        .answers(&[json::<searches::SavedSearch>()]),
    Route::put("/api/v1/searches/{name}", "Saves a search, in the place of any of that name.", || put(searches::put))
        .takes(json::<crate::searches::Search>())
        .answers(&[json::<searches::SavedSearch>()]),
    Route::delete("/api/v1/searches/{name}", "Removes a saved search, and answers it.", || delete(searches::remove))
        .answers(&[json::<searches::SavedSearch>()]),
    Route::get("/api/v1/stats", "How full store and queue are.", || get(stats::stats))
        .answers(&[json::<stats::StatsAnswer>()]),
    Route::get("/api/v1/workers", "How the workers are.", || get(stats::workers))
        .answers(&[json::<stats::WorkersAnswer>()]),
    Route::get("/api/v1/config", "The settings with their origins, and the bounds of this API.", || {
        get(config::config)
    })
    .answers(&[ANY_JSON]),
    Route::get("/api/v1/dead-letters", "What the store refused for good, and why.", || get(dead_letters::list))
        .params(dead_letters::PARAMS)
        .answers(&[json::<dead_letters::DeadLettersAnswer>()]),
    Route::post("/api/v1/dead-letters/retry", "Tries dead letters again: some, or all.", || post(settle::retry))
        .takes(json::<settle::Which>())
        .answers(&[json::<settle::SettledAnswer>()]),
    Route::post("/api/v1/dead-letters/drop", "Gives dead letters up, some or all: counted as dropped.", || {
        post(settle::give_up)
    })
    .takes(json::<settle::Which>())
    .answers(&[json::<settle::SettledAnswer>()]),
    Route::post("/api/v1/dead-letters/{id}/retry", "Tries a dead letter again.", || post(settle::retry_one))
        .answers(&[json::<settle::SettledAnswer>()]),
    Route::delete("/api/v1/dead-letters/{id}", "Gives a dead letter up: counted as dropped.", || {
        delete(settle::give_up_one)
    })
    .answers(&[json::<settle::SettledAnswer>()]),
    Route::get("/api/v1/metrics/measurements", "What is measured.", || get(metrics::measurements))
        .answers(&[json::<metrics::MeasurementsAnswer>()]),
    Route::get("/api/v1/metrics/tags", "The values of a tag.", || get(metrics::tags))
        .params(metrics::TAGS_PARAMS)
        .answers(&[json::<metrics::TagsAnswer>()]),
    Route::get("/api/v1/metrics/series", "A field over time, by tags.", || get(metrics::series))
        .params(metrics::SERIES_PARAMS)
        .answers(&[json::<metrics::SeriesAnswer>()]),
    Route::get("/api/v1/agents", "The agents elsewhere that report to us.", || get(agents::list))
        .answers(&[json::<agents::AgentsAnswer>()]),
    Route::post("/api/v1/agents/{host}/sources", "An agent elsewhere reports its files.", || post(agents::sources))
        .takes(json::<agents::Reports>())
        .answers(&[json::<agents::Taken>()]),
    Route::post("/api/v1/queue/{topic}/{call}", "The queue's own calls, from agents and transfers elsewhere.", || {
        post(queue::call)
    })
    .takes(BYTES)
    .answers(&[BYTES]),
];

/// The routes as a service.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let limits = &app.parts.limits;
        let handler: MethodRouter<Arc<App>> = (route.handler)()
            .layer::<_, Infallible>(from_fn_with_state((Arc::clone(app), *route), around))
            .layer(DefaultBodyLimit::max(limits.body_bytes));
        router = router.route(route.path, handler);
    }
    es::mount(router)
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(Arc::clone(app), crate::server::only_own_host))
        .layer(from_fn(security_headers))
        .with_state(Arc::clone(app))
}

/// What happens around every handler: its parameters are read, its time is bounded and counted.
async fn around(State((app, route)): State<(Arc<App>, Route)>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    // Scrapers and probes may add parameters of their own to their paths.
    let strict = route.path.starts_with("/api/");
    let answer = match if strict { Params::read(request.uri(), route.params) } else { Ok(Params::default()) } {
        Ok(params) => {
            request.extensions_mut().insert(params);
            tokio::time::timeout(app.parts.limits.request_timeout, next.run(request)).await.unwrap_or_else(|_| {
                let detail = format!("there was no answer within {:?}", app.parts.limits.request_timeout);
                Problem::new(&problem::TIMEOUT, detail).into_response()
            })
        }
        Err(problem) => problem.into_response(),
    };
    let status = answer.status().as_u16();
    tracing::debug!(route = route.path, status, took_ms = started.elapsed().as_millis() as u64, "answered");
    app.figures.answered(route.path, route.method, status, started.elapsed());
    answer
}

async fn nothing_here(uri: Uri) -> Problem {
    let path = uri.path();
    let detail = match nearest(path, ROUTES.iter().map(|route| route.path)) {
        Some(meant) => format!("there is nothing at {path}; did you mean {meant}?"),
        None => format!("there is nothing at {path}; /openapi.json lists what there is"),
    };
    Problem::new(&problem::NOT_FOUND, detail)
}

async fn other_method(request: Request) -> Problem {
    let segments = |path: &str| path.split('/').count();
    let same_path = |route: &&Route| {
        let asked = request.uri().path();
        segments(route.path) == segments(asked)
            && route.path.split('/').zip(asked.split('/')).all(|(r, a)| r.starts_with('{') || r == a)
    };
    let methods = ROUTES.iter().filter(same_path).map(|route| match route.method {
        "get" => "GET, HEAD".to_owned(),
        other => other.to_ascii_uppercase(),
    });
    let allow = methods.collect::<Vec<_>>().join(", ");
    let detail = format!("{} takes {allow}, not {}", request.uri().path(), request.method());
    Problem { allow: Some(allow), ..Problem::new(&problem::METHOD, detail) }
}

/// No script but our own, no frame, no foreign content, no guessing of types, no copy in a shared cache.
async fn security_headers(request: Request, next: Next) -> Response {
    const HEADERS: [(&str, &str); 5] = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A body in JSON, sent as such: what a form of another page could send is refused.
fn body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    let Json(body) = body.map_err(|wrong| {
        let kind = if wrong.status() == StatusCode::PAYLOAD_TOO_LARGE { &problem::TOO_LARGE } else { &problem::BODY };
        Problem::new(kind, wrong.body_text())
    })?;
    Ok(body)
}

/// Whether the caller prefers one object a line.
fn wants_ndjson(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains(ndjson::MEDIA)
}

/// An answer in JSON that is already written.
fn json_bytes(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
