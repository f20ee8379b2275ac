//! `query_string`: Lucene's classic syntax, with its own way to join clauses.
//!
//! Lucene knows no precedence: `AND` makes the clauses on both sides required, `OR` leaves them optional, and optional
//! clauses beside required ones decide nothing. So `a OR b AND c` finds what `b AND c` finds. That is kept, because
//! dashboards that were written against it show what it finds.

mod lex;

use std::ops::Bound;

use base::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use store::Query;
use store::query::{Pattern, Test};

use super::{Clause, clauses, nothing, object, only, range, scalar};
use crate::date::{self, Format};
use crate::{EsError, names};

/// Longest query text, in characters.
const CHARS_MAX: usize = 16 * 1024;
/// Deepest nesting.
const DEPTH_MAX: usize = 32;
/// Most terms.
const TERMS_MAX: usize = 1024;

/// How a text is read.
pub(crate) struct Options {
    /// Side by side means both.
    pub all: bool,
    /// Where terms without a field are looked for.
    pub fields: Vec<String>,
    /// What dates without a zone mean.
    pub zone: TimeZone,
    /// What `now` means.
    pub now: Timestamp,
}

impl Options {
    /// As where nothing is said.
    pub fn new(now: Timestamp) -> Self {
        Self { all: false, fields: vec!["*".to_owned()], zone: TimeZone::UTC, now }
    }
}

pub(super) fn query_string(inner: &Value, now: Timestamp) -> Result<Query, EsError> {
    let body = object(inner, "query_string")?;
    let known = [
        "query",
        "default_field",
        "fields",
        "default_operator",
        "analyze_wildcard",
        "lenient",
        "allow_leading_wildcard",
        "time_zone",
        "boost",
        "type",
        "escape",
        "auto_generate_synonyms_phrase_query",
        "enable_position_increments",
        "max_determinized_states",
        "fuzzy_max_expansions",
        "fuzzy_prefix_length",
        "fuzzy_transpositions",
        "_name",
    ];
    only(body, "query_string", &known)?;
    let query = body.get("query").ok_or_else(|| EsError::parsing("[query_string] must be provided with a [query]"))?;
    let mut options = Options::new(now);
    match body.get("default_operator").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        None | Some("or") => {}
        Some("and") => options.all = true,
        Some(other) => return Err(EsError::parsing(format!("default_operator [{other}]: there are and, or"))),
    }
    if body.get("escape") == Some(&Value::Bool(true)) {
        return Err(EsError::unsupported("[escape] of [query_string]"));
    }
    let fields = body.get("fields").or_else(|| body.get("default_field"));
    options.fields = clauses::fields(fields)?;
    if let Some(zone) = body.get("time_zone").and_then(Value::as_str) {
        options.zone = date::zone(zone)?;
    }
    parse(&scalar(query, "query_string")?, &options)
}

/// Reads a text in Lucene's syntax.
pub(crate) fn parse(text: &str, options: &Options) -> Result<Query, EsError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > CHARS_MAX {
        return Err(EsError::query(text, format!("it has more than {CHARS_MAX} characters")));
    }
    let mut parser = Parser { chars: &chars, at: 0, depth: 0, terms: 0, options };
    let query = match parser.clauses(None) {
        Ok(query) if parser.at == chars.len() => Ok(query),
        Ok(_) => Err(format!("unexpected [)] at character {}", parser.at)),
        Err(reason) => Err(reason),
    };
    let query = query.map_err(|reason| EsError::query(text, reason))?;
    store::query::compile(&query).map_err(|error| EsError::query(text, error))?;
    Ok(query)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    terms: usize,
    options: &'a Options,
}

#[derive(Clone, Copy, PartialEq)]
enum Occur {
    Must,
    Should,
    MustNot,
}

#[derive(Clone, Copy, PartialEq)]
enum Join {
    None,
    And,
    Or,
}

type Parsed<T> = Result<T, String>;

/// What a bare word may not hold unescaped.
const SPECIAL: &[char] = &['(', ')', '"', '[', ']', '{', '}', ':', '~', '^'];

impl Parser<'_> {
    /// Clauses up to the end, or the `)` that closes the group.
    fn clauses(&mut self, field: Option<&str>) -> Parsed<Query> {
        let mut list: Vec<(Occur, Query)> = Vec::new();
        loop {
            self.skip_space();
            let join = if self.takes("AND") || self.takes("&&") {
                Join::And
            } else if self.takes("OR") || self.takes("||") {
                Join::Or
            } else {
                Join::None
            };
            if join != Join::None && list.is_empty() {
                return Err(format!("an operator stands before any term, at character {}", self.at));
            }
            self.skip_space();
            if self.peek(0).is_none_or(|c| c == ')') {
                if join != Join::None {
                    return Err(format!("a term is missing at character {}", self.at));
                }
                break;
            }
            let (required, not) = self.modifier();
            let query = self.clause(field)?;
            self.join(&mut list, join, required, not, query);
        }
        Ok(combined(list))
    }

    /// `+`, `-`, `!` or `NOT` before a clause.
    fn modifier(&mut self) -> (bool, bool) {
        match self.peek(0) {
            Some('+') => self.at += 1,
            Some('-' | '!') => {
                self.at += 1;
                self.skip_space();
                return (false, true);
            }
            _ => {
                let not = self.takes("NOT");
                self.skip_space();
                return (false, not);
            }
        }
        self.skip_space();
        (true, false)
    }

    /// Adds a clause as Lucene's classic parser does.
    fn join(&self, list: &mut Vec<(Occur, Query)>, join: Join, required: bool, not: bool, query: Query) {
        if let Some((occur, _)) = list.last_mut().filter(|(occur, _)| *occur != Occur::MustNot) {
            match join {
                Join::And => *occur = Occur::Must,
                Join::Or if self.options.all => *occur = Occur::Should,
                _ => {}
            }
        }
        let must = required || if self.options.all { join != Join::Or } else { join == Join::And };
        let occur = match (not, must) {
            (true, _) => Occur::MustNot,
            (_, true) => Occur::Must,
            _ => Occur::Should,
        };
        list.push((occur, query));
    }

    fn clause(&mut self, field: Option<&str>) -> Parsed<Query> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(format!("it has more than {TERMS_MAX} terms"));
        }
        if let Some(name) = self.field_name() {
            if name == "_exists_" {
                let field = self.bare()?.0;
                return Ok(if names::is_all(&field) {
                    Query::All
                } else {
                    names::field(names::plain(&field), Test::Exists)
                });
            }
            let name = names::plain(&name).to_owned();
            return self.value(Some(&name));
        }
        self.value(field)
    }

    fn value(&mut self, field: Option<&str>) -> Parsed<Query> {
        let query = match self.peek(0) {
            None => return Err("a value is missing at the end".to_owned()),
            Some('(') => self.group(field)?,
            Some('"') => {
                let text = self.quoted()?;
                self.text(field, Pattern::Text(text))
            }
            Some('/') => self.regex(field)?,
            Some('[' | '{') => self.range(field)?,
            Some('>' | '<') if field.is_some() => self.comparison(field.unwrap_or_default())?,
            Some(_) => self.word(field)?,
        };
        self.boost()?;
        Ok(query)
    }

    fn group(&mut self, field: Option<&str>) -> Parsed<Query> {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        self.at += 1;
        let query = self.clauses(field)?;
        if self.peek(0) != Some(')') {
            return Err(format!("the ( at character {start} is never closed"));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(query)
    }

    fn regex(&mut self, field: Option<&str>) -> Parsed<Query> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => {
                    return Err(format!(
                        "the regular expression at character {start} is never closed; a slash that is meant as such is written \\/"
                    ));
                }
                Some('/') => break,
                Some('\\') if self.peek(1) == Some('/') => {
                    text.push('/');
                    self.at += 2;
                }
                Some('\\') if self.peek(1).is_some() => {
                    text.push('\\');
                    text.extend(self.peek(1));
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let one = |field: &String| clauses::regexp(field, &text).map_err(|error| error.reason);
        Ok(super::any(self.fields(field).iter().map(one).collect::<Parsed<_>>()?))
    }

    /// `[a TO b}`.
    fn range(&mut self, field: Option<&str>) -> Parsed<Query> {
        let (start, with_low) = (self.at, self.peek(0) == Some('['));
        let Some(field) = field else { return Err(format!("the range at character {start} needs a field before it")) };
        self.at += 1;
        let low = self.limit()?;
        self.skip_space();
        if !self.takes("TO") {
            return Err(format!("TO is missing at character {}", self.at));
        }
        let high = self.limit()?;
        self.skip_space();
        let with_high = match self.peek(0) {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(format!("the range at character {start} is never closed")),
        };
        self.at += 1;
        let bound = |with: bool, text: Option<String>| match (text, with) {
            (None, _) => Bound::Unbounded,
            (Some(text), true) => Bound::Included(text),
            (Some(text), false) => Bound::Excluded(text),
        };
        self.between(field, bound(with_low, low), bound(with_high, high))
    }

    /// `>=5` and its kin.
    fn comparison(&mut self, field: &str) -> Parsed<Query> {
        let above = self.peek(0) == Some('>');
        let with = self.peek(1) == Some('=');
        self.at += if with { 2 } else { 1 };
        let text = if self.peek(0) == Some('"') { self.quoted()? } else { self.bare()?.0 };
        let bound = if with { Bound::Included(text) } else { Bound::Excluded(text) };
        let (low, high) = if above { (bound, Bound::Unbounded) } else { (Bound::Unbounded, bound) };
        self.between(field, low, high)
    }

    fn between(&self, field: &str, low: Bound<String>, high: Bound<String>) -> Parsed<Query> {
        if names::is_time(field) {
            let format = Format::default();
            let read = |text: String| date::read(&Value::String(text), &format, &self.options.zone, self.options.now);
            let range = range::time(low, high, read).map_err(|error| error.reason)?;
            return Ok(Clause { range, ..Clause::all() }.into_query());
        }
        let test = match (low, high) {
            (Bound::Unbounded, Bound::Unbounded) => Test::Exists,
            (low, high) => Test::Range { low, high },
        };
        Ok(names::field(field, test))
    }

    /// A word, with or without wildcards.
    fn word(&mut self, field: Option<&str>) -> Parsed<Query> {
        let (text, glob) = self.bare()?;
        if self.peek(0) == Some('~') {
            return Err("fuzzy terms (~) are not supported by logdrive".to_owned());
        }
        let Some(glob) = glob else { return Ok(self.text(field, Pattern::Text(text))) };
        if glob.is_all() {
            return Ok(match field {
                Some(field) if !names::is_all(field) => names::field(field, Test::Exists),
                _ => Query::All,
            });
        }
        Ok(self.text(field, Pattern::Glob(glob)))
    }

    fn fields(&self, field: Option<&str>) -> Vec<String> {
        field.map_or_else(|| self.options.fields.clone(), |field| vec![field.to_owned()])
    }

    fn text(&self, field: Option<&str>, pattern: Pattern) -> Query {
        let moment = |field: &str, text: &str| -> Option<Query> {
            let test = Bound::Included(text.to_owned());
            names::is_time(field).then(|| self.between(field, test.clone(), test).ok())?
        };
        let one = |field: &String| match &pattern {
            Pattern::Text(text) => moment(field, text).unwrap_or_else(|| clauses::text(field, pattern.clone())),
            _ => clauses::text(field, pattern.clone()),
        };
        super::any(self.fields(field).iter().map(one).collect())
    }
}

/// What Lucene's clauses mean together.
fn combined(list: Vec<(Occur, Query)>) -> Query {
    let (mut must, mut should, mut not) = (Vec::new(), Vec::new(), Vec::new());
    for (occur, query) in list {
        match occur {
            Occur::Must => must.push(query),
            Occur::Should => should.push(query),
            Occur::MustNot => not.push(Query::Not(Box::new(query))),
        }
    }
    if must.is_empty() && should.is_empty() && not.is_empty() {
        return nothing();
    }
    if must.is_empty() && !should.is_empty() {
        must.push(super::any(should));
    }
    must.into_iter().chain(not).fold(Query::All, Query::and)
}
