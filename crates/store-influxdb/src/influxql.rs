//! Reading from InfluxDB 1.x.

use base::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use store::StoreError;
use store::metrics::{Aggregate, MeasurementInfo, SeriesRequest};

use crate::Server;
use crate::groups::{Groups, nanoseconds};
use crate::http::{Call, Client};
use crate::setup::how_to_create;

/// Reads from one database.
pub struct Reader<'a> {
    client: &'a Client,
    server: &'a Server,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    results: Vec<Outcome>,
}

/// What a statement came to.
#[derive(Default, Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Table>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    #[serde(default)]
    name: String,
    #[serde(default)]
    tags: serde_json::Map<String, Value>,
    #[serde(default)]
    values: Vec<Vec<Value>>,
    #[serde(default)]
    partial: bool,
}

/// A name in quotes.
pub fn name(text: &str) -> String {
    quoted(text, '"')
}

fn quoted(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            c if c == quote || c == '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Runs a statement that changes the server.
pub async fn manage(client: &Client, statement: &str) -> Result<(), StoreError> {
    let mut outcomes = ask(client, Method::POST, vec![("q", statement)]).await?;
    match outcomes.pop().and_then(|outcome| outcome.error) {
        Some(said) => Err(client.refused(format!("it answered {said} to {statement}"))),
        None => Ok(()),
    }
}

/// The first column of what a statement about the server itself tells.
pub async fn list(client: &Client, statement: &str) -> Result<Vec<String>, StoreError> {
    let outcomes = ask(client, Method::GET, vec![("q", statement)]).await?;
    if let Some(said) = outcomes.iter().find_map(|outcome| outcome.error.as_ref()) {
        return Err(client.refused(format!("it answered {said} to {statement}")));
    }
    let rows = outcomes.iter().flat_map(|outcome| &outcome.series).flat_map(|table| &table.values);
    Ok(rows.filter_map(|row| Some(row.first()?.as_str()?.to_owned())).collect())
}

async fn ask(client: &Client, method: Method, query: Vec<(&str, &str)>) -> Result<Vec<Outcome>, StoreError> {
    let answer = client.call(Call { method, path: "/query", query, body: None, accept: "application/json" }).await?;
    if !answer.status.is_success() {
        return Err(client.failure(&answer));
    }
    let parsed: Result<Answer, _> = serde_json::from_slice(&answer.body);
    let parsed = parsed.map_err(|error| client.unavailable(format!("its answer cannot be read: {error}")))?;
    Ok(parsed.results)
}

impl<'a> Reader<'a> {
    pub const fn new(client: &'a Client, server: &'a Server) -> Self {
        Self { client, server }
    }

    /// Whether the database and its retention policy are there. (Other statements just find nothing.)
    pub async fn probe(&self) -> Result<(), StoreError> {
        let Server::V1 { database, retention_policy, .. } = self.server else { return Ok(()) };
        let outcomes = self.ask(&format!("SHOW RETENTION POLICIES ON {}", name(database))).await?;
        let Some(wanted) = retention_policy else { return Ok(()) };
        let mut rows = outcomes.iter().flat_map(|outcome| &outcome.series).flat_map(|table| &table.values);
        if rows.any(|row| row.first().and_then(Value::as_str) == Some(wanted)) {
            return Ok(());
        }
        let advice = how_to_create(self.server);
        Err(self.client.refused(format!("its database '{database}' has no retention policy '{wanted}'; {advice}")))
    }

    /// What each statement came to; the failure of one fails all.
    async fn ask(&self, statements: &str) -> Result<Vec<Outcome>, StoreError> {
        let Server::V1 { database, retention_policy, .. } = self.server else { return Ok(Vec::new()) };
        let mut query = vec![("db", database.as_str()), ("epoch", "u"), ("q", statements)];
        query.extend(retention_policy.as_deref().map(|policy| ("rp", policy)));
        let outcomes = ask(self.client, Method::GET, query).await?;
        match outcomes.iter().find_map(|outcome| outcome.error.as_ref()) {
            None => Ok(outcomes),
            Some(said) if said.contains("not found") => {
                let advice = how_to_create(self.server);
                Err(self.client.refused(format!("it has nothing to read from ({said}); {advice}")))
            }
            Some(said) => Err(self.client.refused(format!("it answered {said}"))),
        }
    }

    pub async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError> {
        let outcomes = self.ask("SHOW MEASUREMENTS; SHOW TAG KEYS; SHOW FIELD KEYS").await?;
        let mut outcomes = outcomes.into_iter().map(|outcome| outcome.series);
        let (names, tags, fields) = (outcomes.next(), outcomes.next(), outcomes.next());
        let texts = |table: &Table, column: usize| -> Vec<String> {
            let cells = table.values.iter().filter_map(|row| row.get(column)?.as_str());
            cells.map(str::to_owned).collect()
        };
        let mut infos: Vec<MeasurementInfo> = Vec::new();
        for name in names.iter().flatten().flat_map(|table| texts(table, 0)) {
            infos.push(MeasurementInfo { name, ..MeasurementInfo::default() });
        }
        infos.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for table in tags.iter().flatten() {
            if let Ok(at) = infos.binary_search_by(|info| info.name.cmp(&table.name)) {
                infos[at].tags.extend(texts(table, 0));
            }
        }
        for table in fields.iter().flatten() {
            if let Ok(at) = infos.binary_search_by(|info| info.name.cmp(&table.name)) {
                let numbers = table.values.iter().filter(|row| is_number(row));
                infos[at].fields.extend(numbers.filter_map(|row| Some(row.first()?.as_str()?.to_owned())));
            }
        }
        for info in &mut infos {
            for keys in [&mut info.tags, &mut info.fields] {
                keys.sort_unstable();
                keys.dedup();
            }
        }
        Ok(infos)
    }

    pub async fn tag_values(&self, measurement: &str, tag: &str) -> Result<Vec<String>, StoreError> {
        let statement = format!("SHOW TAG VALUES FROM {} WITH KEY = {}", name(measurement), name(tag));
        let outcomes = self.ask(&statement).await?;
        let rows = outcomes.into_iter().flat_map(|outcome| outcome.series).flat_map(|table| table.values);
        Ok(rows.filter_map(|row| Some(row.get(1)?.as_str()?.to_owned())).collect())
    }

    pub async fn series(&self, request: &SeriesRequest) -> Result<Groups, StoreError> {
        let mut groups = Groups::new(request);
        if !self.has_numbers(request).await? {
            return Ok(groups);
        }
        if request.aggregate == Aggregate::Rate {
            self.rates(request, &mut groups).await?;
            return Ok(groups);
        }
        for table in self.select(&fold_statement(request), &mut groups).await? {
            let tags = group_of(&table, request);
            for row in &table.values {
                if let (Some(at), Some(value)) = (time(row), number(row, 1)) {
                    groups.put(tags.clone(), at, value);
                }
            }
        }
        Ok(groups)
    }

    /// Whether any values of the field are numbers: an aggregate of others would be an error.
    async fn has_numbers(&self, request: &SeriesRequest) -> Result<bool, StoreError> {
        let outcomes = self.ask(&format!("SHOW FIELD KEYS FROM {}", name(&request.measurement))).await?;
        let mut rows = outcomes.iter().flat_map(|outcome| &outcome.series).flat_map(|table| &table.values);
        Ok(rows.any(|row| row.first().and_then(Value::as_str) == Some(&request.field) && is_number(row)))
    }

    /// The growth of each series by step; where a counter began anew, its points are looked at here.
    async fn rates(&self, request: &SeriesRequest, groups: &mut Groups) -> Result<(), StoreError> {
        let tables = self.select(&growth_statement(request), groups).await?;
        let fell = |row: &Vec<Value>| number(row, 2).is_some_and(|least| least < 0.0);
        if tables.iter().any(|table| table.values.iter().any(fell)) {
            for table in self.select(&raw_statement(request), groups).await? {
                let points = table.values.iter().filter_map(|row| Some((time(row)?, number(row, 1)?)));
                groups.put_counter(group_of(&table, request), points.collect());
            }
            return Ok(());
        }
        for table in tables {
            let tags = group_of(&table, request);
            for row in &table.values {
                if let (Some(at), Some(growth), Some(micros)) = (time(row), number(row, 1), number(row, 3)) {
                    groups.put_growth(tags.clone(), at, growth, micros as i64);
                }
            }
        }
        Ok(())
    }

    async fn select(&self, statement: &str, groups: &mut Groups) -> Result<Vec<Table>, StoreError> {
        let outcomes = self.ask(statement).await?;
        let tables: Vec<Table> = outcomes.into_iter().flat_map(|outcome| outcome.series).collect();
        if tables.iter().any(|table| table.partial) {
            groups.incomplete();
        }
        Ok(tables)
    }
}

fn fold_statement(request: &SeriesRequest) -> String {
    let function = match request.aggregate {
        Aggregate::Mean => "mean",
        Aggregate::Sum => "sum",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::Count => "count",
        Aggregate::Last | Aggregate::Rate => "last",
    };
    let (field, from, by) = (name(&request.field), from(request), grouped(request));
    format!("SELECT {function}({field}::field) {from} GROUP BY time({}u){by} fill(none)", request.step_micros)
}

fn growth_statement(request: &SeriesRequest) -> String {
    let (field, from, (since, until)) = (name(&request.field), from(request), nanoseconds(request.range));
    format!(
        "SELECT sum(\"logdrive growth\"), min(\"logdrive growth\"), sum(\"logdrive micros\") FROM \
         (SELECT difference({field}::field) AS \"logdrive growth\", elapsed({field}::field, 1u) AS \"logdrive micros\" \
         {from} GROUP BY *) WHERE time >= {since} AND time < {until} GROUP BY time({}u), * fill(none)",
        request.step_micros
    )
}

fn raw_statement(request: &SeriesRequest) -> String {
    format!("SELECT {}::field {} GROUP BY *", name(&request.field), from(request))
}

fn from(request: &SeriesRequest) -> String {
    let (since, until) = nanoseconds(request.range);
    let mut text = format!("FROM {} WHERE time >= {since} AND time < {until}", name(&request.measurement));
    for (key, value) in &request.tags {
        text.push_str(&format!(" AND {}::tag = {}", name(key), quoted(value, '\'')));
    }
    text
}

fn grouped(request: &SeriesRequest) -> String {
    request.group_by.iter().map(|key| format!(", {}", name(key))).collect()
}

fn group_of(table: &Table, request: &SeriesRequest) -> Vec<String> {
    let value = |key: &String| table.tags.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    request.group_by.iter().map(value).collect()
}

fn is_number(row: &[Value]) -> bool {
    row.get(1).and_then(Value::as_str).is_some_and(|kind| matches!(kind, "float" | "integer" | "unsigned"))
}

fn time(row: &[Value]) -> Option<Timestamp> {
    row.first()?.as_i64().map(Timestamp::from_micros)
}

fn number(row: &[Value], column: usize) -> Option<f64> {
    row.get(column)?.as_f64()
}

#[cfg(test)]
mod tests {
    use store::metrics::testing::{range, request};

    use super::*;

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(name(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(quoted("a'b\\\n", '\''), r"'a\'b\\\n'");
    }

    #[test]
    fn statements_are_as_the_request_asks() {
        let request = SeriesRequest {
            tags: vec![("host".to_owned(), "a'b".to_owned())],
            group_by: vec!["dc".to_owned(), "x y".to_owned()],
            range: range(0, 1),
            ..request("m")
        };
        assert_eq!(
            fold_statement(&request),
            "SELECT mean(\"value\"::field) FROM \"m\" WHERE time >= 1790000000000000000 AND time < 1790000001000000000 \
             AND \"host\"::tag = 'a\\'b' GROUP BY time(10000000u), \"dc\", \"x y\" fill(none)"
        );
    }
}
