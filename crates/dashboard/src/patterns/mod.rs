//! Lines of the same shape: what a program says often, and what it has hardly ever said. Pure.
//!
//! Decision: two steps. A line is masked first ([`mask`]: numbers, times, addresses), and lines with the same mask are
//! one pattern by one look into a table. A mask that is new is compared with the patterns that have the same
//! separators: where most of the words agree, the others become `<*>`. Lines of different levels are never one
//! pattern, for an error among thousands of like lines is what is looked for. Everything is bounded: what finds no
//! place any more is counted as the rest.

mod mask;

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use base::Timestamp;
use model::{Level, RecordId};
use store::Query;
use store::query::Pattern as TextPattern;

use mask::{ANY, Masked, is_literal, is_mask};

/// Patterns at most.
const PATTERNS_MAX: usize = 2000;
/// Masks remembered at most.
const MASKS_MAX: usize = 20_000;
/// Patterns with the same separators that a new mask is compared with.
const COMPARED_MAX: usize = 64;
/// At least so much of the words must agree, in per cent.
const ALIKE: usize = 60;
/// Phrases of a query at most.
const PHRASES_MAX: usize = 4;

/// Lines of one shape.
#[derive(Debug)]
pub(crate) struct Pattern {
    gaps: Vec<String>,
    words: Vec<String>,
    cut: bool,
    pub level: Level,
    pub count: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    /// One of them: the first that was given.
    pub example: RecordId,
}

/// Gathers patterns.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    list: Vec<Pattern>,
    /// By hash of level, separators and words.
    by_mask: HashMap<u64, usize>,
    /// By hash of level and separators.
    by_gaps: HashMap<u64, Vec<usize>>,
    /// Lines that found no place.
    rest: u64,
    total: u64,
}

impl Patterns {
    /// Adds a line.
    pub(crate) fn add(&mut self, line: &[u8], level: Level, time: Timestamp, id: RecordId) {
        self.total += 1;
        let masked = Masked::of(line);
        let gaps = hash(&(level as u8, masked.cut, &masked.gaps));
        let exact = hash(&(gaps, &masked.words));
        let found = self.by_mask.get(&exact).copied().or_else(|| self.alike(gaps, &masked.words));
        let at = match found {
            Some(at) => at,
            None if self.list.len() < PATTERNS_MAX => {
                self.by_gaps.entry(gaps).or_default().push(self.list.len());
                let Masked { gaps, words, cut } = masked;
                self.list.push(Pattern { gaps, words, cut, level, count: 0, first: time, last: time, example: id });
                self.list.len() - 1
            }
            None => {
                self.rest += 1;
                return;
            }
        };
        if self.by_mask.len() < MASKS_MAX {
            self.by_mask.insert(exact, at);
        }
        let pattern = &mut self.list[at];
        pattern.count += 1;
        pattern.first = pattern.first.min(time);
        pattern.last = pattern.last.max(time);
    }

    /// The pattern that is most like these words, which it takes in.
    fn alike(&mut self, gaps: u64, words: &[String]) -> Option<usize> {
        let candidates = self.by_gaps.get(&gaps)?.iter().rev().take(COMPARED_MAX);
        let scored = candidates.map(|at| (likeness(&self.list[*at].words, words), *at));
        let (score, at) = scored.max_by_key(|(score, _)| *score)?;
        if score < ALIKE {
            return None;
        }
        for (known, word) in self.list[at].words.iter_mut().zip(words) {
            if known != word {
                ANY.clone_into(known);
            }
        }
        Some(at)
    }

    /// All of them, and how many lines are in none.
    pub(crate) fn into_parts(self) -> (Vec<Pattern>, u64) {
        (self.list, self.rest)
    }

    /// Lines added.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }
}

/// How many of a hundred words agree, of those that are not masked in both; 0 where none agrees.
fn likeness(known: &[String], words: &[String]) -> usize {
    let (mut alike, mut compared) = (0, 0);
    for (known, word) in known.iter().zip(words) {
        // What has become `<*>` still counts as a word that differs, or a pattern would lose one word after another.
        if is_mask(known) && is_mask(word) {
            continue;
        }
        compared += 1;
        alike += usize::from(known == word);
    }
    match compared {
        // Nothing but masks, in both: what differs is the kind of mask.
        0 if !words.is_empty() && words.iter().all(|word| is_mask(word)) => 100,
        0 => 0,
        _ => alike * 100 / compared,
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Pattern {
    /// As people read it.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (gap, word) in self.gaps.iter().zip(self.words.iter().map(String::as_str).chain([""])) {
            out.push_str(gap);
            out.push_str(word);
        }
        if self.cut {
            out.push_str(if out.is_empty() || out.ends_with(' ') { ANY } else { " <*>" });
        }
        out
    }

    /// A query that finds every line of this shape, and others as few as the language can say: its longest phrases,
    /// in the order of the line, and its level.
    pub(crate) fn query(&self) -> Query {
        let mut phrases: Vec<(usize, String)> = Vec::new();
        let mut goes_on = false;
        for (n, word) in self.words.iter().enumerate() {
            if !is_literal(word) {
                goes_on = false;
                continue;
            }
            match phrases.last_mut().filter(|_| goes_on && self.gaps[n] == " ") {
                Some((_, phrase)) => {
                    phrase.push(' ');
                    phrase.push_str(word);
                }
                None => phrases.push((n, word.clone())),
            }
            goes_on = true;
        }
        phrases.sort_by_key(|(n, phrase)| (std::cmp::Reverse(phrase.len()), *n));
        phrases.truncate(PHRASES_MAX);
        phrases.sort_unstable();
        let phrases = phrases.into_iter().map(|(_, phrase)| Query::Line(TextPattern::Text(phrase)));
        let level = Query::Field {
            name: "level".to_owned(),
            test: store::query::Test::Matches(TextPattern::Text(self.level.name().to_owned())),
        };
        std::iter::once(level).chain(phrases).fold(Query::all(), Query::and)
    }
}

#[cfg(test)]
mod tests {
    use model::{Format, Generation, Marks, SourceId, SourceKey};
    use proptest::prelude::*;
    use store::Hit;
    use store::query::compile;

    use super::*;

    const ID: RecordId = RecordId { key: SourceKey { source: SourceId(1), generation: Generation(0) }, offset: 0 };

    fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Pattern> {
        let mut patterns = Patterns::default();
        for (n, line) in lines.into_iter().enumerate() {
            patterns.add(line.as_bytes(), Level::Info, Timestamp::from_micros(n as i64), ID);
        }
        patterns.into_parts().0
    }

    fn texts(patterns: &[Pattern]) -> Vec<(String, u64)> {
        patterns.iter().map(|pattern| (pattern.text(), pattern.count)).collect()
    }

    #[test]
    fn lines_of_a_shape_are_one() {
        let found = of([
            "user ann logged in from 10.0.0.1",
            "user bob logged in from 10.0.0.2",
            "cannot open /etc/passwd: permission denied",
            "user eve logged in from 10.9.0.1",
            "GET /a 200 in 3 ms",
            "GET /b 500 in 30 ms",
        ]);
        assert_eq!(
            texts(&found),
            [
                ("user <*> logged in from <ip>".to_owned(), 3),
                ("cannot open /etc/passwd: permission denied".to_owned(), 1),
                ("GET <*> <num> in <num> ms".to_owned(), 2),
            ]
        );
        assert_eq!((found[0].first.as_micros(), found[0].last.as_micros()), (0, 3));
        assert_eq!(found[0].query().to_string(), "level:info user \"logged in from\"");
    }

    #[test]
    fn different_lines_stay_apart() {
        for pair in [
            ["started", "stopped"],
            ["disk full", "disk empty"],
            ["{\"a\":1}", "{\"b\":1}"],
            ["1 2 3", "1 2 3 4"],
            ["", "x"],
        ] {
            assert_eq!(of(pair).len(), 2, "{pair:?}");
        }
        let mut patterns = Patterns::default();
        patterns.add(b"same", Level::Info, Timestamp::MIN, ID);
        patterns.add(b"same", Level::Error, Timestamp::MIN, ID);
        assert_eq!(patterns.into_parts().0.len(), 2, "levels");
    }

    #[test]
    fn there_is_an_end_of_patterns() {
        let mut patterns = Patterns::default();
        let letters = |n: usize| ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][n % 10];
        for n in 0..10_000 {
            let word: String = [1, 10, 100, 1000].map(|by| letters(n / by)).concat();
            patterns.add(format!("{word}z {word}y").as_bytes(), Level::Info, Timestamp::MIN, ID);
        }
        assert_eq!(patterns.total(), 10_000);
        let (list, rest) = patterns.into_parts();
        assert_eq!(list.len(), PATTERNS_MAX);
        assert_eq!(list.iter().map(|pattern| pattern.count).sum::<u64>() + rest, 10_000);
    }

    fn hit(line: &[u8], level: Level) -> Hit {
        Hit {
            id: ID,
            time: Timestamp::MIN,
            stream: String::new(),
            host: String::new(),
            path: String::new(),
            level,
            format: Format::Plain,
            marks: Marks::default(),
            line: line.to_vec(),
            size: 0,
            fields: Vec::new(),
        }
    }

    fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let word = prop_oneof![
            Just(b"user ".to_vec()),
            Just(b"logged in ".to_vec()),
            Just(b"from: ".to_vec()),
            Just(b"\"key\":\"".to_vec()),
            Just(b"/path/x-y?a=b&c ".to_vec()),
            "[a-z0-9:./\"\\\\ -]{0,8}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..4),
        ];
        let line = proptest::collection::vec(word, 0..8).prop_map(|words| words.concat());
        proptest::collection::vec(line, 1..30)
    }

    proptest! {
        #[test]
        fn its_query_finds_every_line_of_a_pattern(lines in lines()) {
            let mut patterns = Patterns::default();
            let mut member = Vec::new();
            for line in &lines {
                let before: Vec<u64> = patterns.list.iter().map(|pattern| pattern.count).collect();
                patterns.add(line, Level::Warn, Timestamp::MIN, ID);
                let grown = |(n, pattern): (usize, &Pattern)| before.get(n).copied().unwrap_or(0) < pattern.count;
                member.push(patterns.list.iter().enumerate().position(|(n, pattern)| grown((n, pattern))));
            }
            for (line, at) in lines.iter().zip(member) {
                let pattern = &patterns.list[at.expect("there is room")];
                let query = pattern.query();
                let text = query.to_string();
                let read = Query::parse(&text).expect("its own text");
                prop_assert!(compile(&read).expect("compiles").matches(&hit(line, Level::Warn)), "{text} for {:?}", pattern);
            }
        }
    }
}
