//! Ini files as small Go programs read them: sections, `key = value` or `key: value`, `#` and `;` comments, quotes,
//! lines that go on after a backslash.

use serde_json::{Map, Value};

/// A tree of two levels; what stands before the first section is at the top.
///
/// # Errors
/// The line, and what is wrong with it.
pub(super) fn read(text: &str) -> Result<Value, (usize, String)> {
    let mut root = Map::new();
    let mut section: Option<String> = None;
    for (number, line) in joined(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let Some(end) = rest.find(']') else {
                return Err((number, format!("'{line}' begins a section and has no ']'")));
            };
            let name = rest[..end].trim().to_owned();
            root.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            section = Some(name);
            continue;
        }
        let Some(at) = line.find(['=', ':']) else {
            return Err((number, format!("'{line}' is neither a [section] nor key = value")));
        };
        let (key, value) =
            (line[..at].trim().trim_matches(['"', '`', '\'']).to_owned(), unquoted(line[at + 1..].trim()));
        let table = match &section {
            Some(name) => root.get_mut(name).and_then(Value::as_object_mut),
            None => Some(&mut root),
        };
        if let Some(table) = table {
            table.insert(key, Value::String(value));
        }
    }
    Ok(Value::Object(root))
}

/// Lines with their numbers; one that ends in a backslash goes on in the next.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let (part, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, last)) if open => last.push_str(part.trim_start()),
            _ => lines.push((at + 1, part.to_owned())),
        }
        open = goes_on;
    }
    lines
}

/// Without its quotes, or without the comment behind it.
fn unquoted(value: &str) -> String {
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))
        && let Some(end) = value[1..].find(quote)
    {
        return value[1..=end].to_owned();
    }
    let comment = value
        .char_indices()
        .find(|(at, c)| matches!(c, '#' | ';') && (*at == 0 || value[..*at].ends_with([' ', '\t'])));
    comment.map_or(value, |(at, _)| &value[..at]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_such_files_hold() {
        let text = "app = x\n# a comment\n[ kafka ]\naddr=127.0.0.1:9092,127.0.0.1:9093 ; two of them\ntopic = \"a # b\" # c\n\
                    pass=a#b;c\nlist: 1, \\\n  2\n\n[tsdb]\r\nconfpath = './conf/c.yaml'\r\nempty =\n";
        assert_eq!(
            read(text),
            Ok(json!({
                "app": "x",
                "kafka": {
                    "addr": "127.0.0.1:9092,127.0.0.1:9093", "topic": "a # b", "pass": "a#b;c", "list": "1, 2"
                },
                "tsdb": { "confpath": "./conf/c.yaml", "empty": "" },
            }))
        );
        assert_eq!(read("[a\n"), Err((1, "'[a' begins a section and has no ']'".to_owned())));
        assert_eq!(read("\n[a]\nb\n"), Err((3, "'b' is neither a [section] nor key = value".to_owned())));
    }
}
