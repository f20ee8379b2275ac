//! What somebody should look at: pure functions of what was seen, and the next step for each.

use base::Timestamp;

use super::shown::{Action, Attention, Severity};

/// So many are listed.
pub(crate) const ATTENTION_MAX: usize = 100;
/// A disk that is full so soon is told of; and as an error, one that is full this soon.
const DAYS_WARN: f64 = 7.0;
const DAYS_ERROR: f64 = 1.0;
/// What has waited so long is late.
const LAG_WARN_SECONDS: f64 = 60.0;
/// So few records say nothing about how many parse.
const UNPARSED_RECORDS_MIN: u64 = 100;
/// From so many per cent on, lines that do not parse are told of; where most do not, the stream is plain text.
const UNPARSED_PERCENT: std::ops::RangeInclusive<f64> = 1.0..=50.0;

/// Something that was seen now. `since` is filled in by whoever knows when it was seen first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sign {
    /// A file that used to grow has not for long.
    Silent { path: String, since: Timestamp, usual_seconds: u64 },
    /// An agent elsewhere has not reported for long.
    AgentSilent { host: String, since: Timestamp },
    /// A file that cannot be read.
    Unreadable { path: String, reason: String },
    /// A file whose handling failed repeatedly.
    Quarantined { path: String, reason: String },
    /// A path, a stream or a store that is in trouble.
    Trouble { host: Option<String>, subject: String, reason: String },
    /// Lines of a stream that do not parse, while others do.
    Unparsed { stream: String, percent: f64 },
    /// Bytes that were read and are nowhere.
    Gaps { bytes: u64, files: u64 },
    /// Bytes that were never read.
    Missed { bytes: u64 },
    /// Records that a store refused for good.
    DeadLetters { count: u64 },
    /// The disk fills up.
    DaysLeft { days: f64 },
    /// The store takes nothing.
    StorePaused { reason: String },
    /// The store does not answer.
    StoreAway { reason: String },
    /// The queue takes nothing.
    QueuePaused { reason: String },
    /// A worker failed and waits to start again.
    WorkerWaiting { name: String, reason: String },
    /// What is written is found late.
    Lag { seconds: f64 },
}

/// Whether this share of records is worth a word: per cent that did not parse.
pub(crate) fn unparsed_percent(records: u64, unparsed: u64) -> Option<f64> {
    if records < UNPARSED_RECORDS_MIN {
        return None;
    }
    let percent = (unparsed as f64 * 1000.0 / records as f64).round() / 10.0;
    UNPARSED_PERCENT.contains(&percent).then_some(percent)
}

/// Whether so few days are worth a word.
pub(crate) fn is_short(days: f64) -> bool {
    days < DAYS_WARN
}

/// Whether so much lag is.
pub(crate) fn is_late(seconds: f64) -> bool {
    seconds >= LAG_WARN_SECONDS
}

impl Sign {
    /// What it is, stable.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Silent { .. } => "silent",
            Self::AgentSilent { .. } => "agent_silent",
            Self::Unreadable { .. } => "unreadable",
            Self::Quarantined { .. } => "quarantined",
            Self::Trouble { .. } => "problem",
            Self::Unparsed { .. } => "parse_errors",
            Self::Gaps { .. } => "gaps",
            Self::Missed { .. } => "missed",
            Self::DeadLetters { .. } => "dead_letters",
            Self::DaysLeft { .. } => "disk",
            Self::StorePaused { .. } | Self::StoreAway { .. } => "store",
            Self::QueuePaused { .. } => "queue",
            Self::WorkerWaiting { .. } => "worker",
            Self::Lag { .. } => "lag",
        }
    }

    /// What it is about; empty where it is about all.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Silent { path: name, .. }
            | Self::AgentSilent { host: name, .. }
            | Self::Unreadable { path: name, .. }
            | Self::Quarantined { path: name, .. }
            | Self::Trouble { subject: name, .. }
            | Self::Unparsed { stream: name, .. }
            | Self::WorkerWaiting { name, .. } => name.clone(),
            _ => String::new(),
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Quarantined { .. }
            | Self::Gaps { .. }
            | Self::StorePaused { .. }
            | Self::StoreAway { .. }
            | Self::QueuePaused { .. }
            | Self::WorkerWaiting { .. }
            | Self::AgentSilent { .. } => Severity::Error,
            Self::DaysLeft { days } if *days < DAYS_ERROR => Severity::Error,
            _ => Severity::Warn,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Silent { usual_seconds, .. } => {
                format!("has not grown for long; before, it grew at least every {usual_seconds} s")
            }
            Self::AgentSilent { .. } => "its agent does not report any more".to_owned(),
            Self::Unreadable { reason, .. } => format!("cannot be read: {reason}"),
            Self::Quarantined { reason, .. } => format!("is put aside, as handling it failed: {reason}"),
            Self::Trouble { host: Some(host), reason, .. } => format!("on {host}: {reason}"),
            Self::Trouble { host: None, reason, .. } => reason.clone(),
            Self::Unparsed { percent, .. } => format!("{percent} % of its lines parse in no format, while others do"),
            Self::Gaps { bytes, files } => format!("{bytes} bytes of {files} files were read and are nowhere"),
            Self::Missed { bytes } => format!("{bytes} bytes were never read, as their files were gone before"),
            Self::DeadLetters { count } => format!("{count} records were refused by a store for good"),
            Self::DaysLeft { days } => format!("the disk of the store is full in {days} days, as it grows now"),
            Self::StorePaused { reason } => format!("the store takes nothing now: {reason}"),
            Self::StoreAway { reason } => format!("the store does not answer: {reason}"),
            Self::QueuePaused { reason } => format!("the queue takes nothing now: {reason}"),
            Self::WorkerWaiting { reason, .. } => format!("failed, and starts again after a wait: {reason}"),
            // No number: it would be another text at every look.
            Self::Lag { .. } => "lines are found more than a minute after they were written".to_owned(),
        }
    }

    fn action(&self) -> Action {
        let to = |label_key, href: String| Action { label_key, href };
        let file = |path: &str| to("attention.file", format!("/files?match={}", encoded(path)));
        match self {
            Self::Silent { path, .. } | Self::Unreadable { path, .. } | Self::Quarantined { path, .. } => file(path),
            Self::AgentSilent { host, .. } => to("attention.agent", format!("/files?match={}", encoded(host))),
            Self::Trouble { subject, .. } if subject.starts_with('/') => file(subject),
            Self::Trouble { .. } => to("attention.problems", "/files".to_owned()),
            Self::Unparsed { stream, .. } => {
                let query = format!("stream:\"{}\" mark:unparsed", stream.replace(['\\', '"'], "?"));
                to("attention.sample", format!("/explore?q={}&since=1h", encoded(&query)))
            }
            Self::Gaps { .. } => to("attention.gaps", "/audit".to_owned()),
            Self::Missed { .. } => to("attention.missed", "/audit".to_owned()),
            Self::DeadLetters { .. } => to("attention.dead_letters", "/audit#dead-letters".to_owned()),
            Self::DaysLeft { .. } => to("attention.retention", "/settings?key=store.retention_bytes".to_owned()),
            Self::StorePaused { .. } | Self::StoreAway { .. } => {
                to("attention.store", "/settings?key=store".to_owned())
            }
            Self::QueuePaused { .. } => to("attention.queue", "/settings?key=queue".to_owned()),
            Self::WorkerWaiting { .. } => to("attention.worker", "/charts?view=health".to_owned()),
            Self::Lag { .. } => to("attention.lag", "/files?sort=lag".to_owned()),
        }
    }

    /// As it is shown; `first_seen` is when it was seen first without a break.
    pub(crate) fn shown(&self, first_seen: Timestamp) -> Attention {
        let since = match self {
            Self::Silent { since, .. } | Self::AgentSilent { since, .. } => *since,
            _ => first_seen,
        };
        Attention {
            kind: self.kind(),
            severity: self.severity(),
            subject: self.subject(),
            text: self.text(),
            since,
            action: self.action(),
        }
    }
}

/// For use within a query string.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_unparsed_lines_is_told_where_most_parse() {
        for (records, unparsed, told) in [
            (99, 50, None),
            (100, 0, None),
            (1000, 9, None),
            (1000, 21, Some(2.1)),
            (1000, 500, Some(50.0)),
            (1000, 520, None),
            (1000, 1000, None),
        ] {
            assert_eq!(unparsed_percent(records, unparsed), told, "{unparsed} of {records}");
        }
    }

    #[test]
    fn every_sign_has_words_and_a_next_step() {
        let at = Timestamp::from_micros(5);
        let text = || "why it is so".to_owned();
        let path = || "/var/log/a b.log".to_owned();
        let signs = [
            (
                Sign::Silent { path: path(), since: at, usual_seconds: 9 },
                "silent",
                Severity::Warn,
                "/files?match=/var/log/a%20b.log",
            ),
            (Sign::AgentSilent { host: "w".into(), since: at }, "agent_silent", Severity::Error, "/files?match=w"),
            (Sign::Unreadable { path: path(), reason: text() }, "unreadable", Severity::Warn, "/files?match="),
            (Sign::Quarantined { path: path(), reason: text() }, "quarantined", Severity::Error, "/files?match="),
            (Sign::Trouble { host: None, subject: path(), reason: text() }, "problem", Severity::Warn, "/files?match="),
            (
                Sign::Trouble { host: None, subject: "stream x".into(), reason: text() },
                "problem",
                Severity::Warn,
                "/files",
            ),
            (
                Sign::Unparsed { stream: "p\"".into(), percent: 2.1 },
                "parse_errors",
                Severity::Warn,
                "/explore?q=stream%3A%22p%3F%22%20mark%3Aunparsed",
            ),
            (Sign::Gaps { bytes: 1, files: 1 }, "gaps", Severity::Error, "/audit"),
            (Sign::Missed { bytes: 1 }, "missed", Severity::Warn, "/audit"),
            (Sign::DeadLetters { count: 3 }, "dead_letters", Severity::Warn, "/audit#dead-letters"),
            (Sign::DaysLeft { days: 3.0 }, "disk", Severity::Warn, "/settings"),
            (Sign::DaysLeft { days: 0.5 }, "disk", Severity::Error, "/settings"),
            (Sign::StorePaused { reason: text() }, "store", Severity::Error, "/settings"),
            (Sign::StoreAway { reason: text() }, "store", Severity::Error, "/settings"),
            (Sign::QueuePaused { reason: text() }, "queue", Severity::Error, "/settings"),
            (Sign::WorkerWaiting { name: "w".into(), reason: text() }, "worker", Severity::Error, "/charts"),
            (Sign::Lag { seconds: 61.0 }, "lag", Severity::Warn, "/files"),
        ];
        for (sign, kind, severity, href) in signs {
            let shown = sign.shown(at);
            assert_eq!((shown.kind, shown.severity, shown.since), (kind, severity, at), "{sign:?}");
            assert!(shown.action.href.starts_with(href), "{sign:?}: {}", shown.action.href);
            assert!(!shown.text.is_empty() && !shown.text.ends_with('.'), "{}", shown.text);
        }
        assert!(is_short(6.9) && !is_short(7.0) && is_late(60.0) && !is_late(59.9));
    }
}
