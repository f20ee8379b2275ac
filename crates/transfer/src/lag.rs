//! How far the consumer groups of the transfer are behind.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use model::{Cursors, Partition};
use queue::{Queue, TopicStats};
use runtime::Shutdown;
use tracing::debug;

use crate::status::Figures;

/// How often the queue is asked.
const EVERY: Duration = Duration::from_secs(10);

/// Asks the queue now and then.
pub struct Lag {
    pub queue: Arc<dyn Queue>,
    pub topics: Vec<&'static str>,
    /// What the names of our groups begin with.
    pub prefix: String,
    pub figures: Figures,
}

impl Lag {
    pub async fn watch(&self, shutdown: &Shutdown) -> Result<(), Infallible> {
        loop {
            let mut lags = BTreeMap::new();
            for &topic in &self.topics {
                match self.queue.stats(topic).await {
                    Ok(stats) => lags.extend(lags_of(&stats, &self.prefix)),
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

fn lags_of(stats: &TopicStats, prefix: &str) -> BTreeMap<String, u64> {
    let lag = |(group, cursors): &(String, Cursors)| {
        let behind = |(partition, first, end, _): &(Partition, u64, u64, u64)| {
            end.saturating_sub(cursors.get(*partition).max(*first))
        };
        (group.clone(), stats.partitions.iter().map(behind).sum())
    };
    stats.groups.iter().filter(|(group, _)| group.starts_with(prefix)).map(lag).collect()
}

#[cfg(test)]
mod tests {
    use model::QueueId;

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
            paused: None,
        };
        let lags = lags_of(&stats, "store");
        assert_eq!(lags.into_iter().collect::<Vec<_>>(), [("store".to_owned(), 2), ("store-late".to_owned(), 22)]);
    }
}
