//! InfluxDB 2.x, without its user interface: nobody packages it, so it is built from its Go module and, for Flux, the
//! Rust library inside it. That takes minutes, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::server::Server;
use super::tools::{program, run};
use super::{Service, cache, go, ports, probe};

const VERSION: &str = "2.7.12";
const FLUX: &str = "github.com/influxdata/flux";
const SETUP: &str = r#"{"username":"admin","password":"logdrive-test","org":"logdrive","bucket":"logdrive",
    "token":"logdrive-test-token","retentionPeriodSeconds":0}"#;

/// One server with org `logdrive`, bucket `logdrive`, token `logdrive-test-token`.
pub const ONE: Service = Service {
    name: "influxdb2",
    install: || influxd().map(drop),
    plan,
    ready,
    lines: |servers| {
        servers.iter().map(|server| ("INFLUXDB2".to_owned(), format!("http://{}", server.address))).collect()
    },
};

fn influxd() -> Result<PathBuf> {
    let folder = cache::installed(&format!("influxdb2-{VERSION}"), |folder| build(&folder.join("influxd")))?;
    Ok(folder.join("influxd"))
}

fn build(binary: &Path) -> Result<()> {
    let pkg_config = program("pkg-config", "pkg-config")?;
    eprintln!("influxdb2-{VERSION}: building, which takes about five minutes");
    let module = go::Module::new(include_str!("influxdb2/go.mod.txt"), include_str!("influxdb2/go.sum.txt"))?;
    module.go(&["mod", "download"])?;
    let source = module.go(&["list", "-m", "-f", "{{.Dir}}", FLUX])?;
    let flux_version = module.go(&["list", "-m", "-f", "{{.Version}}", FLUX])?;
    let (source, flux_version) = (Path::new(source.trim()), flux_version.trim().trim_start_matches('v'));

    // Cargo and the build script write beside the sources, and Go's copy is read-only.
    let flux = module.path("flux");
    fs::create_dir_all(&flux)?;
    for part in ["libflux", "stdlib"] {
        run(Command::new("cp").arg("-r").arg(source.join(part)).arg(&flux))?;
    }
    run(Command::new("chmod").args(["-R", "u+w"]).arg(&flux))?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "-p", "flux"]).current_dir(flux.join("libflux"));
    // Its own toolchain file names an old one, and new compilers warn of more than it allows itself.
    let toolchain = std::env::var_os("RUSTUP_TOOLCHAIN").unwrap_or_else(|| "stable".into());
    cargo.env("RUSTUP_TOOLCHAIN", toolchain).env("RUSTFLAGS", "--cap-lints allow");
    cargo.env("CARGO_TARGET_DIR", module.path("target"));
    run(&mut cargo)?;

    let pc = module.path("pc");
    fs::create_dir_all(pc.join("lib"))?;
    fs::copy(module.path("target/release/libflux.a"), pc.join("lib/libflux.a"))?;
    run(Command::new("cp").arg("-r").arg(source.join("libflux/include")).arg(&pc))?;
    let described = format!(
        "prefix=${{pcfiledir}}\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\nName: Flux\n\
         Version: {flux_version}\nDescription: Flux\nLibs: -L${{libdir}} -lflux -ldl -lpthread -lm\n\
         Cflags: -I${{includedir}}\n"
    );
    fs::write(pc.join("flux.pc"), described)?;
    ensure!(pkg_config.is_file(), "pkg-config is gone");
    let pc = pc.display().to_string();
    let environment = [("PKG_CONFIG_PATH", &*pc), ("GOFLAGS", "-modcacherw -tags=sqlite_foreign_keys,sqlite_json")];
    module.build("github.com/influxdata/influxdb/v2/cmd/influxd", &format!("v{VERSION}"), &environment, binary)
}

fn plan(folder: &Path, _: &[String]) -> Result<Vec<Server>> {
    let address = ports::address()?;
    let server = Server::new("influxdb2", address.clone(), folder.to_owned(), influxd()?)?;
    let path = |name: &str| folder.join(name).display().to_string();
    let (bolt, sqlite, engine) = (path("influxd.bolt"), path("influxd.sqlite"), path("engine"));
    Ok(vec![server.args([
        "run",
        "--http-bind-address",
        &address,
        "--bolt-path",
        &bolt,
        "--sqlite-path",
        &sqlite,
        "--engine-path",
        &engine,
        "--reporting-disabled",
        "--log-level",
        "error",
    ])])
}

fn ready(server: &Server) -> Result<()> {
    let url = format!("http://{}", server.address);
    probe::http(&format!("{url}/health"), None)?;
    // Says whether it still wants to be set up.
    if probe::http(&format!("{url}/api/v2/setup"), None)?.contains("true") {
        probe::http(&format!("{url}/api/v2/setup"), Some(("application/json", SETUP)))?;
    }
    Ok(())
}
