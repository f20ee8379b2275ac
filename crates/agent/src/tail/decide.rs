//! What to do about a file: a pure function of what is known, what was seen, and how long it has been silent.

use std::time::Duration;

use super::{Mono, Phase};
use crate::reader::{Flush, Held};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For a line that may belong to the single line before it.
    pub single: Duration,
    /// For a line that may belong to the record before it.
    pub record: Duration,
    /// For the end of a line.
    pub partial: Duration,
    /// For a file that left its path to grow once more.
    pub rotate: Duration,
}

impl Waits {
    /// What need not wait any longer after such a silence, where the end of a line is due after `line_due`.
    pub fn released(self, silence: Duration, line_due: Duration) -> Flush {
        if silence >= line_due {
            Flush::Line
        } else if silence >= self.record {
            Flush::Record
        } else if silence >= self.single {
            Flush::Single
        } else {
            Flush::Nothing
        }
    }
}

/// What is known and seen of a file.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Where it is in its life.
    pub phase: Phase,
    /// How far it has been read.
    pub read: u64,
    /// Its size.
    pub size: u64,
    /// Whether batches are on their way.
    pub in_flight: bool,
    /// What waits for silence.
    pub held: Option<Held>,
    /// Whether another file stands at its path, or it has no name any more: nobody will open it again.
    pub replaced: bool,
    /// When it last grew.
    pub grown_at: Mono,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its content began anew.
    Truncated,
    /// Read it; silence has released so much.
    Read(Flush),
    /// Look again then.
    Wait(Mono),
    /// It is over.
    Finish,
    /// Nothing, until something happens.
    Rest,
}

/// A file whose path stays empty is kept open so much longer: whoever writes it may not have noticed the move.
const VACANT: u32 = 12;

/// Decides.
pub fn decide(view: View, now: Mono, waits: Waits) -> Decision {
    if view.size < view.read {
        return Decision::Truncated;
    }
    let silence = now.saturating_sub(view.grown_at);
    if view.size > view.read {
        return match view.held {
            None => Decision::Read(waits.released(silence, line_due(view, waits))),
            Some(held) => {
                let due = due(view, held, waits);
                if silence >= due {
                    Decision::Read(waits.released(silence, line_due(view, waits)))
                } else {
                    Decision::Wait(view.grown_at + due)
                }
            }
        };
    }
    if view.in_flight || view.phase != Phase::Draining {
        return Decision::Rest;
    }
    let wait = if view.replaced { waits.rotate } else { waits.rotate * VACANT };
    if silence >= wait { Decision::Finish } else { Decision::Wait(view.grown_at + wait) }
}

/// The silence that releases what is held.
fn due(view: View, held: Held, waits: Waits) -> Duration {
    match held {
        Held::Single => waits.single,
        Held::Record => waits.record,
        Held::Line => line_due(view, waits),
    }
}

/// A file that nobody will write to any more does not keep its last line for long.
fn line_due(view: View, waits: Waits) -> Duration {
    if view.phase == Phase::Draining && view.replaced { waits.partial.min(waits.rotate) } else { waits.partial }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    const WAITS: Waits =
        Waits { single: Duration::from_millis(200), record: secs(2), partial: secs(5), rotate: secs(3) };

    fn view() -> View {
        View {
            phase: Phase::Following,
            read: 10,
            size: 10,
            in_flight: false,
            held: None,
            replaced: false,
            grown_at: secs(100),
        }
    }

    #[test]
    fn decides_by_the_table() {
        use Decision::{Finish, Read, Rest, Truncated, Wait};
        let draining = View { phase: Phase::Draining, ..view() };
        let gone = View { replaced: true, ..draining };
        let line = View { held: Some(Held::Line), size: 12, ..view() };
        let record = View { held: Some(Held::Record), size: 12, ..view() };
        let single = View { held: Some(Held::Single), size: 12, ..view() };
        let table = [
            ("at rest", view(), 100, Rest),
            ("at rest for long", view(), 9999, Rest),
            ("grown", View { size: 11, ..view() }, 100, Read(Flush::Nothing)),
            ("shrunk", View { size: 9, ..view() }, 100, Truncated),
            ("shrunk while it drains", View { size: 0, ..gone }, 100, Truncated),
            ("half a line", line, 104, Wait(secs(105))),
            ("half a line, silent", line, 105, Read(Flush::Line)),
            (
                "half a last line of a file that is over",
                View { size: 12, held: Some(Held::Line), ..gone },
                103,
                Read(Flush::Line),
            ),
            (
                "half a line of a file that may be written",
                View { size: 12, held: Some(Held::Line), ..draining },
                103,
                Wait(secs(105)),
            ),
            ("a record", record, 101, Wait(secs(102))),
            ("a record, silent", record, 102, Read(Flush::Record)),
            ("one line", single, 100, Wait(secs(100) + WAITS.single)),
            ("one line, silent", single, 101, Read(Flush::Single)),
            ("rotated", gone, 102, Wait(secs(103))),
            ("rotated, silent", gone, 103, Finish),
            ("rotated, silent, with batches on their way", View { in_flight: true, ..gone }, 103, Rest),
            ("rotated, silent, unread", View { size: 11, ..gone }, 200, Read(Flush::Line)),
            ("moved away, nothing in its place", draining, 103, Wait(secs(136))),
            ("moved away, nothing in its place for long", draining, 136, Finish),
        ];
        for (name, view, now, wanted) in table {
            assert_eq!(decide(view, secs(now), WAITS), wanted, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_ends_with_something_left(
            draining: bool, read in 0u64..20, size in 0u64..20, in_flight: bool, replaced: bool,
            held in prop_oneof![Just(None), Just(Some(Held::Line)), Just(Some(Held::Single)), Just(Some(Held::Record))],
            grown in 0u64..100, now in 0u64..300,
        ) {
            let phase = if draining { Phase::Draining } else { Phase::Following };
            let view = View { phase, read, size, in_flight, held, replaced, grown_at: secs(grown) };
            let decision = decide(view, secs(now), WAITS);
            if decision == Decision::Finish {
                prop_assert!(draining && read == size && !in_flight);
            }
            if let Decision::Wait(at) = decision { prop_assert!(at > secs(now)); }
            prop_assert_eq!(decision == Decision::Truncated, size < read);
            // Whatever is unread is read sooner or later.
            let later = decide(view, secs(now + 1000), WAITS);
            if size > read { prop_assert_eq!(later, Decision::Read(Flush::Line)); }
        }
    }
}
