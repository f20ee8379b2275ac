//! Which server, and how to be let in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What a store is made from.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://host:port` or `https://host:port`, with a path where the server is behind a proxy; no credentials.
    pub address: String,
    /// Which product of the family, and what of it.
    pub server: Server,
    /// Whether a missing database or bucket is made.
    pub create: bool,
    /// How long a database or bucket that is made keeps its points; for ever where there is none.
    pub retention: Option<Duration>,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// Certificates to trust instead of the system's, as a PEM file.
    pub ca: Option<PathBuf>,
    /// How long a request may take.
    pub timeout: Duration,
    /// At most so many bytes of lines in one request.
    pub request_bytes: usize,
}

/// The two products.
#[derive(Clone)]
pub enum Server {
    /// InfluxDB 1.x.
    V1 {
        /// The database.
        database: String,
        /// Its retention policy; the default one where there is none.
        retention_policy: Option<String>,
        /// Who we are, if it asks.
        username: Option<String>,
        /// Secret.
        password: Option<String>,
    },
    /// InfluxDB 2.x.
    V2 {
        /// The organisation, by name.
        org: String,
        /// The bucket, by name.
        bucket: String,
        /// Secret.
        token: String,
    },
}

impl Options {
    /// With defaults for the rest.
    pub fn new(address: impl Into<String>, server: Server) -> Self {
        Self {
            address: address.into(),
            server,
            create: false,
            retention: None,
            gzip: true,
            ca: None,
            timeout: Duration::from_secs(30),
            request_bytes: 1 << 20,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1 { database, retention_policy, username, .. } => f
                .debug_struct("V1")
                .field("database", database)
                .field("retention_policy", retention_policy)
                .field("username", username)
                .finish_non_exhaustive(),
            Self::V2 { org, bucket, .. } => {
                f.debug_struct("V2").field("org", org).field("bucket", bucket).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let (one, two) = (Some("me".to_owned()), Some("hidden".to_owned()));
        let v1 = Server::V1 { database: "d".to_owned(), retention_policy: None, username: one, password: two };
        let v2 = Server::V2 { org: "o".to_owned(), bucket: "b".to_owned(), token: "hidden".to_owned() };
        for server in [v1, v2] {
            let shown = format!("{:?}", Options::new("http://h:8086", server));
            assert!(!shown.contains("hidden") && shown.contains("http://h:8086"), "{shown}");
        }
    }
}
