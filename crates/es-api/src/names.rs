//! Names of fields: what Elasticsearch's users call things, and what they are here.

use std::borrow::Cow;

use store::query::{Fixed, Pattern, RecordView, Test, value_of};
use store::{Hit, Query};

/// The moment of a record.
pub const TIME: &str = "@timestamp";
/// The text of a record.
pub const MESSAGE: &str = "message";
/// The id that a document was written with.
pub const ID: &str = "_id";

/// Names that Elastic's common schema has for what every record has, and ours. A parsed field of the same name comes
/// first.
const COMMON: [(&str, &str); 4] =
    [("host.name", "host"), ("log.file.path", "file"), ("log.level", "level"), ("log.offset", "offset")];

/// What stands before `.keyword`: here every field is searched in both ways.
pub fn plain(name: &str) -> &str {
    match name {
        "_index" => "stream",
        _ => name.strip_suffix(".keyword").filter(|name| !name.is_empty()).unwrap_or(name),
    }
}

fn common(name: &str) -> Option<&'static str> {
    COMMON.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

/// Whether the name means all fields.
pub fn is_all(name: &str) -> bool {
    matches!(name, "*" | "_all" | "_source")
}

/// Whether the name means the moment of a record.
pub fn is_time(name: &str) -> bool {
    matches!(name, TIME | "time")
}

/// Whether the store itself knows values by this name, so that it can count them.
pub fn is_native(name: &str) -> bool {
    common(name).is_none() && !is_time(name) && name != MESSAGE && name != ID
}

/// Records whose field passes a test. `name` is plain.
pub fn field(name: &str, test: Test) -> Query {
    let parsed = |name: &str, test: Test| Query::Field { name: name.to_owned(), test };
    let absent = |name: &str| Query::Not(Box::new(parsed(name, Test::Exists)));
    if is_time(name) {
        return if test == Test::Exists { Query::All } else { parsed("time", test) };
    }
    if name == ID {
        return Query::Or(vec![parsed(ID, test.clone()), parsed("id", test)]);
    }
    if name == MESSAGE {
        let line = match &test {
            Test::Exists => return Query::All,
            Test::Matches(pattern) => Query::Line(pattern.clone()),
            Test::Equals(text) => {
                let whole = format!("(?is)^{}$", regex::escape(text));
                Query::Line(Pattern::Regex(whole))
            }
            // A line has no order among lines that anybody would ask for.
            Test::Range { .. } => return parsed(name, test),
        };
        return Query::Or(vec![parsed(name, test), Query::And(vec![absent(name), line])]);
    }
    match common(name) {
        Some(ours) if test == Test::Exists && ours != "level" => Query::All,
        Some(ours) => {
            let fallback = fixed(ours, test.clone());
            Query::Or(vec![parsed(name, test), Query::And(vec![absent(name), fallback])])
        }
        None => fixed(name, test),
    }
}

/// A level that is none is in no record, as a term that is nowhere would be.
fn fixed(name: &str, test: Test) -> Query {
    let query = Query::Field { name: name.to_owned(), test };
    let is_level = Fixed::from_name(name) == Some(Fixed::Level);
    if is_level && store::query::compile(&query).is_err() {
        return Query::Not(Box::new(Query::All));
    }
    query
}

/// The value of a record under a plain name; none for the moment.
pub fn value<'a>(hit: &'a Hit, name: &str) -> Option<Cow<'a, [u8]>> {
    if Fixed::from_name(name).is_some() {
        return value_of(hit, name);
    }
    if let Some(value) = hit.field(name) {
        return Some(value);
    }
    match name {
        MESSAGE => Some(Cow::Borrowed(&hit.line)),
        ID => Some(Cow::Owned(hit.id.to_string().into_bytes())),
        _ => match common(name) {
            Some(ours) => value_of(hit, ours),
            None => value_of(hit, name),
        },
    }
}

/// The value of a record as a number, if it is one; the moment in milliseconds.
pub fn number(hit: &Hit, name: &str) -> Option<f64> {
    if is_time(name) {
        return Some(hit.time.as_micros().div_euclid(1000) as f64);
    }
    parse_number(&value(hit, name)?)
}

/// A plain number.
pub fn parse_number(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) || text.len() > 40 {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain() {
        for (text, is) in [
            ("1.5", Some(1.5)),
            ("-2", Some(-2.0)),
            ("1e3", Some(1000.0)),
            ("nan", None),
            ("inf", None),
            ("", None),
            ("5ms", None),
        ] {
            assert_eq!(parse_number(text.as_bytes()), is, "{text}");
        }
    }

    #[test]
    fn names_mean_what_records_have() {
        assert_eq!(plain("a.keyword"), "a");
        assert_eq!(plain("_index"), "stream");
        assert_eq!(field(TIME, Test::Exists), Query::All);
        assert_eq!(field("level", Test::Equals("purple".to_owned())), Query::Not(Box::new(Query::All)));
        assert_eq!(field("status", Test::Equals("5".to_owned())), Query::equals("status", "5"));
        assert!(field("host.name", Test::Equals("a".to_owned())).to_string().contains("host:=a"));
    }
}
