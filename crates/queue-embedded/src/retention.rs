//! Which segments may go: only whole ones, oldest first, and only what every known group has passed.

use std::time::Duration;

use base::Timestamp;

/// A segment that takes no more entries.
#[derive(Clone, Copy, Debug)]
pub struct Sealed {
    /// Behind its last offset.
    pub end: u64,
    /// On disk.
    pub bytes: u64,
    /// When it last grew.
    pub changed_at: Timestamp,
}

/// What is kept although everybody has read it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many bytes of it.
    pub keep_bytes: u64,
    /// While it is not older.
    pub keep_age: Duration,
    /// Unless all segments together come to this.
    pub max_bytes: u64,
}

/// How many segments from the front may go; `passed`: the offset up to which every group has read.
pub fn removable(segments: &[Sealed], passed: u64, limits: &Limits, now: Timestamp) -> usize {
    let read = segments.iter().take_while(|s| s.end <= passed);
    let mut read_bytes: u64 = read.clone().map(|s| s.bytes).sum();
    let mut all_bytes: u64 = segments.iter().map(|s| s.bytes).sum();
    let oldest_kept = now.minus(limits.keep_age);
    read.take_while(|segment| {
        let goes = read_bytes > limits.keep_bytes || all_bytes >= limits.max_bytes || segment.changed_at < oldest_kept;
        read_bytes -= segment.bytes;
        all_bytes -= segment.bytes;
        goes
    })
    .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_has_read_goes() {
        let hour = |n: i64| Timestamp::from_micros(n * 3_600_000_000);
        let segments: Vec<_> =
            (0..6).map(|n| Sealed { end: (n as u64 + 1) * 10, bytes: 100, changed_at: hour(n) }).collect();
        let day = Duration::from_secs(24 * 3600);
        let table = [
            // passed, keep_bytes, keep_age, max_bytes, now → how many
            (0, 0, day, 1000, 6, 0),
            (9, 0, day, 0, 6, 0),
            (10, 0, day, 1000, 6, 1),
            (59, 0, day, 1000, 6, 5),
            (60, 0, day, 1000, 6, 6),
            (60, 250, day, 1000, 6, 4),
            (60, 1000, day, 1000, 6, 0),
            (60, 1000, day, 400, 6, 3),
            (20, 1000, day, 1, 6, 2),
            (60, 1000, day, 1000, 27, 3),
            (20, 1000, day, 1000, 1000, 2),
        ];
        for (passed, keep_bytes, keep_age, max_bytes, now, expected) in table {
            let limits = Limits { keep_bytes, keep_age, max_bytes };
            assert_eq!(removable(&segments, passed, &limits, hour(now)), expected, "{passed} {limits:?} {now}");
        }
    }
}
