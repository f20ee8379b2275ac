//! Apache Kafka: one broker, three, or one that asks for TLS and passwords.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::server::Server;
use super::tools::{LOG4J2, jar, java, maven, program, run};
use super::{Service, cache, ports, probe};

const VERSION: &str = "4.1.1";
/// Any will do, if all nodes have the same.
const CLUSTER: &str = "bG9nZHJpdmUtdGVzdC0wMQ";

/// One broker.
pub const ONE: Service =
    Service { name: "kafka", install, plan: one, ready: alone, lines: |servers| line("KAFKA", servers) };

/// Three brokers, topics with three replicas of which two must have a message.
pub const THREE: Service =
    Service { name: "kafka3", install, plan: three, ready: together, lines: |servers| line("KAFKA3", servers) };

/// One broker with TLS, SASL PLAIN (alice, alice-secret) and SCRAM (bob, bob-secret).
pub const SECURE: Service = Service { name: "kafka-secure", install, plan: secure, ready: alone, lines: secure_lines };

fn install() -> Result<()> {
    folder().map(drop)
}

fn folder() -> Result<std::path::PathBuf> {
    cache::installed(&format!("kafka-{VERSION}"), |folder| {
        let tools = jar("org.apache.kafka", "kafka-tools", VERSION);
        let without = ["connect-runtime", "connect-api", "connect-json"].map(|artifact| {
            format!("<exclusion><groupId>org.apache.kafka</groupId><artifactId>{artifact}</artifactId></exclusion>")
        });
        let without = format!("<exclusions>{}</exclusions></dependency>", without.concat());
        let server = jar("org.apache.kafka", "kafka_2.13", VERSION);
        let log = jar("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3");
        maven(folder, &[server, tools.replace("</dependency>", &without), log].concat())
    })
}

/// Runs a program of Kafka's own.
pub fn tool(args: &[String]) -> Result<()> {
    let (java, flags) = java(256)?;
    let log4j = cache::folder()?.join(format!(".log4j2-{}.properties", std::process::id()));
    std::fs::write(&log4j, LOG4J2.replace("INFO", "WARN"))?;
    let mut command = Command::new(java);
    command.args(flags).arg(format!("-Dlog4j2.configurationFile={}", log4j.display()));
    let status = command.arg("-cp").arg(folder()?.join("lib").join("*")).args(args).status();
    std::fs::remove_file(&log4j)?;
    let status = status?;
    ensure!(status.success(), "{}: {status}", args.first().map_or("no class", String::as_str));
    Ok(())
}

/// A line of what `up` prints.
fn line(name: &str, servers: &[Server]) -> Vec<(String, String)> {
    let addresses: Vec<&str> = servers.iter().map(|server| &*server.address).collect();
    vec![(name.to_owned(), addresses.join(","))]
}

fn alone(server: &Server) -> Result<()> {
    probe::kafka(&server.address).map(drop)
}

fn together(server: &Server) -> Result<()> {
    let brokers = probe::kafka(&server.address)?;
    ensure!(brokers == 3, "{brokers} of 3 brokers");
    Ok(())
}

/// Good for one broker in a test: quick to notice a death, few threads, and lines of long ago are kept.
const COMMON: &str = "process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
num.partitions=3
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
background.threads=2
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
log.retention.ms=-1
";
const ALONE: &str = "default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
";
const TOGETHER: &str = "default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
";

fn one(folder: &Path, with: &[String]) -> Result<Vec<Server>> {
    let (address, controller) = (ports::address()?, ports::address()?);
    let node = Node { id: 1, name: "kafka".to_owned(), heap: 384, listeners: vec![("PLAINTEXT", address)] };
    Ok(vec![node.server(folder, &[format!("1@{controller}")], ALONE, with, &[])?])
}

fn three(folder: &Path, with: &[String]) -> Result<Vec<Server>> {
    let voters = (1..=3).map(|id| Ok(format!("{id}@{}", ports::address()?))).collect::<Result<Vec<_>>>()?;
    (1..=3)
        .map(|id| {
            let listeners = vec![("PLAINTEXT", ports::address()?)];
            let node = Node { id, name: format!("kafka3#{id}"), heap: 256, listeners };
            node.server(&folder.join(id.to_string()), &voters, TOGETHER, with, &[])
        })
        .collect()
}

fn secure(folder: &Path, with: &[String]) -> Result<Vec<Server>> {
    certificates(&folder.join("tls"))?;
    let (address, controller) = (ports::address()?, ports::address()?);
    let mut listeners = vec![("PLAINTEXT", address)];
    for name in ["SSL", "SASL_SSL", "SASL_PLAINTEXT"] {
        listeners.push((name, ports::address()?));
    }
    let mut settings = format!(
        "{ALONE}sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location={tls}/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={tls}/ca.pem
ssl.client.auth=requested
",
        tls = folder.join("tls").display()
    );
    let module = "org.apache.kafka.common.security";
    for listener in ["sasl_ssl", "sasl_plaintext"] {
        let prefix = format!("listener.name.{listener}");
        settings += &format!(
            "{prefix}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_alice=\"alice-secret\";
{prefix}.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
{prefix}.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
"
        );
    }
    let node = Node { id: 1, name: "kafka-secure".to_owned(), heap: 256, listeners };
    let users = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|kind| format!("{kind}=[name=bob,password=bob-secret]"));
    let users: Vec<&str> = users.iter().flat_map(|user| ["--add-scram", user]).collect();
    Ok(vec![node.server(folder, &[format!("1@{controller}")], &settings, with, &users)?])
}

fn secure_lines(servers: &[Server]) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for server in servers {
        let listeners = server.others.iter().map(|(name, address)| (format!("KAFKA_{name}"), address.clone()));
        lines.extend(listeners);
        let file = |name: &str| server.folder.join("tls").join(name).display().to_string();
        for (name, path) in [("CA", "ca.pem"), ("CERTIFICATE", "client.pem"), ("PRIVATE_KEY", "client.p8")] {
            lines.push((format!("KAFKA_{name}"), file(path)));
        }
    }
    lines
}

struct Node {
    id: u32,
    name: String,
    heap: u32,
    listeners: Vec<(&'static str, String)>,
}

impl Node {
    /// Its settings written and its data folder formatted.
    fn server(self, folder: &Path, voters: &[String], more: &str, with: &[String], format: &[&str]) -> Result<Server> {
        let jars = super::kafka::folder()?.join("lib").join("*").display().to_string();
        let (java, flags) = java(self.heap)?;
        let log4j = format!("-Dlog4j2.configurationFile={}/log4j2.properties", folder.display());
        let properties = folder.join("server.properties").display().to_string();
        let run_it = [log4j, "-cp".to_owned(), jars.clone(), "kafka.Kafka".to_owned(), properties.clone()];
        let mut listeners = self.listeners.iter();
        let address = listeners.next().map(|(_, address)| address.clone()).unwrap_or_default();
        let mut server = Server::new(self.name.clone(), address, folder.to_owned(), java.clone())?;
        for (name, address) in listeners {
            server = server.other(name, address.clone());
        }
        server.write("log4j2.properties", LOG4J2)?;
        let settings = self.settings(folder, voters);
        server.write("server.properties", &format!("{COMMON}{settings}{more}{}\n", with.join("\n")))?;
        let mut storage = Command::new(java);
        storage.args(&flags).args([
            "-cp",
            &jars,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER,
            "-c",
            &properties,
        ]);
        run(storage.args(format))?;
        Ok(server.args(flags).args(run_it))
    }

    fn settings(&self, folder: &Path, voters: &[String]) -> String {
        let (id, data) = (self.id, folder.join("data"));
        let own = format!("{id}@");
        let controller = voters.iter().find_map(|voter| voter.strip_prefix(&own)).unwrap_or_default();
        let listeners: Vec<String> =
            self.listeners.iter().map(|(name, address)| format!("{name}://{address}")).collect();
        let kinds: Vec<String> = self.listeners.iter().map(|(name, _)| format!("{name}:{name}")).collect();
        let (listeners, kinds) = (listeners.join(","), kinds.join(","));
        format!(
            "node.id={id}
controller.quorum.voters={voters}
listeners={listeners},CONTROLLER://{controller}
advertised.listeners={listeners}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,{kinds}
log.dirs={data}
",
            voters = voters.join(","),
            data = data.display()
        )
    }
}

/// An authority, and what it signed: the server for 127.0.0.1, a client.
fn certificates(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let openssl = program("openssl", "openssl")?;
    let script = r#"set -e
ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
"$0" req -x509 $ec -keyout ca.key -out ca.pem -days 3650 -subj /CN=logdrive-test-ca
sign() {
  "$0" req $ec -keyout $1.key -out $1.csr -subj "/CN=$2"
  printf "subjectAltName=$3\n" >$1.ext
  "$0" x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile $1.ext -out $1.pem
  "$0" pkcs8 -topk8 -nocrypt -in $1.key -out $1.p8
}
sign server 127.0.0.1 IP:127.0.0.1
sign client logdrive DNS:logdrive
cat server.p8 server.pem ca.pem >keystore.pem"#;
    run(Command::new("sh").current_dir(folder).arg("-c").arg(script).arg(openssl))?;
    Ok(())
}
