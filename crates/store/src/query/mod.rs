//! The query language: what people type, what it means, and what an engine may conclude from it.
//!
//! # What it looks like
//! | typed | means |
//! |---|---|
//! | `timeout` | the line contains that word, case ignored |
//! | `connection timeout` · `a AND b` · `+a +b` | both (side by side narrows, as with `grep \| grep`) |
//! | `a OR b` · `NOT a` · `-a` · `(a OR b) c` | as it says; `OR` binds weaker than side by side; operators in capitals |
//! | `"connection reset by peer"` | these words in this order, with exactly what stands between them |
//! | `10.0.0.1:8080` · `[ERROR]` · `http://x/y?z` · `std::io` | text as it stands |
//! | `time*` · `*out` · `*meo*` · `t?meout` · `con*.rs` | wildcards; they do not go over white space |
//! | `/time(d )?out/` · `/(?i)timeout/` | a regular expression over the bytes of the record; `\/` for a slash |
//! | `status:500` · `msg:"not found"` · `user:(ann OR bob)` | a field |
//! | `status:[500 TO 599]` · `status:{500 TO *]` · `took:>=1.5` · `level:>=warn` | ranges; `[` with, `{` without the end |
//! | `trace_id:*` · `user:=ann` · `user:""` | has the field; is exactly that; is empty |
//! | *nothing* · `*` | everything |
//!
//! A backslash takes the meaning from the character behind it, save before a letter or a digit, where it is itself
//! (`C:\logs`). Within quotes only `\"` and `\\` are special.
//!
//! # What it means
//! One definition for every store; the [`Matcher`] on single records is the truth that engines are tested against.
//! * A *token* is a run of ASCII letters, digits, `_` and bytes from 128 on; ASCII case is ignored.
//! * A term or phrase matches text that contains it as it stands, ASCII case ignored, where neither end of the match
//!   lies inside a token. So `timeout` is not found in `timeouts`, and `10.0.0.1` is not found in `110.0.0.1`.
//! * A wildcard pattern matches in the same way; `*` stands for any run of bytes that are not white space, `?` for one
//!   character that is none; at an end where `*` stands, a token may go on.
//! * A regular expression matches anywhere in the bytes, case and all; `^` and `$` are the ends of the record.
//! * `field:X` matches a record that has the field and whose value matches X in the way a line would. But where X and
//!   the value are both plain decimal numbers (`-12.50`), they are compared as numbers. Ranges compare numbers as
//!   numbers and everything else as text, ASCII case ignored; a number is never in a range of text, nor the reverse.
//! * A record that has no field of that name is taken at its text: `localhost:8080` finds the line that contains
//!   `localhost:8080`. This holds for terms and phrases; not for wildcards, ranges and regular expressions.
//! * `level` is the folded level: `level:err` finds what `level:error` finds; ranges go by severity, and a record
//!   without a level is in none. `time` takes dates and RFC 3339 (UTC unless it says otherwise); `time:2024-05-01` is
//!   that day. `stream`, `host`, `source`, `generation`, `offset`, `id`, `format` and `mark` are those of the record.
//! * `path` is the parsed field where a record has one (access logs) and the path of its file otherwise; `file` is
//!   always the latter. Every other name is a parsed field.
//!
//! # Why a parser of our own
//! The usual grammar for this (tantivy's) takes `path:/health` for the beginning of a regular expression, stops at
//! `a:b:c` and `[ERROR]`, joins with OR, and says "syntax error" without a place. Log lines are full of exactly these
//! characters, and somebody who pastes a piece of a line must find that line.

mod glob;
mod matcher;
mod parse;
mod plan;
mod show;
mod text;
mod time;
mod value;

#[cfg(test)]
mod tests;

use std::ops::Bound;

pub use glob::{Glob, GlobPart};
pub use matcher::{Fixed, FixedTest, Matcher, Node, Otherwise, RecordView, compile, value_of};
pub use plan::{Needle, Required};
pub use text::{Finder, is_edge, is_token_byte, tokens};
pub use value::{GlobTest, Limit, TextTest, ValueTest, any_number};

use crate::StoreError;

/// A query as it was understood. Built by [`Query::parse`] or by hand; shown again by `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Every record.
    All,
    /// What all of them match.
    And(Vec<Query>),
    /// What any of them matches.
    Or(Vec<Query>),
    /// What it does not match.
    Not(Box<Query>),
    /// The line matches.
    Line(Pattern),
    /// A field's value passes a test.
    Field {
        /// The field, fixed or parsed.
        name: String,
        /// The test.
        test: Test,
    },
}

/// A pattern of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A term or a phrase.
    Text(String),
    /// With wildcards.
    Glob(Glob),
    /// A regular expression.
    Regex(String),
}

/// A test of a field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The record has it.
    Exists,
    /// The whole value is this, ASCII case ignored.
    Equals(String),
    /// The value matches.
    Matches(Pattern),
    /// The value lies between these.
    Range {
        /// Lower end.
        low: Bound<String>,
        /// Upper end.
        high: Bound<String>,
    },
}

impl Query {
    /// Matches everything.
    pub const fn all() -> Self {
        Self::All
    }

    /// Understands what was typed.
    ///
    /// # Errors
    /// [`StoreError::Query`] with the place, in characters, and what would be right.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        parse::parse(text)
    }

    /// Both this and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::And(vec![self, other]).simplified()
    }

    /// The field's whole value is `value`.
    pub fn equals(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Field { name: name.into(), test: Test::Equals(value.into()) }
    }

    /// Tokens that every matching record must contain; see [`Required`].
    pub fn required_tokens(&self) -> Required {
        plan::required(self)
    }

    /// Literals of which every matching *line* contains at least one; `None` where nothing can be said.
    pub fn needles(&self) -> Option<Vec<Needle>> {
        plan::needles(self)
    }

    /// The single best literal that every matching line contains, if there is one.
    pub fn literal(&self) -> Option<Needle> {
        let mut needles = self.needles()?;
        if needles.len() == 1 { needles.pop() } else { None }
    }

    /// The parsed fields that it asks for, each once.
    pub fn fields(&self) -> Vec<&str> {
        fn walk<'a>(query: &'a Query, out: &mut Vec<&'a str>) {
            match query {
                Query::And(list) | Query::Or(list) => list.iter().for_each(|query| walk(query, out)),
                Query::Not(query) => walk(query, out),
                Query::Field { name, .. } => {
                    if Fixed::from_name(name).is_none() && !out.contains(&name.as_str()) {
                        out.push(name);
                    }
                }
                Query::All | Query::Line(_) => {}
            }
        }
        let mut out = Vec::new();
        walk(self, &mut out);
        out
    }

    /// The texts whose occurrences in a line are worth highlighting: what is asked for and not negated.
    pub fn highlights(&self) -> Vec<&Pattern> {
        fn walk<'a>(query: &'a Query, out: &mut Vec<&'a Pattern>) {
            match query {
                Query::And(list) | Query::Or(list) => list.iter().for_each(|query| walk(query, out)),
                Query::Line(pattern) | Query::Field { test: Test::Matches(pattern), .. } => out.push(pattern),
                Query::All | Query::Not(_) | Query::Field { .. } => {}
            }
        }
        let mut out = Vec::new();
        walk(self, &mut out);
        out
    }

    /// The same with nested lists of one kind made one, and what adds nothing left out.
    pub(crate) fn simplified(self) -> Self {
        match self {
            Self::And(list) => {
                let mut flat = Vec::with_capacity(list.len());
                for query in list {
                    match query.simplified() {
                        Self::All => {}
                        Self::And(inner) => flat.extend(inner),
                        query => flat.push(query),
                    }
                }
                match flat.len() {
                    0 => Self::All,
                    1 => flat.remove(0),
                    _ => Self::And(flat),
                }
            }
            Self::Or(list) => {
                let mut flat = Vec::with_capacity(list.len());
                for query in list {
                    match query.simplified() {
                        Self::All => return Self::All,
                        Self::Or(inner) => flat.extend(inner),
                        query => flat.push(query),
                    }
                }
                if flat.len() == 1 { flat.remove(0) } else { Self::Or(flat) }
            }
            Self::Not(query) => Self::Not(Box::new(query.simplified())),
            query => query,
        }
    }
}
