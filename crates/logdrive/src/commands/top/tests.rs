use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;

use super::answers::{Overview, Sources};
use super::feed::Answer;
use super::state::{Next, State, View};
use super::{draw, words};

fn overview() -> Overview {
    let told = json!({
        "completeness": { "percent": 99.999, "size": 1_048_576, "stored": 1_000_000, "in_flight": 48_000, "gaps": 576, "files": 3 },
        "rates": { "lines_per_second": 18_200.0, "bytes_per_second": 2e6 },
        "lag": { "seconds": 0.8, "bytes": 48_000 },
        "store": { "records": 9, "disk_bytes": 44_023_414_784u64, "days_left": 19.5, "free_bytes": 1_073_741_824 },
        "queue": { "bytes": 2048 },
        "agents": { "up": 41, "total": 42 },
        "history": { "step_seconds": 2, "lines_per_second": [0.0, 5.0, 10.0], "lag_seconds": [0.0, 0.0, 0.8] },
        "attention": [
            { "kind": "quarantined", "severity": "error", "subject": "/var/log/a.log", "text": "it panicked", "since": "2026-01-31T10:00:00Z" },
            { "kind": "silent", "severity": "warn", "subject": "/var/log/\u{1b}[31mb.log", "text": "has not grown", "since": "2026-01-31T09:00:00Z" },
        ],
        "changes": [{ "at": "2026-01-31T10:02:00.5Z", "kind": "settings", "subject": "listen", "text": "listen changed", "before": "a", "after": "b" }],
        "a word of a newer server": 1,
    });
    serde_json::from_value(told).expect("is an overview")
}

fn sources() -> Sources {
    let source = |host: &str, path: &str, size: u64, lag: u64| {
        json!({ "source": path, "generation": 0, "host": host, "path": path, "stream": "web", "state": "following",
                "size": size, "read": size, "lag_bytes": lag, "gap_bytes": 0, "rotations": 2 })
    };
    let all = json!({ "count": 3, "sources": [source("web-07", "/a.log", 10, 0), source("web-07", "/b.log", 2048, 99), source("db", "/c.log", 5, 0)] });
    serde_json::from_value(all).expect("are sources")
}

fn state() -> State {
    let mut state = State { server: "http://here:1".to_owned(), ..State::default() };
    state.take(Answer::Overview(Box::new(overview())));
    state.take(Answer::Files(sources(), Default::default()));
    state
}

fn drawn(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("is in memory");
    terminal.draw(|frame| draw::draw(state, frame.area(), frame.buffer_mut())).expect("is drawn");
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content.chunks(usize::from(width).max(1));
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned() + "\n").collect()
}

fn press(state: &mut State, keys: &str) -> Next {
    let mut next = Next::Stay;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            key => KeyCode::Char(key),
        };
        next = state.key(KeyEvent::new(code, KeyModifiers::NONE));
    }
    next
}

#[test]
fn the_first_view_says_how_it_is() {
    let screen = drawn(&state(), 120, 30);
    for text in [
        "logdrive top - 41/42 agents  18k l/s  lag 0.8 s  complete 99.999 %  store 41 GiB, 19.5 d left",
        "[1]flow [2]files [3]dead letters [4]workers [5]errors",
        "lines/s 18k  last 60 s",
        "lag 0.8 s (47 KiB)",
        "1.0 MiB in 3 files",
        "gaps             576 B  █",
        "queue 2.0 KiB  free 1.0 GiB",
        "10:02:00 settings    listen",
        "enter: details",
    ] {
        assert!(screen.contains(text), "{text:?} is not in\n{screen}");
    }
    assert!(screen.contains('▄') || screen.contains('█'), "no sparkline in\n{screen}");
}

#[test]
fn machines_then_their_files_then_one_of_them() {
    let mut state = state();
    assert_eq!(press(&mut state, "2"), Next::Ask);
    let screen = drawn(&state, 120, 12);
    assert!(screen.contains("HOST") && screen.contains("web-07") && screen.contains("db"), "{screen}");
    press(&mut state, "j\n");
    let screen = drawn(&state, 120, 12);
    assert!(screen.contains("/a.log") && screen.contains("/b.log") && !screen.contains("/c.log"), "{screen}");
    // By size: the largest first.
    press(&mut state, "ssss");
    assert_eq!(state.table().rows[0].cells[0], "/b.log");
    press(&mut state, "\n");
    let screen = drawn(&state, 120, 16);
    assert!(screen.contains("rotations   2") && screen.contains("size        2048"), "{screen}");
    press(&mut state, "\x1b\x1b");
    assert!(state.host.is_none() && !state.detail);
}

#[test]
fn a_filter_is_typed_kept_and_let_go() {
    let mut state = state();
    press(&mut state, "2j\n//Bq");
    assert!(state.typing && state.table().rows.is_empty(), "what is typed is no command");
    assert!(drawn(&state, 100, 10).contains("no row contains that"));
    press(&mut state, "\x08\n");
    assert_eq!(state.table().rows.len(), 1);
    assert!(drawn(&state, 100, 10).contains("only rows with '/B'"));
    press(&mut state, "\x1b");
    assert_eq!(state.table().rows.len(), 2);
}

#[test]
fn errors_are_shown_without_what_would_move_the_cursor() {
    let mut state = state();
    press(&mut state, "5");
    let screen = drawn(&state, 120, 10);
    assert!(screen.contains("/var/log/·[31mb.log") && screen.contains("quarantined"), "{screen}");
    assert!(!screen.contains('\u{1b}'));
}

#[test]
fn a_server_that_goes_away_is_waited_for() {
    let mut state = state();
    state.take(Answer::Lost("cannot reach http://here:1: refused".to_owned()));
    let screen = drawn(&state, 100, 24);
    assert!(
        screen.contains("lost connection, retrying: cannot reach http://here:1") && screen.contains("18k l/s"),
        "{screen}"
    );
    state.take(Answer::Overview(Box::new(overview())));
    assert!(!drawn(&state, 100, 24).contains("lost connection"));
    // Nobody has answered at all yet.
    assert!(drawn(&State { server: "http://x".to_owned(), ..State::default() }, 80, 5).contains("asking http://x"));
}

#[test]
fn pause_help_and_the_end() {
    let mut state = state();
    press(&mut state, "p");
    state.take(Answer::Overview(Box::default()));
    assert_eq!(state.overview.as_ref().map(|overview| overview.store.records), Some(9), "nothing moves");
    press(&mut state, "?");
    let screen = drawn(&state, 100, 30);
    assert!(screen.contains(" keys ") && screen.contains("paused"), "{screen}");
    assert_eq!(press(&mut state, "q"), Next::Leave);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.key(interrupt), Next::Leave);
}

#[test]
fn nothing_is_too_small_or_too_far() {
    let mut state = state();
    for key in "12345?".chars() {
        press(&mut state, &key.to_string());
        for (width, height) in [(0, 0), (1, 1), (7, 3), (20, 5), (400, 100)] {
            drawn(&state, width, height);
        }
    }
    press(&mut state, "1GgGjjjjkkkkkkkk");
    state.key(KeyEvent::new(KeyCode::PageDown, KeyModifiers::NONE));
    assert!(state.selected <= state.table().rows.len());
    assert_eq!(state.view, View::Flow);
}

#[test]
fn one_plain_answer() {
    let text = words::snapshot(&overview(), &sources());
    assert!(text.starts_with("logdrive top - 41/42 agents  18k l/s"), "{text}");
    assert!(
        text.contains("  gaps              576 B  576\n") && text.contains("error: /var/log/a.log it panicked\n"),
        "{text}"
    );
    assert!(text.contains("web-07\t/b.log\tfollowing\tsize 2048\tlag 99\tgaps 0\n"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn numbers_are_short_and_never_flatter() {
    let table = [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (10_240, "10 KiB"),
        (1 << 20, "1.0 MiB"),
        (1_048_000, "1.0 MiB"),
    ];
    for (bytes, text) in table {
        assert_eq!(words::bytes(bytes), text);
    }
    for (number, text) in
        [(0.0, "0"), (0.25, "0.2"), (42.4, "42"), (1234.0, "1.2k"), (182_000.0, "182k"), (2.5e6, "2.5M")]
    {
        assert_eq!(words::count(number), text);
    }
    for (part, text) in [(100.0, "100.000 %"), (99.9999, "99.999 %"), (99.999, "99.999 %"), (0.0, "0.000 %")] {
        assert_eq!(words::percent(part), text);
    }
    for (seconds, text) in [(0.84, "0.8 s"), (61.0, "61 s"), (600.0, "10 min"), (7200.0, "2 h"), (1e6, "12 d")] {
        assert_eq!(words::duration(seconds), text);
    }
}
