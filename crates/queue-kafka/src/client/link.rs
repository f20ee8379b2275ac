//! One address: its connection, made when it is wanted, and not more often than makes sense.

use std::sync::Arc;
use std::time::Duration;

use base::Backoff;
use queue::QueueError;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use crate::options::Options;

/// An address and its connection.
pub struct Link {
    address: Arc<str>,
    state: Mutex<State>,
}

struct State {
    connection: Option<Arc<Connection>>,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

impl Link {
    /// Not connected yet.
    pub fn new(address: Arc<str>) -> Self {
        let seed = address
            .bytes()
            .fold(u64::from(std::process::id()), |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), seed);
        Self { address, state: Mutex::new(State { connection: None, backoff, retry_at: None }) }
    }

    /// The connection, if there is a good one now.
    pub fn live(&self) -> Option<Arc<Connection>> {
        let state = self.state.try_lock().ok()?;
        state.connection.clone().filter(|connection| connection.is_alive())
    }

    /// The connection, made anew where it broke; after a failure not before a while has passed.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn connection(
        &self,
        options: &Options,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> Result<Arc<Connection>, QueueError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            if connection.is_alive() {
                return Ok(connection.clone());
            }
            state.connection = None;
        }
        if let Some(at) = state.retry_at {
            sleep_until(at).await;
        }
        match Connection::open(self.address.clone(), options, tls).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                state.connection = Some(connection.clone());
                state.backoff.reset();
                state.retry_at = None;
                Ok(connection)
            }
            Err(error) => {
                state.retry_at = Some(Instant::now() + state.backoff.next_wait());
                Err(error)
            }
        }
    }

    /// Ends the connection.
    pub fn close(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.connection = None;
        }
    }
}
