//! What can go wrong before the agent runs. What goes wrong with a file while it runs is a [`crate::Problem`].

use base::{ErrorKind, Explain};

/// Why an agent cannot be built or run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A pattern of a stream is no glob.
    #[error("stream '{stream}', {key}: '{pattern}' is not a glob: {reason}")]
    Glob {
        /// The stream.
        stream: String,
        /// The key in the configuration.
        key: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A path of a stream is relative.
    #[error("stream '{stream}', paths: '{path}' is not absolute; give the path from the root")]
    Relative {
        /// The stream.
        stream: String,
        /// The path.
        path: String,
    },
    /// A stream of that name is followed already.
    #[error("there is a stream '{stream}' already; choose another name")]
    Twice {
        /// The name.
        stream: String,
    },
    /// A size that cannot work with another.
    #[error("agent.{key}: {reason}")]
    Setting {
        /// The key in the configuration.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The checkpoints were written by a newer logdrive.
    #[error("{path} was written in version {found} of its format, this logdrive knows {known}; use the newer logdrive")]
    Version {
        /// The file.
        path: String,
        /// The version found.
        found: u8,
        /// The version known here.
        known: u8,
    },
    /// The reader's thread cannot be started.
    #[error("cannot start the reader's thread: {0}")]
    Thread(std::io::Error),
}

impl Explain for AgentError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Glob { .. } | Self::Relative { .. } | Self::Setting { .. } | Self::Version { .. } => {
                ErrorKind::Invalid
            }
            Self::Twice { .. } => ErrorKind::Conflict,
            Self::Io { .. } => ErrorKind::Internal,
            Self::Thread(_) => ErrorKind::Exhausted,
        }
    }
}
