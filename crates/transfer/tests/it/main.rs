//! The transfer over engines in memory, faulty ones too.

mod chain;
mod common;
mod letters;
mod points;
mod rules;
mod stores;
