//! `highlight`: where the words of the query stand in a hit. A whole field is one fragment.

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use store::Query;
use store::query::{Glob, GlobPart, Pattern, Test};

use crate::index::matches;
use crate::{EsError, names};

/// What is highlighted, and with what.
#[derive(Clone, Debug)]
pub struct Highlight {
    fields: Vec<String>,
    pre: String,
    post: String,
}

/// A highlight made ready for a query.
pub struct Marker<'a> {
    how: &'a Highlight,
    /// By field, the line where there is none.
    patterns: Vec<(Option<String>, Regex)>,
}

impl Highlight {
    /// Reads `highlight`.
    ///
    /// # Errors
    /// What is wrong, or not supported.
    pub fn read(value: &Value) -> Result<Self, EsError> {
        let body = value.as_object().ok_or_else(|| EsError::parsing("[highlight] must be an object"))?;
        let known = [
            "fields",
            "pre_tags",
            "post_tags",
            "fragment_size",
            "number_of_fragments",
            "type",
            "require_field_match",
            "order",
            "encoder",
            "no_match_size",
            "max_analyzed_offset",
            "boundary_scanner",
            "boundary_scanner_locale",
            "phrase_limit",
            "tags_schema",
        ];
        if let Some(unknown) = body.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(EsError::unsupported(format!("[{unknown}] of [highlight]")));
        }
        let tag = |name: &str, default: &str| {
            let first = body.get(name).and_then(|tags| tags.as_str().or_else(|| tags.get(0)?.as_str()));
            first.unwrap_or(default).to_owned()
        };
        let fields = match body.get("fields") {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            Some(Value::Array(list)) => {
                list.iter().filter_map(Value::as_object).flat_map(|map| map.keys().cloned()).collect()
            }
            _ => return Err(EsError::parsing("[highlight] needs [fields]")),
        };
        Ok(Self { fields, pre: tag("pre_tags", "<em>"), post: tag("post_tags", "</em>") })
    }

    /// For a query.
    pub fn marker(&self, query: &Query) -> Marker<'_> {
        let mut patterns = Vec::new();
        collect(query, &mut patterns);
        Marker { how: self, patterns }
    }
}

/// What is asked for and not negated.
fn collect(query: &Query, out: &mut Vec<(Option<String>, Regex)>) {
    match query {
        Query::And(list) | Query::Or(list) => list.iter().for_each(|query| collect(query, out)),
        Query::Line(pattern) => out.extend(expression(pattern).map(|regex| (None, regex))),
        Query::Field { name, test: Test::Matches(pattern) } => {
            out.extend(expression(pattern).map(|regex| (Some(name.clone()), regex)));
        }
        Query::Field { name, test: Test::Equals(text) } => {
            out.extend(expression(&Pattern::Text(text.clone())).map(|regex| (Some(name.clone()), regex)));
        }
        Query::All | Query::Not(_) | Query::Field { .. } => {}
    }
}

fn expression(pattern: &Pattern) -> Option<Regex> {
    let text = match pattern {
        Pattern::Text(text) => format!("(?i){}", regex::escape(text)),
        Pattern::Glob(glob) => format!("(?i){}", of_glob(glob)),
        Pattern::Regex(text) => text.clone(),
    };
    RegexBuilder::new(&text).size_limit(1 << 20).build().ok()
}

fn of_glob(glob: &Glob) -> String {
    let part = |part: &GlobPart| match part {
        GlobPart::Text(text) => regex::escape(text),
        GlobPart::One => "\\S".to_owned(),
        GlobPart::Many => "\\S*".to_owned(),
    };
    glob.parts.iter().map(part).collect()
}

impl Marker<'_> {
    /// The fields of a document in which something stands.
    pub fn mark(&self, document: &Map<String, Value>) -> Map<String, Value> {
        let mut out = Map::new();
        self.level(document, "", &mut out);
        out
    }

    fn level(&self, map: &Map<String, Value>, prefix: &str, out: &mut Map<String, Value>) {
        for (key, value) in map {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(inner) => self.level(inner, &path, out),
                Value::String(text) if self.how.fields.iter().any(|field| matches(field, &path)) => {
                    let of = |name: &Option<String>| name.as_ref().map_or(path == names::MESSAGE, |name| *name == path);
                    let patterns = self.patterns.iter().filter(|(name, _)| of(name)).map(|(_, regex)| regex);
                    if let Some(marked) = self.text(text, patterns) {
                        out.insert(path, Value::Array(vec![marked.into()]));
                    }
                }
                _ => {}
            }
        }
    }

    fn text<'a>(&self, text: &str, patterns: impl Iterator<Item = &'a Regex>) -> Option<String> {
        let mut spans: Vec<(usize, usize)> = patterns
            .flat_map(|regex| {
                regex.find_iter(text.as_bytes()).map(|found| (found.start(), found.end())).collect::<Vec<_>>()
            })
            .filter(|(start, end)| start < end && text.is_char_boundary(*start) && text.is_char_boundary(*end))
            .collect();
        if spans.is_empty() {
            return None;
        }
        spans.sort_unstable();
        let (mut out, mut at) = (String::with_capacity(text.len() + 32 * spans.len()), 0);
        for (start, end) in spans {
            if start >= at {
                out.push_str(&text[at..start]);
                out.push_str(&self.how.pre);
                out.push_str(&text[start..end]);
                out.push_str(&self.how.post);
                at = end;
            }
        }
        out.push_str(&text[at..]);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_marked_where_they_were_asked_for() {
        let how = Highlight::read(
            &json!({"fields": {"*": {}}, "pre_tags": ["<"], "post_tags": [">"], "fragment_size": 2_147_483_647}),
        );
        let how = how.expect("right");
        let document = json!({"message": "Timeout of a timeout", "user": {"name": "ann"}, "n": 5});
        for (query, marked) in [
            ("timeout", json!({"message": ["<Timeout> of a <timeout>"]})),
            ("time*", json!({"message": ["<Timeout> of a <timeout>"]})),
            ("user.name:ann", json!({"user.name": ["<ann>"]})),
            ("NOT timeout", json!({})),
            ("\"of a\" a", json!({"message": ["Timeout <of a> timeout"]})),
        ] {
            let query = Query::parse(query).expect("right");
            let found = how.marker(&query).mark(document.as_object().expect("an object"));
            assert_eq!(Value::Object(found), marked, "{query}");
        }
    }
}
