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
    let scope = Scope::new(&query, &args.range, args.store.as_deref())?;
    let mut out = Output::new(&args.client, &query);
    let outcome = match (args.follow, args.all) {
        (true, _) => follow(&client, &scope, limit, &mut out),
        (_, true) => all(&client, &scope, &mut out),
        _ => limited(&client, &scope, limit, args.limit.is_none(), &mut out),
    };
    outcome.map_err(|failure| failure.in_query(&query))
}

/// Which records: the parameters that every question has.
pub(crate) struct Scope(Vec<(&'static str, String)>);

impl Scope {
    pub(crate) fn new(query: &str, range: &RangeArgs, store: Option<&str>) -> Result<Self, Failure> {
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
        params.extend(store.map(|store| ("store", store.to_owned())));
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
    out: Box<dyn Write>,
    printer: Option<HitPrinter>,
    progress: ProgressBar,
}

impl Output {
    pub(crate) fn new(args: &ClientArgs, query: &str) -> Self {
        let style = Style::of_stdout(args.color);
        let printer =
            (!args.json).then(|| HitPrinter::new(style, TimeZone::system(), Highlights::of(query), settings::host()));
        let out = Box::new(BufWriter::with_capacity(64 << 10, io::stdout()));
        Self { out, printer, progress: ProgressBar::hidden() }
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

/// `by_default`: nobody asked for this limit, so it is said where there is more.
fn limited(client: &Client, scope: &Scope, limit: usize, by_default: bool, out: &mut Output) -> Result<(), Failure> {
    let found = newest(client, scope, limit, out)?;
    if !found.complete {
        note(PARTIAL);
    } else if found.more && by_default {
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
    let mut query: Vec<(&str, String)> =
        scope.0.iter().filter(|(name, _)| matches!(*name, "q" | "store")).cloned().collect();
    // What is written to a file or a pipe is wanted whole, however fast it comes.
    query.push(("max_rate", "0".to_owned()));
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
pub(crate) fn follow_query(client: &ClientArgs, query: &str, limit: usize, store: Option<&str>) -> Result<(), Failure> {
    let range = RangeArgs { since: None, until: None };
    let server = Client::new(&client.server)?;
    let mut out = Output::new(client, query);
    follow(&server, &Scope::new(query, &range, store)?, limit, &mut out).map_err(|failure| failure.in_query(query))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn hit(n: u32) -> String {
        let time = "2026-01-31T10:00:00Z";
        format!(
            r#"{{"id":"x.0.{n}","time":"{time}","stream":"s","host":"h","level":"info","line":"{n}","fields":{{}}}}"#
        )
    }

    /// A part of a path, and what is answered there.
    type Answer = (&'static str, fn() -> String);

    /// A server that answers each path with its lines, and what it was asked.
    fn server(answers: &'static [Answer]) -> (Client, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::new(&listener.local_addr().unwrap().to_string()).unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = asked.clone();
        runtime::spawn_thread("server", move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let request = head.next().unwrap_or_default();
                head.take_while(|line| !line.is_empty()).for_each(drop);
                let answer = answers.iter().find(|(path, _)| request.contains(path)).map(|(_, answer)| answer());
                seen.lock().push(request);
                let body = answer.unwrap_or_default();
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        })
        .unwrap();
        (client, asked)
    }

    fn output() -> (Output, Written) {
        let written = Written::default();
        (Output { out: Box::new(written.clone()), printer: None, progress: ProgressBar::hidden() }, written)
    }

    fn scope() -> Scope {
        Scope::new("a b", &RangeArgs { since: None, until: None }, None).unwrap()
    }

    fn lines(written: &Written) -> Vec<String> {
        String::from_utf8(written.0.lock().clone()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_newest_comes_last() {
        let (client, asked) = server(&[("/search", || {
            format!("{}\n{}\n{{\"_\":\"end\",\"complete\":false,\"next\":\"c\",\"count\":2}}\n", hit(2), hit(1))
        })]);
        let (mut out, written) = output();
        let found = newest(&client, &scope(), 2, &mut out).unwrap();
        assert_eq!(lines(&written), [hit(1), hit(2)]);
        assert!(!found.complete && found.more && found.ids.len() == 2);
        assert_eq!(asked.lock()[0], "GET /api/v1/search?q=a%20b&limit=2&stream=true HTTP/1.1");
    }

    #[test]
    fn what_was_there_and_what_came_in_is_shown_once() {
        let (client, asked) = server(&[
            ("/tail", || {
                let skipped = r#"{"_":"skipped","count":12}"#;
                let end = r#"{"_":"end","complete":true,"count":2}"#;
                format!("{}\n{{\"_\":\"alive\"}}\n{skipped}\n{}\n{end}\n", hit(2), hit(3))
            }),
            ("/search", || format!("{}\n{}\n{{\"_\":\"end\",\"complete\":true,\"count\":2}}\n", hit(2), hit(1))),
        ]);
        let (mut out, written) = output();
        follow(&client, &scope(), 10, &mut out).unwrap();
        assert_eq!(lines(&written), [hit(1), hit(2), hit(3)]);
        let paths: Vec<bool> = asked.lock().iter().map(|request| request.contains("/tail")).collect();
        assert_eq!(paths, [true, false], "listening begins before the search");
    }

    #[test]
    fn an_answer_without_its_end_was_cut_off() {
        let (client, _) = server(&[("/search", || hit(1) + "\n")]);
        let (mut out, _) = output();
        assert!(all(&client, &scope(), &mut out).unwrap_err().to_string().contains("ended before the answer did"));
    }
}
