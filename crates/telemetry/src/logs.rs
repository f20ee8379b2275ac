//! Our own logs.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sends our own logs to standard error: `LOGDRIVE_LOG` filters (`info`, `agent=debug`), `warn` by default;
/// `json` makes them one object a line. A second call does nothing.
pub fn init_logs(json: bool) {
    // A handshake that fails is told by whoever wanted it, with the server's name.
    let filter =
        EnvFilter::try_from_env("LOGDRIVE_LOG").unwrap_or_else(|_| EnvFilter::new("warn,rustls_platform_verifier=off"));
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    // A subscriber that is already set (a test, an embedding program) stays.
    let _ = if json { base.json().try_init() } else { base.with_ansi(colour).with_target(false).try_init() };
}
