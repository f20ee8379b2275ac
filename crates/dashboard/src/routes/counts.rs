//! `/api/v1/histogram`, `/facets` and `/fields`: what there is, in numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;
use store::{ABSENT, FacetOrder, FacetsRequest, HistogramRequest, OTHER};

use crate::app::App;
use crate::params::{DEADLINE, Holds, Param, Params, Q, SINCE, STORE, UNTIL};
use crate::problem::Problem;

pub(crate) const HISTOGRAM_PARAMS: &[Param] = &[
    STORE,
    Q,
    SINCE,
    UNTIL,
    DEADLINE,
    Param::new("interval", Holds::Duration, "Width of a bucket (10s, 1m); without it, chosen to give about `buckets`."),
    Param::new("buckets", Holds::Number, "How many buckets to aim for, 60 unless told."),
    Param::new("by", Holds::Text, "Split by this field: level, stream, host, path or any parsed one."),
    Param::new("series", Holds::Number, "At most so many values of it, 10 unless told; the rest is one more series."),
];

pub(crate) const FACETS_PARAMS: &[Param] = &[
    STORE,
    Q,
    SINCE,
    UNTIL,
    DEADLINE,
    Param::new("fields", Holds::List, "Which fields, with commas between.").required(),
    Param::new("limit", Holds::Number, "At most so many values a field, 10 unless told."),
    Param::new("match", Holds::Text, "Only values that contain this, case ignored."),
    Param::new("order", Holds::Text, "count (commonest first, unless told), rare (rarest first) or name."),
];

pub(crate) const FIELDS_PARAMS: &[Param] =
    &[STORE, Q, SINCE, UNTIL, DEADLINE, Param::new("limit", Holds::Number, "At most so many, 1000 unless told.")];

/// Counts over time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Histogram")]
pub(crate) struct HistogramAnswer {
    /// Start of the first bucket.
    start: String,
    /// Width of a bucket in seconds.
    interval_seconds: f64,
    /// Buckets in each series.
    buckets: usize,
    /// By which field the buckets are split.
    by: Option<String>,
    /// By total, descending. Without `by` there is one, whose value is empty.
    series: Vec<Series>,
    /// All records counted.
    total: u64,
    /// Whether everything in the scope was counted: false after a deadline.
    complete: bool,
}

/// Counts of the records with one value.
#[derive(Serialize, JsonSchema)]
struct Series {
    /// The value; empty where `absent`, and `(other)` where `other`.
    value: String,
    /// These are the records without the field.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    absent: bool,
    /// These are all values beyond the `series` largest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other: bool,
    /// All of them.
    total: u64,
    /// By bucket.
    counts: Vec<u64>,
}

impl From<(String, Vec<u64>)> for Series {
    fn from((name, counts): (String, Vec<u64>)) -> Self {
        let (absent, other) = (name == ABSENT, name == OTHER);
        let value = match (absent, other) {
            (true, _) => String::new(),
            (_, true) => "(other)".to_owned(),
            _ => name,
        };
        Self { value, absent, other, total: counts.iter().sum(), counts }
    }
}

pub(crate) async fn histogram(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<HistogramAnswer>, Problem> {
    let interval = params.duration("interval")?;
    if interval.is_some_and(|width| width.is_zero()) {
        return Err(Problem::parameter("interval", "interval: it must be longer than nothing"));
    }
    let request = HistogramRequest {
        scope: params.scope(&app.parts.limits, &*app.parts.clock)?,
        bucket_micros: interval.map(|width| i64::try_from(width.as_micros()).unwrap_or(i64::MAX)),
        buckets: params.number("buckets", 60, 1, 10_000)?,
        by: params.filled("by").map(str::to_owned),
        series_max: params.number("series", 10, 1, 1000)?,
    };
    let found = app.store(&params)?.histogram(&request).await?;
    let series: Vec<_> = found.series.into_iter().map(Series::from).collect();
    Ok(Json(HistogramAnswer {
        start: found.start.to_string(),
        interval_seconds: found.bucket_micros as f64 / 1e6,
        buckets: series.iter().map(|s| s.counts.len()).max().unwrap_or(0),
        by: request.by,
        series,
        total: found.total,
        complete: found.complete,
    }))
}

/// The values of several fields.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Facets")]
pub(crate) struct FacetsAnswer {
    /// In the order asked.
    facets: Vec<Facet>,
    /// Records in the scope.
    total: u64,
    /// Whether everything in the scope was counted: false after a deadline.
    complete: bool,
}

/// The values of one field.
#[derive(Serialize, JsonSchema)]
struct Facet {
    /// The field.
    field: String,
    /// Records that have it.
    present: u64,
    /// Records that do not.
    absent: u64,
    /// Distinct values seen.
    distinct: u64,
    /// Whether the numbers are exact.
    exact: bool,
    /// In the order asked for.
    values: Vec<Value>,
}

/// One value.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FacetValue")]
struct Value {
    /// The value as text.
    value: String,
    /// Records that have it.
    count: u64,
}

pub(crate) async fn facets(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<FacetsAnswer>, Problem> {
    let fields = params.list("fields");
    if fields.is_empty() || fields.len() > 50 {
        return Err(Problem::parameter("fields", "fields: name 1 to 50 fields, like fields=level,status"));
    }
    let order = match params.filled("order") {
        None | Some("count") => FacetOrder::Count,
        Some("rare") => FacetOrder::Rare,
        Some("name") => FacetOrder::Name,
        Some(other) => {
            return Err(Problem::parameter("order", format!("order={other}: write count, rare or name")));
        }
    };
    let scope = params.scope(&app.parts.limits, &*app.parts.clock)?;
    let matching = params.filled("match").map(str::to_owned);
    let request =
        FacetsRequest { matching, order, ..FacetsRequest::new(scope, fields, params.number("limit", 10, 1, 1000)?) };
    let found = app.store(&params)?.facets(&request).await?;
    let total = found.total;
    let shown = |facet: store::Facet| Facet {
        field: facet.field,
        present: facet.present,
        absent: total.saturating_sub(facet.present),
        distinct: facet.distinct,
        exact: facet.exact,
        values: facet.values.into_iter().map(|(value, count)| Value { value, count }).collect(),
    };
    let facets = found.facets.into_iter().map(shown).collect();
    Ok(Json(FacetsAnswer { facets, total, complete: found.complete }))
}

/// The fields known.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Fields")]
pub(crate) struct FieldsAnswer {
    /// By number of records, descending.
    fields: Vec<Field>,
    /// Whether there are more than these.
    truncated: bool,
}

/// One field.
#[derive(Serialize, JsonSchema)]
struct Field {
    /// Its name.
    name: String,
    /// Records that have it; an estimate where the store keeps no count.
    records: u64,
    /// Whether facets and histograms of it are quick.
    column: bool,
}

pub(crate) async fn fields(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<FieldsAnswer>, Problem> {
    let limit = params.number("limit", 1000, 1, app.parts.limits.list_entries)?;
    let found = app.store(&params)?.fields(&params.scope(&app.parts.limits, &*app.parts.clock)?).await?;
    let truncated = found.len() > limit;
    let shown = |f: store::FieldInfo| Field { name: f.name, records: f.records, column: f.column };
    Ok(Json(FieldsAnswer { fields: found.into_iter().take(limit).map(shown).collect(), truncated }))
}
