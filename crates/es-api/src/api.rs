//! A call in, a reply out.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use serde_json::{Value, json};
use store::{FacetsRequest, Query, Reader as Store, Scope};
use tokio::sync::Semaphore;

use crate::call::{Call, Params, Reply};
use crate::index::{self, Wanted};
use crate::intake::Intake;
use crate::query::Reader;
use crate::routes::{self, Found, What};
use crate::search::body::{self, Search};
use crate::search::run::{Run, within};
use crate::{EsError, bulk, fields, filter, info};

/// Most searches in one `_msearch`.
const SEARCHES_MAX: usize = 128;
/// How long a call waits for its turn before it is told to come again.
const TURN: Duration = Duration::from_secs(5);
/// Bodies up to here need no room of their own.
const SMALL_BODY: usize = 64 << 10;
/// Most streams that are known.
const STREAMS_MAX: usize = 10_000;

/// What the API stands on.
pub struct Parts {
    /// Where records are found.
    pub store: Arc<dyn Store>,
    /// Where documents go; without it nothing is taken.
    pub intake: Option<Arc<Intake>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body as it came.
    pub body_bytes: usize,
    /// Bytes of a body once it is decompressed.
    pub unpacked_bytes: usize,
    /// Documents in one bulk.
    pub documents: usize,
    /// Bodies that are not small, in memory at a time.
    pub bodies: usize,
    /// Bulks at a time.
    pub writes: usize,
    /// Searches at a time.
    pub searches: usize,
    /// A search that names no timeout gets this one.
    pub deadline: Duration,
    /// The longest timeout that can be asked for.
    pub deadline_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            unpacked_bytes: 32 << 20,
            documents: 100_000,
            bodies: 8,
            writes: 4,
            searches: 16,
            deadline: Duration::from_secs(10),
            deadline_max: Duration::from_secs(50),
        }
    }
}

/// The API.
pub struct EsApi {
    pub(crate) parts: Parts,
    writes: Semaphore,
    searches: Semaphore,
    bodies: Semaphore,
}

impl EsApi {
    /// Over these parts.
    pub fn new(parts: Parts) -> Self {
        let (writes, searches) = (Semaphore::new(parts.limits.writes), Semaphore::new(parts.limits.searches));
        let bodies = Semaphore::new(parts.limits.bodies);
        Self { parts, writes, searches, bodies }
    }

    /// The bounds.
    pub const fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    /// Room for a body of so many bytes, where that is known; small ones need none.
    ///
    /// # Errors
    /// Where there are too many at a time.
    pub async fn room(&self, length: Option<usize>) -> Result<Option<tokio::sync::SemaphorePermit<'_>>, EsError> {
        match length {
            Some(length) if length <= SMALL_BODY => Ok(None),
            _ => self.turn(&self.bodies, "large bodies").await.map(Some),
        }
    }

    /// Answers a call.
    pub async fn answer(&self, call: Call) -> Reply {
        let found = match routes::find(&call.method, &call.path) {
            Ok(found) => found,
            Err(error) => return Reply { route: "/{other}", ..Reply::refused(&error) },
        };
        let reply = match self.reply(&found, call).await {
            Ok(reply) => reply,
            Err(error) => Reply::refused(&error),
        };
        Reply { route: found.route.path, ..reply }
    }

    async fn reply(&self, found: &Found, call: Call) -> Result<Reply, EsError> {
        let params = Params::read(&call.query)?;
        params.only(&call.path, found.route.params)?;
        let body = self.unpacked(&call)?;
        let index = found.piece("index").unwrap_or_default();
        let ok = |value: Value| Ok(Reply::json(200, &value));
        let reply = match found.route.what {
            What::Info => ok(info::info()),
            What::Health => ok(self.health().await?),
            What::Indices => self.indices(index, &params).await,
            What::FieldCaps => ok(self.field_caps(index, &params, &body).await?),
            What::Mapping => ok(self.mapping(index, &params).await?),
            What::Search => ok(self.search(index, &params, &body).await?),
            What::MultiSearch => ok(self.multi_search(index, &params, &body).await?),
            What::Count => ok(self.count(index, &params, &body).await?),
            What::Bulk => self.bulk(index, &params, &body).await,
            What::Document | What::Create => self.document(found, &params, &body).await,
            What::Read => self.read(found, &params).await,
            What::Refresh => ok(self.refresh(index).await?),
            What::Index => ok(self.index(index, &params).await?),
            What::License => ok(info::license()),
            What::Xpack => ok(info::xpack()),
            What::Template => ok(info::template(found.route.path, found.piece("name").unwrap_or_default())),
            What::Policy => ok(info::policy(found.piece("name").unwrap_or_default())),
            What::DataStream => ok(self.data_stream(index).await?),
            What::NoPipeline => {
                Err(EsError::not_found(format!("pipeline [{}] is missing", found.piece("name").unwrap_or_default())))
            }
            What::NotKept => Err(info::not_kept(found.route.path)),
        };
        Ok(filtered(reply?, &params))
    }

    /// The body, decompressed within bounds.
    fn unpacked(&self, call: &Call) -> Result<bytes::Bytes, EsError> {
        let limits = &self.parts.limits;
        if call.body.len() > limits.body_bytes {
            return Err(EsError::too_large(format!(
                "the body has more than {} bytes; send less at a time",
                limits.body_bytes
            )));
        }
        let mut out = Vec::new();
        let most = limits.unpacked_bytes as u64 + 1;
        let read = match call.encoding.as_deref().map(str::trim) {
            None | Some("" | "identity") => return Ok(call.body.clone()),
            Some("gzip" | "x-gzip") => flate2::read::MultiGzDecoder::new(&*call.body).take(most).read_to_end(&mut out),
            Some("deflate") => flate2::read::ZlibDecoder::new(&*call.body).take(most).read_to_end(&mut out),
            Some(other) => return Err(EsError::unsupported(format!("a body compressed with [{other}]"))),
        };
        read.map_err(|error| EsError::parsing(format!("the body cannot be decompressed: {error}")))?;
        if out.len() > limits.unpacked_bytes {
            let reason = format!(
                "the body has more than {} bytes once decompressed; send less at a time",
                limits.unpacked_bytes
            );
            return Err(EsError::too_large(reason));
        }
        Ok(out.into())
    }

    /// The names of all streams.
    pub(crate) async fn streams(&self) -> Result<Vec<String>, EsError> {
        let store = &self.parts.store;
        let mut names: Vec<String> = if store.capabilities().coverage {
            store.coverage(None).await?.into_iter().map(|coverage| coverage.stream).collect()
        } else {
            let scope = Scope { deadline: Some(self.parts.limits.deadline), ..Scope::everything() };
            let request = FacetsRequest::new(scope, vec!["stream".to_owned()], STREAMS_MAX);
            let facets = store.facets(&request).await?.facets;
            facets.into_iter().flat_map(|facet| facet.values).map(|(name, _)| name).collect()
        };
        if let Some(intake) = &self.parts.intake {
            names.extend(intake.indices());
        }
        names.sort();
        names.dedup();
        names.truncate(STREAMS_MAX);
        Ok(names)
    }

    /// The records of the indices that are asked.
    pub(crate) async fn scope_of(&self, expression: &str, ignore_missing: bool) -> Result<Query, EsError> {
        let wanted = Wanted::read(expression)?;
        if wanted.is_all() {
            return Ok(Query::All);
        }
        let known = self.streams().await?;
        Ok(index::query(&wanted.among(&known, ignore_missing)?))
    }

    async fn turn<'a>(&self, turns: &'a Semaphore, what: &str) -> Result<tokio::sync::SemaphorePermit<'a>, EsError> {
        match tokio::time::timeout(TURN, turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(EsError::busy(format!("too many {what} at a time; try again later"))),
        }
    }

    async fn search(&self, index: &str, params: &Params, body: &[u8]) -> Result<Value, EsError> {
        check_flags(params)?;
        let search = body::read(&json_body(body)?, params, self.parts.clock.now())?;
        let query = self.scope_of(index, params.flag("ignore_unavailable")).await?;
        let _turn = self.turn(&self.searches, "searches").await?;
        self.run(&search, query, params.flag("rest_total_hits_as_int")).await
    }

    async fn run(&self, search: &Search, indices: Query, total_as_int: bool) -> Result<Value, EsError> {
        let limits = &self.parts.limits;
        let deadline = search.timeout.unwrap_or(limits.deadline).min(limits.deadline_max);
        let scope = within(search.clause.range, indices.and(search.clause.query.clone()));
        Run::new(&*self.parts.store, deadline).search(search, scope, total_as_int).await
    }

    async fn multi_search(&self, index: &str, params: &Params, body: &[u8]) -> Result<Value, EsError> {
        check_flags(params)?;
        let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
        let lines = match lines.split_last() {
            Some(([], rest)) => rest,
            _ => &lines[..],
        };
        if lines.is_empty() || lines.len() % 2 != 0 {
            return Err(EsError::illegal(
                "a msearch body is pairs of lines: a header, and a search; each ends with a newline",
            ));
        }
        if lines.len() / 2 > SEARCHES_MAX {
            return Err(EsError::illegal(format!("at most {SEARCHES_MAX} searches are taken at once")));
        }
        let _turn = self.turn(&self.searches, "searches").await?;
        let started = std::time::Instant::now();
        let mut responses = Vec::with_capacity(lines.len() / 2);
        for pair in lines.chunks_exact(2) {
            responses.push(match self.one_of_many(index, params, pair[0], pair[1]).await {
                Ok(mut answer) => {
                    answer["status"] = 200.into();
                    answer
                }
                Err(error) => error.body(),
            });
        }
        Ok(json!({ "took": started.elapsed().as_millis() as u64, "responses": responses }))
    }

    async fn one_of_many(&self, index: &str, params: &Params, header: &[u8], search: &[u8]) -> Result<Value, EsError> {
        const KNOWN: [&str; 10] = [
            "index",
            "indices",
            "search_type",
            "ignore_unavailable",
            "allow_no_indices",
            "expand_wildcards",
            "ignore_throttled",
            "preference",
            "request_cache",
            "ccs_minimize_roundtrips",
        ];
        let header = json_body(header)?;
        let unknown = header.as_object().and_then(|map| map.keys().find(|key| !KNOWN.contains(&key.as_str())));
        if let Some(unknown) = unknown {
            return Err(EsError::illegal(format!("key [{unknown}] is not supported in the metadata section")));
        }
        let expression = match header.get("index").or_else(|| header.get("indices")) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            _ => index.to_owned(),
        };
        let ignore = header.get("ignore_unavailable") == Some(&Value::Bool(true)) || params.flag("ignore_unavailable");
        let search = body::read(&json_body(search)?, &Params::default(), self.parts.clock.now())?;
        let query = self.scope_of(&expression, ignore).await?;
        self.run(&search, query, params.flag("rest_total_hits_as_int")).await
    }

    async fn count(&self, index: &str, params: &Params, body: &[u8]) -> Result<Value, EsError> {
        let value = json_body(body)?;
        if let Some(other) = value.as_object().and_then(|map| map.keys().find(|key| *key != "query")) {
            return Err(EsError::parsing(format!("request does not support [{other}]")));
        }
        let search = body::read(&value, params, self.parts.clock.now())?;
        let query = self.scope_of(index, params.flag("ignore_unavailable")).await?.and(search.clause.query);
        let _turn = self.turn(&self.searches, "searches").await?;
        let mut run = Run::new(&*self.parts.store, self.parts.limits.deadline);
        let count = run.count(&within(search.clause.range, query)).await?;
        let failed = u8::from(!run.complete);
        let mut answer = json!({
            "count": count,
            "_shards": { "total": 1, "successful": 1 - failed, "skipped": 0, "failed": failed },
        });
        if !run.complete {
            let cause = EsError::busy("not everything could be counted in time").cause();
            answer["_shards"]["failures"] =
                json!([{ "shard": 0, "index": null, "status": "TOO_MANY_REQUESTS", "reason": cause }]);
        }
        Ok(answer)
    }

    async fn bulk(&self, index: &str, params: &Params, body: &bytes::Bytes) -> Result<Reply, EsError> {
        let _turn = self.turn(&self.writes, "bulks").await?;
        bulk::bulk(self, index, params, body).await
    }

    async fn document(&self, found: &Found, params: &Params, body: &[u8]) -> Result<Reply, EsError> {
        let _turn = self.turn(&self.writes, "bulks").await?;
        let create = found.route.what == What::Create;
        let (index, id) = (found.piece("index").unwrap_or_default(), found.piece("id"));
        bulk::one(self, index, id, create, params, body).await
    }

    async fn refresh(&self, index: &str) -> Result<Value, EsError> {
        let wanted = Wanted::read(index)?;
        if let Some(intake) = &self.parts.intake {
            let known = intake.indices();
            intake.found(&wanted.among(&known, true)?).await?;
        }
        Ok(json!({ "_shards": { "total": 1, "successful": 1, "failed": 0 } }))
    }

    async fn health(&self) -> Result<Value, EsError> {
        let stats = self.parts.store.stats().await?;
        Ok(info::health(stats.paused.is_none(), self.streams().await?.len()))
    }

    async fn indices(&self, index: &str, params: &Params) -> Result<Reply, EsError> {
        let names = Wanted::read(index)?.among(&self.streams().await?, false)?;
        info::cat(self, &names, params).await
    }

    async fn field_caps(&self, index: &str, params: &Params, body: &[u8]) -> Result<Value, EsError> {
        let names = Wanted::read(index)?.among(&self.streams().await?, params.flag("ignore_unavailable"))?;
        let body = json_body(body)?;
        let _turn = self.turn(&self.searches, "searches").await?;
        fields::caps(self, &names, params, &body).await
    }

    async fn mapping(&self, index: &str, params: &Params) -> Result<Value, EsError> {
        let names = Wanted::read(index)?.among(&self.streams().await?, params.flag("ignore_unavailable"))?;
        let _turn = self.turn(&self.searches, "searches").await?;
        fields::mapping(self, &names).await
    }

    async fn index(&self, index: &str, params: &Params) -> Result<Value, EsError> {
        let mut answer = self.mapping(index, params).await?;
        for value in answer.as_object_mut().into_iter().flatten().map(|(_, value)| value) {
            value["aliases"] = json!({});
            value["settings"] = json!({ "index": { "number_of_shards": "1", "number_of_replicas": "0" } });
        }
        Ok(answer)
    }

    async fn data_stream(&self, index: &str) -> Result<Value, EsError> {
        let names = Wanted::read(index)?.among(&self.streams().await?, false)?;
        Ok(info::data_streams(&names))
    }

    async fn read(&self, found: &Found, params: &Params) -> Result<Reply, EsError> {
        let (index, id) = (found.piece("index").unwrap_or_default(), found.piece("id").unwrap_or_default());
        let asked = json!({ "query": { "ids": { "values": [id] } }, "size": 1, "track_total_hits": false });
        let search = body::read(&asked, params, self.parts.clock.now())?;
        let query = self.scope_of(index, false).await?;
        let mut answer = self.run(&search, query, false).await?;
        Ok(match answer["hits"]["hits"].get_mut(0).map(Value::take) {
            Some(mut hit) => {
                if let Some(map) = hit.as_object_mut() {
                    map.shift_remove("_score");
                }
                hit["_version"] = 1.into();
                hit["found"] = true.into();
                Reply::json(200, &hit)
            }
            None => Reply::json(404, &json!({ "_index": index, "_id": id, "found": false })),
        })
    }

    /// A query of a body, for what takes one besides searches.
    pub(crate) fn clause(&self, value: &Value) -> Result<crate::query::Clause, EsError> {
        Reader::new(self.parts.clock.now()).read(value)
    }
}

/// A body as JSON; nothing where it is empty.
fn json_body(body: &[u8]) -> Result<Value, EsError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| EsError::parsing(format!("the body is no JSON: {error}")))
}

/// Parameters that would change the shape of the answer.
fn check_flags(params: &Params) -> Result<(), EsError> {
    if params.flag("typed_keys") {
        return Err(EsError::unsupported("[typed_keys]"));
    }
    Ok(())
}

/// What `filter_path` leaves, where it is given.
fn filtered(reply: Reply, params: &Params) -> Reply {
    let Some(paths) = params.text("filter_path") else { return reply };
    match serde_json::from_slice::<Value>(&reply.body) {
        Ok(value) if reply.media == "application/json" => {
            let retry_after = reply.retry_after;
            Reply { retry_after, ..Reply::json(reply.status, &filter::apply(value, paths)) }
        }
        _ => reply,
    }
}
