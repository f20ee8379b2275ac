//! Refusals in Elasticsearch's shape: what it is called, why, and the status.

use base::{ErrorKind, Explain};
use serde_json::{Value, json};
use store::StoreError;

/// A request, or a part of one, that is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct EsError {
    /// The HTTP status.
    pub status: u16,
    /// Elasticsearch's name for it.
    pub kind: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl EsError {
    fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into() }
    }

    /// A value that cannot be right.
    pub fn illegal(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// A body that is not of the form.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::new(400, "parsing_exception", reason)
    }

    /// Something of Elasticsearch's that is not among what is answered here.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::illegal(format!(
            "{what} is not supported by logdrive; see docs/elasticsearch-api.md for what is answered under /es/"
        ))
    }

    /// A query text that cannot be understood.
    pub fn query(text: &str, reason: impl std::fmt::Display) -> Self {
        let shown: String = text.chars().take(200).collect();
        Self::new(400, "query_shard_exception", format!("Failed to parse query [{shown}]: {reason}"))
    }

    /// An index that is not there.
    pub fn no_index(name: &str) -> Self {
        Self::new(404, "index_not_found_exception", format!("no such index [{name}]"))
    }

    /// A name that no index can have.
    pub fn index_name(name: &str, reason: &str) -> Self {
        Self::new(400, "invalid_index_name_exception", format!("Invalid index name [{name}], {reason}"))
    }

    /// A document that cannot be taken.
    pub fn document(reason: impl Into<String>) -> Self {
        Self::new(400, "document_parsing_exception", reason)
    }

    /// The id is there already.
    pub fn conflict(reason: impl Into<String>) -> Self {
        Self::new(409, "version_conflict_engine_exception", reason)
    }

    /// Nothing of that name.
    pub fn not_found(reason: impl Into<String>) -> Self {
        Self::new(404, "resource_not_found_exception", reason)
    }

    /// More than is taken at once.
    pub fn too_large(reason: impl Into<String>) -> Self {
        Self::new(413, "content_too_long_exception", reason)
    }

    /// No room now: try again later.
    pub fn busy(reason: impl Into<String>) -> Self {
        Self::new(429, "es_rejected_execution_exception", reason)
    }

    /// Not now.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(503, "unavailable_shards_exception", reason)
    }

    /// More buckets than an answer may have.
    pub fn too_many_buckets(max: usize) -> Self {
        let reason = format!(
            "Trying to create too many buckets. Must be less than or equal to: [{max}]; make the interval wider or the \
             range shorter"
        );
        Self::new(400, "too_many_buckets_exception", reason)
    }

    /// The method is not for this path.
    pub fn method(method: &str, path: &str, allowed: &str) -> Self {
        let reason = format!("Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{allowed}]");
        Self::new(405, "illegal_argument_exception", reason)
    }

    /// As it stands within an item of a bulk, or as the error of one search of many.
    pub fn cause(&self) -> Value {
        json!({ "type": self.kind, "reason": self.reason })
    }

    /// The whole body.
    pub fn body(&self) -> Value {
        let cause = self.cause();
        json!({
            "error": { "root_cause": [cause], "type": self.kind, "reason": self.reason },
            "status": self.status,
        })
    }
}

impl From<StoreError> for EsError {
    fn from(error: StoreError) -> Self {
        let reason = error.chain();
        match error.kind() {
            ErrorKind::Invalid => Self::illegal(reason),
            ErrorKind::NotFound => Self::not_found(reason),
            ErrorKind::Conflict => Self::conflict(reason),
            ErrorKind::Exhausted => Self::busy(reason),
            ErrorKind::Unavailable => Self::unavailable(reason),
            ErrorKind::Corrupt | ErrorKind::Internal => Self::new(500, "exception", reason),
        }
    }
}

impl Explain for EsError {
    fn kind(&self) -> ErrorKind {
        match self.status {
            404 => ErrorKind::NotFound,
            409 => ErrorKind::Conflict,
            413 | 429 => ErrorKind::Exhausted,
            503 => ErrorKind::Unavailable,
            500 => ErrorKind::Internal,
            _ => ErrorKind::Invalid,
        }
    }
}
