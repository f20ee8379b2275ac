//! The store as the seam sees it.

use std::ops::Range;

use async_trait::async_trait;
use model::Point;
use parking_lot::Mutex;
use reqwest::Method;
use store::StoreError;
use store::metrics::{
    MeasurementInfo, PointReader, PointRefusal, PointWriter, SeriesAnswer, SeriesRequest, TAG_VALUES_MAX,
};
use tokio::time::Instant;

use crate::http::{Answer, Call, Client, LINES, passes};
use crate::setup::{how_to_create, prepare};
use crate::write::{Lines, all_refused};
use crate::{Options, Server, flux, influxql};

/// Points in InfluxDB.
pub struct InfluxStore {
    client: Client,
    options: Options,
    /// Whether the server was found to be what was expected. Held while that is being found out.
    prepared: tokio::sync::Mutex<bool>,
    /// Before this the server wants no writes.
    not_before: Mutex<Option<Instant>>,
}

/// What a write request came to.
enum Written {
    All,
    /// The server took what it could of it; why not the rest.
    Some(String),
}

impl InfluxStore {
    /// A store that has not been asked anything yet.
    ///
    /// # Errors
    /// `Invalid` where the options cannot be right.
    pub fn new(options: Options) -> Result<Self, StoreError> {
        let missing = |what| Err(StoreError::Invalid { what, reason: "it must be named".to_owned() });
        match &options.server {
            Server::V1 { database, .. } if database.is_empty() => return missing("database of InfluxDB"),
            Server::V2 { org, .. } if org.is_empty() => return missing("org of InfluxDB"),
            Server::V2 { bucket, .. } if bucket.is_empty() => return missing("bucket of InfluxDB"),
            Server::V2 { token, .. } if token.is_empty() => return missing("token of InfluxDB"),
            _ => {}
        }
        let client = Client::new(&options)?;
        Ok(Self { client, options, prepared: tokio::sync::Mutex::new(false), not_before: Mutex::new(None) })
    }

    /// Where the server is.
    pub fn address(&self) -> &str {
        self.client.address()
    }

    /// Asks whether the server is there, is of the version expected, lets us in, and has what we write into; what is
    /// missing is made where that is wished. Every other call does so by itself before its first request.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.prepare().await?;
        match &self.options.server {
            Server::V1 { .. } => influxql::Reader::new(&self.client, &self.options.server).probe().await,
            Server::V2 { .. } => flux::Reader::new(&self.client, &self.options.server).probe().await,
        }
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        let mut prepared = self.prepared.lock().await;
        if !*prepared {
            prepare(&self.client, &self.options).await?;
            *prepared = true;
        }
        Ok(())
    }

    /// Sends some of the lines, in halves where the server does not take all, until every point that it refuses is
    /// alone.
    async fn send(
        &self,
        lines: &Lines,
        request: Range<usize>,
        refusals: &mut Vec<PointRefusal>,
    ) -> Result<(), StoreError> {
        let mut todo = vec![request];
        while let Some(some) = todo.pop() {
            let Written::Some(reason) = self.post(lines.slice(&some)).await? else { continue };
            if some.len() == 1 || all_refused(&reason, some.len()) {
                let points = lines.points[some].iter();
                refusals.extend(points.map(|(point, _)| PointRefusal { point: *point, reason: reason.clone() }));
            } else {
                let middle = some.start + some.len() / 2;
                todo.push(middle..some.end);
                todo.push(some.start..middle);
            }
        }
        Ok(())
    }

    async fn post(&self, body: &[u8]) -> Result<Written, StoreError> {
        let query = match &self.options.server {
            Server::V1 { database, retention_policy, .. } => {
                let mut query = vec![("db", database.as_str()), ("precision", "ns")];
                query.extend(retention_policy.as_deref().map(|policy| ("rp", policy)));
                query
            }
            Server::V2 { org, bucket, .. } => vec![("org", org.as_str()), ("bucket", bucket), ("precision", "ns")],
        };
        let path = if matches!(self.options.server, Server::V1 { .. }) { "/write" } else { "/api/v2/write" };
        let body = Some((LINES, body.to_vec()));
        let answer = self.client.call(Call { method: Method::POST, path, query, body, accept: "*/*" }).await?;
        self.judge(&answer)
    }

    fn judge(&self, answer: &Answer) -> Result<Written, StoreError> {
        let said = answer.said();
        let missing = said.contains("retention policy not found") || said.contains("database not found");
        match answer.status.as_u16() {
            200..=299 => Ok(Written::All),
            404 | 500 if missing || answer.status.as_u16() == 404 => {
                let advice = how_to_create(&self.options.server);
                Err(self.client.refused(format!("it has nothing to write into ({said}); {advice}")))
            }
            400 | 413 | 422 => Ok(Written::Some(said)),
            _ => {
                if let Some(wait) = answer.wait {
                    *self.not_before.lock() = Some(Instant::now() + wait);
                }
                Err(self.client.failure(answer))
            }
        }
    }
}

#[async_trait]
impl PointWriter for InfluxStore {
    async fn write(&self, points: &[Point]) -> Result<Vec<PointRefusal>, StoreError> {
        let unsigned = matches!(self.options.server, Server::V2 { .. });
        let (lines, mut refusals) = Lines::of(points, unsigned);
        if lines.points.is_empty() {
            return Ok(refusals);
        }
        let wait = self.not_before.lock().take();
        if let Some(at) = wait {
            tokio::time::sleep_until(at).await;
        }
        self.prepare().await?;
        for request in lines.requests(self.options.request_bytes) {
            let sent = self.send(&lines, request, &mut refusals).await;
            if sent.as_ref().is_err_and(passes) {
                // The server may have been replaced, or lost its data: it is looked at anew before the next try.
                *self.prepared.lock().await = false;
            }
            sent?;
        }
        refusals.sort_unstable_by_key(|refusal| refusal.point);
        Ok(refusals)
    }
}

#[async_trait]
impl PointReader for InfluxStore {
    async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError> {
        self.prepare().await?;
        match &self.options.server {
            Server::V1 { .. } => influxql::Reader::new(&self.client, &self.options.server).measurements().await,
            Server::V2 { .. } => flux::Reader::new(&self.client, &self.options.server).measurements().await,
        }
    }

    async fn tag_values(&self, measurement: &str, tag: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.prepare().await?;
        let limit = limit.min(TAG_VALUES_MAX);
        let mut values = match &self.options.server {
            Server::V1 { .. } => {
                influxql::Reader::new(&self.client, &self.options.server).tag_values(measurement, tag).await?
            }
            Server::V2 { .. } => {
                flux::Reader::new(&self.client, &self.options.server).tag_values(measurement, tag).await?
            }
        };
        values.sort_unstable();
        values.dedup();
        values.truncate(limit);
        Ok(values)
    }

    async fn series(&self, request: &SeriesRequest) -> Result<SeriesAnswer, StoreError> {
        request.check()?;
        if request.range.since == request.range.until {
            return Ok(SeriesAnswer { series: Vec::new(), complete: true });
        }
        self.prepare().await?;
        let groups = match &self.options.server {
            Server::V1 { .. } => influxql::Reader::new(&self.client, &self.options.server).series(request).await?,
            Server::V2 { .. } => flux::Reader::new(&self.client, &self.options.server).series(request).await?,
        };
        Ok(groups.answer(request))
    }
}
