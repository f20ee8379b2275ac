//! Queues around queues: each changes one thing and keeps the contract, which the suite proves.

mod counting;
mod faulty;
mod prefixed;
mod slow;

pub use counting::{Counting, Counts};
pub use faulty::Faulty;
pub use prefixed::Prefixed;
pub use slow::Slow;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::testing::{Capabilities, run};
    use crate::{MemoryOptions, MemoryQueue, Queue};

    const CAPABILITIES: Capabilities = Capabilities::whole(2, Some(1 << 20));

    fn memory() -> Arc<dyn Queue> {
        Arc::new(MemoryQueue::with(MemoryOptions { partitions: 2, max_bytes: 1 << 20, ..MemoryOptions::default() }))
    }

    #[tokio::test]
    async fn faulty_keeps_the_contract() {
        for seed in 0..5 {
            run(&Faulty::new(memory(), seed, 0.2), &CAPABILITIES).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_keeps_the_contract() {
        run(&Slow::new(memory(), Duration::from_millis(3)), &CAPABILITIES).await;
    }

    #[tokio::test]
    async fn prefixed_keeps_the_contract() {
        let inner = memory();
        run(&Prefixed::new(Arc::clone(&inner), "tenant."), &CAPABILITIES).await;
    }

    #[tokio::test]
    async fn prefixes_keep_topics_apart() {
        let inner = memory();
        let (one, two) = (Prefixed::new(Arc::clone(&inner), "one."), Prefixed::new(Arc::clone(&inner), "two."));
        let batch = crate::testing::BatchOf::source(1).text("x\n");
        let lines = one.producer("lines").await.expect("opens");
        assert!(lines.append(batch).await.is_ok());
        let held = |stats: crate::TopicStats| stats.partitions.iter().map(|p| p.2).sum::<u64>();
        assert_eq!(held(one.stats("lines").await.expect("stats")), 1);
        assert_eq!(held(two.stats("lines").await.expect("stats")), 0);
        assert_eq!(held(inner.stats("one.lines").await.expect("stats")), 1);
    }

    #[tokio::test]
    async fn counting_keeps_the_contract_and_counts() {
        let counting = Counting::new(memory());
        run(&counting, &CAPABILITIES).await;
        let counts = counting.counts();
        assert!(counts.appended > 1000 && counts.duplicates > 3 && counts.gaps > 3, "{counts:?}");
        assert!(counts.back_pressure > 0 && counts.polls > 10 && counts.commits > 3, "{counts:?}");
        assert!(counts.delivered >= counts.appended && counts.errors > 3, "{counts:?}");
    }
}
