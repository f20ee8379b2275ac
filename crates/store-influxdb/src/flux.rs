//! Reading from InfluxDB 2.x.

use std::collections::BTreeMap;

use base::Timestamp;
use reqwest::Method;
use serde_json::json;
use store::metrics::{Aggregate, MeasurementInfo, SeriesRequest};
use store::{StoreError, TimeRange};

use crate::Server;
use crate::csv::{self, Row};
use crate::groups::{Groups, nanoseconds};
use crate::http::{Call, Client};
use crate::setup::how_to_create;

/// Reads from one bucket.
pub struct Reader<'a> {
    client: &'a Client,
    server: &'a Server,
}

/// Measurements asked for their tags and fields in one query.
const MEASUREMENTS_AT_ONCE: usize = 25;
/// Columns that are no tags.
const NO_TAGS: [&str; 4] = ["_start", "_stop", "_field", "_measurement"];

impl<'a> Reader<'a> {
    pub const fn new(client: &'a Client, server: &'a Server) -> Self {
        Self { client, server }
    }

    /// Whether the bucket is there and may be read.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.ask(&format!("{} |> range(start: -1s) |> limit(n: 1)", self.from())).await.map(|_| ())
    }

    fn from(&self) -> String {
        format!("from(bucket: {})", text(self.bucket()))
    }

    fn bucket(&self) -> &str {
        match self.server {
            Server::V2 { bucket, .. } => bucket,
            Server::V1 { .. } => "",
        }
    }

    async fn ask(&self, query: &str) -> Result<Vec<Row>, StoreError> {
        let Server::V2 { org, .. } = self.server else { return Ok(Vec::new()) };
        let dialect = json!({"header": true, "annotations": ["datatype", "group", "default"]});
        let body = json!({"query": query, "type": "flux", "dialect": dialect}).to_string().into_bytes();
        let call = Call {
            method: Method::POST,
            path: "/api/v2/query",
            query: vec![("org", org)],
            body: Some(("application/json", body)),
            accept: "application/csv",
        };
        let answer = self.client.call(call).await?;
        if answer.status.as_u16() == 404 {
            let advice = how_to_create(self.server);
            let said = answer.said();
            return Err(self.client.refused(format!("it has nothing to read from ({said}); {advice}")));
        }
        if !answer.status.is_success() {
            return Err(self.client.failure(&answer));
        }
        csv::rows(&String::from_utf8_lossy(&answer.body))
            .map_err(|said| self.client.refused(format!("it answered {said}")))
    }

    pub async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError> {
        let (bucket, (start, stop)) = (text(self.bucket()), bounds(TimeRange::ALL));
        let query = format!("{SCHEMA}schema.measurements(bucket: {bucket}, start: {start}, stop: {stop})");
        let mut infos: BTreeMap<String, MeasurementInfo> = BTreeMap::new();
        for row in self.ask(&query).await? {
            let name = row.text("_value").to_owned();
            infos.insert(name.clone(), MeasurementInfo { name, ..MeasurementInfo::default() });
        }
        let names: Vec<String> = infos.keys().cloned().collect();
        for some in names.chunks(MEASUREMENTS_AT_ONCE) {
            self.describe(some, &mut infos).await?;
        }
        for info in infos.values_mut() {
            for keys in [&mut info.tags, &mut info.fields] {
                keys.sort_unstable();
                keys.dedup();
            }
        }
        Ok(infos.into_values().collect())
    }

    /// Fills in the tags and fields of some measurements.
    async fn describe(
        &self,
        names: &[String],
        infos: &mut BTreeMap<String, MeasurementInfo>,
    ) -> Result<(), StoreError> {
        let (bucket, from, (start, stop)) = (text(self.bucket()), self.from(), bounds(TimeRange::ALL));
        let mut query = SCHEMA.to_owned();
        let mut fields = String::new();
        for (at, name) in names.iter().enumerate() {
            let name = text(name);
            query.push_str(&format!(
                "schema.measurementTagKeys(bucket: {bucket}, measurement: {name}, start: {start}, stop: {stop}) \
                 |> yield(name: \"t{at}\")\n"
            ));
            fields.push_str(&format!(
                "{from} |> range(start: {start}, stop: {stop}) |> filter(fn: (r) => r[\"_measurement\"] == {name}) \
                 |> group(columns: [\"_field\"]) |> first() |> keep(columns: [\"_field\", \"_value\"]) \
                 |> yield(name: \"f{at}\")\n"
            ));
        }
        let place = |row: &Row| -> Option<&String> { names.get(row.text("result").get(1..)?.parse::<usize>().ok()?) };
        for row in self.ask(&query).await? {
            let key = row.text("_value");
            if let Some(info) = place(&row).and_then(|name| infos.get_mut(name)).filter(|_| !NO_TAGS.contains(&key)) {
                info.tags.push(key.to_owned());
            }
        }
        for row in self.ask(&fields).await? {
            let number = is_number(&row);
            if let Some(info) = place(&row).and_then(|name| infos.get_mut(name)).filter(|_| number) {
                info.fields.push(row.text("_field").to_owned());
            }
        }
        Ok(())
    }

    pub async fn tag_values(&self, measurement: &str, tag: &str) -> Result<Vec<String>, StoreError> {
        let (bucket, (start, stop)) = (text(self.bucket()), bounds(TimeRange::ALL));
        let query = format!(
            "{SCHEMA}schema.measurementTagValues(bucket: {bucket}, measurement: {}, tag: {}, start: {start}, \
             stop: {stop})",
            text(measurement),
            text(tag)
        );
        let rows = self.ask(&query).await?;
        Ok(rows.iter().map(|row| row.text("_value").to_owned()).filter(|value| !value.is_empty()).collect())
    }

    pub async fn series(&self, request: &SeriesRequest) -> Result<Groups, StoreError> {
        let mut groups = Groups::new(request);
        if !self.has_numbers(request).await? {
            return Ok(groups);
        }
        // Fields of one name may be integers here and floats there.
        let selected = format!("{} |> toFloat()", self.select(request));
        let every = format!("{}us", request.step_micros);
        let query = if request.aggregate == Aggregate::Rate {
            growth(&selected, &every)
        } else {
            fold(&selected, &every, request)
        };
        for row in self.ask(&query).await? {
            let tags = request.group_by.iter().map(|key| row.text(key).to_owned()).collect();
            let Some(at) = moment(row.text("_start")) else { continue };
            if request.aggregate == Aggregate::Rate {
                if let (Some(grown), Some(micros)) = (row.number("growth"), row.number("micros")) {
                    groups.put_growth(tags, at, grown, micros as i64);
                }
            } else if let Some(value) = row.number("_value") {
                groups.put(tags, at, value);
            }
        }
        Ok(groups)
    }

    fn select(&self, request: &SeriesRequest) -> String {
        let (start, stop) = bounds(request.range);
        let mut filter = format!(
            "r[\"_measurement\"] == {} and r[\"_field\"] == {}",
            text(&request.measurement),
            text(&request.field)
        );
        for (key, value) in &request.tags {
            let key = text(key);
            if value.is_empty() {
                filter.push_str(&format!(" and not exists r[{key}]"));
            } else {
                filter.push_str(&format!(" and r[{key}] == {}", text(value)));
            }
        }
        format!("{} |> range(start: {start}, stop: {stop}) |> filter(fn: (r) => {filter})", self.from())
    }

    /// Whether the values of the field are numbers: an aggregate of others would be an error. Where a field has been of
    /// several types, the server shows those of the type that it had first in the range.
    async fn has_numbers(&self, request: &SeriesRequest) -> Result<bool, StoreError> {
        let rows = self.ask(&format!("{} |> group() |> first()", self.select(request))).await?;
        Ok(rows.first().is_some_and(is_number))
    }
}

fn is_number(row: &Row) -> bool {
    matches!(row.kind("_value"), "double" | "long" | "unsignedLong")
}

const SCHEMA: &str = "import \"influxdata/influxdb/schema\"\n";

fn fold(selected: &str, every: &str, request: &SeriesRequest) -> String {
    let function = match request.aggregate {
        Aggregate::Mean => "mean()",
        Aggregate::Sum => "sum()",
        Aggregate::Min => "min()",
        Aggregate::Max => "max()",
        Aggregate::Count => "count()",
        Aggregate::Last | Aggregate::Rate => "sort(columns: [\"_time\", \"_value\"]) |> last()",
    };
    let by: Vec<String> = request.group_by.iter().map(|key| text(key)).collect();
    let by = by.join(", ");
    format!("{selected} |> group(columns: [{by}]) |> window(every: {every}) |> {function}")
}

/// The growth of each series by step, and the time it took; a counter that fell began anew at 0.
fn growth(selected: &str, every: &str) -> String {
    format!(
        "{selected} |> difference(nonNegative: true, initialZero: true, keepFirst: true) |> elapsed(unit: 1us) \
         |> window(every: {every}) |> reduce(identity: {{growth: 0.0, micros: 0}}, fn: (r, accumulator) => \
         ({{growth: accumulator.growth + r._value, micros: accumulator.micros + r.elapsed}}))"
    )
}

/// A text in quotes.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Otherwise what follows would be taken as an expression.
            '$' if chars.peek() == Some(&'{') => out.push_str("\\$"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn bounds(range: TimeRange) -> (String, String) {
    let (since, until) = nanoseconds(range);
    (format!("time(v: {since})"), format!("time(v: {until})"))
}

/// A time as Flux shows it: RFC 3339 in UTC, with up to nine decimals.
fn moment(text: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<i64>().ok());
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let rest = text.get(19..)?.strip_suffix('Z')?;
    let decimals = rest.strip_prefix('.').unwrap_or(rest);
    let micros: i64 = format!("{decimals:0<6}").get(..6)?.parse().ok()?;
    let of_day = seconds * 1_000_000 + micros;
    Some(Timestamp::from_civil(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?, of_day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(text("a\"b\\c\n${x}$"), r#""a\"b\\c\n\${x}$""#);
    }

    #[test]
    fn reads_times_of_any_precision() {
        let at = |text| moment(text).map(|at| at.to_string());
        assert_eq!(at("2026-11-21T10:41:52Z").as_deref(), Some("2026-11-21T10:41:52Z"));
        assert_eq!(at("2026-11-21T10:41:52.5Z").as_deref(), Some("2026-11-21T10:41:52.500Z"));
        assert_eq!(at("1969-12-31T23:59:59.123456789Z").as_deref(), Some("1969-12-31T23:59:59.123456Z"));
        assert_eq!(at("2026-11-21"), None);
    }
}
