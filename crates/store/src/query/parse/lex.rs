//! The pieces of a query: quoted text, words with wildcards, regular expressions, ends of ranges.

use super::{Glob, GlobPart, Parsed, Parser, fail};

/// A word as it was read: text with the wildcards in it.
pub(super) struct Word {
    pub start: usize,
    pub glob: Glob,
}

impl Parser<'_> {
    /// An end of a range; `None` for `*`.
    pub(super) fn limit(&mut self, what: &str) -> Parsed<(usize, Option<String>)> {
        self.skip_space();
        let at = self.at;
        if self.peek(0) == Some('"') {
            return Ok((at, Some(self.quoted()?)));
        }
        let end = |c: char| c.is_whitespace() || matches!(c, ']' | '}');
        let text: String = self.chars[at..].iter().copied().take_while(|c| !end(*c)).collect();
        self.at += text.chars().count();
        match text.as_str() {
            "" => fail(at, format!("{what} is missing; * leaves it open")),
            "*" => Ok((at, None)),
            _ => Ok((at, Some(text))),
        }
    }

    /// A value without wildcards, quoted or not.
    pub(super) fn plain(&mut self, what: &str) -> Parsed<(usize, String)> {
        let at = self.at;
        if self.peek(0) == Some('"') {
            let text = self.quoted()?;
            return if self.ends_at(self.at) { Ok((at, text)) } else { fail(self.at, "put a space behind the quote") };
        }
        let start = self.at;
        while !self.ends_at(self.at) {
            self.at += 1;
        }
        if start == self.at {
            return fail(at, format!("{what} is missing here, right behind the sign"));
        }
        Ok((at, self.chars[start..self.at].iter().collect()))
    }

    /// What stands between quotes; moves behind the closing one.
    pub(super) fn quoted(&mut self) -> Parsed<String> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return fail(start, "this quote is never closed; write \\\" to search for it"),
                Some('"') => break,
                Some('\\') if matches!(self.peek(1), Some('"' | '\\')) => {
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

    /// The regular expression that begins here and what is behind it. It is one only if its closing slash ends the
    /// term and does not follow a space or a colon, so that `/health -path:/` is two terms of text.
    pub(super) fn regex_here(&self) -> Option<(String, usize)> {
        if self.peek(0) != Some('/') {
            return None;
        }
        let mut text = String::new();
        let mut at = self.at + 1;
        loop {
            match *self.chars.get(at)? {
                '\\' => {
                    let next = *self.chars.get(at + 1)?;
                    if next != '/' {
                        text.push('\\');
                    }
                    text.push(next);
                    at += 2;
                }
                '/' => break,
                c => {
                    text.push(c);
                    at += 1;
                }
            }
        }
        let last = self.chars[at - 1];
        let stands = !text.is_empty() && self.ends_at(at + 1) && !last.is_whitespace() && last != ':';
        stands.then_some((text, at + 1))
    }

    /// A word up to white space. Quotes inside hold it together (`key="two words"`) and are part of it; so are
    /// parentheses that it opens itself.
    pub(super) fn word(&mut self) -> Parsed<Word> {
        let start = self.at;
        let mut glob = Glob::default();
        let mut inner = 0;
        while let Some(c) = self.peek(0) {
            let text = |c: char| GlobPart::Text(c.to_string());
            match c {
                c if c.is_whitespace() => break,
                ')' if inner == 0 && self.open > 0 => break,
                ')' if inner == 0 => return fail(self.at, "this ) closes nothing; put \\ before it to search for it"),
                '(' => inner += 1,
                ')' => inner -= 1,
                '"' => {
                    let quote = self.at;
                    self.quoted()?;
                    glob.push(GlobPart::Text(self.chars[quote..self.at].iter().collect()));
                    continue;
                }
                '*' => {
                    glob.push(GlobPart::Many);
                    self.at += 1;
                    continue;
                }
                '?' => {
                    glob.push(GlobPart::One);
                    self.at += 1;
                    continue;
                }
                '\\' if self.peek(1).is_some_and(|next| !next.is_alphanumeric()) => {
                    self.at += 1;
                    glob.push(text(self.chars[self.at]));
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            glob.push(text(c));
            self.at += 1;
        }
        Ok(Word { start, glob })
    }
}
