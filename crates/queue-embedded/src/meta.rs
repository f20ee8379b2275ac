//! The small files that say what a folder is: a queue, with its identity; a topic, with its partitions. Plain text, so
//! that somebody who looks can read them.

use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;

use model::{QueueId, WireError};
use queue::QueueError;

use crate::disk::{io_error, make_folder, replace};

const VERSION: u8 = 1;

/// The identity of the queue in a folder; where there is none yet, it is made.
pub fn open_queue(folder: &Path) -> Result<QueueId, QueueError> {
    make_folder(folder)?;
    let id = open(folder, "queue", "id", || RandomState::new().build_hasher().finish() | 1)?;
    Ok(QueueId(id))
}

/// How many partitions the topic in a folder has; a new one gets `partitions`.
pub fn open_topic(folder: &Path, partitions: u32) -> Result<u32, QueueError> {
    make_folder(folder)?;
    let count = open(folder, "topic", "partitions", || u64::from(partitions))?;
    let path = folder.join("topic");
    u32::try_from(count)
        .ok()
        .filter(|n| (1..=1024).contains(n))
        .ok_or_else(|| damaged(&path, &format!("{count} partitions")))
}

fn damaged(path: &Path, reason: &str) -> QueueError {
    QueueError::Corrupt { path: path.display().to_string(), at: 0, reason: reason.to_owned() }
}

fn open(folder: &Path, what: &str, key: &str, make: impl FnOnce() -> u64) -> Result<u64, QueueError> {
    let path = folder.join(what);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let value = make();
            let text = format!("logdrive {what} {VERSION}\n{key} {value:#x}\n");
            replace(&path, text.as_bytes()).map_err(|e| io_error("write", &path, &e))?;
            return Ok(value);
        }
        Err(error) => return Err(io_error("read", &path, &error)),
    };
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix(&format!("logdrive {what} "))?.parse::<u8>().ok());
    match version {
        None => Err(damaged(&path, &format!("it is not a logdrive {what}"))),
        Some(found) if found > VERSION => {
            let source = WireError::Version { found, known: VERSION };
            Err(QueueError::Format { path: path.display().to_string(), source })
        }
        Some(_) => lines
            .next()
            .and_then(|line| u64::from_str_radix(line.strip_prefix(&format!("{key} 0x"))?, 16).ok())
            .ok_or_else(|| damaged(&path, &format!("there is no '{key}' in it"))),
    }
}
