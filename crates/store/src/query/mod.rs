//! The query language. To be written.
/// A query.
#[derive(Clone, Debug)]
pub struct Query;
impl Query {
    /// Matches everything.
    pub fn all() -> Self { Self }
}
