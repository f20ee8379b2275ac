//! The transfer over engines in memory, faulty ones too.

mod chain;
mod common;
mod points;
mod rules;
mod stores;
