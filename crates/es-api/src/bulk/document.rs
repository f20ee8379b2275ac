//! A document as a line.
//!
//! Decision: the line is the document as it came, less the white space between its parts, so that it is one line; its
//! `_id` stands in front, because that is what makes a repeat known. Elasticsearch refuses documents that have a field
//! `_id`, so nothing can be meant by it but this.

use std::sync::Arc;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::lines::{Action, Op};
use crate::EsError;
use crate::intake::Document;

/// Longest line: brokers take messages of a mebibyte, with what comes around them.
const LINE_MAX: usize = 960 << 10;
/// Longest name of a host or path that a batch bears.
const ORIGIN_MAX: usize = 1024;

/// Makes a line of a document.
///
/// # Errors
/// `document_parsing_exception` where it is no JSON object or has a field `_id`; `content_too_long_exception`.
pub fn read(action: &Action, bytes: &[u8]) -> Result<Document, EsError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| EsError::document(format!("failed to parse: the document is no JSON: {error}")))?;
    let Some(map) = value.as_object() else {
        return Err(EsError::document("failed to parse: the document is not an object"));
    };
    if map.contains_key("_id") {
        let reason = "Field [_id] is a metadata field and cannot be added inside a document. Use the index API request parameters.";
        return Err(EsError::document(reason));
    }
    let mut line = Vec::with_capacity(bytes.len() + 64);
    line.push(b'{');
    if let Some(id) = &action.id {
        line.extend_from_slice(b"\"_id\":");
        // A text always has a JSON form.
        line.extend_from_slice(&serde_json::to_vec(id).unwrap_or_default());
        if !map.is_empty() {
            line.push(b',');
        }
    }
    let before = line.len();
    compact(bytes, &mut line);
    // The brace that opens it stands in front already.
    line.remove(before);
    let content = xxh3_64(&line);
    line.push(b'\n');
    if line.len() > LINE_MAX {
        return Err(EsError::too_large(format!("the document has {} bytes, at most {LINE_MAX} are taken", line.len())));
    }
    Ok(Document {
        id: action.id.clone(),
        create: action.op == Op::Create,
        content,
        host: host(&value),
        path: path(&value),
        line,
    })
}

/// Without the white space between its parts.
fn compact(bytes: &[u8], out: &mut Vec<u8>) {
    let (mut in_text, mut escaped) = (false, false);
    for &byte in bytes {
        if in_text {
            out.push(byte);
            (in_text, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
        } else if !byte.is_ascii_whitespace() {
            in_text = byte == b'"';
            out.push(byte);
        }
    }
}

fn first<'a>(value: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    let found = pointers.iter().filter_map(|pointer| value.pointer(pointer)?.as_str());
    found.map(str::trim).find(|text| !text.is_empty() && text.len() <= ORIGIN_MAX && !text.contains('\n'))
}

/// The machine that it comes from, by the names that shippers use.
fn host(value: &Value) -> Option<Arc<str>> {
    first(value, &["/host/name", "/host.name", "/host", "/hostname", "/agent/hostname"]).map(Arc::from)
}

/// The file that it comes from, likewise.
fn path(value: &Value) -> Option<Arc<str>> {
    let names = ["/log/file/path", "/log.file.path", "/file", "/path", "/filename", "/source"];
    first(value, &names).filter(|path| path.starts_with('/') || path.contains(":\\")).map(Arc::from)
}

/// The hash of a line that was made here, to compare it with another.
pub fn content_of(line: &[u8]) -> u64 {
    xxh3_64(line)
}
