//! What the page may change of this process: which streams its agent follows.
//!
//! Decision: the dashboard knows an agent only by this trait. Whoever puts the process together implements it, with the
//! rules of the configuration; so a stream made here is as right or wrong as one in a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Changes what is followed. The calls may wait for disks, not for the network.
pub trait Control: Send + Sync {
    /// Logs found on this machine that could be followed.
    fn suggestions(&self) -> Suggestions;

    /// The streams that are followed now, with their origins.
    fn streams(&self) -> Vec<FollowedStream>;

    /// Follows a stream from now on, and after each restart.
    ///
    /// # Errors
    /// Where it cannot be right, or cannot be kept.
    fn follow(&self, stream: &NewStream) -> Result<Followed, Refused>;

    /// Starts the demo's services and follows what they write, until the process ends.
    ///
    /// # Errors
    /// Where its files cannot be written.
    fn demo(&self) -> Result<Followed, Refused>;

    /// Follows a stream no longer. Its records stay.
    ///
    /// # Errors
    /// Where there is none of that name that was made here.
    fn unfollow(&self, name: &str) -> Result<(), Refused>;
}

/// Why a change is not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No agent runs in this process.
    NoAgent,
    /// A key that cannot be right, and what would be.
    Wrong {
        /// Which key of the stream.
        key: String,
        /// What is wrong with it, and what would be right.
        detail: String,
    },
    /// It is there already, or belongs to somebody else.
    Conflict(String),
    /// There is no such stream.
    Missing(String),
    /// There are as many as there may be.
    Full(String),
    /// It could not be done or kept now.
    Failed(String),
}

/// A stream to follow, or the demo. The keys are those of `[[stream]]` in `logdrive.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStream {
    /// Instead of all else: follow the demo's services.
    #[serde(default)]
    pub demo: bool,
    /// Its name; without one, it is named after its first path.
    #[serde(default)]
    pub name: Option<String>,
    /// Files, folders (followed with everything in them) and globs with `**`, from the root of the disk.
    #[serde(default, alias = "include")]
    pub paths: Vec<String>,
    /// Globs of paths to leave alone. Compressed and binary files unless told.
    #[serde(default)]
    pub exclude: Option<Vec<String>>,
    /// `auto`, `none` or a format.
    #[serde(default, alias = "format")]
    pub parse: Option<String>,
    /// `auto` or `off`.
    #[serde(default)]
    pub multiline: Option<String>,
    /// What a time without zone means.
    #[serde(default)]
    pub timezone: Option<String>,
    /// `beginning` or `end`.
    #[serde(default)]
    pub start: Option<String>,
}

/// A stream that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FollowedStream {
    /// Its name.
    pub name: String,
    /// Where its definition comes from: `page` (made here, kept in the data folder), `demo`, `command line`, `default`,
    /// or file, line and column.
    pub origin: String,
    /// What is followed.
    pub paths: Vec<String>,
}

/// What came of a wish to follow something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Followed {
    /// The streams, as they are followed now.
    pub streams: Vec<FollowedStream>,
    /// Files found so far that they claim.
    pub files: usize,
    /// What one should know: a path that is not there yet, files that another stream has already.
    pub notes: Vec<String>,
}

/// Logs found on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suggestions {
    /// Whether the demo could be started.
    pub demo: bool,
    /// What could be followed: those most worth it first.
    pub files: Vec<Suggestion>,
    /// Whether everything was looked at; else there may be more.
    pub complete: bool,
}

/// Something that could be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// A file or folder that is there.
    pub path: String,
    /// What to follow for it, as a path of [`NewStream`].
    pub glob: String,
    /// Bytes of the files that are there.
    pub bytes: u64,
    /// Files that are there.
    pub files: usize,
    /// Whether they can be read by this process.
    pub readable: bool,
    /// A name for the stream.
    pub stream: String,
    /// The stream that follows it already, if one does.
    pub followed_by: Option<String>,
}

/// No agent in this process.
impl Control for () {
    fn suggestions(&self) -> Suggestions {
        Suggestions { complete: true, ..Suggestions::default() }
    }

    fn streams(&self) -> Vec<FollowedStream> {
        Vec::new()
    }

    fn follow(&self, _: &NewStream) -> Result<Followed, Refused> {
        Err(Refused::NoAgent)
    }

    fn demo(&self) -> Result<Followed, Refused> {
        Err(Refused::NoAgent)
    }

    fn unfollow(&self, _: &str) -> Result<(), Refused> {
        Err(Refused::NoAgent)
    }
}
