//! What the manifest says, as values, and how it changes. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{Intervals, Timestamp};
use model::{Cursors, SourceKey};

/// What is known of a part without opening it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartMeta {
    pub id: u64,
    /// Days since the epoch of its folder.
    pub day: i64,
    pub rows: u64,
    pub line_bytes: u64,
    pub parquet_bytes: u64,
    pub sidecar_bytes: u64,
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// What of each source is in it, in a compact form: see [`super::wire::unpack_sources`].
    pub sources: Box<[u8]>,
    /// For each field (by number) the rows that have it, and whether it is a column.
    pub fields: Box<[(u32, u32, bool)]>,
}

impl PartMeta {
    pub fn parquet_name(&self) -> String {
        format!("{}/part-{:010}.parquet", crate::part::plan::day_folder(self.day), self.id)
    }

    pub fn sidecar_name(&self) -> String {
        format!("{}/_part-{:010}.idx", crate::part::plan::day_folder(self.day), self.id)
    }

    pub const fn disk_bytes(&self) -> u64 {
        self.parquet_bytes + self.sidecar_bytes
    }
}

/// Where a source's bytes came from last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceName {
    pub stream: Arc<str>,
    pub host: Arc<str>,
    pub path: Arc<str>,
}

/// What is held of a source, durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceState {
    pub key: SourceKey,
    pub name: SourceName,
    pub stored: Intervals,
    pub dropped: Intervals,
    pub expired: Intervals,
    pub dead_letter: Intervals,
}

/// A change of what is held of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceChange {
    pub key: SourceKey,
    pub name: Option<SourceName>,
    pub stored: Intervals,
    /// Taken out of `stored`.
    pub gone: Intervals,
    pub dropped: Intervals,
    pub expired: Intervals,
    pub dead_letter: Intervals,
}

impl SourceChange {
    pub fn of(key: SourceKey) -> Self {
        let empty = Intervals::new;
        Self {
            key,
            name: None,
            stored: empty(),
            gone: empty(),
            dropped: empty(),
            expired: empty(),
            dead_letter: empty(),
        }
    }
}

/// One commit. Applied in this order: fields, sources, parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// The number of the next part, at least.
    pub next_part: u64,
    pub cursors: Option<Cursors>,
    /// Names that get the next numbers.
    pub fields: Vec<Arc<str>>,
    /// A key that is new gets the next number.
    pub sources: Vec<SourceChange>,
    pub added: Vec<PartMeta>,
    pub removed: Vec<u64>,
}

/// Everything that is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub next_part: u64,
    pub cursors: Cursors,
    pub fields: Vec<Arc<str>>,
    field_numbers: HashMap<Arc<str>, u32>,
    pub sources: Vec<SourceState>,
    source_numbers: HashMap<SourceKey, u32>,
    pub parts: BTreeMap<u64, Arc<PartMeta>>,
}

impl State {
    pub fn field_number(&self, name: &str) -> Option<u32> {
        self.field_numbers.get(name).copied()
    }

    pub fn source_number(&self, key: SourceKey) -> Option<u32> {
        self.source_numbers.get(&key).copied()
    }

    pub fn source(&self, key: SourceKey) -> Option<&SourceState> {
        self.sources.get(self.source_number(key)? as usize)
    }

    pub fn apply(&mut self, change: Change) {
        self.next_part = self.next_part.max(change.next_part);
        if let Some(cursors) = change.cursors {
            self.cursors = cursors;
        }
        for name in change.fields {
            self.field_numbers.insert(name.clone(), self.fields.len() as u32);
            self.fields.push(name);
        }
        change.sources.into_iter().for_each(|source| self.apply_source(source));
        for part in change.added {
            self.next_part = self.next_part.max(part.id + 1);
            self.parts.insert(part.id, Arc::new(part));
        }
        for id in &change.removed {
            self.parts.remove(id);
        }
    }

    fn apply_source(&mut self, change: SourceChange) {
        let number = match self.source_number(change.key) {
            Some(number) => number,
            None => self.add_source(change.key),
        };
        let source = &mut self.sources[number as usize];
        if let Some(name) = change.name {
            source.name = name;
        }
        change.gone.ranges().iter().for_each(|(start, end)| source.stored.remove(*start, *end));
        source.stored.extend(&change.stored);
        source.dropped.extend(&change.dropped);
        source.expired.extend(&change.expired);
        source.dead_letter.extend(&change.dead_letter);
    }

    fn add_source(&mut self, key: SourceKey) -> u32 {
        let number = self.sources.len() as u32;
        let nothing = || Arc::<str>::from("");
        let name = SourceName { stream: nothing(), host: nothing(), path: nothing() };
        let empty = Intervals::new;
        self.sources.push(SourceState {
            key,
            name,
            stored: empty(),
            dropped: empty(),
            expired: empty(),
            dead_letter: empty(),
        });
        self.source_numbers.insert(key, number);
        number
    }

    /// The change that makes this state of nothing.
    pub fn as_change(&self) -> Change {
        let source = |source: &SourceState| SourceChange {
            key: source.key,
            name: Some(source.name.clone()),
            stored: source.stored.clone(),
            gone: Intervals::new(),
            dropped: source.dropped.clone(),
            expired: source.expired.clone(),
            dead_letter: source.dead_letter.clone(),
        };
        Change {
            next_part: self.next_part,
            cursors: Some(self.cursors.clone()),
            fields: self.fields.clone(),
            sources: self.sources.iter().map(source).collect(),
            added: self.parts.values().map(|part| (**part).clone()).collect(),
            removed: Vec::new(),
        }
    }
}
