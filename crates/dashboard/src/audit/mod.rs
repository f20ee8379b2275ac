//! The account of a source: what was seen of it, and where each byte of it is now.
//!
//! Decision: three witnesses are asked (the agent's report, the queue's high-water, the store's coverage), and the
//! account is a pure function of what they say. It obeys one law, whatever they say:
//!
//! `size = stored + dropped + dead_letter + expired + missed + in_flight + gaps`
//!
//! So nothing can be lost without being a gap. A byte that several claim is counted where it is best off, in the order
//! of that sum. Witnesses must be asked from the source to the store (agent, queue, then store): then a byte on its
//! way may be seen twice, never not at all.

use base::Intervals;
use model::{FileState, Generation, SourceId, SourceKey, SourceReport};
use queue::Position;
use schemars::JsonSchema;
use serde::Serialize;
use store::Coverage;

#[cfg(test)]
mod tests;

/// What the queue says of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// How far it holds the source; `None` where it knows nothing of it.
    pub position: Option<Position>,
    /// Whether it keeps positions at all: where it does not, what it does not know of is no loss.
    pub keeps_positions: bool,
    /// Whether everything that the queue held when it was asked has been stored durably since.
    pub drained: bool,
}

/// The account of one source in one generation, in bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Account {
    /// The file's incarnation.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub source: SourceId,
    /// How often its content has begun anew.
    #[schemars(with = "u32")]
    pub generation: Generation,
    /// Where it was last seen.
    pub path: String,
    /// The most that anybody has seen of it.
    pub size: u64,
    /// How far it has been read.
    pub read: u64,
    /// How far the queue has it, or has had it.
    pub queued: u64,
    /// What a search finds.
    pub stored: u64,
    /// Read, and on its way into the store.
    pub in_flight: u64,
    /// Refused by the store for good, kept with the reason.
    pub dead_letter: u64,
    /// Dropped by a rule of its stream.
    pub dropped: u64,
    /// Never read, for a known reason.
    pub missed: u64,
    /// Ranges `[start, end)` up to `size` that are nowhere: not read yet, or lost.
    pub gaps: Vec<(u64, u64)>,
    /// Whether everything up to `size` is stored, dead-lettered, dropped, missed or expired.
    pub complete: bool,
    /// Removed by the store's retention.
    pub expired: u64,
    /// What of the gaps has just not been read yet.
    pub unread: u64,
    /// The machine.
    pub host: String,
    /// The stream.
    pub stream: String,
    /// How its file is, as its agent says; absent where no agent speaks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Why it is not being read, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was missed, range by range.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed_ranges: Vec<MissedRange>,
}

/// A range that was never read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MissedRange {
    /// First byte.
    pub start: u64,
    /// Behind the last byte.
    pub end: u64,
    /// Why.
    pub reason: &'static str,
}

fn as_text<S: serde::Serializer>(source: &SourceId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(source)
}

/// Balances what the witnesses say of one source. `queue` is `None` where there is no queue to ask; it must have been
/// asked after `report` was made and before `coverage` was.
pub fn balance(
    key: SourceKey,
    report: Option<&SourceReport>,
    queue: Option<QueueView>,
    coverage: Option<&Coverage>,
) -> Account {
    let held = queue.and_then(|view| view.position).map_or(0, |position| position.end);
    let mut counted = Counted::default();
    if let Some(coverage) = coverage {
        counted.add(&coverage.stored, Class::Stored);
        // A dead letter that was given up is both.
        counted.add(&coverage.dropped, Class::Dropped);
        counted.add(&coverage.dead_letter, Class::DeadLetter);
        counted.add(&coverage.expired, Class::Expired);
    }
    let kept_end = counted.all.end();
    if let Some(report) = report {
        counted.add(&report.missed.iter().map(|m| (m.start, m.end)).collect(), Class::Missed);
    }
    let acknowledged = report.map_or(0, |r| r.queued);
    let queued = acknowledged.max(held).max(kept_end);
    let read = report.map_or(0, |r| r.read).max(queued);
    let size = report.map_or(0, |r| r.size).max(read).max(counted.all.end());

    // A queue that keeps positions keeps the order of a source too: what is missing before its last stored byte is not
    // on its way any more. In any other, its records may be spread.
    let in_order = queue.is_none_or(|view| view.keeps_positions);
    let mut on_its_way: Intervals = counted.all.gaps(if in_order { kept_end } else { 0 }, read).into_iter().collect();
    if let Some(view) = queue {
        if view.keeps_positions {
            // Acknowledged once, but the queue holds less now: its data was replaced.
            on_its_way.remove(held, acknowledged);
        }
        if view.drained {
            on_its_way.remove(0, if view.keeps_positions { held } else { acknowledged });
        }
    }
    let mut accounted = counted.all.clone();
    accounted.extend(&on_its_way);
    let gaps = accounted.gaps(0, size);
    let unread = gaps.iter().map(|(start, end)| end.saturating_sub(*start.max(&read))).sum();

    let names = Names::of(report, coverage);
    Account {
        source: key.source,
        generation: key.generation,
        path: names.path,
        size,
        read,
        queued,
        stored: counted.bytes(Class::Stored),
        in_flight: on_its_way.total(),
        dead_letter: counted.bytes(Class::DeadLetter),
        dropped: counted.bytes(Class::Dropped),
        missed: counted.bytes(Class::Missed),
        gaps,
        complete: counted.all.covers(0, size),
        expired: counted.bytes(Class::Expired),
        unread,
        host: names.host,
        stream: names.stream,
        state: report.map(|r| state_name(&r.state)),
        reason: report.and_then(|r| trouble(&r.state)),
        missed_ranges: report.map(missed_ranges).unwrap_or_default(),
    }
}

/// Where a byte can be for good, best first.
#[derive(Clone, Copy)]
enum Class {
    Stored,
    Dropped,
    DeadLetter,
    Expired,
    Missed,
}

/// The ranges accounted for, each byte under the first class that claims it.
#[derive(Default)]
struct Counted {
    all: Intervals,
    bytes: [u64; 5],
}

impl Counted {
    fn add(&mut self, ranges: &Intervals, class: Class) {
        let before = self.all.total();
        self.all.extend(ranges);
        self.bytes[class as usize] += self.all.total() - before;
    }

    fn bytes(&self, class: Class) -> u64 {
        self.bytes[class as usize]
    }
}

struct Names {
    path: String,
    host: String,
    stream: String,
}

impl Names {
    /// The agent knows better than the store where a file is now.
    fn of(report: Option<&SourceReport>, coverage: Option<&Coverage>) -> Self {
        match (report, coverage) {
            (Some(r), _) => Self { path: r.path.to_string(), host: r.host.to_string(), stream: r.stream.to_string() },
            (None, Some(c)) => Self { path: c.path.clone(), host: c.host.clone(), stream: c.stream.clone() },
            (None, None) => Self { path: String::new(), host: String::new(), stream: String::new() },
        }
    }
}

fn missed_ranges(report: &SourceReport) -> Vec<MissedRange> {
    let shown = |m: &model::Missed| MissedRange { start: m.start, end: m.end, reason: m.reason.name() };
    report.missed.iter().map(shown).collect()
}

/// The name of a state in answers.
pub(crate) fn state_name(state: &FileState) -> &'static str {
    match state {
        FileState::Following => "following",
        FileState::Draining => "draining",
        FileState::Finished => "finished",
        FileState::Unreadable(_) => "unreadable",
        FileState::Quarantined(_) => "quarantined",
    }
}

/// Why a file is not being read, if so.
pub(crate) fn trouble(state: &FileState) -> Option<String> {
    match state {
        FileState::Unreadable(reason) | FileState::Quarantined(reason) => Some(reason.clone()),
        FileState::Following | FileState::Draining | FileState::Finished => None,
    }
}
