//! The metrics store on InfluxDB 1.x and 2.x.
//!
//! Decision: both are written in line protocol with times in nanoseconds, the one unit that every version takes unasked.
//! A point is idempotent there as it is here (measurement, tags, time), so a request whose fate is unknown is sent
//! again, and one of which the server took only some is halved until the points that it refuses stand alone. Reading
//! goes through InfluxQL (1.x) and Flux (2.x); both only fold steps, what remains is done here.
//!
//! Must not know: the queue, lines, where its settings come from.
#![deny(missing_docs)]

mod csv;
mod flux;
mod groups;
mod http;
mod influxql;
mod options;
mod setup;
mod store;
mod write;

pub use options::{Options, Server};
pub use store::InfluxStore;
