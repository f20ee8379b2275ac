//! Names of indices. An index is a stream.

use store::Query;

use crate::EsError;

/// Longest name, in bytes.
const NAME_MAX: usize = 255;
/// Most parts of an expression.
const PARTS_MAX: usize = 256;

/// Which indices are asked: `logs-*,-logs-old`, `_all`, or nothing for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    excluded: bool,
}

impl Wanted {
    /// Reads an expression.
    ///
    /// # Errors
    /// `invalid_index_name_exception` for names of dates to be computed, and of other clusters.
    pub fn read(expression: &str) -> Result<Self, EsError> {
        let mut parts = Vec::new();
        for name in expression.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name.starts_with('<') {
                return Err(EsError::index_name(
                    name,
                    "names computed from dates are not supported by logdrive; use a pattern like [logs-*]",
                ));
            }
            if name.contains(':') {
                return Err(EsError::index_name(name, "other clusters are not asked by logdrive"));
            }
            if parts.len() == PARTS_MAX {
                return Err(EsError::illegal(format!("at most {PARTS_MAX} indices are named at once")));
            }
            let excluded = !parts.is_empty() && name.starts_with('-');
            let name = if excluded { &name[1..] } else { name };
            parts.push(Part { name: if name == "_all" { "*".to_owned() } else { name.to_owned() }, excluded });
        }
        Ok(Self(parts))
    }

    /// Whether every index is meant, whichever there are.
    pub fn is_all(&self) -> bool {
        self.0.is_empty() || (self.0.iter().all(|part| !part.excluded) && self.0.iter().any(|part| part.name == "*"))
    }

    /// Those among the known ones that are meant, in their order.
    ///
    /// # Errors
    /// `index_not_found_exception` where one is named that is not there, unless that is to be ignored.
    pub fn among(&self, known: &[String], ignore_missing: bool) -> Result<Vec<String>, EsError> {
        if self.is_all() {
            return Ok(known.to_vec());
        }
        let missing = |part: &&Part| !part.name.contains('*') && !part.excluded && !known.contains(&part.name);
        if let Some(part) = self.0.iter().find(missing).filter(|_| !ignore_missing) {
            return Err(EsError::no_index(&part.name));
        }
        let is_in = |name: &String| {
            self.0.iter().fold(false, |is, part| if matches(&part.name, name) { !part.excluded } else { is })
        };
        Ok(known.iter().filter(|name| is_in(name)).cloned().collect())
    }
}

/// The records of these indices.
pub fn query(names: &[String]) -> Query {
    let mut list: Vec<Query> = names.iter().map(|name| Query::equals("stream", name.as_str())).collect();
    match list.len() {
        0 => Query::Not(Box::new(Query::All)),
        1 => list.remove(0),
        _ => Query::Or(list),
    }
}

/// Whether a name fits a pattern with `*`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether documents may be written to an index of this name.
///
/// # Errors
/// `invalid_index_name_exception`, by Elasticsearch's own rules.
pub fn check(name: &str) -> Result<(), EsError> {
    let wrong = |reason: &str| Err(EsError::index_name(name, reason));
    if name.starts_with('<') {
        return wrong("names computed from dates are not supported by logdrive; let the shipper put the date in");
    }
    if name.is_empty() || name.len() > NAME_MAX {
        return wrong("it must have 1 to 255 bytes");
    }
    if name.starts_with(['-', '_', '+']) || name == "." || name == ".." {
        return wrong("must not start with '_', '-', or '+', or be '.' or '..'");
    }
    if name.chars().any(char::is_uppercase) {
        return wrong("must be lowercase");
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control() || r#"\/*?"<>|,#:"#.contains(c)) {
        return wrong(r#"must not contain white space or any of \ / * ? " < > | , # :"#);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(expression: &str) -> Result<Vec<String>, EsError> {
        let known = ["db", "logs-a", "logs-b", "web"].map(str::to_owned);
        Wanted::read(expression)?.among(&known, false)
    }

    #[test]
    fn patterns_name_streams() {
        for (expression, names) in [
            ("", vec!["db", "logs-a", "logs-b", "web"]),
            ("_all", vec!["db", "logs-a", "logs-b", "web"]),
            ("logs-*", vec!["logs-a", "logs-b"]),
            ("logs-*,web", vec!["logs-a", "logs-b", "web"]),
            ("*,-logs-*", vec!["db", "web"]),
            ("*-b", vec!["logs-b"]),
            ("l*-*", vec!["logs-a", "logs-b"]),
            ("nothing*", vec![]),
            ("web", vec!["web"]),
        ] {
            assert_eq!(among(expression), Ok(names.into_iter().map(str::to_owned).collect()), "{expression}");
        }
        assert_eq!(among("gone").map_err(|error| error.status), Err(404));
        assert!(among("<logs-{now/d}>").expect_err("dates").reason.contains("computed"));
        assert!(among("far:logs").is_err());
        assert_eq!(Wanted::read("gone").and_then(|wanted| wanted.among(&[], true)), Ok(vec![]));
    }

    #[test]
    fn names_to_write_to() {
        for good in ["web", "logs-generic-default", "filebeat-8.11.0-2026.11.21", ".ds-x"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "Web", "a b", "_x", "-x", "a/b", "a,b", "<x-{now/d}>", ".", "a*", &"x".repeat(256)] {
            assert_eq!(check(bad).map_err(|error| error.status), Err(400), "{bad}");
        }
    }
}
