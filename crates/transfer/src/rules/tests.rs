//! Whatever ends the work and in whatever order partitions are read: the points are the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use codec::{ParseRules, Parser};
use config::{MetricConfig, MetricValue};
use model::{
    Batch, BatchHeader, Cursors, FieldValue, Format, Generation, ParsedBatch, Partition, Place, Point, QueueId,
    SourceId, SourceKey,
};
use proptest::prelude::*;

use super::rule::Rule;
use super::windows::{Note, Windows};
use crate::dead_letter::tests::header;

const QUEUE: QueueId = QueueId(7);
const SECOND: i64 = 1_000_000;
/// 2024-01-31T10:00:00Z
const BEGIN: i64 = 1_706_695_200 * SECOND;

fn config() -> MetricConfig {
    MetricConfig {
        name: "took".to_owned(),
        streams: vec!["s".to_owned()],
        filter: Some("l:a*".to_owned()),
        field: Some("v".to_owned()),
        values: vec![
            MetricValue::Count,
            MetricValue::Sum,
            MetricValue::Min,
            MetricValue::Max,
            MetricValue::Mean,
            MetricValue::Quantile(990),
        ],
        by: vec!["l".to_owned()],
        window: Duration::from_secs(10),
        lateness: Duration::from_secs(20),
    }
}

fn rule() -> Arc<Rule> {
    Arc::new(Rule::new(&config()).unwrap())
}

/// A record as (seconds since the beginning, label, number).
type Line = (i64, &'static str, f64);

fn text((second, label, number): &Line) -> String {
    let time = Timestamp::from_micros(BEGIN + second * SECOND);
    let number = if number.is_nan() { "null".to_owned() } else { number.to_string() };
    format!("{{\"time\":\"{time}\",\"l\":\"{label}\",\"v\":{number}}}\n")
}

/// Batches of one source, as they stand in a partition.
fn batches(source: u128, batches: &[Vec<Line>]) -> Vec<Arc<ParsedBatch>> {
    let mut start = 0;
    let parse = |lines: &Vec<Line>| {
        let payload: String = lines.iter().map(text).collect();
        let header = BatchHeader {
            key: SourceKey::new(SourceId(source), Generation(0)),
            lines: lines.len() as u32,
            records: lines.len() as u32,
            payload_crc: crc32c::crc32c(payload.as_bytes()),
            format: Format::Json,
            read_at: Timestamp::from_micros(BEGIN + 10_000 * SECOND),
            ..header(start, payload.len() as u64)
        };
        start += payload.len() as u64;
        let batch = Batch { header: Arc::new(header), payload: Bytes::from(payload) };
        Arc::new(Parser::new().parse(&batch, &ParseRules::default()).unwrap())
    };
    batches.iter().filter(|lines| !lines.is_empty()).map(parse).collect()
}

type Series = (i64, Vec<(String, String)>);

/// What a metrics store holds: the last point of each series and time.
#[derive(Default, Debug, PartialEq)]
struct Held(BTreeMap<Series, Vec<(String, FieldValue)>>);

impl Held {
    fn put(&mut self, points: Vec<Point>) {
        for point in points {
            self.0.insert((point.time.as_micros(), point.tags), point.fields);
        }
    }

    fn field(&self, second: i64, label: &str, name: &str) -> Option<FieldValue> {
        let found = self.0.iter().find(|((time, tags), _)| {
            *time == BEGIN + second * SECOND && tags.contains(&("l".to_owned(), label.to_owned()))
        });
        found?.1.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }
}

/// Reads partitions in the order that `turns` draws; `crashes` says before which turns everything is forgotten but
/// the note.
struct Run<'a> {
    partitions: &'a [Vec<Arc<ParsedBatch>>],
    owned: Vec<Partition>,
    held: Held,
}

impl<'a> Run<'a> {
    fn new(partitions: &'a [Vec<Arc<ParsedBatch>>]) -> Self {
        Self { partitions, owned: (0..partitions.len() as u32).map(Partition).collect(), held: Held::default() }
    }

    fn go(mut self, turns: &[usize], crashes: &[usize], commits: &[usize]) -> Held {
        let mut note: Option<Note> = None;
        let mut at = vec![0; self.partitions.len()];
        let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
        for (turn, draw) in turns.iter().cycle().enumerate() {
            if turn < 200 && crashes.contains(&turn) {
                (windows, at) = self.again(note.clone());
            }
            let left: Vec<usize> = (0..at.len()).filter(|n| at[*n] < self.partitions[*n].len()).collect();
            let Some(&n) = left.get(draw % left.len().max(1)) else { break };
            windows.take(Place { partition: Partition(n as u32), offset: at[n] as u64 }, &self.partitions[n][at[n]]);
            at[n] += 1;
            if commits.contains(&(turn % 200)) {
                note = Some(self.commit(&mut windows));
            }
        }
        self.commit(&mut windows);
        self.held
    }

    fn commit(&mut self, windows: &mut Windows) -> Note {
        self.held.put(windows.due(&self.owned));
        windows.close(&self.owned);
        windows.note()
    }

    fn again(&self, note: Option<Note>) -> (Windows, Vec<usize>) {
        let cursors = note.as_ref().map_or_else(|| Cursors::start_of(QUEUE), Note::cursors);
        let at = self.owned.iter().map(|partition| cursors.get(*partition) as usize).collect();
        (Windows::new(rule(), note, &cursors), at)
    }
}

fn line() -> impl Strategy<Value = Line> {
    (-15i64..15, prop::sample::select(&["a", "ab", "x"][..]), -50.0f64..50.0)
}

/// Times go on, not always forwards; the end closes every window.
fn partition() -> impl Strategy<Value = Vec<Vec<Line>>> {
    prop::collection::vec(prop::collection::vec(line(), 0..6), 0..12).prop_map(|mut batches| {
        for (n, batch) in batches.iter_mut().enumerate() {
            batch.iter_mut().for_each(|line| line.0 += n as i64 * 12);
        }
        batches.push(vec![(100_000 / 50, "x", 0.0)]);
        batches
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn crashes_change_nothing(
        partitions in prop::collection::vec(partition(), 1..4),
        turns in prop::collection::vec(0usize..4, 1..50),
        others in prop::collection::vec(0usize..4, 1..50),
        crashes in prop::collection::vec(0usize..60, 0..6),
        commits in prop::collection::vec(0usize..200, 0..60),
    ) {
        let parsed: Vec<_> =
            partitions.iter().enumerate().map(|(n, lines)| batches(n as u128 + 1, lines)).collect();
        let whole = Run::new(&parsed).go(&turns, &[], &[]);
        let broken = Run::new(&parsed).go(&others, &crashes, &commits);
        prop_assert_eq!(whole, broken);
    }
}

fn take(windows: &mut Windows, partition: u32, offset: u64, lines: &[Vec<Line>]) {
    for (n, batch) in batches(u128::from(partition) + 1, lines).iter().enumerate() {
        windows.take(Place { partition: Partition(partition), offset: offset + n as u64 }, batch);
    }
}

#[test]
fn a_window_is_one_point_for_each_combination_of_labels() {
    let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
    let lines = vec![vec![(1, "a", 2.0), (2, "a", 4.0), (3, "ab", 1.0), (3, "x", 9.0), (11, "a", 5.0)]];
    take(&mut windows, 0, 0, &lines);
    let owned = [Partition(0)];
    let mut held = Held::default();
    held.put(windows.due(&owned));
    assert_eq!(held.0.len(), 2, "the second window is not over, 'x' does not match: {held:?}");
    assert_eq!(held.field(0, "a", "count"), Some(FieldValue::Integer(2)));
    assert_eq!(held.field(0, "a", "sum"), Some(FieldValue::Float(6.0)));
    assert_eq!(held.field(0, "a", "mean"), Some(FieldValue::Float(3.0)));
    assert_eq!(held.field(0, "ab", "max"), Some(FieldValue::Float(1.0)));
    assert_eq!(windows.due(&owned), [], "nothing has changed since");
}

#[test]
fn a_late_line_rewrites_its_point_and_a_later_one_is_counted() {
    let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
    let owned = [Partition(0)];
    let lines = [vec![(1, "a", 2.0), (12, "a", 1.0)], vec![(3, "a", 5.0)], vec![(31, "a", 1.0), (4, "a", 7.0)]];
    let parsed = batches(1, &lines);
    let mut held = Held::default();
    for (offset, batch) in parsed.iter().enumerate() {
        windows.take(Place { partition: Partition(0), offset: offset as u64 }, batch);
        held.put(windows.due(&owned));
        windows.close(&owned);
        if offset == 0 {
            assert_eq!(windows.note().cursors().get(Partition(0)), 0, "the window may still change");
        }
    }
    assert_eq!(held.field(0, "a", "count"), Some(FieldValue::Integer(2)));
    assert_eq!(windows.counts.late, 1);
    assert_eq!(
        windows.note().cursors().get(Partition(0)),
        0,
        "the second window is open, and began in the first batch"
    );
}

#[test]
fn what_arrives_twice_counts_once_and_what_is_no_number_not_at_all() {
    let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
    let lines = vec![vec![(1, "a", 2.0), (2, "a", f64::NAN)]];
    take(&mut windows, 0, 0, &lines);
    take(&mut windows, 0, 1, &lines);
    assert_eq!((windows.counts.taken, windows.counts.twice, windows.counts.no_number), (1, 2, 1));
}

#[test]
fn a_partition_without_lines_holds_the_others_up_until_it_rests() {
    let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
    let owned = [Partition(0), Partition(1)];
    take(&mut windows, 0, 0, &[vec![(1, "a", 2.0), (50, "a", 4.0)]]);
    assert!(windows.due(&owned).is_empty());
    windows.rest(Partition(1));
    assert_eq!(windows.due(&owned).len(), 1);
    windows.close(&owned);
    take(&mut windows, 1, 0, &[vec![(2, "a", 1.0)]]);
    assert_eq!(windows.counts.late, 1, "its window was closed for good");
}

#[test]
fn without_a_note_what_may_be_incomplete_is_not_written() {
    let mut start = Cursors::start_of(QUEUE);
    start.next.insert(Partition(0), 5);
    let mut windows = Windows::new(rule(), None, &start);
    take(&mut windows, 0, 5, &[vec![(1, "a", 2.0), (12, "a", 1.0), (62, "a", 1.0), (73, "a", 1.0)]]);
    let times: Vec<_> = windows.due(&[Partition(0)]).iter().map(|point| point.time.as_micros()).collect();
    assert_eq!(times, [BEGIN + 60 * SECOND]);
}

#[test]
fn a_time_still_to_come_makes_no_other_line_late() {
    let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
    // Everything was read at 10 000 s.
    let lines = [vec![(9_990, "a", 1.0), (40_000, "a", 1.0), (9_991, "a", 2.0), (200_000, "a", 1.0)]];
    take(&mut windows, 0, 0, &lines);
    assert_eq!((windows.counts.taken, windows.counts.late, windows.counts.ahead), (3, 0, 1));
}

#[test]
fn another_stream_moves_the_cursor_but_makes_no_line_late() {
    let mut windows = Windows::new(rule(), None, &Cursors::start_of(QUEUE));
    let place = |offset| Place { partition: Partition(0), offset };
    let mut other = (*batches(9, &[vec![(9_000, "a", 1.0)]])[0]).clone();
    Arc::make_mut(&mut other.header).stream = "t".into();
    windows.take(place(0), &other);
    assert_eq!(windows.note().cursors().get(Partition(0)), 1);
    take(&mut windows, 0, 1, &[vec![(1, "a", 2.0)]]);
    assert_eq!((windows.counts.taken, windows.counts.late), (1, 0));
    assert_eq!(windows.note().cursors().get(Partition(0)), 1, "before the open window");
}
