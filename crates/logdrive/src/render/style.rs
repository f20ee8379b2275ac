//! Colours, or none.

use std::io::IsTerminal;

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// Where the output is a terminal and NO_COLOR is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub colour: bool,
}

pub(crate) const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const BOLD_RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
/// What a search found: bold on yellow's inverse reads well on light and dark.
const MATCH: &str = "\x1b[1;7;33m";

impl Style {
    pub(crate) fn of_stdout(choice: ColorChoice) -> Self {
        Self::decide(
            choice,
            std::io::stdout().is_terminal(),
            std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()),
        )
    }

    fn decide(choice: ColorChoice, terminal: bool, no_color: bool) -> Self {
        let colour = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !no_color,
        };
        Self { colour }
    }

    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { colour: false }
    }

    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !code.is_empty() { format!("{code}{text}{RESET}") } else { text.to_owned() }
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(DIM, text)
    }

    pub(crate) fn stream(self, text: &str) -> String {
        self.paint(CYAN, text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint(GREEN, text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint(RED, text)
    }

    pub(crate) fn waiting(self, text: &str) -> String {
        self.paint(YELLOW, text)
    }

    pub(crate) fn found(self, text: &str) -> String {
        self.paint(MATCH, text)
    }

    pub(crate) const fn level(level: &str) -> &'static str {
        match level.as_bytes() {
            b"fatal" => BOLD_RED,
            b"error" => RED,
            b"warn" => YELLOW,
            b"info" => GREEN,
            b"debug" | b"trace" => DIM,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        for (choice, terminal, no_color, want) in [
            (ColorChoice::Auto, true, false, true),
            (ColorChoice::Auto, true, true, false),
            (ColorChoice::Auto, false, false, false),
            (ColorChoice::Always, false, true, true),
            (ColorChoice::Never, true, false, false),
        ] {
            assert_eq!(Style::decide(choice, terminal, no_color).colour, want, "{choice:?} {terminal} {no_color}");
        }
        assert_eq!(Style::plain().bad("x"), "x");
        assert_eq!(Style { colour: true }.bad("x"), "\x1b[31mx\x1b[0m");
    }
}
