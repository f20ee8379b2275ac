//! What is followed, and how that changes while the agent runs.
//!
//! Decision: a stream has a place among the others that it keeps for the life of the process. One that is added comes
//! last; one that is let go leaves its place empty. So whatever names a stream by its place stays right, and the reader
//! takes over a new plan between two rounds, with nothing interrupted and nothing lost.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Timestamp;
use config::StreamConfig;
use parking_lot::Mutex;

use crate::AgentError;
use crate::discover::Follow;
use crate::settings::{Settings, Stream};
use crate::wake::Alarm;

/// What is followed at one moment.
#[derive(Clone)]
pub struct Plan {
    pub settings: Arc<Settings>,
    pub follow: Arc<Follow>,
}

/// The plan in force, shared between whoever changes it and the reader.
pub struct Plans {
    now: Mutex<Plan>,
    /// Changes with the plan.
    revision: AtomicU64,
    alarm: Arc<Alarm>,
}

/// What a stream would find if it were followed now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prospect {
    /// Files that it would follow.
    pub files: usize,
    /// Streams that have other files of its paths already, with how many each.
    pub taken: Vec<(String, usize)>,
    /// Paths that are not there, or cannot be looked at, and why.
    pub problems: Vec<(PathBuf, String)>,
}

impl Plans {
    pub const fn new(plan: Plan, alarm: Arc<Alarm>) -> Self {
        Self { now: Mutex::new(plan), revision: AtomicU64::new(0), alarm }
    }

    /// The plan in force, with its revision.
    pub fn now(&self) -> (u64, Plan) {
        let plan = self.now.lock();
        (self.revision(), plan.clone())
    }

    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Follows one more stream; files that were there before `now` are old to it.
    pub fn add(&self, stream: &StreamConfig, now: Timestamp) -> Result<(), AgentError> {
        self.change(|plan| {
            let settings = &plan.settings;
            if settings.streams.iter().any(|known| !known.is_over && *known.name == *stream.name) {
                return Err(AgentError::Twice { stream: stream.name.clone() });
            }
            let streams = settings.streams.iter().cloned().chain([Stream { since: now, ..Stream::of(stream) }]);
            Ok(Plan {
                settings: Arc::new(Settings { streams: streams.collect(), ..Settings::clone(settings) }),
                follow: Arc::new(plan.follow.with(stream)?),
            })
        })
    }

    /// Follows a stream no longer. `false`: there is none of that name.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.change(|plan| {
            let place = plan.settings.streams.iter().position(|stream| !stream.is_over && *stream.name == *name);
            let place = place.ok_or(())?;
            let mut settings = Settings::clone(&plan.settings);
            settings.streams[place].is_over = true;
            Ok::<_, ()>(Plan { settings: Arc::new(settings), follow: Arc::new(plan.follow.without(place)) })
        });
        removed.is_ok()
    }

    fn change<E>(&self, work: impl FnOnce(&Plan) -> Result<Plan, E>) -> Result<(), E> {
        let mut now = self.now.lock();
        *now = work(&now)?;
        self.revision.fetch_add(1, Ordering::AcqRel);
        drop(now);
        self.alarm.ring();
        Ok(())
    }

    /// What a stream would find. Nothing changes.
    pub fn prospect(&self, stream: &StreamConfig) -> Result<Prospect, AgentError> {
        let (_, Plan { settings, follow }) = self.now();
        let place = settings.streams.len();
        let mut prospect = Prospect::default();
        follow.with(stream)?.walk_one(place, &mut |found| prospect.note(found, place, &settings));
        Ok(prospect)
    }

    /// The stream that follows a path.
    pub fn follower(&self, path: &std::path::Path) -> Option<String> {
        let (_, Plan { settings, follow }) = self.now();
        follow.claim(path).map(|claim| settings.streams[claim.stream].name.to_string())
    }
}

impl Prospect {
    fn note(&mut self, found: crate::discover::Found<'_>, place: usize, settings: &Settings) {
        use crate::discover::Found;
        match found {
            Found::File(_, _, Some(claim)) if claim.stream == place => self.files += 1,
            Found::File(_, _, Some(claim)) => {
                let name = &*settings.streams[claim.stream].name;
                match self.taken.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => *count += 1,
                    None => self.taken.push((name.to_owned(), 1)),
                }
            }
            Found::File(..) | Found::Folder(_) => {}
            Found::Problem(path, error) => {
                let reason = match error.kind() {
                    std::io::ErrorKind::NotFound => "is not there yet; it is waited for".to_owned(),
                    _ => format!("{error}; it is tried again"),
                };
                self.problems.push((path.to_owned(), reason));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(streams: &[StreamConfig]) -> Plans {
        let mut config = config::Config::new("h", "/data");
        config.streams = streams.to_vec();
        let settings = Arc::new(Settings::resolve(&config).unwrap());
        let follow = Arc::new(Follow::new(streams, &config.data).unwrap());
        Plans::new(Plan { settings, follow }, Alarm::new().unwrap())
    }

    #[test]
    fn streams_keep_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["a.log", "b.log", "c.log"] {
            std::fs::write(at(name), "x\n").unwrap();
        }
        let stream = |name: &str, path: &str| StreamConfig::new(name, vec![at(path)]);
        let plans = plans(&[stream("a", "a.log"), stream("b", "b.log")]);
        let follower = |name: &str| plans.follower(&folder.path().join(name));
        assert!(plans.remove("a") && !plans.remove("a"));
        assert_eq!((follower("a.log"), follower("b.log").as_deref()), (None, Some("b")));
        let all = stream("all", "*.log");
        let prospect = plans.prospect(&all).unwrap();
        assert_eq!((prospect.files, prospect.taken), (2, vec![("b".to_owned(), 1)]));
        plans.add(&all, Timestamp::from_micros(5)).unwrap();
        assert!(matches!(plans.add(&all, Timestamp::MIN), Err(AgentError::Twice { .. })));
        assert_eq!((follower("a.log").as_deref(), follower("b.log").as_deref()), (Some("all"), Some("b")));
        let (revision, plan) = plans.now();
        let names: Vec<_> = plan.settings.streams.iter().map(|stream| (&*stream.name, stream.is_over)).collect();
        assert_eq!((revision, names), (2, vec![("a", true), ("b", false), ("all", false)]));
        // A name can be had again, in a place of its own.
        plans.add(&stream("a", "gone.log"), Timestamp::MIN).unwrap();
        assert_eq!(plans.prospect(&stream("x", "gone.log")).unwrap().problems.len(), 1);
    }
}
