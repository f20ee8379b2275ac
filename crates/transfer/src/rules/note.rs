//! The file in which a rule notes how far it is.

use std::io::Write as _;
use std::path::Path;

use super::windows::Note;
use crate::TransferError;

/// What a file holds; `None` where there is none.
pub fn load(path: &Path) -> Result<Option<Note>, TransferError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
    };
    let note = serde_json::from_slice(&text);
    note.map(Some).map_err(|error| failed("read", path, &format!("{error}; remove it, and the rule begins anew")))
}

/// Makes a file hold this, durably, or leaves it as it was.
pub fn save(note: &Note, path: &Path) -> Result<(), TransferError> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(note)?)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    written().map_err(|error| failed("write", path, &error))
}

fn failed(action: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> TransferError {
    TransferError::Note { action, path: path.display().to_string(), reason: reason.to_string() }
}
