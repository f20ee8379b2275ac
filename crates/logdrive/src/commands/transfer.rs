//! `logdrive transfer`: takes lines from the queue into the store, and answers questions. With a queue of its own, it
//! is the server that agents elsewhere hand their lines to.

use std::sync::Arc;

use base::Explain;
use config::{Loaded, QueueUrl};
use dashboard::Door;

use crate::cli::RoleArgs;
use crate::commands::up;
use crate::failure::Failure;
use crate::node::{DataFolder, Node, Signals, Sources, engines, open_metrics, open_producer, open_queue, open_stores};
use crate::{settings, terminal};

pub(crate) fn run(args: &RoleArgs) -> Result<(), Failure> {
    telemetry::init_logs(false);
    let loaded = config::load(&settings::of_node(&args.node)?)?;
    let runtime = up::runtime()?;
    let outcome = runtime.block_on(serve(&loaded));
    runtime.shutdown_background();
    outcome
}

async fn serve(loaded: &Loaded) -> Result<(), Failure> {
    let config = &loaded.config;
    let mut signals = Signals::listen()?;
    let _data = DataFolder::take(&config.data)?;
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
    let documents = node.documents(config, producer, stores[0].clone())?;
    let transfer = node.transfer(config, queue.clone(), &stores, &metrics)?;
    let sources = Sources { agent: None, transfer: Some(transfer), documents: Some(documents) };
    let address = node.dashboard(loaded, Some(queue.clone()), &stores, metrics, sources, Arc::new(()))?;
    let from = match &config.queue.url {
        QueueUrl::Embedded(_) => format!("its own queue (agents: logdrive agent --server http://{address} PATH…)"),
        QueueUrl::Remote(server) => format!("the queue of {server}"),
        QueueUrl::Kafka(_) => "Kafka".to_owned(),
    };
    terminal::say(&format!(
        "logdrive {} takes lines from {from}\n{}  data     {}\n  address  http://{address}\nCtrl-C ends it; nothing is lost \
         by that.\n",
        env!("CARGO_PKG_VERSION"),
        engines(config),
        config.data.display(),
    ));
    signals.told().await;
    node.end(&mut signals).await?;
    queue.close().await.map_err(|error| Failure::Failed(error.chain()))
}
