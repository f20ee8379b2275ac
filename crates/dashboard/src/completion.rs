//! What may stand at the caret of a query line. Pure: the store's fields and values are handed in.
//!
//! Decision: by the text before the caret alone, read as the query language reads it, but forgiving: who types is in
//! the middle of it.

use store::query::Fixed;

/// What is looked for at the caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Within a regular expression, a phrase, a range: nothing that could be known.
    Nothing,
    /// A field or a word that joins terms; it begins so.
    Word(String),
    /// A value of a field; it begins so.
    Value { field: String, begin: String },
}

/// Where the caret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caret {
    /// The first character of what a suggestion takes the place of.
    pub from: usize,
    /// Behind its last.
    pub to: usize,
    pub wanted: Wanted,
    /// Whether a term stands before it, so that a word may join them.
    pub follows: bool,
    /// The query without the term that is typed.
    pub rest: String,
}

/// What a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Field,
    Value,
    Keyword,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Value => "value",
            Self::Keyword => "keyword",
        }
    }
}

/// The term around the caret: where it begins, and where its colon and its opening quote are.
#[derive(Default)]
struct Term {
    start: usize,
    colon: Option<usize>,
    quote: Option<usize>,
}

/// Looks at a query with so many characters before the caret.
pub(crate) fn caret(text: &str, at: usize) -> Caret {
    let chars: Vec<char> = text.chars().collect();
    let at = at.min(chars.len());
    let mut term = Term::default();
    let (mut n, mut in_range, mut in_regex) = (0, false, false);
    while n < at {
        let char = chars[n];
        let is_value = term.colon.is_some_and(|colon| colon + 1 == n);
        if char == '\\' {
            n += 1;
        } else if term.quote.is_some() {
            term.quote = term.quote.filter(|_| char != '"');
        } else if in_regex {
            in_regex = char != '/';
        } else if in_range {
            in_range = !matches!(char, ']' | '}');
        } else {
            match char {
                '"' => term.quote = Some(n),
                '(' | ')' => term = Term { start: n + 1, ..Term::default() },
                _ if char.is_whitespace() => term = Term { start: n + 1, ..Term::default() },
                '[' | '{' if is_value => in_range = true,
                '/' if is_value || n == term.start => in_regex = true,
                ':' if term.colon.is_none() && n > term.start => term.colon = Some(n),
                '-' | '+' if n == term.start => term.start = n + 1,
                _ => {}
            }
        }
        n += 1;
    }
    let from_value = term.colon.map(|colon| {
        let signs = chars[colon + 1..at].iter().take_while(|char| matches!(char, '=' | '>' | '<')).count();
        colon + 1 + signs
    });
    let mut from = from_value.unwrap_or(term.start).min(at);
    let end = |from: usize| {
        let stops = |char: &char| char.is_whitespace() || matches!(char, '(' | ')' | '"');
        from + chars[from..].iter().position(stops).unwrap_or(chars.len() - from)
    };
    let mut to = end(at);
    if term.quote.is_some() && chars.get(to) == Some(&'"') {
        to += 1;
    }
    let begin: String = chars[from..at].iter().collect();
    let begin = begin.trim_matches('"').replace('\\', "");
    let wanted = match (term.colon, term.quote) {
        _ if in_range || in_regex => Wanted::Nothing,
        (Some(colon), quote) if quote.is_none_or(|quote| quote == from) => {
            let field: String = chars[term.start..colon].iter().filter(|char| **char != '\\').collect();
            Wanted::Value { field, begin }
        }
        (None, None) => {
            // A field is taken in whole, with its colon.
            if let Some(colon) = chars[at..to].iter().position(|char| *char == ':') {
                to = at + colon + 1;
            }
            Wanted::Word(begin)
        }
        _ => Wanted::Nothing,
    };
    if wanted == Wanted::Nothing {
        (from, to) = (at, at);
    }
    let follows = chars[..term.start].iter().any(|char| !char.is_whitespace() && *char != '(');
    let rest: String = chars[..term.start].iter().chain(&chars[to..]).collect();
    Caret { from, to, wanted, follows, rest: rest.trim().trim_end_matches(['-', '+']).trim().to_owned() }
}

/// Fields that every record has, besides those that were parsed.
const OWN: [&str; 9] = ["level", "stream", "host", "path", "file", "time", "format", "source", "id"];
const KEYWORDS: [&str; 3] = ["AND", "OR", "NOT"];

/// Fields and keywords that begin so or, behind those, contain it. The common ones first.
pub(crate) fn words(
    caret: &Caret,
    begin: &str,
    known: impl IntoIterator<Item = (String, u64)>,
) -> Vec<(String, Kind, Option<u64>)> {
    let part = begin.to_lowercase();
    let own = OWN.iter().map(|name| ((*name).to_owned(), None));
    let known = known.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let mut found: Vec<_> = own.chain(known.map(|(name, records)| (name, Some(records)))).collect();
    found.retain(|(name, _)| name.to_lowercase().contains(&part));
    // Stable: among equals, our own first, then by number of records, as they came.
    found.sort_by_key(|(name, _)| !name.to_lowercase().starts_with(&part));
    let fields = found.into_iter().map(|(name, count)| (format!("{}:", escaped_name(&name)), Kind::Field, count));
    let may =
        |word: &&str| (caret.follows || *word == "NOT") && !part.is_empty() && word.to_lowercase().starts_with(&part);
    let keywords = KEYWORDS.into_iter().filter(may).map(|word| (format!("{word} "), Kind::Keyword, None));
    keywords.chain(fields).collect()
}

/// Values that begin so, then those that contain it.
pub(crate) fn values(
    field: &str,
    begin: &str,
    counted: impl IntoIterator<Item = (String, u64)>,
) -> Vec<(String, Kind, Option<u64>)> {
    let part = begin.to_lowercase();
    let mut found: Vec<(String, Option<u64>)> =
        counted.into_iter().map(|(value, count)| (value, Some(count))).collect();
    let fixed: &[&str] = match Fixed::from_name(field) {
        Some(Fixed::Level) => &model::Level::ALL.map(model::Level::name),
        Some(Fixed::Mark) => &model::Marks::NAMES.map(|(_, name)| name),
        _ => &[],
    };
    for name in fixed {
        if !found.iter().any(|(value, _)| value == name) {
            found.push(((*name).to_owned(), None));
        }
    }
    found.retain(|(value, _)| value.to_lowercase().contains(&part));
    found.sort_by_key(|(value, _)| !value.to_lowercase().starts_with(&part));
    found.into_iter().map(|(value, count)| (quoted(&value), Kind::Value, count)).collect()
}

/// A field's name as a query needs it.
fn escaped_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for char in name.chars() {
        if !(char.is_alphanumeric() || matches!(char, '_' | '@' | '$' | '.' | '-')) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// A value as a query needs it.
fn quoted(value: &str) -> String {
    let is_bare = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '-' | '@');
    let begins = value.chars().next().is_some_and(char::is_alphanumeric);
    if begins && value.chars().all(is_bare) && !KEYWORDS.contains(&value) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::Query;

    use super::*;

    fn word(begin: &str) -> Wanted {
        Wanted::Word(begin.to_owned())
    }

    fn value(field: &str, begin: &str) -> Wanted {
        Wanted::Value { field: field.to_owned(), begin: begin.to_owned() }
    }

    #[test]
    fn knows_what_is_typed() {
        // `|` is the caret; the part that is replaced is between `<` and `>`.
        for (typed, replaced, wanted) in [
            ("|", "", word("")),
            ("le|", "le", word("le")),
            ("a AND st|", "st", word("st")),
            ("-ho|", "ho", word("ho")),
            ("(lev|", "lev", word("lev")),
            ("level:|", "", value("level", "")),
            ("level:er|", "er", value("level", "er")),
            ("level:er|r x", "err", value("level", "er")),
            ("a level:>=w|", "w", value("level", "w")),
            ("msg:\"not f|", "\"not f", value("msg", "not f")),
            ("msg:\"not f|\" b", "\"not f\"", value("msg", "not f")),
            ("\"some te|", "", Wanted::Nothing),
            ("/reg|", "", Wanted::Nothing),
            ("status:[500 T|", "", Wanted::Nothing),
            ("le|vel:error", "level:", word("le")),
            ("status:[500 TO 599] us|", "us", word("us")),
            ("a\\:b|", "a\\:b", word("a:b")),
            ("level:error | x", "", word("")),
        ] {
            let at = typed.chars().position(|char| char == '|').expect("a caret");
            let text = typed.replacen('|', "", 1);
            let found = caret(&text, at);
            let part: String = text.chars().skip(found.from).take(found.to - found.from).collect();
            assert_eq!((part.as_str(), &found.wanted), (replaced, &wanted), "{typed}");
        }
        assert_eq!(caret("a level:er b", 10).rest, "a  b");
        assert_eq!(caret("a -level:er", 11).rest, "a");
    }

    #[test]
    fn suggests_fields_then_values() {
        let known = || [("status".to_owned(), 9), ("user name".to_owned(), 4), ("level".to_owned(), 3)];
        let texts = |typed: &str| {
            let caret = caret(typed, usize::MAX);
            let Wanted::Word(begin) = &caret.wanted else { panic!("{caret:?}") };
            words(&caret, begin, known()).into_iter().map(|(text, ..)| text).collect::<Vec<_>>()
        };
        assert_eq!(texts("st"), ["stream:", "status:", "host:"]);
        assert_eq!(texts("user"), ["user\\ name:"]);
        assert_eq!(texts("x an"), ["AND "]);
        assert_eq!(texts("an"), [""; 0]);
        let found = values("level", "e", [("error".to_owned(), 7), ("warn".to_owned(), 1)]);
        let shown: Vec<_> = found.iter().map(|(text, _, count)| (text.as_str(), *count)).collect();
        assert_eq!(shown, [("error", Some(7)), ("trace", None), ("debug", None)]);
        assert_eq!(values("user", "", [("an \"n\"".to_owned(), 1)])[0].0, "\"an \\\"n\\\"\"");
    }

    proptest! {
        #[test]
        fn any_text_and_caret_do(text in "[a-z:\"/\\\\(\\[\\] =>-]{0,20}|.{0,20}", at in 0usize..30) {
            let found = caret(&text, at);
            let chars = text.chars().count();
            prop_assert!(found.from <= found.to && found.to <= chars, "{found:?}");
            prop_assert!(found.from <= at.min(chars) && at.min(chars) <= found.to, "{found:?}");
        }

        #[test]
        fn a_suggested_value_is_found_again(value in "[a-zA-Z0-9_.@:/\" \\\\-]{1,12}") {
            let text = values("user", "", [(value.clone(), 1)]).remove(0).0;
            let query = Query::parse(&format!("user:{text}")).expect("a query");
            let test = store::query::Test::Matches(store::query::Pattern::Text(value));
            prop_assert_eq!(query, Query::Field { name: "user".to_owned(), test });
        }
    }
}
