//! A queue offered to other machines: the form of the calls on the wire, and the side that answers them.
//!
//! Decision: every call is `POST /api/v1/queue/{topic}/{call}` with a binary body and a binary answer, status 200 also
//! where the queue refuses: what it says is part of the answer. Every call may be repeated when its answer was lost.
//! Whoever serves HTTP adds nothing but the login and the bound on the body ([`wire::MAX_BODY`]).

mod error;
mod server;
pub mod wire;

pub use server::{Server, SessionLimits};
