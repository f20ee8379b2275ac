//! A line of a log may hold anything, also what moves a cursor or renames a window: it is shown, never obeyed.

use std::fmt::Write as _;

/// Control characters as `\x1b`, a carriage return at a line's end hidden; tab and newline stay.
pub(crate) fn escape(line: &str) -> String {
    let harmless = |c: char| !c.is_control() || c == '\t' || c == '\n';
    if line.chars().all(harmless) {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len() + 16);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if harmless(c) => out.push(c),
            '\r' if matches!(rest.peek(), None | Some('\n')) => {}
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            // Writing to a String cannot fail.
            c if (c as u32) < 0x80 => drop(write!(out, "\\x{:02x}", c as u32)),
            c => drop(write!(out, "\\u{{{:x}}}", c as u32)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal() {
        for (line, want) in [
            ("plain\ttext ä", "plain\ttext ä"),
            ("dos\r", "dos"),
            ("dos\r\n  at x\r", "dos\n  at x"),
            ("a\rb", "a\\rb"),
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("nul\0bell\x07", "nul\\0bell\\x07"),
            ("c1\u{9b}31m", "c1\\u{9b}31m"),
        ] {
            assert_eq!(escape(line), want);
        }
    }
}
