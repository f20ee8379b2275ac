//! The `logdrive` program: one subcommand per role, and the commands that ask a server.
//!
//! Decision: this is the only crate that names a driver. Errors are one line that says what failed, on which key, file
//! or address, and the fix; exit codes are 0 ok, 1 failed, 2 bad usage or configuration.

mod cli;
mod client;
mod commands;
mod demo;
mod failure;
mod memory;
mod node;
mod render;
mod settings;
mod terminal;
mod when;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    memory::configure();
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|s| &**s));
        let text = text.unwrap_or("no text");
        terminal::note(&format!("internal error{place}: {text}; please report this"));
    }));
    let cli = Cli::parse_from(cli::separate(std::env::args_os().collect()));
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Closed | Failure::Silent(_)) {
                terminal::note(&failure.to_string());
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Up(args) => commands::up::run(args),
        Command::Search(args) => commands::search::run(args),
        Command::Tail(args) => commands::tail::run(args),
        Command::Top(args) => commands::top::run(args),
        Command::Audit(args) => commands::audit::run(args),
        Command::Agent(args) => commands::agent::run(args),
        Command::Transfer(args) => commands::transfer::run(args),
        Command::Queue(command) => commands::queue::run(command),
        Command::Validate(args) => commands::validate::run(args),
        Command::Convert(args) => commands::convert::run(args),
        Command::Schema => commands::completions::schema(),
        Command::Completions { shell } => commands::completions::run(*shell),
    }
}
