//! Where a value came from.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Where a value came from; later ones here win over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file.
    File {
        /// Which one.
        path: Arc<str>,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// An environment variable, by its name.
    Environment(String),
    /// A flag or argument of the command line, by its name.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One value as it is in force, with where it came from. Secrets in URLs are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// `queue.retention_bytes`, `stream.web.paths`
    pub key: String,
    /// As it would be written in the file.
    pub value: String,
    /// `default`, `logdrive.toml:12:3`, `LOGDRIVE_DATA`, `--data`
    pub origin: String,
}

/// `http://user:secret@host` without the secret.
pub(crate) fn mask(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://***@{}", &rest[at + 1..]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        assert_eq!(mask("http://u:p@h:1/x@y"), "http://***@h:1/x@y");
        assert_eq!(mask("http://h:1/x@y"), "http://h:1/x@y");
        assert_eq!(mask("plain@text"), "plain@text");
    }
}
