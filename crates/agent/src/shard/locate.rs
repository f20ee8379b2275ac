//! Where to begin in a file: the queue is asked, as it is the truth; the checkpoint only helps.

use std::io;
use std::path::Path;
use std::time::Duration;

use config::Start;
use model::{Format, Generation, Missed, MissedReason, SourceId, SourceKey};
use queue::Position;

use super::Shard;
use crate::identity::{self, Witness};
use crate::ledger::Entry;
use crate::tail::{Mark, Phase};

/// A question: how far does the queue have this source, from this generation on?
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub index: usize,
    pub key: SourceKey,
    /// Only this generation is meant.
    pub exact: bool,
}

/// The latest generation that the queue has of a source (or the one asked from), and how far.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub ask: Ask,
    pub found: Result<(Generation, Option<Position>), String>,
}

/// Questions are put together.
const ASKS_MAX: usize = 512;
/// A question that was not answered is put again after this.
const ASK_AGAIN: Duration = Duration::from_millis(500);

impl Shard {
    /// Puts questions to the queue.
    pub(super) fn ask_positions(&mut self) {
        if self.ahead.is_on {
            return self.locate_by_checkpoints();
        }
        while !self.to_locate.is_empty() {
            let Ok(permit) = self.links.asks.try_reserve() else { return };
            let some = self.to_locate.len().min(ASKS_MAX);
            let asks = self.to_locate.drain(..some).filter_map(|index| {
                let tail = self.tails[index].as_ref()?;
                Some(Ask { index, key: tail.key, exact: tail.key.source != tail.source })
            });
            permit.send(asks.collect());
        }
    }

    /// Takes the queue's answers.
    pub(super) fn take_answers(&mut self) {
        let mut again = Vec::new();
        while let Ok(answers) = self.links.answers.try_recv() {
            for answer in answers {
                let Ask { index, key, .. } = answer.ask;
                let asked =
                    self.tails[index].as_ref().is_some_and(|tail| tail.key == key && tail.phase == Phase::Locating);
                if !asked {
                    continue;
                }
                match answer.found {
                    Ok((generation, position)) => {
                        self.links.shared.well("queue");
                        self.guard(index, |shard| shard.located(index, generation, position));
                    }
                    Err(reason) => {
                        self.links.shared.trouble(
                            "queue",
                            format!("cannot be asked: {reason}"),
                            self.links.clock.now(),
                        );
                        again.push(index);
                    }
                }
            }
        }
        if !again.is_empty() {
            self.to_locate.extend(again);
            let sweep = self.now + ASK_AGAIN;
            self.next.sweep = self.next.sweep.min(sweep);
        }
    }

    pub(super) fn located(
        &mut self,
        index: usize,
        generation: Generation,
        position: Option<Position>,
    ) -> io::Result<()> {
        let Some(tail) = self.tails[index].as_mut() else { return Ok(()) };
        tail.key.generation = generation;
        let key = tail.key;
        let only_if_held = tail.only_if_held;
        let known = self.links.shared.ledger.lock().get(key).cloned();
        match (position, known) {
            (None, None) if only_if_held => {
                self.ignored.insert(key.source);
                self.drop_tail(index);
                return Ok(());
            }
            (None, None) => {
                // A copy grows quickly: how long it is now decides whose it is.
                self.look(index)?;
                if let Some(original) = self.copied_from(index) {
                    if let Some(tail) = self.tails[index].as_mut() {
                        tail.phase = Phase::Shadow(original);
                    }
                    self.timer(index, self.now);
                    return Ok(());
                }
                self.begin(index);
            }
            (position, known) => self.go_on(index, position, known),
        }
        self.warm(index);
        self.attend(index);
        Ok(())
    }

    /// A source that nobody knows begins.
    pub(super) fn begin(&mut self, index: usize) {
        let Some(stream) = self.tails[index].as_ref().map(|tail| tail.stream) else { return };
        let known_until = self.known_until(stream).as_micros();
        let Some(tail) = self.tails[index].as_mut() else { return };
        let stream = &self.links.settings.streams[tail.stream];
        tail.framing = stream.framing(Format::Unknown);
        let born = tail.id.born / 1000;
        let skip =
            stream.start == Start::End && tail.was_there && (born == 0 || born + super::adopt::COARSE < known_until);
        let start = if skip { tail.size } else { 0 };
        tail.acked = Mark { end: start, open_line: None };
        tail.restart_at(tail.acked, if start == 0 { Some(Witness::of(&[])) } else { None });
        tail.after_missed = start > 0;
        self.at_its_place(index);
        self.note(index);
        self.miss(index, Missed { start: 0, end: start, reason: MissedReason::BeforeStart });
    }

    /// A source that the queue, or an earlier run, knows goes on.
    fn go_on(&mut self, index: usize, position: Option<Position>, known: Option<Entry>) {
        let Some(tail) = self.tails[index].as_ref() else { return };
        let mark = match (&position, &known) {
            (Some(position), _) => Mark::from(*position),
            (None, Some(entry)) => Mark { end: entry.missed_at_start(), open_line: None },
            (None, None) => Mark::default(),
        };
        let is_other = known.as_ref().is_some_and(|entry| {
            tail.file.as_ref().is_some_and(|file| {
                let begins = entry.prefix.begins(file).unwrap_or(true);
                let stands =
                    entry.witness.is_none_or(|witness| witness.holds(file, entry.report.queued).unwrap_or(true));
                !(begins && stands)
            })
        });
        let format = known.as_ref().map_or(Format::Unknown, |entry| entry.format);
        let framing = self.framing_for(tail.stream, format);
        let by_checkpoints = self.ahead.is_on;
        let Some(tail) = self.tails[index].as_mut() else { return };
        tail.framing = framing;
        tail.remember_tries(by_checkpoints && known.as_ref().is_some_and(|entry| entry.gave_up));
        tail.sent_end = known.as_ref().filter(|_| by_checkpoints).map_or(0, Entry::sent_end);
        tail.acked = mark;
        tail.acked_witness =
            known.as_ref().filter(|entry| entry.report.queued == mark.end).and_then(|entry| entry.witness);
        tail.prefix = known.as_ref().map_or_else(Witness::default, |entry| entry.prefix);
        let skipped = known.as_ref().is_some_and(|entry| entry.missed_at_start() == mark.end);
        tail.after_missed = mark.end > 0 && (position.is_none() || by_checkpoints && skipped);
        tail.restart_at(mark, tail.acked_witness);
        if is_other || tail.size < mark.end {
            tail.truncated = Some(tail.size);
        }
        self.witness_again(index);
        if !by_checkpoints {
            self.recognise_again(index);
        }
        self.at_its_place(index);
        self.note(index);
    }

    /// Where the checkpoint was lost, the file as it is has to witness for itself.
    fn witness_again(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_mut().filter(|tail| tail.truncated.is_none()) else { return };
        let Some(file) = &tail.file else { return };
        let end = tail.acked.end;
        if tail.acked_witness.is_none() {
            tail.acked_witness = Witness::before(file, end).ok();
            tail.witness = tail.acked_witness;
        }
        if tail.prefix.len == 0 {
            tail.prefix = Witness::of_prefix(file, end).unwrap_or_default();
        }
    }

    /// The format of a source that was begun before is told by its beginning, as it was then.
    fn recognise_again(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_ref() else { return };
        if tail.framing.format != Format::Unknown || tail.truncated.is_some() || tail.acked.end == 0 {
            return;
        }
        let Some(file) = &tail.file else { return };
        let mut buffer = self.pool.get();
        let len = usize::try_from(tail.acked.end).unwrap_or(usize::MAX).min(buffer.data().len());
        if let Ok(filled) = crate::identity::read_up_to(file, &mut buffer.room()[..len], 0) {
            self.recognise(index, &buffer.data()[..filled]);
        }
    }

    /// It is followed, or only read to its end.
    fn at_its_place(&mut self, index: usize) {
        let Some(tail) = self.tails[index].as_mut() else { return };
        let at_path = self.by_path.get(&tail.path) == Some(&index);
        let claimed =
            at_path && !tail.leaves && self.links.follow.claim(&tail.path).is_some() && tail.key.source == tail.source;
        tail.phase = if claimed { Phase::Following } else { Phase::Draining };
        tail.grown_at = self.now;
    }

    /// Inodes of earlier runs' sources that may have something left, wherever they stand now.
    pub(super) fn remember_left_over(&mut self) {
        let ledger = self.links.shared.ledger.lock();
        let left = ledger.entries().filter(|entry| entry.report.state != model::FileState::Finished);
        self.left_over = left.map(|entry| entry.inode).collect();
    }

    /// Sources of earlier runs that were not found: what they had left is gone.
    pub(super) fn account_for_left_over(&mut self) {
        let live: std::collections::HashSet<SourceId> =
            self.tails.iter().flatten().flat_map(|tail| [tail.source, tail.key.source]).collect();
        let mut gone: Vec<Entry> = {
            let ledger = self.links.shared.ledger.lock();
            let left = ledger.entries().filter(|entry| entry.report.state != model::FileState::Finished);
            left.filter(|entry| !live.contains(&entry.report.key.source)).cloned().collect()
        };
        gone.retain(is_gone);
        for entry in &mut gone {
            // Standard input of another run: what it had not sent, nobody has.
            let (start, end) = (entry.report.queued, entry.report.size);
            entry.miss(Missed { start, end, reason: MissedReason::DeletedUnread });
            entry.report.state = model::FileState::Finished;
            if start < end {
                crate::status::add(&self.links.shared.counters.missed_bytes, end - start);
                tracing::warn!(path = %entry.report.path, start, end, "a file was deleted unread while nobody followed it");
            }
            self.links.shared.ledger.lock().put(entry.clone());
        }
        if !gone.is_empty() {
            self.append_entries(&gone);
        }
    }
}

/// Whether what an earlier run followed is not there any more. What merely is no longer followed is left as it is.
fn is_gone(entry: &Entry) -> bool {
    let path = Path::new(&*entry.report.path);
    if entry.inode == 0 {
        return true;
    }
    match identity::look(path) {
        Ok(seen) => seen.id.ino != entry.inode,
        // A folder that cannot be read may come back with everything in it.
        Err(_) => path.parent().is_some_and(|folder| std::fs::read_dir(folder).is_ok()),
    }
}
