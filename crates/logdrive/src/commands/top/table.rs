//! The rows of each view: pure functions of what is known.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::answers::Source;
use super::state::{State, View};
use super::words::{bytes, clock, one_line};

/// How a row is to be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    Warn,
    Bad,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// As they are shown.
    pub cells: Vec<String>,
    /// By what each is sorted, where it is a number: more comes first.
    pub numbers: Vec<Option<f64>>,
    pub mood: Mood,
    /// What is shown of it alone: names and values.
    pub detail: Vec<(&'static str, String)>,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub name: &'static str,
    /// 0 takes what is left.
    pub width: u16,
}

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub heads: Vec<Head>,
    pub rows: Vec<Row>,
}

const fn head(name: &'static str, width: u16) -> Head {
    Head { name, width }
}

/// The rows of the view shown.
pub(super) fn of(state: &State) -> Table {
    let mut table = match (state.view, &state.host) {
        (View::Flow, _) => changes(state),
        (View::Files, None) => hosts(state),
        (View::Files, Some(host)) => files(state, host),
        (View::Letters, _) => letters(state),
        (View::Workers, _) => workers(state),
        (View::Errors, _) => errors(state),
    };
    if !state.filter.is_empty() {
        let wanted = state.filter.to_lowercase();
        table.rows.retain(|row| row.cells.iter().any(|cell| cell.to_lowercase().contains(&wanted)));
    }
    if let Some(column) = state.sort {
        table.rows.sort_by(|a, b| compared(a, b, column));
    }
    table
}

fn compared(a: &Row, b: &Row, column: usize) -> Ordering {
    let number = |row: &Row| row.numbers.get(column).copied().flatten();
    match (number(a), number(b)) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cells.get(column).cmp(&b.cells.get(column)),
    }
}

fn changes(state: &State) -> Table {
    let all = state.overview.iter().flat_map(|overview| &overview.changes);
    let row = |change: &super::answers::Change| Row {
        cells: vec![clock(&change.at), change.kind.clone(), one_line(&change.subject), one_line(&change.text)],
        detail: vec![
            ("at", change.at.clone()),
            ("what", change.subject.clone()),
            ("change", change.text.clone()),
            ("before", change.before.clone().unwrap_or_default()),
            ("after", change.after.clone().unwrap_or_default()),
        ],
        ..Row::default()
    };
    let heads = vec![head("TIME", 8), head("KIND", 11), head("WHAT", 30), head("CHANGE", 0)];
    Table { heads, rows: all.map(row).collect() }
}

/// What the files of a machine add up to.
#[derive(Default)]
struct Host {
    files: u64,
    size: u64,
    lag: u64,
    gaps: u64,
    speed: f64,
    troubled: u64,
}

fn hosts(state: &State) -> Table {
    let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
    for source in &state.sources.sources {
        let host = hosts.entry(&source.host).or_default();
        host.files += u64::from(source.state == "following" || source.state == "draining");
        host.size += source.size;
        host.lag += source.lag_bytes.unwrap_or(0);
        host.gaps += source.gap_bytes.unwrap_or(0);
        host.speed += speed(state, source);
        host.troubled += u64::from(mood_of(source) == Mood::Bad);
    }
    let reported = |name: &str| state.agents.agents.iter().find(|agent| agent.host == name);
    for agent in &state.agents.agents {
        hosts.entry(&agent.host).or_default();
    }
    let row = |(name, host): (&str, Host)| {
        let seen = reported(name).map_or_else(|| "here".to_owned(), |agent| clock(&agent.reported_at));
        let problems = reported(name).map_or(0, |agent| agent.problems) + host.troubled;
        let mood = match (host.gaps, problems) {
            (0, 0) => Mood::Well,
            (0, _) => Mood::Warn,
            _ => Mood::Bad,
        };
        Row {
            cells: vec![
                one_line(name),
                seen,
                format!("{}/s", bytes(host.speed as u64)),
                bytes(host.lag),
                host.files.to_string(),
                bytes(host.gaps),
                bytes(host.size),
                problems.to_string(),
            ],
            numbers: vec![
                None,
                None,
                Some(host.speed),
                Some(host.lag as f64),
                Some(host.files as f64),
                Some(host.gaps as f64),
                Some(host.size as f64),
                Some(problems as f64),
            ],
            mood,
            detail: Vec::new(),
        }
    };
    let heads = vec![
        head("HOST", 0),
        head("SEEN", 8),
        head("READ", 11),
        head("LAG", 9),
        head("FILES", 6),
        head("GAP", 9),
        head("SIZE", 9),
        head("PROBLEMS", 8),
    ];
    Table { heads, rows: hosts.into_iter().map(row).collect() }
}

fn files(state: &State, host: &str) -> Table {
    let row = |source: &Source| {
        let (lag, gap, speed) = (source.lag_bytes, source.gap_bytes, speed(state, source));
        let known = |bytes_of: Option<u64>| bytes_of.map_or_else(|| "?".to_owned(), bytes);
        Row {
            cells: vec![
                one_line(&source.path),
                one_line(&source.stream),
                source.state.clone(),
                bytes(source.size),
                format!("{}/s", bytes(speed as u64)),
                known(lag),
                known(gap),
                source.rotations.to_string(),
            ],
            numbers: vec![
                None,
                None,
                None,
                Some(source.size as f64),
                Some(speed),
                lag.map(|lag| lag as f64),
                gap.map(|gap| gap as f64),
                Some(f64::from(source.rotations)),
            ],
            mood: mood_of(source),
            detail: vec![
                ("path", source.path.clone()),
                ("stream", source.stream.clone()),
                ("source", format!("{}.{}", source.source, source.generation)),
                ("state", source.state.clone()),
                ("why", source.reason.clone().unwrap_or_default()),
                ("size", source.size.to_string()),
                ("read", source.read.to_string()),
                ("stored", source.stored.map(|stored| stored.to_string()).unwrap_or_default()),
                ("lag", lag.map(|lag| lag.to_string()).unwrap_or_default()),
                ("gaps", gap.map(|gap| gap.to_string()).unwrap_or_default()),
                ("rotations", source.rotations.to_string()),
                ("grew last", source.changed_at.clone()),
            ],
        }
    };
    let rows = state.sources.sources.iter().filter(|source| source.host == host).map(row).collect();
    let heads = vec![
        head("FILE", 0),
        head("STREAM", 12),
        head("STATE", 11),
        head("SIZE", 9),
        head("READ", 11),
        head("LAG", 9),
        head("GAP", 9),
        head("ROT", 4),
    ];
    Table { heads, rows }
}

fn speed(state: &State, source: &Source) -> f64 {
    state.speeds.get(&(source.source.clone(), source.generation)).copied().unwrap_or(0.0)
}

fn mood_of(source: &Source) -> Mood {
    match source.state.as_str() {
        "quarantined" => Mood::Bad,
        _ if source.gap_bytes.is_some_and(|gap| gap > 0) => Mood::Bad,
        "unreadable" => Mood::Warn,
        _ => Mood::Well,
    }
}

fn letters(state: &State) -> Table {
    let row = |letter: &super::answers::Letter| Row {
        cells: vec![clock(&letter.read_at), letter.stream.clone(), one_line(&letter.reason), one_line(&letter.line)],
        mood: Mood::Warn,
        detail: vec![
            ("id", letter.id.clone()),
            ("file", format!("{}:{}", letter.host, letter.path)),
            ("reason", letter.reason.clone()),
            ("line", letter.line.clone()),
        ],
        ..Row::default()
    };
    let heads = vec![head("READ", 8), head("STREAM", 12), head("REASON", 40), head("LINE", 0)];
    Table { heads, rows: state.letters.dead_letters.iter().map(row).collect() }
}

fn workers(state: &State) -> Table {
    let row = |worker: &super::answers::Worker| {
        let error = worker.last_error.clone().unwrap_or_default();
        Row {
            cells: vec![
                worker.name.clone(),
                worker.state.clone(),
                worker.restarts.to_string(),
                clock(&worker.started_at),
                one_line(&error),
            ],
            numbers: vec![None, None, Some(worker.restarts as f64), None, None],
            mood: match worker.state.as_str() {
                "waiting" => Mood::Bad,
                _ if worker.restarts > 0 => Mood::Warn,
                _ => Mood::Well,
            },
            detail: vec![
                ("worker", worker.name.clone()),
                ("started", worker.started_at.clone()),
                ("last error", error),
            ],
        }
    };
    let heads =
        vec![head("WORKER", 24), head("STATE", 9), head("RESTARTS", 8), head("STARTED", 8), head("LAST ERROR", 0)];
    Table { heads, rows: state.workers.workers.iter().map(row).collect() }
}

fn errors(state: &State) -> Table {
    let attention = state.overview.iter().flat_map(|overview| &overview.attention).map(|one| Row {
        cells: vec![clock(&one.since), one.kind.clone(), one_line(&one.subject), one_line(&one.text)],
        mood: if one.severity == "error" { Mood::Bad } else { Mood::Warn },
        detail: vec![("what", one.subject.clone()), ("since", one.since.clone()), ("why", one.text.clone())],
        ..Row::default()
    });
    let mut rows: Vec<Row> = attention.collect();
    for problem in &state.problems.problems {
        // What needs attention names most of them already.
        if rows.iter().any(|row| row.cells[2] == one_line(&problem.path)) {
            continue;
        }
        let host = problem.host.as_deref().map(|host| format!("{host}:")).unwrap_or_default();
        let subject = format!("{host}{}", problem.path);
        rows.push(Row {
            cells: vec![String::new(), "problem".to_owned(), one_line(&subject), one_line(&problem.reason)],
            mood: Mood::Warn,
            detail: vec![("what", subject), ("why", problem.reason.clone())],
            ..Row::default()
        });
    }
    let heads = vec![head("SINCE", 8), head("KIND", 13), head("WHAT", 34), head("WHY", 0)];
    Table { heads, rows }
}
