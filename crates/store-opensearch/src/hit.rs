//! A document as the record it was.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Format, Generation, Level, Marks, RecordId, SourceId, SourceKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{Hit, HitCursor};

use crate::document::original_name;

/// A page of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Page {
    pub timed_out: bool,
    #[serde(rename = "_shards")]
    pub shards: Shards,
    pub hits: Hits,
    pub aggregations: Value,
}

/// How many shards answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shards {
    pub total: u32,
    pub failed: u32,
}

/// The hits of a page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Hits {
    pub total: Value,
    pub hits: Vec<Found>,
}

/// A document found.
#[derive(Debug, Deserialize)]
pub struct Found {
    #[serde(rename = "_index", default)]
    pub index: String,
    #[serde(rename = "_source", default)]
    pub source: Source,
    #[serde(default)]
    pub sort: Vec<Value>,
    #[serde(default)]
    pub fields: Map<String, Value>,
}

/// The parts of a document that make the record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    message: String,
    host: Named,
    event: Event,
    log: Log,
    logdrive: Own,
    fields: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    dataset: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Log {
    file: File,
    offset: u64,
    level: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Own {
    source: String,
    generation: u32,
    time: i64,
    size: u32,
    format: Option<String>,
    marks: Vec<String>,
    raw: Raw,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    line: Option<String>,
    fields: Vec<(String, String)>,
}

impl Source {
    /// The record; `None` where this is no document of ours.
    pub fn into_hit(self) -> Option<Hit> {
        let source: SourceId = self.logdrive.source.parse().ok()?;
        let key = SourceKey::new(source, Generation(self.logdrive.generation));
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let indexed = self.fields.into_iter().map(|(name, value)| (original_name(&name), text(value).into_bytes()));
        let raw = self.logdrive.raw;
        let kept = raw.fields.into_iter().filter_map(|(name, value)| Some((name, STANDARD.decode(value).ok()?)));
        let line = match raw.line {
            Some(line) => STANDARD.decode(line).ok()?,
            None => self.message.into_bytes(),
        };
        let format = self.logdrive.format.as_deref();
        let named = |wanted: &str| Format::ALL.into_iter().find(|format| format.name() == wanted);
        let marks = Marks::NAMES.iter().filter(|(_, name)| self.logdrive.marks.iter().any(|mark| mark == name));
        Some(Hit {
            id: RecordId { key, offset: self.log.offset },
            time: Timestamp::from_micros(self.logdrive.time),
            stream: self.event.dataset,
            host: self.host.name,
            path: self.log.file.path,
            level: self.log.level.and_then(|level| level.parse().ok()).unwrap_or(Level::Unknown),
            format: format.and_then(named).unwrap_or_default(),
            marks: marks.fold(Marks::default(), |all, (mark, _)| all.with(*mark)),
            line,
            size: self.logdrive.size,
            fields: indexed.chain(kept).collect(),
        })
    }
}

/// Where a hit stands in the total order.
pub const fn cursor(hit: &Hit) -> HitCursor {
    HitCursor { time: hit.time, id: hit.id }
}
