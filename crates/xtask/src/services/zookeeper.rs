//! ZooKeeper: one server.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::server::Server;
use super::tools::{jar, java, maven};
use super::{Service, cache, ports, probe};

const VERSION: &str = "3.9.4";

/// One server.
pub const ONE: Service = Service {
    name: "zookeeper",
    install: || folder().map(drop),
    plan,
    ready: |server| {
        probe::says(&server.address, "ruok", "imok")?;
        probe::says(&server.address, "srvr", "Zookeeper version")
    },
    lines: |servers| servers.iter().map(|server| ("ZOOKEEPER".to_owned(), server.address.clone())).collect(),
};

fn folder() -> Result<PathBuf> {
    cache::installed(&format!("zookeeper-{VERSION}"), |folder| {
        let jars = [
            jar("org.apache.zookeeper", "zookeeper", VERSION),
            // Needed to run it, though its own pom says otherwise.
            jar("io.dropwizard.metrics", "metrics-core", "4.2.30"),
            jar("org.xerial.snappy", "snappy-java", "1.1.10.7"),
            jar("commons-cli", "commons-cli", "1.9.0"),
        ];
        maven(folder, &jars.concat())
    })
}

fn plan(folder: &Path, _: &[String]) -> Result<Vec<Server>> {
    let port = ports::free()?;
    let jars = self::folder()?.join("lib").join("*").display().to_string();
    let (java, flags) = java(128)?;
    let server = Server::new("zookeeper", format!("127.0.0.1:{port}"), folder.to_owned(), java)?;
    let settings = format!(
        "tickTime=500
dataDir={}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr,stat,mntr,cons,wchc
maxClientCnxns=0
forceSync=no
",
        folder.join("data").display()
    );
    let settings = server.write("zoo.cfg", &settings)?.display().to_string();
    let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    Ok(vec![server.args(flags).args(["-cp", &jars, main, &settings])])
}
