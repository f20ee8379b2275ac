//! What well-known programs use on the same files, so that figures can be compared between machines.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Env;
use crate::generate::COMMON_TERM;
use crate::process::own_cpu;
use crate::report::{Figure, Target};

/// What `zstd -1` uses and leaves.
pub struct Zstd {
    /// CPU seconds of the library.
    pub cpu: f64,
    /// CPU seconds of the program, where it is installed.
    pub program: Option<f64>,
    pub bytes: u64,
}

/// Every file as one frame at level 1, as the program does it.
pub fn zstd(env: &Env) -> Result<Zstd> {
    let (before, mut bytes) = (own_cpu(), 0);
    for file in &env.input.files {
        let mut from = File::open(file)?;
        let mut counted = Counted(0);
        let mut to = zstd::Encoder::new(&mut counted, 1)?;
        std::io::copy(&mut from, &mut to)?;
        to.finish()?;
        bytes += counted.0;
    }
    let cpu = own_cpu() - before;
    Ok(Zstd { cpu, program: run(env, &format!("zstd -q -1 -c {} >/dev/null", quoted(env)))?, bytes })
}

pub fn quoted(env: &Env) -> String {
    let files: Vec<String> = env.input.files.iter().map(|file| format!("'{}'", file.display())).collect();
    files.join(" ")
}

struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    let zstd = zstd(env)?;
    let mut figures = vec![
        Figure::new("zstd -1 (library)", zstd.cpu / env.gigabytes(), "CPU-s/GB", Target::None),
        Figure::new(
            "zstd -1: size",
            zstd.bytes as f64 / env.input.bytes as f64 * 100.0,
            "% of the input",
            Target::None,
        ),
    ];
    if let Some(program) = zstd.program {
        figures.push(Figure::new("zstd -1 (program)", program / env.gigabytes(), "CPU-s/GB", Target::None));
    }
    let files = quoted(env);
    for (what, script) in [
        ("zstd -dc | grep -c of a common term", format!("zstd -dcq all.zst | grep -c {COMMON_TERM} | cat >/dev/null")),
        // Into a pipe: grep stops at the first hit where its output is thrown away.
        ("grep -c of a common term", format!("grep -c {COMMON_TERM} {files} | cat >/dev/null")),
    ] {
        if let Some(cpu) = shell(env, &format!("cat {files} | zstd -q -1 -f -o all.zst"), &script)? {
            figures.push(Figure::new(what, cpu / env.gigabytes(), "CPU-s/GB", Target::None));
        }
    }
    Ok(figures)
}

/// CPU seconds of a script, where its programs are there.
fn shell(env: &Env, prepare: &str, script: &str) -> Result<Option<f64>> {
    let prepared = !script.contains("all.zst") || run(env, prepare)?.is_some();
    Ok(if prepared { run(env, script)? } else { None })
}

pub fn run(env: &Env, script: &str) -> Result<Option<f64>> {
    // `times` tells what the children of the shell used.
    let output = Command::new("bash")
        .args(["-c", &format!("set -eo pipefail; {script}; times")])
        .current_dir(&env.folder)
        .stderr(Stdio::null())
        .output()
        .context("bash")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seconds = |text: &str| -> Option<f64> {
        let (minutes, seconds) = text.trim_end_matches('s').split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.replace(',', ".").parse::<f64>().ok()?)
    };
    let children = text.lines().last().map(|line| line.split_whitespace().filter_map(seconds).sum());
    Ok(children.filter(|_| output.status.success()))
}
