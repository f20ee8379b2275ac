//! What can be asked of a store, and how it answers.

use std::sync::Arc;
use std::time::Duration;

use base::{Intervals, Timestamp};
use model::{BatchHeader, Format, Level, Marks, RecordId, SourceKey};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::query::Query;

/// Half-open range of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First moment in it.
    pub since: Timestamp,
    /// First moment behind it.
    pub until: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { since: Timestamp::MIN, until: Timestamp::MAX };

    /// Whether `time` is in it. The last moment of all counts as inside [`TimeRange::ALL`].
    pub fn contains(self, time: Timestamp) -> bool {
        self.since <= time && (time < self.until || self.until == Timestamp::MAX)
    }
}

/// What every question has: which records, and how long the answer may take.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Which records.
    pub query: Query,
    /// When they happened.
    pub range: TimeRange,
    /// After so long the answer is given as it is, and marked incomplete. `None`: however long it takes.
    pub deadline: Option<Duration>,
}

impl Scope {
    /// Whether it can be right.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.range.since > self.range.until {
            let reason = format!("it begins at {} and ends before that, at {}", self.range.since, self.range.until);
            return Err(StoreError::Invalid { what: "time range", reason });
        }
        Ok(())
    }

    /// Everything there is.
    pub fn everything() -> Self {
        Self { query: Query::all(), range: TimeRange::ALL, deadline: None }
    }
}

/// Where a page of hits ended: the next page holds what sorts behind this, newest first. The order is time, then id,
/// both descending, so a cursor means the same on any store and after any merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HitCursor {
    /// Time of the last hit.
    pub time: Timestamp,
    /// Its id.
    pub id: RecordId,
}

/// Asks for the newest records of a scope.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// Which records.
    pub scope: Scope,
    /// At most so many.
    pub limit: usize,
    /// Only what comes behind this.
    pub after: Option<HitCursor>,
}

/// One record found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its identity.
    pub id: RecordId,
    /// When it happened.
    pub time: Timestamp,
    /// What it was collected with.
    pub stream: String,
    /// The machine it comes from.
    pub host: String,
    /// The path of its file when it was read.
    pub path: String,
    /// How serious it is.
    pub level: Level,
    /// The format in which it parsed.
    pub format: Format,
    /// What else is to be known.
    pub marks: Marks,
    /// Its bytes, without the newline at its end.
    pub line: Vec<u8>,
    /// What it takes up in the file, with the newline if it has one.
    pub size: u32,
    /// Its parsed fields, in order.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// Some hits, newest first.
#[derive(Clone, Debug, Default)]
pub struct SearchPage {
    /// Time descending, then id descending.
    pub hits: Vec<Hit>,
    /// Where to go on; `None` where there is no more in the scope. A page may end before its limit where it grows big
    /// ([`PAGE_BYTES_MAX`]) or at the deadline: everything down to here was looked at, and nothing behind it is in it.
    pub next: Option<HitCursor>,
    /// Whether the page is as full as it could be. `false` after a deadline.
    pub complete: bool,
}

/// Most hits that can be asked for at once.
pub const LIMIT_MAX: usize = 100_000;
/// A page ends when its lines exceed so many bytes.
pub const PAGE_BYTES_MAX: usize = 32 << 20;
/// Most buckets of a histogram.
pub const BUCKETS_MAX: usize = 10_000;
/// Most series of a histogram.
pub const SERIES_MAX: usize = 1_000;

impl SearchRequest {
    /// Whether it can be right.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check(&self) -> Result<(), StoreError> {
        self.scope.check()?;
        if self.limit > LIMIT_MAX {
            let reason =
                format!("{} is more than {LIMIT_MAX}; take pages, each from the cursor of the last", self.limit);
            return Err(StoreError::Invalid { what: "limit", reason });
        }
        Ok(())
    }
}

/// Asks for counts over time.
#[derive(Clone, Debug)]
pub struct HistogramRequest {
    /// Which records. A range that is open at an end is narrowed to what the store holds.
    pub scope: Scope,
    /// Width of a bucket in microseconds; `None`: chosen so that there are about `buckets`.
    pub bucket_micros: Option<i64>,
    /// How many buckets to aim for, 1 to 10,000.
    pub buckets: usize,
    /// Split each bucket by this field (`level`, `stream`, `host`, `path` or any parsed field).
    pub by: Option<String>,
    /// At most so many distinct values of it, by count; the rest is counted under [`OTHER`].
    pub series_max: usize,
}

/// The buckets that a histogram request means, over what a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Start of the first, a multiple of the width.
    pub start: Timestamp,
    /// Width in microseconds.
    pub width: i64,
    /// How many.
    pub count: usize,
}

/// Widths that people can read, in microseconds.
const WIDTHS: [i64; 35] = {
    const MS: i64 = 1_000;
    const S: i64 = 1_000 * MS;
    const M: i64 = 60 * S;
    const H: i64 = 60 * M;
    const D: i64 = 24 * H;
    [
        1,
        10,
        100,
        MS,
        2 * MS,
        5 * MS,
        10 * MS,
        20 * MS,
        50 * MS,
        100 * MS,
        200 * MS,
        500 * MS,
        S,
        2 * S,
        5 * S,
        10 * S,
        15 * S,
        30 * S,
        M,
        2 * M,
        5 * M,
        10 * M,
        15 * M,
        30 * M,
        H,
        2 * H,
        3 * H,
        6 * H,
        12 * H,
        D,
        2 * D,
        7 * D,
        14 * D,
        30 * D,
        365 * D,
    ]
};

impl HistogramRequest {
    /// The buckets of this request where the oldest and newest times held are `held`; `None` where there is nothing
    /// to count.
    ///
    /// # Errors
    /// `Invalid` where the request cannot be right.
    pub fn buckets(&self, held: Option<(Timestamp, Timestamp)>) -> Result<Option<Buckets>, StoreError> {
        self.scope.check()?;
        let invalid = |what, reason: String| Err(StoreError::Invalid { what, reason });
        if self.buckets == 0 || self.buckets > BUCKETS_MAX {
            return invalid("buckets", format!("{} is not within 1 to {BUCKETS_MAX}", self.buckets));
        }
        if self.series_max > SERIES_MAX {
            return invalid("series", format!("{} is more than {SERIES_MAX}", self.series_max));
        }
        if self.bucket_micros.is_some_and(|width| width <= 0) {
            return invalid("bucket", "a bucket must be longer than nothing".to_owned());
        }
        let Some((oldest, newest)) = held else { return Ok(None) };
        let range = self.scope.range;
        let first = if range.since == Timestamp::MIN { oldest } else { range.since };
        let last = if range.until == Timestamp::MAX { newest } else { range.until.plus_micros(-1) };
        if first > last {
            return Ok(None);
        }
        let (first, last) = (i128::from(first.as_micros()), i128::from(last.as_micros()));
        let counted = |width: i64| last.div_euclid(width.into()) - first.div_euclid(width.into()) + 1;
        let fits = |width: &i64| counted(*width) <= self.buckets as i128;
        let wide = || ((last - first) / self.buckets as i128 + 1).min(i64::MAX.into()) as i64;
        let width = self.bucket_micros.or_else(|| WIDTHS.into_iter().find(fits)).unwrap_or_else(wide);
        let count = counted(width);
        if count > BUCKETS_MAX as i128 + 1 {
            return invalid("bucket", format!("makes {count} buckets, more than {BUCKETS_MAX}; make it wider"));
        }
        let start = first.div_euclid(width.into()) * i128::from(width);
        let start = Timestamp::from_micros(start.max(i64::MIN.into()) as i64);
        Ok(Some(Buckets { start, width, count: count as usize }))
    }
}

impl Buckets {
    /// In which bucket a time falls.
    pub fn index(&self, time: Timestamp) -> Option<usize> {
        let behind = i128::from(time.as_micros()) - i128::from(self.start.as_micros());
        usize::try_from(behind.div_euclid(self.width.into())).ok().filter(|index| *index < self.count)
    }
}

/// The name under which what exceeds `series_max` is counted; it begins as no value does.
pub const OTHER: &str = "\u{0}(other)";
/// The name under which records without the field are counted; it begins as no value does.
pub const ABSENT: &str = "\u{0}(none)";

/// Counts over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Start of the first bucket (a multiple of the width).
    pub start: Timestamp,
    /// Width of a bucket in microseconds.
    pub bucket_micros: i64,
    /// Per value of `by` (or one series named `""` without it), the counts per bucket; by total, descending.
    pub series: Vec<(String, Vec<u64>)>,
    /// All records counted.
    pub total: u64,
    /// Whether everything in the scope was counted.
    pub complete: bool,
}

/// Asks for the values of fields with their counts.
#[derive(Clone, Debug)]
pub struct FacetsRequest {
    /// Which records.
    pub scope: Scope,
    /// Which fields.
    pub fields: Vec<String>,
    /// At most so many values a field: the first in the order.
    pub values_max: usize,
    /// Only values that contain this, case ignored.
    pub matching: Option<String>,
    /// Which values come first.
    pub order: FacetOrder,
}

/// Which values of a field come first. Among equals, the smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FacetOrder {
    /// Those of most records.
    #[default]
    Count,
    /// Those of fewest records.
    Rare,
    /// The smallest.
    Name,
}

impl FacetsRequest {
    /// The commonest values of some fields.
    pub const fn new(scope: Scope, fields: Vec<String>, values_max: usize) -> Self {
        Self { scope, fields, values_max, matching: None, order: FacetOrder::Count }
    }

    /// Of all values of a field, those that are asked for, in the order asked for.
    pub fn pick(&self, counts: impl IntoIterator<Item = (String, u64)>) -> Vec<(String, u64)> {
        let part = self.matching.as_ref().map(|text| text.to_lowercase());
        let wanted = |value: &str| part.as_ref().is_none_or(|part| value.to_lowercase().contains(part));
        let mut values: Vec<_> = counts.into_iter().filter(|(value, _)| wanted(value)).collect();
        values.sort_unstable_by(|a, b| match self.order {
            FacetOrder::Count => b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)),
            FacetOrder::Rare => a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)),
            FacetOrder::Name => a.0.cmp(&b.0),
        });
        values.truncate(self.values_max);
        values
    }
}

/// The values of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// Values (lossy text) with their counts, in the order asked for.
    pub values: Vec<(String, u64)>,
    /// Records that have the field.
    pub present: u64,
    /// Distinct values seen.
    pub distinct: u64,
    /// Whether `distinct`, the counts and the choice of values are exact over the scope (a field with very many values
    /// is cut off).
    pub exact: bool,
}

/// The values of several fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// In the order asked.
    pub facets: Vec<Facet>,
    /// Records in the scope.
    pub total: u64,
    /// Whether everything in the scope was counted.
    pub complete: bool,
}

/// A field that the store knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldInfo {
    /// Its name.
    pub name: String,
    /// Records that have it (an estimate where the store keeps none).
    pub records: u64,
    /// Whether it is kept as a column, so that facets and histograms of it are quick.
    pub column: bool,
}

/// Asks for the neighbours of a record in its file.
#[derive(Clone, Copy, Debug)]
pub struct ContextRequest {
    /// Around which record.
    pub id: RecordId,
    /// So many before it.
    pub before: usize,
    /// So many after it.
    pub after: usize,
}

/// A record in its surroundings, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Ascending offsets.
    pub hits: Vec<Hit>,
    /// The place of the record asked for among them; `None` where it is not held.
    pub anchor: Option<usize>,
}

/// What of a store holds a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Memory: it is found, and comes again from the queue after a crash.
    Head,
    /// A file of the store.
    Part,
    /// An index of a server.
    Index,
}

impl Holder {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Part => "part",
            Self::Index => "index",
        }
    }
}

/// Where a record is in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// What holds it.
    pub holder: Holder,
    /// Which: a file's path in the store's folder, an index's name.
    pub name: String,
    /// Since when, where that is kept.
    pub at: Option<Timestamp>,
    /// The batch it came in, as long as that is known here.
    pub batch: Option<Arc<BatchHeader>>,
}

/// What a store holds of a source: the right side of the account that `audit` balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Which source, which generation.
    pub key: SourceKey,
    /// Its stream.
    pub stream: String,
    /// Its machine.
    pub host: String,
    /// Its path when it was last read.
    pub path: String,
    /// Byte ranges that a search finds, in head and parts.
    pub stored: Intervals,
    /// Of these, the ranges that survive a crash of the store.
    pub durable: Intervals,
    /// Byte ranges dropped by a rule of the stream.
    pub dropped: Intervals,
    /// Byte ranges removed by retention.
    pub expired: Intervals,
    /// Byte ranges in the dead letters.
    pub dead_letter: Intervals,
}

impl Coverage {
    /// Of a source of which nothing is held.
    pub const fn none_of(key: SourceKey) -> Self {
        Self {
            key,
            stream: String::new(),
            host: String::new(),
            path: String::new(),
            stored: Intervals::new(),
            durable: Intervals::new(),
            dropped: Intervals::new(),
            expired: Intervals::new(),
            dead_letter: Intervals::new(),
        }
    }
}

/// How big a store is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// Records held.
    pub records: u64,
    /// Bytes of their lines.
    pub line_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Parts on disk.
    pub parts: u64,
    /// Bytes of lines in the head, not yet in a part.
    pub head_bytes: u64,
    /// Oldest and newest time held.
    pub oldest: Option<Timestamp>,
    /// See `oldest`.
    pub newest: Option<Timestamp>,
    /// Why nothing is taken now, if so.
    pub paused: Option<String>,
    /// Bytes free on its disk, where it has one and knows.
    #[serde(default)]
    pub free_bytes: Option<u64>,
}
