//! What the server has to know before the first record: how fields are indexed, and when indices go.

use std::time::Duration;

use serde_json::{Value, json};
use store::StoreError;

use crate::http::{Http, Request};
use crate::naming::Naming;
use crate::options::{Options, Product};
use crate::product::Server;

/// Fields an index may have: those of all streams that share it. Each costs every node memory, and each new one a
/// change of the cluster's state.
const FIELDS_MAX: u32 = 2000;
/// Above what products install for the same names, below what people do on purpose.
const PRIORITY: u32 = 300;

/// The index in which is noted what is not in the records: ranges dropped, and ranges in the dead letters.
pub fn ranges_index(naming: &Naming) -> String {
    format!("logdrive-ranges-{}", naming.prefix())
}

/// The name under which template and policy are installed.
fn own_name(naming: &Naming) -> String {
    format!("logdrive-{}", naming.prefix())
}

/// The characters at which tokens end: the bytes below 128 that [`store::query::is_token_byte`] leaves out.
fn separators() -> Vec<String> {
    let separators = (0..128u8).filter(|byte| !store::query::is_token_byte(*byte)).map(char::from);
    separators.map(|c| if c == '\\' { "\\\\".to_owned() } else { c.to_string() }).collect()
}

fn analysis() -> Value {
    json!({
        "tokenizer": {"logdrive": {
            "type": "char_group", "tokenize_on_chars": separators(), "max_token_length": 8191,
        }},
        "analyzer": {"logdrive": {"type": "custom", "tokenizer": "logdrive", "filter": ["lowercase"]}},
    })
}

fn mappings() -> Value {
    let keyword = json!({"type": "keyword"});
    let long = json!({"type": "long"});
    let ours = json!({
        "source": keyword, "generation": long, "time": long, "size": long, "format": keyword, "marks": keyword,
        "raw_names": keyword, "raw": {"type": "object", "enabled": false},
    });
    json!({
        "dynamic": false,
        "date_detection": false,
        "numeric_detection": false,
        "dynamic_templates": [
            {"fields": {"path_match": "fields.*", "mapping": {"type": "keyword"}}},
            {"numbers": {"path_match": "numbers.*", "mapping": {"type": "double"}}},
        ],
        "properties": {
            "@timestamp": {"type": "date_nanos"},
            "message": {"type": "text", "analyzer": "logdrive", "norms": false},
            "host": {"properties": {"name": keyword}},
            "event": {"properties": {"dataset": keyword}},
            "log": {"properties": {
                "level": keyword, "offset": long, "file": {"properties": {"path": keyword}},
            }},
            "fields": {"type": "object", "dynamic": true},
            "numbers": {"type": "object", "dynamic": true},
            "logdrive": {"properties": ours},
        },
    })
}

/// The index template.
pub fn template(options: &Options, naming: &Naming, server: &Server) -> Value {
    let mut settings = json!({
        "refresh_interval": "1s", "mapping.total_fields.limit": FIELDS_MAX, "analysis": analysis(),
    });
    if let Some(shards) = options.shards {
        settings["number_of_shards"] = shards.into();
    }
    if let Some(replicas) = options.replicas {
        settings["number_of_replicas"] = replicas.into();
    }
    if server.product == Product::Elasticsearch && options.delete_after.is_some() {
        settings["lifecycle.name"] = own_name(naming).into();
    }
    let mut template = json!({
        "index_patterns": [naming.pattern()],
        "priority": PRIORITY,
        "template": {"settings": {"index": settings}, "mappings": mappings()},
        "_meta": {"description": "lines collected by logdrive"},
    });
    if options.data_stream {
        template["data_stream"] = json!({});
    }
    template
}

/// The lifecycle policy: path and body.
pub fn policy(options: &Options, naming: &Naming, server: &Server, after: Duration) -> (String, Value) {
    let age = format!("{}s", after.as_secs().max(1));
    let name = own_name(naming);
    let rollover = options.data_stream;
    match server.product {
        Product::Elasticsearch => {
            let mut phases = json!({"delete": {"min_age": age, "actions": {"delete": {}}}});
            if rollover {
                let when = json!({"max_age": "1d", "max_primary_shard_size": "50gb"});
                phases["hot"] = json!({"actions": {"rollover": when}});
            }
            (format!("/_ilm/policy/{name}"), json!({"policy": {"phases": phases}}))
        }
        Product::OpenSearch => {
            let actions = if rollover {
                json!([{"rollover": {"min_index_age": "1d", "min_primary_shard_size": "50gb"}}])
            } else {
                json!([])
            };
            let policy = json!({"policy": {
                "description": "lines collected by logdrive",
                "default_state": "hot",
                "states": [
                    {"name": "hot", "actions": actions, "transitions": [
                        {"state_name": "delete", "conditions": {"min_index_age": age}},
                    ]},
                    {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
                ],
                "ism_template": [{"index_patterns": [naming.pattern()], "priority": PRIORITY}],
            }});
            (format!("/_plugins/_ism/policies/{name}"), policy)
        }
    }
}

/// Installs template and policy where that is wanted, and otherwise sees that the template is there.
///
/// # Errors
/// `Refused` where it is not, or the server does not take it; with what to do.
pub async fn prepare(http: &Http, options: &Options, naming: &Naming, server: &Server) -> Result<(), StoreError> {
    if !options.install {
        return check(http, naming).await;
    }
    if let Some(after) = options.delete_after {
        install_policy(http, naming, server, policy(options, naming, server, after)).await?;
    }
    let path = format!("/_index_template/{}", own_name(naming));
    let answer = http.send(Request::put(path, template(options, naming, server))).await?;
    if answer.is_ok() { Ok(()) } else { Err(install_failed("index template", answer.error())) }
}

async fn install_policy(
    http: &Http,
    naming: &Naming,
    server: &Server,
    (path, body): (String, Value),
) -> Result<(), StoreError> {
    let known = http.send(Request::get(&path)).await?;
    if known.is_ok() {
        return match with_age_of(&known.json()?, &body, server.product, &own_name(naming)) {
            Some((numbers, changed)) => {
                let answer = http.send(Request::put(format!("{path}{numbers}"), changed)).await?;
                if !answer.is_ok() {
                    return Err(install_failed("lifecycle policy", answer.error()));
                }
                follow_policy(http, naming, server).await
            }
            None => Ok(()),
        };
    }
    let answer = http.send(Request::put(path, body)).await?;
    match answer.is_ok() {
        true => Ok(()),
        false if matches!(answer.status, 400 | 404 | 405) => {
            let (_, said) = answer.said();
            let reason = format!("it cannot keep a lifecycle policy ({said}); leave delete_after out of [store]");
            Err(StoreError::Refused { at: answer.at, reason })
        }
        false => Err(install_failed("lifecycle policy", answer.error())),
    }
}

/// Where in a policy the age stands at which indices are deleted.
const fn age_in(product: Product) -> &'static str {
    match product {
        Product::Elasticsearch => "/policy/phases/delete/min_age",
        Product::OpenSearch => "/policy/states/0/transitions/0/conditions/min_index_age",
    }
}

/// A policy that is there with the age of the one wanted, and what its path needs; `None` where that is its age, or
/// where it has been changed so that there is none: whoever did it meant it. All else in it stays.
fn with_age_of(known: &Value, wanted: &Value, product: Product, name: &str) -> Option<(String, Value)> {
    let (mut changed, numbers) = match product {
        Product::Elasticsearch => (json!({"policy": known[name]["policy"]}), String::new()),
        Product::OpenSearch => {
            let numbers = format!("?if_seq_no={}&if_primary_term={}", known["_seq_no"], known["_primary_term"]);
            let mut policy = known["policy"].clone();
            for told in ["policy_id", "last_updated_time", "schema_version", "user"] {
                policy.as_object_mut()?.remove(told);
            }
            (json!({"policy": policy}), numbers)
        }
    };
    let wanted = wanted.pointer(age_in(product))?;
    let age = changed.pointer_mut(age_in(product))?;
    if age == wanted {
        return None;
    }
    *age = wanted.clone();
    Some((numbers, changed))
}

/// Indices of before follow the policy as it was when they were made, until they are told.
async fn follow_policy(http: &Http, naming: &Naming, server: &Server) -> Result<(), StoreError> {
    if server.product == Product::OpenSearch {
        let path = format!("/_plugins/_ism/change_policy/{}", naming.pattern());
        let answer = http.send(Request::post(path, json!({"policy_id": own_name(naming)}))).await?;
        if !answer.is_ok() {
            tracing::warn!(error = %answer.error(), "indices of before keep their old delete_after");
        }
    }
    Ok(())
}

fn install_failed(what: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Refused { at, reason } => StoreError::Refused { at, reason: format!("the {what}: {reason}") },
        error => error,
    }
}

/// Whether an index that is made now would have our mapping.
async fn check(http: &Http, naming: &Naming) -> Result<(), StoreError> {
    let name = naming.name("logdrive", "logdrive", base::Timestamp::from_micros(0));
    let answer = http.send(Request::empty(format!("/_index_template/_simulate_index/{name}"))).await?;
    if matches!(answer.status, 401 | 403) {
        // Who may write need not be allowed to look at templates.
        return Ok(());
    }
    // Versions differ in how they say that no template fits: with nothing, or as a wrong request.
    let simulated = if matches!(answer.status, 400 | 404) { Value::Null } else { answer.json()? };
    if simulated["template"]["mappings"]["properties"]["logdrive"]["properties"]["time"]["type"] == "long" {
        return Ok(());
    }
    let reason = format!(
        "it has no index template of ours for '{}'; set install = true in [store], once, with a user who may do that",
        naming.pattern()
    );
    Err(StoreError::Refused { at: answer.at, reason })
}

/// The index of ranges, made if it is missing.
///
/// # Errors
/// Where it cannot be made.
pub async fn ensure_ranges(http: &Http, naming: &Naming) -> Result<(), StoreError> {
    let keyword = json!({"type": "keyword"});
    let long = json!({"type": "long"});
    let properties = json!({
        "kind": keyword, "source": keyword, "generation": long, "start": long, "end": long,
        "stream": keyword, "host": keyword, "path": keyword,
    });
    let body = json!({
        "settings": {"index": {"number_of_shards": 1}}, "mappings": {"dynamic": false, "properties": properties},
    });
    let answer = http.send(Request::put(format!("/{}", ranges_index(naming)), body)).await?;
    let (kind, _) = answer.said();
    if answer.is_ok() || kind == "resource_already_exists_exception" { Ok(()) } else { Err(answer.error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(product: Product) -> (Options, Naming, Server) {
        let options = Options { delete_after: Some(Duration::from_secs(30 * 86_400)), ..Options::new(["http://h"]) };
        let naming = Naming::parse(&options.index).unwrap();
        (options, naming, Server { product, version: "9".to_owned() })
    }

    #[test]
    fn every_byte_that_is_in_no_token_separates() {
        let separators = separators();
        assert_eq!(separators.len(), 128 - 63);
        assert!(separators.contains(&"\\\\".to_owned()) && separators.contains(&"\0".to_owned()));
        assert!(separators.iter().all(|text| text.len() == 1 || text == "\\\\"));
    }

    #[test]
    fn each_product_gets_its_own_policy() {
        let (options, naming, server) = known(Product::Elasticsearch);
        let (path, body) = policy(&options, &naming, &server, Duration::from_secs(60));
        assert_eq!(path, "/_ilm/policy/logdrive-logs");
        assert_eq!(body["policy"]["phases"]["delete"]["min_age"], "60s");
        let made = template(&options, &naming, &server);
        assert_eq!(made["template"]["settings"]["index"]["lifecycle.name"], "logdrive-logs");
        let (options, naming, server) = known(Product::OpenSearch);
        let (path, body) = policy(&options, &naming, &server, Duration::from_secs(60));
        assert_eq!(path, "/_plugins/_ism/policies/logdrive-logs");
        assert_eq!(body["policy"]["ism_template"][0]["index_patterns"][0], "logs-*-*.*.*");
        assert!(template(&options, &naming, &server)["template"]["settings"]["index"]["lifecycle.name"].is_null());
    }

    #[test]
    fn another_age_changes_nothing_else_of_a_policy() {
        for product in [Product::Elasticsearch, Product::OpenSearch] {
            let (options, naming, server) = known(product);
            let of = |secs| policy(&options, &naming, &server, Duration::from_secs(secs)).1;
            let held = |mut policy: Value| {
                policy["policy"]["added"] = "by hand".into();
                match product {
                    Product::Elasticsearch => json!({"logdrive-logs": {"version": 3, "policy": policy["policy"]}}),
                    Product::OpenSearch => json!({"_seq_no": 7, "_primary_term": 2, "policy": policy["policy"]}),
                }
            };
            let name = own_name(&naming);
            assert_eq!(with_age_of(&held(of(60)), &of(60), product, &name), None);
            let (numbers, changed) = with_age_of(&held(of(60)), &of(90), product, &name).unwrap();
            assert_eq!(changed.pointer(age_in(product)), of(90).pointer(age_in(product)));
            assert_eq!(changed["policy"]["added"], "by hand");
            assert_eq!(numbers.is_empty(), product == Product::Elasticsearch, "{numbers}");
            let stripped = match product {
                Product::Elasticsearch => json!({"logdrive-logs": {"policy": {"phases": {}}}}),
                Product::OpenSearch => json!({"policy": {"states": []}}),
            };
            assert_eq!(with_age_of(&stripped, &of(90), product, &name), None, "somebody meant it");
        }
    }
}
