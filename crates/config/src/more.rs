//! Streams beside the configuration: a text of `[[stream]]` alone, read by the same rules and with the same messages.

use std::path::PathBuf;

use crate::document::{self, Environment};
use crate::error::ConfigError;
use crate::load::of_file;
use crate::reader::Layers;
use crate::sections::stream::Known;
use crate::{Config, QueueUrl, Setting, StreamConfig};

/// Streams, and where each of their settings came from.
pub type Streams = (Vec<StreamConfig>, Vec<Setting>);

/// Reads a text that has streams and nothing else, as something beside `config`; `place` is what messages call it.
/// Nothing of the environment is put into it.
///
/// # Errors
/// Everything that is wrong, as for a configuration.
pub fn streams_of(place: &str, text: &str, config: &Config) -> Result<Streams, ConfigError> {
    let env = Environment::new();
    let (document, problems) = document::read(place, text, &env);
    let root = PathBuf::from("/");
    let mut layers =
        Layers { flags: Vec::new(), env, folder: root.clone(), file_folder: root, problems, settings: Vec::new() };
    let other = document.lists.iter().find(|(name, _)| **name != "stream");
    if let Some((head, _)) = other.and_then(|(_, tables)| tables.first()) {
        layers.problem(head, "only [[stream]] may stand here".to_owned());
    }
    let values = document.tables.values().flat_map(|table| table.values()).next();
    if let Some(value) = values {
        layers.problem(&value.origin, "only [[stream]] may stand here".to_owned());
    }
    let stores: Vec<&str> = config.stores.iter().map(|store| store.name.as_str()).collect();
    let kafka = matches!(config.queue.url, QueueUrl::Kafka(_)).then_some(&config.kafka);
    let streams = of_file(&mut layers, &document, &Known { stores: &stores, kafka });
    if layers.problems.is_empty() { Ok((streams, layers.settings)) } else { Err(ConfigError::Wrong(layers.problems)) }
}
