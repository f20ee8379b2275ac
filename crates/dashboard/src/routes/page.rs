//! `/`: what this is, how it is, and where to go. Made here, without script and without anything from elsewhere.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use super::audit::accounts;
use super::sources::{StreamsAnswer, all_streams};
use super::stats::{StatsAnswer, all};
use crate::app::App;
use crate::audit::Account;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("favicon.svg");
const TEMPLATE: &str = include_str!("page.html");

/// The page is shown without what does not come in such a time.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, STYLE).into_response()
}

pub(crate) async fn icon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=300")];
    (headers, ICON).into_response()
}

pub(crate) async fn page(State(app): State<Arc<App>>) -> Html<String> {
    let stats = tokio::time::timeout(PATIENCE, all(&app)).await.ok().and_then(Result::ok);
    let streams = tokio::time::timeout(PATIENCE, all_streams(&app)).await.ok().and_then(Result::ok);
    let account = tokio::time::timeout(PATIENCE, accounts(&app)).await.ok().and_then(Result::ok);
    let mut cards = String::new();
    if let Some(accounts) = &account {
        account_cards(&mut cards, accounts);
    }
    if let Some(stats) = &stats {
        let on_disk = format!("{} of lines", bytes(stats.store.line_bytes));
        card(&mut cards, "records", &grouped(stats.store.records), &on_disk);
        let disk = bytes(stats.store.disk_bytes);
        card(&mut cards, "on disk", &disk, &format!("{} parts", stats.store.parts));
        let (date, time) = stats.store.newest.as_deref().and_then(|at| at.split_once('T')).unwrap_or(("none yet", "–"));
        let time = time.split(['.', 'Z']).next().unwrap_or_default();
        card(&mut cards, "newest record", time, &format!("{date}, UTC"));
    }
    let page = TEMPLATE
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{address}}", &app.address.to_string())
        .replace("{{cards}}", &cards)
        .replace("{{attention}}", &attention(&app, stats.as_ref()))
        .replace("{{streams}}", &streams.as_ref().map(stream_rows).unwrap_or_default());
    Html(page)
}

/// What was just written and what is being carried is no loss: only gaps in what was read are.
fn account_cards(cards: &mut String, accounts: &[Account]) {
    let sum = |f: fn(&Account) -> u64| accounts.iter().map(f).sum::<u64>();
    let lost = sum(|a| a.gaps.iter().map(|(start, end)| end - start).sum::<u64>() - a.unread);
    let size = sum(|a| a.size);
    let share = if lost == 0 { 100.0 } else { percent(size - lost, size) };
    let note = match lost {
        0 => format!("all that was read of {} files", accounts.len()),
        _ => format!("{} are nowhere; see /api/v1/audit", bytes(lost)),
    };
    card(cards, "accounted for", &format!("{share:.3} %"), &note);
    let on_its_way = sum(|a| a.in_flight + a.unread);
    card(cards, "on the way", &bytes(on_its_way), &format!("dead letters {}", bytes(sum(|a| a.dead_letter))));
}

fn percent(part: u64, whole: u64) -> f64 {
    // Never rounded up to all of it.
    (part as f64 / whole.max(1) as f64 * 100_000.0).floor() / 1000.0
}

fn card(out: &mut String, name: &str, value: &str, note: &str) {
    let _ = write!(
        out,
        "<div class=\"card\"><dt>{}</dt><dd>{}</dd><small>{}</small></div>",
        escape(name),
        escape(value),
        escape(note)
    );
}

/// What a person should look at.
fn attention(app: &App, stats: Option<&StatsAnswer>) -> String {
    let mut items = Vec::new();
    match stats {
        None => items.push("store or queue did not answer; see /ready".to_owned()),
        Some(stats) => {
            items.extend(stats.store.paused.iter().map(|why| format!("the store takes nothing now: {why}")));
            let topics = stats.queue.iter().flat_map(|queue| &queue.topics);
            items.extend(topics.filter_map(|t| Some(format!("topic {}: {}", t.topic, t.paused.as_ref()?))));
            let failed = stats.workers.iter().filter(|worker| worker.state == "waiting");
            items.extend(failed.map(|worker| format!("worker {} failed and waits to start again", worker.name)));
        }
    }
    let troubles = app.troubles();
    items.extend(troubles.iter().take(5).map(|trouble| format!("{}: {}", trouble.path, trouble.reason)));
    if troubles.len() > 5 {
        items.push(format!("and {} more; see /api/v1/problems", troubles.len() - 5));
    }
    if items.is_empty() {
        return "<p class=\"good\">Nothing needs attention.</p>".to_owned();
    }
    let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
    format!("<ul class=\"bad\">{items}</ul>")
}

fn stream_rows(answer: &StreamsAnswer) -> String {
    let mut rows = String::new();
    for stream in answer.streams.iter().take(20) {
        let name = escape(&stream.name);
        let newest = stream.newest.as_deref().unwrap_or("–");
        let _ = write!(
            rows,
            "<tr><th scope=\"row\"><a href=\"/api/v1/search?q=stream%3A%22{}%22\">{name}</a></th><td>{}</td><td>{}</td>\
             <td>{newest}</td></tr>",
            percent_encoded(&stream.name),
            grouped(stream.records),
            stream.files,
        );
    }
    if rows.is_empty() {
        rows.push_str("<tr><td colspan=\"4\">None yet.</td></tr>");
    }
    rows
}

/// Exact sizes are for the API; a person reads three digits.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 0;
    let mut rest = count as f64;
    while rest >= 999.5 && unit + 1 < UNITS.len() {
        rest /= 1000.0;
        unit += 1;
    }
    match rest {
        _ if unit == 0 => format!("{count} B"),
        ..9.995 => format!("{rest:.2} {}", UNITS[unit]),
        ..99.95 => format!("{rest:.1} {}", UNITS[unit]),
        _ => format!("{rest:.0} {}", UNITS[unit]),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte as char),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_into_the_page_as_markup() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(percent_encoded("a b\"ä"), "a%20b%22%C3%A4");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(12), "12");
        for (count, shown) in
            [(0, "0 B"), (999, "999 B"), (1234, "1.23 kB"), (999_950, "1.00 MB"), (45_600_000, "45.6 MB")]
        {
            assert_eq!(bytes(count), shown);
        }
        assert_eq!(percent(999_999_999, 1_000_000_000), 99.999);
    }
}
