//! Tests of a value that is indexed whole, as a keyword. Whatever a regular language can say, the server can.

use std::ops::Bound;

use serde_json::{Value, json};
use store::query::{Glob, GlobPart, Limit, TextTest, ValueTest, is_token_byte};

use super::clause::{Bounds, Clause};

/// Longest regular expression that a server takes unless told otherwise (`index.max_regex_length`).
const REGEX_CHARS_MAX: usize = 1000;
/// Characters that are in no token, inside a class of Lucene's expressions.
const SEPARATORS: &str = "\0-/:-@\\[-\\^`{-\u{7f}";
/// Characters that a wildcard goes over.
const SOLID: &str = "[^ \t\n\u{c}\r]";
/// A plain decimal number.
const PLAIN_NUMBER: &str = "-?(0|[1-9][0-9]*)(\\.[0-9]+)?";

/// A test of `field`; its numbers stand in `numbers`, if it has them.
pub fn value(field: &str, numbers: Option<&str>, test: &ValueTest) -> Bounds {
    match test {
        ValueTest::Exists => Bounds::exact(Clause::exists(field)),
        ValueTest::Equals(text) => match std::str::from_utf8(text) {
            Ok(text) => matches(field, Some(blind(text)), text),
            Err(_) => Bounds::at_most(Clause::exists(field)),
        },
        ValueTest::Number(number, text) => {
            let plain = regexp(field, PLAIN_NUMBER);
            let same = Bounds::exact(regexp(field, &number_forms(number)));
            let other = Bounds::and([text_in(field, text), Bounds::exact(plain.not())]);
            Bounds::or([same, other])
        }
        ValueTest::Text(text) => text_in(field, text),
        ValueTest::Range(low, high) => range(field, numbers, low, high),
    }
}

/// The whole value matches an expression; `plain` where there is nothing in it that needs one.
fn matches(field: &str, pattern: Option<String>, plain: &str) -> Bounds {
    match pattern {
        Some(pattern) if pattern == plain => Bounds::exact(Clause::term(field, plain)),
        Some(pattern) if pattern.chars().count() <= REGEX_CHARS_MAX => Bounds::exact(regexp(field, &pattern)),
        _ => Bounds::at_most(Clause::exists(field)),
    }
}

fn regexp(field: &str, pattern: &str) -> Clause {
    Clause::Is(json!({"regexp": {field: {"value": pattern, "flags": "NONE"}}}))
}

fn text_in(field: &str, test: &TextTest) -> Bounds {
    let pattern = match test {
        TextTest::All => return Bounds::exact(Clause::exists(field)),
        TextTest::Regex(_) => None,
        TextTest::Substring(text) => std::str::from_utf8(text.needle()).ok().map(|text| format!(".*{}.*", blind(text))),
        TextTest::Literal(text) => std::str::from_utf8(text.needle()).ok().map(|text| {
            let (start, end) = (edge_before(text), edge_behind(text));
            format!("{start}{}{end}", blind(text))
        }),
        TextTest::Glob(test) => glob(test.glob()),
    };
    matches(field, pattern, "")
}

/// What may stand before a text whose beginning must be at an edge of a token.
fn edge_before(text: &str) -> String {
    if text.bytes().next().is_some_and(is_token_byte) { format!("(.*[{SEPARATORS}])?") } else { ".*".to_owned() }
}

fn edge_behind(text: &str) -> String {
    if text.bytes().last().is_some_and(is_token_byte) { format!("([{SEPARATORS}].*)?") } else { ".*".to_owned() }
}

/// A pattern with wildcards, where an expression says just the same.
fn glob(glob: &Glob) -> Option<String> {
    let mut pattern = String::new();
    let last = glob.parts.len() - 1;
    for (n, part) in glob.parts.iter().enumerate() {
        match part {
            // What stands for one character decides whether there is an edge: too much for here.
            GlobPart::One if n == 0 || n == last => return None,
            GlobPart::One => pattern.push_str(SOLID),
            GlobPart::Many if n == 0 || n == last => pattern.push_str(".*"),
            GlobPart::Many => pattern.push_str(&format!("{SOLID}*")),
            GlobPart::Text(text) if text.contains(|c: char| c.is_ascii_whitespace()) => return None,
            GlobPart::Text(text) => {
                let before = if n == 0 { edge_before(text) } else { String::new() };
                let behind = if n == last { edge_behind(text) } else { String::new() };
                pattern.push_str(&format!("{before}{}{behind}", blind(text)));
            }
        }
    }
    Some(pattern)
}

/// An expression for a text, ASCII case ignored.
fn blind(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            pattern.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
        } else {
            if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && !c.is_ascii_control() && c != ' ' {
                pattern.push('\\');
            }
            pattern.push(c);
        }
    }
    pattern
}

/// Every way to write a plain decimal number that is given in its shortest form.
fn number_forms(shortest: &str) -> String {
    let escaped = shortest.replace('.', "\\.");
    match shortest {
        "0" => "-?0(\\.0+)?".to_owned(),
        _ if shortest.contains('.') => format!("{escaped}0*"),
        _ => format!("{escaped}(\\.0+)?"),
    }
}

/// Whole numbers beyond this are not exact in an index of doubles.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

fn range(field: &str, numbers: Option<&str>, low: &Bound<Limit>, high: &Bound<Limit>) -> Bounds {
    let limits = [low, high].map(|bound| match bound {
        Bound::Included(limit) => Some((limit, true)),
        Bound::Excluded(limit) => Some((limit, false)),
        Bound::Unbounded => None,
    });
    let given: Vec<_> = limits.iter().flatten().collect();
    if given.is_empty() {
        return Bounds::exact(Clause::exists(field));
    }
    let is_number = |(limit, _): &&(&Limit, bool)| matches!(limit, Limit::Number(..));
    let some_numbers = given.iter().any(is_number);
    match numbers {
        _ if some_numbers && !given.iter().all(is_number) => Bounds::exact(Clause::Nothing),
        Some(numbers) if some_numbers => {
            let (mut wide, mut exact) = (json!({}), true);
            for (limit, (with, without)) in limits.into_iter().zip([("gte", "gt"), ("lte", "lt")]) {
                let Some((Limit::Number(number, _), included)) = limit else { continue };
                let number = if *number == 0.0 { 0.0 } else { *number };
                let safe = number.abs() < EXACT_MAX;
                exact &= safe;
                wide[if included || !safe { with } else { without }] = Value::from(number);
            }
            let clause = Clause::Is(json!({"range": {numbers: wide}}));
            if exact { Bounds::exact(clause) } else { Bounds::at_most(clause) }
        }
        // The order of keywords minds the case, ours does not.
        Some(numbers) => Bounds::at_most(Clause::and([Clause::exists(field), Clause::exists(numbers).not()])),
        None => Bounds::at_most(Clause::exists(field)),
    }
}
