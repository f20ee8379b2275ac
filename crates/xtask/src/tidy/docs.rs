//! The pages that list what the code has: every key of the configuration, every path of the HTTP API.

use super::Problem;
use super::tree::File;

const SCHEMA: &str = "docs/logdrive.schema.json";
const KEYS: &str = "docs/configuration.md";
const ROUTES: &str = "crates/dashboard/src/routes/mod.rs";
const PATHS: &str = "docs/http-api.md";

/// Compares the pages with what they describe.
pub fn check(tree: &[File]) -> Vec<Problem> {
    let text = |path: &str| tree.iter().find(|file| file.path == path).map_or("", |file| &*file.text);
    let schema: serde_json::Value = serde_json::from_str(text(SCHEMA)).unwrap_or_default();
    let mut problems = missing(KEYS, text(KEYS), &keys(&schema));
    problems.extend(missing(PATHS, text(PATHS), &paths(text(ROUTES))));
    problems
}

fn missing(page: &str, text: &str, names: &[String]) -> Vec<Problem> {
    if names.is_empty() {
        return vec![format!("nothing to compare {page} with: {SCHEMA} or {ROUTES} has another shape")];
    }
    let absent = names.iter().filter(|name| !text.contains(&format!("| `{name}` |")));
    absent.map(|name| format!("{page} has no row for `{name}`: add '| `{name}` | … |'")).collect()
}

/// Every key that has no keys below it.
fn keys(schema: &serde_json::Value) -> Vec<String> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let below = |(name, value): (&String, &serde_json::Value)| {
        let inner = if value["type"] == "array" { keys(&value["items"]) } else { keys(value) };
        if inner.is_empty() { vec![name.clone()] } else { inner }
    };
    properties.iter().flat_map(below).collect()
}

/// Every path in the table of routes, style and icon of the page aside.
fn paths(source: &str) -> Vec<String> {
    let starts = source.match_indices("Route::").filter(|(at, _)| {
        let rest = &source[at + "Route::".len()..];
        rest.starts_with("get(\"") || rest.starts_with("post(\"")
    });
    let path = |(at, _): (usize, &str)| source[at..].split('"').nth(1).map(str::to_owned);
    starts.filter_map(path).filter(|path| !["/style.css", "/favicon.svg"].contains(&&**path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_its_page_is_found() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), bytes: 1 };
        let schema = r#"{"properties":{"data":{},"queue":{"properties":{"url":{}}},"stream":{"type":"array","items":{"properties":{"name":{}}}}}}"#;
        let routes = "Route::get(\"/health\", …)\nRoute::post(\n\"/x\"";
        let mut tree = vec![
            file(SCHEMA, schema),
            file(ROUTES, routes),
            file(KEYS, "| `data` | |\n| `url` | |\n| `name` | |\n"),
            file(PATHS, "| `/health` | |\n"),
        ];
        assert_eq!(check(&tree), Vec::<Problem>::new());
        tree[2].text = "| `data` | |\n| `url` |".into();
        tree[3].text.clear();
        let found = check(&tree);
        assert!(found.len() == 2 && found[0].contains("`name`") && found[1].contains("`/health`"), "{found:?}");
        assert_eq!(check(&[]).len(), 2);
    }
}
