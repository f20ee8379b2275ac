//! A field that was of another type in another time: InfluxDB keeps types by shard. (InfluxDB 2.x itself shows only
//! values of the type that the field had first in the range.)

use model::FieldValue;
use store::metrics::testing::{EPOCH, point, put, range, request};
use store::metrics::{Aggregate, PointReader as _, SeriesRequest};
use store_influxdb::InfluxStore;

use crate::common::{address, open, unique, v1};

const DAY: i64 = 86_400;

async fn counts_what_are_numbers(store: &InfluxStore) {
    let at = |day: i64, host, value| point("m", &[("host", host)], &[("value", value)], day * DAY);
    let text = FieldValue::Text("x".to_owned());
    put(store, &[at(-60, "a", text), at(-30, "b", FieldValue::Integer(3)), at(0, "c", FieldValue::Float(1.5))]).await;
    for (aggregate, expected) in [(Aggregate::Sum, vec![3.0, 1.5]), (Aggregate::Last, vec![3.0, 1.5])] {
        let asked = SeriesRequest {
            aggregate,
            range: range(-100 * DAY, 10 * DAY),
            step_micros: DAY * 1_000_000,
            ..request("m")
        };
        let answer = store.series(&asked).await.unwrap_or_else(|error| panic!("{error}"));
        let values: Vec<f64> =
            answer.series.iter().flat_map(|series| &series.points).map(|(_, value)| *value).collect();
        assert_eq!(values, expected, "{aggregate:?} from {EPOCH}");
    }
    let infos = store.measurements().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((infos[0].name.as_str(), infos[0].tags.len()), ("m", 1));
}

#[tokio::test]
async fn fields_of_several_types_count_where_they_are_numbers() {
    if let Some(address) = address("INFLUXDB1") {
        counts_what_are_numbers(&open(&address, v1(&unique("types")))).await;
    }
}
