//! `logdrive completions SHELL`, `logdrive schema`

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;

pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    // Made in memory first: the generator panics where the output is closed.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "logdrive", &mut text);
    Ok(std::io::stdout().write_all(&text)?)
}

pub(crate) fn schema() -> Result<(), Failure> {
    Ok(std::io::stdout().write_all(config::schema().as_bytes())?)
}
