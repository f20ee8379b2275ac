//! `logdrive convert FILE…`: from the configuration of small collectors to `logdrive.toml`.
//!
//! Such collectors read an ini file that names Kafka and perhaps a database of metrics, and a list of files, there or in
//! a second file in yaml or json. They differ in the names of their keys; what they mean is guessed from the usual ones,
//! and what was not taken over is told.

mod find;
mod ini;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::ConvertArgs;
use crate::failure::Failure;
use crate::settings;
use crate::terminal::note;
use find::Found;

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let converted = convert(&args.files)?;
    check(&converted.text)?;
    match &args.output {
        Some(path) => create(path, converted.text.as_bytes())?,
        None => std::io::stdout().write_all(converted.text.as_bytes())?,
    }
    for said in &converted.notes {
        note(said);
    }
    Ok(())
}

/// The new file, and what somebody should know.
struct Converted {
    text: String,
    notes: Vec<String>,
}

fn convert(files: &[PathBuf]) -> Result<Converted, Failure> {
    let mut found = Found::default();
    let mut read: Vec<PathBuf> = Vec::new();
    let mut waiting: Vec<PathBuf> = files.iter().rev().cloned().collect();
    while let Some(path) = waiting.pop() {
        if read.contains(&path) {
            continue;
        }
        let tree = tree::read(&path)?;
        let shown = path.display().to_string();
        for other in find::look(&tree, &shown, &mut found) {
            let second = second_file(&path, &other);
            let Some(second) = second else {
                return Err(Failure::Failed(format!(
                    "{shown} names a second file '{other}', which is not there; put it beside, or correct the name"
                )));
            };
            waiting.push(second);
        }
        read.push(path);
    }
    let sources: Vec<String> = read.iter().map(|path| path.display().to_string()).collect();
    if found.entries.is_empty() {
        let etcd = found.etcd.as_deref().map(|key| {
            format!(
                "; the list is in etcd: write it to a file (etcdctl get {key} --print-value-only > files.json) and give that \
                 too"
            )
        });
        return Err(Failure::Failed(format!(
            "{}: no file to follow is named there{}",
            sources.join(", "),
            etcd.unwrap_or_else(|| "; give the file that lists them too".to_owned())
        )));
    }
    Ok(write::write(&found, &sources))
}

/// A second file is named from the folder of the first, from the one above it, or from where the program ran.
fn second_file(first: &Path, name: &str) -> Option<PathBuf> {
    let folder = first.parent().unwrap_or(Path::new(""));
    let above = folder.parent().unwrap_or(Path::new(""));
    [folder.join(name), above.join(name), PathBuf::from(name)].into_iter().find(|path| path.is_file())
}

/// That what was written is right: a mistake here is ours, or of a value that no setting can take.
fn check(text: &str) -> Result<(), Failure> {
    let inputs = settings::machine()?;
    let lines = match config::check_text("logdrive.toml", text, &inputs) {
        Ok(_) => return Ok(()),
        Err(error) => error.lines(),
    };
    Err(Failure::Failed(format!("what these files say makes no right configuration: {}", lines.join("; "))))
}

/// Nothing is written over, and nobody else may read what may hold passwords.
fn create(path: &Path, text: &[u8]) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::Failed(format!("{} is there already; remove it, or name another file with -o", path.display()))
        }
        _ => Failure::Failed(format!("cannot write {}: {error}", path.display())),
    };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text).map_err(failed)
}
