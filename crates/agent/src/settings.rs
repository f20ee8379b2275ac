//! The agent's settings as the reader uses them: sizes as numbers, streams with their patterns compiled.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use codec::Framing;
use config::{Compression, Config, Multiline, ParseChoice, Start};
use model::{Codec, Format, Revision};
use rustix::process::{Resource, Rlimit};

use crate::AgentError;
use crate::reader::Limits;
use crate::tail::decide::Waits;

/// What does not change while the agent runs, but for the streams (see [`crate::plan`]).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the machine in headers.
    pub host: Arc<str>,
    /// Bytes of memory in flight, over all files.
    pub window: usize,
    /// Bytes read at a time.
    pub block: usize,
    /// The longest read: a line or a record at its limit.
    pub longest: usize,
    /// Limits of what is sent.
    pub limits: Limits,
    /// How long to wait for what.
    pub waits: Waits,
    /// How often open files are looked at.
    pub sweep: Duration,
    /// How often everything is listed anew.
    pub scan: Duration,
    /// Hints are taken at most so often.
    pub hints: Duration,
    /// Bytes of deleted files that are held open.
    pub deleted_held: u64,
    /// Open files at a time.
    pub open_files: usize,
    /// Where the checkpoints are cached.
    pub checkpoints: PathBuf,
    /// How payloads are carried.
    pub codec: Codec,
    /// What is collected, in the order of the configuration; then what was added since.
    pub streams: Vec<Stream>,
}

/// What is collected together.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its name.
    pub name: Arc<str>,
    /// Which definition of it.
    pub revision: Revision,
    /// How its lines are parsed.
    pub parse: ParseChoice,
    /// Whether lines are joined.
    pub multiline: Multiline,
    /// What a time without zone means.
    pub utc_offset_secs: Option<i32>,
    /// Where to begin in files found for the first time.
    pub start: Start,
    /// Since when it is followed, where that is later than the agent itself.
    pub since: Timestamp,
    /// It is followed no longer.
    pub is_over: bool,
}

/// A record of one line waits no longer than this for a line that belongs to it: a stack trace is written in one go,
/// and a line must be found soon after it was written.
const SINGLE_WAIT: Duration = Duration::from_millis(200);
/// Equal hints within this time are one.
const HINTS: Duration = Duration::from_millis(25);

/// Of the descriptors that the system grants, at most this part is for followed files: queue, store and sockets need
/// some too.
const FILES_SHARE: u64 = 2;

/// Raises what the system grants this process to what it may, and says how many files may be followed at a time.
fn open_files_granted() -> usize {
    let granted = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: granted.maximum, ..granted };
    let limit = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => granted.maximum,
        Err(_) => granted.current,
    };
    limit.map_or(usize::MAX, |limit| usize::try_from(limit / FILES_SHARE).unwrap_or(usize::MAX))
}

impl Settings {
    /// From the configuration.
    pub fn resolve(config: &Config) -> Result<Self, AgentError> {
        let agent = &config.agent;
        let size = |bytes: base::ByteSize| usize::try_from(bytes.0).unwrap_or(usize::MAX);
        let block = size(agent.block_bytes);
        let window = size(agent.in_flight_bytes);
        let limits = Limits { line: size(agent.line_bytes_max), record: size(agent.multiline_bytes_max) };
        let longest = limits.line.max(limits.record).max(block);
        check("block_bytes", (512..=(256 << 20)).contains(&block), "must be between 512 B and 256 MiB")?;
        check("line_bytes_max", (16..=(1 << 30)).contains(&limits.line), "must be between 16 B and 1 GiB")?;
        check("multiline_bytes_max", (16..=(1 << 30)).contains(&limits.record), "must be between 16 B and 1 GiB")?;
        check("in_flight_bytes", window >= 4 * block, "must be at least four times agent.block_bytes")?;
        check("open_files_max", agent.open_files_max >= 8, "must be at least 8")?;
        Ok(Self {
            host: config.host.as_str().into(),
            window,
            block,
            longest,
            limits,
            waits: Waits {
                single: agent.multiline_timeout.min(SINGLE_WAIT),
                record: agent.multiline_timeout,
                partial: agent.partial_line_timeout,
                rotate: agent.rotate_wait,
            },
            sweep: agent.sweep_interval.max(Duration::from_millis(1)),
            scan: agent.scan_interval.max(Duration::from_millis(1)),
            hints: HINTS.min(agent.sweep_interval),
            deleted_held: agent.deleted_held_bytes_max.0,
            open_files: agent.open_files_max.min(open_files_granted()),
            checkpoints: config.data.join(&agent.checkpoints),
            codec: match config.queue.compression {
                Compression::None => Codec::None,
                Compression::Lz4 => Codec::Lz4,
                Compression::Zstd => Codec::Zstd,
            },
            streams: config.streams.iter().map(Stream::of).collect(),
        })
    }
}

fn check(key: &'static str, holds: bool, reason: &str) -> Result<(), AgentError> {
    if holds { Ok(()) } else { Err(AgentError::Setting { key, reason: reason.to_owned() }) }
}

impl Stream {
    /// From its definition.
    pub fn of(stream: &config::StreamConfig) -> Self {
        Self {
            name: stream.name.as_str().into(),
            revision: stream.revision,
            parse: stream.parse,
            multiline: stream.multiline,
            utc_offset_secs: stream.utc_offset_secs,
            start: stream.start,
            since: Timestamp::MIN,
            is_over: false,
        }
    }

    /// Where records begin in a source of this stream whose format was recognised as `format`.
    pub fn framing(&self, format: Format) -> Framing {
        let join = self.multiline == Multiline::Auto;
        match self.parse {
            ParseChoice::None => Framing { format: Format::Plain, join: false },
            ParseChoice::Only(format) => Framing { format, join },
            ParseChoice::Auto => Framing { format, join: join && format != Format::Unknown },
        }
    }
}
