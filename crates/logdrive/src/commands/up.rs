//! `logdrive up`: every role in one process, over one queue and one store in one folder.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use base::Explain;
use config::{Config, Flag, Loaded, UpPaths};
use dashboard::Door;
use model::FileState;
use tokio::runtime::Runtime;

use crate::cli::UpArgs;
use crate::demo::Demo;
use crate::failure::Failure;
use crate::node::{
    Added, DataFolder, Node, Signals, Sources, Streams, engines, open_metrics, open_producer, open_queue, open_stores,
};
use crate::settings;
use crate::terminal::{note, say};

/// What is followed where nobody says anything.
const MACHINE_LOGS: &str = "/var/log";
/// So many streams are named in the greeting.
const STREAMS_SHOWN: usize = 8;

pub(crate) fn run(args: &UpArgs) -> Result<(), Failure> {
    telemetry::init_logs(false);
    let demo = if args.demo { Some(Demo::prepare(args.demo_seed)?) } else { None };
    let loaded = load(args, demo.as_ref())?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(serve(&loaded, demo.as_ref(), args));
    // What still waits (a read from a terminal, say) is not waited for.
    runtime.shutdown_background();
    outcome
}

/// The threads that wait for sockets and timers; work has threads of its own.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("logdrive").build();
    built.map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))
}

fn load(args: &UpArgs, demo: Option<&Demo>) -> Result<Loaded, Failure> {
    let mut inputs = settings::of_node(&args.node)?;
    let mut flag = |name: &'static str, key: &'static str, value: Option<String>| {
        inputs.flags.extend(value.map(|value| Flag { name, key, value }));
    };
    flag("--retain", "store.retention_age", args.retain.clone());
    flag("--retain-bytes", "store.retention_bytes", args.retain_bytes.clone());
    if let (Some(demo), None) = (demo, &args.node.data) {
        flag("--demo", "data", Some(demo.data().display().to_string()));
    }
    let paths = demo.map_or_else(|| args.paths.clone(), Demo::paths);
    inputs.up = UpPaths { paths, exclude: args.exclude.clone(), fallback: Some(MACHINE_LOGS.into()) };
    Ok(config::load(&inputs)?)
}

async fn serve(loaded: &Loaded, demo: Option<&Demo>, args: &UpArgs) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let _data = DataFolder::take(&loaded.config.data)?;
    let (loaded, added) = with_added(loaded);
    let config = &loaded.config;
    let door = Door::new(config.listen).map_err(|error| Failure::Failed(error.chain()))?;
    door.doing("opening the queue");
    let opened = async {
        let queue = open_queue(config).await?;
        let producer = open_producer(&*queue, queue::LINES).await?;
        Ok::<_, Failure>((queue, producer))
    };
    let (queue, producer) = tokio::select! {
        opened = opened => opened?,
        () = signals.told() => return Ok(()),
    };
    door.doing("opening the store");
    let stores = open_stores(&config.stores)?;
    let metrics = open_metrics(&config.metrics)?;
    let node = Node::behind(Some(door));
    let documents = node.documents(config, producer.clone(), stores[0].clone())?;
    let agent = node.agent(config, &queue, producer)?;
    let transfer = node.transfer(config, queue.clone(), &stores, &metrics)?;
    let streams = Streams::new((config, &loaded.settings), added, agent.clone(), transfer.clone(), &node.reading);
    let sources = Sources { agent: Some(agent.clone()), transfer: Some(transfer), documents: Some(documents) };
    let control = streams.clone();
    let address = node.dashboard(&loaded, Some(queue.clone()), &stores, metrics, sources, control)?;
    if let Some(demo) = demo {
        demo.start(&node.reading);
        streams.demo_runs();
    }
    say(&greeting(config, address, args));
    let from_stdin = config.streams.iter().any(|stream| stream.paths.iter().any(|path| path == "-"));
    let end_of_input = async {
        let mut waits = tokio::time::interval(Duration::from_millis(200));
        loop {
            waits.tick().await;
            let ended = |report: &model::SourceReport| &*report.path == "-" && report.state == FileState::Finished;
            if from_stdin && agent.sources().iter().any(ended) {
                note(
                    "standard input has ended; its lines can be searched until Ctrl-C, and after the next 'logdrive up'",
                );
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = signals.told() => {}
        () = end_of_input => {}
    }
    streams.end().await;
    node.end(&mut signals).await?;
    queue.close().await.map_err(|error| Failure::of(&error))
}

/// With the streams that were added while logdrive ran. What the command line or the file calls the same is followed
/// instead.
fn with_added(loaded: &Loaded) -> (Loaded, Added) {
    let (mut loaded, added) = (loaded.clone(), Added::open(&loaded.config));
    if let Some(damage) = &added.damage {
        note(damage);
    }
    for stream in &added.streams {
        if loaded.config.streams.iter().any(|known| known.name == stream.name) {
            note(&format!(
                "stream '{}', added on the page, is not followed: there is another of that name now",
                stream.name
            ));
            continue;
        }
        let prefix = format!("stream.{}.", stream.name);
        loaded.settings.extend(added.settings.iter().filter(|setting| setting.key.starts_with(&prefix)).cloned());
        loaded.config.streams.push(stream.clone());
    }
    (loaded, added)
}

/// What is followed, where data lives, the address, and two commands to try.
fn greeting(config: &Config, address: SocketAddr, args: &UpArgs) -> String {
    let names: Vec<&str> = config.streams.iter().map(|stream| stream.name.as_str()).collect();
    let shown = names.iter().take(STREAMS_SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(STREAMS_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = match (args.demo, args.paths.as_slice()) {
        (true, _) => "five demo services, with an incident every few minutes".to_owned(),
        (_, paths) if !paths.is_empty() => paths.join(" "),
        _ if config.streams.iter().any(|stream| stream.paths.iter().any(|path| path == MACHINE_LOGS)) => {
            format!("this machine's own logs, {MACHINE_LOGS} (give paths to follow others)")
        }
        _ => "what logdrive.toml says".to_owned(),
    };
    let server = if address.port() == 7700 { String::new() } else { format!(" --server http://{address}") };
    let query = if args.demo { "'level:error timeout' --since 15m" } else { "level:error --since 15m" };
    let mut text = format!("logdrive {} follows {what}\n", env!("CARGO_PKG_VERSION"));
    let stdin = names.contains(&"stdin") && std::io::stdin().is_terminal();
    let stdin = if stdin { "  (standard input is this terminal: Ctrl-D ends it)" } else { "" };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "  streams  {shown}{more}{stdin}\n{}  data     {}\n  address  http://{address}\n  try      logdrive search {query}{server}\n  \
         \x20        logdrive audit{server}\nCtrl-C ends it; nothing is lost by that.\n",
        engines(config),
        config.data.display(),
    );
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use config::Inputs;

    use super::*;
    use crate::cli::{Cli, Command};

    /// What the first lines say for a command line, on a machine without a configuration.
    fn said(line: &str, port: u16) -> String {
        let Ok(Cli { command: Command::Up(args) }) = Cli::try_parse_from(line.split(' ')) else { panic!("{line}") };
        let inputs = Inputs {
            file: None,
            env: Default::default(),
            flags: Vec::new(),
            up: UpPaths { paths: args.paths.clone(), exclude: Vec::new(), fallback: Some(MACHINE_LOGS.into()) },
            host: "box".to_owned(),
            data: "/data".into(),
            folder: "/nowhere".into(),
        };
        let loaded = config::load(&inputs).unwrap();
        greeting(&loaded.config, SocketAddr::from(([127, 0, 0, 1], port)), &args)
    }

    #[test]
    fn the_first_lines_say_what_where_and_how() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            said("logdrive up /srv/a.log /srv/b", 7700),
            format!(
                "logdrive {version} follows /srv/a.log /srv/b\n  streams  a, b\n  data     /data\n  \
                 address  http://127.0.0.1:7700\n  try      logdrive search level:error --since 15m\n           \
                 logdrive audit\nCtrl-C ends it; nothing is lost by that.\n"
            )
        );
        let machine = said("logdrive up", 7701);
        assert!(
            machine.starts_with(&format!("logdrive {version} follows this machine's own logs, /var/log (")),
            "{machine}"
        );
        assert!(machine.contains("logdrive audit --server http://127.0.0.1:7701\n"), "{machine}");
        let many: String = (0..10).map(|n| format!(" /srv/{}.log", char::from(b'a' + n))).collect();
        assert!(said(&format!("logdrive up{many}"), 7700).contains("streams  a, b, c, d, e, f, g, h and 2 more\n"));
    }
}
