//! What is shown, as a pure function of what is known.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Cell, Clear, Paragraph, Row, Sparkline, StatefulWidget, Table, TableState, Widget, Wrap,
};

use super::answers::Overview;
use super::state::{State, View};
use super::table::Mood;
use super::words::{bytes, count, duration, headline, one_line, places};

/// Sparklines are of so long.
const HISTORY_SECONDS: u64 = 60;
/// What stands above the list of changes.
const FLOW_HEIGHT: u16 = 12;
/// The width of what stands beside the sparklines.
const PLACES_WIDTH: u16 = 46;

const HELP: &[(&str, &str)] = &[
    ("1 … 5", "flow, files, dead letters, workers, errors"),
    ("j k ↓ ↑", "next and previous row; page keys, g and G too"),
    ("enter", "the files of a machine; all of a row"),
    ("esc", "back"),
    ("/", "show only rows that contain a text"),
    ("s", "sort by the next column; numbers with the most first"),
    ("p", "pause: nothing moves while you read"),
    ("?", "this"),
    ("q", "leave"),
];

/// Draws all of it.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let rows = Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)]).split(area);
    top(state, rows[0], buffer);
    body(state, rows[1], buffer);
    bottom(state, rows[2], buffer);
    if state.help {
        help(area, buffer);
    }
}

fn styled(state: &State, style: Style) -> Style {
    // Without colours, what matters is still bold or inverse.
    if state.colour { style } else { Style { fg: None, bg: None, ..style } }
}

fn dim(state: &State) -> Style {
    styled(state, Style::new().fg(Color::DarkGray))
}

fn mood(state: &State, mood: Mood) -> Style {
    match mood {
        Mood::Well => Style::new(),
        Mood::Warn => styled(state, Style::new().fg(Color::Yellow)),
        Mood::Bad => styled(state, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
    }
}

fn top(state: &State, area: Rect, buffer: &mut Buffer) {
    let said = match (&state.lost, &state.overview) {
        (_, Some(overview)) if overview.starting => format!("{} is starting", state.server),
        (_, Some(overview)) => headline(overview),
        (None, None) => format!("asking {}", state.server),
        (Some(_), None) => String::new(),
    };
    let title = Span::styled("logdrive top", Style::new().add_modifier(Modifier::BOLD));
    Line::from(vec![title, Span::raw(" - "), Span::raw(said)]).render(row(area, 0), buffer);
    let mut tabs = Vec::new();
    for (key, view, name) in View::ALL {
        let style = if view == state.view { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        tabs.push(Span::styled(format!("[{key}]{name}"), style));
        tabs.push(Span::raw(" "));
    }
    if let Some(host) = &state.host {
        tabs.push(Span::raw(format!(" {}", one_line(host))));
    }
    if state.paused {
        tabs.push(Span::styled(" paused", mood(state, Mood::Warn)));
    }
    Line::from(tabs).render(row(area, 1), buffer);
}

/// The n-th row of an area, empty where it has no such.
fn row(area: Rect, n: u16) -> Rect {
    let y = area.y.saturating_add(n);
    Rect { y, height: u16::from(n < area.height), ..area }
}

fn body(state: &State, area: Rect, buffer: &mut Buffer) {
    let area = match (state.view, &state.overview) {
        (View::Flow, Some(overview)) => {
            let parts = Layout::vertical([Constraint::Length(FLOW_HEIGHT), Constraint::Min(0)]).split(area);
            flow(state, overview, parts[0], buffer);
            parts[1]
        }
        _ => area,
    };
    if state.detail { detail(state, area, buffer) } else { table(state, area, buffer) }
}

fn flow(state: &State, overview: &Overview, area: Rect, buffer: &mut Buffer) {
    let sides = Layout::horizontal([Constraint::Min(20), Constraint::Length(PLACES_WIDTH)]).split(area);
    let halves = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).split(sides[0]);
    let history = &overview.history;
    let points = usize::try_from(HISTORY_SECONDS / history.step_seconds.max(1)).unwrap_or(usize::MAX);
    let newest = |all: &[f64]| all[all.len().saturating_sub(points)..].to_vec();
    let lines = format!("lines/s {}", count(overview.rates.lines_per_second));
    sparkline(state, &lines, &newest(&history.lines_per_second), halves[0], buffer);
    let lag = format!("lag {} ({})", duration(overview.lag.seconds), bytes(overview.lag.bytes));
    sparkline(state, &lag, &newest(&history.lag_seconds), halves[1], buffer);
    where_bytes_are(state, overview, sides[1], buffer);
}

fn sparkline(state: &State, title: &str, points: &[f64], area: Rect, buffer: &mut Buffer) {
    // Each point as wide as there is room for: the newest stands at the right.
    let inner = usize::from(area.width);
    let wide = (inner / points.len().max(1)).clamp(1, 4);
    let scaled = points.iter().flat_map(|value| std::iter::repeat_n((value * 10.0).round() as u64, wide));
    let data: Vec<u64> = scaled.collect();
    let data = &data[data.len().saturating_sub(inner)..];
    let block = Block::new().title(Line::from(vec![
        Span::styled(title.to_owned(), Style::new().add_modifier(Modifier::BOLD)),
        Span::styled("  last 60 s", dim(state)),
    ]));
    Sparkline::default()
        .block(block)
        .data(data)
        .style(styled(state, Style::new().fg(Color::Cyan)))
        .render(area, buffer);
}

fn where_bytes_are(state: &State, overview: &Overview, area: Rect, buffer: &mut Buffer) {
    let sums = &overview.completeness;
    let title = format!("{} in {} files", bytes(sums.size), sums.files);
    Span::styled(title, Style::new().add_modifier(Modifier::BOLD)).render(row(area, 0), buffer);
    for (n, (name, held)) in places(overview).into_iter().enumerate() {
        let bad = matches!(name, "gaps" | "missed" | "dead letters") && held > 0;
        let share = if sums.size == 0 { 0.0 } else { held as f64 / sums.size as f64 };
        // What there is is seen, however little.
        let cells = if held == 0 { 0 } else { ((share * 14.0).round() as usize).max(1) };
        let text = format!("{name:<13}{:>9}  {}", bytes(held), "█".repeat(cells));
        let style = if bad { mood(state, Mood::Bad) } else { Style::new() };
        Span::styled(text, style).render(row(area, n as u16 + 1), buffer);
    }
    let queue = overview.queue.as_ref();
    let queue = queue.map(|queue| format!("queue {}  ", bytes(queue.bytes))).unwrap_or_default();
    let free = overview.store.free_bytes.map(|free| format!("free {}", bytes(free))).unwrap_or_default();
    Span::styled(format!("{queue}{free}"), dim(state)).render(row(area, 10), buffer);
}

fn table(state: &State, area: Rect, buffer: &mut Buffer) {
    let shown = state.table();
    let sorted = |n: usize| if state.sort == Some(n) { "▾" } else { "" };
    let heads = shown.heads.iter().enumerate().map(|(n, head)| Cell::from(format!("{}{}", head.name, sorted(n))));
    let widths = shown.heads.iter().map(|head| match head.width {
        0 => Constraint::Fill(1),
        width => Constraint::Length(width),
    });
    if shown.rows.is_empty() {
        let said = if state.filter.is_empty() { nothing(state.view) } else { "no row contains that" };
        Span::styled(said, dim(state)).render(row(area, 1), buffer);
    }
    let selectable = shown.rows.iter().map(|row| Row::new(row.cells.iter().cloned()).style(mood(state, row.mood)));
    let table = Table::new(selectable, widths)
        .header(Row::new(heads).style(dim(state).add_modifier(Modifier::BOLD)))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut at = TableState::new().with_selected((!shown.rows.is_empty()).then_some(state.selected));
    StatefulWidget::render(table, area, buffer, &mut at);
}

const fn nothing(view: View) -> &'static str {
    match view {
        View::Flow => "nothing has changed yet",
        View::Files => "no files are followed",
        View::Letters => "no dead letters",
        View::Workers => "no workers are known",
        View::Errors => "nothing needs attention",
    }
}

fn detail(state: &State, area: Rect, buffer: &mut Buffer) {
    let Some(shown) = state.table().rows.into_iter().nth(state.selected) else { return };
    let mut lines = Vec::new();
    for (name, value) in shown.detail.iter().filter(|(_, value)| !value.is_empty()) {
        let mut pieces = value.lines().map(one_line);
        let first = pieces.next().unwrap_or_default();
        lines.push(Line::from(vec![Span::styled(format!("{name:<12}"), dim(state)), Span::raw(first)]));
        lines.extend(pieces.take(100).map(|piece| Line::from(format!("{:<12}{piece}", ""))));
    }
    Paragraph::new(lines).wrap(Wrap { trim: false }).render(area, buffer);
}

fn bottom(state: &State, area: Rect, buffer: &mut Buffer) {
    let line = if let Some(why) = &state.lost {
        Span::styled(format!("lost connection, retrying: {}", one_line(why)), mood(state, Mood::Bad))
    } else if state.typing {
        Span::raw(format!("/{}_", state.filter))
    } else if !state.filter.is_empty() {
        Span::raw(format!("only rows with '{}' (esc: all)", state.filter))
    } else {
        let enter = if state.view == View::Files && state.host.is_none() { "files" } else { "details" };
        Span::styled(format!("enter: {enter}  /: filter  s: sort  p: pause  ?: help  q: quit"), dim(state))
    };
    line.render(area, buffer);
}

fn help(area: Rect, buffer: &mut Buffer) {
    let (width, height) = (64.min(area.width), (HELP.len() as u16 + 2).min(area.height));
    let at = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(at, buffer);
    let lines: Vec<Line<'_>> = HELP.iter().map(|(key, what)| Line::from(format!(" {key:<9} {what}"))).collect();
    Paragraph::new(lines).block(Block::bordered().title(" keys ")).render(at, buffer);
}
