//! One followed file: where it stands, and the decisions about rotation, truncation, deletion and silence.
//!
//! Decision: what happens to a file is decided by [`decide`], a pure function of what is known and what was seen; this
//! module only remembers. A file is its open descriptor, not its path: so renames change nothing, and what was deleted
//! is read to its end.

pub mod decide;
mod flight;

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Timestamp};
use codec::Framing;
use model::{FileState, Format, SourceId, SourceKey};

pub use flight::{Flight, Landing, Mark, land, settle};

use crate::identity::{FileId, Witness};
use crate::reader::Held;

/// Time since the reader began; never goes back.
pub type Mono = Duration;

/// Where a file is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The queue is being asked how far it holds the source.
    Locating,
    /// At a followed path.
    Following,
    /// No longer at a followed path: rotated or deleted. Read to its end.
    Draining,
    /// The file looks like the copy that "copytruncate" makes of this source while it is not yet truncated.
    Shadow(SourceKey),
}

/// What is wrong with a file.
#[derive(Debug)]
pub struct Fault {
    /// What the reports say.
    pub state: FileState,
    /// When it is tried again.
    pub until: Mono,
}

/// A followed file.
pub struct Tail {
    /// The source and its generation.
    pub key: SourceKey,
    /// Which file it is.
    pub id: FileId,
    /// Where it was last seen.
    pub path: Arc<Path>,
    /// The same for reports.
    pub shown_at: Arc<str>,
    /// The followed path that it belongs to, also after it was renamed.
    pub home: Arc<Path>,
    /// The same for headers.
    pub shown: Arc<str>,
    /// The file's own identity; that of [`Tail::key`], unless it is the copy of another source.
    pub source: SourceId,
    /// It was found in a followed folder: it may be no text at all.
    pub may_be_binary: bool,
    /// It is followed only if the queue knows it: an old file with the name of a rotated one.
    pub only_if_held: bool,
    /// It was there before the agent was, so `start = "end"` applies.
    pub was_there: bool,
    /// Which stream it belongs to.
    pub stream: usize,
    /// That stream was let go: it is read as far as it went then.
    pub leaves: bool,
    /// The open file, if it is open.
    pub file: Option<File>,
    /// Where it is in its life.
    pub phase: Phase,
    /// How far it has been read.
    pub read: Mark,
    /// How far the queue has it.
    pub acked: Mark,
    /// What stood before `read.end`; `None` where that is not known.
    pub witness: Option<Witness>,
    /// What stood before `acked.end`.
    pub acked_witness: Option<Witness>,
    /// What the file begins with.
    pub prefix: Witness,
    /// The next batch follows a range that was left out on purpose.
    pub after_missed: bool,
    /// Its size when last looked at.
    pub size: u64,
    /// Its size when its content was last known to be what it was.
    pub sure_size: u64,
    /// Whether it has a name: it was not deleted.
    pub named: bool,
    /// When it last grew.
    pub grown_at: Mono,
    /// The same by the wall clock.
    pub changed_at: Timestamp,
    /// There is no newline between `read.end` and here.
    pub scanned: u64,
    /// What waits for silence.
    pub held: Option<Held>,
    /// Where records begin.
    pub framing: Framing,
    /// How often the format was looked for in vain.
    pub detect_tries: u32,
    /// What may have been sent, as the ledger has it, ends here (see [`crate::ledger::Entry::sent`]).
    pub sent_end: u64,
    /// By what the last batch was cut: where the records of the next begin depends on it.
    pub cut_by: Option<(Framing, bool)>,
    /// The queue knows where the source goes on. Before, it takes a batch wherever that begins: so while the fate of the
    /// first is open, no other is sent.
    pub is_begun: bool,
    /// The checkpoints have an entry of this source and generation.
    pub in_checkpoints: bool,
    /// Batches on their way.
    pub flights: VecDeque<Flight>,
    /// When something of it landed, or was sent while nothing else was on its way.
    pub landed_at: Mono,
    /// Nothing of it lands.
    pub stuck: bool,
    /// Batches are sent again from here on, at this time.
    pub resend_at: Option<Mono>,
    /// The size that says it was truncated, or that its content changed; handled once nothing is in flight.
    pub truncated: Option<u64>,
    /// It waits in a queue of the shard.
    pub queued: bool,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// How long to wait after a fault.
    pub backoff: Backoff,
    /// How long to wait after the queue refused.
    pub patience: Backoff,
    /// When it panicked of late.
    pub panics: Vec<Mono>,
    /// When it was last read: the longest unread are closed first.
    pub used_at: Mono,
    /// The scan in which its path was last seen.
    pub scan: u64,
    /// What is known about it is newer than its checkpoint.
    pub dirty: bool,
    /// It is looked at in every sweep.
    pub hot: bool,
}

impl Tail {
    /// A file that was found and of which nothing is known yet.
    pub fn new(source: SourceId, key: SourceKey, stream: usize, id: FileId, now: Mono) -> Self {
        let seed = source.0 as u64;
        Self {
            key,
            id,
            path: Path::new("").into(),
            shown_at: "".into(),
            home: Path::new("").into(),
            shown: "".into(),
            source,
            may_be_binary: false,
            only_if_held: false,
            was_there: false,
            stream,
            leaves: false,
            file: None,
            phase: Phase::Locating,
            read: Mark::default(),
            acked: Mark::default(),
            witness: None,
            acked_witness: None,
            prefix: Witness::default(),
            after_missed: false,
            size: 0,
            sure_size: 0,
            named: true,
            grown_at: now,
            changed_at: Timestamp::default(),
            scanned: 0,
            held: None,
            framing: Framing { format: Format::Unknown, join: false },
            detect_tries: 0,
            sent_end: 0,
            cut_by: None,
            is_begun: false,
            in_checkpoints: false,
            flights: VecDeque::new(),
            landed_at: now,
            stuck: false,
            resend_at: None,
            truncated: None,
            queued: false,
            fault: None,
            backoff: Backoff::new(FAULT_WAIT, FAULT_WAIT_MAX, seed),
            patience: Backoff::new(REFUSED_WAIT, REFUSED_WAIT_MAX, seed),
            panics: Vec::new(),
            used_at: now,
            scan: 0,
            dirty: false,
            hot: false,
        }
    }

    /// Bytes that are there and not read.
    pub const fn unread(&self) -> u64 {
        self.size.saturating_sub(self.read.end)
    }

    /// Bytes of memory that its batches on their way hold.
    pub fn in_flight(&self) -> usize {
        self.flights.iter().map(|flight| flight.held).sum()
    }

    /// Whether batches may be cut from it now.
    pub fn may_read(&self) -> bool {
        matches!(self.phase, Phase::Following | Phase::Draining)
            && self.fault.is_none()
            && self.truncated.is_none()
            && self.resend_at.is_none()
            && (self.is_begun || self.flights.is_empty())
    }

    /// It goes on as another generation, or as another source, of which so much may have been sent.
    pub const fn begin_anew(&mut self, sent_end: u64, keeps_positions: bool) {
        (self.sent_end, self.cut_by) = (sent_end, None);
        (self.is_begun, self.in_checkpoints) = (keeps_positions, false);
    }

    /// Whether bytes are lost if it is not read soon.
    pub const fn at_risk(&self) -> bool {
        matches!(self.phase, Phase::Draining) || !self.named
    }

    /// How it is, for reports.
    pub fn state(&self) -> FileState {
        match (&self.fault, self.phase) {
            (Some(fault), _) => fault.state.clone(),
            (None, Phase::Draining) => FileState::Draining,
            (None, _) => FileState::Following,
        }
    }

    /// Forgets what was decided about bytes that are no longer what they were.
    pub fn restart_at(&mut self, mark: Mark, witness: Option<Witness>) {
        self.read = mark;
        self.witness = witness;
        self.scanned = mark.end;
        self.held = None;
    }

    /// Whether its format is still to be recognised.
    pub fn wants_format(&self) -> bool {
        self.framing.format == Format::Unknown && !self.gave_up()
    }

    /// Whether its format was looked for often enough.
    pub const fn gave_up(&self) -> bool {
        self.detect_tries >= DETECT_TRIES
    }

    /// Goes on with a source of which so much is known already.
    pub const fn remember_tries(&mut self, gave_up: bool) {
        self.detect_tries = if gave_up { DETECT_TRIES } else { 0 };
    }
}

/// The wait after a fault of the file.
const FAULT_WAIT: Duration = Duration::from_millis(100);
/// It grows up to this.
const FAULT_WAIT_MAX: Duration = Duration::from_secs(30);
/// The wait after the queue refused.
const REFUSED_WAIT: Duration = Duration::from_millis(5);
/// It grows up to this.
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(2);
/// So many blocks are looked at until a format is recognised.
const DETECT_TRIES: u32 = 64;
