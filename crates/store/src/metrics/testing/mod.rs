//! What every metrics store must do, as functions over `&dyn MetricsStore`. Each wants an empty store and panics where
//! it finds it wrong. [`metrics_conformance!`](crate::metrics_conformance) makes a test of each.

mod cases;

use base::Timestamp;
use model::{FieldValue, Point};

use super::{Aggregate, MetricsStore, SeriesAnswer, SeriesRequest};
use crate::TimeRange;

pub use cases::*;

/// When the points of the suite begin: a round moment not long ago, as stores may refuse what is very old.
pub const EPOCH: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

/// A point, `seconds` after [`EPOCH`].
pub fn point(measurement: &str, tags: &[(&str, &str)], fields: &[(&str, FieldValue)], seconds: i64) -> Point {
    let mut tags: Vec<_> = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    tags.sort_unstable();
    Point {
        measurement: measurement.to_owned(),
        tags,
        fields: fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        time: EPOCH.plus_micros(seconds * 1_000_000),
    }
}

/// A point with one field, `value`, that is a float.
pub fn value(measurement: &str, tags: &[(&str, &str)], value: f64, seconds: i64) -> Point {
    point(measurement, tags, &[("value", FieldValue::Float(value))], seconds)
}

/// Asks for `value` of a measurement: the mean in steps of 10 s, over 1000 s from [`EPOCH`].
pub fn request(measurement: &str) -> SeriesRequest {
    SeriesRequest {
        measurement: measurement.to_owned(),
        field: "value".to_owned(),
        aggregate: Aggregate::Mean,
        tags: Vec::new(),
        group_by: Vec::new(),
        range: range(0, 1000),
        step_micros: 10_000_000,
        limit: 100,
    }
}

/// From so many seconds after [`EPOCH`] until so many.
pub fn range(since: i64, until: i64) -> TimeRange {
    TimeRange { since: EPOCH.plus_micros(since * 1_000_000), until: EPOCH.plus_micros(until * 1_000_000) }
}

/// A series without its keys: values of its tags, and (seconds after [`EPOCH`], value).
pub type Plain = (Vec<String>, Vec<(i64, f64)>);

/// An answer without its keys.
pub fn plain(answer: &SeriesAnswer) -> Vec<Plain> {
    let seconds = |at: Timestamp| (at.as_micros() - EPOCH.as_micros()) / 1_000_000;
    let series = answer.series.iter().map(|series| {
        let tags = series.tags.iter().map(|(_, value)| value.clone()).collect();
        (tags, series.points.iter().map(|(at, value)| (seconds(*at), *value)).collect())
    });
    series.collect()
}

/// Writes points that must all be taken.
pub async fn put(store: &dyn MetricsStore, points: &[Point]) {
    let refusals = store.write(points).await.unwrap_or_else(|error| panic!("points must be taken: {error}"));
    assert_eq!(refusals, [], "every point must be taken");
}

/// Asks; what comes must be complete.
pub async fn ask(store: &dyn MetricsStore, request: &SeriesRequest) -> Vec<Plain> {
    let answer = store.series(request).await.unwrap_or_else(|error| panic!("{request:?}: {error}"));
    assert!(answer.complete, "{request:?} must be answered in full");
    plain(&answer)
}

/// A test for each thing that a metrics store must do. `$open` is an expression of a future that makes an empty store: a
/// pair of something that derefs to a `MetricsStore` and of what must live as long. It may give `None` where there is no
/// server to test with; the tests then end.
#[macro_export]
macro_rules! metrics_conformance {
    ($open:expr) => {
        $crate::metrics_conformance!(@each $open,
            points_are_idempotent,
            fields_of_one_point_are_merged,
            every_aggregate_agrees,
            rates_survive_resets,
            groups_are_by_tags,
            tags_select,
            ranges_are_half_open,
            steps_begin_at_multiples,
            answers_are_bounded,
            kinds_of_values,
            measurements_tell_tags_and_fields,
            tag_values_are_sorted_and_bounded,
            odd_names_come_back,
            refusals_take_no_others_with_them,
            many_points_at_once,
            what_is_not_there_is_empty,
            impossible_requests_are_refused,
        );
    };
    (@each $open:expr, $($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some((store, _guard)) = $open.await {
                $crate::metrics::testing::$case(&*store).await;
            }
        }
    )*};
}
