//! The part of Elasticsearch's HTTP API that log shippers and dashboards use, over the seams of store and queue.
//!
//! Decision: people keep the tools that they have (Grafana's data source, Filebeat, Fluent Bit, Vector, Logstash, the
//! official clients), and these speak Elasticsearch. So what they send is translated: an index is a stream, a query
//! becomes one of the language that every store knows, and a document that is written becomes a line in the queue,
//! durable when it is answered, on the same way as any line of a file. What has no counterpart is refused in
//! Elasticsearch's own error shape, never ignored: a dashboard that shows something else than was asked is worse than
//! one that shows an error.
//!
//! The translation is pure (a request gives a plan) and tested with what these tools send. No HTTP library is known
//! here: a [`Call`] goes in, a [`Reply`] comes out.
//!
//! Must not know: any engine, HTTP libraries, roles.

mod aggs;
mod api;
mod bulk;
mod call;
mod date;
mod error;
mod fields;
mod filter;
mod index;
mod info;
mod intake;
mod names;
mod query;
mod routes;
mod search;

pub use api::{EsApi, Limits, Parts};
pub use call::{Call, Reply};
pub use error::EsError;
pub use intake::{Intake, IntakeOptions};
pub use routes::{ROUTES, Route};
