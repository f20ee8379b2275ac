//! Who answers: what clients and shippers ask before they begin.

use serde_json::{Value, json};

use crate::call::{Params, Reply};
use crate::{EsApi, EsError};

/// The version whose answers these are. Shippers of the same major version and older accept it.
const VERSION: &str = "8.19.0";

/// `GET /`.
pub fn info() -> Value {
    json!({
        "name": "logdrive",
        "cluster_name": "logdrive",
        "cluster_uuid": "logdrive",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "logdrive",
            "build_hash": "unknown",
            "build_date": "1970-01-01T00:00:00Z",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
            "logdrive": env!("CARGO_PKG_VERSION"),
        },
        "tagline": "You Know, for Search",
    })
}

/// `_cluster/health`.
pub fn health(takes: bool, indices: usize) -> Value {
    json!({
        "cluster_name": "logdrive",
        "status": if takes { "green" } else { "yellow" },
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": indices,
        "active_shards": indices,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    })
}

/// `_license`: there is nothing that would need one.
pub fn license() -> Value {
    json!({ "license": {
        "status": "active",
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "issued_to": "logdrive",
        "issuer": "logdrive",
        "max_nodes": 1000,
    } })
}

/// `_xpack`: none of it.
pub fn xpack() -> Value {
    let off = json!({ "available": false, "enabled": false });
    json!({
        "build": { "hash": "unknown", "date": "1970-01-01T00:00:00Z" },
        "license": { "uid": "00000000-0000-0000-0000-000000000000", "type": "basic", "mode": "basic", "status": "active" },
        "features": { "ilm": off, "data_streams": { "available": true, "enabled": true }, "security": off, "monitoring": off },
        "tagline": "You know, for X",
    })
}

/// A template of any name: it is there, and says nothing, because every field is found without one.
pub fn template(path: &str, name: &str) -> Value {
    let meta =
        json!({ "managed_by": "logdrive", "description": "every field of every index is found without a template" });
    if path.starts_with("/_index_template") {
        let template =
            json!({ "index_patterns": ["*"], "template": {}, "composed_of": [], "data_stream": {}, "_meta": meta });
        return json!({ "index_templates": [{ "name": name, "index_template": template }] });
    }
    if path.starts_with("/_component_template") {
        let component = json!({ "template": {}, "_meta": meta });
        return json!({ "component_templates": [{ "name": name, "component_template": component }] });
    }
    json!({ name: { "order": 0, "index_patterns": ["*"], "settings": {}, "mappings": {}, "aliases": {} } })
}

/// A policy of any name: the store's own retention.
pub fn policy(name: &str) -> Value {
    json!({ name: {
        "version": 1,
        "modified_date": "1970-01-01T00:00:00.000Z",
        "policy": { "phases": {}, "_meta": { "managed_by": "logdrive", "description": "the store's own retention" } },
    } })
}

/// Streams, as data streams.
pub fn data_streams(names: &[String]) -> Value {
    let one = |name: &String| {
        json!({
            "name": name,
            "timestamp_field": { "name": "@timestamp" },
            "indices": [{ "index_name": name, "index_uuid": name }],
            "generation": 1,
            "status": "GREEN",
            "template": "logdrive",
        })
    };
    json!({ "data_streams": names.iter().map(one).collect::<Vec<_>>() })
}

/// Why nothing of the kind is taken, and what to set instead.
pub fn not_kept(path: &str) -> EsError {
    EsError::illegal(match path.split('/').nth(1) {
        Some("_ingest") => {
            "logdrive keeps no ingest pipelines, because lines are kept as they were written; turn them off in the \
             shipper (Filebeat: filebeat.overwrite_pipelines: false, and no modules)"
        }
        Some("_ilm") => {
            "logdrive keeps no lifecycle policies, because retention is the store's (store.retention_age); turn them off \
             in the shipper (Filebeat: setup.ilm.enabled: false; Logstash: ilm_enabled => false)"
        }
        _ => {
            "logdrive keeps no templates, because every field is found without one; turn them off in the shipper \
             (Filebeat: setup.template.enabled: false; Logstash: manage_template => false)"
        }
    })
}

/// `_cat/indices`, as text or JSON.
pub async fn cat(api: &EsApi, names: &[String], params: &Params) -> Result<Reply, EsError> {
    const COLUMNS: [&str; 10] = [
        "health",
        "status",
        "index",
        "uuid",
        "pri",
        "rep",
        "docs.count",
        "docs.deleted",
        "store.size",
        "pri.store.size",
    ];
    if params.flag("help") {
        return Err(EsError::unsupported("[help] of [_cat/indices]"));
    }
    let wanted: Vec<&str> = match params.text("h") {
        None => COLUMNS.to_vec(),
        Some(list) => list.split(',').map(|name| long_name(name.trim())).collect(),
    };
    if let Some(unknown) = wanted.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(EsError::unsupported(format!("the column [{unknown}] of [_cat/indices]")));
    }
    let counts = api.counts(names).await?;
    let mut rows = Vec::new();
    for (name, count) in names.iter().zip(counts) {
        let value = |column: &&str| match *column {
            "health" => "green".to_owned(),
            "status" => "open".to_owned(),
            "index" | "uuid" => name.clone(),
            "pri" => "1".to_owned(),
            "rep" | "docs.deleted" => "0".to_owned(),
            "docs.count" => count.to_string(),
            // The store's size is not told apart by stream.
            _ => "-".to_owned(),
        };
        rows.push(wanted.iter().map(value).collect::<Vec<_>>());
    }
    match params.text("format") {
        Some("json") => {
            let row = |row: &Vec<String>| -> Value {
                let shown = |text: &String| if text == "-" { Value::Null } else { text.as_str().into() };
                Value::Object(wanted.iter().zip(row).map(|(name, text)| ((*name).to_owned(), shown(text))).collect())
            };
            Ok(Reply::json(200, &rows.iter().map(row).collect()))
        }
        None | Some("text" | "txt") => {
            if params.flag("v") {
                rows.insert(0, wanted.iter().map(|name| (*name).to_owned()).collect());
            }
            Ok(Reply::text(200, aligned(&rows)))
        }
        Some(other) => Err(EsError::unsupported(format!("[format={other}] of [_cat/indices]"))),
    }
}

/// A column's name from its short forms.
fn long_name(name: &str) -> &str {
    match name {
        "h" => "health",
        "s" => "status",
        "i" | "idx" => "index",
        "id" => "uuid",
        "p" | "shards.primary" | "shardsPrimary" => "pri",
        "r" | "shards.replica" | "shardsReplica" => "rep",
        "dc" | "docsCount" => "docs.count",
        "dd" | "docsDeleted" => "docs.deleted",
        "ss" | "storeSize" => "store.size",
        other => other,
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|n| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join(" ").trim_end());
        text.push('\n');
    }
    text
}
