//! What every store must do, on a real server.

mod common;

store::conformance!(if_some common::open());
