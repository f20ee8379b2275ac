use base::Timestamp;
use model::{Missed, MissedReason};
use proptest::prelude::*;

use super::*;

const KEY: SourceKey = SourceKey::new(SourceId(5), Generation(2));

fn report(size: u64, read: u64, queued: u64, missed: &[(u64, u64)]) -> SourceReport {
    let missed = missed.iter().map(|&(start, end)| Missed { start, end, reason: MissedReason::BeforeStart });
    SourceReport {
        key: KEY,
        host: "h".into(),
        stream: "web".into(),
        path: "/new.log".into(),
        size,
        read,
        queued,
        missed: missed.collect(),
        state: FileState::Following,
        changed_at: Timestamp::default(),
        file: Default::default(),
    }
}

fn coverage(stored: &[(u64, u64)]) -> Coverage {
    Coverage {
        key: KEY,
        stream: "web".to_owned(),
        host: "h".to_owned(),
        path: "/old.log".to_owned(),
        stored: stored.iter().copied().collect(),
        durable: Intervals::new(),
        dropped: Intervals::new(),
        expired: Intervals::new(),
        dead_letter: Intervals::new(),
    }
}

fn held(end: u64, drained: bool) -> Option<QueueView> {
    let position = (end > 0).then_some(Position { end, open_line: None });
    Some(QueueView { position, keeps_positions: true, drained })
}

/// A queue that keeps no positions.
const fn spread(drained: bool) -> Option<QueueView> {
    Some(QueueView { position: None, keeps_positions: false, drained })
}

struct Case {
    name: &'static str,
    report: Option<SourceReport>,
    queue: Option<QueueView>,
    coverage: Option<Coverage>,
    /// size, read, queued, stored, in flight, missed
    counts: [u64; 6],
    gaps: &'static [(u64, u64)],
}

#[test]
fn balances_what_the_witnesses_say() {
    let cases = [
        Case {
            name: "everything stored",
            report: Some(report(100, 100, 100, &[])),
            queue: held(100, true),
            coverage: Some(coverage(&[(0, 100)])),
            counts: [100, 100, 100, 100, 0, 0],
            gaps: &[],
        },
        Case {
            name: "some in the agent, some in the queue, some not read",
            report: Some(report(100, 90, 60, &[])),
            queue: held(70, false),
            coverage: Some(coverage(&[(0, 50)])),
            counts: [100, 90, 70, 50, 40, 0],
            gaps: &[(90, 100)],
        },
        Case {
            name: "the queue was read to its end, but the store has less",
            report: Some(report(100, 100, 70, &[])),
            queue: held(70, true),
            coverage: Some(coverage(&[(0, 50)])),
            counts: [100, 100, 70, 50, 30, 0],
            gaps: &[(50, 70)],
        },
        Case {
            name: "a hole before what is stored is lost, wherever the cursors are",
            report: Some(report(100, 100, 100, &[])),
            queue: held(100, false),
            coverage: Some(coverage(&[(0, 20), (30, 80)])),
            counts: [100, 100, 100, 70, 20, 0],
            gaps: &[(20, 30)],
        },
        Case {
            name: "a queue without positions is not asked for them, and may spread a source",
            report: Some(report(100, 100, 90, &[])),
            queue: spread(false),
            coverage: Some(coverage(&[(0, 20), (30, 80)])),
            counts: [100, 100, 90, 70, 30, 0],
            gaps: &[],
        },
        Case {
            name: "such a queue was read to its end, but the store has less than was acknowledged",
            report: Some(report(100, 100, 90, &[])),
            queue: spread(true),
            coverage: Some(coverage(&[(0, 20), (30, 80)])),
            counts: [100, 100, 90, 70, 10, 0],
            gaps: &[(20, 30), (80, 90)],
        },
        Case {
            name: "missed with a reason is no gap",
            report: Some(report(100, 100, 100, &[(0, 40)])),
            queue: held(100, true),
            coverage: Some(coverage(&[(40, 100)])),
            counts: [100, 100, 100, 60, 0, 40],
            gaps: &[],
        },
        Case {
            name: "missed at the end was not read",
            report: Some(report(100, 60, 60, &[(60, 100)])),
            queue: held(60, true),
            coverage: Some(coverage(&[(0, 60)])),
            counts: [100, 60, 60, 60, 0, 40],
            gaps: &[],
        },
        Case {
            name: "the queue's data was replaced",
            report: Some(report(100, 100, 80, &[])),
            queue: held(0, false),
            coverage: None,
            counts: [100, 100, 80, 0, 20, 0],
            gaps: &[(0, 80)],
        },
        Case {
            name: "only the store knows it",
            report: None,
            queue: held(0, true),
            coverage: Some(coverage(&[(0, 30)])),
            counts: [30, 30, 30, 30, 0, 0],
            gaps: &[],
        },
        Case {
            name: "only the queue knows it",
            report: None,
            queue: held(30, false),
            coverage: None,
            counts: [30, 30, 30, 0, 30, 0],
            gaps: &[],
        },
        Case {
            name: "only the agent knows it, and there is no queue to ask",
            report: Some(report(50, 40, 20, &[])),
            queue: None,
            coverage: None,
            counts: [50, 40, 20, 0, 40, 0],
            gaps: &[(40, 50)],
        },
        Case {
            name: "an empty file",
            report: Some(report(0, 0, 0, &[])),
            queue: held(0, true),
            coverage: None,
            counts: [0; 6],
            gaps: &[],
        },
    ];
    for case in cases {
        let account = balance(KEY, case.report.as_ref(), case.queue, case.coverage.as_ref());
        let counts = [account.size, account.read, account.queued, account.stored, account.in_flight, account.missed];
        assert_eq!((counts, &*account.gaps), (case.counts, case.gaps), "{}", case.name);
        assert_eq!(account.complete, case.gaps.is_empty() && account.in_flight == 0, "{}", case.name);
        assert_eq!(account.path, if case.report.is_some() { "/new.log" } else { &account.path }, "{}", case.name);
    }
}

#[test]
fn a_byte_claimed_twice_counts_once_where_it_is_best_off() {
    let mut kept = coverage(&[(0, 10)]);
    kept.dead_letter.insert(5, 22);
    kept.dropped.insert(10, 20);
    kept.expired.insert(0, 25);
    let account = balance(KEY, Some(&report(30, 30, 30, &[(20, 30)])), held(30, true), Some(&kept));
    assert_eq!(
        [account.stored, account.dead_letter, account.dropped, account.expired, account.missed],
        [10, 2, 10, 3, 5]
    );
    assert!(account.complete);
}

#[test]
fn is_written_with_the_keys_that_were_promised() {
    let account = balance(KEY, Some(&report(9, 9, 9, &[])), held(9, true), Some(&coverage(&[(0, 4), (6, 9)])));
    let json = serde_json::to_value(&account).expect("has a JSON form");
    let keys: Vec<_> = json.as_object().expect("is an object").keys().take(13).cloned().collect();
    let promised = "source generation path size read queued stored in_flight dead_letter dropped missed gaps complete";
    assert_eq!(keys, promised.split(' ').collect::<Vec<_>>());
    assert_eq!(json["gaps"], serde_json::json!([[4, 6]]));
    assert_eq!(json["source"], "00000000000000000000000005");
}

fn ranges() -> impl Strategy<Value = Intervals> {
    prop::collection::vec((0u64..80, 0u64..80), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

proptest! {
    /// Whatever the witnesses say, also where they contradict each other.
    #[test]
    fn every_byte_is_counted_once(
        (stored, dropped, expired, dead_letter) in (ranges(), ranges(), ranges(), ranges()),
        (size, read, queued, held_end) in (0u64..100, 0u64..100, 0u64..100, 0u64..100),
        missed in ranges(),
        (drained, has_report, has_queue, has_coverage) in any::<(bool, bool, bool, bool)>(),
    ) {
        let report = has_report.then(|| report(size, read, queued, missed.ranges()));
        let coverage = has_coverage.then(|| Coverage { dropped, expired, dead_letter, ..coverage(stored.ranges()) });
        let queue = has_queue.then(|| held(held_end, drained)).flatten();
        let a = balance(KEY, report.as_ref(), queue, coverage.as_ref());
        let gaps: u64 = a.gaps.iter().map(|(start, end)| end - start).sum();
        let settled = a.stored + a.dead_letter + a.dropped + a.expired + a.missed;
        prop_assert_eq!(a.size, settled + a.in_flight + gaps);
        prop_assert_eq!(a.complete, a.size == settled);
        prop_assert!(a.unread <= gaps && a.queued <= a.read && a.read <= a.size);
        prop_assert!(a.gaps.windows(2).all(|pair| pair[0].1 < pair[1].0));
        if let Some(coverage) = &coverage {
            prop_assert_eq!(a.stored, coverage.stored.total());
        }
    }
}
