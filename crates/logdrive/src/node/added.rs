//! Streams that were added while logdrive ran: a small file of the data folder in the words of `logdrive.toml`, read at
//! start like the configuration.
//!
//! Decision: the file is text in the same language, so one set of rules says what is right, a person can read it, and
//! its streams can be moved into `logdrive.toml` as they stand.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Setting, StreamConfig};
use dashboard::NewStream;

/// So many streams can be added.
pub(crate) const STREAMS_MAX: usize = 100;
const FILE_BYTES_MAX: u64 = 1 << 20;
const HEAD: &str = "# Streams added on logdrive's page. It rewrites this file; what shall stay as it is, belongs into logdrive.toml.\n";

/// The file and what it says.
pub(crate) struct Added {
    path: PathBuf,
    /// Each stream as it stands in the file.
    texts: Vec<(String, String)>,
    pub streams: Vec<StreamConfig>,
    pub settings: Vec<Setting>,
    /// Why the file cannot be used; then nothing is written to it.
    pub damage: Option<String>,
}

impl Added {
    /// Reads what was added to `config`.
    pub(crate) fn open(config: &Config) -> Self {
        let path = config.data.join("streams.toml");
        let mut added = Self { path, texts: Vec::new(), streams: Vec::new(), settings: Vec::new(), damage: None };
        let shown = added.path.display().to_string();
        let read = read(&added.path).map_err(|error| format!("cannot read {shown}: {error}"));
        let done = read.and_then(|text| {
            let (streams, settings) = config::streams_of(&shown, &text, config).map_err(|error| error.to_string())?;
            (added.streams, added.settings) = (streams, settings);
            added.texts = split(&text, &added.streams);
            Ok(())
        });
        added.damage =
            done.err().map(|reason| format!("{reason}; mend the file or remove it, and start logdrive again"));
        added
    }

    /// What a new stream would be, by the rules of the configuration, and its text.
    pub(crate) fn read(stream: &NewStream, name: &str, config: &Config) -> Result<(StreamConfig, String), ConfigError> {
        let text = text_of(stream, name);
        let (mut streams, _) = config::streams_of("", &text, config)?;
        match streams.pop() {
            Some(stream) => Ok((stream, text)),
            None => Err(ConfigError::Wrong(Vec::new())),
        }
    }

    /// Whether a setting comes from this file.
    pub(crate) fn is_place(&self, place: &str) -> bool {
        place.strip_prefix(&*self.path.to_string_lossy()).is_some_and(|rest| rest.starts_with(':'))
    }

    /// Keeps one more.
    pub(crate) fn put(&mut self, stream: StreamConfig, text: String) -> Result<(), String> {
        self.texts.push((stream.name.clone(), text));
        self.write().inspect_err(|_| drop(self.texts.pop()))?;
        self.streams.push(stream);
        Ok(())
    }

    /// Keeps one no longer.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), String> {
        let Some(at) = self.texts.iter().position(|(known, _)| known == name) else { return Ok(()) };
        let removed = self.texts.remove(at);
        self.write().inspect_err(|_| self.texts.insert(at, removed))?;
        self.streams.retain(|stream| stream.name != name);
        Ok(())
    }

    fn write(&self) -> Result<(), String> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        let text: String = std::iter::once(HEAD).chain(self.texts.iter().map(|(_, text)| text.as_str())).collect();
        write(&self.path, &text).map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

/// Each stream of the file as it stands there, from the line of its head on.
fn split(text: &str, streams: &[StreamConfig]) -> Vec<(String, String)> {
    let mut parts: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("[[stream]]") {
            parts.push("\n".to_owned());
        }
        if let Some(part) = parts.last_mut().filter(|part| !(line.trim().is_empty() && part.ends_with("\n\n"))) {
            part.push_str(line);
            part.push('\n');
        }
    }
    let names = streams.iter().map(|stream| stream.name.clone());
    names.zip(parts.into_iter().map(|part| format!("{}\n", part.trim_end()))).collect()
}

/// In the words of `logdrive.toml`.
fn text_of(stream: &NewStream, name: &str) -> String {
    let list = |items: &[String]| items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ");
    let mut text = format!("\n[[stream]]\nname = {}\npaths = [{}]\n", quoted(name), list(&stream.paths));
    if let Some(exclude) = &stream.exclude {
        text += &format!("exclude = [{}]\n", list(exclude));
    }
    let keys = [
        ("parse", &stream.parse),
        ("multiline", &stream.multiline),
        ("timezone", &stream.timezone),
        ("start", &stream.start),
    ];
    for (key, value) in keys {
        if let Some(value) = value {
            text += &format!("{key} = {}\n", quoted(value));
        }
    }
    text
}

/// A text of TOML that means just these characters: no variable of the environment is put into it.
fn quoted(text: &str) -> String {
    // JSON's texts are TOML's, but for this one character.
    serde_json::Value::from(text.replace("${", "$${")).to_string().replace('\u{7f}', "\\u007f")
}

fn read(path: &Path) -> io::Result<String> {
    match fs::metadata(path) {
        Ok(at) if at.len() > FILE_BYTES_MAX => Err(io::Error::other(format!("it has {} bytes", at.len()))),
        Ok(_) => fs::read_to_string(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(path: &str) -> NewStream {
        NewStream { paths: vec![path.to_owned()], ..NewStream::default() }
    }

    #[test]
    fn what_was_added_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new("h", folder.path());
        let mut added = Added::open(&config);
        let json =
            NewStream { parse: Some("json".into()), exclude: Some(vec!["*.old".into()]), ..new("/srv/${a}\"\\\u{7f}") };
        for (name, stream) in [("a", &json), ("b", &new("/srv/[[stream]]/x")), ("c", &new("/srv/c"))] {
            let (config, text) = Added::read(stream, name, &config).unwrap();
            added.put(config, text).unwrap();
        }
        let again = Added::open(&config);
        assert_eq!((again.damage, &again.streams), (None, &added.streams));
        assert_eq!(again.streams[0].paths, ["/srv/${a}\"\\\u{7f}"]);
        added.remove("a").unwrap();
        added.remove("nothing").unwrap();
        let mut again = Added::open(&config);
        assert_eq!(again.streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        again.remove("b").unwrap();
        assert_eq!(Added::open(&config).streams, added.streams[1..]);
    }

    #[test]
    fn a_damaged_file_is_said_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new("h", folder.path());
        fs::write(folder.path().join("streams.toml"), "[[stream]\n").unwrap();
        let mut added = Added::open(&config);
        assert!(added.damage.as_ref().unwrap().contains("streams.toml:1:"), "{:?}", added.damage);
        let (stream, text) = Added::read(&new("/a"), "a", &config).unwrap();
        assert!(added.put(stream, text).unwrap_err().contains("mend the file"));
        assert_eq!(fs::read_to_string(folder.path().join("streams.toml")).unwrap(), "[[stream]\n");
    }
}
