//! How far each source was taken and how far it is durable, as long as the producer lives.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use model::{BatchHeader, SourceKey};
use queue::driver::{Verdict, after, judge};
use queue::{AckSender, Outcome, Position, QueueError};
use tokio::time::Instant;

/// More sources than that are not remembered where they stand still.
const KNOWN_MAX: usize = 100_000;
/// What has moved within this time is remembered in any case.
const FRESH: Duration = Duration::from_secs(600);

/// What is known of all sources.
#[derive(Default)]
pub struct Sources(HashMap<SourceKey, Source>);

struct Source {
    /// Behind what was taken.
    taken: Position,
    /// Behind what is durable, contiguously.
    durable: Position,
    /// Whether anything of it is durable.
    held: bool,
    /// What was taken and is not durable, in order: behind it, and whether it is durable although something before
    /// it is not.
    flights: VecDeque<(Position, bool)>,
    /// Who asked for what is under way.
    waiting: Vec<(u64, AckSender)>,
    moved: Instant,
}

/// What to do with a batch.
pub enum Taken {
    /// Send it.
    Take,
    /// Known already.
    Is(Outcome),
    /// It is under way already: wait for that.
    Wait,
}

impl Sources {
    /// Judges a batch: the first of a source is taken wherever it starts.
    pub fn judge(&self, header: &BatchHeader) -> Taken {
        let Some(source) = self.0.get(&header.key) else { return Taken::Take };
        match judge(Some(source.taken), header) {
            Verdict::Take => Taken::Take,
            Verdict::Gap(expected) => Taken::Is(Outcome::Gap { expected }),
            Verdict::Duplicate(_) if header.end <= source.durable.end => Taken::Is(Outcome::Duplicate(source.durable)),
            Verdict::Duplicate(_) => Taken::Wait,
        }
    }

    /// Answers `sender` once what is under way is durable up to `end`.
    pub fn wait(&mut self, key: SourceKey, end: u64, sender: AckSender) {
        if let Some(source) = self.0.get_mut(&key) {
            source.waiting.push((end, sender));
        }
    }

    /// Notes that a batch was taken.
    pub fn take(&mut self, header: &BatchHeader, now: Instant) {
        if self.0.len() >= KNOWN_MAX && !self.0.contains_key(&header.key) {
            self.0.retain(|_, source| !source.flights.is_empty() || source.moved + FRESH > now);
        }
        let position = after(header);
        let begin = Position { end: header.start, open_line: None };
        let source = self.0.entry(header.key).or_insert_with(|| Source {
            taken: begin,
            durable: begin,
            held: false,
            flights: VecDeque::new(),
            waiting: Vec::new(),
            moved: now,
        });
        source.taken = position;
        source.moved = now;
        source.flights.push_back((position, false));
    }

    /// Notes that a batch is durable.
    pub fn durable(&mut self, header: &BatchHeader) {
        let Some(source) = self.0.get_mut(&header.key) else { return };
        if let Some(flight) = source.flights.iter_mut().find(|flight| flight.0.end == header.end) {
            flight.1 = true;
        }
        while let Some((position, true)) = source.flights.front().copied() {
            source.flights.pop_front();
            source.durable = position;
            source.held = true;
        }
        let durable = source.durable;
        for (_, sender) in source.waiting.extract_if(.., |(end, _)| *end <= durable.end) {
            // Whoever asked may be gone.
            let _ = sender.send(Ok(Outcome::Duplicate(durable)));
        }
    }

    /// How far a source is durable.
    pub fn position(&self, key: SourceKey) -> Option<Position> {
        self.0.get(&key).filter(|source| source.held).map(|source| source.durable)
    }

    /// Answers all who wait with an error.
    pub fn fail(&mut self, error: &QueueError) {
        for source in self.0.values_mut() {
            for (_, sender) in source.waiting.drain(..) {
                let _ = sender.send(Err(error.clone()));
            }
        }
    }
}
