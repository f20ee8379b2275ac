//! What is known of every source: the reports of the audit, and the witnesses that a restart needs.
//!
//! Shared between the reader, which writes it once per batch at most, and whoever asks for reports.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use model::{BatchHeader, FileFacts, FileState, Format, Generation, Missed, SourceId, SourceKey, SourceReport};

use crate::identity::Witness;
use crate::tail::Mark;

/// What is known of one source in one generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What is reported.
    pub report: SourceReport,
    /// Where the open line begins, if the last byte that the queue has does not end one.
    pub open_line: Option<u64>,
    /// The recognised format.
    pub format: Format,
    /// The format is not looked for any more.
    pub gave_up: bool,
    /// What stood before the last byte that the queue has.
    pub witness: Option<Witness>,
    /// What the file begins with.
    pub prefix: Witness,
    /// The followed path that it belongs to, wherever it stands now.
    pub home: Arc<str>,
    /// Its inode.
    pub inode: u64,
    /// The file turned out to be the copy of another source, and is accounted for there.
    pub copy_of: Option<SourceKey>,
    /// Where the queue keeps no positions: what may have been sent behind what is acknowledged, batch by batch.
    pub sent: VecDeque<Arc<BatchHeader>>,
}

impl Entry {
    /// Forgets what was sent and is acknowledged.
    pub fn prune_sent(&mut self) {
        while self.sent.front().is_some_and(|first| first.end <= self.report.queued) {
            self.sent.pop_front();
        }
    }

    /// Where what may have been sent ends; 0 where nothing was but what is acknowledged.
    pub fn sent_end(&self) -> u64 {
        self.sent.back().map_or(0, |last| last.end)
    }

    /// How far the queue has it.
    pub const fn acked(&self) -> Mark {
        Mark { end: self.report.queued, open_line: self.open_line }
    }

    /// The end of what was left out at the beginning, 0 where nothing was.
    pub fn missed_at_start(&self) -> u64 {
        self.report.missed.iter().filter(|missed| missed.start == 0).map(|missed| missed.end).max().unwrap_or(0)
    }

    /// Adds a range that will never be read.
    pub fn miss(&mut self, missed: Missed) {
        if missed.start < missed.end && !self.report.missed.contains(&missed) {
            self.report.missed.push(missed);
        }
    }
}

/// Everything that is known.
#[derive(Default)]
pub struct Ledger {
    entries: BTreeMap<SourceKey, Entry>,
    /// Sources that belong to a path, the newest last.
    by_home: HashMap<Arc<str>, Vec<SourceKey>>,
}

/// So many files that stood at a path before are counted.
const ROTATIONS_MAX: usize = 1000;
/// So many sources that are over are remembered.
const FINISHED_MAX: usize = 10_000;

impl Ledger {
    /// What is known of one.
    pub fn get(&self, key: SourceKey) -> Option<&Entry> {
        self.entries.get(&key)
    }

    /// What is known of one, to be changed (save its path).
    pub fn get_mut(&mut self, key: SourceKey) -> Option<&mut Entry> {
        self.entries.get_mut(&key)
    }

    /// What is known of a source's latest generation.
    pub fn latest(&self, source: SourceId) -> Option<&Entry> {
        let all = SourceKey::new(source, Generation(0))..=SourceKey::new(source, Generation(u32::MAX));
        self.entries.range(all).next_back().map(|(_, entry)| entry)
    }

    /// The sources that belong to a path.
    pub fn of_home(&self, path: &Path) -> &[SourceKey] {
        self.by_home.get(&*path.to_string_lossy()).map_or(&[], Vec::as_slice)
    }

    /// What is known of the file of an entry.
    pub fn facts(&self, entry: &Entry) -> FileFacts {
        let there = self.by_home.get(&entry.home).map_or(&[][..], Vec::as_slice);
        let key = entry.report.key;
        // In the order in which they came; a file stands there once for each generation.
        let before = there.iter().take(ROTATIONS_MAX).take_while(|other| **other != key);
        let mut before: Vec<_> = before.map(|other| other.source).collect();
        before.retain(|source| *source != key.source);
        before.dedup();
        let rotations = u32::try_from(before.len()).unwrap_or(u32::MAX);
        FileFacts { home: entry.home.clone(), inode: entry.inode, rotations }
    }

    /// Notes that a batch is about to be sent.
    pub fn note_sent(&mut self, header: Arc<BatchHeader>) {
        let Some(entry) = self.entries.get_mut(&header.key) else { return };
        if header.end > entry.report.queued.max(entry.sent_end()) {
            entry.sent.push_back(header);
        }
    }

    /// Notes what is known of one; what was noted as sent stays, as far as it is not acknowledged.
    pub fn put(&mut self, mut entry: Entry) {
        let key = entry.report.key;
        if let Some(before) = self.entries.get_mut(&key) {
            entry.sent = std::mem::take(&mut before.sent);
            entry.prune_sent();
        }
        if self.entries.get(&key).is_some_and(|before| before.home != entry.home) {
            self.leave_home(key);
        }
        let there = self.by_home.entry(entry.home.clone()).or_default();
        if !there.contains(&key) {
            there.push(key);
        }
        self.entries.insert(key, entry);
    }

    /// Forgets one.
    pub fn remove(&mut self, key: SourceKey) {
        self.leave_home(key);
        self.entries.remove(&key);
    }

    /// All of them, by key.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Forgets those that have been over for longest, beyond the bound; returns how many.
    pub fn forget(&mut self) -> usize {
        let is_over = |entry: &&Entry| entry.report.state == FileState::Finished;
        let mut over: Vec<_> =
            self.entries.values().filter(is_over).map(|e| (e.report.changed_at, e.report.key)).collect();
        if over.len() <= FINISHED_MAX {
            return 0;
        }
        over.sort_unstable();
        over.truncate(over.len() - FINISHED_MAX);
        for (_, key) in &over {
            self.leave_home(*key);
            self.entries.remove(key);
        }
        over.len()
    }

    fn leave_home(&mut self, key: SourceKey) {
        if let Some(entry) = self.entries.get(&key)
            && let Some(there) = self.by_home.get_mut(&entry.home)
        {
            there.retain(|other| *other != key);
            if there.is_empty() {
                self.by_home.remove(&entry.home);
            }
        }
    }
}
