//! The words of Lucene's syntax.

use store::query::{Glob, GlobPart};

use super::{Parsed, Parser, SPECIAL};

impl Parser<'_> {
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Takes a word that stands by itself.
    pub(super) fn takes(&mut self, word: &str) -> bool {
        let len = word.chars().count();
        let same = word.chars().enumerate().all(|(n, c)| self.peek(n) == Some(c));
        let symbol = word.starts_with(['&', '|', '!']);
        let alone = symbol || self.peek(len).is_none_or(|c| c.is_whitespace() || c == '(' || c == ')');
        if same && alone {
            self.at += len;
        }
        same && alone
    }

    /// The name before an unescaped colon; moves behind it.
    pub(super) fn field_name(&mut self) -> Option<String> {
        let (mut name, mut at) = (String::new(), self.at);
        loop {
            match *self.chars.get(at)? {
                ':' if !name.is_empty() => break,
                '\\' => {
                    name.push(*self.chars.get(at + 1)?);
                    at += 2;
                }
                c if c.is_whitespace() || SPECIAL.contains(&c) || c == '/' && name.is_empty() => return None,
                c => {
                    name.push(c);
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        self.skip_space();
        Some(name)
    }

    pub(super) fn quoted(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => return Err(format!("the quote at character {start} is never closed")),
                Some('"') => break,
                Some('\\') if self.peek(1).is_some() => {
                    text.extend(self.peek(1));
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(text)
    }

    /// An end of a range; `None` for `*`.
    pub(super) fn limit(&mut self) -> Parsed<Option<String>> {
        self.skip_space();
        if self.peek(0) == Some('"') {
            return self.quoted().map(Some);
        }
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| !c.is_whitespace() && !matches!(c, ']' | '}')) {
            let escaped = c == '\\' && self.peek(1).is_some();
            text.push(if escaped { self.peek(1).unwrap_or(c) } else { c });
            self.at += if escaped { 2 } else { 1 };
        }
        match text.as_str() {
            "" => Err(format!("an end of a range is missing at character {}", self.at)),
            "*" => Ok(None),
            _ => Ok(Some(text)),
        }
    }

    /// A bare word as text, and as a pattern where it has wildcards.
    pub(super) fn bare(&mut self) -> Parsed<(String, Option<Glob>)> {
        let (start, mut text, mut glob, mut wild) = (self.at, String::new(), Glob::default(), false);
        while let Some(c) = self.peek(0).filter(|c| !c.is_whitespace() && !SPECIAL.contains(c)) {
            let (taken, part) = match c {
                '\\' => match self.peek(1) {
                    Some(next) => (2, GlobPart::Text(next.to_string())),
                    None => return Err("a backslash stands at the end".to_owned()),
                },
                '*' => (1, GlobPart::Many),
                '?' => (1, GlobPart::One),
                c => (1, GlobPart::Text(c.to_string())),
            };
            match &part {
                GlobPart::Text(piece) => text.push_str(piece),
                _ => {
                    wild = true;
                    text.push(c);
                }
            }
            glob.push(part);
            self.at += taken;
        }
        if self.at == start {
            let found = self.peek(0).map_or_else(|| "the end".to_owned(), |c| format!("[{c}]"));
            return Err(format!("unexpected {found} at character {start}; quote it to search for it"));
        }
        Ok((text, wild.then_some(glob)))
    }

    /// A weight, which decides nothing here; nearness, which is refused.
    pub(super) fn boost(&mut self) -> Parsed<()> {
        match self.peek(0) {
            Some('~') => Err("nearness and fuzzy terms (~) are not supported by logdrive".to_owned()),
            Some('^') => {
                self.at += 1;
                let digits = self.chars[self.at..].iter().take_while(|c| c.is_ascii_digit() || **c == '.').count();
                self.at += digits;
                if digits == 0 { Err(format!("a number is missing behind ^ at character {}", self.at)) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}
