//! The manifest: which parts there are, what is held of each source, and how far the queue has been read.
//!
//! Decision: one file. A checkpoint (the whole state) is followed by changes, each framed with its length and crc32c
//! and made durable before the next; when the changes outgrow the checkpoint, the file is replaced atomically. So a
//! commit costs what changed, however much is held. A frame that was cut off at the end of the file was never
//! acknowledged and is left out; anything else that is wrong refuses to open.
//!
//! ```text
//! "LDMF" version:u32 { len:u32 crc:u32 change }*
//! ```

mod state;
mod wire;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use store::StoreError;
use tracing::warn;

pub(crate) use state::{Change, PartMeta, SourceChange, SourceName, SourceState, State};
pub(crate) use wire::{pack_sources, unpack_sources};

const NAME: &str = "_manifest";
const MAGIC: &[u8; 4] = b"LDMF";
const VERSION: u32 = 1;
const HEADER_LEN: usize = 8;
const FRAME_HEADER_LEN: usize = 8;
/// Changes may grow so large before the file is replaced, or as large as the checkpoint.
const CHANGES_BYTES_MAX: u64 = 1 << 20;

/// The file. Its state is kept by whoever keeps this.
pub(crate) struct Manifest {
    dir: PathBuf,
    file: File,
    len: u64,
    checkpoint_len: u64,
    /// Something failed halfway: the next commit replaces the file.
    is_suspect: bool,
    /// Something at its end could not be read and was left out.
    is_cut: bool,
}

impl Manifest {
    /// Reads the manifest of a folder, or begins one.
    pub fn open(dir: &Path) -> Result<(Self, State), StoreError> {
        let path = dir.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Beginning anew would take every part there is for a leftover, and remove it.
                if crate::clean::has_parts(dir) {
                    let reason = "it is gone, yet there are parts; put it back, or move the folders of days away";
                    return Err(StoreError::Corrupt { path: path.display().to_string(), reason: reason.to_owned() });
                }
                let state = State::default();
                return Ok((Self::create(dir, &state.as_change())?, state));
            }
            Err(error) => return Err(io("read", &path)(error)),
        };
        let (state, len, checkpoint_len) = read(&bytes, &path)?;
        let file = OpenOptions::new().write(true).open(&path).map_err(io("open", &path))?;
        let left_out = &bytes[len as usize..];
        let is_cut = left_out.iter().any(|byte| *byte != 0);
        if is_cut {
            keep_aside(dir, &path, left_out.len());
        }
        file.set_len(len).map_err(io("shorten", &path))?;
        Ok((Self { dir: dir.to_owned(), file, len, checkpoint_len, is_suspect: false, is_cut }, state))
    }

    /// Replaces the file by one that holds `checkpoint` only.
    fn create(dir: &Path, checkpoint: &Change) -> Result<Self, StoreError> {
        let (path, temp) = (dir.join(NAME), dir.join("_manifest.tmp"));
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        frame(checkpoint, &mut bytes);
        let mut file = File::create(&temp).map_err(io("create", &temp))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(io("write", &temp))?;
        std::fs::rename(&temp, &path).map_err(io("replace", &path))?;
        sync_dir(dir)?;
        let len = bytes.len() as u64;
        Ok(Self { dir: dir.to_owned(), file, len, checkpoint_len: len, is_suspect: false, is_cut: false })
    }

    /// Whether a commit may be missing that was acknowledged: a tear at the end and damage there look the same.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Makes a change durable. `state` is the state before it, asked for where the file is replaced.
    pub fn commit(&mut self, change: &Change, state: impl FnOnce() -> State) -> Result<(), StoreError> {
        let outgrown = self.len > (self.checkpoint_len * 2).max(self.checkpoint_len + CHANGES_BYTES_MAX);
        if self.is_suspect || outgrown {
            let mut state = state();
            state.apply(change.clone());
            *self = Self::create(&self.dir, &state.as_change())?;
            return Ok(());
        }
        let mut bytes = Vec::new();
        frame(change, &mut bytes);
        let written = self.file.write_all_at(&bytes, self.len).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What is on the disk now is not known: never try the same descriptor again.
            self.is_suspect = true;
            return Err(io("write", &self.dir.join(NAME))(error));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// A commit that a crash cut off is worth nothing, one that was damaged later may be the only trace of its parts.
fn keep_aside(dir: &Path, path: &Path, bytes: usize) {
    let aside = dir.join(crate::clean::QUARANTINE);
    let kept = std::fs::create_dir_all(&aside).and_then(|()| std::fs::copy(path, aside.join(NAME)));
    let kept = kept.map_or_else(|error| format!("cannot be kept: {error}"), |_| aside.display().to_string());
    warn!(path = %path.display(), bytes, %kept, "the manifest ends in what cannot be read: left out, and parts that nothing names are put aside");
}

fn frame(change: &Change, out: &mut Vec<u8>) {
    let payload = wire::encode(change);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
}

/// The state, how much of the file holds, and how long its checkpoint is.
fn read(bytes: &[u8], path: &Path) -> Result<(State, u64, u64), StoreError> {
    let corrupt = |reason: &str| StoreError::Corrupt { path: path.display().to_string(), reason: reason.to_owned() };
    let header = bytes.first_chunk::<HEADER_LEN>().filter(|header| header.starts_with(MAGIC));
    let header = header.ok_or_else(|| corrupt("it does not begin as a manifest does; restore it from a backup"))?;
    let version = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    if version > VERSION {
        return Err(StoreError::Version { path: path.display().to_string(), found: version, known: VERSION });
    }
    let mut state = State::default();
    let (mut at, mut checkpoint_len) = (HEADER_LEN, 0);
    while at < bytes.len() {
        let Some((payload, is_last)) = next_frame(&bytes[at..]) else { break };
        let change = match payload {
            Some(payload) => wire::decode(payload).map_err(|error| corrupt(&error.to_string()))?,
            None if is_last => break,
            None => return Err(corrupt("a checksum in its middle does not match; restore it from a backup")),
        };
        at += FRAME_HEADER_LEN + payload.map_or(0, <[u8]>::len);
        state.apply(change);
        if checkpoint_len == 0 {
            checkpoint_len = at as u64;
        }
    }
    if checkpoint_len == 0 {
        return Err(corrupt("its checkpoint was cut off; restore it from a backup"));
    }
    Ok((state, at as u64, checkpoint_len))
}

/// The frame at the beginning of `bytes`: its payload (none where the checksum does not match), and whether nothing
/// follows it. `None`: it was cut off.
fn next_frame(bytes: &[u8]) -> Option<(Option<&[u8]>, bool)> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let payload = rest.get(..u32::from_le_bytes(*len) as usize)?;
    let is_sound = crc32c::crc32c(payload) == u32::from_le_bytes(*crc) && !payload.is_empty();
    // What a crash left of a frame may also be zeros to the end of the file.
    let is_last = rest.len() == payload.len() || bytes.iter().all(|byte| *byte == 0);
    Some((is_sound.then_some(payload), is_last))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io("sync", dir))
}

/// An error of the system, with what was tried on which file.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            StoreError::Exhausted { at: path, reason: format!("cannot {action} it: {error}; make room on the disk") }
        }
        _ => StoreError::Io { action, path, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
