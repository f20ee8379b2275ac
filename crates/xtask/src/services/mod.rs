//! Real servers for tests and for playing: `cargo xtask services up kafka opensearch`.
//!
//! Decision: each server is started as it is, from its publisher's package, on free loopback ports and with a folder of
//! its own. What runs is written down in a *set*, a folder under the cache: `up` takes what runs there already, `down`
//! stops what is written there, by process id and start time, and removes everything of it. Who wants servers of their
//! own, to kill them at will, names a set of their own.

pub mod cache;
mod etcd;
mod go;
mod influxdb1;
mod influxdb2;
mod kafka;
mod opensearch;
mod ports;
mod probe;
mod process;
mod redis;
mod server;
mod set;
mod tools;
mod zookeeper;

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

use self::server::Server;
pub use self::set::{Lines, Set};

/// A kind of server.
#[derive(Clone, Copy)]
pub struct Service {
    /// On the command line.
    pub name: &'static str,
    /// Sees to it that it can be started.
    install: fn() -> Result<()>,
    /// What to start, with this folder and these settings beyond the usual ones.
    plan: fn(&Path, &[String]) -> Result<Vec<Server>>,
    /// Asks one server once whether it is ready.
    ready: fn(&Server) -> Result<()>,
    /// What `up` prints: names and values.
    lines: fn(&[Server]) -> Lines,
}

/// All that there are.
const ALL: [Service; 9] = [
    kafka::ONE,
    kafka::THREE,
    kafka::SECURE,
    opensearch::ONE,
    influxdb1::ONE,
    influxdb2::ONE,
    etcd::ONE,
    zookeeper::ONE,
    redis::ONE,
];

const USAGE: &str = "usage: cargo xtask services [--set SET] COMMAND

  install NAME…        makes sure that they can be started
  up [--with KEY=VALUE]… NAME…
                       starts them, or takes those that run; prints VARIABLE=address lines, fit for eval
  down [NAME…]         stops them, or all of the set, and removes their data
  status               what runs, in all sets
  env                  the lines of up, of what runs
  pause|resume NAME…   SIGSTOP, SIGCONT; kafka3#2 is the second of three
  kill|start NAME…     kill -9; start again with the same data and ports
  kafka-tool CLASS ARGS…
                       a program of Kafka's own, such as org.apache.kafka.tools.consumer.ConsoleConsumer
  guard                waits for the end of its standard input, then does down: for whoever may die before

names: kafka kafka3 kafka-secure opensearch influxdb1 influxdb2 etcd zookeeper redis, or all
--with adds a setting to Kafka's server.properties or to OpenSearch's settings";

/// `cargo xtask services`
pub fn command(args: &[String]) -> Result<()> {
    let (set, args) = match args {
        [option, name, rest @ ..] if option == "--set" => (name.as_str(), rest),
        _ => ("default", args),
    };
    let (name, rest) = args.split_first().map_or(("--help", args), |(name, rest)| (name.as_str(), rest));
    let set = Set::named(set)?;
    match name {
        "install" => all_good(each(&services(rest)?, |service| (service.install)())).map(drop),
        "up" => {
            let (with, names) = settings(rest)?;
            let (good, bad): (Vec<_>, Vec<_>) = set.up(&services(names)?, &with).into_iter().partition(Result::is_ok);
            // Those that run are of use, whatever is with the others.
            all_good(good).map(|lines| print_lines(&lines.concat()))?;
            all_good(bad).map(drop)
        }
        "down" if rest.is_empty() => set.down_all(),
        "down" => services(rest)?.iter().try_for_each(|service| set.down(service.name)),
        "status" => set::status(),
        "env" => {
            print_lines(&set.lines()?);
            Ok(())
        }
        "pause" | "resume" | "kill" | "start" => rest.iter().try_for_each(|server| set.fault(name, server)),
        "kafka-tool" => kafka::tool(rest),
        "guard" => {
            std::io::stdin().read_to_end(&mut Vec::new()).context("cannot read standard input")?;
            set.down_all()
        }
        "--help" | "-h" | "help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command '{other}'\n{USAGE}"),
    }
}

fn print_lines(lines: &[(String, String)]) {
    for (name, value) in lines {
        println!("{name}={value}");
    }
}

/// The `--with`s, and what comes after them.
fn settings(mut args: &[String]) -> Result<(Vec<String>, &[String])> {
    let mut with = Vec::new();
    while let [option, value, rest @ ..] = args
        && option == "--with"
    {
        if !value.contains('=') {
            bail!("--with takes KEY=VALUE, not '{value}'");
        }
        with.push(value.clone());
        args = rest;
    }
    Ok((with, args))
}

/// Those of these names.
pub fn services(names: &[String]) -> Result<Vec<Service>> {
    if names.is_empty() {
        bail!("which one?\n{USAGE}");
    }
    if names == ["all"] {
        return Ok(ALL.to_vec());
    }
    names.iter().map(|name| find_service(name)).collect()
}

fn find_service(name: &str) -> Result<Service> {
    let found = ALL.into_iter().find(|service| service.name == name);
    found.with_context(|| format!("there is no service '{name}'\n{USAGE}"))
}

/// All at once.
fn each<T: Send>(services: &[Service], f: impl Fn(&Service) -> Result<T> + Sync) -> Vec<Result<T>> {
    let one = |service: &Service| f(service).with_context(|| service.name.to_owned());
    std::thread::scope(|scope| {
        let threads: Vec<_> = services.iter().map(|service| scope.spawn(|| one(service))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a bug"))).collect()
    })
}

/// The first failure is the answer, the others are told.
fn all_good<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut bad = bad.into_iter().filter_map(Result::err);
    let Some(first) = bad.next() else { return good.into_iter().collect() };
    bad.for_each(|failed| eprintln!("error: {failed:#}"));
    Err(first)
}
