//! What happens to one file that is followed: a look, a decision, and what comes of it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use model::{Generation, Missed, MissedReason, SourceKey};
use rustix::fs::OFlags;

use super::Shard;
use super::step::view;
use crate::identity::{self, Witness};
use crate::status::add;
use crate::tail::decide::{Decision, decide};
use crate::tail::{Mark, Phase};

/// A file that must wait for others to be closed looks again so soon.
const OPEN_AGAIN: Duration = Duration::from_millis(50);

/// A file that was let go is over after such a silence.
const LEAVES: Duration = Duration::from_millis(500);

impl Shard {
    /// Looks at a file and does what there is to do.
    pub(super) fn attend(&mut self, index: usize) {
        self.guard(index, |shard| shard.attend_now(index));
    }

    fn attend_now(&mut self, index: usize) -> io::Result<()> {
        let now = self.now;
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        if let Some(fault) = &tail.fault {
            if now < fault.until {
                return Ok(());
            }
            tail.fault = None;
            if tail.phase == Phase::Locating && !self.to_locate.contains(&index) {
                self.to_locate.push(index);
            }
            self.links.shared.well(&tail.path.display().to_string());
        }
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        if tail.resend_at.is_some_and(|at| at <= now) && tail.flights.is_empty() {
            tail.resend_at = None;
        }
        match tail.phase {
            Phase::Locating => Ok(()),
            Phase::Shadow(key) => self.attend_shadow(index, key),
            Phase::Following | Phase::Draining => {
                self.look(index)?;
                self.settle(index)
            }
        }
    }

    /// Sees how large the file is now.
    pub(super) fn look(&mut self, index: usize) -> io::Result<()> {
        let Some(tail) = self.tails[index].as_ref() else { return Ok(()) };
        let seen = match &tail.file {
            Some(file) => Some(identity::look_open(file)?),
            None => match identity::look(&tail.path) {
                Ok(seen) if seen.id == tail.id => Some((seen.size, seen.named)),
                Ok(_) => None,
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        match seen {
            Some((size, named)) => self.seen(index, size, named),
            None => self.lost(index),
        }
        Ok(())
    }

    /// Notes what was seen of a file.
    pub(super) fn seen(&mut self, index: usize, size: u64, named: bool) {
        let (now, at) = (self.now, self.links.clock.now());
        let Some(tail) = self.tails[index].as_mut() else { return };
        // What comes after it was let go is not read.
        let size = if tail.leaves { size.min(tail.size.max(tail.read.end)) } else { size };
        if size < tail.read.end {
            tail.truncated = Some(size);
        }
        if size != tail.size {
            tail.grown_at = now;
            tail.changed_at = at;
            tail.held = None;
            tail.size = size;
            self.note(index);
            self.warm(index);
        }
        if let Some(tail) = self.tails[index].as_mut() {
            tail.named = named;
        }
    }

    /// Does what follows from what is known.
    pub(super) fn settle(&mut self, index: usize) -> io::Result<()> {
        let mut waits = self.links.settings.waits;
        let Some(tail) = self.tails[index].as_ref().filter(|tail| tail.is_located()) else { return Ok(()) };
        if tail.leaves {
            // Nobody waits for more of it.
            waits.rotate = waits.rotate.min(LEAVES);
        }
        if tail.truncated.is_some() {
            if tail.flights.is_empty() {
                self.new_generation(index)?;
            }
            return Ok(());
        }
        let successor = self.by_path.get(&tail.home).is_some_and(|other| *other != index);
        match decide(view(tail, successor), self.now, waits) {
            Decision::Truncated => {
                let size = tail.size;
                if let Some(tail) = self.tails[index].as_mut() {
                    tail.truncated = Some(size);
                }
                return self.settle(index);
            }
            Decision::Read(_) => self.enqueue(index),
            Decision::Wait(at) => self.timer(index, at),
            Decision::Finish => self.finish(index),
            Decision::Rest => {}
        }
        Ok(())
    }

    /// Opens the file if it is not open. `false`: it is not there any more, or too many others are open: then it waits.
    pub(super) fn ensure_open(&mut self, index: usize) -> io::Result<bool> {
        let Some(tail) = self.tails[index].as_ref() else { return Ok(false) };
        if tail.file.is_some() {
            return Ok(true);
        }
        if self.open >= self.links.settings.open_files {
            self.close_some();
            if self.open >= self.links.settings.open_files {
                self.timer(index, self.now + OPEN_AGAIN);
                return Ok(false);
            }
        }
        let Some(tail) = self.tails[index].as_ref() else { return Ok(false) };
        // Never a pipe that would make us wait: the kind was seen before, this is for the moment between.
        let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY).bits().cast_signed();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&tail.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.lost(index);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let at = rustix::fs::fstat(&file)?;
        if (at.st_dev, at.st_ino) != (tail.id.dev, tail.id.ino) {
            self.lost(index);
            return Ok(false);
        }
        if let Some(tail) = self.tails[index].as_mut() {
            tail.file = Some(file);
            self.open += 1;
        }
        Ok(true)
    }

    /// Closes the files that have rested longest: nothing unread, and still at their path.
    fn close_some(&mut self) {
        let may_close = |tail: &crate::tail::Tail| {
            tail.file.is_some()
                && tail.phase == Phase::Following
                && tail.unread() == 0
                && tail.named
                && tail.flights.is_empty()
        };
        let mut resting: Vec<_> = self
            .tails
            .iter()
            .enumerate()
            .filter_map(|(index, tail)| tail.as_ref().filter(|tail| may_close(tail)).map(|tail| (tail.used_at, index)))
            .collect();
        resting.sort_unstable();
        for (_, index) in resting.into_iter().take(self.links.settings.open_files / 8 + 1) {
            self.close(index);
        }
    }

    pub(super) fn close(&mut self, index: usize) {
        if let Some(tail) = self.tails[index].as_mut()
            && tail.file.take().is_some()
        {
            self.open -= 1;
        }
    }

    /// The file is not at its path any more. What is open is read to its end; what is not is gone.
    pub(super) fn lost(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        if self.by_path.get(&tail.path) == Some(&index) {
            self.by_path.remove(&tail.path);
        }
        let open = tail.file.is_some();
        match tail.phase {
            Phase::Following => tail.phase = Phase::Draining,
            Phase::Draining => {}
            Phase::Locating if open => return,
            Phase::Locating | Phase::Shadow(_) => return self.drop_tail(index),
        }
        let now = self.now;
        if open {
            self.timer(index, now);
        } else if let Some(tail) = self.tails[index].as_mut() {
            if tail.flights.is_empty() {
                let (start, end) = (tail.acked.end, tail.size);
                self.miss(index, Missed { start, end, reason: MissedReason::DeletedUnread });
                self.finish(index);
            } else {
                // What is on its way is waited for.
                tail.size = tail.read.end;
                self.timer(index, now + self.links.settings.waits.rotate);
            }
        }
        self.note(index);
    }

    /// Its content began anew. What was not read of the old content is gone, unless a copy of it turns up.
    fn new_generation(&mut self, index: usize) -> io::Result<()> {
        let now = self.now;
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        let Some(new_size) = tail.truncated.take() else { return Ok(()) };
        let old = tail.key;
        let (start, end) =
            (tail.acked.end, self.links.shared.ledger.lock().get(old).map_or(0, |entry| entry.report.size));
        tracing::info!(path = %tail.path.display(), source = %old, size = new_size, "the file was truncated");
        self.miss(index, Missed { start, end, reason: MissedReason::TruncatedUnread });
        self.end_generation(index);
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        tail.key = SourceKey::new(old.source, Generation(old.generation.0 + 1));
        tail.acked = Mark::default();
        tail.acked_witness = None;
        tail.restart_at(Mark::default(), Some(Witness::of(&[])));
        tail.prefix = Witness::of(&[]);
        tail.sure_size = 0;
        tail.after_missed = false;
        tail.grown_at = now;
        tail.detect_tries = 0;
        tail.begin_anew(0, !self.ahead.is_on);
        tail.framing = self.links.settings.streams[tail.stream].framing(model::Format::Unknown);
        let folder = tail.path.parent().map(std::path::Path::to_path_buf);
        add(&self.links.shared.counters.truncations, 1);
        self.note(index);
        self.look(index)?;
        if let Some(folder) = folder {
            // The copy that a rotation by copying makes stands beside it.
            self.list_folder(&folder);
        }
        self.wake_shadows(old);
        self.settle(index)
    }

    /// A file is over: read to its end, every byte acknowledged, gone from its path.
    pub(super) fn finish(&mut self, index: usize) {
        self.end_generation(index);
        if let Some(tail) = &self.tails[index] {
            tracing::debug!(path = %tail.path.display(), source = %tail.key, "a file is over");
            if tail.leaves {
                self.scan.soon(self.now);
            }
        }
        self.drop_tail(index);
    }

    /// Forgets a file; what is known of its source stays in the ledger.
    pub(super) fn drop_tail(&mut self, index: usize) {
        self.close(index);
        let Some(tail) = self.tails[index].take() else { return };
        if self.by_path.get(&tail.path) == Some(&index) {
            self.by_path.remove(&tail.path);
        }
        self.by_target.retain(|_, other| *other != index);
        if self.by_source.get(&tail.source) == Some(&index) {
            self.by_source.remove(&tail.source);
        }
        self.by_inode.remove(&(tail.id.dev, tail.id.ino, tail.id.born));
        self.in_flight -= tail.in_flight();
        self.hot.retain(|other| *other != index);
        self.live.retain(|other| *other != index);
        self.ready.retain(|other| *other != index);
        self.at_risk.retain(|other| *other != index);
        self.flying.retain(|other| *other != index);
        self.to_locate.retain(|other| *other != index);
        self.timers.retain(|(_, other)| *other != index);
        self.dirty.retain(|other| *other != index);
        self.free.push(index);
    }

    /// It is looked at often, as it is in use.
    pub(super) fn warm(&mut self, index: usize) {
        if let Some(tail) = self.tails[index].as_mut()
            && !std::mem::replace(&mut tail.hot, true)
        {
            self.hot.push(index);
        }
    }
}
