//! Random lives of a followed file: whatever is appended, rotated, copied, truncated, deleted, forgotten and restarted,
//! every line arrives once, or is counted as missed.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::Yard;
use model::FileState;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Append { lines: usize },
    AppendPart,
    Rotate,
    CopyTruncate,
    DeleteRead,
    Restart { lose_checkpoints: bool },
    Stop,
    Full(bool),
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (1usize..300).prop_map(|lines| Op::Append { lines }),
        2 => Just(Op::AppendPart),
        3 => Just(Op::Rotate),
        2 => Just(Op::CopyTruncate),
        1 => Just(Op::DeleteRead),
        2 => any::<bool>().prop_map(|lose_checkpoints| Op::Restart { lose_checkpoints }),
        1 => Just(Op::Stop),
        2 => any::<bool>().prop_map(Op::Full),
        3 => (0u64..60).prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 4..30)
}

/// A life of `app.log`, with what was written to it.
struct Life {
    yard: Yard,
    runs: bool,
    written: Vec<String>,
    /// Bytes of the current file, to know when it was read.
    rotated: usize,
    copied: bool,
}

impl Life {
    fn new() -> Self {
        let mut yard = Yard::new(&["app.log"]);
        yard.recorder.fail_every.store(11, Ordering::SeqCst);
        yard.start();
        Self { yard, runs: true, written: Vec::new(), rotated: 0, copied: false }
    }

    fn append(&mut self, lines: usize) {
        let mut text = String::new();
        for _ in 0..lines {
            let n = self.written.len();
            let line = format!("line {n} {}\n", "x".repeat(n * 31 % 200));
            text += &line;
            self.written.push(line);
        }
        self.yard.append("app.log", text);
    }

    /// One line in two pieces.
    fn append_part(&mut self) {
        let n = self.written.len();
        let line = format!("part {n} of two pieces\n");
        let (first, second) = line.split_at(8);
        self.yard.append("app.log", first);
        std::thread::sleep(Duration::from_millis(3));
        self.yard.append("app.log", second);
        self.written.push(line);
    }

    /// Waits until everything that was written is held.
    fn settle(&mut self) {
        if !self.runs {
            self.yard.start();
            self.runs = true;
        }
        self.yard.recorder.full.store(false, Ordering::SeqCst);
        let bytes: usize = self.written.iter().map(String::len).sum();
        self.yard.until("everything is held", |yard| yard.recorder.all_bytes() >= bytes);
    }

    /// Waits until the agent knows that the queue has all of the file: a copy is told by what is acknowledged.
    fn acknowledged(&self) {
        let len = std::fs::metadata(self.yard.path("app.log")).map_or(0, |at| at.len());
        let path = self.yard.path("app.log").to_string_lossy().into_owned();
        self.yard.until("it is acknowledged", |yard| {
            let sources = yard.handle().sources();
            sources
                .iter()
                .any(|s| *s.path == *path && s.state == FileState::Following && s.queued == len && s.size == len)
        });
    }

    fn shift(&mut self) {
        for n in (1..=self.rotated).rev() {
            self.yard.rename(&format!("app.log.{n}"), &format!("app.log.{}", n + 1));
        }
        self.rotated += 1;
    }

    fn apply(&mut self, op: &Op) {
        let exists = self.yard.path("app.log").exists();
        match op {
            Op::Append { lines } => self.append(*lines),
            Op::AppendPart => self.append_part(),
            Op::Rotate if exists => {
                self.shift();
                self.yard.rename("app.log", "app.log.1");
            }
            Op::CopyTruncate if exists => {
                self.shift();
                // What the witnesses need: some of it was read, and the checkpoint of that is not lost afterwards.
                self.settle();
                self.acknowledged();
                self.append(20);
                std::fs::copy(self.yard.path("app.log"), self.yard.path("app.log.1")).expect("copies");
                self.yard.truncate("app.log");
                self.copied = true;
                // Two such rotations at once leave nothing to tell the copies by.
                self.settle();
            }
            Op::DeleteRead if exists => {
                self.settle();
                self.yard.remove("app.log");
            }
            Op::Restart { lose_checkpoints } => {
                // A rotated file that nobody has seen is a stranger to an agent without memory.
                if self.copied || (*lose_checkpoints && self.rotated > 0) {
                    self.settle();
                }
                self.yard.stop();
                if *lose_checkpoints && !self.copied {
                    self.yard.lose_checkpoints();
                }
                self.yard.start();
                self.runs = true;
                // A copy of a file that it has not yet seen again cannot be told.
                if self.yard.path("app.log").exists() {
                    self.yard.until("it is seen", |yard| yard.source_at("app.log").is_some());
                }
            }
            // What is made and rotated away while it is down and forgotten was never seen by anybody.
            Op::Stop => {
                self.yard.stop();
                self.runs = false;
            }
            Op::Full(full) => self.yard.recorder.full.store(*full, Ordering::SeqCst),
            Op::Wait(millis) => std::thread::sleep(Duration::from_millis(*millis)),
            _ => {}
        }
    }

    fn judge(mut self) {
        self.settle();
        self.yard.judge();
        let mut wanted = BTreeMap::new();
        for line in &self.written {
            *wanted.entry(line.clone()).or_insert(0) += 1;
        }
        let mut found = BTreeMap::new();
        for line in self.yard.recorder.lines() {
            *found.entry(line).or_insert(0) += 1;
        }
        let lost: Vec<_> = wanted.keys().filter(|line| !found.contains_key(*line)).collect();
        let extra: Vec<_> = found.iter().filter(|(line, n)| wanted.get(*line) != Some(*n)).collect();
        assert!(
            lost.is_empty() && extra.is_empty(),
            "lost {} {:?}\nextra {} {:?}\n{:#?}",
            lost.len(),
            lost.first(),
            extra.len(),
            extra.first(),
            self.yard.handle().sources()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_arrives_once(ops in ops()) {
        let mut life = Life::new();
        for op in &ops {
            life.apply(op);
        }
        life.judge();
    }
}
