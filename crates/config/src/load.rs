//! Flags over environment over file over defaults.

use std::path::{Path, PathBuf};

use crate::document::{self, Document, Environment, Text, Value, Values};
use crate::error::{ConfigError, Problem};
use crate::key::Shape;
use crate::origin::{Origin, Setting};
use crate::reader::{Layers, Reader, variable};
use crate::sections::stream::Known;
use crate::{Config, MetricConfig, MetricsUrl, QueueUrl, StoreConfig, StoreUrl, StreamConfig, sections, up};

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
    let file = match &inputs.file {
        Some(path) => Some((path.display().to_string(), read(path)?)),
        None => None,
    };
    settle(file, inputs)
}

/// Reads a text for its mistakes alone, as if it were a file of that name in the current folder.
///
/// # Errors
/// As [`load`].
pub fn check_text(name: &str, text: &str, inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let inputs = Inputs { file: None, flags: Vec::new(), up: UpPaths::default(), ..inputs.clone() };
    settle(Some((name.to_owned(), text.to_owned())), &inputs)
}

fn settle(file: Option<(String, String)>, inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let (document, problems) = match file {
        Some((path, text)) => document::read(&path, &text, &inputs.env),
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
    let sections = sections::ALL.iter().filter(|section| section.shape != Shape::Many);
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
    let data = root.data;
    let mut of_queue = Reader::new(layers, &sections::queue::SECTION, table("queue"));
    let queue = sections::queue::resolve(&mut of_queue, &data);
    // A flag or variable may put another queue in the place of the file's for once.
    let kafka_used = matches!(queue.url, QueueUrl::Kafka(_))
        || matches!(of_queue.origin("url"), Origin::Flag(_) | Origin::Environment(_));
    let mut of_kafka = Reader::new(layers, &sections::kafka::SECTION, table("kafka"));
    let kafka = sections::kafka::resolve(&mut of_kafka);
    if !kafka_used {
        let keys: Vec<&str> = sections::kafka::SECTION.keys.iter().map(|key| key.name).collect();
        let given = keys.into_iter().find(|key| of_kafka.given(key));
        of_kafka.refuse(
            given.as_slice(),
            "is for a queue of Kafka; write url = \"kafka://host:9092\" in [queue], or leave [kafka] out",
        );
    }
    let stores = stores(layers, document, &data);
    let metrics =
        sections::metrics::resolve(&mut Reader::new(layers, &sections::metrics::SECTION, table("metrics")), &data);
    let embedded = matches!(queue.url, QueueUrl::Embedded(_)) && matches!(metrics.url, MetricsUrl::Embedded(_));
    let host_section = &sections::metrics::HOST_SECTION;
    let host_metrics =
        sections::metrics::resolve_host(&mut Reader::new(layers, host_section, table("host_metrics")), embedded);
    let mut agent =
        sections::agent::resolve(&mut Reader::new(layers, &sections::agent::SECTION, table("agent")), &data);
    if kafka_used {
        sections::agent::fit_messages(&mut agent, kafka.message_bytes_max);
    }
    let transfer =
        sections::transfer::resolve(&mut Reader::new(layers, &sections::transfer::SECTION, table("transfer")));
    let names: Vec<&str> = stores.iter().map(|store| store.name.as_str()).collect();
    let known = Known { stores: &names, kafka: kafka_used.then_some(&kafka) };
    let streams = streams(layers, document, inputs, &known);
    let metric_rules = metric_rules(layers, document);
    Config {
        host: root.host,
        listen: root.listen,
        insecure: root.insecure,
        queue,
        kafka,
        stores,
        metrics,
        host_metrics,
        agent,
        transfer,
        streams,
        metric_rules,
        data,
    }
}

fn stores(layers: &mut Layers, document: &Document, data: &Path) -> Vec<StoreConfig> {
    let section = &sections::store::SECTION;
    let list = document.lists.get("store").map_or(&[][..], Vec::as_slice);
    if list.len() < 2 {
        let values = list.first().map(|(_, values)| values).or_else(|| document.tables.get("store"));
        return vec![sections::store::resolve(&mut Reader::new(layers, section, values), data)];
    }
    for key in section.keys {
        if let Some((_, origin)) = layers.over(&format!("store.{}", key.name)) {
            let message = format!("there are several stores; write {} in the [[store]] that is meant", key.name);
            layers.problem(&origin, message);
        }
    }
    let mut stores: Vec<StoreConfig> = Vec::new();
    for (head, values) in list {
        let Some(name) = name_in(values) else {
            layers.problem(head, "each of several stores needs a name; add name = \"archive\", say".to_owned());
            continue;
        };
        let store = sections::store::resolve(&mut Reader::new(layers, section, Some(values)).named(name), data);
        twice(layers, head, values, "stores", &store.name, stores.iter().map(|store| store.name.as_str()));
        let same = |other: &&StoreConfig| other.url == store.url && matches!(store.url, StoreUrl::Embedded(_));
        if let Some(other) = stores.iter().find(same) {
            let place = values.get("url").map_or(head, |value| &value.origin);
            layers.problem(place, format!("url: store '{}' is in this folder; choose another", other.name));
        }
        stores.push(store);
    }
    if stores.is_empty() {
        // What is wrong was said; the rest is still read.
        stores.push(StoreConfig::new("default", StoreUrl::Embedded(data.join("store"))));
    }
    stores
}

fn metric_rules(layers: &mut Layers, document: &Document) -> Vec<MetricConfig> {
    let mut rules: Vec<MetricConfig> = Vec::new();
    for (head, values) in document.lists.get("metric").into_iter().flatten() {
        let reader = Reader::new(layers, &sections::metric::SECTION, Some(values));
        let Some(rule) = sections::metric::resolve(reader, head, name_in(values)) else { continue };
        twice(layers, head, values, "metrics", &rule.name, rules.iter().map(|rule| rule.name.as_str()));
        rules.push(rule);
    }
    rules
}

fn name_in(values: &Values) -> Option<&str> {
    match values.get("name") {
        Some(Value { text: Text::One(name), .. }) => Some(name),
        _ => None,
    }
}

/// Says so where the name was taken before.
fn twice<'a>(
    layers: &mut Layers,
    head: &Origin,
    values: &Values,
    what: &str,
    name: &str,
    mut before: impl Iterator<Item = &'a str>,
) {
    if before.any(|other| other == name) {
        let place = values.get("name").map_or(head, |value| &value.origin);
        layers.problem(place, format!("name: there are two {what} '{name}'; give one of them another name"));
    }
}

fn streams(layers: &mut Layers, document: &Document, inputs: &Inputs, known: &Known<'_>) -> Vec<StreamConfig> {
    let mut streams = of_file(layers, document, known);
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

pub(crate) fn of_file(layers: &mut Layers, document: &Document, known: &Known<'_>) -> Vec<StreamConfig> {
    let mut streams: Vec<StreamConfig> = Vec::new();
    for (head, values) in document.lists.get("stream").into_iter().flatten() {
        let reader = Reader::new(layers, &sections::stream::SECTION, Some(values));
        let Some(stream) = sections::stream::resolve(reader, head, name_in(values), known) else { continue };
        twice(layers, head, values, "streams", &stream.name, streams.iter().map(|stream| stream.name.as_str()));
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
