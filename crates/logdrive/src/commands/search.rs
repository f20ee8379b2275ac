//! `logdrive search`: the newest hits with the newest last, as one reads a log; or all of them, newest first, as they
//! are found (an export must not wait for its own end); or what comes in from now on.

use std::collections::HashSet;
use std::io::{self, BufWriter, IsTerminal, Write};

use base::{Clock, Timestamp};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;
use runtime::SystemClock;

use crate::cli::{ClientArgs, RangeArgs, SearchArgs};
use crate::client::{Client, Line, Lines};
use crate::failure::Failure;
use crate::render::{Highlights, HitPrinter, Style};
use crate::terminal::note;
use crate::wire::{Control, Hit};
use crate::{settings, when};

const LIMIT: usize = 100;
const LIMIT_FOLLOW: usize = 10;
const PARTIAL: &str = "not everything was searched in time; the answer is partial";
/// More are not gathered to be turned round.
const LIMIT_MAX: usize = 1_000_000;

pub(crate) fn run(args: &SearchArgs) -> Result<(), Failure> {
    let query = args.query.join(" ");
    let client = Client::new(&args.client.server)?;
    let limit = args.limit.unwrap_or(if args.follow { LIMIT_FOLLOW } else { LIMIT });
    if limit > LIMIT_MAX {
        return Err(Failure::Usage(format!(
            "--limit {limit}: at most {LIMIT_MAX} are sorted; give --all for everything"
        )));
    }
    let scope = Scope::new(&query, &args.range)?;
    let mut out = Output::new(&args.client, &query);
    let outcome = match (args.follow, args.all) {
        (true, _) => follow(&client, &scope, limit, &mut out),
        (_, true) => all(&client, &scope, &mut out),
        _ => limited(&client, &scope, limit, &mut out),
    };
    outcome.map_err(|failure| failure.in_query(&query))
}

/// Which records: the parameters that every question has.
pub(crate) struct Scope(Vec<(&'static str, String)>);

impl Scope {
    pub(crate) fn new(query: &str, range: &RangeArgs) -> Result<Self, Failure> {
        let (now, zone) = (SystemClock.now(), TimeZone::system());
        let moment = |flag: &str, text: &Option<String>| -> Result<Option<Timestamp>, Failure> {
            let read = |text: &String| when::parse(text, now, &zone);
            text.as_ref().map(read).transpose().map_err(|wrong| Failure::Usage(format!("{flag}: {wrong}")))
        };
        let (since, until) = (moment("--since", &range.since)?, moment("--until", &range.until)?);
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Failure::Usage(format!("--since ({since}) must be before --until ({until})")));
        }
        let mut params = vec![("q", query.to_owned())];
        params.extend(since.map(|since| ("since", since.to_string())));
        params.extend(until.map(|until| ("until", until.to_string())));
        Ok(Self(params))
    }

    fn with(&self, more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
        self.0.iter().chain(more).cloned().collect()
    }
}

/// Where records go, as JSON as they came or as lines for people.
pub(crate) struct Output {
    out: BufWriter<io::Stdout>,
    printer: Option<HitPrinter>,
    progress: ProgressBar,
}

impl Output {
    pub(crate) fn new(args: &ClientArgs, query: &str) -> Self {
        let style = Style::of_stdout(args.color);
        let printer =
            (!args.json).then(|| HitPrinter::new(style, TimeZone::system(), Highlights::of(query), settings::host()));
        Self { out: BufWriter::with_capacity(64 << 10, io::stdout()), printer, progress: ProgressBar::hidden() }
    }

    /// Shows how far a long export is, where the records themselves go elsewhere.
    fn show_progress(&mut self) {
        if io::stderr().is_terminal() && !io::stdout().is_terminal() {
            self.progress = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} records, {per_sec}, {elapsed}") {
                self.progress.set_style(style);
            }
        }
    }

    pub(crate) fn item(&mut self, json: &[u8]) -> Result<(), Failure> {
        self.progress.inc(1);
        match &mut self.printer {
            None => {
                self.out.write_all(json)?;
                self.out.write_all(b"\n")?;
            }
            Some(printer) => printer.print(&read_hit(json)?, &mut self.out)?,
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.progress.finish_and_clear();
        self.flush()
    }
}

fn read_hit(json: &[u8]) -> Result<Hit, Failure> {
    serde_json::from_slice(json).map_err(|error| {
        Failure::Failed(format!("cannot understand a record of the answer: {error}; is it a newer logdrive?"))
    })
}

/// What [`newest`] printed.
struct Newest {
    ids: HashSet<String>,
    complete: bool,
    more: bool,
}

/// Prints the newest `limit`, with the newest last.
fn newest(client: &Client, scope: &Scope, limit: usize, out: &mut Output) -> Result<Newest, Failure> {
    let params = scope.with(&[("limit", limit.to_string()), ("stream", "true".to_owned())]);
    let mut lines = client.stream("/api/v1/search", &params)?;
    let mut hits: Vec<Vec<u8>> = Vec::new();
    let (complete, more) = each(&mut lines, |item| {
        hits.push(item.to_vec());
        Ok(())
    })?;
    let mut ids = HashSet::with_capacity(hits.len());
    for json in hits.iter().rev() {
        ids.insert(read_hit(json)?.id);
        out.item(json)?;
    }
    out.flush()?;
    Ok(Newest { ids, complete, more })
}

fn limited(client: &Client, scope: &Scope, limit: usize, out: &mut Output) -> Result<(), Failure> {
    let found = newest(client, scope, limit, out)?;
    if !found.complete {
        note(PARTIAL);
    } else if found.more && limit > 0 {
        note(&format!("{limit} newest shown; --all shows the rest, --limit N more of them"));
    }
    Ok(())
}

fn all(client: &Client, scope: &Scope, out: &mut Output) -> Result<(), Failure> {
    let mut lines = client.stream("/api/v1/search", &scope.with(&[("all", "true".to_owned())]))?;
    out.show_progress();
    let outcome = each(&mut lines, |item| out.item(item));
    out.end()?;
    if !outcome?.0 {
        note(PARTIAL);
        return Err(Failure::Silent(1));
    }
    Ok(())
}

/// Hands every item on; whether the answer is complete, and whether there is more behind it.
fn each(lines: &mut Lines, mut item: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(bool, bool), Failure> {
    while let Some(line) = lines.next()? {
        match line {
            Line::Item(json) => item(json)?,
            Line::Control(Control::End { complete, next }) => return Ok((complete, next.is_some())),
            Line::Control(_) => {}
        }
    }
    Err(lines.lost())
}

/// What was there, then what comes in. Listening begins before the search, so that nothing falls between the two;
/// what both found is shown once.
fn follow(client: &Client, scope: &Scope, limit: usize, out: &mut Output) -> Result<(), Failure> {
    let query: Vec<(&str, String)> = scope.0.iter().filter(|(name, _)| *name == "q").cloned().collect();
    let mut live = client.stream("/api/v1/tail", &query)?;
    let mut seen = newest(client, scope, limit, out)?.ids;
    if seen.is_empty() && limit > 0 {
        note("nothing found so far; waiting for what comes in");
    }
    while let Some(line) = live.next()? {
        match line {
            Line::Item(json) => {
                let known = !seen.is_empty() && seen.remove(&read_hit(json)?.id);
                if !known {
                    out.item(json)?;
                    out.flush()?;
                }
            }
            Line::Control(Control::Skipped { count }) => {
                note(&format!("skipped {count} lines: they came faster than they could be shown; 'search' finds them"));
            }
            Line::Control(Control::End { .. }) => return Ok(()),
            Line::Control(_) => {}
        }
    }
    Err(live.lost())
}

/// What `tail` does.
pub(crate) fn follow_query(client: &ClientArgs, query: &str, limit: usize) -> Result<(), Failure> {
    let range = RangeArgs { since: None, until: None };
    let server = Client::new(&client.server)?;
    let mut out = Output::new(client, query);
    follow(&server, &Scope::new(query, &range)?, limit, &mut out).map_err(|failure| failure.in_query(query))
}
