//! `/api/v1/metrics/…`: what is measured, and how it went.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use base::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use store::TimeRange;
use store::metrics::{Aggregate, METRIC_SERIES_MAX, MetricsStore, STEPS_MAX, SeriesRequest, TAG_VALUES_MAX};

use crate::app::App;
use crate::params::{Holds, Param, Params, UNTIL};
use crate::problem::{self, Problem};

pub(crate) const TAGS_PARAMS: &[Param] = &[
    Param::new("measurement", Holds::Text, "Of which measurement.").required(),
    Param::new("tag", Holds::Text, "Of which tag.").required(),
    Param::new("limit", Holds::Number, "At most so many, 1000 unless told."),
];

pub(crate) const SERIES_PARAMS: &[Param] = &[
    Param::new("measurement", Holds::Text, "Of which measurement.").required(),
    Param::new("field", Holds::Text, "Of which field.").required(),
    Param::new(
        "aggregate",
        Holds::Text,
        "How the values of a step become one: mean (unless told), sum, min, max, count, last, rate.",
    ),
    Param::new("by", Holds::List, "One series for each combination of these tags' values; without it, all together."),
    Param::new(
        "tag.*",
        Holds::Text,
        "Only points with this value of the tag named behind the dot; an empty one stands for points without it.",
    ),
    Param::new("since", Holds::Time, "First moment; a duration counts back from now. Without it, an hour ago."),
    UNTIL,
    Param::new("step", Holds::Duration, "Length of a step (10s, 5m); without it, chosen to give about 240 steps."),
    Param::new("limit", Holds::Number, "At most so many series, 100 unless told."),
];

const AGGREGATES: [(&str, Aggregate); 7] = [
    ("mean", Aggregate::Mean),
    ("sum", Aggregate::Sum),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("count", Aggregate::Count),
    ("last", Aggregate::Last),
    ("rate", Aggregate::Rate),
];

/// Lengths of steps to choose from, in seconds.
const STEPS: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400];
/// So many steps are aimed for.
const STEPS_WANTED: i64 = 240;
const MICROS: i64 = 1_000_000;

/// What is measured.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Measurements")]
pub(crate) struct MeasurementsAnswer {
    /// By name.
    measurements: Vec<Measurement>,
}

/// A measurement.
#[derive(Serialize, JsonSchema)]
struct Measurement {
    name: String,
    /// The keys of its tags.
    tags: Vec<String>,
    /// The keys of its fields that are numbers.
    fields: Vec<String>,
}

/// The values of a tag.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TagValues")]
pub(crate) struct TagsAnswer {
    /// Ascending.
    values: Vec<String>,
}

/// Series of a field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MetricSeries")]
pub(crate) struct SeriesAnswer {
    /// Start of the range.
    since: String,
    /// Behind its end.
    until: String,
    /// Length of a step.
    step_seconds: f64,
    /// By the values of their tags.
    series: Vec<Series>,
    /// Whether all series are there.
    complete: bool,
}

/// One series.
#[derive(Serialize, JsonSchema)]
struct Series {
    /// The values of the tags asked for in `by`.
    tags: BTreeMap<String, String>,
    /// For each step that has a value: when it begins, in seconds since 1970, and the value.
    points: Vec<(f64, f64)>,
}

fn points(app: &App) -> Result<&Arc<dyn MetricsStore>, Problem> {
    let elsewhere = "metrics are not kept here; ask the server that has [metrics], or the engine that it names";
    app.parts.points.as_ref().ok_or_else(|| Problem::new(&problem::UNSUPPORTED, elsewhere))
}

pub(crate) async fn measurements(State(app): State<Arc<App>>) -> Result<Json<MeasurementsAnswer>, Problem> {
    let found = points(&app)?.measurements().await?;
    let measurements =
        found.into_iter().map(|info| Measurement { name: info.name, tags: info.tags, fields: info.fields });
    Ok(Json(MeasurementsAnswer { measurements: measurements.collect() }))
}

pub(crate) async fn tags(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<TagsAnswer>, Problem> {
    let limit = params.number("limit", 1000, 1, TAG_VALUES_MAX)?;
    let (measurement, tag) = (params.text("measurement").unwrap_or_default(), params.text("tag").unwrap_or_default());
    Ok(Json(TagsAnswer { values: points(&app)?.tag_values(measurement, tag, limit).await? }))
}

pub(crate) async fn series(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<SeriesAnswer>, Problem> {
    let request = request(&params, app.parts.clock.now())?;
    let found = points(&app)?.series(&request).await?;
    let seconds = |at: Timestamp| at.as_micros() as f64 / MICROS as f64;
    let series = found.series.into_iter().map(|series| Series {
        tags: series.tags.into_iter().collect(),
        points: series.points.into_iter().map(|(at, value)| (seconds(at), value)).collect(),
    });
    Ok(Json(SeriesAnswer {
        since: request.range.since.to_string(),
        until: request.range.until.to_string(),
        step_seconds: request.step_micros as f64 / MICROS as f64,
        series: series.collect(),
        complete: found.complete,
    }))
}

fn request(params: &Params, now: Timestamp) -> Result<SeriesRequest, Problem> {
    let range = TimeRange {
        since: params.time("since", now)?.unwrap_or_else(|| now.minus(Duration::from_secs(3600))),
        until: params.time("until", now)?.unwrap_or(now),
    };
    if range.since >= range.until {
        let detail = format!("since ({}) must be before until ({})", range.since, range.until);
        return Err(Problem::parameter("since", detail));
    }
    let length = range.until.as_micros().saturating_sub(range.since.as_micros());
    let step_micros = match params.duration("step")? {
        None => fitting(length),
        Some(step) => i64::try_from(step.as_micros()).unwrap_or(i64::MAX),
    };
    if step_micros <= 0 || length / step_micros > STEPS_MAX {
        return Err(Problem::parameter(
            "step",
            format!("step: it must be longer; a range has at most {STEPS_MAX} of them"),
        ));
    }
    Ok(SeriesRequest {
        measurement: params.text("measurement").unwrap_or_default().to_owned(),
        field: params.text("field").unwrap_or_default().to_owned(),
        aggregate: aggregate(params)?,
        tags: params.family("tag.").map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        group_by: params.list("by"),
        range,
        step_micros,
        limit: params.number("limit", 100, 1, METRIC_SERIES_MAX)?,
    })
}

fn aggregate(params: &Params) -> Result<Aggregate, Problem> {
    let Some(asked) = params.filled("aggregate") else { return Ok(Aggregate::Mean) };
    let found = AGGREGATES.iter().find(|(name, _)| *name == asked).map(|(_, aggregate)| *aggregate);
    found.ok_or_else(|| {
        let names: Vec<_> = AGGREGATES.iter().map(|(name, _)| *name).collect();
        Problem::parameter("aggregate", format!("aggregate={asked}: write one of {}", names.join(", ")))
    })
}

/// The shortest step that gives no more than are wanted; beyond the longest, whole days.
fn fitting(length: i64) -> i64 {
    let least = length / STEPS_WANTED / MICROS;
    let days = least / 86_400 + 1;
    STEPS.iter().copied().find(|step| *step >= least).unwrap_or(days * 86_400) * MICROS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_fit_the_range() {
        let day = 86_400 * MICROS;
        for (length, step) in [(1, 1), (3600 * MICROS, 15), (day, 600), (30 * day, 21_600), (365 * day, 172_800)] {
            assert_eq!(fitting(length), step * MICROS, "{length}");
            assert!(length / fitting(length) <= STEPS_WANTED);
        }
    }
}
