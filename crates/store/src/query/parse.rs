//! From text to [`Query`]. Errors carry the place, counted in characters.

use std::ops::Bound;

use super::{Glob, GlobPart, Pattern, Query, Test, matcher};
use crate::StoreError;

mod lex;

/// Longest query, in characters.
const CHARS_MAX: usize = 16 * 1024;
/// Most terms in a query.
const TERMS_MAX: usize = 1024;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;

struct Failure {
    at: usize,
    reason: String,
}

type Parsed<T> = Result<T, Failure>;

fn fail<T>(at: usize, reason: impl Into<String>) -> Parsed<T> {
    Err(Failure { at, reason: reason.into() })
}

pub(super) fn parse(text: &str) -> Result<Query, StoreError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, open: 0, depth: 0, terms: 0 };
    let parsed = if chars.len() > CHARS_MAX {
        fail(CHARS_MAX, format!("a query has at most {CHARS_MAX} characters"))
    } else {
        parser.whole()
    };
    parsed.map(Query::simplified).map_err(|Failure { at, reason }| StoreError::Query { at, reason })
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    /// Groups open here.
    open: usize,
    /// Groups and negations open here.
    depth: usize,
    terms: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Not,
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip_space(&mut self) {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Whether a term may end before the character at `at`.
    fn ends_at(&self, at: usize) -> bool {
        self.chars.get(at).is_none_or(|c| c.is_whitespace() || (*c == ')' && self.open > 0))
    }

    fn whole(&mut self) -> Parsed<Query> {
        self.skip_space();
        if self.at == self.chars.len() {
            return Ok(Query::All);
        }
        let query = self.either(None)?;
        match self.peek(0) {
            None => Ok(query),
            Some(_) => fail(self.at, "this ) closes nothing; quote it to search for it"),
        }
    }

    /// Alternatives joined by OR, up to the end or the `)` of the group.
    fn either(&mut self, field: Option<&str>) -> Parsed<Query> {
        let mut list = vec![self.all(field)?];
        while self.operator(Operator::Or) {
            list.push(self.all(field)?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Query::Or(list) })
    }

    /// Terms side by side or joined by AND.
    fn all(&mut self, field: Option<&str>) -> Parsed<Query> {
        let mut list = vec![self.unary(field)?];
        loop {
            self.skip_space();
            let joined = self.operator(Operator::And);
            let over = self.peek(0).is_none_or(|c| c == ')') || self.operator_here() == Some(Operator::Or);
            if over && !joined {
                break;
            }
            list.push(self.unary(field)?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Query::And(list) })
    }

    fn unary(&mut self, field: Option<&str>) -> Parsed<Query> {
        self.skip_space();
        let here = self.at;
        match self.operator_here() {
            Some(Operator::Not) => {
                self.operator(Operator::Not);
                return self.nested(|parser| Ok(Query::Not(Box::new(parser.unary(field)?))));
            }
            Some(_) => return fail(here, "something to search for is missing before this; quote it to search for it"),
            None => {}
        }
        let signed = self.peek(1).is_some_and(|next| {
            next.is_alphanumeric() || matches!(next, '_' | '"' | '(' | '/' | '*' | '?' | '[' | '.' | '@' | '$' | '\\')
        });
        match self.peek(0) {
            Some('-') if signed => {
                self.at += 1;
                self.nested(|parser| Ok(Query::Not(Box::new(parser.primary(field)?))))
            }
            Some('+') if signed => {
                self.at += 1;
                self.primary(field)
            }
            _ => self.primary(field),
        }
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        let result = if self.depth > DEPTH_MAX {
            fail(self.at, format!("nested more than {DEPTH_MAX} deep"))
        } else {
            inner(self)
        };
        self.depth -= 1;
        result
    }

    /// The operator that begins here, as a word of its own.
    fn operator_here(&self) -> Option<Operator> {
        let word = |text: &str| {
            let len = text.chars().count();
            let same = text.chars().enumerate().all(|(n, c)| self.peek(n) == Some(c));
            let end = self.at + len;
            same && (self.ends_at(end) || self.chars.get(end) == Some(&'('))
        };
        [
            ("AND", Operator::And),
            ("OR", Operator::Or),
            ("NOT", Operator::Not),
            ("&&", Operator::And),
            ("||", Operator::Or),
        ]
        .into_iter()
        .find(|(text, _)| word(text))
        .map(|(_, operator)| operator)
    }

    /// Takes this operator if it stands here.
    fn operator(&mut self, wanted: Operator) -> bool {
        self.skip_space();
        let here = self.operator_here() == Some(wanted);
        if here {
            self.at += if matches!(self.peek(0), Some('A' | 'N')) { 3 } else { 2 };
        }
        here
    }

    fn primary(&mut self, field: Option<&str>) -> Parsed<Query> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return fail(self.at, format!("a query has at most {TERMS_MAX} terms"));
        }
        match self.peek(0) {
            None => fail(self.at, "something to search for is missing here"),
            Some(')') if self.open > 0 => fail(self.at, "something to search for is missing before this )"),
            Some(')') => fail(self.at, "this ) closes nothing; quote it to search for it"),
            Some('(') => self.group(field),
            Some(_) => match self.field_name() {
                Some(name) => self.field(&name),
                None => self.value(field),
            },
        }
    }

    fn group(&mut self, field: Option<&str>) -> Parsed<Query> {
        let start = self.at;
        self.at += 1;
        self.open += 1;
        let query = self.nested(|parser| parser.either(field))?;
        if self.peek(0) != Some(')') {
            return fail(start, "this ( is never closed; quote it to search for it");
        }
        self.open -= 1;
        self.at += 1;
        Ok(query)
    }

    /// The name before an unescaped colon, if that is what begins here; moves behind the colon.
    fn field_name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        loop {
            match *self.chars.get(at)? {
                '\\' => {
                    let next = *self.chars.get(at + 1)?;
                    if next.is_alphanumeric() {
                        return None;
                    }
                    name.push(next);
                    at += 2;
                }
                ':' if !name.is_empty() => break,
                c if c.is_alphabetic() || matches!(c, '_' | '@' | '$') => {
                    name.push(c);
                    at += 1;
                }
                c if !name.is_empty() && (c.is_numeric() || matches!(c, '.' | '-' | '/')) => {
                    name.push(c);
                    at += 1;
                }
                _ => return None,
            }
        }
        let behind = self.chars.get(at + 1);
        let url = behind == Some(&'/') && self.chars.get(at + 2) == Some(&'/');
        let known = matcher::Fixed::from_name(&name).is_some();
        if behind == Some(&':') || url || (self.ends_at(at + 1) && !known) {
            return None;
        }
        self.at = at + 1;
        Some(name)
    }

    /// What stands behind `name:`.
    fn field(&mut self, name: &str) -> Parsed<Query> {
        let Some(first) = self.peek(0).filter(|_| !self.ends_at(self.at)) else {
            let hint =
                format!("{name}: needs its value right behind the colon; to search for the text, write \"{name}:\"");
            return fail(self.at, hint);
        };
        match first {
            '(' => self.group(Some(name)),
            '>' | '<' => self.comparison(name),
            '=' => {
                self.at += 1;
                let (at, text) = self.plain("a value")?;
                self.test(at, name, Test::Equals(text))
            }
            '[' | '{' => match self.range(name)? {
                Some(query) => Ok(query),
                None => self.value(Some(name)),
            },
            _ => self.value(Some(name)),
        }
    }

    fn comparison(&mut self, name: &str) -> Parsed<Query> {
        let above = self.peek(0) == Some('>');
        let with = self.peek(1) == Some('=');
        self.at += if with { 2 } else { 1 };
        let (at, text) = self.plain("a value to compare with")?;
        let bound = if with { Bound::Included(text) } else { Bound::Excluded(text) };
        let (low, high) = if above { (bound, Bound::Unbounded) } else { (Bound::Unbounded, bound) };
        self.test(at, name, Test::Range { low, high })
    }

    /// `[a TO b]` and its kin; `None` where a bracket is just text.
    fn range(&mut self, name: &str) -> Parsed<Option<Query>> {
        let start = self.at;
        let rest = &self.chars[start + 1..];
        let closing = rest.iter().position(|c| matches!(c, ']' | '}'));
        let inside: String = rest[..closing.unwrap_or(rest.len())].iter().collect();
        let words: Vec<&str> = inside.split_whitespace().collect();
        let range = words.contains(&"TO");
        if !range && (words.len() < 2 || closing.is_none()) {
            return Ok(None);
        }
        if !range {
            return fail(start, "a range is written [500 TO 599], or >=500; quote it to search for the text");
        }
        let with_low = self.peek(0) == Some('[');
        self.at += 1;
        let (low_at, low) = self.limit("the lower end of the range")?;
        self.skip_space();
        if self.peek(0) != Some('T') || self.peek(1) != Some('O') || !self.peek(2).is_some_and(char::is_whitespace) {
            return fail(self.at, "TO is missing here; a range is written [500 TO 599]");
        }
        self.at += 2;
        let (_, high) = self.limit("the upper end of the range")?;
        self.skip_space();
        let with_high = match self.peek(0) {
            Some(']') => true,
            Some('}') => false,
            _ => return fail(self.at, "the range is not closed; a range is written [500 TO 599]"),
        };
        self.at += 1;
        if !self.ends_at(self.at) {
            return fail(self.at, "put a space behind the range");
        }
        let bound = |with: bool, text: Option<String>| match (text, with) {
            (None, _) => Bound::Unbounded,
            (Some(text), true) => Bound::Included(text),
            (Some(text), false) => Bound::Excluded(text),
        };
        self.test(low_at, name, Test::Range { low: bound(with_low, low), high: bound(with_high, high) }).map(Some)
    }

    /// A phrase, a regular expression, or a word with or without wildcards.
    fn value(&mut self, field: Option<&str>) -> Parsed<Query> {
        let at = self.at;
        if self.peek(0) == Some('"') {
            let text = self.quoted()?;
            if self.ends_at(self.at) {
                return self.pattern(at, field, Pattern::Text(text));
            }
            self.at = at;
        }
        if let Some((text, end)) = self.regex_here() {
            self.at = end;
            return self.pattern(at, field, Pattern::Regex(text));
        }
        let word = self.word()?;
        let pattern = match word.glob.parts.as_slice() {
            [] => return fail(at, "something to search for is missing here"),
            [GlobPart::Text(text)] => Pattern::Text(text.clone()),
            [GlobPart::Many] if field.is_none() => return Ok(Query::All),
            [GlobPart::Many] => return self.test(at, field.unwrap_or_default(), Test::Exists),
            parts => {
                let space =
                    |part: &GlobPart| matches!(part, GlobPart::Text(text) if text.contains(char::is_whitespace));
                if parts.iter().any(space) {
                    return fail(word.start, "wildcards do not go over spaces; use a regular expression: /a.*b/");
                }
                Pattern::Glob(word.glob)
            }
        };
        self.pattern(at, field, pattern)
    }

    fn pattern(&self, at: usize, field: Option<&str>, pattern: Pattern) -> Parsed<Query> {
        match field {
            Some(name) => self.test(at, name, Test::Matches(pattern)),
            None => checked(at, Query::Line(pattern)),
        }
    }

    fn test(&self, at: usize, name: &str, test: Test) -> Parsed<Query> {
        checked(at, Query::Field { name: name.to_owned(), test })
    }
}

/// What parses must compile, and if it does not, here is the place to say so.
fn checked(at: usize, query: Query) -> Parsed<Query> {
    match matcher::node(&query) {
        Ok(_) => Ok(query),
        Err(reason) => fail(at, reason),
    }
}
