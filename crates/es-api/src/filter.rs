//! `filter_path`: only these parts of an answer.

use serde_json::{Map, Value};

use crate::index::matches;

/// What `filter_path` leaves of an answer.
pub fn apply(value: Value, paths: &str) -> Value {
    let paths = paths.split(',').map(str::trim).filter(|path| !path.is_empty());
    let (without, only): (Vec<&str>, Vec<&str>) = paths.partition(|path| path.starts_with('-'));
    let split = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let mut value = value;
    if !without.is_empty() {
        let without: Vec<_> = without.iter().map(|path| split(&path[1..])).collect();
        value = leave_out(value, &refs(&without));
    }
    if only.is_empty() {
        return value;
    }
    let only: Vec<_> = only.iter().map(|path| split(path)).collect();
    keep(value, &refs(&only)).unwrap_or_else(|| Value::Object(Map::new()))
}

type Paths<'a> = Vec<&'a [String]>;

fn refs(paths: &[Vec<String>]) -> Paths<'_> {
    paths.iter().map(Vec::as_slice).collect()
}

/// What is left of the paths behind a key; whether one of them ends with it.
fn behind<'a>(paths: &Paths<'a>, key: &str) -> (Paths<'a>, bool) {
    let (mut rest, mut ends) = (Vec::new(), false);
    let mut open: Paths<'a> = paths.clone();
    while let Some(path) = open.pop() {
        match path.split_first() {
            Some((first, tail)) if first == "**" => {
                rest.push(path);
                if tail.is_empty() {
                    ends = true;
                } else {
                    open.push(tail);
                }
            }
            Some((first, tail)) if matches(first, key) => match tail {
                [] => ends = true,
                tail => rest.push(tail),
            },
            _ => {}
        }
    }
    (rest, ends)
}

fn keep(value: Value, paths: &Paths<'_>) -> Option<Value> {
    match value {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let (rest, ends) = behind(paths, &key);
                if ends {
                    out.insert(key, value);
                } else if !rest.is_empty()
                    && let Some(value) = keep(value, &rest)
                {
                    out.insert(key, value);
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        Value::Array(list) => {
            let list: Vec<Value> = list.into_iter().filter_map(|value| keep(value, paths)).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        _ => None,
    }
}

fn leave_out(value: Value, paths: &Paths<'_>) -> Value {
    match value {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let (rest, ends) = behind(paths, &key);
                if !ends {
                    out.insert(key, if rest.is_empty() { value } else { leave_out(value, &rest) });
                }
            }
            Value::Object(out)
        }
        Value::Array(list) => list.into_iter().map(|value| leave_out(value, paths)).collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_of_an_answer() {
        let answer = json!({"took": 1, "errors": true, "items": [
            {"index": {"status": 201, "_id": "1"}},
            {"create": {"status": 409, "error": {"type": "x"}}},
        ]});
        for (paths, left) in [
            ("errors", json!({"errors": true})),
            (
                "errors,items.*.error,items.*.status",
                json!({"errors": true, "items": [{"index": {"status": 201}}, {"create": {"status": 409, "error": {"type": "x"}}}]}),
            ),
            ("items.*.error", json!({"items": [{"create": {"error": {"type": "x"}}}]})),
            ("**.status", json!({"items": [{"index": {"status": 201}}, {"create": {"status": 409}}]})),
            ("-items,-took", json!({"errors": true})),
            ("nothing", json!({})),
            ("took,-took", json!({})),
        ] {
            assert_eq!(apply(answer.clone(), paths), left, "{paths}");
        }
    }
}
