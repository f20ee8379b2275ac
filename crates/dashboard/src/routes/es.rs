//! `/es/…`: the part of Elasticsearch's API that [`es_api`] answers. Here is only what is HTTP about it.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use es_api::{Call, EsError, Reply};
use serde_json::{Map, Value, json};

use crate::app::App;

/// Where it stands.
const ROOT: &str = "/es";
/// Clients look for this before they believe whom they speak with.
const PRODUCT: (&str, &str) = ("x-elastic-product", "Elasticsearch");

/// Adds the routes.
pub(crate) fn mount(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let handler = || any(answer).layer(DefaultBodyLimit::disable());
    router.route("/es", handler()).route("/es/", handler()).route("/es/{*rest}", handler())
}

async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let limit = app.parts.limits.request_timeout;
    let reply = tokio::time::timeout(limit, reply(&app, request)).await.unwrap_or_else(|_| {
        let detail = format!("there was no answer within {limit:?}; ask for less, or give a timeout");
        Reply::refused(&EsError::unavailable(detail))
    });
    let name = match method.as_str() {
        "GET" => "get",
        "HEAD" => "head",
        "POST" => "post",
        "PUT" => "put",
        "DELETE" => "delete",
        _ => "other",
    };
    tracing::debug!(
        route = reply.route,
        status = reply.status,
        took_ms = started.elapsed().as_millis() as u64,
        "answered under /es"
    );
    app.figures.answered(reply.route, name, reply.status, started.elapsed());
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.media));
    headers.insert(PRODUCT.0, HeaderValue::from_static(PRODUCT.1));
    if let Some(seconds) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn reply(app: &App, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let text = |headers: &HeaderMap, name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let length = text(&parts.headers, header::CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    let limit = app.es.limits().body_bytes;
    let too_large =
        || Reply::refused(&EsError::too_large(format!("the body has more than {limit} bytes; send less at a time")));
    if length.is_some_and(|length| length > limit) {
        return too_large();
    }
    // Large bodies are held in memory while they come in, so there are only so many at a time.
    let known = if parts.headers.contains_key(header::TRANSFER_ENCODING) { None } else { Some(length.unwrap_or(0)) };
    let _room = match app.es.room(known).await {
        Ok(room) => room,
        Err(error) => return Reply::refused(&error),
    };
    let Ok(body) = to_bytes(body, limit).await else { return too_large() };
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().strip_prefix(ROOT).unwrap_or_default().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        encoding: text(&parts.headers, header::CONTENT_ENCODING),
        body,
    };
    app.es.answer(call).await
}

/// Adds the routes to the description of all.
pub(crate) fn describe(paths: &mut Map<String, Value>) {
    let text = |name: &str, place: &str| json!({ "name": name, "in": place, "required": place == "path", "schema": { "type": "string" } });
    for route in es_api::ROUTES {
        let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: Vec<_> =
            in_path.map(|name| text(name, "path")).chain(route.params.iter().map(|name| text(name, "query"))).collect();
        let path = paths.entry(format!("{ROOT}{}", route.path)).or_insert_with(|| json!({}));
        for method in route.methods.iter().filter(|method| **method != "HEAD") {
            let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            let id = ["es", &method.to_ascii_lowercase()].into_iter().chain(words).collect::<Vec<_>>().join("_");
            let error = json!({
                "description": "It cannot be answered as asked: an error in Elasticsearch's shape.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            });
            path[method.to_ascii_lowercase()] = json!({
                "operationId": id,
                "summary": route.summary,
                "parameters": parameters,
                "responses": {
                    "200": {
                        "description": route.summary,
                        "content": { "application/json": { "schema": { "type": "object" } } },
                    },
                    "default": error,
                },
            });
        }
    }
}
