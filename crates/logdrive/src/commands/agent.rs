//! `logdrive agent`: follows files on this machine, and hands their lines to the queue of a server, or to Kafka.

use std::time::{Duration, Instant};

use agent::AgentHandle;
use base::Explain;
use config::{Config, Flag, Loaded, QueueUrl, UpPaths};
use runtime::Shutdown;
use serde_json::json;

use crate::cli::AgentArgs;
use crate::client::Client;
use crate::commands::up;
use crate::failure::Failure;
use crate::node::{DataFolder, Node, Signals, engines, open_producer, open_queue};
use crate::{settings, terminal};

/// How often the server is told of the files.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// How often the wait for that looks up.
const LOOK_UP: Duration = Duration::from_millis(50);
/// So many files are told of at most; the server's own bound.
const REPORTED_MAX: usize = 10_000;

pub(crate) fn run(args: &AgentArgs) -> Result<(), Failure> {
    telemetry::init_logs(false);
    let loaded = load(args)?;
    let config = &loaded.config;
    let server = match &config.queue.url {
        QueueUrl::Remote(server) => Some(config.agent.report_to.clone().unwrap_or_else(|| server.clone())),
        QueueUrl::Kafka(_) => config.agent.report_to.clone(),
        QueueUrl::Embedded(_) => {
            return Err(Failure::Usage(
                "queue.url: an agent hands its lines to a server or to Kafka; give --server http://host:7700 or queue.url = \
                 \"kafka://host:9092\", or use 'logdrive up' for everything in one process"
                    .to_owned(),
            ));
        }
    };
    if config.streams.is_empty() {
        return Err(Failure::Usage("nothing to follow; give paths, or a configuration with streams".to_owned()));
    }
    let runtime = up::runtime()?;
    let outcome = runtime.block_on(serve(&loaded, server.as_deref()));
    runtime.shutdown_background();
    outcome
}

/// `--server` is the queue, or, where that is Kafka, whom to tell of the files.
fn load(args: &AgentArgs) -> Result<Loaded, Failure> {
    let mut inputs = settings::of_node(&args.node)?;
    inputs.up = UpPaths { paths: args.paths.clone(), exclude: args.exclude.clone(), fallback: None };
    let Some(value) = args.server.clone() else { return Ok(config::load(&inputs)?) };
    let kafka = config::load(&inputs).is_ok_and(|loaded| matches!(loaded.config.queue.url, QueueUrl::Kafka(_)));
    let key = if kafka { "agent.report_to" } else { "queue.url" };
    inputs.flags.push(Flag { name: "--server", key, value });
    Ok(config::load(&inputs)?)
}

async fn serve(loaded: &Loaded, server: Option<&str>) -> Result<(), Failure> {
    let config = &loaded.config;
    let mut signals = Signals::listen()?;
    let _data = DataFolder::take(&config.data)?;
    let opened = async {
        let queue = open_queue(config).await?;
        let producer = open_producer(&*queue, queue::LINES).await?;
        Ok::<_, Failure>((queue, producer))
    };
    let (queue, producer) = tokio::select! {
        opened = opened => opened?,
        () = signals.told() => return Ok(()),
    };
    let node = Node::new();
    let handle = node.agent(config, &queue, producer)?;
    if let Some(server) = server {
        let (client, path) = (Client::new(server)?, format!("/api/v1/agents/{}/sources", config.host));
        // In the stage behind the files, so that its last word tells how they ended.
        node.moving.spawn_blocking("reports", move |shutdown| {
            report(&client, &path, &handle, &shutdown);
            Ok::<(), String>(())
        });
    }
    terminal::say(&greeting(config, server));
    signals.told().await;
    node.end(&mut signals).await?;
    queue.close().await.map_err(|error| Failure::Failed(error.chain()))
}

fn greeting(config: &Config, server: Option<&str>) -> String {
    let names: Vec<&str> = config.streams.iter().map(|stream| stream.name.as_str()).collect();
    let shown = engines(config);
    let kafka: String = shown.split_inclusive('\n').filter(|line| line.starts_with("  kafka")).collect();
    let to = match (&config.queue.url, server) {
        (QueueUrl::Kafka(_), None) => {
            "  audit    will not know how far files are read here; --server http://host:7700 tells a transfer"
                .to_owned()
        }
        (QueueUrl::Kafka(_), Some(server)) => format!("  audit    {server}"),
        (_, server) => format!("  server   {}", server.unwrap_or_default()),
    };
    format!(
        "logdrive {} follows {} as {}\n{kafka}  data     {}\n{to}\nCtrl-C ends it; nothing is lost by that.\n",
        env!("CARGO_PKG_VERSION"),
        names.join(", "),
        config.host,
        config.data.display(),
    )
}

/// Tells the server of the files, until the shutdown and once more. A server that does not answer is told again.
fn report(client: &Client, path: &str, handle: &AgentHandle, shutdown: &Shutdown) {
    loop {
        let ending = shutdown.is_called();
        let mut sources = handle.sources();
        if sources.len() > REPORTED_MAX {
            tracing::warn!(
                files = sources.len(),
                told = REPORTED_MAX,
                "the server is told only of the files that changed last"
            );
            sources.sort_by_key(|source| std::cmp::Reverse(source.changed_at));
            sources.truncate(REPORTED_MAX);
        }
        let room = REPORTED_MAX - sources.len();
        let problems = handle.problems().into_iter().take(room).map(|problem| (problem.path, problem.reason));
        let body = json!({ "sources": sources, "problems": problems.collect::<Vec<_>>() });
        if let Err(failure) = client.post(path, &body) {
            tracing::warn!(%failure, "the server was not told of the files");
        }
        if ending {
            return;
        }
        let next = Instant::now() + REPORT_EVERY;
        while Instant::now() < next && !shutdown.is_called() {
            std::thread::sleep(LOOK_UP);
        }
    }
}
