//! The keys of the file as data: one table says what a key is called, what it takes, its default and what it is for.
//! Reading, unknown keys, the JSON Schema and the defaults all come from this one place, so they cannot disagree.

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `64KiB`, or a number of bytes.
    Size,
    /// `15m`
    Duration,
    /// A size, or `never`.
    SizeOrNever,
    /// A duration, or `never`.
    DurationOrNever,
    /// A whole number in these bounds.
    Count(u64, u64),
    /// `true` or `false`
    Bool,
    /// Texts.
    List,
    /// A text that is never shown again.
    Secret,
}

/// How often a table may stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `[queue]`
    One,
    /// `[[stream]]`
    Many,
    /// `[store]`, or several `[[store]]`.
    OneOrMany,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// As it would be written in the file; empty where it depends on the machine or on other keys.
    pub default: &'static str,
    pub doc: &'static str,
}

/// One table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name; empty for the top.
    pub name: &'static str,
    pub shape: Shape,
    pub doc: &'static str,
    /// The keys that each of several tables needs.
    pub required: &'static [&'static str],
    pub keys: &'static [Key],
}

impl Key {
    pub(crate) const fn new(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Self {
        Self { name, kind, default, doc }
    }
}

impl Section {
    /// How messages call it.
    pub(crate) fn title(&self) -> String {
        match (self.name, self.shape) {
            ("", _) => "the top of the file".to_owned(),
            (name, Shape::Many) => format!("[[{name}]]"),
            (name, Shape::One | Shape::OneOrMany) => format!("[{name}]"),
        }
    }

    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Kind {
    /// How messages call what it takes.
    pub(crate) fn expects(self) -> String {
        match self {
            Self::Text | Self::Secret => "a text in quotes".to_owned(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Size => "a size in quotes, like \"64KiB\"".to_owned(),
            Self::Duration => "a duration in quotes, like \"15m\"".to_owned(),
            Self::SizeOrNever => "a size in quotes, like \"64GiB\", or \"never\"".to_owned(),
            Self::DurationOrNever => "a duration in quotes, like \"7d\", or \"never\"".to_owned(),
            Self::Count(min, max) => format!("a whole number from {min} to {max}"),
            Self::Bool => "true or false".to_owned(),
            Self::List => "a list of texts, like [\"a\", \"b\"]".to_owned(),
        }
    }
}

/// `"a", "b"`
pub(crate) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
