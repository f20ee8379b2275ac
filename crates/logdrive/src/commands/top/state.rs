//! What is known and what is shown of it; what keys do.

use std::collections::HashMap;
use std::time::Instant;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::answers::{Letters, Overview, Problems, RemoteAgents, Sources, Workers};
use super::feed::Answer;
use super::table::{self, Table};

/// What can be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    Flow,
    Files,
    Letters,
    Workers,
    Errors,
}

impl View {
    /// By the key that shows it.
    pub(super) const ALL: [(char, Self, &'static str); 5] = [
        ('1', Self::Flow, "flow"),
        ('2', Self::Files, "files"),
        ('3', Self::Letters, "dead letters"),
        ('4', Self::Workers, "workers"),
        ('5', Self::Errors, "errors"),
    ];
}

/// What is to be done after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    /// Other answers are wanted.
    Ask,
    Leave,
}

/// By source and generation.
type OfSource<T> = HashMap<(String, u32), T>;

/// Everything.
#[derive(Default)]
pub(super) struct State {
    pub server: String,
    pub colour: bool,
    pub view: View,
    pub overview: Option<Overview>,
    pub sources: Sources,
    pub agents: RemoteAgents,
    pub letters: Letters,
    pub workers: Workers,
    pub problems: Problems,
    /// Bytes read a second of each source, by what the last two answers say.
    pub speeds: OfSource<f64>,
    /// What it said before, and when.
    pub read_before: Option<(Instant, OfSource<u64>)>,
    /// Why the server cannot be shown now.
    pub lost: Option<String>,
    pub paused: bool,
    pub help: bool,
    /// The machine whose files are shown, instead of all machines.
    pub host: Option<String>,
    /// The details of a row are shown.
    pub detail: bool,
    pub selected: usize,
    /// What rows must contain.
    pub filter: String,
    /// The filter is being written.
    pub typing: bool,
    /// By which column rows are sorted, `None`: as they come.
    pub sort: Option<usize>,
}

impl State {
    /// Takes what came; whether it is to be drawn.
    pub(super) fn take(&mut self, answer: Answer) -> bool {
        if let Answer::Lost(why) = answer {
            self.lost = Some(why);
            return true;
        }
        self.lost = None;
        if self.paused {
            return true;
        }
        match answer {
            Answer::Overview(overview) => self.overview = Some(*overview),
            Answer::Files(sources, agents) => {
                self.measure(&sources);
                (self.sources, self.agents) = (sources, agents);
            }
            Answer::Letters(letters) => self.letters = letters,
            Answer::Workers(workers) => self.workers = workers,
            Answer::Problems(problems) => self.problems = problems,
            Answer::Lost(_) => {}
        }
        self.selected = self.selected.min(self.table().rows.len().saturating_sub(1));
        true
    }

    fn measure(&mut self, sources: &Sources) {
        let key = |source: &super::answers::Source| (source.source.clone(), source.generation);
        let read: HashMap<_, _> = sources.sources.iter().map(|source| (key(source), source.read)).collect();
        let now = Instant::now();
        if let Some((then, before)) = &self.read_before {
            let seconds = now.duration_since(*then).as_secs_f64();
            if seconds < 0.5 {
                return;
            }
            let speed = |(key, read): (&(String, u32), &u64)| {
                let before = before.get(key)?;
                Some((key.clone(), read.saturating_sub(*before) as f64 / seconds))
            };
            self.speeds = read.iter().filter_map(speed).collect();
        }
        self.read_before = Some((now, read));
    }

    /// The rows of this view, filtered and sorted.
    pub(super) fn table(&self) -> Table {
        table::of(self)
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: KeyEvent) -> Next {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if matches!(key.code, KeyCode::Char('c' | 'd')) { Next::Leave } else { Next::Stay };
        }
        if self.typing {
            return self.type_filter(key.code);
        }
        match key.code {
            KeyCode::Char('q') => return Next::Leave,
            KeyCode::Esc => self.back(),
            KeyCode::Char('?') => self.help = !self.help,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('s') => {
                let columns = self.table().heads.len();
                self.sort = match self.sort {
                    None if columns > 0 => Some(0),
                    Some(column) if column + 1 < columns => Some(column + 1),
                    _ => None,
                };
            }
            KeyCode::Char('j') | KeyCode::Down => self.go(1),
            KeyCode::Char('k') | KeyCode::Up => self.go(-1),
            KeyCode::PageDown => self.go(20),
            KeyCode::PageUp => self.go(-20),
            KeyCode::Home | KeyCode::Char('g') => self.go(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.go(isize::MAX),
            KeyCode::Enter => self.enter(),
            KeyCode::Char(digit) => {
                if let Some((_, view, _)) = View::ALL.iter().find(|(key, ..)| *key == digit) {
                    self.show(*view);
                    return Next::Ask;
                }
            }
            _ => {}
        }
        Next::Stay
    }

    fn show(&mut self, view: View) {
        self.view = view;
        (self.host, self.detail, self.help, self.sort, self.selected) = (None, false, false, None, 0);
        self.filter.clear();
    }

    fn go(&mut self, by: isize) {
        let last = self.table().rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    fn enter(&mut self) {
        let Some(row) = self.table().rows.into_iter().nth(self.selected) else { return };
        if self.view == View::Files && self.host.is_none() {
            self.host = Some(row.cells[0].clone());
            (self.selected, self.sort) = (0, None);
            self.filter.clear();
        } else {
            self.detail = !self.detail;
        }
    }

    fn back(&mut self) {
        if self.help {
            self.help = false;
        } else if self.detail {
            self.detail = false;
        } else if !self.filter.is_empty() {
            self.filter.clear();
        } else if self.host.take().is_some() {
            (self.selected, self.sort) = (0, None);
        }
    }

    fn type_filter(&mut self, key: KeyCode) -> Next {
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if self.filter.len() < 200 => self.filter.push(c),
            _ => {}
        }
        self.selected = 0;
        Next::Stay
    }
}
