//! The account of every file as a table.

use std::io::{self, Write};

use super::Style;
use super::escape::escape;
use crate::wire::Account;

/// A line per source: how complete, how big, what happened to the rest; gaps and reasons below it.
pub(crate) fn audit_table(accounts: &[Account], style: Style, out: &mut dyn Write) -> io::Result<()> {
    if accounts.is_empty() {
        return writeln!(out, "no file is known there");
    }
    let stream_width = accounts.iter().map(|account| account.stream.chars().count()).max().unwrap_or(0).max(6);
    writeln!(
        out,
        "{}",
        style.dim(&format!(
            "{:>9} {:>10} {:>10} {:>10} {:<stream_width$} {}",
            "complete", "size", "stored", "in flight", "stream", "file"
        ))
    )?;
    for account in accounts {
        let percent = paint(style, standing(account), &format!("{:>9}", percent(account)));
        let [size, stored, flight] = [account.size, account.stored, account.in_flight].map(human);
        let path = escape(&account.path);
        let generation =
            if account.generation > 0 { format!(" (generation {})", account.generation) } else { String::new() };
        let (stream, state) = (escape(&account.stream), state_text(account));
        writeln!(
            out,
            "{percent} {size:>10} {stored:>10} {flight:>10} {stream:<stream_width$} {path}{generation}{state}"
        )?;
        for line in notes(account) {
            writeln!(out, "{:>9} {}", "", style.dim(&escape(&line)))?;
        }
    }
    writeln!(out, "{}", summary(accounts, style))
}

/// How a file stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Every byte is accounted for.
    Complete,
    /// What is not is on its way, or was written just now.
    OnItsWay,
    /// Bytes are nowhere, or cannot be read.
    Trouble,
}

fn standing(account: &Account) -> Standing {
    match account.complete {
        true => Standing::Complete,
        false if account.reason.is_some() || gaps(account).next().is_some() => Standing::Trouble,
        false => Standing::OnItsWay,
    }
}

/// Gaps that are no mere waiting to be read.
fn gaps(account: &Account) -> impl Iterator<Item = (u64, u64)> {
    account.gaps.iter().map(|(start, end)| (*start, (*end).min(account.read))).filter(|(start, end)| start < end)
}

fn paint(style: Style, standing: Standing, text: &str) -> String {
    match standing {
        Standing::Complete => style.good(text),
        Standing::OnItsWay => style.waiting(text),
        Standing::Trouble => style.bad(text),
    }
}

/// With what is not known of files that no agent speaks of.
fn summary(accounts: &[Account], style: Style) -> String {
    let untold = accounts.iter().filter(|account| account.state.is_none()).count();
    let known = known(accounts, style);
    if untold == 0 {
        return known;
    }
    format!("{known}; of {untold} no agent tells: whether more is in their files is not known here")
}

fn known(accounts: &[Account], style: Style) -> String {
    let count = |standing_is: Standing| accounts.iter().filter(|account| standing(account) == standing_is).count();
    let size = human(accounts.iter().map(|account| account.size).sum());
    let files = if accounts.len() == 1 { "1 file".to_owned() } else { format!("{} files", accounts.len()) };
    let to_go: u64 = accounts.iter().map(|account| account.unread + account.in_flight).sum();
    match (count(Standing::Trouble), count(Standing::OnItsWay)) {
        (0, 0) => style.good(&format!("{files}, {size}: every byte is accounted for")),
        (0, n) => {
            style.waiting(&format!("{files}, {size}: nothing is missing; {} in {n} of them on the way", human(to_go)))
        }
        (n, _) => style.bad(&format!("{files}, {size}: {n} with gaps or unreadable")),
    }
}

/// The share of the file that is accounted for; never rounded up to 100.
fn percent(account: &Account) -> String {
    if account.complete || account.size == 0 {
        return "100%".to_owned();
    }
    let done = account.stored + account.dead_letter + account.dropped + account.missed + account.expired;
    let hundredths = (u128::from(done.min(account.size)) * 10_000 / u128::from(account.size)).min(9_999);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// A size as people say it, rounded.
fn human(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1}{name}", bytes as f64 / *unit as f64),
        None => format!("{bytes}B"),
    }
}

fn state_text(account: &Account) -> String {
    match account.state.as_deref() {
        Some("following") => String::new(),
        None => " (no agent tells of it)".to_owned(),
        Some(state) => format!(" ({state})"),
    }
}

fn notes(account: &Account) -> Vec<String> {
    let mut notes = Vec::new();
    let parts = [
        (account.dropped, "dropped by a rule"),
        (account.missed, "missed"),
        (account.dead_letter, "in the dead letters"),
        (account.expired, "removed by retention"),
        (account.unread, "not read yet"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(bytes, _)| *bytes > 0).map(|(bytes, what)| format!("{} {what}", human(*bytes))).collect();
    if !parts.is_empty() {
        notes.push(parts.join(", "));
    }
    const SHOWN: usize = 5;
    for (start, end) in gaps(account).take(SHOWN) {
        notes.push(format!("gap: bytes {start} to {end} ({})", human(end - start)));
    }
    let more = gaps(account).skip(SHOWN).count();
    if more > 0 {
        notes.push(format!("and {more} more gaps (--json shows all)"));
    }
    notes.extend(account.reason.clone());
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(path: &str, size: u64, stored: u64) -> Account {
        Account {
            generation: 0,
            path: path.to_owned(),
            size,
            read: size,
            stored,
            in_flight: 0,
            dead_letter: 0,
            dropped: 0,
            missed: 0,
            gaps: if stored < size { vec![(stored, size)] } else { Vec::new() },
            complete: stored == size,
            expired: 0,
            unread: 0,
            stream: "web".to_owned(),
            state: Some("following".to_owned()),
            reason: None,
        }
    }

    #[test]
    fn a_line_per_source_and_the_gaps_below() {
        let mut odd = account("/b\x1b", 0, 0);
        (odd.generation, odd.state, odd.reason) =
            (2, Some("unreadable".to_owned()), Some("permission denied".to_owned()));
        let mut out = Vec::new();
        let live = Account { read: 90, unread: 10, gaps: vec![(90, 100)], ..account("/d", 100, 90) };
        let accounts = [account("/a", 2048, 2048), account("/c", 100_000, 99_999), odd, live.clone()];
        audit_table(&accounts, Style::plain(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            " complete       size     stored  in flight stream file\n\
             \u{20}    100%      2.0kB      2.0kB         0B web    /a\n\
             \u{20}  99.99%    100.0kB    100.0kB         0B web    /c\n\
             \u{20}         gap: bytes 99999 to 100000 (1B)\n\
             \u{20}    100%         0B         0B         0B web    /b\\x1b (generation 2) (unreadable)\n\
             \u{20}         permission denied\n\
             \u{20}  90.00%       100B        90B         0B web    /d\n\
             \u{20}         10B not read yet\n\
             4 files, 102.1kB: 1 with gaps or unreadable\n"
        );
        let text = summary(&[live], Style::plain());
        assert_eq!(text, "1 file, 100B: nothing is missing; 10B in 1 of them on the way");
        let text = summary(&[Account { state: None, ..account("/a", 10, 10) }], Style::plain());
        assert_eq!(
            text,
            "1 file, 10B: every byte is accounted for; of 1 no agent tells: whether more is in their files is not known here"
        );
    }
}
