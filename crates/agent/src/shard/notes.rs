//! What is known of a file, noted in the ledger and its checkpoint.

use std::time::Duration;

use model::{FileFacts, FileState, Missed, SourceReport};

use super::Shard;
use crate::identity::{PREFIX_LEN, Witness};
use crate::ledger::Entry;
use crate::status::add;
use crate::tail::Tail;

/// The time is noted so often while nothing else happens.
const ALIVE: Duration = Duration::from_secs(60);

impl Shard {
    /// What is known of a file is newer than its note.
    pub(super) fn note(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_mut().filter(|tail| tail.is_located()) else { return };
        if !tail.dirty {
            tail.dirty = true;
            self.dirty.push(index);
        }
        self.write_entry(index, None);
    }

    /// Brings the ledger's entry up to date.
    fn write_entry(&self, index: usize, state: Option<FileState>) {
        let Some(tail) = &self.tails[index] else { return };
        let mut ledger = self.links.shared.ledger.lock();
        if let Some(entry) = ledger.get_mut(tail.key)
            && *entry.report.path == *tail.shown_at
            && *entry.home == *tail.shown
        {
            update(entry, tail);
            let stream = &self.links.settings.streams[tail.stream].name;
            if entry.report.stream != *stream {
                // Another stream has taken it over.
                entry.report.stream = stream.clone();
            }
            entry.report.state = state.unwrap_or_else(|| tail.state());
            return;
        }
        let missed = ledger.get(tail.key).map(|entry| entry.report.missed.clone()).unwrap_or_default();
        let settings = &self.links.settings;
        let mut entry = Entry {
            report: SourceReport {
                key: tail.key,
                host: settings.host.clone(),
                stream: settings.streams[tail.stream].name.clone(),
                path: tail.shown_at.clone(),
                size: 0,
                read: 0,
                queued: 0,
                missed,
                state: state.unwrap_or_else(|| tail.state()),
                changed_at: tail.changed_at,
                file: FileFacts::default(),
            },
            open_line: None,
            format: tail.framing.format,
            gave_up: false,
            witness: None,
            prefix: tail.prefix,
            home: tail.shown.clone(),
            inode: tail.id.ino,
            copy_of: None,
            sent: std::collections::VecDeque::new(),
        };
        update(&mut entry, tail);
        ledger.put(entry);
    }

    /// The size that was noted last may be that of new content.
    pub(super) fn unsure_size(&mut self, index: usize) {
        let Some(tail) = &self.tails[index] else { return };
        if let Some(entry) = self.links.shared.ledger.lock().get_mut(tail.key) {
            entry.report.size = tail.sure_size.max(tail.read.end);
        }
    }

    /// A generation is over: its last note.
    pub(super) fn end_generation(&mut self, index: usize) {
        self.write_entry(index, Some(FileState::Finished));
        let Some(tail) = self.tails[index].as_mut() else { return };
        let key = tail.key;
        let mut ledger = self.links.shared.ledger.lock();
        if let Some(entry) = ledger.get_mut(key) {
            let missed_end = entry.report.missed.iter().map(|missed| missed.end).max().unwrap_or(0);
            entry.report.size = entry.report.read.max(missed_end);
            let entry = entry.clone();
            drop(ledger);
            self.append_entries(std::slice::from_ref(&entry));
        }
    }

    /// Notes a range that will never be read.
    pub(super) fn miss(&mut self, index: usize, missed: Missed) {
        if missed.start >= missed.end {
            return;
        }
        self.note(index);
        let Some(tail) = &self.tails[index] else { return };
        add(&self.links.shared.counters.missed_bytes, missed.end - missed.start);
        tracing::warn!(
            path = %tail.path.display(), start = missed.start, end = missed.end, reason = missed.reason.name(),
            "bytes will never be read"
        );
        if let Some(entry) = self.links.shared.ledger.lock().get_mut(tail.key) {
            entry.miss(missed);
        }
    }

    /// Writes what is new to the checkpoints.
    pub(super) fn flush_checkpoints(&mut self) {
        self.next.flush = self.now + super::FLUSH;
        if self.dirty.is_empty() && self.now < self.next.alive {
            return;
        }
        self.next.alive = self.now + ALIVE;
        let mut entries = Vec::with_capacity(self.dirty.len());
        for index in std::mem::take(&mut self.dirty) {
            self.extend_prefix(index);
            self.write_entry(index, None);
            let Some(tail) = self.tails[index].as_mut() else { continue };
            tail.dirty = false;
            tail.in_checkpoints = true;
            entries.extend(self.links.shared.ledger.lock().get(tail.key).cloned());
        }
        self.append_entries(&entries);
        self.sync_checkpoints();
    }

    pub(super) fn append_entries(&mut self, entries: &[Entry]) {
        let now = self.links.clock.now();
        // Every file that appeared before then is in the ledger, if it concerns us.
        if self.tails.iter().flatten().all(|tail| tail.is_located()) {
            self.complete_until = self.scan.began_at.max(self.complete_until);
        }
        let complete_until = self.complete_until;
        let checkpoints = &mut self.links.checkpoints;
        let mut written = checkpoints.append(entries.iter(), complete_until);
        if written.is_ok() && checkpoints.wants_compaction() {
            let mut ledger = self.links.shared.ledger.lock();
            ledger.forget();
            written = checkpoints.compact(&ledger, complete_until);
        }
        match written {
            Ok(()) => self.links.shared.well("checkpoints"),
            // Where the queue keeps positions, a restart asks it more; else nothing is sent until this goes well.
            Err(error) => self.links.shared.trouble("checkpoints", format!("cannot be written: {error}"), now),
        }
    }

    /// The witness of the file's beginning, taken with the first batch, grows with what the queue has of the file.
    fn extend_prefix(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        let wanted = tail.acked.end.min(PREFIX_LEN as u64);
        if u64::from(tail.prefix.len) < wanted
            && tail.truncated.is_none()
            && let Some(file) = &tail.file
            && let Ok(true) = tail.prefix.begins(file)
            && let Ok(prefix) = Witness::of_prefix(file, wanted)
        {
            tail.prefix = prefix;
        }
    }
}

fn update(entry: &mut Entry, tail: &Tail) {
    let report = &mut entry.report;
    report.size = if tail.truncated.is_some() { report.size.max(tail.read.end) } else { tail.size.max(tail.read.end) };
    report.read = tail.read.end;
    report.queued = tail.acked.end;
    report.changed_at = tail.changed_at;
    entry.open_line = tail.acked.open_line;
    entry.format = tail.framing.format;
    entry.gave_up = tail.framing.format == model::Format::Unknown && tail.gave_up();
    entry.witness = tail.acked_witness;
    entry.prefix = tail.prefix;
    entry.prune_sent();
}
