//! How numbers and moments are written, and the plain answer of `--once`.

use std::fmt::Write as _;

use super::answers::{Overview, Sources};

/// Bytes in a few characters.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if value < 9.95 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// A count in a few characters.
pub(super) fn count(number: f64) -> String {
    match number {
        n if n >= 999_500.0 => format!("{:.1}M", n / 1e6),
        n if n >= 9_950.0 => format!("{:.0}k", n / 1e3),
        n if n >= 999.5 => format!("{:.1}k", n / 1e3),
        n if n >= 10.0 || n == 0.0 => format!("{n:.0}"),
        n => format!("{n:.1}"),
    }
}

/// Seconds as people say them.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// The time of day of a moment, UTC as it came.
pub(super) fn clock(at: &str) -> String {
    at.split_once('T').map_or_else(|| at.to_owned(), |(_, time)| time.chars().take(8).collect())
}

/// Nothing that could move a cursor.
pub(super) fn one_line(text: &str) -> String {
    text.chars().take(1000).map(|c| if is_shown(c) { c } else { '·' }).collect()
}

fn is_shown(c: char) -> bool {
    // Marks of direction would turn what stands beside them.
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// All of it in 100 or less, never more than it is.
pub(super) fn percent(percent: f64) -> String {
    format!("{:.3} %", (percent * 1000.0 + 1e-6).floor() / 1000.0)
}

/// The first line.
pub(super) fn headline(overview: &Overview) -> String {
    let agents = &overview.agents;
    let up =
        if agents.up == agents.total { agents.total.to_string() } else { format!("{}/{}", agents.up, agents.total) };
    let left = overview.store.days_left.map(|days| format!(", {days} d left")).unwrap_or_default();
    format!(
        "{up} agent{}  {} l/s  lag {}  complete {}  store {}{left}",
        if agents.total == 1 { "" } else { "s" },
        count(overview.rates.lines_per_second),
        duration(overview.lag.seconds),
        percent(overview.completeness.percent),
        bytes(overview.store.disk_bytes),
    )
}

/// Where every byte is: names and bytes, in the order of their way.
pub(super) fn places(overview: &Overview) -> [(&'static str, u64); 8] {
    let sums = &overview.completeness;
    [
        ("stored", sums.stored),
        ("in flight", sums.in_flight),
        ("not read yet", sums.unread),
        ("dead letters", sums.dead_letter),
        ("dropped", sums.dropped),
        ("expired", sums.expired),
        ("missed", sums.missed),
        ("gaps", sums.gaps),
    ]
}

/// Everything in plain lines, for pipes and scripts.
pub(super) fn snapshot(overview: &Overview, sources: &Sources) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "logdrive top - {}", headline(overview));
    if overview.starting {
        text.push_str("the server is still starting\n");
    }
    let workers = &overview.workers;
    let _ = writeln!(
        text,
        "{} records  {}/s  {} workers running, {} waiting, {} restarts",
        overview.store.records,
        bytes(overview.rates.bytes_per_second as u64),
        workers.running,
        workers.waiting,
        workers.restarts
    );
    let _ = writeln!(
        text,
        "{} files, {} of them not all there yet",
        overview.completeness.files, overview.completeness.incomplete
    );
    for (name, held) in places(overview) {
        let _ = writeln!(text, "  {name:<13}{:>10}  {held}", bytes(held));
    }
    for one in &overview.attention {
        let _ = writeln!(text, "{}: {} {}", one.severity, one_line(&one.subject), one_line(&one.text));
    }
    for source in &sources.sources {
        let (lag, gap) = (source.lag_bytes.unwrap_or(0), source.gap_bytes.unwrap_or(0));
        let _ = writeln!(
            text,
            "{}\t{}\t{}\tsize {}\tlag {lag}\tgaps {gap}",
            one_line(&source.host),
            one_line(&source.path),
            source.state,
            source.size
        );
    }
    let more = sources.count.saturating_sub(sources.sources.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "and {more} more files");
    }
    text
}
