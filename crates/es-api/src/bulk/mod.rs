//! `_bulk` and its single forms: documents in, one result for each.

pub mod document;
pub mod lines;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::call::{Params, Reply};
use crate::intake::{Document, Written};
use crate::{EsApi, EsError};
use lines::{Action, Item, Op};

/// Takes a bulk.
pub async fn bulk(api: &EsApi, index: &str, params: &Params, body: &Bytes) -> Result<Reply, EsError> {
    let started = Instant::now();
    check(params)?;
    let Some(intake) = api.parts.intake.as_ref() else { return Err(no_intake()) };
    let items = lines::read(body, index, api.parts.limits.documents)?;
    let (mut results, mut by_index) = sorted(&items);
    for (index, documents) in &mut by_index {
        let (places, documents): (Vec<usize>, Vec<Document>) = std::mem::take(documents).into_iter().unzip();
        let written = intake.write(index, documents).await;
        for (place, written) in places.into_iter().zip(written) {
            results[place] = Some(written);
        }
    }
    if waits(params) {
        let names: Vec<String> = by_index.into_keys().collect();
        intake.found(&names).await?;
    }
    Ok(answer(&items, results, started))
}

/// The documents by index, with their places; what cannot be a document has its result already.
type ByIndex = BTreeMap<String, Vec<(usize, Document)>>;

fn sorted(items: &[Item<'_>]) -> (Vec<Option<Written>>, ByIndex) {
    let (mut results, mut by_index) = (Vec::with_capacity(items.len()), ByIndex::new());
    for (place, item) in items.iter().enumerate() {
        let read = item.document.as_ref().map_err(Clone::clone).and_then(|bytes| document::read(&item.action, bytes));
        match read {
            Ok(document) => {
                by_index.entry(item.action.index.clone()).or_default().push((place, document));
                results.push(None);
            }
            Err(error) => results.push(Some(Written::Refused(error))),
        }
    }
    (results, by_index)
}

/// All results. Where nothing was taken because there is no room, the whole bulk is answered so: shippers wait then.
fn answer(items: &[Item<'_>], results: Vec<Option<Written>>, started: Instant) -> Reply {
    let busy = |written: &Option<Written>| matches!(written, Some(Written::Refused(error)) if error.status == 429);
    if let Some(Some(Written::Refused(error))) = results.first()
        && results.iter().all(busy)
    {
        return Reply::refused(error);
    }
    let mut errors = false;
    let mut shown = Vec::with_capacity(items.len());
    for (item, written) in items.iter().zip(results) {
        let written = written.unwrap_or_else(|| Written::Refused(EsError::unavailable("nothing is known of it")));
        errors |= matches!(written, Written::Refused(_));
        let (_, result) = show(&item.action, written);
        let mut map = Map::new();
        map.insert(item.action.op.name().to_owned(), result);
        shown.push(Value::Object(map));
    }
    let took = started.elapsed().as_millis() as u64;
    Reply::json(200, &json!({ "errors": errors, "took": took, "items": shown }))
}

/// One result, with its status.
fn show(action: &Action, written: Written) -> (u16, Value) {
    let shards = json!({ "total": 1, "successful": 1, "failed": 0 });
    let done = |id: &str, result: &str, status: u16, offset: u64| {
        let value = json!({
            "_index": action.index, "_id": id, "_version": 1, "result": result, "_shards": shards, "_seq_no": offset,
            "_primary_term": 1, "status": status,
        });
        (status, value)
    };
    match written {
        Written::Created { id, offset } => done(&id, "created", 201, offset),
        Written::Same { id } => done(&id, "noop", 200, 0),
        Written::Refused(error) => {
            let status = error.status;
            let id = action.id.as_deref();
            (status, json!({ "_index": action.index, "_id": id, "status": status, "error": error.cause() }))
        }
    }
}

/// Takes one document.
pub async fn one(
    api: &EsApi,
    index: &str,
    id: Option<&str>,
    create: bool,
    params: &Params,
    body: &[u8],
) -> Result<Reply, EsError> {
    check(params)?;
    let Some(intake) = api.parts.intake.as_ref() else { return Err(no_intake()) };
    let op = match params.text("op_type") {
        None | Some("index") if !create => Op::Index,
        None | Some("create") => Op::Create,
        Some(other) => return Err(EsError::illegal(format!("opType must be 'create' or 'index', found: [{other}]"))),
    };
    crate::index::check(index)?;
    let action = Action { op, index: index.to_owned(), id: id.map(str::to_owned) };
    let document = document::read(&action, body)?;
    let written = intake.write(index, vec![document]).await.pop();
    let written = match written {
        Some(Written::Refused(error)) => return Err(error),
        Some(written) => written,
        None => return Err(EsError::unavailable("nothing is known of it")),
    };
    if waits(params) {
        intake.found(&[index.to_owned()]).await?;
    }
    let (status, mut value) = show(&action, written);
    if let Some(map) = value.as_object_mut() {
        map.shift_remove("status");
    }
    Ok(Reply::json(status, &value))
}

fn no_intake() -> EsError {
    EsError::unsupported("writing to this process, which has no queue,")
}

/// Whether the answer waits until the documents are found.
fn waits(params: &Params) -> bool {
    matches!(params.text("refresh"), Some("" | "true" | "wait_for"))
}

fn check(params: &Params) -> Result<(), EsError> {
    if params.text("pipeline").is_some_and(|name| !matches!(name, "" | "_none")) {
        return Err(crate::info::not_kept("/_ingest/pipeline"));
    }
    for name in ["require_alias", "list_executed_pipelines"] {
        if params.flag(name) {
            return Err(EsError::unsupported(format!("[{name}]")));
        }
    }
    Ok(())
}
