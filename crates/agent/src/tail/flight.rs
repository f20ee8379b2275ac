//! Batches on their way to the queue, in the order of the file.
//!
//! Decision: a batch is kept until it has landed, so that after a refusal the very same bytes are sent again, even if
//! the file was truncated meanwhile. What is kept counts as in flight, which bounds it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use model::Batch;
use queue::{Ack, Outcome, Position, QueueError};

use crate::identity::Witness;

/// A place in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Offset behind the last byte.
    pub end: u64,
    /// If that byte does not end a line: where the line begins.
    pub open_line: Option<u64>,
}

impl From<Position> for Mark {
    fn from(at: Position) -> Self {
        Self { end: at.end, open_line: at.open_line }
    }
}

/// A batch on its way.
pub struct Flight {
    /// What was sent.
    pub batch: Batch,
    /// `None` while it is not sent (again).
    pub ack: Option<Ack>,
    /// It may be sent: where the queue keeps no positions, it is in the checkpoints.
    pub noted: bool,
    /// Where the source stands behind it.
    pub mark: Mark,
    /// What stands before that.
    pub witness: Witness,
    /// Bytes of memory it holds.
    pub held: usize,
}

/// What has become of the batches of one file.
#[derive(Debug, Default)]
pub struct Landing {
    /// Bytes of memory that are free again.
    pub freed: usize,
    /// How far the queue has it now, if that changed.
    pub acked: Option<(Mark, Option<Witness>)>,
    /// Batches that the queue already had.
    pub duplicates: u64,
    /// They must be sent again after so long.
    pub resend: Option<Duration>,
    /// It must be read again from here.
    pub reread: Option<Mark>,
    /// What the queue said, if it refused.
    pub refused: Option<QueueError>,
}

/// Looks at what has become of `flights`; those that have landed are taken off.
pub fn land(flights: &mut VecDeque<Flight>, cx: &mut Context<'_>) -> Landing {
    let mut landing = Landing::default();
    while let Some(first) = flights.front_mut() {
        let Some(ack) = &mut first.ack else { break };
        let Poll::Ready(outcome) = Pin::new(ack).poll(cx) else { break };
        first.ack = None;
        match outcome {
            Ok(Outcome::Appended(_)) => take_first(flights, &mut landing),
            Ok(Outcome::Duplicate(held)) if held.end >= first.mark.end => {
                landing.duplicates += 1;
                take_first(flights, &mut landing);
            }
            Ok(Outcome::Duplicate(expected) | Outcome::Gap { expected }) => {
                go_on_from(flights, expected.into(), &mut landing);
                break;
            }
            Ok(Outcome::BackPressure { retry_after }) => {
                landing.resend = Some(retry_after);
                break;
            }
            Err(error) => {
                landing.refused = Some(error);
                landing.resend = Some(Duration::ZERO);
                break;
            }
        }
    }
    landing
}

fn take_first(flights: &mut VecDeque<Flight>, landing: &mut Landing) {
    if let Some(first) = flights.pop_front() {
        landing.freed += first.held;
        landing.acked = Some((first.mark, Some(first.witness)));
    }
}

/// The queue wants what begins at `expected`: that is one of the batches, or has to be read again.
fn go_on_from(flights: &mut VecDeque<Flight>, expected: Mark, landing: &mut Landing) {
    if let Some(at) = flights.iter().position(|flight| flight.batch.header.start == expected.end)
        && at > 0
    {
        for _ in 0..at {
            take_first(flights, landing);
        }
        landing.resend = Some(Duration::ZERO);
        return;
    }
    landing.freed += flights.iter().map(|flight| flight.held).sum::<usize>();
    flights.clear();
    landing.acked = Some((expected, None));
    landing.reread = Some(expected);
}

/// Whether every batch that was sent is answered (or given up).
pub fn settle(flights: &mut VecDeque<Flight>, cx: &mut Context<'_>) -> bool {
    let mut settled = true;
    for flight in flights {
        if let Some(ack) = &mut flight.ack {
            match Pin::new(ack).poll(cx) {
                Poll::Ready(_) => flight.ack = None,
                Poll::Pending => settled = false,
            }
        }
    }
    settled
}
