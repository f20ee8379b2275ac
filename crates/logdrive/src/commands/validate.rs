//! `logdrive validate FILE…`: every mistake, one a line.

use std::io::Write;

use config::{Config, MetricConfig};
use store::Query;

use crate::cli::ValidateArgs;
use crate::failure::Failure;
use crate::settings;

pub(crate) fn run(args: &ValidateArgs) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let inputs = settings::machine()?;
    let mut wrong = false;
    for file in &args.files {
        match config::check(file, &inputs) {
            Ok(loaded) if !queries(&loaded.config).is_empty() => {
                wrong = true;
                for reason in queries(&loaded.config) {
                    writeln!(out, "{}: {reason}", file.display())?;
                }
            }
            Ok(loaded) => {
                let streams = loaded.config.streams.len();
                let plural = if streams == 1 { "" } else { "s" };
                writeln!(out, "{}: ok, {streams} stream{plural}", file.display())?;
            }
            Err(error) => {
                wrong = true;
                for line in error.lines() {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    if wrong { Err(Failure::Silent(2)) } else { Ok(()) }
}

/// What is wrong with queries, which the configuration itself knows nothing of.
fn queries(config: &Config) -> Vec<String> {
    let wrong = |rule: &MetricConfig| {
        let error = Query::parse(rule.filter.as_deref()?).err()?;
        Some(format!("metric '{}': where: {error}", rule.name))
    };
    config.metric_rules.iter().filter_map(wrong).collect()
}
