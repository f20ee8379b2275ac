//! Our query language in the server's.
//!
//! Decision: the compiled query ([`store::query::Node`]), which is the truth for every store, is turned into two
//! clauses: one that no match fails, and one that only matches fulfil. The server finds by the first, and what it finds
//! is looked at again here; it counts by the second, and what lies between the two is fetched and counted here. For
//! terms, fields, ranges and most wildcards both are the same, and nothing lies between.

mod clause;
mod line;
mod value;

#[cfg(test)]
mod tests;

use base::Timestamp;
use model::{Format, Level, Marks, RecordId, SourceId};
use serde_json::{Value, json};
use store::query::{Fixed, FixedTest, Limit, Matcher, Node, Otherwise, TextTest, ValueTest};
use store::{Scope, TimeRange};

pub use clause::{Bounds, Clause};

use crate::document::{field_name, raw_name};
use crate::text::within_nanos;

/// The field of the exact time.
pub const TIME: &str = "logdrive.time";
/// The field of the source.
pub const SOURCE: &str = "logdrive.source";
/// The field of the generation.
pub const GENERATION: &str = "logdrive.generation";
/// The field of the offset.
pub const OFFSET: &str = "log.offset";
/// The field of the size in the file.
pub const SIZE: &str = "logdrive.size";
/// The field of the path.
pub const PATH: &str = "log.file.path";
/// The field of the names that are not indexed.
pub const RAW_NAMES: &str = "logdrive.raw_names";

/// What is known of the records of a scope.
pub fn bounds(scope: &Scope, matcher: &Matcher) -> Bounds {
    Bounds::and([Bounds::exact(ours()), Bounds::exact(range(scope.range)), node(matcher.root())])
}

/// The documents that are records of ours.
pub fn ours() -> Clause {
    Clause::exists(SOURCE)
}

/// A range of time. The exact time decides; the coarse one lets the server leave out whole indices.
pub fn range(range: TimeRange) -> Clause {
    let mut exact = json!({});
    let mut coarse = json!({});
    if range.since != Timestamp::MIN {
        exact["gte"] = range.since.as_micros().into();
        coarse["gte"] = within_nanos(range.since).to_string().into();
    }
    if range.until != Timestamp::MAX {
        exact["lt"] = range.until.as_micros().into();
        coarse["lte"] = within_nanos(range.until).to_string().into();
    }
    if exact == json!({}) {
        return Clause::All;
    }
    Clause::and([Clause::Is(json!({"range": {TIME: exact}})), Clause::Is(json!({"range": {"@timestamp": coarse}}))])
}

fn node(node: &Node) -> Bounds {
    match node {
        Node::All => Bounds::exact(Clause::All),
        Node::And(list) => Bounds::and(list.iter().map(self::node)),
        Node::Or(list) => Bounds::or(list.iter().map(self::node)),
        Node::Not(inner) => self::node(inner).not(),
        Node::Line(test) => line::line(test),
        Node::Fixed(test) => fixed(test),
        Node::Field { name, test, otherwise } => field(name, test, otherwise),
    }
}

/// Records that have a field, in the index or beside it.
pub fn has_field(name: &str) -> Clause {
    let indexed = field_name(name).map_or(Clause::Nothing, |name| Clause::exists(&format!("fields.{name}")));
    Clause::or([indexed, raw_field(name)])
}

/// Records that have a field with a value that is not indexed.
pub fn raw_field(name: &str) -> Clause {
    Clause::term(RAW_NAMES, raw_name(name))
}

fn field(name: &str, test: &ValueTest, otherwise: &Otherwise) -> Bounds {
    let indexed = field_name(name).map_or(Bounds::exact(Clause::Nothing), |name| {
        value::value(&format!("fields.{name}"), Some(&format!("numbers.{name}")), test)
    });
    let here = Bounds::or([indexed, Bounds::at_most(raw_field(name))]);
    let without = || Bounds::exact(has_field(name).not());
    match otherwise {
        Otherwise::No => here,
        Otherwise::FilePath => Bounds::or([here, Bounds::and([without(), value::value(PATH, None, test)])]),
        Otherwise::Line(text) => Bounds::or([here, Bounds::and([without(), line::line(text)])]),
    }
}

fn fixed(test: &FixedTest) -> Bounds {
    match test {
        FixedTest::Level(mask) => {
            let set = Level::ALL.into_iter().filter(|level| mask & 1 << *level as u8 != 0);
            named("log.level", set.map(|level| (level != Level::Unknown).then(|| level.name())))
        }
        FixedTest::Format(mask) => {
            let set = Format::ALL.into_iter().filter(|format| mask & 1 << *format as u16 != 0);
            named("logdrive.format", set.map(|format| (format != Format::Unknown).then(|| format.name())))
        }
        FixedTest::Marks(marks) => {
            let set = Marks::NAMES.iter().filter(|(mark, _)| mark.0 & marks.0 != 0);
            named("logdrive.marks", set.map(|(_, name)| Some(*name)))
        }
        FixedTest::Time(low, high) => {
            Bounds::exact(Clause::Is(json!({"range": {TIME: {"gte": low.as_micros(), "lte": high.as_micros()}}})))
        }
        FixedTest::Text(fixed, test) => match fixed {
            Fixed::Generation => numeric(GENERATION, test),
            Fixed::Offset => numeric(OFFSET, test),
            Fixed::Id => id(test),
            fixed => match (keyword(*fixed), test) {
                (_, ValueTest::Exists) => Bounds::exact(Clause::All),
                (Some(field), test) => value::value(field, None, test),
                (None, _) => Bounds::at_most(Clause::All),
            },
        },
    }
}

/// The keyword that holds something that every record has.
pub const fn keyword(fixed: Fixed) -> Option<&'static str> {
    match fixed {
        Fixed::Stream => Some("event.dataset"),
        Fixed::Host => Some("host.name"),
        Fixed::File => Some(PATH),
        Fixed::Source => Some(SOURCE),
        _ => None,
    }
}

/// One of these names; `None` stands for no name at all.
fn named<'a>(field: &str, names: impl Iterator<Item = Option<&'a str>>) -> Bounds {
    let names: Vec<Option<&str>> = names.collect();
    let absent = if names.contains(&None) { Clause::exists(field).not() } else { Clause::Nothing };
    Bounds::exact(Clause::or([Clause::terms(field, names.into_iter().flatten().collect()), absent]))
}

/// A test of something that is always a whole number.
fn numeric(field: &str, test: &ValueTest) -> Bounds {
    let equal = |text: &str| match text.parse::<u64>() {
        Ok(number) if number.to_string() == text => Clause::term(field, number),
        _ => Clause::Nothing,
    };
    match test {
        ValueTest::Exists => Bounds::exact(Clause::All),
        ValueTest::Equals(text) => Bounds::exact(equal(&String::from_utf8_lossy(text))),
        ValueTest::Number(number, _) => Bounds::exact(equal(number)),
        ValueTest::Text(TextTest::All) => Bounds::exact(Clause::All),
        ValueTest::Text(_) => Bounds::at_most(Clause::All),
        ValueTest::Range(low, high) => {
            let mut limits = json!({});
            for (bound, with, without) in [(low, "gte", "gt"), (high, "lte", "lt")] {
                let (limit, name) = match bound {
                    std::ops::Bound::Unbounded => continue,
                    std::ops::Bound::Included(limit) => (limit, with),
                    std::ops::Bound::Excluded(limit) => (limit, without),
                };
                match limit {
                    Limit::Number(_, Some(whole)) => limits[name] = (*whole).into(),
                    Limit::Number(number, None) => limits[name] = Value::from(*number),
                    Limit::Text(_) => return Bounds::exact(Clause::Nothing),
                }
            }
            Bounds::exact(Clause::Is(json!({"range": {field: limits}})))
        }
    }
}

/// A test of the text of an identity.
fn id(test: &ValueTest) -> Bounds {
    let one = |text: &str| text.parse::<RecordId>().map(|id| Clause::Is(json!({"ids": {"values": [id.to_string()]}})));
    match test {
        ValueTest::Exists | ValueTest::Text(TextTest::All) => Bounds::exact(Clause::All),
        ValueTest::Equals(text) => Bounds::exact(one(&String::from_utf8_lossy(text)).unwrap_or(Clause::Nothing)),
        ValueTest::Text(TextTest::Literal(text)) => {
            let text = String::from_utf8_lossy(text.needle());
            let source = || text.parse::<SourceId>().map(|source| Clause::term(SOURCE, source.to_string()));
            one(&text).or_else(|_| source()).map_or(Bounds::at_most(Clause::All), Bounds::exact)
        }
        _ => Bounds::at_most(Clause::All),
    }
}
