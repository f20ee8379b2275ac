//! What happens when: calm, and every few minutes an incident that shows in several services at once.

use super::chance::Chance;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incident {
    /// A migration holds a lock: queries wait, orders time out, the web answers 504.
    DatabaseLock,
    /// A new version of the shop has a fault: the cart fails with a stack trace, the web answers 500.
    BadRelease,
    /// The kernel kills the orders service: connections are refused, the web answers 502.
    OutOfMemory,
}

/// A moment of an incident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub incident: Incident,
    /// Which one since the beginning.
    pub number: u64,
    /// Share of the requests it touches: it grows, stays, and fades.
    pub share: f64,
    /// Seconds since it began.
    pub age: f64,
}

/// The first one begins after so many seconds.
const FIRST: f64 = 35.0;
/// The later ones begin so far apart.
const PERIOD: f64 = 200.0;
/// They last so long.
const LENGTH: f64 = 30.0;

const KINDS: [Incident; 3] = [Incident::DatabaseLock, Incident::BadRelease, Incident::OutOfMemory];

/// What is wrong so many seconds after the beginning, if anything.
pub(crate) fn trouble_at(seed: u64, seconds: f64) -> Option<Trouble> {
    let number = ((seconds - FIRST).max(0.0) / PERIOD) as u64;
    let mut chance = Chance::new(seed ^ number.wrapping_mul(0x9e37_79b9));
    // The first one is on time, so that somebody who has just started sees one.
    let delay = if number == 0 { 0.0 } else { chance.share() * (PERIOD - LENGTH) };
    let age = seconds - FIRST - number as f64 * PERIOD - delay;
    if !(0.0..LENGTH).contains(&age) {
        return None;
    }
    let share = (age / 5.0).min((LENGTH - age) / 5.0).clamp(0.05, 1.0) * 0.8;
    // Always in this order: what the first lines printed suggest to search for is found in the first one.
    let incident = KINDS[(number % KINDS.len() as u64) as usize];
    Some(Trouble { incident, number, share, age })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_incident_comes_within_a_minute_and_others_follow() {
        for seed in [1, 2, 99] {
            let at = |tenths: u32| trouble_at(seed, f64::from(tenths) / 10.0);
            let first = (0..600).find(|t| at(*t).is_some());
            assert!(first.is_some_and(|t| t >= 300), "{first:?}");
            let numbers: std::collections::BTreeSet<u64> =
                (0..36_000).filter_map(at).map(|trouble| trouble.number).collect();
            assert!(numbers.len() >= 17, "{} incidents in an hour", numbers.len());
            let troubled = (0..36_000).filter(|t| at(*t).is_some()).count();
            assert!((3_000..9_000).contains(&troubled), "{troubled} tenths of a second of an hour");
        }
    }
}
