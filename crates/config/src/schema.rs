//! The JSON Schema of `logdrive.toml`, for editors.

use serde_json::{Map, Value, json};

use crate::key::{Key, Kind, Section, Shape};
use crate::sections;

/// The schema (draft 2020-12), as text with a newline at its end.
pub fn schema() -> String {
    let mut root = table(&sections::root::SECTION);
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        for section in sections::ALL.iter().filter(|section| !section.name.is_empty()) {
            let inner = table(section);
            let mut item = inner.clone();
            if !section.required.is_empty() {
                item.insert("required".to_owned(), json!(section.required));
            }
            let value = match section.shape {
                Shape::One => Value::Object(inner),
                Shape::Many => json!({ "type": "array", "description": section.doc, "items": item }),
                Shape::OneOrMany => {
                    let mut both = inner;
                    both.insert("type".to_owned(), json!(["object", "array"]));
                    both.insert("items".to_owned(), Value::Object(item));
                    Value::Object(both)
                }
            };
            properties.insert(section.name.to_owned(), value);
        }
    }
    let mut all = Map::new();
    all.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    all.insert("title".to_owned(), json!("logdrive.toml"));
    all.append(&mut root);
    let mut text = serde_json::to_string_pretty(&Value::Object(all)).unwrap_or_default();
    text.push('\n');
    text
}

fn table(section: &Section) -> Map<String, Value> {
    let properties: Map<String, Value> = section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let mut table = Map::new();
    table.insert("type".to_owned(), json!("object"));
    table.insert("description".to_owned(), json!(section.doc));
    table.insert("additionalProperties".to_owned(), json!(false));
    table.insert("properties".to_owned(), Value::Object(properties));
    table
}

const SIZE: &str = r"^\s*[0-9.]+\s*([kKMmGgTt]?i?[bB])?\s*$";
const DURATION: &str = r"^\s*([0-9.]+\s*(us|ms|s|m|h|d|w)\s*)+$";

fn property(key: &Key) -> Value {
    let size = json!({ "type": ["string", "integer"], "pattern": SIZE, "minimum": 0 });
    let duration = json!({ "type": "string", "pattern": DURATION });
    let never = json!({ "const": "never" });
    let kind = match key.kind {
        Kind::Text | Kind::Secret => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Size => size,
        Kind::Duration => duration,
        Kind::SizeOrNever => json!({ "anyOf": [size, never] }),
        Kind::DurationOrNever => json!({ "anyOf": [duration, never] }),
        Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::List => json!({ "type": ["array", "string"], "items": { "type": "string" } }),
    };
    let mut property = Map::new();
    property.insert("description".to_owned(), json!(key.doc));
    if let Value::Object(mut kind) = kind {
        property.append(&mut kind);
    }
    let default = match (key.kind, key.default) {
        (_, "") => None,
        (Kind::Bool, text) => Some(json!(text == "true")),
        (Kind::Count(..), text) => text.parse::<u64>().ok().map(|number| json!(number)),
        (_, text) => Some(json!(text)),
    };
    if let Some(default) = default {
        property.insert("default".to_owned(), default);
    }
    Value::Object(property)
}
