//! Answers to keep: hits as CSV or as their plain lines, compressed or not, with the name of a file.
//!
//! Decision: where a form has no place to say that something is missing (CSV, plain lines), an answer that could not be
//! given to its end is broken off, so that no half of a file looks like a whole one.

use std::io::{self, Write as _};

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base::Timestamp;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, StreamExt as _};
use store::Hit;

use super::ndjson;
use crate::hit::write_hit;
use crate::params::{Holds, Param, Params};
use crate::problem::Problem;

pub(crate) const FORMAT: Param = Param::new(
    "format",
    Holds::Text,
    "json (a page), ndjson (one object a line), csv, or raw (the lines as they are). Without it, `Accept` says: json or \
     ndjson. All but json are streams of all hits, unless `limit` is given.",
);
pub(crate) const COLUMNS: Param = Param::new(
    "columns",
    Holds::List,
    "Of csv, with commas between: time, level, stream, host, path, line (these unless told), id, source, offset, or \
     any field.",
);
pub(crate) const GZIP: Param = Param::new("gzip", Holds::Flag, "The answer compressed, as a file of type gzip.");
pub(crate) const DOWNLOAD: Param = Param::new("download", Holds::Flag, "The answer as a file with a name.");

/// Columns unless told.
const USUAL: [&str; 6] = ["time", "level", "stream", "host", "path", "line"];
/// Columns at most.
const COLUMNS_MAX: usize = 200;

/// In which form hits are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One page, as one object.
    Json,
    /// One object a line, with control lines.
    Lines,
    /// A table.
    Csv(Vec<String>),
    /// The bytes of the lines.
    Raw,
}

impl Form {
    /// As the parameters say it, if they do.
    pub(crate) fn read(params: &Params) -> Result<Option<Self>, Problem> {
        let columns = params.list("columns");
        let form = match params.filled("format") {
            None => None,
            Some("json") => Some(Self::Json),
            Some("ndjson") => Some(Self::Lines),
            Some("raw") => Some(Self::Raw),
            Some("csv") if columns.len() > COLUMNS_MAX => {
                let detail = format!("columns: {} are more than {COLUMNS_MAX}", columns.len());
                return Err(Problem::parameter("columns", detail));
            }
            Some("csv") if columns.is_empty() => Some(Self::Csv(USUAL.map(str::to_owned).to_vec())),
            Some("csv") => return Ok(Some(Self::Csv(columns))),
            Some(other) => {
                return Err(Problem::parameter("format", format!("format={other}: write json, ndjson, csv or raw")));
            }
        };
        match columns.is_empty() {
            true => Ok(form),
            false => Err(Problem::parameter("columns", "columns: they are for format=csv")),
        }
    }

    /// What comes before the first hit.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>) {
        if let Self::Csv(columns) = self {
            write_row(out, columns.iter().map(|name| name.as_bytes().into()));
        }
    }

    pub(crate) fn write_hit(&self, out: &mut Vec<u8>, hit: &Hit) {
        match self {
            Self::Json | Self::Lines => {
                write_hit(out, hit);
                out.push(b'\n');
            }
            Self::Raw => {
                out.extend_from_slice(&hit.line);
                out.push(b'\n');
            }
            Self::Csv(columns) => write_row(out, columns.iter().map(|name| cell(hit, name))),
        }
    }

    /// Whether the stream itself can say how it ended.
    pub(crate) const fn has_controls(&self) -> bool {
        matches!(self, Self::Json | Self::Lines)
    }

    const fn media(&self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => ndjson::MEDIA,
            Self::Csv(_) => "text/csv; charset=utf-8",
            Self::Raw => "application/octet-stream",
        }
    }

    const fn extension(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Lines => "ndjson",
            Self::Csv(_) => "csv",
            Self::Raw => "log",
        }
    }
}

fn cell<'a>(hit: &'a Hit, name: &str) -> std::borrow::Cow<'a, [u8]> {
    match name {
        "time" => hit.time.to_string().into_bytes().into(),
        "line" => hit.line.as_slice().into(),
        _ => store::query::value_of(hit, name).unwrap_or_default(),
    }
}

/// A row of RFC 4180. What a spreadsheet would take for a formula stays what it is: the file is for programs too.
fn write_row<'a>(out: &mut Vec<u8>, cells: impl Iterator<Item = std::borrow::Cow<'a, [u8]>>) {
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        let quoted = cell.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r'));
        let text = String::from_utf8_lossy(&cell);
        if quoted {
            out.push(b'"');
            out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(text.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// How an answer travels.
pub(crate) struct Parcel {
    pub gzip: bool,
    /// Its name, where it is to be kept.
    name: Option<String>,
    form: Form,
}

impl Parcel {
    pub(crate) fn read(params: &Params, form: &Form, now: Timestamp) -> Result<Self, Problem> {
        let gzip = params.flag("gzip")?;
        let name = params.flag("download")?.then(|| {
            let moment: String = now.to_string().chars().take(19).filter(|char| *char != ':').collect();
            format!("logdrive-{moment}.{}{}", form.extension(), if gzip { ".gz" } else { "" })
        });
        Ok(Self { gzip, name, form: form.clone() })
    }

    /// A streamed answer. An error breaks it off.
    pub(crate) fn streamed(&self, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Response {
        let body = if self.gzip { Body::from_stream(compressed(chunks)) } else { Body::from_stream(chunks) };
        let mut response = self.headed(body.into_response());
        // Proxies are asked not to hold it back.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// An answer in one piece.
    pub(crate) fn whole(&self, body: Vec<u8>) -> Response {
        let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to a Vec cannot fail.
        let body = match self.gzip.then(|| coder.write_all(&body).and_then(|()| coder.finish())) {
            Some(Ok(packed)) => packed,
            _ => body,
        };
        self.headed(body.into_response())
    }

    fn headed(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        let media = if self.gzip { "application/gzip" } else { self.form.media() };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let named = self.name.as_ref().map(|name| HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")));
        if let Some(Ok(named)) = named {
            headers.insert(header::CONTENT_DISPOSITION, named);
        }
        response
    }
}

/// The pieces compressed one by one, as they come.
fn compressed(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> impl Stream<Item = io::Result<Bytes>> {
    let coder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    futures_util::stream::unfold((Box::pin(chunks), coder), |(mut chunks, mut coder)| async move {
        loop {
            let mut writer = coder.take()?;
            let packed = match chunks.next().await {
                Some(Err(error)) => return Some((Err(error), (chunks, None))),
                None => return Some((writer.finish().map(Bytes::from), (chunks, None))),
                Some(Ok(chunk)) => writer.write_all(&chunk).map(|()| std::mem::take(writer.get_mut())),
            };
            coder = Some(writer);
            match packed {
                Ok(packed) if packed.is_empty() => {}
                packed => return Some((packed.map(Bytes::from), (chunks, coder))),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(cells: &[&[u8]]) -> String {
        let mut out = Vec::new();
        write_row(&mut out, cells.iter().map(|cell| (*cell).into()));
        String::from_utf8(out).expect("is UTF-8")
    }

    /// Reads a row as a spreadsheet would.
    fn read(row: &str) -> Vec<String> {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        let row = row.strip_suffix("\r\n").expect("ends so");
        let mut chars = row.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    cells.last_mut().expect("one").push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                char => cells.last_mut().expect("one").push(char),
            }
        }
        cells
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(
            row(&[b"a", b"b c", b"d,e", b"say \"x\"", b"two\nlines", b""]),
            "a,b c,\"d,e\",\"say \"\"x\"\"\",\"two\nlines\",\r\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back(cells in proptest::collection::vec("[a,\"\n\r é]{0,6}", 1..5)) {
            let bytes: Vec<&[u8]> = cells.iter().map(String::as_bytes).collect();
            prop_assert_eq!(read(&row(&bytes)), cells);
        }
    }
}
