//! What can be wrong with settings, and where.

use std::fmt;

use base::{ErrorKind, Explain};

/// One mistake: where it stands and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `logdrive.toml:12:3`, `--listen` or `LOGDRIVE_LISTEN`.
    pub place: String,
    /// The key, what is wrong with it, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Why settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration {path}: {reason}")]
    Read {
        /// Which file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Mistakes in it, in the order of the file. Shown by the first one; `logdrive validate` shows all.
    #[error("{}{}", .0.first().map(Problem::to_string).unwrap_or_default(), more(.0.len()))]
    Wrong(Vec<Problem>),
}

fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        _ => format!(" (and {} more; 'logdrive validate FILE' shows all)", count - 1),
    }
}

impl ConfigError {
    /// All mistakes, one a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Read { .. } => vec![self.to_string()],
            Self::Wrong(problems) => problems.iter().map(Problem::to_string).collect(),
        }
    }
}

impl Explain for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}
