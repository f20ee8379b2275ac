//! The classic chain's second half, through the real binary: Kafka → transfer → OpenSearch; and what host metrics cost.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::{Client, Start};
use queue::{LINES, Queue};
use queue_kafka::KafkaQueue;

use super::agent::{run, settings};
use super::{Env, kafka, until};
use crate::generate;
use crate::process;
use crate::report::{Figure, Target};

/// OpenSearch takes some ten thousand documents a second on such a machine: a part of the input is enough.
const BYTES: u64 = 100_000_000;
/// How long host metrics are watched.
const WATCH: Duration = Duration::from_secs(60);

pub fn opensearch(env: &Env) -> Result<Vec<Figure>> {
    let broker = kafka::broker()?;
    let store = std::env::var("OPENSEARCH")
        .context("OPENSEARCH names no server; run: eval $(cargo xtask services up opensearch)")?;
    let folder = env.fresh("opensearch")?;
    let input = Env { input: generate::cached(&env.folder, BYTES.min(env.input.bytes))?, folder: env.folder.clone() };
    let options = kafka::options(&broker, "chain");
    let topic = options.lines.topic.clone();
    let records = fill(&input, &folder, options)?;

    let config = format!(
        "[queue]\nurl = \"kafka://{broker}\"\n[kafka]\ntopic = \"{topic}\"\ncreate_topics = true\n[host_metrics]\nenabled = false\n\
         [transfer]\ngroup = \"{topic}\"\n[store]\nurl = \"{store}\"\nindex = \"{topic}-{{stream}}\"\ninstall = true\n"
    );
    let began = Instant::now();
    let data = folder.join("data");
    let server = Start::role(&folder, &data, "transfer").config(&config).arg("--listen").arg("127.0.0.1:0").start();
    let search = Client::new(&store);
    until("OpenSearch counts them all", Duration::from_millis(500), || {
        search.get(&format!("/{topic}-*/_refresh")).or_else(|_| search.get("/")).map_err(anyhow::Error::msg)?;
        let Ok(answer) = search.get(&format!("/{topic}-*/_count")) else { return Ok(None) };
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        Ok((answer["count"].as_u64() >= Some(records)).then_some(()))
    })?;
    let wall = began.elapsed().as_secs_f64();
    let cpu = process::cpu_seconds(server.pid())?;
    let (_, peak) = process::memory(server.pid())?;
    drop(server);
    let gigabytes = input.gigabytes();
    Ok(vec![
        Figure::new("Kafka → OpenSearch: the transfer", cpu / gigabytes, "CPU-s/GB", Target::AtMost(5.0)),
        Figure::new("  wall", records as f64 / wall, "records/s", Target::None),
        Figure::new("  memory at most", peak as f64 / 1e6, "MB", Target::None),
    ])
}

/// Brings the input into Kafka; how many messages that made.
fn fill(env: &Env, folder: &Path, options: queue_kafka::Options) -> Result<u64> {
    let setup = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let queue = setup.block_on(KafkaQueue::connect(options))?;
    let producer = setup.block_on(queue.producer(LINES))?;
    let config = settings(&folder.join("agent"), &env.followed(), config::Compression::None);
    let (_, _, running) = run(env, &config, producer)?;
    running.stop();
    let stats = setup.block_on(queue.stats(LINES))?;
    setup.block_on(queue.close())?;
    setup.shutdown_background();
    Ok(stats.partitions.iter().map(|(_, first, end, _)| end - first).sum())
}

/// The share of a core that an agent uses with host metrics over one without.
pub fn host_metrics(env: &Env) -> Result<Vec<Figure>> {
    let (without, with) = (idle(env, false)?, idle(env, true)?);
    Ok(vec![
        Figure::new("host metrics every 10 s", (with - without).max(0.0), "% of a core", Target::AtMost(0.1)),
        Figure::new("  an idle up without them", without, "% of a core", Target::None),
    ])
}

fn idle(env: &Env, host_metrics: bool) -> Result<f64> {
    let folder = env.fresh("host")?;
    std::fs::write(folder.join("empty.log"), "")?;
    let config = format!("[host_metrics]\nenabled = {host_metrics}\n");
    let data = folder.join("data");
    let server = Start::up_in(&folder, &data, &[&folder.join("empty.log")]).config(&config).start();
    let before = process::cpu_seconds(server.pid())?;
    std::thread::sleep(WATCH);
    Ok((process::cpu_seconds(server.pid())? - before) / WATCH.as_secs_f64() * 100.0)
}
