//! The HTTP API over injected parts: search, tail, counts, the account of every file, and how we are.
//!
//! Decision: one table ([`routes`]) names every route with its parameters and answers; the router, the refusal of
//! unknown parameters, `/openapi.json` and the metrics all come from it, so they cannot drift apart. The accept loop
//! is our own, because the ready-made ones wait for ever on half a request.
//!
//! Must not know: which engine is behind the store and the queue, any other role, how lines are read or parsed.

mod app;
mod audit;
mod changes;
mod completion;
mod control;
mod door;
mod error;
mod hit;
mod letters;
mod openapi;
mod overview;
mod params;
mod parts;
mod patterns;
mod problem;
mod reports;
mod routes;
mod searches;
mod server;
mod time;

pub use audit::{Account, QueueView, balance};
pub use control::{Control, Followed, FollowedStream, NewStream, Refused, Suggestion, Suggestions};
pub use door::Door;
pub use error::DashboardError;
pub use letters::{LetterResult, Letters, Settled};
pub use parts::{Brought, Limits, NamedStore, Parts, SourceReports};
pub use server::{Dashboard, build, build_behind};
