//! One bulk, sent until each of its documents has its verdict.

use std::time::{Duration, Instant};

use base::Backoff;
use bytes::Bytes;
use store::{Refusal, StoreError};

use super::pace::Outcome;
use super::verdict::{self, FILTER, Verdict, Wait};
use super::{Chunk, Done};
use crate::OpenSearchStore;
use crate::document::{Bulk, Documents, Fields, Item};
use crate::http::{Answer, Request};
use crate::options::Visible;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// So often a document over which the server fails is tried while it takes others.
const BROKEN_TRIES: u32 = 4;

/// What is left of a bulk after an answer.
struct Rest {
    items: Vec<Item>,
    /// Documents that are to be written without indexed fields.
    bare: Vec<Item>,
    why: Option<(Wait, String)>,
}

impl OpenSearchStore {
    /// Sends a bulk until all of it has been decided, or patience is over.
    pub(super) async fn send_bulk(&self, chunk: &Chunk, bulk: Bulk, until: Instant) -> Result<Done, StoreError> {
        let mut done = Done::default();
        let mut work = vec![bulk];
        while let Some(bulk) = work.pop() {
            self.send_one(chunk, bulk, until, &mut done, &mut work).await?;
        }
        Ok(done)
    }

    /// Sends a bulk, again and again; what is too big for one goes to `work` in halves.
    async fn send_one(
        &self,
        chunk: &Chunk,
        mut bulk: Bulk,
        until: Instant,
        done: &mut Done,
        work: &mut Vec<Bulk>,
    ) -> Result<(), StoreError> {
        let seed = bulk.items.first().map_or(0, |item| item.row as u64 + bulk.body.len() as u64);
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT, seed);
        loop {
            let body = Bytes::from(std::mem::take(&mut bulk.body));
            let turn = self.pace.turn().await;
            let began = Instant::now();
            let answer = self.http.send(Request::lines(self.bulk_path(&bulk.index), body.clone())).await;
            drop(turn);
            let (error, wait) = match answer {
                Ok(answer) if answer.is_ok() => {
                    let Some(verdicts) = verdict::verdicts(&answer.body, bulk.items.len()) else {
                        return Err(answer.error());
                    };
                    let rest = settle(&bulk, verdicts, backoff.tries(), done);
                    let busy = matches!(rest.why, Some((Wait::Busy, _)));
                    let taken = Outcome::Taken(began.elapsed(), body.len());
                    self.pace.learn(if busy { Outcome::Busy } else { taken });
                    if rest.items.is_empty() && rest.bare.is_empty() {
                        self.bodies.give(body);
                        return Ok(());
                    }
                    let error = rest.why.as_ref().map(|(wait, said)| explained(&answer, *wait, said));
                    bulk = again(chunk, &bulk, &body, &rest);
                    match error {
                        Some(error) => (error, answer.retry_after),
                        None => continue,
                    }
                }
                Ok(answer) if answer.status == 413 => {
                    bulk.body = body.to_vec();
                    halves(&answer, bulk, done, work);
                    return Ok(());
                }
                Ok(answer) => {
                    self.pace.learn(if answer.status == 429 { Outcome::Busy } else { Outcome::Failed });
                    bulk.body = body.into();
                    (answer.error(), answer.retry_after)
                }
                Err(error) => {
                    self.pace.learn(Outcome::Failed);
                    bulk.body = body.into();
                    (error, None)
                }
            };
            let own = backoff.next_wait();
            let wait = wait.map_or(own, |wait| wait.max(own));
            if Instant::now() + wait >= until {
                return Err(error);
            }
            *self.paused.lock() = Some(error.to_string());
            tokio::time::sleep(wait).await;
        }
    }

    fn bulk_path(&self, index: &str) -> String {
        let refresh = if self.options.visible == Visible::AtOnce { "refresh=true&" } else { "" };
        format!("/{index}/_bulk?{refresh}{FILTER}")
    }
}

/// Takes note of the verdicts; what is left.
fn settle(bulk: &Bulk, verdicts: Vec<Verdict>, tries: u32, done: &mut Done) -> Rest {
    let mut rest = Rest { items: Vec::new(), bare: Vec::new(), why: None };
    let some_taken = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Created | Verdict::Held));
    let hopeless = tries >= BROKEN_TRIES || (tries > 0 && some_taken);
    for (item, verdict) in bulk.items.iter().zip(verdicts) {
        let refusal = |reason| Refusal { batch: item.batch, record: item.row, reason };
        match verdict {
            Verdict::Created => done.created.push((item.batch, item.row)),
            Verdict::Held => {}
            Verdict::Refused(said) => done.refusals.push(refusal(said)),
            Verdict::Later(Wait::Broken, said) if hopeless => done.refusals.push(refusal(said)),
            Verdict::Later(wait, said) => {
                rest.items.push(*item);
                rest.why.get_or_insert((wait, said));
            }
            Verdict::TooManyFields(said) if item.bare => done.refusals.push(refusal(said)),
            Verdict::TooManyFields(_) => rest.bare.push(*item),
        }
    }
    rest
}

/// The error of documents that have to wait.
fn explained(answer: &Answer, wait: Wait, said: &str) -> StoreError {
    let (at, reason) = (answer.at.clone(), said.to_owned());
    match wait {
        Wait::Busy => StoreError::Exhausted { at, reason },
        Wait::Failing | Wait::Broken => StoreError::Unavailable { at, reason },
        Wait::Forbidden => StoreError::Refused { at, reason },
    }
}

/// The documents that are left, as a bulk.
fn again(chunk: &Chunk, bulk: &Bulk, body: &[u8], rest: &Rest) -> Bulk {
    let mut next = Bulk { index: bulk.index.clone(), ..Bulk::default() };
    let mut left = rest.items.iter().peekable();
    let mut start = 0;
    for item in &bulk.items {
        if left.next_if_eq(&item).is_some() {
            next.body.extend_from_slice(&body[start..item.end]);
            next.items.push(Item { end: next.body.len(), ..*item });
        }
        start = item.end;
    }
    for item in &rest.bare {
        if let Some((_, batch)) = chunk.iter().find(|(number, _)| *number == item.batch) {
            Documents::new(batch).write(&mut next.body, item.row, Fields::Raw);
            next.items.push(Item { end: next.body.len(), bare: true, ..*item });
        }
    }
    next
}

/// A bulk that is more than the server takes at once, in two; a document that is, is refused.
fn halves(answer: &Answer, bulk: Bulk, done: &mut Done, work: &mut Vec<Bulk>) {
    let half = bulk.items.len() / 2;
    if half == 0 {
        let len = bulk.body.len();
        let reason = format!("{} takes no document of {len} bytes (HTTP 413, http.max_content_length)", answer.at);
        let refusals =
            bulk.items.iter().map(|item| Refusal { batch: item.batch, record: item.row, reason: reason.clone() });
        done.refusals.extend(refusals);
        return;
    }
    let middle = bulk.items[half - 1].end;
    let (first, second) = bulk.items.split_at(half);
    let second = second.iter().map(|item| Item { end: item.end - middle, ..*item }).collect();
    work.push(Bulk { index: bulk.index.clone(), body: bulk.body[middle..].to_vec(), items: second });
    work.push(Bulk { index: bulk.index, body: bulk.body[..middle].to_vec(), items: first.to_vec() });
}
