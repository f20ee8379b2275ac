//! The file as a tree of texts with their places: syntax, unknown keys, wrong types and `${ENV}` are dealt with here,
//! so that every mistake gets file, line, column and the nearest known key in one voice.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Problem;
use crate::key::{Key, Kind, Section, Shape};
use crate::origin::Origin;
use crate::sections;

/// The environment, as a value.
pub(crate) type Environment = BTreeMap<String, String>;

/// A value, with the place of each part.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub text: Text,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub(crate) enum Text {
    One(String),
    Many(Vec<(String, Origin)>),
}

/// The values of one table, by key.
pub(crate) type Values = BTreeMap<&'static str, Value>;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// By the section's name; the keys at the top are under the empty name.
    pub tables: BTreeMap<&'static str, Values>,
    /// Each `[[stream]]` and the like, by the section's name, with the place of its head.
    pub lists: BTreeMap<&'static str, Vec<(Origin, Values)>>,
}

/// Reads a file's text. What is right is in the document even where something else is wrong.
pub(crate) fn read(path: &str, text: &str, env: &Environment) -> (Document, Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut walk = Walk { path: path.into(), text, env, problems: Vec::new() };
    let mut document = Document::default();
    match DeTable::parse(text) {
        Ok(table) => walk.top(table.get_ref(), &mut document),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            walk.say(at, error.message().lines().collect::<Vec<_>>().join(", "));
        }
    }
    (document, walk.problems)
}

struct Walk<'a> {
    path: Arc<str>,
    text: &'a str,
    env: &'a Environment,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn place(&self, at: usize) -> Origin {
        let before = &self.text[..at.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn say(&mut self, at: usize, message: String) {
        self.problems.push(Problem { place: self.place(at).to_string(), message });
    }

    fn top(&mut self, table: &DeTable<'_>, document: &mut Document) {
        let tables: Vec<&str> =
            sections::ALL.iter().map(|section| section.name).filter(|name| !name.is_empty()).collect();
        let mut own = Vec::new();
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            match sections::ALL.iter().find(|section| !section.name.is_empty() && section.name == name) {
                Some(section) => match value.get_ref() {
                    _ if section.shape == Shape::Many => self.repeated(section, key, value, document),
                    DeValue::Array(_) if section.shape == Shape::OneOrMany => {
                        self.repeated(section, key, value, document);
                    }
                    DeValue::Table(inner) => {
                        let values = self.table(section, in_order(inner), &[]);
                        document.tables.insert(section.name, values);
                    }
                    _ => {
                        self.say(key.span().start, format!("'{name}' is a table; write [{name}] on a line of its own"))
                    }
                },
                None => own.push((key, value)),
            }
        }
        let values = self.table(&sections::root::SECTION, own, &tables);
        document.tables.insert("", values);
    }

    fn repeated(
        &mut self,
        section: &'static Section,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        document: &mut Document,
    ) {
        let DeValue::Array(items) = value.get_ref() else {
            let title = section.title();
            return self.say(key.span().start, format!("there may be several of '{}'; write {title}", section.name));
        };
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(inner) => {
                    let values = self.table(section, in_order(inner), &[]);
                    document.lists.entry(section.name).or_default().push((self.place(item.span().start), values));
                }
                other => {
                    let found = article(other);
                    self.say(item.span().start, format!("{}: expected a table, found {found}", section.name));
                }
            }
        }
    }

    /// `also` are names that are known here although they are no keys of the section.
    fn table(
        &mut self,
        section: &'static Section,
        entries: Vec<(&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)>,
        also: &[&'static str],
    ) -> Values {
        let mut values = Values::new();
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            match section.key(name) {
                Some(known) => {
                    if let Some(value) = self.value(known, value) {
                        values.insert(known.name, value);
                    }
                }
                None => {
                    let message = unknown(section, name, also);
                    self.say(key.span().start, message);
                }
            }
        }
        values
    }

    fn value(&mut self, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let span = value.span();
        let text = match (key.kind, value.get_ref()) {
            (Kind::Bool, DeValue::Boolean(value)) => Text::One(value.to_string()),
            (Kind::Count(..) | Kind::Size | Kind::SizeOrNever, DeValue::Integer(number)) => {
                Text::One(number.to_string())
            }
            (Kind::Bool | Kind::Count(..), other) => return self.wrong_type(key, other, span),
            (Kind::List, DeValue::Array(items)) => {
                let mut list = Vec::new();
                for item in items.iter() {
                    let DeValue::String(text) = item.get_ref() else {
                        return self.wrong_type(key, item.get_ref(), item.span());
                    };
                    list.push((self.expand(text, item.span())?, self.place(item.span().start)));
                }
                Text::Many(list)
            }
            // One text stands for a list of one.
            (Kind::List, DeValue::String(text)) => {
                Text::Many(vec![(self.expand(text, span.clone())?, self.place(span.start))])
            }
            (_, DeValue::String(text)) => Text::One(self.expand(text, span.clone())?),
            (_, other) => return self.wrong_type(key, other, span),
        };
        Some(Value { text, origin: self.place(span.start) })
    }

    fn wrong_type(&mut self, key: &Key, found: &DeValue<'_>, span: Range<usize>) -> Option<Value> {
        self.say(span.start, format!("{}: expected {}, found {}", key.name, key.kind.expects(), article(found)));
        None
    }

    /// Puts environment variables in the place of `${NAME}`; `$${NAME}` stands for itself less one dollar.
    fn expand(&mut self, text: &str, span: Range<usize>) -> Option<String> {
        match expand(text, self.env) {
            Ok(text) => Some(text),
            Err(message) => {
                self.say(span.start, message);
                None
            }
        }
    }
}

fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<Cow<'i, str>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn unknown(section: &Section, name: &str, also: &[&'static str]) -> String {
    let known: Vec<&str> = section.keys.iter().map(|key| key.name).chain(also.iter().copied()).collect();
    let mut message = format!("unknown key '{name}' in {}; ", section.title());
    match base::nearest(name, known.iter().copied()) {
        Some(near) => message.push_str(&format!("did you mean '{near}'?")),
        // A key of another table is most often one that was written in the wrong place.
        None => match sections::ALL.iter().find(|other| other.key(name).is_some()) {
            Some(other) => message.push_str(&format!("it belongs to {}", other.title())),
            None => message.push_str(&format!("known are {}", known.join(", "))),
        },
    }
    message
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn expand(text: &str, env: &Environment) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let end = from.find('}').filter(|end| is_name(&from[2..*end]));
        let Some(end) = end else {
            // A dollar and a brace that enclose no name: part of a regular expression, say.
            out.push_str(before);
            out.push_str("${");
            rest = &from[2..];
            continue;
        };
        let name = &from[2..end];
        match before.strip_suffix('$') {
            Some(before) => {
                out.push_str(before);
                out.push_str(&from[..=end]);
            }
            None => {
                out.push_str(before);
                let value = env.get(name).ok_or_else(|| {
                    format!("environment variable {name} is not set; set it, or write $${{{name}}} for the text itself")
                })?;
                out.push_str(value);
            }
        }
        rest = &from[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_in_values() {
        let env = Environment::from([("HOME".to_owned(), "/h".to_owned()), ("E".to_owned(), String::new())]);
        for (text, want) in [
            ("${HOME}/logs", "/h/logs"),
            ("a${E}b${HOME}", "ab/h"),
            ("$${HOME}", "${HOME}"),
            ("^a${2,3}$", "^a${2,3}$"),
            ("$HOME", "$HOME"),
            ("${", "${"),
        ] {
            assert_eq!(expand(text, &env).as_deref(), Ok(want), "{text}");
        }
        assert_eq!(
            expand("x/${NOPE}", &env),
            Err("environment variable NOPE is not set; set it, or write $${NOPE} for the text itself".to_owned())
        );
    }
}
