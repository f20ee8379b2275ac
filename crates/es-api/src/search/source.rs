//! `_source`: which parts of a document are given.

use serde_json::{Map, Value};

use crate::EsError;
use crate::index::matches;
use crate::query::kind_of;

/// Which parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// None at all.
    pub none: bool,
    includes: Vec<String>,
    excludes: Vec<String>,
}

impl Source {
    /// Reads `_source`.
    ///
    /// # Errors
    /// `parsing_exception` where it is of another form.
    pub fn read(value: &Value) -> Result<Self, EsError> {
        let list = |value: Option<&Value>| -> Result<Vec<String>, EsError> {
            match value {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::String(one)) => Ok(vec![one.clone()]),
                Some(Value::Array(list)) => {
                    list.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(|| wrong(one))).collect()
                }
                Some(other) => Err(wrong(other)),
            }
        };
        Ok(match value {
            Value::Bool(is) => Self { none: !is, ..Self::default() },
            Value::Object(map) => {
                let known = ["includes", "include", "excludes", "exclude"];
                if let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) {
                    return Err(EsError::parsing(format!("Unknown key in [_source]: [{unknown}]")));
                }
                let either = |a: &str, b: &str| map.get(a).or_else(|| map.get(b));
                Self {
                    none: false,
                    includes: list(either("includes", "include"))?,
                    excludes: list(either("excludes", "exclude"))?,
                }
            }
            other => Self { includes: list(Some(other))?, ..Self::default() },
        })
    }

    /// What is left of a document.
    pub fn apply(&self, document: Map<String, Value>) -> Map<String, Value> {
        if self.includes.is_empty() && self.excludes.is_empty() {
            return document;
        }
        self.level(document, "", self.includes.is_empty())
    }

    fn level(&self, map: Map<String, Value>, prefix: &str, included: bool) -> Map<String, Value> {
        let mut out = Map::new();
        for (key, value) in map {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            if self.excludes.iter().any(|pattern| matches(pattern, &path)) {
                continue;
            }
            let included = included || self.includes.iter().any(|pattern| matches(pattern, &path));
            match value {
                Value::Object(inner) => {
                    let was_empty = inner.is_empty();
                    let inner = self.level(inner, &path, included);
                    if !inner.is_empty() || (was_empty && included) {
                        out.insert(key, Value::Object(inner));
                    }
                }
                value if included => drop(out.insert(key, value)),
                _ => {}
            }
        }
        out
    }
}

fn wrong(value: &Value) -> EsError {
    EsError::parsing(format!("[_source] must be true, false, names or patterns, not {}", kind_of(value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_of_a_document() {
        let document = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": {}});
        for (source, left) in [
            (json!(true), json!({"a": 1, "b": {"c": 2, "d": 3}, "e": {}})),
            (json!("a"), json!({"a": 1})),
            (json!(["b.*"]), json!({"b": {"c": 2, "d": 3}})),
            (json!("b"), json!({"b": {"c": 2, "d": 3}})),
            (json!({"includes": ["b"], "excludes": ["b.c"]}), json!({"b": {"d": 3}})),
            (json!({"excludes": "*.d"}), json!({"a": 1, "b": {"c": 2}, "e": {}})),
        ] {
            let read = Source::read(&source).expect("right");
            assert_eq!(Value::Object(read.apply(document.as_object().expect("an object").clone())), left, "{source}");
        }
        assert!(Source::read(&json!(false)).expect("right").none);
        assert!(Source::read(&json!({"only": 1})).is_err());
        assert!(Source::read(&json!(7)).is_err());
    }
}
