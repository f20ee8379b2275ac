//! How far the consumer groups of the transfer are behind, and for which data is held although nobody reads it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use model::Cursors;
use queue::{LINES, Queue, TopicStats};
use runtime::Shutdown;
use tracing::debug;

use crate::problems::Problems;
use crate::status::Figures;

/// How often the queue is asked.
const EVERY: Duration = Duration::from_secs(10);
/// Nobody reads for a group when so many looks in a row say so: a reader may have been about to start.
const LOOKS: u32 = 4;
/// What that is called among the problems.
const HELD: &str = "is read by nobody, and the queue holds data for it";

/// Asks the queue now and then.
pub struct Lag {
    pub queue: Arc<dyn Queue>,
    pub topics: Vec<&'static str>,
    /// What the names of our groups begin with.
    pub prefix: String,
    pub figures: Figures,
    pub problems: Problems,
}

impl Lag {
    pub async fn watch(&self, shutdown: &Shutdown) -> Result<(), Infallible> {
        let mut unread = Unread::default();
        loop {
            let mut lags = BTreeMap::new();
            for &topic in &self.topics {
                match self.queue.stats(topic).await {
                    Ok(stats) => {
                        lags.extend(lags_of(&stats, &self.prefix));
                        unread.look(topic, &stats, &self.problems);
                    }
                    Err(error) => debug!(topic, %error, "the queue does not say how far groups are behind"),
                }
            }
            self.figures.note_lags(lags);
            if !shutdown.sleep(EVERY).await {
                return Ok(());
            }
        }
    }
}

/// Groups for which nobody reads, by topic, with in how many looks that was so.
#[derive(Default)]
struct Unread(BTreeMap<(&'static str, String), u32>);

impl Unread {
    fn look(&mut self, topic: &'static str, stats: &TopicStats, problems: &Problems) {
        let mut now = BTreeMap::new();
        for group in &stats.unread {
            let behind = stats.groups.iter().find(|(name, _)| name == group).map_or(0, |(_, at)| stats.behind(at));
            if behind > 0 {
                now.insert(group, behind);
            }
        }
        self.0.retain(|(of, group), looks| {
            let is_still = *of != topic || now.contains_key(group);
            if !is_still && *looks >= LOOKS {
                problems.clear(&who(topic, group), HELD);
            }
            is_still
        });
        for (group, behind) in now {
            let looks = self.0.entry((topic, group.clone())).or_default();
            *looks = looks.saturating_add(1);
            if *looks >= LOOKS {
                let command = format!("logdrive queue forget {group}");
                let command = if topic == LINES { command } else { format!("{command} --topic {topic}") };
                let text = format!(
                    "{behind} batches wait for it, and the queue removes nothing before they are read: start what reads \
                     it (a store or metric rule of that name), or give them up with: {command}"
                );
                problems.note_state(&who(topic, group), HELD, &text);
            }
        }
    }
}

fn who(topic: &str, group: &str) -> String {
    format!("queue {topic}, group {group}")
}

fn lags_of(stats: &TopicStats, prefix: &str) -> BTreeMap<String, u64> {
    let lag = |(group, cursors): &(String, Cursors)| (group.clone(), stats.behind(cursors));
    stats.groups.iter().filter(|(group, _)| group.starts_with(prefix)).map(lag).collect()
}

#[cfg(test)]
mod tests {
    use base::{ManualClock, Timestamp};
    use model::{Partition, QueueId};

    use super::*;

    #[test]
    fn counts_what_is_held_and_not_read() {
        let cursors = |next: &[(u32, u64)]| Cursors {
            queue: QueueId(1),
            next: next.iter().map(|(partition, next)| (Partition(*partition), *next)).collect(),
        };
        let stats = TopicStats {
            partitions: vec![(Partition(0), 5, 20, 0), (Partition(1), 0, 7, 0)],
            groups: vec![
                ("store".to_owned(), cursors(&[(0, 18), (1, 7)])),
                ("store-late".to_owned(), cursors(&[])),
                ("dashboard".to_owned(), cursors(&[])),
            ],
            ..TopicStats::default()
        };
        let lags = lags_of(&stats, "store");
        assert_eq!(lags.into_iter().collect::<Vec<_>>(), [("store".to_owned(), 2), ("store-late".to_owned(), 22)]);
    }

    #[test]
    fn a_group_that_holds_data_and_is_read_by_nobody_is_a_problem() {
        let at = |next| Cursors { queue: QueueId(1), next: [(Partition(0), next)].into() };
        let stats = |next, unread: &[&str]| TopicStats {
            partitions: vec![(Partition(0), 5, 20, 0)],
            groups: vec![("store".to_owned(), at(20)), ("store-old".to_owned(), at(next))],
            unread: unread.iter().map(|name| (*name).to_owned()).collect(),
            ..TopicStats::default()
        };
        let problems = Problems::new(Arc::new(ManualClock::at(Timestamp::from_micros(0))));
        let mut unread = Unread::default();
        let mut look = |looks: u32, stats: &TopicStats| {
            (0..looks).for_each(|_| unread.look(LINES, stats, &problems));
            problems.list()
        };
        assert!(look(LOOKS * 2, &stats(20, &["store-old", "store"])).is_empty(), "nothing is held");
        assert!(look(LOOKS - 1, &stats(7, &["store-old"])).is_empty(), "it may be about to start");
        let listed = look(1, &stats(7, &["store-old"]));
        assert_eq!(listed[0].0, "queue lines, group store-old");
        assert!(listed[0].1.contains("13 batches") && listed[0].1.contains("forget store-old"), "{listed:?}");
        assert!(look(1, &stats(7, &[])).is_empty(), "it is read again");
    }
}
