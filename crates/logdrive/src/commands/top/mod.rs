//! `logdrive top`: what a server does, in a terminal.
//!
//! Decision: the same numbers as the page's, by the same API. One thread asks, one draws; what is shown is a pure
//! function of what is known ([`draw`]), and what a key does is one too ([`state`]). A server that goes away is waited
//! for. Where the output is no terminal, or with `--once`, it is one plain answer.

mod answers;
mod draw;
mod feed;
mod screen;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::cli::TopArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::node::Signals;
use crate::render::Style;
use feed::Feed;
use screen::Screen;
use state::{Next, State};

/// How long a key is waited for before what came from the server is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &TopArgs) -> Result<(), Failure> {
    let client = Client::new(&args.client.server)?;
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || args.client.json || !terminal {
        return once(&client, args.client.json);
    }
    let ended = Arc::new(AtomicBool::new(false));
    watch_signals(&ended)?;
    let colour = Style::of_stdout(args.client.color).colour;
    let mut state = State { server: client.base().to_owned(), colour, ..State::default() };
    let feed = Feed::start(client, Arc::clone(&ended)).map_err(|error| failed(&error))?;
    let mut screen = Screen::open().map_err(|error| failed(&error))?;
    let outcome = show(&mut screen, &mut state, &feed, &ended);
    drop(screen);
    ended.store(true, Ordering::Relaxed);
    outcome.map_err(|error| failed(&error))
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot use this terminal: {error}; try --once"))
}

/// Until a key or a signal ends it.
fn show(screen: &mut Screen, state: &mut State, feed: &Feed, ended: &AtomicBool) -> std::io::Result<()> {
    let mut is_other = true;
    feed.want(state.view);
    while !ended.load(Ordering::Relaxed) {
        while let Some(answer) = feed.next() {
            is_other |= state.take(answer);
        }
        if is_other {
            screen.draw(|area, buffer| draw::draw(state, area, buffer))?;
            is_other = false;
        }
        if !event::poll(LOOK)? {
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match state.key(key) {
                Next::Stay => is_other = true,
                Next::Ask => {
                    feed.want(state.view);
                    is_other = true;
                }
                Next::Leave => return Ok(()),
            },
            Event::Resize(..) => is_other = true,
            _ => {}
        }
    }
    Ok(())
}

/// Signals end it as `q` does, so that the terminal is as it was before.
fn watch_signals(ended: &Arc<AtomicBool>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    let guard = runtime.enter();
    let mut signals = Signals::listen()?;
    drop(guard);
    let ended = Arc::clone(ended);
    let thread = runtime::spawn_thread("top-signals", move || {
        runtime.block_on(signals.told());
        ended.store(true, Ordering::Relaxed);
    });
    thread.map(drop).map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))
}

/// One answer, in plain text or as it comes.
fn once(client: &Client, json: bool) -> Result<(), Failure> {
    let text = if json {
        format!("{}\n", client.get::<serde_json::Value>("/api/v1/overview", &[])?)
    } else {
        let overview = client.get("/api/v1/overview", &[])?;
        let sources = client.get("/api/v1/sources", feed::SOURCES)?;
        words::snapshot(&overview, &sources)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Closed),
        written => written.map_err(|error| Failure::Failed(format!("cannot write to standard output: {error}"))),
    }
}
