//! Whose turn it is, and how much each may have on its way.
//!
//! Decision: files take turns of one block. Those that are live (no more than a block behind) come before those that
//! catch up, save for every fourth turn; among the latter, those whose bytes may soon be gone come first. What is on
//! its way has one bound for all, and within it:
//! - the last quarter is for live files;
//! - those that catch up keep to the [`Pace`](super::pace::Pace) of the queue;
//! - one file has at most half of what is left, so that no file takes all of it, however little of it lands;
//! - a file of which nothing lands gets no more turns, and what it holds slows nobody down;
//! - a file with batches on their way waits until there is half a block to read, or something has landed: so a queue
//!   that takes nothing holds a few batches of each file, not one for each line.

use std::time::Duration;

use super::Shard;
use crate::tail::{Mono, Tail};

/// A file of which nothing landed for so long is stuck.
const STUCK: Duration = Duration::from_secs(1);
/// Of so many turns, one is for those that catch up.
const TURNS: u32 = 4;
/// So many batches of a file may be on their way, however small they are.
const SMALL_MAX: usize = 2;

impl Shard {
    /// A file has something to read: it waits for its turn.
    pub(super) fn enqueue(&mut self, index: usize) {
        let (window, block, in_flight) = (self.links.settings.window, self.links.settings.block, self.in_flight);
        let Some(tail) = self.tails[index].as_mut().filter(|tail| !tail.queued && tail.may_read()) else { return };
        if !may_have_more(tail, block, window.saturating_sub(in_flight)) {
            // Looked at again when something of it lands.
            return;
        }
        tail.queued = true;
        if tail.unread() <= block as u64 {
            self.live.push_back(index);
        } else if tail.at_risk() {
            self.at_risk.push_back(index);
        } else {
            self.ready.push_back(index);
        }
    }

    /// Whether some file has its turn.
    pub(super) fn can_read(&self) -> bool {
        (!self.live.is_empty() && self.live_may()) || (self.some_catch_up() && self.others_may())
    }

    /// Whose turn it is.
    pub(super) fn next_reader(&mut self) -> Option<usize> {
        let live = !self.live.is_empty() && self.live_may();
        let others = self.some_catch_up() && self.others_may();
        self.turn = self.turn.wrapping_add(1);
        if live && !(others && self.turn.is_multiple_of(TURNS)) {
            return self.live.pop_front();
        }
        while let Some(index) = others.then(|| self.at_risk.pop_front().or_else(|| self.ready.pop_front())).flatten() {
            let (block, room) = (self.links.settings.block, self.links.settings.window.saturating_sub(self.in_flight));
            let Some(tail) = self.tails[index].as_mut() else { continue };
            if may_have_more(tail, block, room) {
                return Some(index);
            }
            // It was in the queue when it got stuck: something of it is on its way, and brings it back.
            tail.queued = false;
        }
        None
    }

    fn some_catch_up(&self) -> bool {
        !self.at_risk.is_empty() || !self.ready.is_empty()
    }

    fn live_may(&self) -> bool {
        let settings = &self.links.settings;
        self.in_flight == 0 || self.in_flight + settings.block <= settings.window
    }

    fn others_may(&self) -> bool {
        let settings = &self.links.settings;
        let moving = self.in_flight.saturating_sub(self.stuck);
        self.in_flight == 0
            || (self.in_flight + settings.block <= settings.window / 4 * 3
                && (moving == 0 || moving + settings.block <= self.pace.max()))
    }

    /// Looks, now and then, at how fast the queue takes, and of which files it takes nothing.
    pub(super) fn keep_pace(&mut self) {
        if !self.pace.tick(self.now) {
            return;
        }
        self.stuck = 0;
        for index in &self.flying {
            let Some(tail) = self.tails[*index].as_mut() else { continue };
            tail.stuck = self.now.saturating_sub(tail.landed_at) >= STUCK;
            if tail.stuck {
                self.stuck += tail.in_flight();
            }
        }
    }

    /// When the pace is looked at again, if that matters to anyone.
    pub(super) fn pace_due(&self) -> Option<Mono> {
        (self.in_flight > 0 && self.some_catch_up()).then_some(self.now + STUCK / 4)
    }
}

/// Whether another batch of it may be on its way, while so much room is left for all.
fn may_have_more(tail: &Tail, block: usize, room: usize) -> bool {
    if tail.flights.is_empty() {
        return true;
    }
    let is_little = tail.unread() < block as u64 / 2;
    !tail.stuck && tail.in_flight() + block <= room / 2 && !(is_little && tail.flights.len() >= SMALL_MAX)
}
