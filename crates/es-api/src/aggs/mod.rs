//! Aggregations: what is asked ([`plan`]), counted ([`state`]) and said ([`render`]).
//!
//! Decision: what a store counts by itself ([`quick`]: counts over time, values of a field, both together) is asked of
//! it, because it reads columns for that; everything else is counted here over the hits of the scope, one page after
//! the other, with so many buckets at most. Both ways give the same answer, and the tests hold them to it.

pub mod metric;
pub mod plan;
pub mod quick;
pub mod render;
pub mod state;

#[cfg(test)]
mod tests;

/// Most buckets in one answer, as Elasticsearch's `search.max_buckets`.
pub const BUCKETS_MAX: usize = 65_536;
