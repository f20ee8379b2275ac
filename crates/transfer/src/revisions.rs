//! The rules by which records are parsed, by the revision that their batch names.
//!
//! A batch may wait in the queue while its stream is redefined. It is parsed by the definition under which it was
//! read, so each definition that was ever in force is kept beside the data, in a file named after its revision.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codec::{ParseMode, ParseRules};
use config::{ParseChoice, StreamConfig};
use model::{BatchHeader, Format, Revision};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::TransferError;

/// What is kept of a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Definition {
    stream: String,
    /// `auto`, `none` or a format's name.
    parse: String,
    utc_offset_secs: Option<i32>,
    drop: Vec<String>,
}

/// Finds the rules for a batch.
pub struct Revisions {
    folder: Option<PathBuf>,
    known: Mutex<HashMap<Revision, Arc<ParseRules>>>,
    auto: Arc<ParseRules>,
}

impl Revisions {
    /// Knows the given streams, and what `folder` keeps of earlier definitions; writes down what is new.
    pub fn open(folder: Option<&Path>, streams: &[StreamConfig]) -> Result<Self, TransferError> {
        let mut known = HashMap::new();
        for stream in streams {
            let definition = Definition::of(stream);
            known.insert(stream.revision, Arc::new(definition.compile()?));
            if let Some(folder) = folder {
                keep(folder, stream.revision, &definition)?;
            }
        }
        let auto = Arc::new(ParseRules::default());
        Ok(Self { folder: folder.map(Path::to_owned), known: Mutex::new(known), auto })
    }

    /// Knows one more definition from now on.
    pub fn learn(&self, stream: &StreamConfig) -> Result<(), TransferError> {
        let definition = Definition::of(stream);
        let rules = Arc::new(definition.compile()?);
        if let Some(folder) = &self.folder {
            keep(folder, stream.revision, &definition)?;
        }
        self.known.lock().insert(stream.revision, rules);
        Ok(())
    }

    /// The rules for a batch: those of its revision, or (where nothing is kept of it) no rules but recognition.
    pub fn rules_for(&self, header: &BatchHeader) -> Arc<ParseRules> {
        let mut known = self.known.lock();
        if let Some(rules) = known.get(&header.revision) {
            return rules.clone();
        }
        let found = self.folder.as_deref().and_then(|folder| recall(folder, header.revision));
        let rules = found.map_or_else(|| self.auto.clone(), Arc::new);
        known.insert(header.revision, rules.clone());
        rules
    }
}

impl Definition {
    fn of(stream: &StreamConfig) -> Self {
        let parse = match stream.parse {
            ParseChoice::Auto => "auto",
            ParseChoice::None => "none",
            ParseChoice::Only(format) => format.name(),
        };
        Self {
            stream: stream.name.clone(),
            parse: parse.to_owned(),
            utc_offset_secs: stream.utc_offset_secs,
            drop: stream.drop.clone(),
        }
    }

    fn compile(&self) -> Result<ParseRules, TransferError> {
        let wrong =
            |reason: regex::Error| TransferError::Rule { stream: self.stream.clone(), reason: reason.to_string() };
        let drop = match self.drop.as_slice() {
            [] => None,
            rules => Some(regex::bytes::RegexSet::new(rules).map_err(wrong)?),
        };
        let mode = match self.parse.as_str() {
            "auto" => ParseMode::Auto,
            "none" => ParseMode::None,
            name => {
                Format::ALL.into_iter().find(|format| format.name() == name).map_or(ParseMode::Auto, ParseMode::Only)
            }
        };
        Ok(ParseRules { mode, utc_offset_secs: self.utc_offset_secs, drop })
    }
}

fn file_of(folder: &Path, revision: Revision) -> PathBuf {
    folder.join(format!("{:016x}.json", revision.0))
}

fn keep(folder: &Path, revision: Revision, definition: &Definition) -> Result<(), TransferError> {
    let path = file_of(folder, revision);
    if path.exists() {
        return Ok(());
    }
    let failed = |reason: std::io::Error| TransferError::Revisions {
        action: "write",
        path: path.display().to_string(),
        reason: reason.to_string(),
    };
    let text = serde_json::to_vec_pretty(definition).map_err(|e| failed(e.into()))?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, text).map_err(failed)?;
    std::fs::rename(&temporary, &path).map_err(failed)
}

fn recall(folder: &Path, revision: Revision) -> Option<ParseRules> {
    let text = std::fs::read(file_of(folder, revision)).ok()?;
    serde_json::from_slice::<Definition>(&text).ok()?.compile().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(revision: u64, parse: ParseChoice, drop: &[&str]) -> StreamConfig {
        StreamConfig {
            parse,
            drop: drop.iter().map(|rule| (*rule).to_owned()).collect(),
            revision: Revision(revision),
            ..StreamConfig::new("web", vec![])
        }
    }

    fn header(revision: u64) -> BatchHeader {
        let mut header = crate::dead_letter::tests::header(0, 1);
        header.revision = Revision(revision);
        header
    }

    #[test]
    fn a_batch_is_parsed_by_the_revision_it_names() {
        let folder = tempfile::tempdir().unwrap();
        Revisions::open(Some(folder.path()), &[stream(1, ParseChoice::Only(Format::Json), &["^#"])]).unwrap();
        let later = Revisions::open(Some(folder.path()), &[stream(2, ParseChoice::None, &[])]).unwrap();
        assert!(matches!(later.rules_for(&header(1)).mode, ParseMode::Only(Format::Json)));
        assert!(later.rules_for(&header(1)).drop.is_some());
        assert!(matches!(later.rules_for(&header(2)).mode, ParseMode::None));
        assert!(matches!(later.rules_for(&header(3)).mode, ParseMode::Auto));
    }

    #[test]
    fn a_bad_rule_names_its_stream() {
        let error = Revisions::open(None, &[stream(1, ParseChoice::Auto, &["a(b"])]).err().unwrap().to_string();
        assert!(error.contains("'web'") && error.contains("a(b"), "{error}");
    }
}
