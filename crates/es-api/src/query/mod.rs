//! From Elasticsearch's queries to ours.
//!
//! Decision: what is asked of all records together (filters, `must`) on their time becomes the range of the scope, so
//! that a store leaves out what is older or newer at once; everything else becomes a query of the one language that
//! every store knows. What has no counterpart there is refused: an answer to another question is worse than none.

mod clauses;
mod lucene;
mod range;
#[cfg(test)]
mod tests;

use std::ops::Bound;

use base::Timestamp;
use serde_json::{Map, Value};
use store::query::Test;
use store::{Query, TimeRange};

use crate::EsError;

/// Deepest nesting of queries.
const DEPTH_MAX: usize = 32;
/// Most clauses in one request.
const CLAUSES_MAX: usize = 1024;

/// What a query means: the records in a range of time that match.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// Which of them.
    pub query: Query,
    /// When they happened.
    pub range: TimeRange,
}

impl Clause {
    /// Every record.
    pub const fn all() -> Self {
        Self { query: Query::All, range: TimeRange::ALL }
    }

    fn of(query: Query) -> Self {
        Self { query, range: TimeRange::ALL }
    }

    /// What both match.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let since = self.range.since.max(other.range.since);
        let until = self.range.until.min(other.range.until).max(since);
        Self { query: self.query.and(other.query), range: TimeRange { since, until } }
    }

    /// The same as a query alone.
    pub fn into_query(self) -> Query {
        let TimeRange { since, until } = self.range;
        let low = if since == Timestamp::MIN { Bound::Unbounded } else { Bound::Included(since.to_string()) };
        let high = if until == Timestamp::MAX { Bound::Unbounded } else { Bound::Excluded(until.to_string()) };
        if low == Bound::Unbounded && high == Bound::Unbounded {
            return self.query;
        }
        Query::Field { name: "time".to_owned(), test: Test::Range { low, high } }.and(self.query)
    }
}

/// No record.
pub fn nothing() -> Query {
    Query::Not(Box::new(Query::All))
}

/// Any of them; none of an empty list.
fn any(mut list: Vec<Query>) -> Query {
    match list.len() {
        0 => nothing(),
        1 => list.remove(0),
        _ => Query::Or(list),
    }
}

/// Reads queries of one request.
pub struct Reader {
    now: Timestamp,
    depth: usize,
    clauses: usize,
}

impl Reader {
    /// `now` is what `now` means.
    pub const fn new(now: Timestamp) -> Self {
        Self { now, depth: 0, clauses: 0 }
    }

    /// Reads a query.
    ///
    /// # Errors
    /// What is wrong, or not supported.
    pub fn read(&mut self, value: &Value) -> Result<Clause, EsError> {
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            return Err(EsError::illegal(format!("too many clauses: a query has at most {CLAUSES_MAX}")));
        }
        if self.depth == DEPTH_MAX {
            return Err(EsError::illegal(format!("queries are nested at most {DEPTH_MAX} deep")));
        }
        let body = object(value, "query")?;
        let Some((kind, inner)) = body.iter().next() else {
            return Err(EsError::illegal("query malformed, empty clause found"));
        };
        if body.len() > 1 {
            let second = body.keys().nth(1).map_or("", String::as_str);
            return Err(EsError::parsing(format!(
                "[{kind}] malformed query, expected [END_OBJECT] but found [{second}]"
            )));
        }
        self.depth += 1;
        let clause = self.kind(kind, inner);
        self.depth -= 1;
        clause
    }

    fn kind(&mut self, kind: &str, inner: &Value) -> Result<Clause, EsError> {
        Ok(match kind {
            "match_all" => {
                only(object(inner, kind)?, kind, &["boost", "_name"])?;
                Clause::all()
            }
            "match_none" => Clause::of(nothing()),
            "bool" => self.boolean(inner)?,
            "constant_score" => {
                let body = object(inner, kind)?;
                only(body, kind, &["filter", "boost", "_name"])?;
                self.read(body.get("filter").unwrap_or(&Value::Null))?
            }
            "dis_max" => {
                let body = object(inner, kind)?;
                only(body, kind, &["queries", "tie_breaker", "boost", "_name"])?;
                let list = self.list(body.get("queries").unwrap_or(&Value::Null))?;
                Clause::of(any(list.into_iter().map(Clause::into_query).collect()))
            }
            "query_string" => Clause::of(lucene::query_string(inner, self.now)?),
            "range" => range::range(inner, self.now)?,
            _ => Clause::of(clauses::leaf(kind, inner)?),
        })
    }

    fn list(&mut self, value: &Value) -> Result<Vec<Clause>, EsError> {
        match value {
            Value::Array(list) => list.iter().map(|one| self.read(one)).collect(),
            one => Ok(vec![self.read(one)?]),
        }
    }

    fn boolean(&mut self, inner: &Value) -> Result<Clause, EsError> {
        let body = object(inner, "bool")?;
        only(
            body,
            "bool",
            &["must", "filter", "should", "must_not", "minimum_should_match", "boost", "_name", "adjust_pure_negative"],
        )?;
        let mut all = Clause::all();
        let mut required = false;
        for name in ["must", "filter"] {
            for clause in body.get(name).map(|list| self.list(list)).transpose()?.into_iter().flatten() {
                required = true;
                all = all.and(clause);
            }
        }
        for clause in body.get("must_not").map(|list| self.list(list)).transpose()?.into_iter().flatten() {
            all = all.and(Clause::of(Query::Not(Box::new(clause.into_query()))));
        }
        let should = body.get("should").map(|list| self.list(list)).transpose()?.unwrap_or_default();
        let wanted = match body.get("minimum_should_match") {
            None => usize::from(!required && !should.is_empty()),
            Some(value) => minimum(value, should.len())?,
        };
        match wanted {
            0 => Ok(all),
            1 if should.len() == 1 => Ok(should.into_iter().fold(all, Clause::and)),
            1 => Ok(all.and(Clause::of(any(should.into_iter().map(Clause::into_query).collect())))),
            n if n == should.len() => Ok(should.into_iter().fold(all, Clause::and)),
            n if n > should.len() => Ok(Clause::of(nothing())),
            n => Err(EsError::unsupported(format!("minimum_should_match [{n}] of {} clauses", should.len()))),
        }
    }
}

fn minimum(value: &Value, count: usize) -> Result<usize, EsError> {
    let wrong = || EsError::unsupported(format!("minimum_should_match [{value}]"));
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(percent) = text.strip_suffix('%') {
        let percent: usize = percent.parse().map_err(|_| wrong())?;
        return Ok(count * percent / 100);
    }
    let number: i64 = text.parse().map_err(|_| wrong())?;
    if number < 0 {
        return Ok(count.saturating_sub(usize::try_from(-number).unwrap_or(usize::MAX)));
    }
    usize::try_from(number).map_err(|_| wrong())
}

/// The value as an object.
pub(crate) fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, EsError> {
    value.as_object().ok_or_else(|| EsError::parsing(format!("[{name}] must be an object, not {}", kind_of(value))))
}

/// What a value is, in words.
pub(crate) const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Refuses keys that are not among `known`.
pub(crate) fn only(body: &Map<String, Value>, name: &str, known: &[&str]) -> Result<(), EsError> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(EsError::parsing(format!("[{name}] query does not support [{key}]"))),
        None => Ok(()),
    }
}

/// A value as text, as a field's value would stand in a record.
pub(crate) fn scalar(value: &Value, name: &str) -> Result<String, EsError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(is) => Ok(is.to_string()),
        other => Err(EsError::parsing(format!("[{name}] must be a single value, not {}", kind_of(other)))),
    }
}
