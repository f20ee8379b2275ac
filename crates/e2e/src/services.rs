//! Real servers that tests ask for: where they are, and what happens where they are not.

use std::fs::File;
use std::io::Write;

/// `cargo xtask test` collects there what was skipped.
const SKIPPED_VAR: &str = "LOGDRIVE_TEST_SKIPPED";

/// The address of a server as `cargo xtask services up` prints it: `KAFKA`, `OPENSEARCH`, … Where there is none, the
/// test says that it is skipped, and ends.
///
/// # Panics
/// With `CI` set and no address: what is skipped there proves nothing.
pub fn address(name: &str, test: &str) -> Option<String> {
    let found = std::env::var(name).ok().filter(|address| !address.is_empty());
    if found.is_none() {
        skipped(name, test);
    }
    found
}

fn skipped(name: &str, test: &str) {
    let line = format!("skipped: {test} needs {name}\n");
    // Not eprint!, which cargo test would keep to itself.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os(SKIPPED_VAR) {
        let list = File::options().create(true).append(true).open(path);
        list.and_then(|mut list| list.write_all(line.as_bytes())).expect("the list of skipped tests");
    }
    assert!(std::env::var_os("CI").is_none(), "{test} needs {name}: run cargo xtask test");
}
