//! Tests of a line: what can be said of its tokens.

use serde_json::json;
use store::query::{Glob, GlobPart, TextTest, is_token_byte, tokens};

use super::clause::{Bounds, Clause};

const FIELD: &str = "message";
/// Longer tokens are cut by the index.
const TOKEN_CHARS_MAX: usize = 8191;

/// A test of the line.
pub fn line(test: &TextTest) -> Bounds {
    match test {
        TextTest::All => Bounds::exact(Clause::All),
        TextTest::Regex(_) => Bounds::at_most(Clause::All),
        TextTest::Literal(text) => literal(text.needle()),
        TextTest::Substring(text) => piece(text.needle(), true, true),
        TextTest::Glob(test) => glob(test.glob()),
    }
}

/// A text with edges at both ends: whole tokens, one behind the other.
fn literal(needle: &[u8]) -> Bounds {
    let list: Vec<&[u8]> = tokens(needle).collect();
    if list.is_empty() || list.iter().any(|token| token.len() > TOKEN_CHARS_MAX) {
        return Bounds::at_most(Clause::All);
    }
    let clause = match (list.as_slice(), std::str::from_utf8(needle)) {
        ([token], _) if token.is_ascii() => {
            let clause = Clause::term(FIELD, lower(token));
            if token.len() == needle.len() {
                return Bounds::exact(clause);
            }
            clause
        }
        (_, Ok(text)) => Clause::Is(json!({"match_phrase": {FIELD: {"query": text}}})),
        (_, Err(_)) => Clause::All,
    };
    Bounds::at_most(clause)
}

fn glob(glob: &Glob) -> Bounds {
    let last = glob.parts.len() - 1;
    let texts = glob.parts.iter().enumerate().filter_map(|(n, part)| match part {
        GlobPart::Text(text) => Some(piece(text.as_bytes(), n > 0, n < last)),
        _ => None,
    });
    let all = Bounds::and(texts);
    let simple = glob.parts.iter().filter(|part| matches!(part, GlobPart::Text(_))).count() == 1
        && !glob.parts.contains(&GlobPart::One);
    if simple { all } else { Bounds::at_most(all.upper) }
}

/// A text of which the ends that are open may lie within a token. Exact where it is part of a single token.
fn piece(text: &[u8], open_start: bool, open_end: bool) -> Bounds {
    let mut clauses = Vec::new();
    let mut at = 0;
    for token in text.split(|byte| !is_token_byte(*byte)) {
        let (first, last) = (at == 0, at + token.len() == text.len());
        at += token.len() + 1;
        if !token.is_empty() {
            clauses.push(part(token, first && open_start, last && open_end));
        }
    }
    let whole = text.iter().all(|byte| byte.is_ascii() && is_token_byte(*byte)) && !text.is_empty();
    let clause = Clause::and(clauses);
    if whole { Bounds::exact(clause) } else { Bounds::at_most(clause) }
}

/// A token, or a part of one.
fn part(token: &[u8], open_start: bool, open_end: bool) -> Clause {
    if token.is_ascii() && !open_start && !open_end {
        return Clause::term(FIELD, lower(token));
    }
    // Beyond ASCII the index knows other lower-case letters than we do: any character stands for them.
    let Ok(text) = std::str::from_utf8(token) else { return Clause::All };
    let inner: String = text.chars().map(|c| if c.is_ascii() { c.to_ascii_lowercase() } else { '?' }).collect();
    let (before, behind) = (if open_start { "*" } else { "" }, if open_end { "*" } else { "" });
    Clause::Is(json!({"wildcard": {FIELD: {"value": format!("{before}{inner}{behind}")}}}))
}

fn lower(token: &[u8]) -> String {
    String::from_utf8_lossy(token).to_ascii_lowercase()
}
