//! A record as a document.

use model::{Format as LineFormat, Level};
use serde_json::{Map, Value, json};
use store::{Hit, HitCursor};

use super::body::{Key, Search, place};
use super::highlight::Marker;
use crate::{date, names};

/// The document of a record: the object of its line, or its fields, and what every record has besides.
pub fn document(hit: &Hit) -> Map<String, Value> {
    let parsed = (hit.format == LineFormat::Json).then(|| serde_json::from_slice::<Map<String, Value>>(&hit.line).ok());
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let mut map = match parsed.flatten() {
        Some(mut map) => {
            map.remove(names::ID);
            map
        }
        None => hit.fields.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
    };
    let has = |map: &Map<String, Value>, path: &str| {
        let nested = path
            .split_once('.')
            .and_then(|(first, rest)| map.get(first)?.pointer(&format!("/{}", rest.replace('.', "/"))));
        map.contains_key(path) || nested.is_some()
    };
    let mut add = |name: &str, value: Value| {
        if !has(&map, name) {
            map.insert(name.to_owned(), value);
        }
    };
    add(names::TIME, date_of(hit));
    add(names::MESSAGE, text(hit.line.strip_suffix(b"\r").unwrap_or(&hit.line)));
    if hit.level != Level::Unknown {
        add("level", hit.level.name().into());
    }
    add("host.name", hit.host.as_str().into());
    add("log.file.path", hit.path.as_str().into());
    map
}

/// The moment, as fine as it is known.
fn date_of(hit: &Hit) -> Value {
    let micros = hit.time.as_micros();
    if micros % 1000 == 0 { date::show(micros).into() } else { hit.time.to_string().into() }
}

/// The id of a document: the one it was written with, or that of its record.
pub fn id_of(hit: &Hit) -> String {
    names::value(hit, names::ID).map_or_else(String::new, |id| String::from_utf8_lossy(&id).into_owned())
}

/// A hit, as the answer of a search holds it.
pub fn show(hit: &Hit, search: &Search, marker: Option<&Marker<'_>>) -> Value {
    let mut map = Map::new();
    map.insert("_index".to_owned(), hit.stream.as_str().into());
    map.insert("_id".to_owned(), id_of(hit).into());
    let by_score = search.sort.is_empty() || search.sort.iter().any(|(key, _)| *key == Key::Score);
    map.insert("_score".to_owned(), if by_score { json!(1.0) } else { Value::Null });
    let document = document(hit);
    let marked = marker.map(|marker| marker.mark(&document)).filter(|marked| !marked.is_empty());
    if !search.fields.is_empty() {
        let fields = fields(hit, search, &document);
        if !fields.is_empty() {
            map.insert("fields".to_owned(), Value::Object(fields));
        }
    }
    if !search.source.none {
        map.insert("_source".to_owned(), Value::Object(search.source.apply(document)));
    }
    if let Some(marked) = marked {
        map.insert("highlight".to_owned(), Value::Object(marked));
    }
    if !search.sort.is_empty() {
        let cursor = HitCursor { time: hit.time, id: hit.id };
        let value = |(key, format): &(Key, date::Format)| match key {
            Key::Time => match format.show(hit.time.as_micros()) {
                text if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                    text.parse::<i64>().map_or(Value::Null, Value::from)
                }
                text => text.into(),
            },
            Key::Doc => place(cursor).into(),
            Key::Score => json!(1.0),
        };
        map.insert("sort".to_owned(), search.sort.iter().map(value).collect());
    }
    Value::Object(map)
}

/// The fields asked for by themselves, each a list of values.
fn fields(hit: &Hit, search: &Search, document: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Vec::new();
    flatten(document, "", &mut flat);
    let mut out = Map::new();
    for (pattern, format) in &search.fields {
        if names::is_time(pattern) {
            out.insert(pattern.clone(), json!([format.show(hit.time.as_micros())]));
            continue;
        }
        for (name, value) in &flat {
            if crate::index::matches(pattern, name) || *name == names::plain(pattern) {
                let list = if value.is_array() { (*value).clone() } else { json!([value]) };
                out.insert(if pattern.contains('*') { name.clone() } else { pattern.clone() }, list);
            }
        }
    }
    out
}

fn flatten<'a>(map: &'a Map<String, Value>, prefix: &str, out: &mut Vec<(String, &'a Value)>) {
    for (key, value) in map {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) => flatten(inner, &path, out),
            value => out.push((path, value)),
        }
    }
}
