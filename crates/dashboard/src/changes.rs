//! What changed here, and when: process starts, settings, streams, files, pauses, workers, dead letters.
//!
//! Decision: a bounded list, newest last, kept with the settings of the last start in one file of the data folder that
//! is written anew (beside, synced, renamed) by the overview's worker when something was noted. It tells people what
//! happened, and nothing depends on it: a file that cannot be read is put aside, one that cannot be written is said once.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base::Timestamp;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::warn;

/// So many are remembered.
pub(crate) const CHANGES_MAX: usize = 1000;
/// Bytes of a text in one.
const TEXT_MAX: usize = 1000;
/// Bytes of the file: more is none of ours.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// So many changed settings are told one by one.
const SETTINGS_MAX: usize = 50;

/// Something that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Change {
    /// When it was noted.
    pub at: String,
    /// start, settings, stream, source, store, queue, worker, dead_letter, agent.
    pub kind: String,
    /// What changed: a key, a name, a path.
    pub subject: String,
    /// In English, without a period.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Change {
    pub(crate) fn new(kind: &str, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), subject: subject.into(), text: text.into(), ..Self::default() }
    }

    pub(crate) fn between(self, before: Option<String>, after: Option<String>) -> Self {
        Self { before, after, ..self }
    }

    fn bounded(mut self) -> Self {
        for text in [&mut self.subject, &mut self.text].into_iter().chain(&mut self.before).chain(&mut self.after) {
            if text.len() > TEXT_MAX {
                let end = (0..=TEXT_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                text.truncate(end);
                text.push('…');
            }
        }
        self
    }
}

/// A setting as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Setting {
    key: String,
    value: String,
}

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    settings: Option<Vec<Setting>>,
    changes: VecDeque<Change>,
}

/// All that is remembered.
#[derive(Default)]
pub(crate) struct Changes {
    kept: Mutex<Kept>,
    dirty: Mutex<bool>,
    file: Option<PathBuf>,
    warned: Mutex<bool>,
}

impl Changes {
    /// Reads what `folder` has.
    pub(crate) fn open(folder: Option<&Path>) -> Self {
        let Some(file) = folder.map(|folder| folder.join("changes.json")) else { return Self::default() };
        let kept = match read(&file) {
            Ok(kept) => kept,
            Err(reason) => {
                warn!(path = %file.display(), reason, "what changed before is not known any more");
                // Only so that somebody may look at it.
                let _ = fs::rename(&file, file.with_extension("damaged"));
                Kept::default()
            }
        };
        Self { kept: Mutex::new(kept), file: Some(file), ..Self::default() }
    }

    /// Notes that the process started, and which of its settings are others than at the start before.
    pub(crate) fn started(&self, now: Timestamp, config: &serde_json::Value) {
        let settings = settings_of(config);
        let before = self.kept.lock().settings.replace(settings.clone());
        let version = env!("CARGO_PKG_VERSION");
        self.note(now, Change::new("start", "logdrive", format!("logdrive {version} started")));
        for change in before.map(|before| compared(&before, &settings)).unwrap_or_default() {
            self.note(now, change);
        }
    }

    /// Notes a change.
    pub(crate) fn note(&self, now: Timestamp, change: Change) {
        let mut kept = self.kept.lock();
        kept.changes.push_back(Change { at: now.to_string(), ..change.bounded() });
        while kept.changes.len() > CHANGES_MAX {
            kept.changes.pop_front();
        }
        *self.dirty.lock() = true;
    }

    /// The newest, newest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<Change> {
        self.kept.lock().changes.iter().rev().take(limit).cloned().collect()
    }

    /// Writes the file, if something was noted since. Blocks for the disk.
    pub(crate) fn save(&self) {
        let Some(file) = &self.file else { return };
        if !std::mem::take(&mut *self.dirty.lock()) {
            return;
        }
        // Texts and lists of texts always have a JSON form.
        let bytes = serde_json::to_vec(&*self.kept.lock()).unwrap_or_default();
        match write(file, &bytes) {
            Ok(()) => *self.warned.lock() = false,
            Err(error) => {
                *self.dirty.lock() = true;
                if !std::mem::replace(&mut *self.warned.lock(), true) {
                    warn!(path = %file.display(), %error, "what changed cannot be kept, trying again");
                }
            }
        }
    }

    /// Whether there is something to save.
    pub(crate) fn is_dirty(&self) -> bool {
        self.file.is_some() && *self.dirty.lock()
    }
}

fn read(file: &Path) -> Result<Kept, String> {
    match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Ok(meta) if meta.len() > FILE_BYTES_MAX => return Err(format!("it has {} bytes", meta.len())),
        _ => {}
    }
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let mut kept: Kept = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    kept.changes = kept.changes.into_iter().map(Change::bounded).collect();
    let over = kept.changes.len().saturating_sub(CHANGES_MAX);
    kept.changes.drain(..over);
    Ok(kept)
}

fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut new = File::create(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

/// The settings among what is shown; those that are nested have lists of their own.
fn settings_of(config: &serde_json::Value) -> Vec<Setting> {
    let list = config.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let one = |item: &serde_json::Value| {
        Some(Setting { key: item.get("key")?.as_str()?.to_owned(), value: text(item.get("value")?) })
    };
    list.iter().filter_map(one).collect()
}

/// What is other now. A key may stand there several times (streams, stores): then the n-th is compared with the n-th.
fn compared(before: &[Setting], after: &[Setting]) -> Vec<Change> {
    let numbered = |settings: &[Setting]| {
        let mut seen = std::collections::BTreeMap::new();
        let mut all = Vec::new();
        for setting in settings {
            let n: &mut usize = seen.entry(setting.key.clone()).or_default();
            all.push(((setting.key.clone(), *n), setting.value.clone()));
            *n += 1;
        }
        all
    };
    let (before, after) = (numbered(before), numbered(after));
    let find = |all: &[((String, usize), String)], key: &(String, usize)| {
        all.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    let gone = before.iter().filter(|(key, _)| find(&after, key).is_none());
    let changed = after.iter().filter(|(key, value)| find(&before, key).as_ref() != Some(value));
    let mut changes: Vec<_> = changed
        .chain(gone)
        .map(|(key, _)| {
            let (was, is) = (find(&before, key), find(&after, key));
            let text = match (&was, &is) {
                (None, _) => format!("{} is set", key.0),
                (_, None) => format!("{} is no longer set", key.0),
                _ => format!("{} changed", key.0),
            };
            Change::new("settings", key.0.clone(), text).between(was, is)
        })
        .collect();
    let more = changes.len().saturating_sub(SETTINGS_MAX);
    if more > 0 {
        changes.truncate(SETTINGS_MAX);
        changes.push(Change::new("settings", "", format!("{more} more settings changed")));
    }
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(n: i64) -> Timestamp {
        Timestamp::from_micros(n * 1_000_000)
    }

    fn texts(changes: &Changes) -> Vec<String> {
        changes.newest(100).into_iter().map(|change| change.text).collect()
    }

    #[test]
    fn survive_a_restart_and_tell_what_is_set_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Changes::open(Some(folder.path()));
        first.started(at(1), &json!([{ "key": "listen", "value": "a" }, { "key": "x", "value": 1 }]));
        first.note(at(2), Change::new("store", "store", "the store takes nothing"));
        first.save();
        let again = Changes::open(Some(folder.path()));
        again.started(at(3), &json!([{ "key": "listen", "value": "b" }, { "key": "y", "value": true }]));
        let started = concat!("logdrive ", env!("CARGO_PKG_VERSION"), " started");
        let told = ["x is no longer set", "y is set", "listen changed", started, "the store takes nothing", started];
        assert_eq!(texts(&again), told);
        let listen = again.newest(3).pop().expect("is there");
        assert_eq!((listen.before.as_deref(), listen.after.as_deref()), (Some("a"), Some("b")));
        assert_eq!(listen.at, at(3).to_string());
    }

    #[test]
    fn are_bounded() {
        let changes = Changes::default();
        for n in 0..CHANGES_MAX + 5 {
            changes.note(at(n as i64), Change::new("source", "é".repeat(5000), n.to_string()));
        }
        let all = changes.newest(usize::MAX);
        assert_eq!((all.len(), &*all[0].text), (CHANGES_MAX, &*(CHANGES_MAX + 4).to_string()));
        assert!(all.iter().all(|change| change.subject.len() <= TEXT_MAX + 3));
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("changes.json"), b"{\"changes\":[{").expect("is written");
        let changes = Changes::open(Some(folder.path()));
        assert_eq!(texts(&changes), Vec::<String>::new());
        assert!(folder.path().join("changes.damaged").exists());
        changes.note(at(1), Change::new("start", "", "again"));
        changes.save();
        assert_eq!(texts(&Changes::open(Some(folder.path()))), ["again"]);
    }

    #[test]
    fn the_same_settings_are_no_change() {
        let list = |values: &[(&str, &str)]| -> Vec<Setting> {
            values.iter().map(|(key, value)| Setting { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
        };
        let two = list(&[("stream.name", "a"), ("stream.name", "b")]);
        assert_eq!(compared(&two, &two), []);
        let other = compared(&two, &list(&[("stream.name", "a"), ("stream.name", "c")]));
        assert_eq!(other.len(), 1);
        assert_eq!((other[0].before.as_deref(), other[0].after.as_deref()), (Some("b"), Some("c")));
        let many: Vec<_> = (0..80).map(|n| Setting { key: n.to_string(), value: String::new() }).collect();
        assert_eq!(compared(&[], &many).len(), SETTINGS_MAX + 1);
    }
}
