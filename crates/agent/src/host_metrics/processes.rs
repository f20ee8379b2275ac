//! `processes`: how many there are, by what they are doing. From `/proc/PID/stat` of each, which is dear where there are
//! many: see [`Tally::rest`].

use super::points::{Points, integer};

/// Processes by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    blocked: u64,
    zombies: u64,
    stopped: u64,
    running: u64,
    sleeping: u64,
    idle: u64,
    dead: u64,
    paging: u64,
    parked: u64,
    unknown: u64,
    threads: u64,
}

/// So many processes may be looked at per sample, on average. One costs about ten microseconds: this keeps all of it
/// under a tenth of a percent of a core at a sample every ten seconds.
const PER_SAMPLE: u64 = 250;
/// However many there are, they are counted at least every so many samples.
const REST_MAX: u64 = 30;

impl Tally {
    /// Counts one, from the text of its `stat`: `PID (name) S …`. The name may hold anything, brackets too.
    pub fn count(&mut self, stat: &[u8]) {
        let Some(close) = stat.iter().rposition(|byte| *byte == b')') else { return };
        let mut columns = stat[close + 1..].split(u8::is_ascii_whitespace).filter(|column| !column.is_empty());
        let state = match columns.next().and_then(|column| column.first()) {
            Some(b'R') => &mut self.running,
            Some(b'S') => &mut self.sleeping,
            Some(b'D' | b'U' | b'L') => &mut self.blocked,
            Some(b'Z') => &mut self.zombies,
            Some(b'T' | b't') => &mut self.stopped,
            Some(b'I') => &mut self.idle,
            Some(b'X' | b'x') => &mut self.dead,
            Some(b'W') => &mut self.paging,
            Some(b'P') => &mut self.parked,
            _ => &mut self.unknown,
        };
        *state += 1;
        let threads = columns.nth(16).and_then(|column| std::str::from_utf8(column).ok()?.parse().ok());
        self.threads += threads.unwrap_or(0u64);
    }

    fn total(&self) -> u64 {
        let states = [self.blocked, self.zombies, self.stopped, self.running, self.sleeping];
        let more = [self.idle, self.dead, self.paging, self.parked, self.unknown];
        states.iter().chain(&more).sum()
    }

    /// After so many samples they are counted again.
    pub fn rest(&self) -> u64 {
        self.total().div_ceil(PER_SAMPLE).clamp(1, REST_MAX)
    }

    /// Adds `processes`.
    pub fn add(&self, points: &mut Points) {
        let fields = [
            ("blocked", self.blocked),
            ("zombies", self.zombies),
            ("stopped", self.stopped),
            ("running", self.running),
            ("sleeping", self.sleeping),
            ("idle", self.idle),
            ("dead", self.dead),
            ("paging", self.paging),
            ("parked", self.parked),
            ("unknown", self.unknown),
            ("total", self.total()),
            ("total_threads", self.threads),
        ];
        points.add("processes", [], fields.map(|(name, count)| (name, integer(count))));
    }
}

/// Adds what is known of processes without looking at each.
pub fn add_threads(threads: u64, points: &mut Points) {
    points.add("processes", [], [("total_threads", integer(threads))]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_state() {
        let mut tally = Tally::default();
        let rest = "1 2 3 4 -1 4194560 1 2 3 4 5 6 7 8 20 0";
        for (name, state, threads) in [
            ("init", 'S', 1),
            ("a) R (b", 'R', 4),
            ("x", 'D', 1),
            ("", 'Z', 1),
            ("k", 'I', 1),
            ("t", 't', 2),
            ("?", 'Q', 1),
        ] {
            tally.count(format!("42 ({name}) {state} {rest} {threads} 0 999 1 1\n").as_bytes());
        }
        tally.count(b"");
        tally.count(b"no brackets");
        let mut points = Points::none();
        tally.add(&mut points);
        assert_eq!(
            points.shown(),
            ["processes blocked=1i,zombies=1i,stopped=1i,running=1i,sleeping=1i,idle=1i,dead=0i,paging=0i,parked=0i,\
              unknown=1i,total=7i,total_threads=11i"]
        );
    }

    #[test]
    fn many_are_counted_less_often() {
        for (processes, samples) in [(0, 1), (1, 1), (250, 1), (251, 2), (2000, 8), (100_000, 30)] {
            assert_eq!(Tally { sleeping: processes, ..Tally::default() }.rest(), samples, "{processes}");
        }
    }
}
