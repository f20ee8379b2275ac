//! A file of the page as code: without comments and texts, with the lengths of its functions.

use super::source::{Function, words};

/// A script with comments and the insides of texts blanked; code in `${…}` of templates stays.
pub struct Script {
    pub code: String,
}

impl Script {
    /// From its text.
    pub fn new(text: &str) -> Self {
        let mut blanker = Blanker { bytes: text.as_bytes(), out: text.as_bytes().to_vec(), at: 0 };
        blanker.code(0);
        Self { code: String::from_utf8(blanker.out).unwrap_or_default() }
    }

    /// The number of the line of a place, from 1.
    pub fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Functions, methods and arrows with braces, with their length in lines.
    pub fn functions(&self) -> Vec<Function> {
        let braces = self.code.match_indices('{').filter_map(|(at, _)| Some((at, self.name_before(at)?)));
        braces
            .map(|(at, name)| {
                let end = closing(&self.code, at);
                Function { name, lines: self.code[at..end].matches('\n').count() + 1 }
            })
            .collect()
    }

    /// The name of the function whose body begins at a brace; `None` where the brace begins something else.
    fn name_before(&self, brace: usize) -> Option<String> {
        let before = self.code[..brace].trim_end();
        if let Some(arrow) = before.strip_suffix("=>") {
            let line = arrow.rsplit('\n').next().unwrap_or(arrow);
            let name = line.trim_start().trim_start_matches("export ").strip_prefix("const ").unwrap_or("(arrow)");
            return Some(name.split([' ', '=', ':']).next().unwrap_or(name).to_owned());
        }
        let head = before.strip_suffix(')')?;
        let open = opening(head)?;
        let name: String = last_word(head[..open].trim_end());
        let is_statement = ["if", "for", "while", "switch", "catch", "with"].contains(&&*name);
        (!is_statement && !name.is_empty()).then_some(name)
    }

    /// Places where `word` stands as a whole word.
    pub fn places(&self, word: &str) -> Vec<usize> {
        words(&self.code, word).collect()
    }
}

fn last_word(text: &str) -> String {
    let start = text.rfind(|c: char| !(c.is_alphanumeric() || "_$#".contains(c))).map_or(0, |at| at + 1);
    text.get(start..).unwrap_or_default().to_owned()
}

/// Where the parenthesis opens that closes at the end of `head`, which is without it.
fn opening(head: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, byte) in head.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

struct Blanker<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    at: usize,
}

impl Blanker<'_> {
    /// Walks code up to the brace that closes it, which is left to the caller.
    fn code(&mut self, depth: usize) {
        let mut inner: usize = 0;
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.bytes.get(self.at + 1)) {
                (b'/', Some(b'/')) => self.until(|bytes| bytes[0] == b'\n', 0),
                (b'/', Some(b'*')) => self.until(|bytes| bytes.starts_with(b"*/"), 2),
                (b'"' | b'\'', _) => self.text(byte),
                (b'`', _) => self.template(),
                (b'/', _) if self.regex_may_begin() => self.regex(),
                (b'{', _) => (inner, self.at) = (inner + 1, self.at + 1),
                (b'}', _) if inner == 0 && depth > 0 => return,
                (b'}', _) => (inner, self.at) = (inner.saturating_sub(1), self.at + 1),
                _ => self.at += 1,
            }
        }
    }

    fn blank(&mut self) {
        if let Some(byte) = self.out.get_mut(self.at).filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        self.at += 1;
    }

    fn until(&mut self, ends: fn(&[u8]) -> bool, length: usize) {
        while self.at < self.bytes.len() && !ends(&self.bytes[self.at..]) {
            self.blank();
        }
        (0..length).for_each(|_| self.blank());
    }

    fn text(&mut self, quote: u8) {
        self.blank();
        while let Some(&byte) = self.bytes.get(self.at) {
            self.blank();
            match byte {
                b'\\' => self.blank(),
                byte if byte == quote => break,
                _ => {}
            }
        }
    }

    fn template(&mut self) {
        self.blank();
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.bytes.get(self.at + 1)) {
                (b'\\', _) => (0..2).for_each(|_| self.blank()),
                (b'`', _) => return self.blank(),
                (b'$', Some(b'{')) => {
                    (0..2).for_each(|_| self.blank());
                    self.code(1);
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    fn regex(&mut self) {
        let mut in_class = false;
        self.blank();
        while let Some(&byte) = self.bytes.get(self.at) {
            self.blank();
            match byte {
                b'\\' => self.blank(),
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                b'\n' => break,
                _ => {}
            }
        }
    }

    /// After an operand a slash divides.
    fn regex_may_begin(&self) -> bool {
        let before = self.out[..self.at].trim_ascii_end();
        let last = before.last().copied().unwrap_or(b';');
        before.ends_with(b"return") || b"(,=:[!&|?{};+<>".contains(&last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_what_is_not_code() {
        for (text, expected) in [
            ("a // b {\nc", "a c"),
            ("a /* { */ b", "a b"),
            (r#"f("{", '\'{', 1)"#, "f( , , 1)"),
            ("html`<b>{${x ? html`{` : { a: 1 }}</b>` + y", "html x ? html : { a: 1 } + y"),
            ("s.replace(/[/{]\\/{/g, 2) / 3 / b", "s.replace( g, 2) / 3 / b"),
        ] {
            let code = Script::new(text).code;
            let code: Vec<_> = code.split_whitespace().collect();
            assert_eq!(code.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn measures_functions() {
        let text = "export function a(x = f()) {\n  if (x) {\n  }\n}\nconst b = (y) => {\n};\nclass C {\n  #d({ e }) {\n  }\n}\n";
        let expected = [("a", 4), ("b", 2), ("#d", 2)].map(|(name, lines)| Function { name: name.into(), lines });
        assert_eq!(Script::new(text).functions(), expected);
    }
}
