//! The table of figures: `cargo xtask bench`.
//!
//! Decision: every figure is measured in a process of its own, in CPU seconds where it is about cost (walls lie on a
//! busy machine), beside the yardstick `zstd -1` measured in the same run; it is shown beside what it should reach,
//! and kept as JSON lines so that figures can be compared over time. Nothing here is a test: nothing fails.

mod generate;
mod machine;
mod measure;
mod process;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use base::{ByteSize, Clock};

use measure::{Env, MEASUREMENTS};
use report::Figure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: cargo xtask bench [--only NAME]… [--bytes 1GB] [--dir FOLDER] [--no-keep]
       bench generate --bytes 1GB --out FOLDER [--mixed]

  --only NAME   one measurement; may be repeated. There are:";

/// What was asked for.
struct Options {
    only: Vec<String>,
    bytes: u64,
    folder: PathBuf,
    keep: bool,
    mixed: bool,
    /// Measures here instead of in a process of its own, and prints JSON.
    inside: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("error: {failed:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        let names = MEASUREMENTS.map(|(name, what, _)| format!("      {name:<10} {what}"));
        println!("{USAGE}\n{}", names.join("\n"));
        return Ok(());
    }
    if args.first().is_some_and(|arg| arg == "generate") {
        let options = options(&args[1..])?;
        let layout = if options.mixed { generate::Layout::Mixed } else { generate::Layout::Services };
        let written = generate::write(&options.folder, options.bytes, layout)?;
        println!("{} in {}", ByteSize(written), options.folder.display());
        return Ok(());
    }
    if let [command, from, to, seconds] = args
        && command == "pace"
    {
        return measure::pace(Path::new(from), Path::new(to), seconds.parse().context("seconds")?);
    }
    let options = options(args)?;
    for name in &options.only {
        if MEASUREMENTS.iter().all(|(known, ..)| known != name) {
            bail!("there is no measurement '{name}'; --help lists them");
        }
    }
    let env = Env::new(generate::cached(&options.folder, options.bytes)?, &options.folder)?;
    if options.inside {
        let (_, _, measure) =
            MEASUREMENTS.iter().find(|(name, ..)| options.only.contains(&(*name).to_owned())).context("--only")?;
        for figure in measure(&env)? {
            println!("{}", figure.to_json());
        }
        return Ok(());
    }
    table(&options, &env)
}

fn table(options: &Options, env: &Env) -> Result<()> {
    let mut figures = Vec::new();
    for (name, what, _) in &MEASUREMENTS {
        if !options.only.is_empty() && !options.only.contains(&(*name).to_owned()) {
            continue;
        }
        eprintln!("{name}: {what}");
        match apart(options, name) {
            Ok(measured) => {
                eprint!("{}", report::table(&measured));
                figures.extend(measured);
            }
            Err(failed) => eprintln!("error: {name}: {failed:#}"),
        }
    }
    println!("{}", report::table(&figures));
    let reached = figures.iter().filter(|figure| figure.reached() == Some(true)).count();
    let asked = figures.iter().filter(|figure| figure.reached().is_some()).count();
    println!("{} lines, {}; {reached} of {asked} reached", env.input.lines, ByteSize(env.input.bytes));
    if options.keep {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/results");
        report::keep(&results, runtime::SystemClock.now(), &machine::describe(), env.input.bytes, &figures)?;
    }
    Ok(())
}

/// One measurement in a process of its own, so that none inherits another's memory.
fn apart(options: &Options, name: &str) -> Result<Vec<Figure>> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(["--inside", "--only", name, "--bytes", &options.bytes.to_string()]).arg("--dir").arg(&options.folder);
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("{}", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    let figures = text.lines().filter_map(|line| Figure::from_json(&serde_json::from_str(line).ok()?));
    Ok(figures.map(|figure| Figure { group: name.to_owned(), ..figure }).collect())
}

fn options(args: &[String]) -> Result<Options> {
    let target = std::env::current_exe()?.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let mut options = Options {
        only: Vec::new(),
        bytes: 1_000_000_000,
        folder: target.join("bench"),
        keep: true,
        mixed: false,
        inside: false,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--only" => options.only.push(value()?.clone()),
            "--bytes" => options.bytes = value()?.parse::<ByteSize>().map_err(anyhow::Error::msg)?.0,
            "--dir" | "--out" => options.folder = PathBuf::from(value()?),
            "--no-keep" => options.keep = false,
            "--mixed" => options.mixed = true,
            "--inside" => options.inside = true,
            _ => bail!("'{arg}' is no option\n{USAGE}"),
        }
    }
    Ok(options)
}
