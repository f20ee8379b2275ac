//! The habits of the house as commands: `cargo xtask test | ci | tidy | page | services | bench`.
//!
//! Decision: automation is Rust, not shell, so that it is the same everywhere and has tests of its own. What a
//! machine must have beyond Rust and a C compiler is made under `target/` by the command that needs it.

mod bench;
mod page;
mod run;
mod services;
mod test;
mod tidy;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask COMMAND

  test  [--bare] [ARGS…]
                    every test, with the real binary and real servers (--bare: without those); ARGS go to cargo test
  lint              fmt --check, clippy, tidy, doc
  ci                fmt, tidy, then test with clippy on the way; what the tests need is installed meanwhile
  tidy  [--shrink]  the rules of ARCHITECTURE.md; --shrink lowers the ratchet to what is there
  page  [WHAT]      how the page is proven; see cargo xtask page --help
  services …        real servers for tests and for playing; see cargo xtask services --help
  bench [ARGS…]     the table of figures; see cargo xtask bench --help";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("error: {failed:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<()> {
    let (name, rest) = args.split_first().map_or(("--help", args), |(name, rest)| (name.as_str(), rest));
    match name {
        "test" => test::command(rest),
        "lint" => run::lint(),
        "ci" => ci(),
        "tidy" => tidy::command(rest),
        "page" => page::command(rest),
        "services" => services::command(rest),
        "bench" => bench::command(rest),
        "--help" | "-h" | "help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command '{other}'\n{USAGE}"),
    }
}

fn ci() -> Result<()> {
    std::thread::scope(|scope| {
        // One of the servers is built from source, for minutes. Whoever starts a server waits for its installation, and
        // says what is wrong with it.
        scope.spawn(|| drop(services::command(&test::install())));
        run::lint_texts()?;
        let mut tests = Command::new(std::env::current_exe().context("cannot tell which program this is")?);
        tests.arg("test");
        run::run(run::linted(tests))
    })
}
