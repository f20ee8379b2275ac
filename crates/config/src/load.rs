//! Flags over environment over file over defaults.

use std::path::{Path, PathBuf};

use crate::document::{self, Document, Environment, Text, Value};
use crate::error::{ConfigError, Problem};
use crate::origin::{Origin, Setting};
use crate::reader::{Layers, Reader, variable};
use crate::{Config, StreamConfig, sections, up};

/// A value given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// How it is called there: `--data`.
    pub name: &'static str,
    /// The key that it stands for: `data`, `store.retention_age`.
    pub key: &'static str,
    /// What was given.
    pub value: String,
}

/// What `up` is told to follow on the command line.
#[derive(Clone, Debug, Default)]
pub struct UpPaths {
    /// Files, folders, globs, `-`.
    pub paths: Vec<String>,
    /// Globs to leave alone.
    pub exclude: Vec<String>,
    /// Without any path, here or in the file, this machine's own logs are followed: everything in this folder.
    pub fallback: Option<PathBuf>,
}

/// Everything that settings are made of.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The file; it must be there.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Environment,
    /// The command line.
    pub flags: Vec<Flag>,
    /// Paths on the command line. Those given take the place of the file's streams.
    pub up: UpPaths,
    /// Name of the machine, where nobody says otherwise.
    pub host: String,
    /// The data folder, where nobody says otherwise.
    pub data: PathBuf,
    /// The folder from which relative paths of the command line are meant.
    pub folder: PathBuf,
}

/// Settings, and where each came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Each value in force, in the order of the reference.
    pub settings: Vec<Setting>,
}

/// Reads and resolves the settings of a process.
///
/// # Errors
/// Where the file cannot be read, or anything in it, in the environment or in the flags is wrong.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let (document, problems) = match &inputs.file {
        Some(path) => document::read(&path.display().to_string(), &read(path)?, &inputs.env),
        None => (Document::default(), Vec::new()),
    };
    let folder = inputs.file.as_deref().and_then(Path::parent).map(|parent| inputs.folder.join(parent));
    let mut layers = Layers {
        flags: inputs.flags.clone(),
        env: inputs.env.clone(),
        folder: inputs.folder.clone(),
        file_folder: folder.unwrap_or_else(|| inputs.folder.clone()),
        problems,
        settings: Vec::new(),
    };
    let config = resolve(&mut layers, &document, inputs);
    if layers.problems.is_empty() {
        Ok(Loaded { config, settings: layers.settings })
    } else {
        layers.problems.sort_by_key(place_in_file);
        Err(ConfigError::Wrong(layers.problems))
    }
}

/// What is said of variables that look like settings and are none: most often a slip that would go unnoticed.
pub fn strange_variables(env: &Environment) -> Vec<String> {
    /// Read elsewhere, or by tests.
    const OTHERS: [&str; 4] = ["LOGDRIVE_CONFIG", "LOGDRIVE_LOG", "LOGDRIVE_REGENERATE", "LOGDRIVE_SERVER"];
    let sections = sections::ALL.iter().filter(|section| !section.repeated);
    let mut known: Vec<String> = OTHERS.map(str::to_owned).to_vec();
    known.extend(sections.flat_map(|section| {
        section.keys.iter().map(|key| match section.name {
            "" => variable(key.name),
            name => variable(&format!("{name}.{}", key.name)),
        })
    }));
    let ours = |name: &str| name.starts_with("LOGDRIVE_") && !name.starts_with("LOGDRIVE_TEST_");
    let strange = env.keys().filter(|name| ours(name) && !known.contains(name));
    strange
        .map(|name| match base::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("environment variable {name} means nothing here; did you mean {near}?"),
            None => format!("environment variable {name} means nothing here"),
        })
        .collect()
}

/// Reads a file for its mistakes alone.
///
/// # Errors
/// As [`load`].
pub fn check(file: &Path, inputs: &Inputs) -> Result<Loaded, ConfigError> {
    load(&Inputs { file: Some(file.to_path_buf()), flags: Vec::new(), up: UpPaths::default(), ..inputs.clone() })
}

const FILE_BYTES_MAX: u64 = 16 << 20;

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |reason: String| ConfigError::Read { path: path.display().to_string(), reason };
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(failed(format!("it has {length} bytes; a configuration has at most {FILE_BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        failed(format!("line {line} is not UTF-8"))
    })
}

fn resolve(layers: &mut Layers, document: &Document, inputs: &Inputs) -> Config {
    let table = |name: &str| document.tables.get(name);
    let root = sections::root::resolve(
        &mut Reader::new(layers, &sections::root::SECTION, table("")),
        &inputs.host,
        &inputs.data.display().to_string(),
    );
    let queue =
        sections::queue::resolve(&mut Reader::new(layers, &sections::queue::SECTION, table("queue")), &root.data);
    let store =
        sections::store::resolve(&mut Reader::new(layers, &sections::store::SECTION, table("store")), &root.data);
    let agent =
        sections::agent::resolve(&mut Reader::new(layers, &sections::agent::SECTION, table("agent")), &root.data);
    let transfer =
        sections::transfer::resolve(&mut Reader::new(layers, &sections::transfer::SECTION, table("transfer")));
    let streams = streams(layers, document, inputs);
    Config {
        host: root.host,
        data: root.data,
        listen: root.listen,
        insecure: root.insecure,
        queue,
        store,
        agent,
        transfer,
        streams,
    }
}

fn streams(layers: &mut Layers, document: &Document, inputs: &Inputs) -> Vec<StreamConfig> {
    let mut streams = of_file(layers, document);
    let command_line = Origin::Flag("command line".to_owned());
    let derived = if !inputs.up.paths.is_empty() {
        Some((up::streams(&inputs.up.paths, &inputs.folder), "command line"))
    } else {
        match &inputs.up.fallback {
            Some(folder) if streams.is_empty() => Some((Ok(up::machine(folder)), "default")),
            _ => None,
        }
    };
    if let Some((derived, origin)) = derived {
        // What the file says of streams that are not followed would be misleading to show.
        layers.settings.retain(|setting| !setting.key.starts_with("stream."));
        match derived {
            Ok(derived) => streams = derived,
            Err((path, reason)) => layers.problems.push(Problem { place: path, message: reason }),
        }
        for stream in &streams {
            let paths: Vec<&str> = stream.paths.iter().map(String::as_str).collect();
            layers.settings.push(Setting {
                key: format!("stream.{}.paths", stream.name),
                value: format!("[{}]", crate::key::quoted(&paths)),
                origin: origin.to_owned(),
            });
        }
    }
    for glob in &inputs.up.exclude {
        match sections::stream::exclude(glob, &inputs.folder) {
            Ok(glob) => streams.iter_mut().for_each(|stream| stream.exclude.push(glob.clone())),
            Err(reason) => layers.problems.push(Problem { place: command_line.to_string(), message: reason }),
        }
    }
    streams
}

fn of_file(layers: &mut Layers, document: &Document) -> Vec<StreamConfig> {
    let mut streams: Vec<StreamConfig> = Vec::new();
    for (head, values) in &document.streams {
        let name = match values.get("name") {
            Some(Value { text: Text::One(name), .. }) => Some(name.as_str()),
            _ => None,
        };
        let reader = Reader::new(layers, &sections::stream::SECTION, Some(values));
        let Some(stream) = sections::stream::resolve(reader, head, name) else { continue };
        if streams.iter().any(|other| other.name == stream.name) {
            let place = values.get("name").map_or(head, |value| &value.origin).to_string();
            let message = format!("name: there are two streams '{}'; give one of them another name", stream.name);
            layers.problems.push(Problem { place, message });
        }
        streams.push(stream);
    }
    streams
}

/// Mistakes are shown in the order of the file, whatever order they were found in.
fn place_in_file(problem: &Problem) -> (usize, usize) {
    let mut parts = problem.place.rsplit(':').map(|part| part.parse().unwrap_or(0));
    let column = parts.next().unwrap_or(0);
    (parts.next().unwrap_or(0), column)
}
