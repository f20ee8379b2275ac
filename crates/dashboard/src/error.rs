//! What keeps the dashboard from starting.

use std::net::SocketAddr;

use base::{ErrorKind, Explain};

/// A failure to start.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// Somebody else listens there.
    #[error(
        "cannot listen on {address}: the port is in use; stop what listens there (`ss -ltnp`), or choose another with \
         --listen {}:0", address.ip()
    )]
    InUse {
        /// Where we wanted to listen.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("cannot listen on {address}: {reason}; choose an address of this machine with --listen")]
    Listen {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The accept loop ended.
    #[error("cannot accept connections on {address}: {reason}")]
    Accept {
        /// Where we listen.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
}

impl Explain for DashboardError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InUse { .. } => ErrorKind::Conflict,
            Self::Listen { .. } => ErrorKind::Invalid,
            Self::Accept { .. } => ErrorKind::Internal,
        }
    }
}
