//! A Rust file, as far as the rules need it: code without comments and texts, what is a test, where functions are.
//!
//! A lexer of a page instead of a parser: it knows comments, texts and braces, which is all that the rules ask for.

use std::collections::BTreeSet;
use std::ops::Range;

use super::tree::File;

/// A Rust file of the house.
#[derive(Debug)]
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    /// The crate's folder name.
    pub krate: String,
    /// The text with comments and the insides of texts blanked; same length, same lines.
    pub code: String,
    /// Byte ranges that are only built for tests.
    tests: Vec<Range<usize>>,
    /// The whole file is only for tests.
    pub is_test: bool,
}

/// A function that is not a test.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub lines: usize,
}

/// Every Rust file under `crates/`.
pub fn all(tree: &[File]) -> Vec<Source> {
    let rust = tree.iter().filter(|file| file.path.starts_with("crates/") && file.path.ends_with(".rs"));
    let mut sources: Vec<Source> = rust.map(|file| Source::new(&file.path, &file.text)).collect();
    let test_modules: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        source.is_test |= test_modules.contains(&source.path);
    }
    sources
}

impl Source {
    /// From its path and text.
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let krate = path.split('/').nth(1).unwrap_or_default().to_owned();
        let in_test_folder = ["/tests/", "/testing/", "/benches/", "/examples/"].iter().any(|part| path.contains(part));
        let is_test = krate == "e2e" || in_test_folder || path.ends_with("/tests.rs") || path.ends_with("/testing.rs");
        Self { path: path.to_owned(), krate, tests: test_ranges(&code), code, is_test }
    }

    /// Lines that are not tests.
    pub fn lines(&self) -> usize {
        let line = |range: &Range<usize>| self.code[range.clone()].matches('\n').count();
        self.code.lines().count() - self.tests.iter().map(line).sum::<usize>()
    }

    /// Whether a place is only built for tests.
    pub fn in_tests(&self, at: usize) -> bool {
        self.is_test || self.tests.iter().any(|range| range.contains(&at))
    }

    /// The number of the line of a place, from 1.
    pub fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Functions that are not tests, with their length in lines.
    pub fn functions(&self) -> Vec<Function> {
        let starts = words(&self.code, "fn").filter(|at| !self.in_tests(*at));
        starts
            .filter_map(|at| {
                let rest = self.code[at + 2..].strip_prefix(' ')?;
                let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
                let body = body_after(&self.code, at)?;
                let lines = self.code[at..body.end].matches('\n').count() + 1;
                (!name.is_empty()).then_some(Function { name, lines })
            })
            .collect()
    }

    /// Paths of the files that `#[cfg(test)] mod name;` names here.
    fn test_modules(&self) -> Vec<String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let inside = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            other => format!("{folder}/{}", other.trim_end_matches(".rs")),
        };
        self.tests
            .iter()
            .filter_map(|range| {
                let item = self.code[range.clone()].trim_end().strip_suffix(';')?;
                let (_, name) = item.rsplit_once("mod ")?;
                Some(format!("{inside}/{}.rs", name.trim()))
            })
            .collect()
    }
}

/// Places where `word` stands as a whole word.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back().is_some_and(is_word);
        let after = code[at + word.len()..].chars().next().is_some_and(is_word);
        let (begins, ends) = (word.starts_with(is_word), word.ends_with(is_word));
        !(begins && before || ends && after)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Items behind `#[cfg(test)]`, from the attribute to their end.
fn test_ranges(code: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for attribute in ["#[cfg(test)]", "#[test]", "#[tokio::test"] {
        for (at, _) in code.match_indices(attribute) {
            if !ranges.iter().any(|range| range.contains(&at)) {
                let item = at + code[at..].find(']').unwrap_or(0) + 1;
                ranges.push(at..body_after(code, item).map_or_else(|| end_of_statement(code, item), |body| body.end));
            }
        }
    }
    ranges
}

fn end_of_statement(code: &str, from: usize) -> usize {
    code[from..].find(';').map_or(code.len(), |at| from + at + 1)
}

/// The braces that follow, unless a semicolon comes first.
fn body_after(code: &str, from: usize) -> Option<Range<usize>> {
    let mut depth = 0i32;
    let mut start = None;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' if start.is_none() => depth += 1,
            b')' | b']' if start.is_none() => depth -= 1,
            b';' if start.is_none() && depth == 0 => return None,
            b'{' => {
                if start.is_none() {
                    (start, depth) = (Some(at), 0);
                }
                depth += 1;
            }
            b'}' => {
                depth -= 1;
                if start.is_some() && depth == 0 {
                    return start.map(|start| start..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text with comments and the insides of texts and characters replaced by spaces.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(bytes, at);
        match end {
            Some(end) => {
                for byte in &mut out[at..end] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
                at = end;
            }
            None => at += 1,
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Where the comment, text or character that begins at `at` ends; `None` where none begins.
fn skip(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment(bytes, at)),
        [b'"', ..] => Some(text_end(bytes, at + 1)),
        [b'r', b'"' | b'#', ..] if !is_word(char::from(before)) || matches!(before, b'b' | b'c') => raw_text(bytes, at),
        [b'\'', ..] => character(bytes, at),
        _ => None,
    }
}

fn block_comment(bytes: &[u8], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_text(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|b| **b == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let inside = at + hashes + 2;
    let end = bytes[inside..].windows(close.len()).position(|window| window == close);
    Some(end.map_or(bytes.len(), |end| inside + end + close.len()))
}

/// A character, not a lifetime.
fn character(bytes: &[u8], at: usize) -> Option<usize> {
    let inside = &bytes[at + 1..];
    if inside.first() == Some(&b'\\') {
        let end = inside.iter().skip(2).position(|b| *b == b'\'')?;
        return Some(at + 1 + 2 + end + 1);
    }
    let first = inside.first()?;
    let len = match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    (inside.get(len) == Some(&b'\'')).then_some(at + len + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_what_is_not_code() {
        for (text, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"x("a\"b", 'c', '\'', 'd)"#, r#"x(      ,    ,     , 'd)"#),
            ("r#\"a\"b\"# r#fn br\"x\"", "          r#fn b    "),
            ("'ä' '\\u{1f}' <'a>", "              <'a>"),
        ] {
            let blanked = blank(text);
            assert_eq!(
                (blanked.len(), blanked.split_whitespace().collect::<Vec<_>>()),
                (text.len(), expected.split_whitespace().collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn tells_functions_from_tests() {
        let text = "fn a(x: fn(u8)) {\n  if x { \"}\" }\n}\ntrait T { fn b(&self); }\n#[cfg(test)]\nmod tests {\n  fn c() {\n  }\n}\nfn d() {}\n";
        let source = Source::new("crates/x/src/y.rs", text);
        let expected = [("a", 3), ("d", 1)].map(|(name, lines)| Function { name: name.into(), lines });
        assert_eq!(source.functions(), expected);
        assert_eq!(source.lines(), 6);
        assert!(source.in_tests(text.find("fn c").unwrap()) && !source.in_tests(text.find("fn d").unwrap()));
    }

    #[test]
    fn knows_files_that_are_tests() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), bytes: 1 };
        let sources = all(&[
            file("crates/x/src/a.rs", "#[cfg(test)]\nmod table;\nmod b;\n"),
            file("crates/x/src/a/table.rs", ""),
            file("crates/x/src/a/b.rs", ""),
            file("crates/x/src/c/tests.rs", ""),
        ]);
        assert_eq!(sources.iter().map(|source| source.is_test).collect::<Vec<_>>(), [false, true, false, true]);
    }
}
