//! What an engine may conclude from a query before it looks at any record.

use super::text::tokens;
use super::value::shortest_number;
use super::{Fixed, Glob, GlobPart, Pattern, Query, Test};

/// Tokens that a record must contain to match, as a tree: for an index that knows which tokens *may* stand in a page.
///
/// A token counts as contained when it is a token of the line, or of the value of any parsed field: a value that had
/// to be unescaped (JSON's `\u0041`), or that begins or ends inside a token of the line, is not in the line as it
/// stands, so an index must hold the tokens of such values too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Required {
    /// Nothing is required.
    Nothing,
    /// This token, lowercased.
    Token(Box<[u8]>),
    /// All of these.
    All(Vec<Required>),
    /// One of these.
    Any(Vec<Required>),
}

impl Required {
    /// Whether records can match where `has` tells which tokens may be there.
    pub fn may_match(&self, has: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        match self {
            Self::Nothing => true,
            Self::Token(token) => has(token),
            Self::All(list) => list.iter().all(|required| required.may_match(has)),
            Self::Any(list) => list.iter().any(|required| required.may_match(has)),
        }
    }

    fn all(list: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for required in list {
            match required {
                Self::Nothing => {}
                Self::All(inner) => flat.extend(inner),
                required => flat.push(required),
            }
        }
        match flat.len() {
            0 => Self::Nothing,
            1 => flat.remove(0),
            _ => Self::All(flat),
        }
    }
}

/// A literal that stands in a matching line, ASCII case ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// The bytes, lowercased.
    pub bytes: Vec<u8>,
    /// Whether finding it in a line, with its ends at edges of tokens, is already the whole answer.
    pub decides: bool,
}

pub(super) fn required(query: &Query) -> Required {
    match query {
        Query::All | Query::Not(_) => Required::Nothing,
        Query::And(list) => Required::all(list.iter().map(required)),
        Query::Or(list) => {
            let list: Vec<_> = list.iter().map(required).collect();
            if list.contains(&Required::Nothing) { Required::Nothing } else { Required::Any(list) }
        }
        Query::Line(pattern) => of_pattern(pattern),
        Query::Field { name, .. } if Fixed::from_name(name).is_some() || name == "path" => Required::Nothing,
        Query::Field { test, .. } => match test {
            Test::Exists | Test::Range { .. } => Required::Nothing,
            Test::Equals(text) => of_text(text),
            Test::Matches(Pattern::Text(text)) => match shortest_number(text.as_bytes()) {
                // 1.5 is found in 1.50: only the part before the point is the same token in both.
                Some(number) => of_text(number.split('.').next().unwrap_or_default()),
                None => of_text(text),
            },
            Test::Matches(pattern) => of_pattern(pattern),
        },
    }
}

fn of_text(text: &str) -> Required {
    Required::all(tokens(text.as_bytes()).map(|token| Required::Token(token.to_ascii_lowercase().into())))
}

fn of_pattern(pattern: &Pattern) -> Required {
    match pattern {
        Pattern::Text(text) => of_text(text),
        Pattern::Glob(glob) => of_glob(glob),
        Pattern::Regex(_) => Required::Nothing,
    }
}

/// The tokens of a pattern that no wildcard touches.
fn of_glob(glob: &Glob) -> Required {
    let mut all = Vec::new();
    for (n, part) in glob.parts.iter().enumerate() {
        let GlobPart::Text(text) = part else { continue };
        let text = text.as_bytes();
        let mut whole = 0..text.len();
        let token_byte = |at: usize| super::is_token_byte(text[at]);
        if n > 0 {
            whole.start = (0..text.len()).find(|at| !token_byte(*at)).unwrap_or(text.len());
        }
        if n + 1 < glob.parts.len() {
            whole.end = (0..text.len()).rev().find(|at| !token_byte(*at)).map_or(0, |at| at + 1);
        }
        if whole.start < whole.end {
            all.extend(tokens(&text[whole]).map(|token| Required::Token(token.to_ascii_lowercase().into())));
        }
    }
    Required::all(all)
}

pub(super) fn needles(query: &Query) -> Option<Vec<Needle>> {
    match query {
        Query::And(list) => {
            // The list whose shortest member is longest is, as a rule, found least often.
            let lists = list.iter().filter_map(needles);
            let mut best = lists.max_by_key(|list| list.iter().map(|needle| needle.bytes.len()).min())?;
            best.iter_mut().for_each(|needle| needle.decides = false);
            Some(best)
        }
        Query::Or(list) => list.iter().map(needles).collect::<Option<Vec<_>>>().map(|lists| lists.concat()),
        Query::Line(Pattern::Text(text)) if !text.is_empty() => Some(vec![needle(text, true)]),
        Query::Line(Pattern::Glob(glob)) => {
            let texts = glob.parts.iter().filter_map(|part| match part {
                GlobPart::Text(text) => Some(text),
                _ => None,
            });
            texts.max_by_key(|text| text.len()).map(|text| vec![needle(text, false)])
        }
        _ => None,
    }
}

fn needle(text: &str, decides: bool) -> Needle {
    Needle { bytes: text.as_bytes().to_ascii_lowercase(), decides }
}
