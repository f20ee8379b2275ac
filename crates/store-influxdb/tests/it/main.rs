//! The store against real servers and against one that answers as it is told.

mod answers;
mod common;
mod conformance1;
mod conformance2;
mod grafana;
mod interop;
mod tls;
mod types;
