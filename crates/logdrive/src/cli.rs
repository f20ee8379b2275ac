//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::client::DEFAULT_SERVER;
use crate::render::ColorChoice;

/// Collects the lines of log files, keeps each exactly once, and finds them.
#[derive(Debug, Parser)]
#[command(name = "logdrive", version, about, max_term_width = 110, propagate_version = true, infer_subcommands = true)]
#[command(
    after_help = "Begin with:  logdrive up --demo      then, in another terminal:  logdrive search level:error\n\
                        Exit codes:  0 ok, 1 failed, 2 bad usage or configuration"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process: follow files, keep their lines, answer questions
    Up(UpArgs),
    /// Find lines, newest last; without a query, the newest of all
    Search(SearchArgs),
    /// Follow a stream or a file as its lines come in
    Tail(TailArgs),
    /// Watch a server in the terminal: what flows, files, dead letters, workers, errors
    Top(TopArgs),
    /// Show, for each file, where every byte of it is
    Audit(AuditArgs),
    /// Follow files and hand their lines to a server's queue, or to Kafka
    Agent(AgentArgs),
    /// Take lines from the queue into the store, and answer questions
    Transfer(RoleArgs),
    /// Show who reads the queue and how far; forget a group whose reader is gone
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Check configuration files
    Validate(ValidateArgs),
    /// Make a logdrive.toml of the ini, yaml or json files of an older collector
    Convert(ConvertArgs),
    /// Print the JSON Schema of logdrive.toml
    Schema,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// What every role takes.
#[derive(Debug, Default, Args)]
pub(crate) struct NodeArgs {
    /// Folder of all data [default: $XDG_DATA_HOME/logdrive or ~/.local/share/logdrive] [env: LOGDRIVE_DATA]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<String>,
    /// Address and port of page and API [default: 127.0.0.1:7700] [env: LOGDRIVE_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Allow listening beyond this machine without login
    #[arg(long)]
    pub insecure: bool,
    /// Configuration file [default: ./logdrive.toml where there is one] [env: LOGDRIVE_CONFIG]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Files, folders (with everything in them), globs with **, or - for standard input [default: /var/log]
    #[arg(value_name = "PATH|GLOB|-", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,
    /// Leave alone what matches; a pattern without a slash is matched against the file's name
    #[arg(short = 'x', long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Let five services write realistic logs with incidents into a temporary folder, and follow them
    #[arg(long, conflicts_with = "paths")]
    pub demo: bool,
    /// Seed of the demo's chance: the same seed tells the same story
    #[arg(long, value_name = "N", default_value_t = 1, hide = true)]
    pub demo_seed: u64,
    /// Remove what is older than this (7d, 4w); kept for ever by default
    #[arg(long, value_name = "AGE")]
    pub retain: Option<String>,
    /// Remove the oldest while all is larger than this on disk (50GiB)
    #[arg(long, value_name = "SIZE")]
    pub retain_bytes: Option<String>,
    #[command(flatten)]
    pub node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Files, folders or globs, instead of the streams of the configuration
    #[arg(value_name = "PATH|GLOB|-", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,
    /// Leave alone what matches; a pattern without a slash is matched against the file's name
    #[arg(short = 'x', long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// The server whose queue takes the lines (queue.url); with Kafka, the one that answers 'audit' (agent.report_to)
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    #[command(flatten)]
    pub node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    #[command(flatten)]
    pub node: NodeArgs,
}

/// What every command that asks a server takes.
#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// Address of the server
    #[arg(long, value_name = "URL", env = "LOGDRIVE_SERVER", default_value = DEFAULT_SERVER, hide_env_values = true)]
    pub server: String,
    /// Colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// When.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// First moment: 15m (ago), 2h, yesterday, 10:30, 2026-01-31, 2026-01-31T10:00 (your zone), RFC 3339
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// First moment behind the range
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  logdrive search 'level:error \"timeout\"' --since 15m\n  \
                        logdrive search 'status:[500 TO 599] -path:/health' --follow\n  \
                        logdrive search stream:web --since yesterday --all --json > web.ndjson")]
pub(crate) struct SearchArgs {
    /// Words, "phrases", field:value, ranges [500 TO 599], wild*cards, /regex/, AND OR NOT; several are joined by AND
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// The newest N, shown with the newest last [default: 100; with --follow 10]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "all")]
    pub limit: Option<usize>,
    /// All of them, newest first, as they are found
    #[arg(long, conflicts_with = "follow")]
    pub all: bool,
    /// Then show what comes in, as it comes
    #[arg(short, long, conflicts_with = "until")]
    pub follow: bool,
    /// Ask this store, by its name in the configuration [default: the first]
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    #[command(flatten)]
    pub client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// A stream's name or a file's path; without it, everything
    #[arg(value_name = "STREAM|FILE", value_hint = ValueHint::FilePath)]
    pub target: Option<String>,
    /// Only what matches
    #[arg(short, long, value_name = "QUERY")]
    pub query: Option<String>,
    /// Begin with the newest N
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// Ask this store, by its name in the configuration [default: the first]
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    #[command(flatten)]
    pub client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// One plain answer, and no more; so it is too where the output is no terminal
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// A file's path, a glob or a stream's name; without it, everything
    #[arg(value_name = "FILE|GLOB|STREAM", value_hint = ValueHint::FilePath)]
    pub target: Option<String>,
    /// Exit with 1 where something is not complete
    #[arg(long)]
    pub strict: bool,
    /// Wait until everything is complete, at most so long (30s, 5m)
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "1m")]
    pub wait: Option<String>,
    /// Ask this store, by its name in the configuration [default: the first]
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    #[command(flatten)]
    pub client: ClientArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the consumer groups: each store and metric rule is one; how many batches each is behind, who is read by nobody
    Groups {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Forget a group that nothing reads any more, so that the queue holds nothing for it
    Forget {
        /// The group, as 'logdrive queue groups' names it
        group: String,
        /// Its topic: lines, metrics or dead-letters
        #[arg(long, default_value = queue::LINES)]
        topic: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Files of the older collector; a second file that one names is read too
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Write here instead of to standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Configuration files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// Lets a query say what it does not want (`-level:info`) without being taken for flags: in `search`, words of the
/// query go behind `--`. A word is a flag where it has two dashes, or is one of the short flags alone.
pub(crate) fn separate(args: Vec<OsString>) -> Vec<OsString> {
    const WITH_VALUE: [&str; 7] = ["--since", "--until", "--limit", "--server", "--store", "--color", "-n"];
    let is_search =
        args.get(1).and_then(|arg| arg.to_str()).is_some_and(|arg| arg.len() > 1 && "search".starts_with(arg));
    if !is_search {
        return args;
    }
    let (mut flags, mut words) = (Vec::new(), Vec::new());
    let mut rest = args.into_iter();
    flags.extend(rest.by_ref().take(2));
    while let Some(arg) = rest.next() {
        let text = arg.to_string_lossy();
        let short_limit =
            text.strip_prefix("-n").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if text == "--" {
            words.extend(rest.by_ref());
        } else if WITH_VALUE.contains(&&*text) {
            flags.push(arg);
            flags.extend(rest.next());
        } else if text.starts_with("--") || short_limit || matches!(&*text, "-f" | "-h" | "-V") {
            flags.push(arg);
        } else {
            words.push(arg);
        }
    }
    if !words.is_empty() {
        flags.push("--".into());
        flags.extend(words);
    }
    flags
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(separate(line.split(' ').map(OsString::from).collect())).map(|cli| cli.command)
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_readme_shows_parses() {
        let Ok(Command::Up(up)) = parse("logdrive up logs/**/*.log - -x *.gz -x *.bak --data d --listen 127.0.0.1:0")
        else {
            panic!("up")
        };
        assert_eq!((up.paths.len(), up.exclude.len(), up.demo), (2, 2, false));
        let Ok(Command::Search(search)) =
            parse("logdrive search status:[500 TO 599] -path:/health --since -15m -f -n5")
        else {
            panic!("search")
        };
        assert_eq!(search.query, ["status:[500", "TO", "599]", "-path:/health"]);
        assert!(search.follow && search.range.since.as_deref() == Some("-15m") && search.limit == Some(5));
        for line in
            ["logdrive tail web", "logdrive audit /var/log/x.log --json", "logdrive validate a.toml", "logdrive up"]
        {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "logdrive",
            "logdrive up --demo /var/log",
            "logdrive search --all --limit 5",
            "logdrive search -f --until now",
            "logdrive validate",
            "logdrive serach x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
