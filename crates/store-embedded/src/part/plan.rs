//! Which rows go into which part and which row group, in which order. Pure.

use std::collections::HashMap;
use std::ops::Range;

use base::Timestamp;

use super::rows::{Chunk, Origin};

/// Lines of one row group, in bytes.
pub(crate) const GROUP_BYTES: u64 = 4 << 20;
/// Lines of one page, in bytes.
pub(crate) const PAGE_BYTES: u64 = 512 << 10;
/// A stream with fewer bytes shares its row group with others.
const OWN_GROUP_BYTES: u64 = 512 << 10;
/// A day with fewer bytes shares its part with the days after it.
pub(crate) const OWN_PART_BYTES: u64 = 8 << 20;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// One row on its way into a part. The order of the first three is the order of rows in a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub time: i64,
    /// Rank of its source and generation.
    pub key: u32,
    pub offset: u64,
    /// Number of its [`Origin`]; ascends with the stream's name.
    pub origin: u32,
    pub chunk: u32,
    pub row: u32,
}

/// All rows of some chunks in the order of parts.
pub(crate) struct Plan {
    /// Ascending.
    pub origins: Vec<Origin>,
    pub parts: Vec<PartPlan>,
}

/// The rows of one part, by stream, then time, then id.
pub(crate) struct PartPlan {
    /// Days since the epoch of its earliest row.
    pub day: i64,
    pub entries: Vec<Entry>,
    pub groups: Vec<Range<usize>>,
}

/// Plans the parts for all rows of `chunks`.
///
/// Decision: one part a day, but a day with little shares its part with the following days, so that an import of
/// lines of many years does not make a file for each day. The folder is that of the earliest row; what prunes a
/// search is the range of times that the manifest keeps for each part.
pub(crate) fn plan<C: Chunk>(chunks: &[C]) -> Plan {
    let (origins, entries) = entries(chunks);
    let days = by_day(entries, |entry| page_len(chunks, entry));
    let parts = days
        .into_iter()
        .map(|(day, mut entries)| {
            // Runs of rows that are in order already are many and long; a stable sort makes use of them.
            let stream = |entry: &Entry| &origins[entry.origin as usize].stream;
            let streams = stream_ranks(&origins);
            entries.sort_by_key(|e| (streams[e.origin as usize], e.time, e.key, e.offset));
            let groups = groups(&entries, |a, b| stream(a) == stream(b), |entry| page_len(chunks, entry));
            PartPlan { day, entries, groups }
        })
        .collect();
    Plan { origins, parts }
}

/// What a row adds to a page: its line and the line's length. So rows are bounded too where lines are empty.
pub(crate) fn page_len<C: Chunk>(chunks: &[C], entry: &Entry) -> u64 {
    let (start, end) = chunks[entry.chunk as usize].line(entry.row as usize);
    (end - start) as u64 + 4
}

/// For each origin the rank of its stream.
fn stream_ranks(origins: &[Origin]) -> Vec<u32> {
    let mut rank = 0;
    (0..origins.len())
        .map(|n| {
            rank += u32::from(n > 0 && origins[n].stream != origins[n - 1].stream);
            rank
        })
        .collect()
}

fn entries<C: Chunk>(chunks: &[C]) -> (Vec<Origin>, Vec<Entry>) {
    let local: Vec<Vec<Origin>> = chunks.iter().map(Chunk::origins).collect();
    let mut origins: Vec<Origin> = local.iter().flatten().cloned().collect();
    origins.sort_unstable();
    origins.dedup();
    let numbers: HashMap<&Origin, u32> = origins.iter().zip(0..).collect();
    let mut keys: Vec<_> = origins.iter().map(|origin| origin.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let key_of: Vec<u32> =
        origins.iter().map(|origin| keys.binary_search(&origin.key).unwrap_or_default() as u32).collect();
    let mut entries = Vec::with_capacity(chunks.iter().map(Chunk::rows).sum());
    for (n, (chunk, local)) in chunks.iter().zip(&local).enumerate() {
        let numbers: Vec<u32> = local.iter().map(|origin| numbers[origin]).collect();
        for at in 0..chunk.rows() {
            let row = chunk.row(at);
            let origin = numbers[row.origin as usize];
            let (time, key) = (row.time.as_micros(), key_of[origin as usize]);
            entries.push(Entry { time, key, offset: row.offset, origin, chunk: n as u32, row: at as u32 });
        }
    }
    (origins, entries)
}

/// Splits entries into parts: days in order, small ones together.
fn by_day(entries: Vec<Entry>, len: impl Fn(&Entry) -> u64) -> Vec<(i64, Vec<Entry>)> {
    let day = |entry: &Entry| entry.time.div_euclid(MICROS_PER_DAY);
    let Some(first) = entries.first().map(day) else { return Vec::new() };
    if entries.iter().all(|entry| day(entry) == first) {
        return vec![(first, entries)];
    }
    let mut days: HashMap<i64, u64> = HashMap::new();
    entries.iter().for_each(|entry| *days.entry(day(entry)).or_default() += len(entry));
    let mut days: Vec<_> = days.into_iter().collect();
    days.sort_unstable();
    let parts = group_days(&days);
    let part_of: HashMap<i64, usize> = parts
        .iter()
        .enumerate()
        .flat_map(|(n, range)| days[range.clone()].iter().map(move |(day, _)| (*day, n)))
        .collect();
    let mut split: Vec<(i64, Vec<Entry>)> = parts.iter().map(|range| (days[range.start].0, Vec::new())).collect();
    for entry in entries {
        split[part_of[&day(&entry)]].1.push(entry);
    }
    split
}

/// Which days share a part, as ranges of `days` (day, bytes).
fn group_days(days: &[(i64, u64)]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (n, (_, len)) in days.iter().enumerate() {
        let is_big = *len >= OWN_PART_BYTES;
        if n > start && (bytes >= OWN_PART_BYTES || is_big) {
            parts.push(start..n);
            (start, bytes) = (n, 0);
        }
        bytes += len;
    }
    parts.push(start..days.len());
    parts
}

/// Splits the sorted rows of a part into row groups: a stream has its own, small streams share.
fn groups(
    entries: &[Entry],
    same_stream: impl Fn(&Entry, &Entry) -> bool,
    len: impl Fn(&Entry) -> u64,
) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut shared_from, mut shared_bytes) = (0, 0);
    let mut at = 0;
    for stream in entries.chunk_by(|a, b| same_stream(a, b)) {
        let bytes: u64 = stream.iter().map(&len).sum();
        if bytes < OWN_GROUP_BYTES {
            if shared_bytes + bytes > GROUP_BYTES {
                groups.push(shared_from..at);
                (shared_from, shared_bytes) = (at, 0);
            }
            shared_bytes += bytes;
            at += stream.len();
            continue;
        }
        if shared_from < at {
            groups.push(shared_from..at);
        }
        let mut start = at;
        for part in split_evenly(stream, bytes, GROUP_BYTES, &len) {
            groups.push(start..start + part);
            start += part;
        }
        at += stream.len();
        (shared_from, shared_bytes) = (at, 0);
    }
    if shared_from < at {
        groups.push(shared_from..at);
    }
    groups
}

/// Numbers of rows of the fewest pieces of about equal size, none (but for its last row) above `max` bytes.
pub(crate) fn split_evenly(entries: &[Entry], bytes: u64, max: u64, len: impl Fn(&Entry) -> u64) -> Vec<usize> {
    let target = bytes.div_ceil(bytes.div_ceil(max).max(1)).max(1);
    let mut pieces = Vec::new();
    let (mut rows, mut held) = (0, 0);
    for entry in entries {
        rows += 1;
        held += len(entry);
        if held >= target {
            pieces.push(rows);
            (rows, held) = (0, 0);
        }
    }
    if rows > 0 {
        pieces.push(rows);
    }
    pieces
}

/// `day=YYYY-MM-DD` of a number of days since the epoch.
pub(crate) fn day_folder(day: i64) -> String {
    let (year, month, day) = Timestamp::from_micros(day.saturating_mul(MICROS_PER_DAY)).date();
    format!("day={year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(lens: &[u64]) -> Vec<Entry> {
        lens.iter().map(|len| Entry { time: 0, key: 0, offset: *len, origin: 0, chunk: 0, row: 0 }).collect()
    }

    #[test]
    fn many_small_days_share_a_part_and_big_ones_do_not() {
        let small: Vec<_> = (0..10_000).map(|day| (day, 1000)).collect();
        assert_eq!(group_days(&small).len(), 2);
        let mixed = [(1, 10), (2, 20 << 20), (3, 10), (4, 10), (9, 9 << 20)];
        assert_eq!(group_days(&mixed), [0..1, 1..2, 2..4, 4..5]);
        assert_eq!(day_folder(0), "day=1970-01-01");
    }

    #[test]
    fn small_streams_share_a_row_group_and_big_ones_are_split_evenly() {
        let lens: Vec<u64> = [vec![1000; 10], vec![100 << 10; 60], vec![1000; 10], vec![2000; 10]].concat();
        let mut all = entries(&lens);
        for (n, entry) in all.iter_mut().enumerate() {
            entry.origin = [10, 70, 80, 90].iter().position(|end| n < *end).unwrap() as u32;
        }
        let groups = groups(&all, |a, b| a.origin == b.origin, |entry| entry.offset);
        assert_eq!(groups, [0..10, 10..40, 40..70, 70..90]);
    }

    #[test]
    fn a_long_line_is_a_piece_of_its_own() {
        let all = entries(&[10, 5000, 10, 10]);
        assert_eq!(split_evenly(&all, 5030, 1000, |entry| entry.offset), [2, 2]);
    }
}
