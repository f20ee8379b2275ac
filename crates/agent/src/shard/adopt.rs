//! Which file stands at a path: known files are recognised wherever they turn up, new ones are taken on, and copies of
//! what is known are told from both.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config::ParseChoice;
use model::{FileState, Format, SourceId, SourceKey};
use rustix::fs::FileType;

use super::Shard;
use crate::binary::looks_binary;
use crate::discover::Claim;
use crate::identity::{self, Seen, TAIL_LEN, naming_prefix, read_up_to, source_id};
use crate::ledger::Entry;
use crate::tail::{Phase, Tail};

/// A file born this much before the last sign of life of the last run may still be new to us: file times are coarse.
pub(super) const COARSE: i64 = 100_000;
/// A copy of a file that is not truncated within this time after the copy was made is a file of its own.
const SHADOW_WAIT_MIN: Duration = Duration::from_secs(2);

impl Shard {
    /// Looks at which file stands at a path.
    pub(super) fn examine_path(&mut self, path: &Path) {
        if let Some(index) = self.by_target.get(path).copied() {
            return self.attend(index);
        }
        let claim = self.links.follow.claim(path);
        if claim.is_some() || self.by_path.contains_key(path) || !self.links.follow.bases(path).is_empty() {
            self.examine(path, claim);
        }
    }

    pub(super) fn examine(&mut self, path: &Path, claim: Option<Claim>) {
        let shown = || path.display().to_string();
        let now = self.links.clock.now();
        let seen = match identity::look(path) {
            Ok(seen) => seen,
            Err(error) => {
                if let Some(index) = self.by_path.get(path).copied()
                    && error.kind() == io::ErrorKind::NotFound
                {
                    self.lost(index);
                } else if claim.is_some() && error.kind() != io::ErrorKind::NotFound {
                    self.links.shared.trouble(&shown(), format!("{error}; tried again"), now);
                }
                return;
            }
        };
        if seen.kind != FileType::RegularFile {
            if claim.is_some_and(|claim| !claim.in_folder) && seen.kind != FileType::Directory {
                let reason = "is neither a file nor a folder; left alone".to_owned();
                self.links.shared.trouble(&shown(), reason, now);
            }
            return;
        }
        let source = match self.source_of(path, &seen) {
            Ok(Some(source)) => source,
            Ok(None) => return,
            Err(error) => {
                // What is gone is looked for when its path is looked at again.
                if claim.is_some() && error.kind() != io::ErrorKind::NotFound {
                    self.links.shared.trouble(&shown(), format!("{error}; tried again"), now);
                }
                return;
            }
        };
        self.links.shared.well(&shown());
        match self.by_source.get(&source).copied() {
            Some(index) => self.known_at(index, path, claim, &seen),
            None => self.stranger(source, path, claim, &seen),
        }
    }

    /// The identity of a file; `None` while it has none (no birth time, and no first line yet).
    fn source_of(&mut self, path: &Path, seen: &Seen) -> io::Result<Option<SourceId>> {
        let inode = (seen.id.dev, seen.id.ino, seen.id.born);
        if let Some(source) = self.by_inode.get(&inode) {
            return Ok(Some(*source));
        }
        let filesystem = match self.filesystems.get(&seen.id.dev) {
            Some(known) => *known,
            None => {
                let found = identity::filesystem_id(path, seen.id.dev)?;
                self.filesystems.insert(seen.id.dev, found);
                found
            }
        };
        let prefix = if seen.id.born == 0 {
            let Some(prefix) = naming_prefix(&File::open(path)?)? else { return Ok(None) };
            prefix
        } else {
            Vec::new()
        };
        Ok(Some(source_id(self.links.host_id, filesystem, seen.id, &prefix)))
    }

    /// A file that is followed stands at `path`: where it was, under a second name, or renamed.
    fn known_at(&mut self, index: usize, path: &Path, claim: Option<Claim>, seen: &Seen) {
        let count = self.scan.count;
        let Some(tail) = self.tails[index].as_mut() else { return };
        tail.scan = count;
        if tail.leaves {
            // Whoever follows it next finds it once it is over.
            return;
        }
        if *tail.path != *path {
            let still_there = identity::look(&tail.path).is_ok_and(|at| at.id == tail.id);
            if still_there && (claim.is_none() || tail.phase != Phase::Draining) {
                // A second name of it: it is read once, by its first.
                return;
            }
            self.renamed(index, path);
        }
        let Some(tail) = self.tails[index].as_mut() else { return };
        if tail.phase == Phase::Draining && claim.is_some() {
            tail.phase = Phase::Following;
            tail.home = tail.path.clone();
            tail.shown = tail.shown_at.clone();
        } else if tail.phase == Phase::Following && claim.is_none() {
            tail.phase = Phase::Draining;
        }
        if tail.is_located() && tail.fault.is_none() {
            self.seen(index, seen.size, seen.named);
            self.attend(index);
        }
    }

    fn renamed(&mut self, index: usize, path: &Path) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        let path: Arc<Path> = path.into();
        let before = std::mem::replace(&mut tail.path, path.clone());
        tail.shown_at = path.to_string_lossy().into();
        if self.by_path.get(&before) == Some(&index) {
            self.by_path.remove(&before);
        }
        self.take_path(index, &path);
        self.note(index);
        // What stands where it was?
        if self.links.follow.claim(&before).is_some() {
            self.examine_path(&before);
        }
    }

    /// The file at `path` is now this one; the one that was there has lost it.
    fn take_path(&mut self, index: usize, path: &Arc<Path>) {
        if let Some(other) = self.by_path.insert(path.clone(), index)
            && other != index
            && self.tails[other].as_ref().is_some_and(|tail| tail.path == *path)
        {
            self.lost(other);
            self.by_path.insert(path.clone(), index);
        }
    }

    /// A file that is not followed now: it is taken on if it is claimed, if it was followed before and has something
    /// left, or if it is what a followed file became by rotation.
    fn stranger(&mut self, source: SourceId, path: &Path, claim: Option<Claim>, seen: &Seen) {
        if self.ignored.contains(&source) {
            return;
        }
        let mut only_if_held = false;
        let known = self.links.shared.ledger.lock().latest(source).cloned();
        let (key, stream, home) = match (&known, claim) {
            (Some(entry), _) => {
                let key = entry.copy_of.unwrap_or(entry.report.key);
                let named = self
                    .links
                    .settings
                    .streams
                    .iter()
                    .position(|stream| !stream.is_over && stream.name == entry.report.stream);
                let stream = claim.map(|claim| claim.stream).or(named);
                let queued = match entry.copy_of {
                    Some(original) => {
                        self.links.shared.ledger.lock().get(original).map_or(0, |entry| entry.report.queued)
                    }
                    None => entry.report.queued,
                };
                let left = seen.size != queued;
                let follow = left || (claim.is_some() && entry.copy_of.is_none());
                let Some(stream) = stream.filter(|_| follow) else { return };
                (key, stream, self.home_of(path, claim))
            }
            (None, Some(claim)) => (SourceKey::new(source, model::Generation(0)), claim.stream, path.to_owned()),
            (None, None) => {
                let Some((home, claim)) = self.rotated_from(path) else { return };
                only_if_held = !self.is_new(seen, claim.stream);
                (SourceKey::new(source, model::Generation(0)), claim.stream, home)
            }
        };
        let index = self.adopt(source, key, stream, path, home, seen);
        if let Some(tail) = self.tails[index].as_mut() {
            tail.only_if_held = only_if_held;
            tail.may_be_binary = known.is_none() && claim.is_none_or(|claim| claim.in_folder);
        }
    }

    /// The followed path that a known file belongs to.
    fn home_of(&self, path: &Path, claim: Option<Claim>) -> PathBuf {
        if claim.is_some() {
            return path.to_owned();
        }
        self.links.follow.bases(path).into_iter().next().map_or_else(|| path.to_owned(), |(base, _)| base)
    }

    /// The followed path that a file may have been rotated away from before we saw it.
    fn rotated_from(&self, path: &Path) -> Option<(PathBuf, Claim)> {
        self.links.follow.bases(path).into_iter().find(|(_, claim)| !claim.in_folder)
    }

    /// Whether a file appeared after the last run was last alive (or, without one, after this one began).
    pub(super) fn is_new(&self, seen: &Seen, stream: usize) -> bool {
        let appeared = if seen.id.born == 0 { seen.modified } else { seen.id.born } / 1000;
        appeared + COARSE >= self.known_until(stream).as_micros()
    }

    /// Takes on a file. Nothing is read before the queue said how far it has it.
    fn adopt(
        &mut self,
        source: SourceId,
        key: SourceKey,
        stream: usize,
        path: &Path,
        home: PathBuf,
        seen: &Seen,
    ) -> usize {
        let shown_at: Arc<str> = path.to_string_lossy().into();
        let at: Arc<Path> = path.into();
        let is_home = home == path;
        let shown = if is_home { shown_at.clone() } else { home.to_string_lossy().into() };
        let mut tail = Tail::new(source, key, stream, seen.id, self.now);
        tail.path = at.clone();
        tail.shown_at = shown_at;
        tail.home = if is_home { at.clone() } else { home.into() };
        tail.shown = shown;
        tail.begin_anew(0, !self.ahead.is_on);
        tail.was_there = self.is_first_scan(stream);
        tail.size = seen.size;
        tail.named = seen.named;
        tail.changed_at = base::Timestamp::from_micros(seen.modified / 1000);
        tail.scan = self.scan.count;
        let index = self.free.pop().unwrap_or_else(|| {
            self.tails.push(None);
            self.tails.len() - 1
        });
        self.tails[index] = Some(Box::new(tail));
        self.by_source.insert(source, index);
        self.by_inode.insert((seen.id.dev, seen.id.ino, seen.id.born), source);
        self.take_path(index, &at);
        self.watch_target(index, path);
        // Opened at once: so it is held if it is deleted before its turn comes.
        if self.open < self.links.settings.open_files {
            self.guard(index, |shard| shard.ensure_open(index).map(|_| ()));
        }
        if self.tails[index].is_some() {
            self.to_locate.push(index);
        }
        index
    }

    /// What a symlink leads to is written elsewhere: hints come from there.
    fn watch_target(&mut self, index: usize, path: &Path) {
        let is_link = std::fs::symlink_metadata(path).is_ok_and(|at| at.is_symlink());
        if let Some(target) = is_link.then(|| std::fs::canonicalize(path).ok()).flatten() {
            if let Some(folder) = target.parent() {
                self.watch.add(folder);
            }
            self.by_target.insert(target, index);
        }
    }

    /// The source of which a file that the queue does not know is the copy.
    pub(super) fn copied_from(&self, index: usize) -> Option<SourceKey> {
        let tail = self.tails[index].as_ref()?;
        let file = tail.file.as_ref()?;
        for (base, _) in self.links.follow.bases(&tail.path) {
            let ledger = self.links.shared.ledger.lock();
            for key in ledger.of_home(&base).iter().rev() {
                let entry = ledger.get(*key)?;
                if key.source != tail.source && is_copy(file, tail.size, entry) {
                    return Some(*key);
                }
            }
            drop(ledger);
            // A copy that is still being made is shorter than what was read of its original; and an original of which
            // nothing is acknowledged yet has no witness.
            if let Some(original) = self.by_path.get(&*base).and_then(|other| self.tails[*other].as_ref())
                && original.source != tail.source
                && original.read.end > 0
                && (tail.size < original.read.end || original.acked.end == 0)
                && original
                    .file
                    .as_ref()
                    .is_some_and(|original_file| same_so_far(file, original_file, tail.size.min(original.read.end)))
            {
                return Some(original.key);
            }
        }
        None
    }

    /// A file that looks like a copy: once its original is truncated, it is what the original was.
    pub(super) fn attend_shadow(&mut self, index: usize, key: SourceKey) -> io::Result<()> {
        self.look(index)?;
        let Some(tail) = self.tails[index].as_ref() else { return Ok(()) };
        let original = self.by_source.get(&key.source).and_then(|other| self.tails[*other].as_ref());
        let silence = self.now.saturating_sub(tail.grown_at);
        let lives = match original {
            Some(original) if original.phase == Phase::Locating || original.truncated.is_some() => {
                self.timer(index, self.now + SHADOW_WAIT_MIN / 20);
                return Ok(());
            }
            Some(original) => original.key == key,
            None => false,
        };
        if lives {
            let wait = self.links.settings.waits.rotate.max(SHADOW_WAIT_MIN);
            if silence < wait {
                self.timer(index, tail.grown_at + wait);
                return Ok(());
            }
            self.release_shadow(index);
            return Ok(());
        }
        let entry = self.links.shared.ledger.lock().get(key).cloned();
        let is_it = match (&entry, &tail.file) {
            (Some(entry), Some(file)) => is_copy(file, tail.size, entry),
            _ => false,
        };
        match entry.filter(|_| is_it) {
            Some(entry) => self.follow_copy(index, entry),
            None => self.release_shadow(index),
        }
        Ok(())
    }

    /// The original is truncated: its copy is read on where the original was left.
    fn follow_copy(&mut self, index: usize, mut original: Entry) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        tracing::info!(path = %tail.path.display(), source = %original.report.key, "a copy goes on for the truncated original");
        let stream = &self.links.settings.streams[tail.stream];
        tail.key = original.report.key;
        tail.phase = Phase::Draining;
        tail.acked = original.acked();
        tail.acked_witness = original.witness;
        tail.restart_at(original.acked(), original.witness);
        tail.prefix = original.prefix;
        tail.framing = stream.framing(original.format);
        tail.remember_tries(original.gave_up);
        tail.begin_anew(original.sent_end(), !self.ahead.is_on);
        tail.grown_at = self.now;
        let (source, inode, shown_at, home) = (tail.source, tail.id.ino, tail.shown_at.clone(), tail.shown.clone());
        original.report.missed.retain(|missed| missed.reason != model::MissedReason::TruncatedUnread);
        let mut alias = original.clone();
        alias.report.key = SourceKey::new(source, model::Generation(0));
        alias.report.path = shown_at;
        alias.report.state = FileState::Finished;
        alias.home = home;
        alias.copy_of = Some(original.report.key);
        alias.inode = inode;
        let mut ledger = self.links.shared.ledger.lock();
        ledger.put(original);
        ledger.put(alias.clone());
        drop(ledger);
        self.append_entries(std::slice::from_ref(&alias));
        self.note(index);
        self.attend(index);
    }

    /// It is no copy, or one that somebody made for himself: a file of its own if it is followed, else nothing.
    fn release_shadow(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_ref() else { return };
        let (path, source) = (tail.path.clone(), tail.source);
        if self.links.follow.claim(&path).is_some() {
            self.begin(index);
            self.attend(index);
        } else {
            self.ignored.insert(source);
            self.drop_tail(index);
        }
    }

    /// The generation `old` is over: what looked like its copy can be decided now.
    pub(super) fn wake_shadows(&mut self, old: SourceKey) {
        for index in 0..self.tails.len() {
            if self.tails[index].as_ref().is_some_and(|tail| tail.phase == Phase::Shadow(old)) {
                self.timer(index, self.now);
            }
        }
    }

    /// A file found in a folder that is no text is left alone. `true`: it was.
    pub(super) fn is_binary(&mut self, index: usize, block: &[u8]) -> bool {
        let Some(tail) = self.tails[index].as_mut() else { return true };
        if !std::mem::replace(&mut tail.may_be_binary, false) || tail.read.end > 0 {
            return false;
        }
        if !looks_binary(block) {
            return false;
        }
        let (path, source) = (tail.path.display().to_string(), tail.source);
        self.links.shared.trouble(&path, "skipped: looks binary".to_owned(), self.links.clock.now());
        self.ignored.insert(source);
        let key = tail.key;
        self.links.shared.ledger.lock().remove(key);
        self.drop_tail(index);
        true
    }

    /// What the stream says about the format.
    pub(super) fn framing_for(&self, stream: usize, format: Format) -> codec::Framing {
        let stream = &self.links.settings.streams[stream];
        match stream.parse {
            ParseChoice::Auto | ParseChoice::None | ParseChoice::Only(_) => stream.framing(format),
        }
    }
}

/// Whether a file has what is known of a source: the same beginning, and the same bytes where the queue has it.
fn is_copy(file: &File, size: u64, entry: &Entry) -> bool {
    let acked = entry.report.queued;
    let stands = || match entry.witness {
        Some(witness) if acked > 0 => size >= acked && witness.holds(file, acked).unwrap_or(false),
        // Nothing is acknowledged: what may have been sent has to do.
        _ => entry.sent.front().is_some_and(|first| first.start == acked && has_what_was_sent(file, first)),
    };
    entry.prefix.len > 0 && entry.prefix.begins(file).unwrap_or(false) && stands()
}

/// Whether a file has the bytes of a batch that may have been sent.
fn has_what_was_sent(file: &File, sent: &model::BatchHeader) -> bool {
    let mut bytes = vec![0; usize::try_from(sent.range_len()).unwrap_or(0)];
    let read = read_up_to(file, &mut bytes, sent.start);
    read.is_ok_and(|read| read == bytes.len()) && crc32c::crc32c(&bytes) == sent.payload_crc
}

/// Whether a file has the same first KiB as the other and the same bytes before `len`. Where the other has become
/// shorter, that cannot be told, and they may be.
fn same_so_far(one: &File, other: &File, len: u64) -> bool {
    let same = |offset: u64, len: usize| -> io::Result<bool> {
        let (mut a, mut b) = (vec![0; len], vec![0; len]);
        let (n, m) = (read_up_to(one, &mut a, offset)?, read_up_to(other, &mut b, offset)?);
        Ok(m < len || a[..n] == b[..m])
    };
    let last = TAIL_LEN.min(usize::try_from(len).unwrap_or(TAIL_LEN));
    let first = identity::PREFIX_LEN.min(usize::try_from(len).unwrap_or(identity::PREFIX_LEN));
    same(0, first).unwrap_or(false) && same(len - last as u64, last).unwrap_or(false)
}
