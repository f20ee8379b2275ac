//! Looking everywhere: the scan of all followed paths, and the sweep over files that are followed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Timestamp;
use model::{Missed, MissedReason};

use super::Shard;
use crate::discover::{Claim, Found};
use crate::status::{add, set};
use crate::tail::{Mono, Phase};

/// When the scan is due.
#[derive(Default)]
pub(super) struct ScanState {
    due: Mono,
    /// The number of the scan.
    pub count: u64,
    /// How long the last one took.
    took: Duration,
    /// When the last one ended.
    ended: Mono,
    /// When the last one began.
    pub began_at: Timestamp,
}

/// A scan takes at most one part in so many of the reader's time.
const SHARE: u32 = 50;
/// After a hint that folders changed, others may follow.
const SOON: Duration = Duration::from_millis(20);
/// Files that did not grow for so long are looked at less often.
const COOLS_AFTER: Duration = Duration::from_secs(10);
/// Every file is looked at once within this time, or longer where there are very many.
const COLD_ROUND: Duration = Duration::from_secs(2);
/// So much time is allowed for each look at a file that is not in use: a look takes about 3 µs.
const COLD_LOOK: Duration = Duration::from_micros(500);
/// The same where hints do not come from everywhere.
const COLD_LOOK_BLIND: Duration = Duration::from_micros(100);

impl ScanState {
    pub fn is_due(&self, now: Mono) -> bool {
        now >= self.due
    }

    pub const fn due(&self) -> Mono {
        self.due
    }

    pub fn set_due(&mut self, due: Mono) {
        self.due = due;
    }

    /// Something happened that only a scan can tell.
    pub fn soon(&mut self, now: Mono) {
        self.due = self.due.min((now + SOON).max(self.ended + self.took * SHARE));
    }
}

impl Shard {
    /// Goes through everything that is followed.
    pub(super) fn scan_all(&mut self) {
        self.scan.count += 1;
        let began_at = self.links.clock.now();
        let follow = self.links.follow.clone();
        let mut missing = Vec::new();
        follow.walk(&mut |found| self.found(found, &mut missing));
        self.missing_paths(&missing);
        self.look_for_vanished();
        if self.scan.count == 1 {
            self.account_for_left_over();
        }
        let ended = self.began.elapsed();
        self.scan.began_at = began_at;
        self.scan.took = ended.saturating_sub(self.now);
        self.scan.ended = ended;
        self.scan.due = ended + self.links.settings.scan.max(self.scan.took * SHARE);
        add(&self.links.shared.counters.scans, 1);
        if self.watch.is_exhausted() {
            let reason =
                "the system grants no more inotify watches; files there are polled (see fs.inotify.max_user_watches)";
            self.links.shared.trouble("inotify", reason.to_owned(), self.links.clock.now());
        }
    }

    /// Goes through a folder that appeared, at once: what is in it may vanish before the next scan.
    pub(super) fn new_folder(&mut self, folder: &Path) {
        if !self.links.follow.reaches_into(folder) {
            return;
        }
        let follow = self.links.follow.clone();
        let mut missing = Vec::new();
        // What is wrong with it, the scan that follows will say.
        follow.walk_from(folder, &mut |found| self.found(found, &mut missing));
    }

    /// Goes through one folder.
    pub(super) fn list_folder(&mut self, folder: &Path) {
        let follow = self.links.follow.clone();
        let mut missing = Vec::new();
        follow.list(folder, &mut |found| self.found(found, &mut missing));
    }

    fn found(&mut self, found: Found<'_>, missing: &mut Vec<(PathBuf, io::Error)>) {
        match found {
            Found::File(path, inode, claim) => self.found_file(path, inode, claim),
            Found::Folder(folder) => {
                self.watch.add(folder);
                self.links.shared.well(&folder.display().to_string());
            }
            Found::Problem(path, error) => missing.push((path.to_owned(), error)),
        }
    }

    fn found_file(&mut self, path: &Path, inode: u64, claim: Option<Claim>) {
        if claim.is_some() || self.left_over.contains(&inode) || !self.links.follow.bases(path).is_empty() {
            self.examine(path, claim);
        }
    }

    fn missing_paths(&mut self, missing: &[(PathBuf, io::Error)]) {
        let now = self.links.clock.now();
        for (path, error) in missing {
            let reason = match error.kind() {
                io::ErrorKind::NotFound => "is not there; waits for it".to_owned(),
                _ => format!("{error}; tried again"),
            };
            self.links.shared.trouble(&path.display().to_string(), reason, now);
        }
    }

    /// Files that the scan did not come upon are looked for at their path.
    fn look_for_vanished(&mut self) {
        let count = self.scan.count;
        for index in 0..self.tails.len() {
            let unseen =
                self.tails[index].as_ref().is_some_and(|tail| tail.scan != count && tail.phase != Phase::Draining);
            if unseen {
                let path = self.tails[index].as_ref().map(|tail| tail.path.clone());
                if let Some(path) = path {
                    self.examine_path(&path);
                }
            }
        }
    }

    /// Looks at files: those in use each time, the others in turns.
    pub(super) fn sweep(&mut self) {
        self.next.sweep = self.now + self.links.settings.sweep;
        self.refresh_utc_offset();
        let hot = std::mem::take(&mut self.hot);
        for index in hot {
            if let Some(tail) = self.tails[index].as_mut() {
                tail.hot = false;
            }
            self.attend(index);
            let now = self.now;
            if self.tails[index]
                .as_ref()
                .is_some_and(|tail| tail.phase == Phase::Draining || now.saturating_sub(tail.grown_at) < COOLS_AFTER)
            {
                self.warm(index);
            }
        }
        self.sweep_cold();
        self.hold_deleted();
        // Hints make it soon, so looking may take its time: at most one part in so many of the reader's.
        let took = self.began.elapsed().saturating_sub(self.now);
        self.next.sweep = self.next.sweep.max(self.now + (took * SHARE).min(COLD_ROUND));
        if self.in_flight == 0 && self.live.is_empty() && self.ready.is_empty() && self.at_risk.is_empty() {
            self.pool.trim(1);
        }
    }

    fn sweep_cold(&mut self) {
        let all = self.tails.len();
        if all == 0 {
            return;
        }
        let look = if self.watch.is_exhausted() { COLD_LOOK_BLIND } else { COLD_LOOK };
        let round = COLD_ROUND.max(look * all as u32);
        let share = self.links.settings.sweep.as_secs_f64() / round.as_secs_f64();
        let some = ((all as f64 * share).ceil() as usize).clamp(1, all);
        for _ in 0..some {
            self.cold_at = (self.cold_at + 1) % self.tails.len();
            self.attend(self.cold_at);
        }
    }

    /// Deleted files that we hold open take room on the disk: not more than is allowed.
    fn hold_deleted(&mut self) {
        let deleted = |index: &usize| {
            let tail = self.tails[*index].as_ref()?;
            (!tail.named && tail.file.is_some()).then_some((tail.grown_at, *index, tail.size))
        };
        let mut held: Vec<_> = self.hot.iter().filter_map(deleted).collect();
        let mut total: u64 = held.iter().map(|(_, _, size)| size).sum();
        set(&self.links.shared.counters.deleted_held_bytes, usize::try_from(total).unwrap_or(usize::MAX));
        if total <= self.links.settings.deleted_held {
            return;
        }
        held.sort_unstable();
        for (_, index, size) in held {
            if total <= self.links.settings.deleted_held {
                return;
            }
            let Some(tail) = self.tails[index].as_ref().filter(|tail| tail.flights.is_empty()) else { continue };
            let missed = Missed { start: tail.acked.end, end: tail.size, reason: MissedReason::HeldTooMuch };
            tracing::warn!(path = %tail.path.display(), bytes = missed.end - missed.start, "deleted files hold too much: one is let go unread");
            self.miss(index, missed);
            self.finish(index);
            total -= size;
        }
    }
}
