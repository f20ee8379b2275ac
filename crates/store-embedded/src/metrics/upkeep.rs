//! Heads become chunks, chunks are merged, old days are removed.
//!
//! Done by whoever writes, once in a while: no thread waits for it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::sync::Arc;

use base::Timestamp;
use store::StoreError;

use super::chunk::{Chunk, ChunkName, ChunkWriter, day_of};
use super::folder::failed;
use super::head::{Cell, Head};
use super::{Core, State, journal};

/// When what is due.
pub(super) struct Upkeep {
    /// Retention is looked at then.
    next: Timestamp,
    /// Journals of earlier runs.
    journals: usize,
    /// The number of the frozen head.
    frozen: u64,
}

/// Retention is looked at so often.
const EVERY_MICROS: i64 = 600_000_000;
/// So many chunks of a day are merged.
const MERGE_AT: usize = 8;
/// Restarts leave journals: so many become chunks.
const JOURNALS_MAX: usize = 8;

impl Upkeep {
    pub fn new(journals: usize) -> Self {
        Self { next: Timestamp::from_micros(i64::MIN), journals, frozen: 0 }
    }
}

impl Core {
    /// What is due when the store is opened.
    pub(super) fn tidy_up(&self) -> Result<(), StoreError> {
        if self.upkeep.lock().journals >= JOURNALS_MAX {
            self.make_chunks()?;
        }
        self.keep_up();
        Ok(())
    }

    /// Does what is due, if nobody else does.
    pub(super) fn keep_up(&self) {
        let is_full = self.state.read().head.bytes() as u64 >= self.options.head_bytes.0;
        let now = self.options.clock.now();
        let is_due = {
            let Some(mut upkeep) = self.upkeep.try_lock() else { return };
            let is_due = now >= upkeep.next;
            if is_due {
                upkeep.next = now.plus_micros(EVERY_MICROS);
            }
            is_due
        };
        let mut done = if is_full { self.make_chunks() } else { Ok(()) };
        if is_due {
            done = done.and_then(|()| self.expire(now));
        }
        if let Err(error) = done {
            tracing::warn!(%error, "the metrics store cannot be kept tidy; tried again");
        }
    }

    /// Makes chunks of what is in memory.
    pub(super) fn make_chunks(&self) -> Result<(), StoreError> {
        let mut upkeep = self.upkeep.lock();
        let Some(head) = self.freeze(&mut upkeep) else { return Ok(()) };
        let number = upkeep.frozen;
        let days: BTreeSet<i64> = head.columns().flat_map(|(_, cells)| cells).map(|(at, _)| day_of(*at)).collect();
        let mut made = Vec::new();
        for day in &days {
            made.push(self.write_day(&head, ChunkName { day: *day, first: number, last: number })?);
        }
        {
            let mut state = self.state.write();
            state.chunks.extend(made.into_iter().map(Arc::new));
            state.chunks.sort_by_key(|chunk| (chunk.name.day, chunk.name.first));
            state.frozen = None;
        }
        self.remove_journals(number)?;
        upkeep.journals = 0;
        for day in days {
            self.merge(day)?;
        }
        Ok(())
    }

    /// Puts the head aside; what could not be made chunks of before comes first.
    fn freeze(&self, upkeep: &mut Upkeep) -> Option<Arc<Head>> {
        let mut journal = self.journal.lock();
        let mut state = self.state.write();
        if let Some(frozen) = &state.frozen {
            return Some(Arc::clone(frozen));
        }
        if state.head.is_empty() {
            return None;
        }
        upkeep.frozen = journal.number;
        journal.leave();
        let frozen = Arc::new(std::mem::take(&mut state.head));
        state.frozen = Some(Arc::clone(&frozen));
        Some(frozen)
    }

    fn write_day(&self, head: &Head, name: ChunkName) -> Result<Chunk, StoreError> {
        let mut columns: Vec<_> = head.columns().map(|(column, cells)| (*column, of_day(cells, name.day))).collect();
        columns.retain(|(_, cells)| !cells.is_empty());
        let mut writer = ChunkWriter::begin(&self.folder, name)?;
        let keys = self.in_order(columns.iter().map(|(column, _)| *column));
        let by_column: BTreeMap<(u32, u32), &[Cell]> = columns.into_iter().collect();
        for (column, key, field) in keys {
            writer.add(&key, &field, by_column[&column])?;
        }
        let name = writer.finish()?;
        Chunk::open(&self.folder, name, &mut self.state.write().registry)
    }

    /// Columns by measurement, field and tags, as they are asked for.
    fn in_order(&self, columns: impl Iterator<Item = (u32, u32)>) -> Vec<NamedColumn> {
        let state = self.state.read();
        let mut named: Vec<NamedColumn> = columns
            .filter_map(|(series, field)| {
                Some(((series, field), Arc::clone(state.registry.key(series)?), state.registry.field(field).to_owned()))
            })
            .collect();
        named.sort_by(|a, b| (&a.1.measurement, &a.2, &a.1.tags).cmp(&(&b.1.measurement, &b.2, &b.1.tags)));
        named
    }

    fn remove_journals(&self, up_to: u64) -> Result<(), StoreError> {
        for entry in fs::read_dir(&self.folder).map_err(failed("list", &self.folder))? {
            let entry = entry.map_err(failed("list", &self.folder))?;
            let number = journal::number_of(&entry.file_name().to_string_lossy());
            if number.is_some_and(|number| number <= up_to) {
                fs::remove_file(entry.path()).map_err(failed("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    /// Makes one chunk of those of a day, if there are several.
    fn merge(&self, day: i64) -> Result<(), StoreError> {
        let chunks: Vec<Arc<Chunk>> =
            self.state.read().chunks.iter().filter(|chunk| chunk.name.day == day).cloned().collect();
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else { return Ok(()) };
        if chunks.len() < MERGE_AT {
            return Ok(());
        }
        let name = ChunkName { day, first: first.name.first, last: last.name.last };
        let mut writer = ChunkWriter::begin(&self.folder, name)?;
        let columns: BTreeSet<(u32, u32)> =
            chunks.iter().flat_map(|chunk| chunk.columns()).map(|(series, field, _)| (series, field)).collect();
        let mut cells = Vec::new();
        for (column, key, field) in self.in_order(columns.into_iter()) {
            cells.clear();
            for chunk in &chunks {
                chunk.cells(column, &mut cells)?;
            }
            // Stable: what was written later stands later, and counts.
            cells.sort_by_key(|(at, _)| *at);
            cells.reverse();
            cells.dedup_by_key(|(at, _)| *at);
            cells.reverse();
            writer.add(&key, &field, &cells)?;
        }
        let name = writer.finish()?;
        let mut state = self.state.write();
        let merged = Chunk::open(&self.folder, name, &mut state.registry)?;
        state.chunks.retain(|chunk| chunk.name.day != day);
        state.chunks.push(Arc::new(merged));
        state.chunks.sort_by_key(|chunk| (chunk.name.day, chunk.name.first));
        drop(state);
        chunks.iter().try_for_each(|chunk| chunk.remove())
    }

    /// Removes days that are over for longer than they are kept.
    fn expire(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some(age) = self.options.retention_age else { return Ok(()) };
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let before = now.as_micros().saturating_sub(age);
        let _alone = self.upkeep.lock();
        let mut state = self.state.write();
        let chunks = std::mem::take(&mut state.chunks);
        let (old, kept): (Vec<_>, Vec<_>) = chunks.into_iter().partition(|chunk| chunk.name.end() <= before);
        state.chunks = kept;
        if old.is_empty() {
            return Ok(());
        }
        state.forget_unused();
        drop(state);
        tracing::info!(chunks = old.len(), "days of metrics that are kept no longer are removed");
        old.iter().try_for_each(|chunk| chunk.remove())
    }
}

/// A column, its series and the name of its field.
type NamedColumn = ((u32, u32), Arc<super::registry::SeriesKey>, String);

impl State {
    /// Forgets series and fields that have no points any more.
    fn forget_unused(&mut self) {
        let heads = self.frozen.as_deref().into_iter().chain([&self.head]);
        let in_memory = heads.flat_map(Head::columns).map(|((series, field), cells)| {
            (*series, *field, cells.iter().any(|(_, value)| store::metrics::number(value).is_some()))
        });
        let columns: HashSet<(u32, u32, bool)> =
            in_memory.chain(self.chunks.iter().flat_map(|chunk| chunk.columns())).collect();
        self.registry.retain(&columns);
    }
}

fn of_day(cells: &[Cell], day: i64) -> &[Cell] {
    let from = cells.partition_point(|(at, _)| day_of(*at) < day);
    let to = cells.partition_point(|(at, _)| day_of(*at) <= day);
    &cells[from..to]
}
