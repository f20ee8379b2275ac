//! Opens the file of a source again, for whoever compares what was stored with it.
//!
//! Decision: a path proves nothing, as files are renamed, truncated and replaced. The file at the path where the source
//! was last seen must have its inode, and begin with what the source began with.

use std::fs::File;
use std::path::PathBuf;

use model::SourceKey;

use crate::discover::STDIN;
use crate::identity::{Witness, look};
use crate::ledger::Ledger;

/// Where the bytes of a source should be.
pub struct Original {
    path: PathBuf,
    inode: u64,
    prefix: Witness,
}

/// What the ledger knows of it; why nothing can be there, where that is known.
pub fn open(ledger: &Ledger, key: SourceKey) -> Result<Original, String> {
    let entry = ledger.get(key).ok_or("the agent here does not know it any more")?;
    if &*entry.home == STDIN {
        return Err("it came by standard input, which cannot be read again".to_owned());
    }
    if ledger.latest(key.source).is_some_and(|latest| latest.report.key != key) {
        return Err("its file was truncated since, and holds newer content".to_owned());
    }
    Ok(Original { path: entry.report.path.as_ref().into(), inode: entry.inode, prefix: entry.prefix })
}

impl Original {
    /// The file, once it has been recognised. Away from the ledger's lock: a disk may be slow.
    pub fn checked(self) -> Result<File, String> {
        let shown = self.path.display();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("its file is no longer at {shown}"),
            _ => format!("{shown} cannot be read: {error}"),
        };
        let seen = look(&self.path).map_err(failed)?;
        if seen.id.ino != self.inode {
            return Err(format!("another file stands at {shown} now"));
        }
        let file = File::open(&self.path).map_err(failed)?;
        match self.prefix.begins(&file) {
            Ok(true) => Ok(file),
            Ok(false) => Err(format!("{shown} begins with other content now: it was written over")),
            Err(error) => Err(failed(error)),
        }
    }
}
