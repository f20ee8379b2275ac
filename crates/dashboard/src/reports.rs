//! What agents on other machines report of their files: kept in memory, bounded, the newest word of each host.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use model::SourceReport;
use parking_lot::Mutex;

use crate::parts::Limits;

/// The reports of all remote hosts.
#[derive(Default)]
pub(crate) struct RemoteReports(Mutex<BTreeMap<String, Arc<HostReports>>>);

/// The newest word of one host.
pub(crate) struct HostReports {
    pub host: String,
    pub at: Timestamp,
    pub sources: Vec<SourceReport>,
    pub problems: Vec<(String, String)>,
}

/// A bound was reached.
pub(crate) enum Refused {
    TooManySources(usize),
    TooManyHosts(usize),
}

impl RemoteReports {
    /// Takes the place of what the host said before.
    pub(crate) fn put(&self, reports: HostReports, limits: &Limits) -> Result<(), Refused> {
        if reports.sources.len() + reports.problems.len() > limits.remote_sources {
            return Err(Refused::TooManySources(limits.remote_sources));
        }
        let mut hosts = self.0.lock();
        if hosts.len() >= limits.remote_hosts && !hosts.contains_key(&reports.host) {
            return Err(Refused::TooManyHosts(limits.remote_hosts));
        }
        hosts.insert(reports.host.clone(), Arc::new(reports));
        Ok(())
    }

    /// All of them, by host.
    pub(crate) fn all(&self) -> Vec<Arc<HostReports>> {
        self.0.lock().values().cloned().collect()
    }
}
