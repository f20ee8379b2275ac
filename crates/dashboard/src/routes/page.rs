//! The page: a shell of HTML for each of its paths, and the modules, styles and words that it loads.
//!
//! Decision: the files are in the binary as they are in `page/`, so there is no build step and nothing from elsewhere;
//! a debug build reads them from the disk, so that a change is seen after a reload. Comments stay here: on the way they
//! would be a third of the page's weight. Lines keep their numbers, so what a browser reports is where it says.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::{self, Problem};

const ICON: &str = include_str!("favicon.svg");

#[derive(RustEmbed)]
#[folder = "page"]
#[include = "*.html"]
#[include = "*.js"]
#[include = "*.css"]
struct Files;

/// Files that were compressed before, by their hash. As many as the page has.
static COMPRESSED: Mutex<Option<HashMap<[u8; 32], Bytes>>> = Mutex::new(None);

pub(crate) async fn icon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, ICON).into_response()
}

/// The shell. Which page it is, and its state, the page reads from its address.
pub(crate) async fn page(headers: HeaderMap) -> Response {
    served("index.html", &headers)
}

pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    served(&path, &headers)
}

fn served(path: &str, asked: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return Problem::new(&problem::NOT_FOUND, format!("the page has no file {path}")).into_response();
    };
    let hash = file.metadata.sha256_hash();
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..12]));
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if accepts_gzip(asked) {
        ([(header::CONTENT_ENCODING, "gzip")], compressed(hash, &content(path, file))).into_response()
    } else {
        content(path, file).into_owned().into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

/// What is sent of a file: our own modules without their comments.
fn content(path: &str, file: EmbeddedFile) -> Cow<'static, [u8]> {
    match std::str::from_utf8(&file.data) {
        Ok(text) if path.ends_with(".js") && !path.starts_with("vendor/") => {
            Cow::Owned(without_comments(text).into_bytes())
        }
        _ => file.data,
    }
}

/// Empties the lines that hold nothing but a comment. Comments in our modules stand on lines of their own, and no text
/// of theirs has a line that begins like one.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for line in text.lines() {
        let bare = line.trim();
        let begins = bare.starts_with("/**");
        let ends = bare.ends_with("*/");
        if within || (begins && (ends || !bare.contains("*/"))) {
            within = !ends;
        } else if !bare.starts_with("//") {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

fn compressed(hash: [u8; 32], data: &[u8]) -> Bytes {
    if let Some(known) = COMPRESSED.lock().as_ref().and_then(|known| known.get(&hash)) {
        return known.clone();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to a Vec cannot fail.
    let _ = encoder.write_all(data);
    let bytes = Bytes::from(encoder.finish().unwrap_or_default());
    if !cfg!(debug_assertions) {
        COMPRESSED.lock().get_or_insert_default().insert(hash, bytes.clone());
    }
    bytes
}

fn media(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stay_here_and_lines_keep_their_numbers() {
        let text = "// a\nlet a = 1; // b\n/**\n * c\n */\n  /** @type {d} */\nlet e = /** @type {f} */ (g);\n\
                    /** h */ const i = \"// j\";\n";
        let sent = "\nlet a = 1; // b\n\n\n\n\nlet e = /** @type {f} */ (g);\n/** h */ const i = \"// j\";\n";
        assert_eq!(without_comments(text), sent);
        for path in Files::iter().filter(|path| path.ends_with(".js") && !path.starts_with("vendor/")) {
            let file = Files::get(&path).expect("is there");
            let whole = String::from_utf8(file.data.to_vec()).expect("is text");
            let sent = without_comments(&whole);
            assert_eq!(sent.lines().count(), whole.lines().count(), "{path}");
            assert_eq!(sent.matches('`').count() % 2, 0, "{path}: a comment within a template, or half of one");
        }
    }

    #[test]
    fn the_page_has_its_files_and_nothing_else() {
        for path in ["index.html", "main.js", "css/base.css", "vendor/preact.js", "strings/en.js", "strings/zh.js"] {
            assert!(Files::get(path).is_some(), "{path}");
            assert_ne!(media(path), "application/octet-stream", "{path}");
        }
        for path in ["vendor/README.md", "../Cargo.toml", "/etc/passwd", ""] {
            assert!(Files::get(path).is_none(), "{path}");
        }
    }
}
