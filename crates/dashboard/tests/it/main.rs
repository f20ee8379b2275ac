//! The dashboard as others see it: a real server on a port of its own, over parts in memory, asked by real HTTP.

mod audit;
mod control;
mod letters;
mod meta;
mod metrics;
mod overview;
mod questions;
mod queue_calls;
mod search;
mod searches;
mod server;
mod shapes;
mod support;
mod tail;
