//! Before the first request: is it the product expected, and is there what we write into.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::StoreError;

use crate::http::{Answer, Call, Client};
use crate::{Options, Server, influxql};

/// Makes sure that the server is of the version expected, and makes what is missing where that is wished.
pub async fn prepare(client: &Client, options: &Options) -> Result<(), StoreError> {
    check_version(client, &options.server).await?;
    if options.create {
        match &options.server {
            Server::V1 { database, retention_policy, .. } => {
                create_database(client, database, retention_policy.as_deref(), options.retention).await?;
            }
            Server::V2 { org, bucket, .. } => create_bucket(client, org, bucket, options.retention).await?,
        }
    }
    Ok(())
}

async fn check_version(client: &Client, server: &Server) -> Result<(), StoreError> {
    let call = Call { method: Method::GET, path: "/ping", query: Vec::new(), body: None, accept: "application/json" };
    let answer = client.call(call).await?;
    let version = match &answer.version {
        Some(version) => version.trim_start_matches('v').to_owned(),
        // A proxy or a starting server: to be asked again.
        None if answer.status.is_server_error() || answer.status.as_u16() == 429 => return Err(client.failure(&answer)),
        None => {
            let status = answer.status.as_u16();
            let reason = format!("it is no InfluxDB: /ping answers {status} without a version; check the address");
            return Err(client.refused(reason));
        }
    };
    match wrong_version(&version, server) {
        Some(reason) => Err(client.refused(reason)),
        None => Ok(()),
    }
}

fn wrong_version(version: &str, server: &Server) -> Option<String> {
    let major = version.split('.').next().unwrap_or_default();
    let (expected, urls) = match server {
        Server::V1 { .. } => ("1", [("2", "influxdb2://")]),
        Server::V2 { .. } => ("2", [("1", "influxdb://")]),
    };
    // Versions made by hand say "unknown" or the like.
    let numbered = major.bytes().all(|byte| byte.is_ascii_digit()) && !major.is_empty();
    if !numbered || major == expected {
        return None;
    }
    let advice = urls.iter().find(|(known, _)| *known == major).map_or_else(
        || "1.x and 2.x are supported".to_owned(),
        |(_, url)| format!("write {url} instead, with the settings of that version"),
    );
    Some(format!("it is InfluxDB {version}, the settings are for {expected}.x; {advice}"))
}

async fn create_database(
    client: &Client,
    database: &str,
    policy: Option<&str>,
    retention: Option<Duration>,
) -> Result<(), StoreError> {
    let name = influxql::name(database);
    // Making is for administrators only, so it is not tried where there is nothing to make.
    let there = influxql::list(client, "SHOW DATABASES").await?.iter().any(|known| known == database);
    let complete = match policy.filter(|_| there) {
        None => there,
        Some(policy) => {
            let policies = influxql::list(client, &format!("SHOW RETENTION POLICIES ON {name}")).await?;
            policies.iter().any(|known| known == policy)
        }
    };
    if complete {
        return Ok(());
    }
    let lasting = retention.map_or_else(|| "INF".to_owned(), |retention| format!("{}s", retention.as_secs()));
    let with = match (policy, retention) {
        (Some(policy), _) => format!(" WITH DURATION {lasting} REPLICATION 1 NAME {}", influxql::name(policy)),
        (None, Some(_)) => format!(" WITH DURATION {lasting} REPLICATION 1"),
        (None, None) => String::new(),
    };
    let statement = match policy.filter(|_| there) {
        Some(policy) => {
            let policy = influxql::name(policy);
            format!("CREATE RETENTION POLICY {policy} ON {name} DURATION {lasting} REPLICATION 1")
        }
        None => format!("CREATE DATABASE {name}{with}"),
    };
    influxql::manage(client, &statement).await
}

async fn create_bucket(
    client: &Client,
    org: &str,
    bucket: &str,
    retention: Option<Duration>,
) -> Result<(), StoreError> {
    let found = get(client, "/api/v2/buckets", vec![("org", org), ("name", bucket)]).await?;
    if found.status.is_success() && !list(&found, "buckets").is_empty() {
        return Ok(());
    }
    let orgs = get(client, "/api/v2/orgs", vec![("org", org)]).await?;
    if !orgs.status.is_success() && orgs.status.as_u16() != 404 {
        return Err(client.failure(&orgs));
    }
    let orgs = list(&orgs, "orgs");
    let Some(id) = orgs.first().and_then(|org| org.get("id")).and_then(Value::as_str) else {
        return Err(client.refused(format!("it has no organisation '{org}'; make one: influx org create --name {org}")));
    };
    let rules: Vec<Value> =
        retention.iter().map(|keep| json!({"type": "expire", "everySeconds": keep.as_secs().max(3600)})).collect();
    let body = json!({"orgID": id, "name": bucket, "retentionRules": rules}).to_string().into_bytes();
    let call = Call {
        method: Method::POST,
        path: "/api/v2/buckets",
        query: Vec::new(),
        body: Some(("application/json", body)),
        accept: "application/json",
    };
    let made = client.call(call).await?;
    // Another one may have made it meanwhile.
    let there = made.status.is_success() || made.said().contains("already exists");
    if there { Ok(()) } else { Err(client.failure(&made)) }
}

async fn get(client: &Client, path: &str, query: Vec<(&str, &str)>) -> Result<Answer, StoreError> {
    client.call(Call { method: Method::GET, path, query, body: None, accept: "application/json" }).await
}

fn list(answer: &Answer, key: &str) -> Vec<Value> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    json.and_then(|json| json.get(key).and_then(Value::as_array).cloned()).unwrap_or_default()
}

/// What to do where there is nothing to write into, or read from.
pub fn how_to_create(server: &Server) -> String {
    match server {
        Server::V1 { database, retention_policy: None, .. } => {
            format!("make it (influx -execute 'CREATE DATABASE \"{database}\"') or set create = true")
        }
        Server::V1 { database, retention_policy: Some(policy), .. } => format!(
            "make it (influx -execute 'CREATE RETENTION POLICY \"{policy}\" ON \"{database}\" DURATION INF \
             REPLICATION 1') or set create = true"
        ),
        Server::V2 { org, bucket, .. } => {
            format!("make it (influx bucket create --org {org} --name {bucket}) or set create = true")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_version_is_named_with_what_was_expected() {
        let v1 = Server::V1 { database: String::new(), retention_policy: None, username: None, password: None };
        let v2 = Server::V2 { org: String::new(), bucket: String::new(), token: String::new() };
        let table = [
            ("1.6.7~rc0", &v1, None),
            ("1.8.10", &v1, None),
            ("2.7.12", &v2, None),
            ("unknown", &v2, None),
            ("2.7.12", &v1, Some("it is InfluxDB 2.7.12, the settings are for 1.x; write influxdb2:// instead")),
            ("1.8.10", &v2, Some("it is InfluxDB 1.8.10, the settings are for 2.x; write influxdb:// instead")),
            ("3.0.1", &v2, Some("it is InfluxDB 3.0.1, the settings are for 2.x; 1.x and 2.x are supported")),
        ];
        for (version, server, expected) in table {
            let found = wrong_version(version, server);
            let matches = match (&found, expected) {
                (Some(found), Some(expected)) => found.starts_with(expected),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(matches, "{version}: {found:?}");
        }
    }
}
