//! Sealing: a generation of the head becomes parts.
//!
//! Decision: parts are made by several threads at once where there is a backlog, but committed in the order taken, so
//! that a cursor never runs ahead of what is durable. A generation stays in the head, searchable, until its parts are
//! committed; whatever fails is tried again from it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Backoff, Explain};
use store::StoreError;
use tracing::{debug, warn};

use crate::head::{Generation, Head};
use crate::manifest::{Change, PartMeta, SourceChange, SourceName, io, pack_sources, sync_dir};
use crate::part::build::{Built, Scratch, build};
use crate::part::columns;
use crate::part::plan::{day_folder, plan};
use crate::part::rows::{BatchChunk, Chunk};
use crate::store::Inner;

const ZSTD_LEVEL: i32 = 1;

/// The work of one thread, until the store ends.
pub(crate) fn run(inner: &Inner) {
    let mut scratch = Scratch::new(ZSTD_LEVEL);
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5), 11);
    while let Some(generation) = next(inner) {
        let chunks: Vec<_> = generation.batches.iter().map(|batch| BatchChunk::new(batch)).collect();
        let made = insist(inner, &mut backoff, || make(inner, &chunks, &mut scratch));
        drop(chunks);
        let Some(parts) = made else { return };
        // A commit that failed may have reached the disk all the same, so its parts must stay: only the commit is tried
        // again.
        if !wait_for_turn(inner, generation.number)
            || insist(inner, &mut backoff, || commit(inner, &generation, &parts)).is_none()
        {
            return;
        }
        debug!(records = generation.records, parts = parts.len(), "sealed");
    }
}

/// Does what must be done, again and again until it works. `None`: the store is ending.
fn insist<T>(inner: &Inner, backoff: &mut Backoff, mut work: impl FnMut() -> Result<T, StoreError>) -> Option<T> {
    loop {
        match work() {
            Ok(done) => {
                backoff.reset();
                return Some(done);
            }
            Err(error) => {
                let wait = backoff.next_wait();
                let mut head = inner.head.lock();
                // Said once: what goes on failing is shown by the statistics.
                if head.seal_fault.is_none() {
                    warn!(error = %error.chain(), "cannot make a part, trying again until it works");
                }
                head.seal_fault = Some(error.to_string());
                inner.tick();
                let until = Instant::now() + wait;
                while !head.stop && !inner.work.wait_until(&mut head, until).timed_out() {}
                if head.stop {
                    return None;
                }
            }
        }
    }
}

fn next(inner: &Inner) -> Option<Arc<Generation>> {
    let mut head = inner.head.lock();
    loop {
        if head.stop {
            return None;
        }
        if let Some(generation) = head.claim() {
            return Some(generation);
        }
        inner.work.wait(&mut head);
    }
}

/// Makes the parts of a generation what is held, in place of it.
fn commit(inner: &Inner, generation: &Generation, parts: &[(u64, Built)]) -> Result<(), StoreError> {
    let mut cursors = None;
    inner.commit_with(
        |head| {
            let mut change = addition(head, parts);
            add_dropped(&mut change, generation);
            if generation.cursors.queue == head.state.cursors.queue {
                change.cursors = Some(generation.cursors.clone());
            }
            cursors.clone_from(&change.cursors);
            Ok(change)
        },
        |head| {
            head.sealing.pop_front();
            head.sealed = generation.number;
            head.seal_fault = None;
        },
    )?;
    if let Some(cursors) = cursors {
        inner.durable.send_if_modified(|known| {
            let moves = known.queue == cursors.queue && *known != cursors;
            if moves {
                known.clone_from(&cursors);
            }
            moves
        });
    }
    inner.tick();
    inner.work.notify_all();
    Ok(())
}

/// Waits until all generations before `number` are committed.
fn wait_for_turn(inner: &Inner, number: u64) -> bool {
    let mut head = inner.head.lock();
    while !head.stop && head.sealed + 1 != number {
        inner.work.wait(&mut head);
    }
    !head.stop
}

/// Makes the parts of some chunks, durable but not committed.
pub(crate) fn make<C: Chunk>(
    inner: &Inner,
    chunks: &[C],
    scratch: &mut Scratch,
) -> Result<Vec<(u64, Built)>, StoreError> {
    let plan = plan(chunks);
    let fields = columns::fields(chunks);
    let mut parts = Vec::with_capacity(plan.parts.len());
    for part in &plan.parts {
        let made = build(chunks, &plan.origins, &fields, part, scratch).map_err(|error| StoreError::Io {
            action: "make a part in",
            path: inner.dir.display().to_string(),
            reason: error.to_string(),
        });
        let written = made.and_then(|mut built| {
            let id = inner.reserve_part();
            let written = write(inner, id, &mut built);
            scratch.reuse(std::mem::take(&mut built.parquet));
            parts.push((id, built));
            written
        });
        if let Err(error) = written {
            // On a full disk the room is needed.
            parts.iter().for_each(|(id, built)| discard(inner, *id, built));
            return Err(error);
        }
    }
    Ok(parts)
}

/// Removes the files of a part that was never named in a commit.
fn discard(inner: &Inner, id: u64, built: &Built) {
    let meta = PartMeta { id, day: built.day, ..PartMeta::default() };
    for name in [meta.parquet_name(), meta.sidecar_name()] {
        let _ = std::fs::remove_file(inner.dir.join(name));
    }
}

/// Writes a part's files.
fn write(inner: &Inner, id: u64, built: &mut Built) -> Result<(), StoreError> {
    let meta = PartMeta { id, day: built.day, ..PartMeta::default() };
    let day = inner.dir.join(day_folder(built.day));
    if !day.exists() {
        std::fs::create_dir_all(&day).map_err(io("create", &day))?;
        sync_dir(&inner.dir)?;
    }
    built.parquet_bytes = built.parquet.len() as u64;
    built.sidecar_bytes = built.sidecar.len() as u64;
    write_file(&inner.dir, &meta.sidecar_name(), &std::mem::take(&mut built.sidecar))?;
    write_file(&inner.dir, &meta.parquet_name(), &built.parquet)?;
    sync_dir(&day)
}

/// Under another name first, so that other Parquet tools never see half a file.
fn write_file(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let path = dir.join(name);
    let temp = match name.rsplit_once('/') {
        Some((day, file)) => dir.join(day).join(format!(".{file}.tmp")),
        None => dir.join(format!(".{name}.tmp")),
    };
    let mut file = File::create(&temp).map_err(io("create", &temp))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_data());
    let done =
        written.map_err(io("write", &temp)).and_then(|()| std::fs::rename(&temp, &path).map_err(io("rename", &temp)));
    if done.is_err() {
        // On a full disk the room is needed.
        let _ = std::fs::remove_file(&temp);
    }
    done
}

/// The change that adds parts, with numbers for what is new in them.
pub(crate) fn addition(head: &Head, parts: &[(u64, Built)]) -> Change {
    let state = &head.state;
    let mut change = Change { next_part: state.next_part, ..Change::default() };
    for (id, built) in parts {
        let mut sources = Vec::new();
        for (origin, ranges) in &built.sources {
            let known = state.source_number(origin.key);
            let place = change.sources.iter().position(|source| source.key == origin.key);
            let place = place.unwrap_or_else(|| {
                change.sources.push(SourceChange::of(origin.key));
                change.sources.len() - 1
            });
            // New keys get numbers in the order in which the change names them.
            let number = known.unwrap_or_else(|| {
                let before = change.sources[..place].iter().filter(|source| state.source_number(source.key).is_none());
                (state.sources.len() + before.count()) as u32
            });
            let (stream, host, path) = (origin.stream.clone(), origin.host.clone(), origin.path.clone());
            let name = SourceName { stream, host, path };
            let source = &mut change.sources[place];
            source.name = Some(name).filter(|name| known.is_none_or(|n| state.sources[n as usize].name != *name));
            source.stored.extend(ranges);
            sources.push((number, ranges));
        }
        let fields = built.fields.iter().map(|(name, rows, is_column)| {
            let known = state.field_number(name).map(|number| number as usize);
            let known = known.or_else(|| Some(state.fields.len() + change.fields.iter().position(|new| new == name)?));
            let number = known.unwrap_or_else(|| {
                change.fields.push(name.clone());
                state.fields.len() + change.fields.len() - 1
            });
            (number as u32, u32::try_from(*rows).unwrap_or(u32::MAX), *is_column)
        });
        let fields = fields.collect();
        change.added.push(PartMeta {
            id: *id,
            day: built.day,
            rows: built.rows,
            line_bytes: built.line_bytes,
            parquet_bytes: built.parquet_bytes,
            sidecar_bytes: built.sidecar_bytes,
            min_time: built.min_time,
            max_time: built.max_time,
            sources: pack_sources(&sources),
            fields,
        });
    }
    change
}

/// Notes what the generation's streams dropped, and the sources of which nothing was kept.
fn add_dropped(change: &mut Change, generation: &Generation) {
    for (key, source) in &generation.sources {
        if source.dropped.is_empty() {
            continue;
        }
        match change.sources.iter_mut().find(|known| known.key == *key) {
            Some(known) => known.dropped.extend(&source.dropped),
            None => change.sources.push(SourceChange {
                name: Some(source.name.clone()),
                dropped: source.dropped.clone(),
                ..SourceChange::of(*key)
            }),
        }
    }
}
