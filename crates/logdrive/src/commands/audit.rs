//! `logdrive audit`: where every byte of every file is.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::str::FromStr;
use std::time::{Duration, Instant};

use base::HumanDuration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::AuditArgs;
use crate::client::{Client, Line};
use crate::failure::Failure;
use crate::render::{Style, audit_table};
use crate::terminal::note;
use crate::wire::{Account, Control};

/// How often `--wait` asks again.
const ASK_EVERY: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &AuditArgs) -> Result<(), Failure> {
    let client = Client::new(&args.client.server)?;
    let mut params = params(args.target.as_deref());
    params.extend(args.store.clone().map(|store| ("store", store)));
    let until = match &args.wait {
        Some(text) => {
            let wait = HumanDuration::from_str(text).map_err(|wrong| Failure::Usage(format!("--wait: {wrong}")))?;
            Some(Instant::now() + wait.0)
        }
        None => None,
    };
    let answer = ask(&client, &params, until)?;
    if let (true, Some(target)) = (answer.accounts.is_empty(), &args.target) {
        note(&format!("nothing is known of '{target}'; 'logdrive audit' alone shows every file"));
    }
    let mut out = BufWriter::new(io::stdout());
    if args.client.json {
        for line in &answer.lines {
            out.write_all(line)?;
            out.write_all(b"\n")?;
        }
    } else {
        audit_table(&answer.accounts, Style::of_stdout(args.client.color), &mut out)?;
    }
    out.flush()?;
    for problem in &answer.problems {
        note(problem);
    }
    let incomplete = answer.accounts.iter().any(|account| !account.complete) || answer.accounts.is_empty();
    if args.strict && incomplete { Err(Failure::Silent(1)) } else { Ok(()) }
}

struct Answer {
    /// As they came.
    lines: Vec<Vec<u8>>,
    accounts: Vec<Account>,
    problems: Vec<String>,
}

/// Asks until everything is complete or the time is over; once, where no time is given.
fn ask(client: &Client, params: &[(&str, String)], until: Option<Instant>) -> Result<Answer, Failure> {
    let progress = until.map_or_else(ProgressBar::hidden, |_| progress());
    loop {
        let answer = once(client, params)?;
        let sum = |of: fn(&Account) -> u64| answer.accounts.iter().map(of).sum::<u64>();
        let total = sum(|account| account.size);
        progress.set_length(total);
        progress.set_position(total - sum(|account| account.in_flight + gap_bytes(account)).min(total));
        let complete = answer.accounts.iter().all(|account| account.complete) && !answer.accounts.is_empty();
        if complete || until.is_none_or(|until| Instant::now() >= until) {
            progress.finish_and_clear();
            return Ok(answer);
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn gap_bytes(account: &Account) -> u64 {
    account.gaps.iter().map(|(start, end)| end - start).sum()
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes} accounted for") {
        bar.set_style(style);
    }
    bar
}

fn once(client: &Client, params: &[(&str, String)]) -> Result<Answer, Failure> {
    let mut lines = client.stream("/api/v1/audit", params)?;
    let mut answer = Answer { lines: Vec::new(), accounts: Vec::new(), problems: Vec::new() };
    while let Some(line) = lines.next()? {
        match line {
            Line::Item(json) => {
                let account = serde_json::from_slice(json).map_err(|error| {
                    Failure::Failed(format!(
                        "cannot understand the account of a file: {error}; is it a newer logdrive?"
                    ))
                })?;
                answer.accounts.push(account);
                answer.lines.push(json.to_vec());
            }
            Line::Control(Control::Problem { host, path, reason }) => {
                let host = host.map(|host| format!("{host}: ")).unwrap_or_default();
                answer.problems.push(format!("{host}{path}: {reason}"));
            }
            Line::Control(Control::End { .. }) => return Ok(answer),
            Line::Control(_) => {}
        }
    }
    Err(lines.lost())
}

/// What has a slash or a wildcard, or is a file here, is a path or a glob; anything else is a stream's name.
fn params(target: Option<&str>) -> Vec<(&'static str, String)> {
    let Some(target) = target else { return Vec::new() };
    let folder = std::env::current_dir().unwrap_or_default();
    let is_path = target.contains('/') || config::is_glob(target) || folder.join(target).exists();
    if !is_path {
        return vec![("stream", target.to_owned())];
    }
    vec![("path", config::absolute(target, &folder).unwrap_or_else(|_| target.to_owned()))]
}
