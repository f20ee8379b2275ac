//! Consumers against a real broker.

mod common;
mod foreign;
mod groups;
mod places;
mod suite;
