//! Redis: one server, Debian's.

use std::path::Path;

use anyhow::Result;

use super::server::Server;
use super::tools::program;
use super::{Service, ports, probe};

/// One server, which keeps nothing on disk.
pub const ONE: Service = Service {
    name: "redis",
    install: || program("redis-server", "redis-server").map(drop),
    plan,
    ready: |server| probe::says(&server.address, "PING\r\n", "+PONG\r\n"),
    lines: |servers| servers.iter().map(|server| ("REDIS".to_owned(), server.address.clone())).collect(),
};

fn plan(folder: &Path, _: &[String]) -> Result<Vec<Server>> {
    let port = ports::free()?;
    let redis = program("redis-server", "redis-server")?;
    let server = Server::new("redis", format!("127.0.0.1:{port}"), folder.to_owned(), redis)?;
    let (port, folder) = (port.to_string(), folder.display().to_string());
    let args = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--dir", &folder];
    Ok(vec![server.args(args)])
}
