//! Names with `{placeholders}`: whether each stands for something, and whether what is around them may stand there.

/// Checks that braces match and that each placeholder is one of `known`, or a date like `{yyyy.MM.dd}` where `dates`
/// may be used. The texts between them come back.
pub(crate) fn check<'a>(text: &'a str, known: &[&str], dates: bool) -> Result<Vec<&'a str>, String> {
    let mut literals = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        literals.push(&rest[..open]);
        let Some(length) = rest[open..].find('}') else {
            return Err(format!("'{text}': '{{' without '}}'"));
        };
        let name = &rest[open + 1..open + length];
        let known_here = known.contains(&name) || (dates && is_date(name));
        if !known_here {
            return Err(unknown(text, name, known, dates));
        }
        rest = &rest[open + length + 1..];
    }
    literals.push(rest);
    if literals.iter().any(|literal| literal.contains('}')) {
        return Err(format!("'{text}': '}}' without '{{'"));
    }
    Ok(literals)
}

fn unknown(text: &str, name: &str, known: &[&str], dates: bool) -> String {
    let mut all: Vec<&str> = known.to_vec();
    if dates {
        all.push("yyyy.MM.dd");
    }
    match base::nearest(name, all.iter().copied()) {
        Some(near) => format!("'{text}': unknown placeholder '{{{name}}}'; did you mean '{{{near}}}'?"),
        None => format!("'{text}': unknown placeholder '{{{name}}}'; there are {{{}}}", all.join("}, {")),
    }
}

/// `yyyy.MM.dd` and the like, by years, months, days and hours.
fn is_date(name: &str) -> bool {
    let mut rest = name;
    while let Some(next) = ["yyyy", "MM", "dd", "HH", ".", "-", "_"].iter().find_map(|word| rest.strip_prefix(word)) {
        rest = next;
    }
    rest.is_empty() && !name.is_empty()
}

/// A topic of Kafka.
pub(crate) fn topic(text: &str) -> Result<String, String> {
    let literals = check(text, &["stream", "host"], false)?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > 249 || matches!(text, "." | "..") {
        return Err(format!("'{text}' is no topic; write 1 to 249 letters, digits, '.', '_' and '-'"));
    }
    match literals.iter().flat_map(|literal| literal.chars()).find(|c| !good(*c)) {
        Some(c) => Err(format!("'{text}': '{c}' may not stand in a topic; write letters, digits, '.', '_' and '-'")),
        None => Ok(text.to_owned()),
    }
}

/// The key of a message of Kafka.
pub(crate) fn key(text: &str) -> Result<String, String> {
    check(text, &["host", "stream", "path", "source"], false).map(|_| text.to_owned())
}

/// An index of OpenSearch or Elasticsearch.
pub(crate) fn index(text: &str) -> Result<String, String> {
    let literals = check(text, &["stream", "host"], true)?;
    let bad = |c: char| c.is_uppercase() || c.is_whitespace() || c.is_control() || "\\/*?\"<>|,#:".contains(c);
    let begins = literals[0].starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || bad(c));
    if text.len() > 200 || !begins {
        return Err(format!("'{text}' is no index; begin with a lower-case letter or a digit, like logs-{{stream}}"));
    }
    match literals.iter().flat_map(|literal| literal.chars()).find(|c| bad(*c)) {
        Some(c) => Err(format!("'{text}': '{c}' may not stand in the name of an index; write it in lower case")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        for text in ["logs-{stream}-{yyyy.MM.dd}", "logs", "a{host}-{yyyyMMdd}", "a-{yyyy}-{MM}"] {
            assert_eq!(index(text).as_deref(), Ok(text));
        }
        for (said, want) in [
            (index("logs-{straem}"), "'logs-{straem}': unknown placeholder '{straem}'; did you mean '{stream}'?"),
            (index("{host}"), "'{host}' is no index; begin with a lower-case letter or a digit, like logs-{stream}"),
            (index("Logs"), "'Logs': 'L' may not stand in the name of an index; write it in lower case"),
            (topic("{path}"), "'{path}': unknown placeholder '{path}'; there are {stream}, {host}"),
            (topic("a b"), "'a b': ' ' may not stand in a topic; write letters, digits, '.', '_' and '-'"),
            (topic("a{stream"), "'a{stream': '{' without '}'"),
            (key("stream}"), "'stream}': '}' without '{'"),
        ] {
            assert_eq!(said, Err(want.to_owned()));
        }
        assert!(topic("logs.{stream}-{host}").is_ok() && key("{host}:{path}").is_ok() && topic("").is_err());
    }
}
