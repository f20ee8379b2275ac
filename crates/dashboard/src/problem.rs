//! Errors as they are answered: `application/problem+json` (RFC 9457) with a stable `type`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{ErrorKind, Explain};
use schemars::JsonSchema;
use serde::Serialize;

/// One kind of problem: its path is the `type` of every answer of this kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub path: &'static str,
    pub title: &'static str,
    pub status: StatusCode,
    /// What to do about it.
    pub help: &'static str,
}

macro_rules! kinds {
    ($($name:ident $path:literal $status:ident $title:literal $help:literal)*) => {
        $(pub(crate) const $name: Kind =
            Kind { path: $path, title: $title, status: StatusCode::$status, help: $help };)*
        /// All kinds.
        pub(crate) const KINDS: &[&Kind] = &[$(&$name),*];
    };
}
kinds! {
    QUERY "/problems/query" BAD_REQUEST "the query cannot be understood"
        "Look at the character numbered `at` (from 0) of the query; put text with special characters in quotes."
    PARAMETER "/problems/parameter" BAD_REQUEST "a parameter cannot be right"
        "See /openapi.json for the parameters of each path."
    BODY "/problems/body" BAD_REQUEST "the body cannot be right"
        "See /openapi.json for what each path takes, and in which content type."
    TOO_LARGE "/problems/too-large" PAYLOAD_TOO_LARGE "the body is too large"
        "Send less at a time; the bounds are shown at /api/v1/config."
    FOREIGN_HOST "/problems/foreign-host" FORBIDDEN "the request comes by way of somebody else"
        "On a loopback address only requests for localhost or an IP address are answered, so that no web page can \
         read your logs by way of your browser; a proxy in front must send `Host: localhost`. Pages of another origin may not change \
         anything."
    NOT_FOUND "/problems/not-found" NOT_FOUND "there is no such thing"
        "It may have been removed by retention, or never have been here."
    METHOD "/problems/method" METHOD_NOT_ALLOWED "that method is not for this path"
        "See /openapi.json for the methods of each path."
    CONFLICT "/problems/conflict" CONFLICT "somebody else holds it, or it has changed"
        "Look again at what is there now."
    UNSUPPORTED "/problems/unsupported" NOT_IMPLEMENTED "the engine behind cannot do that"
        "Choose another engine, or do without."
    EXHAUSTED "/problems/exhausted" TOO_MANY_REQUESTS "a bound is reached"
        "Wait and try again, or raise the bound; see /api/v1/config."
    UNAVAILABLE "/problems/unavailable" SERVICE_UNAVAILABLE "it cannot be answered now"
        "Try again later; /ready says what is missing."
    STARTING "/problems/starting" SERVICE_UNAVAILABLE "the server is still starting"
        "It reads what it held before; ask again in a moment, as Retry-After says."
    TIMEOUT "/problems/timeout" GATEWAY_TIMEOUT "the answer took too long"
        "Ask for less, or give a deadline (`deadline_ms`) to get a partial answer."
    CORRUPT "/problems/corrupt" INTERNAL_SERVER_ERROR "stored data is damaged"
        "The detail names the file; restore it or remove it."
    INTERNAL "/problems/internal" INTERNAL_SERVER_ERROR "something failed here"
        "The detail says what; the server's log has more."
}

/// A request that is not answered as asked.
#[derive(Debug)]
pub(crate) struct Problem {
    pub kind: &'static Kind,
    pub detail: String,
    /// For queries: the character, from 0.
    pub at: Option<usize>,
    /// For parameters: which.
    pub parameter: Option<String>,
    /// For methods: those allowed.
    pub allow: Option<String>,
}

/// The body of a problem.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody<'a> {
    /// Which kind of problem; stable, and a path that explains it.
    r#type: &'a str,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened, on which key, file or address, and what to do.
    detail: &'a str,
    /// Where in the query it is wrong: a character, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<usize>,
    /// Which parameter is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), at: None, parameter: None, allow: None }
    }

    /// A parameter that cannot be right.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self { parameter: Some(name.to_owned()), ..Self::new(&PARAMETER, detail) }
    }

    /// Its JSON.
    pub(crate) fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            r#type: self.kind.path,
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            at: self.at,
            parameter: self.parameter.as_deref(),
        }
    }

    fn of(kind: ErrorKind, detail: String) -> Self {
        let kind = match kind {
            ErrorKind::Invalid => &PARAMETER,
            ErrorKind::NotFound => &NOT_FOUND,
            ErrorKind::Conflict => &CONFLICT,
            ErrorKind::Exhausted => &EXHAUSTED,
            ErrorKind::Unavailable => &UNAVAILABLE,
            ErrorKind::Corrupt => &CORRUPT,
            ErrorKind::Internal => &INTERNAL,
        };
        Self::new(kind, detail)
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        match &error {
            store::StoreError::Query { at, .. } => {
                Self { at: Some(*at), parameter: Some("q".to_owned()), ..Self::new(&QUERY, error.chain()) }
            }
            store::StoreError::Unsupported(_) => Self::new(&UNSUPPORTED, error.chain()),
            _ => Self::of(error.kind(), error.chain()),
        }
    }
}

impl From<queue::QueueError> for Problem {
    fn from(error: queue::QueueError) -> Self {
        match error {
            queue::QueueError::Invalid(_) => Self::new(&BODY, error.chain()),
            _ => Self::of(error.kind(), error.chain()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A struct of texts and numbers always has a JSON form.
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (self.kind.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self.kind.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
