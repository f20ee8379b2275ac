//! InfluxDB 1.x: Debian's, or built from its Go module.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::server::Server;
use super::tools::{find, program, run};
use super::{Service, cache, go, ports, probe};

/// Where Debian has none.
const VERSION: &str = "1.8.10";

/// One server, without passwords and databases.
pub const ONE: Service = Service {
    name: "influxdb1",
    install: || influxd().map(drop),
    plan,
    ready: |server| probe::http(&format!("http://{}/ping", server.address), None).map(drop),
    lines: |servers| {
        servers.iter().map(|server| ("INFLUXDB1".to_owned(), format!("http://{}", server.address))).collect()
    },
};

fn influxd() -> Result<PathBuf> {
    let debian = find("influxd").map_or_else(|| program("influxd", "influxdb"), Ok);
    if let Ok(path) = debian
        && run(Command::new(&path).arg("version"))
            .is_ok_and(|said| said.contains("InfluxDB v1") || said.contains("InfluxDB 1"))
    {
        return Ok(path);
    }
    let folder = cache::installed(&format!("influxdb1-{VERSION}"), |folder| {
        let module = go::Module::new("module logdrive.test/influxd1\n\ngo 1.20\n", "")?;
        module.go(&["get", &format!("github.com/influxdata/influxdb/cmd/influxd@v{VERSION}")])?;
        module.build("github.com/influxdata/influxdb/cmd/influxd", VERSION, &[], &folder.join("influxd"))
    });
    folder.map(|folder| folder.join("influxd")).context("Debian's package influxdb is not to be had either")
}

fn plan(folder: &Path, _: &[String]) -> Result<Vec<Server>> {
    let (http, rpc) = (ports::address()?, ports::address()?);
    let server = Server::new("influxdb1", http.clone(), folder.to_owned(), influxd()?)?;
    let settings = format!(
        "reporting-enabled = false
bind-address = \"{rpc}\"
[meta]
  dir = \"{folder}/meta\"
[data]
  dir = \"{folder}/data\"
  wal-dir = \"{folder}/wal\"
  index-version = \"tsi1\"
[monitor]
  store-enabled = false
[http]
  enabled = true
  bind-address = \"{http}\"
  auth-enabled = false
  log-enabled = false
[continuous_queries]
  run-interval = \"1s\"
",
        folder = folder.display()
    );
    let path = server.write("influxdb.conf", &settings)?;
    Ok(vec![server.args(["-config".to_owned(), path.display().to_string()])])
}
