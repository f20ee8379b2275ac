//! Wildcard patterns.

use super::text::is_edge;

/// A pattern with wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Glob {
    /// Its parts in order. Text is never empty, and `Many` never follows `Many`.
    pub parts: Vec<GlobPart>,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobPart {
    /// Stands for itself, ASCII case ignored.
    Text(String),
    /// `?`: one character that is not white space.
    One,
    /// `*`: any run of bytes that are not white space.
    Many,
}

impl Glob {
    /// Adds a part, keeping the form that [`Glob::parts`] promises.
    pub fn push(&mut self, part: GlobPart) {
        match (self.parts.last_mut(), part) {
            (Some(GlobPart::Text(last)), GlobPart::Text(more)) => last.push_str(&more),
            (_, GlobPart::Text(text)) if text.is_empty() => {}
            (Some(GlobPart::Many), GlobPart::Many) => {}
            (_, part) => self.parts.push(part),
        }
    }

    /// Whether it consists of `*` alone.
    pub fn is_all(&self) -> bool {
        self.parts == [GlobPart::Many]
    }

    /// The text between two `*`, where that is all there is: a plain search for a substring.
    pub fn substring(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [GlobPart::Many, GlobPart::Text(text), GlobPart::Many] => Some(text),
            _ => None,
        }
    }

    /// Whether it matches somewhere in `hay`.
    pub fn is_match(&self, hay: &[u8]) -> bool {
        let open_start = self.parts.first() == Some(&GlobPart::Many);
        let open_end = self.parts.last() == Some(&GlobPart::Many);
        let pieces: Vec<&[GlobPart]> =
            self.parts.split(|part| *part == GlobPart::Many).filter(|piece| !piece.is_empty()).collect();
        let Some((first, rest)) = pieces.split_first() else { return true };
        let ends_here = |last: bool, end: usize| !last || open_end || is_edge(hay, end);
        let mut at = 0;
        while at <= hay.len() {
            let matched = (open_start || is_edge(hay, at)).then(|| piece_at(first, hay, at)).flatten();
            let Some(end) = matched.filter(|end| ends_here(rest.is_empty(), *end)) else {
                at += 1;
                continue;
            };
            let run_end = hay[end..].iter().position(u8::is_ascii_whitespace).map_or(hay.len(), |len| end + len);
            let mut from = end;
            let found = rest.iter().enumerate().all(|(n, piece)| {
                let next = (from..=run_end)
                    .find_map(|start| piece_at(piece, hay, start).filter(|end| ends_here(n + 1 == rest.len(), *end)));
                from = next.unwrap_or(from);
                next.is_some()
            });
            if found {
                return true;
            }
            // What was not found behind an early place will not be found behind a later one of the same run.
            at = run_end + 1;
        }
        false
    }
}

/// Where a piece without `*` ends if it stands at `at`.
fn piece_at(piece: &[GlobPart], hay: &[u8], mut at: usize) -> Option<usize> {
    for part in piece {
        match part {
            GlobPart::Text(text) => {
                let end = at + text.len();
                if !hay.get(at..end)?.eq_ignore_ascii_case(text.as_bytes()) {
                    return None;
                }
                at = end;
            }
            GlobPart::One => at = after_char(hay, at)?,
            GlobPart::Many => return None,
        }
    }
    Some(at)
}

/// Behind the character at `at` (a byte where it is not UTF-8); `None` at the end and at white space.
fn after_char(hay: &[u8], at: usize) -> Option<usize> {
    let first = *hay.get(at)?;
    if first.is_ascii_whitespace() {
        return None;
    }
    let more = if first < 0xc0 { 0 } else { hay[at + 1..].iter().take(3).take_while(|b| *b & 0xc0 == 0x80).count() };
    Some(at + 1 + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn glob(text: &str) -> Glob {
        let mut glob = Glob::default();
        for c in text.chars() {
            glob.push(match c {
                '*' => GlobPart::Many,
                '?' => GlobPart::One,
                c => GlobPart::Text(c.to_string()),
            });
        }
        glob
    }

    #[test]
    fn patterns_match_within_runs_and_at_edges() {
        for (pattern, hay, found) in [
            ("time*", "a timeout", true),
            ("time*", "overtime", false),
            ("time*", "overtimes", false),
            ("*time", "overtime", true),
            ("*time", "overtimes", false),
            ("*meo*", "TIMEOUT", true),
            ("time*out", "time-is-out", true),
            ("time*out", "time is out", false),
            ("time*out", "time is time:out", true),
            ("time*out", "timeouts", false),
            ("t?meout", "tameout", true),
            ("t?meout", "tmeout", false),
            ("t?st", "täst", true),
            ("t?st", "t st", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
            ("?", "", false),
            ("?", "ab", false),
            ("?", "a", true),
            ("*", "", true),
            ("/api/*/users", "GET /api/v1/users HTTP", true),
        ] {
            assert_eq!(glob(pattern).is_match(hay.as_bytes()), found, "{pattern} in {hay}");
        }
    }

    #[test]
    fn a_long_run_does_not_take_long() {
        let hay = vec![b'a'; 1 << 20];
        assert!(!glob("a*b*").is_match(&hay) && !glob("*a*a*a*b").is_match(&hay));
    }
}
