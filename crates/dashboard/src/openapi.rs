//! `/openapi.json`: the table of routes in the words of OpenAPI 3.1.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::params::{Holds, Param};
use crate::problem::{KINDS, ProblemBody};
use crate::routes::{CONTROL_SCHEMAS, Content, ROUTES, Route};

/// The whole description.
pub(crate) fn describe() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.for_serialize().into_generator();
    CONTROL_SCHEMAS(&mut generator);
    let problem = generator.subschema_for::<ProblemBody<'_>>();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut generator);
        let path = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        path[route.method] = operation;
    }
    crate::routes::es::describe(&mut paths);
    let kinds: Vec<_> = KINDS.iter().map(|kind| format!("* `{}`: {}", kind.path, kind.title)).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "logdrive",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": format!(
                "Every line of the followed files, effectively once, from file to search.\n\nAn error is an \
                 `application/problem+json`; its `type` is one of\n\n{}\n\nStreams are one JSON object a line. A line \
                 that begins with `{{\"_\":` is a control line about the stream itself; a stream that was not cut \
                 off ends with `{{\"_\":\"end\",…}}`. Parameters that a path does not know are errors.",
                kinds.join("\n")
            ),
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {
                "Problem": {
                    "description": "It cannot be answered as asked.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let content = |contents: &[Content], generator: &mut SchemaGenerator| -> Map<String, Value> {
        contents.iter().map(|c| (c.media.to_owned(), json!({ "schema": (c.schema)(generator) }))).collect()
    };
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": { "type": "string" } }));
    let parameters: Vec<_> = in_path.chain(route.params.iter().map(parameter)).collect();
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "200": { "description": route.summary, "content": content(route.answers, generator) },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if let Some(body) = route.body {
        operation["requestBody"] = json!({ "required": true, "content": content(&[body], generator) });
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let name = route.path.trim_start_matches("/api/v1");
    let words: Vec<_> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = words.join("_");
    // A page may be called like what it shows.
    let is_page = route.answers.iter().any(|content| content.media == "text/html");
    let page = if is_page { "_page" } else { "" };
    let name = if name.is_empty() { name } else { format!("_{name}") };
    format!("{}{page}{name}", route.method)
}

fn parameter(param: &Param) -> Value {
    let schema = match param.holds {
        Holds::Text => json!({ "type": "string" }),
        Holds::List => json!({ "type": "string", "description": "with commas between" }),
        Holds::Number => json!({ "type": "integer", "minimum": 0 }),
        Holds::Flag => json!({ "type": "boolean", "default": false }),
        Holds::Time => json!({
            "type": "string",
            "examples": ["15m", "now", "2026-01-31T10:00:00Z", "2026-01-31", "1700000000"],
        }),
        Holds::Duration => json!({ "type": "string", "examples": ["10s", "1m", "1h"] }),
    };
    json!({
        "name": param.name,
        "in": "query",
        "required": param.required,
        "description": param.help,
        "schema": schema,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_ids_are_distinct() {
        fn walk(value: &Value, refs: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    refs.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|value| walk(value, refs));
                }
                Value::Array(list) => list.iter().for_each(|value| walk(value, refs)),
                _ => {}
            }
        }
        let whole = describe();
        let mut refs = Vec::new();
        walk(&whole, &mut refs);
        assert!(refs.len() > ROUTES.len());
        for reference in refs {
            let at = reference.strip_prefix('#').expect("is within the document");
            assert!(whole.pointer(at).is_some(), "{reference} leads nowhere");
        }
        let ids: Vec<_> = ROUTES.iter().map(operation_id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }
}
