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
        let percent = format!("{:>9}", percent(account));
        let percent = if account.complete { style.good(&percent) } else { style.bad(&percent) };
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
    let incomplete = accounts.iter().filter(|account| !account.complete).count();
    let total: u64 = accounts.iter().map(|account| account.size).sum();
    let summary = match incomplete {
        0 => style.good(&format!("{} files, {}: every byte is accounted for", accounts.len(), human(total))),
        n => style.bad(&format!("{} files, {}: {n} not complete", accounts.len(), human(total))),
    };
    writeln!(out, "{summary}")
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
        None | Some("following") => String::new(),
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
    for (start, end) in account.gaps.iter().take(SHOWN) {
        notes.push(format!("gap: bytes {start} to {end} ({})", human(end - start)));
    }
    if account.gaps.len() > SHOWN {
        notes.push(format!("and {} more gaps (--json shows all)", account.gaps.len() - SHOWN));
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
            stored,
            in_flight: 0,
            dead_letter: 0,
            dropped: 0,
            missed: 0,
            gaps: if stored < size { vec![(stored, size)] } else { Vec::new() },
            complete: stored == size,
            expired: 0,
            unread: size - stored,
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
        let accounts = [account("/a", 2048, 2048), account("/c", 100_000, 99_999), odd];
        audit_table(&accounts, Style::plain(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            " complete       size     stored  in flight stream file\n\
             \u{20}    100%      2.0kB      2.0kB         0B web    /a\n\
             \u{20}  99.99%    100.0kB    100.0kB         0B web    /c\n\
             \u{20}         1B not read yet\n\
             \u{20}         gap: bytes 99999 to 100000 (1B)\n\
             \u{20}    100%         0B         0B         0B web    /b\\x1b (generation 2) (unreadable)\n\
             \u{20}         permission denied\n\
             3 files, 102.0kB: 1 not complete\n"
        );
    }
}
