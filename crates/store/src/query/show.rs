//! A query as text again, such that parsing the text gives the same query.

use std::fmt::{self, Display, Formatter, Write as _};
use std::ops::Bound;

use super::{GlobPart, Pattern, Query, Test};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::And(list) => joined(f, list, " "),
            Self::Or(list) => joined(f, list, " OR "),
            Self::Not(query) => {
                f.write_str("NOT ")?;
                part(f, query)
            }
            Self::Line(pattern) => pattern.fmt(f),
            Self::Field { name, test } => {
                for c in name.chars() {
                    escaped(f, c, c.is_alphanumeric() || matches!(c, '_' | '@' | '$' | '.' | '-' | '/'))?;
                }
                f.write_char(':')?;
                test.fmt(f)
            }
        }
    }
}

fn joined(f: &mut Formatter<'_>, list: &[Query], with: &str) -> fmt::Result {
    for (n, query) in list.iter().enumerate() {
        if n > 0 {
            f.write_str(with)?;
        }
        part(f, query)?;
    }
    Ok(())
}

fn part(f: &mut Formatter<'_>, query: &Query) -> fmt::Result {
    match query {
        Query::And(_) | Query::Or(_) => write!(f, "({query})"),
        _ => query.fmt(f),
    }
}

fn escaped(f: &mut Formatter<'_>, c: char, bare: bool) -> fmt::Result {
    if !bare {
        f.write_char('\\')?;
    }
    f.write_char(c)
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_char('*'),
            Self::Equals(text) => write!(f, "={}", Text(text)),
            Self::Matches(pattern) => pattern.fmt(f),
            Self::Range { low, high } => {
                match low {
                    Bound::Unbounded => f.write_str("[*")?,
                    Bound::Included(text) => write!(f, "[{}", Text(text))?,
                    Bound::Excluded(text) => write!(f, "{{{}", Text(text))?,
                }
                f.write_str(" TO ")?;
                match high {
                    Bound::Unbounded => f.write_str("*]"),
                    Bound::Included(text) => write!(f, "{}]", Text(text)),
                    Bound::Excluded(text) => write!(f, "{}}}", Text(text)),
                }
            }
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Text(text).fmt(f),
            Self::Glob(glob) => glob.parts.iter().try_for_each(|part| match part {
                GlobPart::One => f.write_char('?'),
                GlobPart::Many => f.write_char('*'),
                GlobPart::Text(text) => text.chars().try_for_each(|c| escaped(f, c, c.is_alphanumeric())),
            }),
            Self::Regex(text) => {
                let awkward = text.ends_with(|c: char| c.is_whitespace() || c == ':');
                f.write_str(if awkward { "/(?:" } else { "/" })?;
                let mut escape = false;
                for c in text.chars() {
                    escaped(f, c, c != '/' || escape)?;
                    escape = c == '\\' && !escape;
                }
                f.write_str(if awkward { ")/" } else { "/" })
            }
        }
    }
}

/// Text, quoted where it would mean something else bare.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0;
        let operator = matches!(text, "AND" | "OR" | "NOT" | "TO");
        let bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '@' | ',' | '%' | '#');
        if !operator && text.starts_with(|c: char| c.is_alphanumeric() || c == '_') && text.chars().all(bare) {
            return f.write_str(text);
        }
        f.write_char('"')?;
        for c in text.chars() {
            escaped(f, c, !matches!(c, '"' | '\\'))?;
        }
        f.write_char('"')
    }
}
