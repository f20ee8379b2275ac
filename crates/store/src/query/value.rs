//! Tests of texts and values, made ready.

use std::cmp::Ordering;
use std::ops::Bound;

use regex::bytes::{Regex, RegexBuilder};

use super::text::Finder;
use super::{Glob, GlobPart, Pattern, Test};

/// A pattern of text made ready.
#[derive(Clone, Debug)]
pub enum TextTest {
    /// Matches everything.
    All,
    /// A literal whose ends are at edges of tokens.
    Literal(Finder),
    /// A literal anywhere (`*text*`).
    Substring(Finder),
    /// With wildcards.
    Glob(GlobTest),
    /// A regular expression.
    Regex(Regex),
}

/// A pattern with wildcards made ready.
#[derive(Clone, Debug)]
pub struct GlobTest {
    glob: Glob,
    longest: Option<Finder>,
}

impl GlobTest {
    /// The pattern.
    pub const fn glob(&self) -> &Glob {
        &self.glob
    }

    fn new(glob: &Glob) -> Self {
        let texts = glob.parts.iter().filter_map(|part| match part {
            GlobPart::Text(text) => Some(text),
            _ => None,
        });
        let longest = texts.max_by_key(|text| text.len()).map(|text| Finder::new(text.as_bytes()));
        Self { glob: glob.clone(), longest }
    }

    /// What stands in everything that matches, if there is such a thing.
    pub const fn prefilter(&self) -> Option<&Finder> {
        self.longest.as_ref()
    }

    /// Whether it matches somewhere in `hay`.
    pub fn is_match(&self, hay: &[u8]) -> bool {
        self.longest.as_ref().is_none_or(|text| text.find(hay, 0).is_some()) && self.glob.is_match(hay)
    }
}

/// Most memory that a compiled regular expression takes.
const REGEX_BYTES_MAX: usize = 4 << 20;

impl TextTest {
    pub(super) fn new(pattern: &Pattern) -> Result<Self, String> {
        Ok(match pattern {
            Pattern::Text(text) if text.is_empty() => Self::All,
            Pattern::Text(text) => Self::Literal(Finder::new(text.as_bytes())),
            Pattern::Glob(glob) if glob.is_all() => Self::All,
            Pattern::Glob(glob) => match glob.substring() {
                Some(text) => Self::Substring(Finder::new(text.as_bytes())),
                None => Self::Glob(GlobTest::new(glob)),
            },
            Pattern::Regex(text) => Self::Regex(regex(text)?),
        })
    }

    /// Whether it matches somewhere in `hay`.
    pub fn is_match(&self, hay: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Literal(finder) => finder.finds_word(hay),
            Self::Substring(finder) => finder.find(hay, 0).is_some(),
            Self::Glob(glob) => glob.is_match(hay),
            Self::Regex(regex) => regex.is_match(hay),
        }
    }
}

/// A regular expression, or what is wrong with it in one line.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).nest_limit(100).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too big; make it simpler".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("the regular expression is wrong: {}", last.trim().trim_start_matches("error: "))
        }
    })
}

/// A test of a value made ready.
#[derive(Clone, Debug)]
pub enum ValueTest {
    /// Any value.
    Exists,
    /// The whole value, ASCII case ignored (given lowercased).
    Equals(Box<[u8]>),
    /// A plain decimal number, in its shortest form; and the text, for values that are none.
    Number(Box<str>, TextTest),
    /// The value matches.
    Text(TextTest),
    /// The value lies between.
    Range(Bound<Limit>, Bound<Limit>),
}

/// An end of a range.
#[derive(Clone, Debug)]
pub enum Limit {
    /// Of numbers.
    Number(f64, Option<i64>),
    /// Of text, lowercased.
    Text(Box<[u8]>),
}

impl ValueTest {
    pub(super) fn new(test: &Test) -> Result<Self, String> {
        Ok(match test {
            Test::Exists => Self::Exists,
            Test::Equals(text) => Self::Equals(text.to_ascii_lowercase().into_bytes().into()),
            Test::Matches(Pattern::Text(text)) if text.is_empty() => Self::Equals(Box::default()),
            Test::Matches(pattern) => {
                let matches = TextTest::new(pattern)?;
                match pattern {
                    Pattern::Text(text) => match shortest_number(text.as_bytes()) {
                        Some(number) => Self::Number(number.into(), matches),
                        None => Self::Text(matches),
                    },
                    _ => Self::Text(matches),
                }
            }
            Test::Range { low, high } => {
                Self::Range(low.as_ref().map(|text| Limit::new(text)), high.as_ref().map(|text| Limit::new(text)))
            }
        })
    }

    /// Whether a value passes.
    pub fn is_match(&self, value: &[u8]) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals(text) => value.eq_ignore_ascii_case(text),
            Self::Number(number, text) => match shortest_number(value) {
                Some(value) => value == &**number,
                None => text.is_match(value),
            },
            Self::Text(text) => text.is_match(value),
            Self::Range(low, high) => {
                let above = match low {
                    Bound::Unbounded => true,
                    Bound::Included(limit) => limit.compare(value).is_some_and(Ordering::is_ge),
                    Bound::Excluded(limit) => limit.compare(value).is_some_and(Ordering::is_gt),
                };
                above
                    && match high {
                        Bound::Unbounded => true,
                        Bound::Included(limit) => limit.compare(value).is_some_and(Ordering::is_le),
                        Bound::Excluded(limit) => limit.compare(value).is_some_and(Ordering::is_lt),
                    }
            }
        }
    }
}

impl Limit {
    fn new(text: &str) -> Self {
        match any_number(text.as_bytes()) {
            Some(number) => Self::Number(number, text.parse().ok()),
            None => Self::Text(text.to_ascii_lowercase().into_bytes().into()),
        }
    }

    /// How a value stands to this limit; `None` where one is a number and the other is not.
    fn compare(&self, value: &[u8]) -> Option<Ordering> {
        match self {
            Self::Number(limit, whole) => {
                let number = any_number(value)?;
                let exact =
                    whole.and_then(|limit| Some((std::str::from_utf8(value).ok()?.parse::<i64>().ok()?, limit)));
                match exact {
                    Some((value, limit)) => Some(value.cmp(&limit)),
                    None => number.partial_cmp(limit),
                }
            }
            Self::Text(limit) => {
                if any_number(value).is_some() {
                    return None;
                }
                Some(value.iter().map(u8::to_ascii_lowercase).cmp(limit.iter().copied()))
            }
        }
    }
}

/// A plain decimal number without what can be left out (`-0` is `0`, `1.50` is `1.5`); `None` where it is none.
///
/// No exponent, no plus, no leading zeros: so that equal numbers have the same token before the point, which is what
/// makes it right to look for that token in an index.
pub(super) fn shortest_number(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let short = if digits.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Some(if short == "-0" { "0" } else { short })
}

/// A number in any usual form, as ranges compare it: `7`, `-0.5`, `1e3`; `None` where it is none.
pub fn any_number(text: &[u8]) -> Option<f64> {
    let first = *text.first()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok().filter(|number: &f64| number.is_finite())
}
