//! Another plan: streams that came, and streams that were let go.

use super::Shard;
use crate::tail::{Mono, Phase};

impl Shard {
    /// Takes over the plan in force and looks everywhere at once.
    pub(super) fn take_plan(&mut self) {
        let (revision, plan) = self.links.plans.now();
        self.links.plan_revision = revision;
        self.links.settings = plan.settings;
        self.links.follow = plan.follow;
        self.first_scans.resize(self.links.settings.streams.len(), self.scan.count + 1);
        // What nobody wanted may be named by the new stream.
        self.ignored.clear();
        for index in 0..self.tails.len() {
            self.guard(index, |shard| {
                shard.leave(index);
                Ok(())
            });
        }
        self.scan.at_once();
    }

    /// A file of a stream that was let go is read as far as it goes now, and then no longer.
    fn leave(&mut self, index: usize) {
        let streams = &self.links.settings.streams;
        let Some(tail) = self.tails[index].as_mut().filter(|tail| streams[tail.stream].is_over && !tail.leaves) else {
            return;
        };
        tail.leaves = true;
        match tail.phase {
            Phase::Following => tail.phase = Phase::Draining,
            Phase::Draining | Phase::Locating => {}
            Phase::Shadow(_) => return self.drop_tail(index),
        }
        if tail.fault.is_some() && tail.flights.is_empty() {
            // It cannot be read now: what is known of it stays as it is.
            return self.drop_tail(index);
        }
        let now = self.now;
        self.note(index);
        self.timer(index, now);
    }

    /// Until when what is found of a stream was there before it was followed.
    pub(super) fn known_until(&self, stream: usize) -> base::Timestamp {
        self.links.settings.streams[stream].since.max(self.links.known_until)
    }

    /// Whether this is the first look for what a stream follows.
    pub(super) fn is_first_scan(&self, stream: usize) -> bool {
        self.scan.count <= self.first_scans[stream]
    }
}

impl super::scan::ScanState {
    /// Whatever the last scan took.
    pub fn at_once(&mut self) {
        self.set_due(Mono::ZERO);
    }
}
