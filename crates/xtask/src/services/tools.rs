//! Programs that servers are installed and run with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cache::{Lock, folder};

/// The path of a program; where it is missing, Debian's package of it is installed, if we may.
pub fn program(name: &str, package: &str) -> Result<PathBuf> {
    if let Some(found) = find(name) {
        return Ok(found);
    }
    // Two apt-get at a time refuse each other.
    let _one = Lock::take(&folder()?.join(".apt.lock"))?;
    if find(name).is_none() {
        eprintln!("{package}: installing from Debian");
        let install = format!(
            "apt-get install -q -y --no-install-recommends {package} || \
             {{ apt-get update -q && apt-get install -q -y --no-install-recommends {package}; }}"
        );
        let mut command = if rustix::process::getuid().is_root() {
            Command::new("sh")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "sh"]);
            sudo
        };
        command.arg("-c").arg(install).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command).with_context(|| format!("there is no '{name}' (Debian: apt-get install {package})"))?;
    }
    find(name).with_context(|| format!("there is no '{name}' although {package} is installed"))
}

/// The path of a program that is there.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/go/bin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Runs it to its end, and shows what it said only where it failed.
pub fn run(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        bail!("{shown}: {}\n{}", output.status, lines[lines.len().saturating_sub(20)..].join("\n"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The jars of these dependencies (XML of a pom), with everything they need, in `lib` under `folder`.
pub fn maven(folder: &Path, dependencies: &str) -> Result<()> {
    let mvn = program("mvn", "maven")?;
    program("javac", "openjdk-17-jdk-headless")?;
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>logdrive.test</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{dependencies}</dependencies></project>"
    );
    fs::write(folder.join("pom.xml"), pom)?;
    run(Command::new(mvn).current_dir(folder).args([
        "-B",
        "-q",
        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
        "-DincludeScope=runtime",
        "-DoutputDirectory=lib",
    ]))?;
    Ok(())
}

/// A dependency for [`maven`].
pub fn jar(group: &str, artifact: &str, version: &str) -> String {
    let names = format!("<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>");
    format!("<dependency>{names}</dependency>")
}

/// `java` with flags for a server that lives for a test: quick to start, modest.
pub fn java(heap_mib: u32) -> Result<(PathBuf, Vec<String>)> {
    let heap = [format!("-Xms{}m", heap_mib / 2), format!("-Xmx{heap_mib}m")];
    let flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+PerfDisableSharedMem"];
    let flags = heap.into_iter().chain(flags.map(str::to_owned));
    Ok((program("java", "openjdk-17-jdk-headless")?, flags.collect()))
}

/// What Java servers say goes to standard error.
pub const LOG4J2: &str = "rootLogger.level = INFO
rootLogger.appenderRef.stderr.ref = STDERR
appender.stderr.type = Console
appender.stderr.name = STDERR
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = [%d] %p %m (%c)%n
";
