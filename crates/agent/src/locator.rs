//! Asks the queue how far it has sources, for the reader, which never waits.

use std::sync::mpsc::SyncSender;

use base::Explain as _;
use model::{Generation, SourceKey};
use queue::{Position, Producer, QueueError};
use tokio::sync::mpsc::Receiver;

use crate::shard::{Answer, Ask};
use crate::wake::Alarm;

/// So many generations are asked for at once.
const GENERATIONS: u32 = 3;

/// Answers until nobody asks any more.
pub(crate) async fn answer(
    producer: &dyn Producer,
    asks: &mut Receiver<Vec<Ask>>,
    answers: &SyncSender<Vec<Answer>>,
    alarm: &Alarm,
) {
    while let Some(asks) = asks.recv().await {
        let found = latest(producer, &asks).await;
        // Where the reader has ended, nobody wants to know.
        if answers.send(found).is_err() {
            return;
        }
        alarm.ring();
    }
}

/// The latest generation held of each source.
async fn latest(producer: &dyn Producer, asks: &[Ask]) -> Vec<Answer> {
    let mut found: Vec<Answer> =
        asks.iter().map(|ask| Answer { ask: *ask, found: Ok((ask.key.generation, None)) }).collect();
    let mut open: Vec<(usize, u32)> = asks.iter().enumerate().map(|(at, ask)| (at, ask.key.generation.0)).collect();
    while !open.is_empty() {
        let keys: Vec<SourceKey> = open
            .iter()
            .flat_map(|(at, from)| {
                let source = asks[*at].key.source;
                (0..GENERATIONS).map(move |n| SourceKey::new(source, Generation(from.saturating_add(n))))
            })
            .collect();
        let positions = match producer.positions(&keys).await {
            Ok(positions) => positions,
            Err(error) => return refused(asks, &error),
        };
        open = open
            .into_iter()
            .zip(positions.chunks(GENERATIONS as usize))
            .filter_map(|((at, from), held)| {
                let held = if asks[at].exact { &held[..1] } else { held };
                take(&mut found[at], at, from, held)
            })
            .collect();
    }
    found
}

/// Notes the latest of the generations that are held; where the last one asked for is, there may be more.
fn take(answer: &mut Answer, at: usize, from: u32, held: &[Option<Position>]) -> Option<(usize, u32)> {
    let (n, position) = held.iter().enumerate().rev().find_map(|(n, held)| held.map(|held| (n as u32, held)))?;
    answer.found = Ok((Generation(from + n), Some(position)));
    (n + 1 == GENERATIONS).then_some((at, from + GENERATIONS))
}

fn refused(asks: &[Ask], error: &QueueError) -> Vec<Answer> {
    asks.iter().map(|ask| Answer { ask: *ask, found: Err(error.chain()) }).collect()
}
