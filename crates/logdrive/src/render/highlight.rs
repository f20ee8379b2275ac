//! Where a query matches in a line.

use std::ops::Range;

use regex::Regex;
use store::query::{GlobPart, Pattern, is_token_byte};

/// What to look for.
#[derive(Debug, Default)]
pub(crate) struct Highlights(Vec<(Regex, Edges)>);

/// Whether a match must begin and end where a token does.
#[derive(Clone, Copy, Debug)]
struct Edges {
    start: bool,
    end: bool,
}

impl Highlights {
    /// Of a query; a query that does not parse has none (the server says what is wrong with it).
    pub(crate) fn of(query: &str) -> Self {
        let Ok(query) = store::Query::parse(query) else { return Self::default() };
        Self(query.highlights().into_iter().filter_map(finder).collect())
    }

    /// The matched ranges of a text, ascending and disjoint.
    pub(crate) fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for (regex, edges) in &self.0 {
            let matches = regex.find_iter(text).map(|found| found.range());
            found.extend(matches.filter(|range| !range.is_empty() && edges.hold(text.as_bytes(), range)));
        }
        found.sort_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

impl Edges {
    fn hold(self, text: &[u8], range: &Range<usize>) -> bool {
        let inside = |at: usize| at > 0 && at < text.len() && is_token_byte(text[at - 1]) && is_token_byte(text[at]);
        !(self.start && inside(range.start) || self.end && inside(range.end))
    }
}

fn finder(pattern: &Pattern) -> Option<(Regex, Edges)> {
    let (text, edges) = match pattern {
        Pattern::Text(text) => (format!("(?i){}", regex::escape(text)), Edges { start: true, end: true }),
        Pattern::Glob(glob) => {
            let parts = glob.parts.iter().map(|part| match part {
                GlobPart::Text(text) => regex::escape(text),
                GlobPart::One => r"\S".to_owned(),
                GlobPart::Many => r"\S*".to_owned(),
            });
            let open = |part: Option<&GlobPart>| part == Some(&GlobPart::Many);
            let edges = Edges { start: !open(glob.parts.first()), end: !open(glob.parts.last()) };
            (format!("(?i){}", parts.collect::<String>()), edges)
        }
        Pattern::Regex(text) => (text.clone(), Edges { start: false, end: false }),
    };
    Some((Regex::new(&text).ok()?, edges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_what_was_asked_for() {
        for (query, line, want) in [
            ("timeout", "Timeout, timeouts, read timeout", vec!["Timeout", "timeout"]),
            ("time*", "a timeouts b", vec!["timeouts"]),
            ("/t[io]m/ -x", "tim x tom", vec!["tim", "tom"]),
            ("status:500 NOT b", "a 500 b", vec!["500"]),
            ("\"a b\" b", "xa b a b c", vec!["b", "a b"]),
            ("", "a", vec![]),
            ("(", "(", vec![]),
        ] {
            let found: Vec<&str> = Highlights::of(query).ranges(line).into_iter().map(|range| &line[range]).collect();
            assert_eq!(found, want, "{query}");
        }
    }
}
