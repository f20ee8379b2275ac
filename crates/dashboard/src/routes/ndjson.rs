//! One object a line: hits as they are, and between them *control lines*, whose first key is `_`.
//!
//! A control line says what the stream is doing: `{"_":"end",…}` (the last line; without it the stream was cut off),
//! `{"_":"skipped","count":n}`, `{"_":"rate","per_second":n}`, `{"_":"alive"}`, `{"_":"error",…}`. A hit has no key
//! `_`, so the first four bytes of a line tell the two apart.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::Content;
use crate::hit::HitShape;
use crate::problem::ProblemBody;

pub(crate) const MEDIA: &str = "application/x-ndjson";

/// A stream of hits and control lines.
pub(crate) const HITS: Content = Content { media: MEDIA, schema: |generator| line_schema::<HitShape>(generator) };

/// Every line is a `T` or a control line.
pub(crate) fn line_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let line = generator.subschema_for::<T>();
    let control = generator.subschema_for::<Control<'_>>();
    schemars::json_schema!({
        "description": "Each line is one of these. Control lines are those that begin with {\"_\":",
        "oneOf": [line, control],
    })
}

/// Registers the shapes that only streams use.
pub(crate) const CONTROL_SCHEMAS: fn(&mut SchemaGenerator) = |generator| {
    generator.subschema_for::<Control<'_>>();
};

/// A line about the stream itself.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "_", rename_all = "snake_case")]
#[schemars(rename = "Control")]
pub(crate) enum Control<'a> {
    /// The last line of a stream that was not cut off.
    End {
        /// Whether everything asked for is in it.
        complete: bool,
        /// The cursor to go on from, where there is more.
        next: Option<String>,
        /// Lines before this one that are no control lines.
        count: u64,
    },
    /// So many records were left out here: the reader was too slow, or they were more than it wants.
    Skipped {
        /// How many.
        count: u64,
    },
    /// How many lines match now, whether they are all shown or not.
    Rate {
        /// A second.
        per_second: u64,
    },
    /// Nothing came for a while.
    Alive,
    /// What follows was asked for and could not be given; the stream ends here.
    Error {
        /// Why.
        #[schemars(with = "ProblemBody")]
        problem: ProblemBody<'a>,
    },
    /// A path that cannot be read or followed.
    Problem {
        /// The machine; absent for this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        host: Option<&'a str>,
        /// Which path.
        path: &'a str,
        /// Why.
        reason: &'a str,
    },
}

impl Control<'_> {
    /// Appends it as a line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail, and these shapes have a JSON form.
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }
}

/// A streamed answer. Proxies are asked not to hold it back.
pub(crate) fn answer(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt as _;
    let body = Body::from_stream(chunks.map(Ok::<_, std::convert::Infallible>));
    ([(header::CONTENT_TYPE, MEDIA), (header::HeaderName::from_static("x-accel-buffering"), "no")], body)
        .into_response()
}

/// A streamed answer that is already whole.
pub(crate) fn whole(lines: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, MEDIA)], lines).into_response()
}
