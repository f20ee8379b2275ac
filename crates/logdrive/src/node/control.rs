//! What the page may change: the streams of this process's agent, and the demo.
//!
//! Decision: a stream is judged by the rules of the configuration, kept in the data folder before it is followed, and
//! told to the transfer before the agent reads the first line of it, so that whatever is parsed is parsed by its rules.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::{AgentHandle, Prospect};
use base::Explain;
use config::{Config, ConfigError, PathKind, Setting, StreamConfig};
use dashboard::{Control, Followed, FollowedStream, NewStream, Refused, Suggestions};
use model::{FileState, SourceReport};
use parking_lot::Mutex;
use runtime::{Shutdown, Supervisor};
use transfer::TransferHandle;

use super::added::{Added, STREAMS_MAX};
use super::suggest;
use crate::demo::Demo;
use crate::failure::Failure;

/// What must not be followed as a whole: the disk, and what is no disk.
const NEVER: [&str; 4] = ["/", "/proc", "/sys", "/dev"];
const DEMO_SEED: u64 = 1;

/// The streams of this process, as they change.
pub(crate) struct Streams {
    config: Config,
    agent: AgentHandle,
    transfer: TransferHandle,
    /// The demo's services run in a stage before this one's.
    reading: Supervisor,
    tokio: tokio::runtime::Handle,
    state: Mutex<State>,
}

struct State {
    added: Added,
    /// Every stream that is followed.
    followed: Vec<FollowedStream>,
    demo: Option<Running>,
    /// It was asked for on the command line.
    demo_given: bool,
}

/// The demo, started here.
struct Running {
    demo: Demo,
    stage: Supervisor,
    stop: Shutdown,
}

/// How long the agent may take to read what the demo wrote last.
const LAST_LINES: Duration = Duration::from_secs(3);

impl Streams {
    /// `config` and `settings` are those of the start, with what had been added.
    pub(crate) fn new(
        (config, settings): (&Config, &[Setting]),
        added: Added,
        agent: AgentHandle,
        transfer: TransferHandle,
        reading: &Supervisor,
    ) -> Arc<Self> {
        let followed = config.streams.iter().map(|stream| {
            let key = format!("stream.{}.paths", stream.name);
            let given = settings.iter().find(|setting| setting.key == key).map(|setting| setting.origin.clone());
            let origin = match given {
                Some(place) if added.is_place(&place) => "page".to_owned(),
                Some(place) => place,
                None => "default".to_owned(),
            };
            FollowedStream { name: stream.name.clone(), origin, paths: stream.paths.clone() }
        });
        let state = State { followed: followed.collect(), added, demo: None, demo_given: false };
        let (config, reading) = (config.clone(), reading.clone());
        let tokio = tokio::runtime::Handle::current();
        Arc::new(Self { config, agent, transfer, reading, tokio, state: Mutex::new(state) })
    }

    /// The demo runs, as the command line asked for it.
    pub(crate) fn demo_runs(&self) {
        self.state.lock().demo_given = true;
    }

    /// Ends the demo, if it was started here: its files are removed once they are read to their ends.
    pub(crate) async fn end(&self) {
        let (running, names) = {
            let mut state = self.state.lock();
            let demo = state.followed.iter().filter(|stream| stream.origin == "demo");
            let names: Vec<String> = demo.map(|stream| stream.name.clone()).collect();
            (state.demo.take(), names)
        };
        let Some(Running { demo, stage, stop }) = running else { return };
        stop.call();
        stage.join().await;
        for name in &names {
            self.agent.unfollow(name);
        }
        let is_open = |report: &SourceReport| {
            report.state != FileState::Finished && names.iter().any(|name| **name == *report.stream)
        };
        let until = Instant::now() + LAST_LINES;
        while Instant::now() < until && self.agent.sources().iter().any(is_open) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(demo);
    }

    /// Checks, keeps and follows one.
    fn add(&self, state: &mut State, new: &NewStream, name: &str) -> Result<Followed, Refused> {
        if let Some(reason) = &state.added.damage {
            return Err(Refused::Failed(reason.clone()));
        }
        if state.added.streams.len() >= STREAMS_MAX {
            let most = format!("{STREAMS_MAX} streams can be added here, and are; write more into logdrive.toml");
            return Err(Refused::Full(most));
        }
        self.is_free(state, name)?;
        let (stream, text) = Added::read(new, name, &self.config).map_err(|error| wrong(&error))?;
        let prospect = self.prospect(&stream)?;
        state.added.put(stream.clone(), text).map_err(Refused::Failed)?;
        self.start(state, &stream, "page").inspect_err(|_| drop(state.added.remove(name)))?;
        Ok(followed(state, &stream, prospect))
    }

    fn is_free(&self, state: &State, name: &str) -> Result<(), Refused> {
        match state.followed.iter().find(|stream| stream.name == name) {
            Some(known) => {
                let paths = known.paths.join(", ");
                Err(Refused::Conflict(format!("there is a stream '{name}' already, of {paths}; choose another name")))
            }
            None => Ok(()),
        }
    }

    /// What it would find; refused where others have all of it.
    fn prospect(&self, stream: &StreamConfig) -> Result<Prospect, Refused> {
        let prospect = self.agent.prospect(stream).map_err(|error| refused(&error))?;
        if prospect.files == 0
            && prospect.problems.is_empty()
            && let Some((name, count)) = prospect.taken.first()
        {
            let files = if *count == 1 { "the file".to_owned() } else { format!("the {count} files") };
            return Err(Refused::Conflict(format!(
                "stream '{name}' follows {files} of {} already; search it with stream:{name}",
                stream.paths.join(", ")
            )));
        }
        Ok(prospect)
    }

    fn start(&self, state: &mut State, stream: &StreamConfig, origin: &str) -> Result<(), Refused> {
        self.transfer.learn(stream).map_err(|error| Refused::Failed(error.chain()))?;
        self.agent.follow(stream).map_err(|error| refused(&error))?;
        let (name, paths) = (stream.name.clone(), stream.paths.clone());
        state.followed.push(FollowedStream { name, origin: origin.to_owned(), paths });
        Ok(())
    }

    /// Paths from the root, and no more than somebody can mean.
    fn check_paths(&self, paths: &[String]) -> Result<(), Refused> {
        let wrong = |detail: String| Err(Refused::Wrong { key: "paths".to_owned(), detail });
        if paths.is_empty() {
            return wrong("paths: a stream follows something; write [\"/var/log/app\"], say".to_owned());
        }
        for path in paths {
            if !path.starts_with('/') {
                return wrong(format!("paths: '{path}' does not begin at the root; write /var/log/app, say"));
            }
            let clean = config::absolute(path, Path::new("/")).unwrap_or_default();
            let fixed: PathBuf = Path::new(&clean).components().take_while(|part| !is_glob(part)).collect();
            if NEVER.iter().any(|never| Path::new(never) == fixed) || NEVER[1..].iter().any(|n| fixed.starts_with(n)) {
                return wrong(format!("paths: '{path}' is too much, or no logs; name the folder with the logs"));
            }
            if fixed.starts_with(&self.config.data) {
                return wrong(format!("paths: '{path}' is logdrive's own data, which is never followed"));
            }
        }
        Ok(())
    }
}

impl Control for Streams {
    fn suggestions(&self) -> Suggestions {
        let home = std::env::home_dir();
        let follower = |path: &Path| self.agent.follower(path);
        let demo = {
            let state = self.state.lock();
            !state.demo_given && state.demo.is_none()
        };
        Suggestions { demo, ..suggest::suggestions(Path::new("/"), home.as_deref(), &follower) }
    }

    fn streams(&self) -> Vec<FollowedStream> {
        self.state.lock().followed.clone()
    }

    fn follow(&self, new: &NewStream) -> Result<Followed, Refused> {
        self.check_paths(&new.paths)?;
        let first = new.paths.first().map(String::as_str).unwrap_or_default();
        let kind = if Path::new(first).is_dir() || first.ends_with('/') { PathKind::Folder } else { PathKind::File };
        let named = new.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = named.map_or_else(|| config::stream_name(first, kind), str::to_owned);
        self.add(&mut self.state.lock(), new, &name)
    }

    fn demo(&self) -> Result<Followed, Refused> {
        let mut state = self.state.lock();
        if state.demo_given || state.demo.is_some() {
            return Err(Refused::Conflict(
                "the demo runs already; its streams are among those at /api/v1/streams".into(),
            ));
        }
        let failed = |failure: Failure| Refused::Failed(failure.to_string());
        let demo = Demo::prepare(DEMO_SEED).map_err(failed)?;
        let mut all = Followed::default();
        for (name, path) in demo.streams() {
            let name = if self.is_free(&state, name).is_ok() { name.to_owned() } else { format!("demo-{name}") };
            let new = NewStream { paths: vec![path], ..NewStream::default() };
            let (stream, _) = Added::read(&new, &name, &self.config).map_err(|error| wrong(&error))?;
            let prospect = self.agent.prospect(&stream).map_err(|error| refused(&error))?;
            self.start(&mut state, &stream, "demo")?;
            let one = followed(&state, &stream, prospect);
            all.streams.extend(one.streams);
            all.files += one.files;
        }
        let _guard = self.tokio.enter();
        let stop = Shutdown::new();
        let stage = self.reading.stage(stop.clone());
        demo.start(&stage);
        state.demo = Some(Running { demo, stage, stop });
        drop(state);
        all.notes.push("the demo's services write until logdrive ends; what they wrote stays searchable".to_owned());
        Ok(all)
    }

    fn unfollow(&self, name: &str) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let Some(at) = state.followed.iter().position(|stream| stream.name == name) else {
            return Err(Refused::Missing(format!("no stream '{name}' is followed here")));
        };
        let origin = &state.followed[at].origin;
        if origin != "page" && origin != "demo" {
            return Err(Refused::Conflict(format!("stream '{name}' comes from {origin}; remove it there")));
        }
        state.added.remove(name).map_err(Refused::Failed)?;
        self.agent.unfollow(name);
        state.followed.remove(at);
        Ok(())
    }
}

fn followed(state: &State, stream: &StreamConfig, prospect: Prospect) -> Followed {
    let streams = state.followed.iter().filter(|known| known.name == stream.name).cloned().collect();
    let taken = prospect.taken.iter().map(|(name, count)| {
        format!("{count} more files of these paths are followed as stream '{name}', and stay there")
    });
    let problems = prospect.problems.iter().map(|(path, reason)| format!("{} {reason}", path.display()));
    let notes = problems.chain(taken).collect();
    Followed { streams, files: prospect.files, notes }
}

fn is_glob(part: &std::path::Component<'_>) -> bool {
    part.as_os_str().to_str().is_none_or(config::is_glob)
}

/// The first mistake; its key stands before its colon.
fn wrong(error: &ConfigError) -> Refused {
    let detail = match error {
        ConfigError::Wrong(problems) => problems.first().map(|problem| problem.message.clone()),
        ConfigError::Read { .. } => None,
    };
    let detail = detail.unwrap_or_else(|| error.to_string());
    let key = detail.split(':').next().filter(|key| KEYS.contains(key)).unwrap_or("paths").to_owned();
    Refused::Wrong { key, detail }
}

const KEYS: [&str; 7] = ["name", "paths", "exclude", "parse", "multiline", "timezone", "start"];

fn refused(error: &agent::AgentError) -> Refused {
    match error {
        agent::AgentError::Glob { key, .. } => Refused::Wrong { key: (*key).to_owned(), detail: error.chain() },
        agent::AgentError::Relative { .. } => Refused::Wrong { key: "paths".to_owned(), detail: error.chain() },
        agent::AgentError::Twice { .. } => Refused::Conflict(error.chain()),
        _ => Refused::Failed(error.chain()),
    }
}
