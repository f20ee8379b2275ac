//! The body of a search, and the parameters that say the same.

use std::time::Duration;

use base::Timestamp;
use jiff::tz::TimeZone;
use model::RecordId;
use serde_json::{Map, Value, json};
use store::HitCursor;

use super::highlight::Highlight;
use super::source::Source;
use crate::aggs::plan::{self, Plan};
use crate::call::Params;
use crate::date::{self, Format};
use crate::query::{Clause, Reader, kind_of};
use crate::{EsError, names};

/// Most hits that can be reached by `from` and `size`, as Elasticsearch's `index.max_result_window`.
pub const WINDOW_MAX: usize = 10_000;

/// A search, understood.
#[derive(Debug)]
pub struct Search {
    /// Which records.
    pub clause: Clause,
    /// Left out before the first hit.
    pub from: usize,
    /// At most so many hits.
    pub size: usize,
    /// By what they are sorted; by time, the latest first, where empty.
    pub sort: Vec<(Key, Format)>,
    /// The oldest first.
    pub ascending: bool,
    /// Only what comes behind this.
    pub after: Option<HitCursor>,
    /// What is counted.
    pub aggs: Plan,
    /// Which parts of the document are given.
    pub source: Source,
    /// Fields that are given by themselves, with the format of dates.
    pub fields: Vec<(String, Format)>,
    /// What is highlighted.
    pub highlight: Option<Highlight>,
    /// Whether hits are counted.
    pub total: bool,
    /// After so long the answer is given as it is.
    pub timeout: Option<Duration>,
}

/// By what hits are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The moment.
    Time,
    /// The place: makes the order total.
    Doc,
    /// The score, which is the same for all.
    Score,
}

/// Reads a search.
///
/// # Errors
/// What is wrong, or not supported.
pub fn read(body: &Value, params: &Params, now: Timestamp) -> Result<Search, EsError> {
    let mut body = match body {
        Value::Null => Map::new(),
        Value::Object(map) => map.clone(),
        other => return Err(EsError::parsing(format!("a search must be an object, not {}", kind_of(other)))),
    };
    merge(&mut body, params)?;
    let mut search = Search {
        clause: Clause::all(),
        from: 0,
        size: 10,
        sort: Vec::new(),
        ascending: false,
        after: None,
        aggs: Plan::new(),
        source: Source::default(),
        fields: Vec::new(),
        highlight: None,
        total: true,
        timeout: None,
    };
    let mut after = None;
    for (key, value) in &body {
        match key.as_str() {
            "query" => search.clause = Reader::new(now).read(value)?,
            "from" => search.from = number(key, value)?,
            "size" => search.size = number(key, value)?,
            "sort" => sort(value, &mut search)?,
            "search_after" => after = Some(value),
            "aggs" | "aggregations" => search.aggs = plan::read(value, now)?,
            "_source" => search.source = Source::read(value)?,
            "fields" | "docvalue_fields" => search.fields.extend(fields(key, value)?),
            "highlight" => search.highlight = Some(Highlight::read(value)?),
            "track_total_hits" => search.total = value != &Value::Bool(false),
            "timeout" => search.timeout = Some(timeout(value)?),
            other => rest(other, value)?,
        }
    }
    if search.from.saturating_add(search.size) > WINDOW_MAX {
        return Err(EsError::illegal(format!(
            "Result window is too large, from + size must be less than or equal to: [{WINDOW_MAX}] but was [{}]; go on \
             with search_after",
            search.from.saturating_add(search.size)
        )));
    }
    search.after = after.filter(|value| !value.is_null()).map(|value| search_after(value, &search, now)).transpose()?;
    Ok(search)
}

/// Puts the parameters of the address into the body.
fn merge(body: &mut Map<String, Value>, params: &Params) -> Result<(), EsError> {
    if let Some(text) = params.text("q") {
        let mut query = json!({ "query": text });
        for (param, key) in [
            ("df", "default_field"),
            ("default_operator", "default_operator"),
            ("lenient", "lenient"),
            ("analyze_wildcard", "analyze_wildcard"),
        ] {
            if let Some(value) = params.text(param) {
                query[key] = value.into();
            }
        }
        body.insert("query".to_owned(), json!({ "query_string": query }));
    }
    for name in ["from", "size"] {
        if let Some(text) = params.text(name) {
            let number: u64 = text
                .parse()
                .map_err(|_| EsError::illegal(format!("Failed to parse int parameter [{name}] with value [{text}]")))?;
            body.insert(name.to_owned(), number.into());
        }
    }
    let list = |text: &str| -> Value { text.split(',').filter(|part| !part.is_empty()).map(Value::from).collect() };
    for name in ["docvalue_fields", "stored_fields", "_source"] {
        match params.text(name) {
            Some("true" | "") if name == "_source" => drop(body.insert(name.to_owned(), Value::Bool(true))),
            Some("false") if name == "_source" => drop(body.insert(name.to_owned(), Value::Bool(false))),
            Some(text) => drop(body.insert(name.to_owned(), list(text))),
            None => {}
        }
    }
    let (includes, excludes) = (params.text("_source_includes"), params.text("_source_excludes"));
    if includes.is_some() || excludes.is_some() {
        let value =
            json!({ "includes": list(includes.unwrap_or_default()), "excludes": list(excludes.unwrap_or_default()) });
        body.insert("_source".to_owned(), value);
    }
    if let Some(text) = params.text("sort") {
        let one = |part: &str| match part.rsplit_once(':') {
            Some((field, order)) => json!({ field: order }),
            None => part.into(),
        };
        body.insert("sort".to_owned(), text.split(',').map(one).collect());
    }
    for name in ["track_total_hits", "timeout", "terminate_after"] {
        if let Some(text) = params.text(name) {
            let value = match text {
                "true" | "" => Value::Bool(true),
                "false" => Value::Bool(false),
                other => other.into(),
            };
            body.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

/// What changes nothing, or is refused.
fn rest(key: &str, value: &Value) -> Result<(), EsError> {
    let is_off = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(true) | Value::String(_) => false,
    };
    match key {
        "stats" | "track_scores" => Ok(()),
        "stored_fields"
            if is_off
                || matches!(value, Value::Array(list) if list.iter().all(|name| matches!(name.as_str(), Some("*" | "_source"))))
                || value == "*" =>
        {
            Ok(())
        }
        "script_fields"
        | "runtime_mappings"
        | "explain"
        | "version"
        | "seq_no_primary_term"
        | "profile"
        | "terminate_after"
        | "min_score"
        | "post_filter"
        | "collapse"
        | "rescore"
        | "suggest"
        | "knn"
        | "pit"
        | "slice"
        | "indices_boost"
        | "ext"
        | "rank"
        | "retriever"
        | "stored_fields" => {
            if is_off {
                Ok(())
            } else {
                Err(EsError::unsupported(format!("[{key}] of a search")))
            }
        }
        _ => Err(EsError::parsing(format!("Unknown key for a {} in [{key}].", value_kind(value)))),
    }
}

const fn value_kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "START_OBJECT",
        Value::Array(_) => "START_ARRAY",
        Value::String(_) => "VALUE_STRING",
        Value::Number(_) => "VALUE_NUMBER",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Null => "VALUE_NULL",
    }
}

fn number(key: &str, value: &Value) -> Result<usize, EsError> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| EsError::illegal(format!("[{key}] must be a number from 0 on, not {value}")))
}

fn timeout(value: &Value) -> Result<Duration, EsError> {
    let text =
        value.as_str().ok_or_else(|| EsError::parsing(format!("[timeout] must be a text like 10s, not {value}")))?;
    let micros = plan::interval(text, "timeout")?;
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

fn fields(key: &str, value: &Value) -> Result<Vec<(String, Format)>, EsError> {
    let list = value.as_array().ok_or_else(|| EsError::parsing(format!("[{key}] must be a list")))?;
    list.iter()
        .map(|one| {
            let name = one.as_str().or_else(|| one.get("field")?.as_str());
            let name = name.ok_or_else(|| {
                EsError::parsing(format!("[{key}] must be a list of names, or of objects with a [field]"))
            })?;
            let format = one.get("format").and_then(Value::as_str).map_or_else(iso, Format::read)?;
            Ok((name.to_owned(), format))
        })
        .collect()
}

fn iso() -> Result<Format, EsError> {
    Format::read("strict_date_optional_time")
}

fn sort(value: &Value, search: &mut Search) -> Result<(), EsError> {
    let list = match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let mut keys: Vec<(Key, Format, Option<bool>)> = Vec::new();
    for one in list {
        match one {
            Value::String(field) => keys.push(sort_key(field, &Value::Null)?),
            Value::Object(map) => {
                for (field, how) in map {
                    keys.push(sort_key(field, how)?);
                }
            }
            other => {
                return Err(EsError::parsing(format!("[sort] must hold names and objects, not {}", kind_of(other))));
            }
        }
    }
    let time = keys.iter().position(|(key, ..)| *key == Key::Time);
    let doc = keys.iter().position(|(key, ..)| *key == Key::Doc);
    if let (Some(time), Some(doc)) = (time, doc)
        && time > doc
    {
        return Err(EsError::unsupported("a [sort] by [_doc] before [@timestamp]"));
    }
    let direction = |at: Option<usize>| at.and_then(|at| keys[at].2);
    search.ascending = match (time, direction(time)) {
        (Some(_), descending) => !descending.unwrap_or(false),
        (None, _) => direction(doc) == Some(false),
    };
    let opposite = |descending: Option<bool>| descending.is_some_and(|descending| descending == search.ascending);
    if time.is_some() && opposite(direction(doc)) {
        return Err(EsError::unsupported("a [sort] by [@timestamp] and [_doc] in opposite directions"));
    }
    search.sort = keys.into_iter().map(|(key, format, _)| (key, format)).collect();
    Ok(())
}

/// A key, how its values are shown, and whether it descends, if that is said.
fn sort_key(field: &str, how: &Value) -> Result<(Key, Format, Option<bool>), EsError> {
    let key = match names::plain(field) {
        "_doc" | "_shard_doc" => Key::Doc,
        "_score" => Key::Score,
        name if names::is_time(name) => Key::Time,
        name => {
            return Err(EsError::unsupported(format!("a [sort] by [{name}]: records are sorted by [@timestamp]; it")));
        }
    };
    let map = match how {
        Value::Object(map) => map.clone(),
        Value::String(order) => Map::from_iter([("order".to_owned(), order.as_str().into())]),
        _ => Map::new(),
    };
    let known = ["order", "unmapped_type", "missing", "mode", "format", "numeric_type"];
    if let Some(unknown) = map.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(EsError::unsupported(format!("[{unknown}] of a [sort]")));
    }
    let descending = match map.get("order").and_then(Value::as_str) {
        None => None,
        Some("desc") => Some(true),
        Some("asc") => Some(false),
        Some(other) => return Err(EsError::illegal(format!("Unknown SortOrder [{other}]: there are asc, desc"))),
    };
    let format = map.get("format").and_then(Value::as_str);
    Ok((key, format.map_or_else(|| Format::read("epoch_millis"), Format::read)?, descending))
}

/// The place of a hit in the order, as the value of `_doc`.
pub fn place(cursor: HitCursor) -> String {
    format!("{}.{}", cursor.time.as_micros(), cursor.id)
}

fn read_place(text: &str) -> Option<HitCursor> {
    let (micros, id) = text.split_once('.')?;
    Some(HitCursor { time: Timestamp::from_micros(micros.parse().ok()?), id: id.parse::<RecordId>().ok()? })
}

fn search_after(value: &Value, search: &Search, now: Timestamp) -> Result<HitCursor, EsError> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() != search.sort.len() || list.is_empty() {
        return Err(EsError::illegal(format!(
            "search_after has {} value(s) but sort has {}.",
            list.len(),
            search.sort.len()
        )));
    }
    let of = |wanted: Key| search.sort.iter().position(|(key, _)| *key == wanted).map(|at| &list[at]);
    if let Some(place) = of(Key::Doc) {
        let cursor = place.as_str().and_then(read_place);
        return cursor.ok_or_else(|| {
            EsError::illegal(format!("search_after: [{place}] is not the value that [_doc] had in the [sort] of a hit"))
        });
    }
    let Some(time) = of(Key::Time) else {
        return Err(EsError::illegal("search_after needs a sort by [@timestamp]"));
    };
    let (first, last) = date::read(time, &Format::default(), &TimeZone::UTC, now)?;
    let key =
        |bits: u128, numbers: u64| model::SourceKey::new(model::SourceId(bits), model::Generation(numbers as u32));
    Ok(if search.ascending {
        HitCursor { time: last, id: RecordId { key: key(u128::MAX, u64::MAX), offset: u64::MAX } }
    } else {
        HitCursor { time: first, id: RecordId { key: key(0, 0), offset: 0 } }
    })
}
