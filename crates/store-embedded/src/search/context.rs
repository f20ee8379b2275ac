//! The neighbours of a record in its file.
//!
//! Decision: parts are sorted by time, not by offset, so the neighbours are sought in every part that holds bytes of
//! the source near the place, by its column of offsets; lines are read for those only that are in the answer.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use base::{Intervals, Timestamp};
use model::{ParsedBatch, RecordId};
use store::{BatchRow, Context, ContextRequest, Hit, Holder, LIMIT_MAX, StoreError, Whereabouts};

use super::group::{self, GroupView};
use crate::Snapshot;
use crate::manifest::unpack_sources;
use crate::part::Part;

enum At {
    Group(Rc<GroupView>, usize),
    Head(Arc<ParsedBatch>, usize),
}

/// The nearest records found so far: before the place, and from it on.
struct Nearest {
    offset: u64,
    before: BTreeMap<u64, At>,
    from: BTreeMap<u64, At>,
    before_max: usize,
    /// The record itself and what follows.
    from_max: usize,
}

impl Nearest {
    fn wants(&self, offset: u64) -> bool {
        if offset < self.offset {
            let first = self.before.first_key_value().map(|(first, _)| *first);
            self.before_max > 0 && (self.before.len() < self.before_max || first.is_some_and(|first| offset > first))
        } else {
            let last = self.from.last_key_value().map(|(last, _)| *last);
            self.from.len() < self.from_max || last.is_some_and(|last| offset < last)
        }
    }

    /// Whether anything in these ranges of the source may be wanted.
    fn wants_any(&self, held: &Intervals) -> bool {
        let near = |start: u64, end: u64| {
            (start < self.offset && self.wants(end.min(self.offset) - 1))
                || (end > self.offset && self.wants(start.max(self.offset)))
        };
        held.ranges().iter().any(|(start, end)| end > start && near(*start, *end))
    }

    fn offer(&mut self, offset: u64, at: impl FnOnce() -> At) {
        if !self.wants(offset) {
            return;
        }
        if offset < self.offset {
            self.before.insert(offset, at());
            if self.before.len() > self.before_max {
                self.before.pop_first();
            }
        } else {
            self.from.insert(offset, at());
            if self.from.len() > self.from_max {
                self.from.pop_last();
            }
        }
    }
}

/// See [`store::Reader::context`]. `source` is the number of the source in the manifest, if it has one.
pub(crate) fn context(
    snapshot: &Snapshot,
    request: &ContextRequest,
    source: Option<u32>,
) -> Result<Context, StoreError> {
    let mut nearest = Nearest {
        offset: request.id.offset,
        before: BTreeMap::new(),
        from: BTreeMap::new(),
        before_max: request.before.min(LIMIT_MAX),
        from_max: request.after.min(LIMIT_MAX) + 1,
    };
    for batch in snapshot.head.iter().filter(|batch| batch.header.key == request.id.key) {
        for (row, record) in batch.records.iter().enumerate() {
            nearest.offer(batch.id(record).offset, || At::Head(batch.clone(), row));
        }
    }
    if let Some(source) = source {
        for part in &snapshot.parts {
            match seek(part, source, request, &mut nearest) {
                // Skipped, as every question does; the store puts it aside.
                Err(StoreError::Corrupt { .. }) => {}
                other => other?,
            }
        }
    }
    finish(nearest, request)
}

/// See [`store::Reader::whereabouts`]. `source` as in [`context`].
pub(crate) fn whereabouts(
    snapshot: &Snapshot,
    id: RecordId,
    source: Option<u32>,
) -> Result<Option<Whereabouts>, StoreError> {
    let is_in = |batch: &&Arc<ParsedBatch>| {
        batch.header.key == id.key && batch.records.iter().any(|record| batch.id(record) == id)
    };
    if let Some(batch) = snapshot.head.iter().find(is_in) {
        let batch = Some(batch.header.clone());
        return Ok(Some(Whereabouts { holder: Holder::Head, name: "head".to_owned(), at: None, batch }));
    }
    for part in source.map_or(&[][..], |_| &snapshot.parts) {
        if !source.and_then(|source| held_in(part, source).ok()?).is_some_and(|held| held.contains(id.offset)) {
            continue;
        }
        // Its file was made when its records became durable here; merging makes a new one.
        let made = std::fs::metadata(part.path()).and_then(|meta| meta.modified()).ok();
        let since = made.and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
        let at = since.and_then(|since| i64::try_from(since.as_micros()).ok()).map(Timestamp::from_micros);
        return Ok(Some(Whereabouts { holder: Holder::Part, name: part.meta().parquet_name(), at, batch: None }));
    }
    Ok(None)
}

/// What a part holds of a source.
fn held_in(part: &Part, source: u32) -> Result<Option<Intervals>, StoreError> {
    let sources = unpack_sources(&part.meta().sources)
        .map_err(|error| StoreError::Corrupt { path: part.path().display().to_string(), reason: error.to_string() })?;
    Ok(sources.into_iter().find(|(number, _)| *number == source).map(|(_, held)| held))
}

/// Looks for neighbours in a part.
fn seek(part: &Arc<Part>, source: u32, request: &ContextRequest, nearest: &mut Nearest) -> Result<(), StoreError> {
    let held = held_in(part, source)?;
    if !held.is_some_and(|held| nearest.wants_any(&held)) {
        return Ok(());
    }
    let open = part.open()?;
    for number in 0..open.groups().len() {
        let group = Rc::new(GroupView::new(&open, number));
        let (keys, codes) = group.keys()?;
        let Some(wanted) = keys.iter().position(|key| *key == request.id.key) else { continue };
        for (row, offset) in group.offsets()?.iter().enumerate() {
            if codes[row] as usize == wanted {
                nearest.offer(*offset, || At::Group(group.clone(), row));
            }
        }
    }
    Ok(())
}

fn finish(mut nearest: Nearest, request: &ContextRequest) -> Result<Context, StoreError> {
    let anchor = nearest.from.contains_key(&request.id.offset).then_some(nearest.before.len());
    if anchor.is_none() && nearest.from.len() > request.after {
        nearest.from.pop_last();
    }
    // Neighbours are mostly in one page: it is read once.
    let mut page = None;
    let mut hits: Vec<Hit> = Vec::with_capacity(nearest.before.len() + nearest.from.len());
    for at in nearest.before.into_values().chain(nearest.from.into_values()) {
        hits.push(match at {
            At::Head(batch, row) => BatchRow::new(&batch, row).hit(),
            At::Group(group, row) => {
                let line = group.line(row, &mut page)?;
                group::hit(&group, row, line)?
            }
        });
    }
    Ok(Context { hits, anchor })
}
