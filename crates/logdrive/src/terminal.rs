//! Words to whoever watches.

use std::io::{self, Write};

/// A word on standard error, never among the records. Where it is closed, nobody listens.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "logdrive: {text}");
}

/// The first lines of a role. Whoever started us may have closed our output; we go on.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
