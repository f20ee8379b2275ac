//! Random histories against a model: a list of batches and a map of high-waters.

use std::collections::HashMap;

use model::{Batch, BatchFlags, Cursors};
use proptest::prelude::*;
use queue::testing::BatchOf;
use queue::{Outcome, Queue as _};

use super::{copy_folder, open, small};
use crate::EmbeddedQueue;

#[derive(Clone, Debug)]
enum Step {
    /// Appends to a source, so many bytes; starting so far from where it should.
    Append { source: u128, len: usize, shift: i64, missed: bool },
    /// Reads and commits up to so many bytes.
    Read(usize),
    /// Ends in order.
    Reopen,
    /// Goes on with what a kill would have left.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0u128..4, 1usize..9000, prop_oneof![6 => Just(0i64), 1 => -3000i64..3000], any::<bool>())
            .prop_map(|(source, len, shift, missed)| Step::Append { source, len, shift, missed }),
        3 => (1usize..40_000).prop_map(Step::Read),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ]
}

#[derive(Default)]
struct Model {
    held: HashMap<u128, u64>,
    log: Vec<Batch>,
    read: usize,
}

impl Model {
    fn append(&mut self, source: u128, len: usize, shift: i64, missed: bool) -> (Batch, bool) {
        let held = self.held.get(&source).copied().unwrap_or(0);
        let start = held.saturating_add_signed(shift);
        let flags = if missed { BatchFlags::AFTER_MISSED } else { BatchFlags::default() };
        let payload: Vec<u8> = (0..len).map(|n| (n as u64 ^ start) as u8).collect();
        let batch = BatchOf::source(source).at(start).flags(flags).bytes(&payload);
        let taken = start == held || (start > held && missed);
        if taken {
            self.held.insert(source, start + len as u64);
            self.log.push(batch.clone());
        }
        (batch, taken)
    }
}

async fn read(queue: &EmbeddedQueue, model: &mut Model, bytes: usize) {
    let mut reader = queue.consumer("lines", "group").await.expect("joins");
    let options = queue::PollOptions { max_bytes: bytes, max_wait: std::time::Duration::ZERO };
    let came = reader.poll(options).await.expect("polls");
    assert_eq!(came.is_empty(), model.read == model.log.len());
    let mut cursors = Cursors::start_of(queue.id());
    for delivery in came {
        assert_eq!(delivery.place.offset as usize, model.read);
        assert_eq!(delivery.batch, model.log[model.read]);
        cursors.pass(delivery.place);
        model.read += 1;
    }
    reader.commit(&cursors).await.expect("commits");
}

async fn check(steps: Vec<Step>) {
    let mut folder = tempfile::tempdir().expect("a folder");
    let options = || crate::Options { max_bytes: 64 << 20, segment_bytes: 30_000, ..small(1) };
    let mut queue = open(folder.path(), options());
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append { source, len, shift, missed } => {
                let (batch, taken) = model.append(source, len, shift, missed);
                let lines = queue.producer("lines").await.expect("opens");
                let outcome = lines.append(batch.clone()).await.expect("an outcome");
                assert_eq!(matches!(outcome, Outcome::Appended(_)), taken, "{outcome:?}");
                let held = lines.positions(&[batch.header.key]).await.expect("positions")[0];
                assert_eq!(held.map(|p| p.end), model.held.get(&source).copied());
            }
            Step::Read(bytes) => read(&queue, &mut model, bytes).await,
            Step::Reopen => {
                drop(queue);
                queue = open(folder.path(), options());
            }
            Step::Kill => {
                let copy = tempfile::tempdir().expect("a folder");
                copy_folder(folder.path(), copy.path());
                drop(queue);
                folder = copy;
                queue = open(folder.path(), options());
            }
        }
    }
    while model.read < model.log.len() {
        read(&queue, &mut model, 10_000).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn random_histories_keep_every_batch_once(steps in prop::collection::vec(step(), 1..150)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(check(steps));
    }
}
