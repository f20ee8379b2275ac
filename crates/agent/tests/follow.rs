//! Following files: everything that is in them and comes to them arrives, once, in order.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::{Yard, lines};

#[test]
fn reads_what_is_there_and_what_comes() {
    let mut yard = Yard::new(&["a.log"]);
    let all = lines(0, 2000);
    let (first, second) = all.split_at(all.len() / 3 * 2);
    yard.write("a.log", first);
    yard.start();
    yard.until("the complete lines are held", |yard| {
        yard.recorder.all_bytes() >= first.rfind('\n').expect("a line") + 1
    });
    yard.append("a.log", second);
    yard.until_held(all.len());
    assert_eq!(yard.text("a.log"), all);
    yard.until("it is accounted for", |yard| {
        yard.source_at("a.log").is_some_and(|source| source.queued == all.len() as u64 && source.size == source.read)
    });
}
