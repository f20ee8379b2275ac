//! One function for each promise.

use base::Timestamp;
use model::{FieldValue, Point};

use super::{EPOCH, ask, point, put, range, request, value};
use crate::metrics::{Aggregate, MeasurementInfo, MetricsStore, SeriesRequest};
use crate::{StoreError, TimeRange};

/// Written again, a point is the same point; with another value, the later one counts.
pub async fn points_are_idempotent(store: &dyn MetricsStore) {
    let points = [value("m", &[("host", "a")], 1.0, 1), value("m", &[("host", "a")], 2.0, 2)];
    put(store, &points).await;
    put(store, &points).await;
    put(store, &[value("m", &[("host", "a")], 5.0, 2), value("m", &[("host", "b")], 10.0, 2)]).await;
    let sum = SeriesRequest { aggregate: Aggregate::Sum, group_by: vec!["host".to_owned()], ..request("m") };
    assert_eq!(
        ask(store, &sum).await,
        [(vec!["a".to_owned()], vec![(0, 6.0)]), (vec!["b".to_owned()], vec![(0, 10.0)])]
    );
    let count = SeriesRequest { aggregate: Aggregate::Count, ..sum };
    assert_eq!(
        ask(store, &count).await,
        [(vec!["a".to_owned()], vec![(0, 2.0)]), (vec!["b".to_owned()], vec![(0, 1.0)])]
    );
}

/// Fields written at different times of the same point are together; each field counts only where it is.
pub async fn fields_of_one_point_are_merged(store: &dyn MetricsStore) {
    let one = |key, number| point("m", &[("t", "x")], &[(key, FieldValue::Float(number))], 0);
    put(store, &[one("a", 1.0)]).await;
    put(store, &[one("b", 2.0)]).await;
    put(store, &[point("m", &[("t", "x")], &[("a", FieldValue::Float(3.0))], 5)]).await;
    for (field, expected) in [("a", 4.0), ("b", 2.0)] {
        let sum = SeriesRequest { aggregate: Aggregate::Sum, field: field.to_owned(), ..request("m") };
        assert_eq!(ask(store, &sum).await, [(vec![], vec![(0, expected)])], "{field}");
    }
}

/// Each aggregate, over several series and steps, some of them empty.
pub async fn every_aggregate_agrees(store: &dyn MetricsStore) {
    let a = [(0, 2.0), (3, 4.0), (9, 9.0), (10, 1.0), (47, -3.5)];
    let b = [(1, 8.0), (9, 7.0), (40, 2.5)];
    let of = |host: &'static str| move |&(at, number): &(i64, f64)| value("m", &[("host", host)], number, at);
    let points: Vec<Point> = a.iter().map(of("a")).chain(b.iter().map(of("b"))).collect();
    put(store, &points).await;
    let table = [
        (Aggregate::Mean, [6.0, 1.0, -0.5]),
        (Aggregate::Sum, [30.0, 1.0, -1.0]),
        (Aggregate::Min, [2.0, 1.0, -3.5]),
        (Aggregate::Max, [9.0, 1.0, 2.5]),
        (Aggregate::Count, [5.0, 1.0, 2.0]),
        (Aggregate::Last, [9.0, 1.0, -3.5]),
    ];
    for (aggregate, values) in table {
        let expected: Vec<_> = [0, 10, 40].into_iter().zip(values).collect();
        let request = SeriesRequest { aggregate, ..request("m") };
        assert_eq!(ask(store, &request).await, [(vec![], expected)], "{aggregate:?}");
    }
}

/// A counter's growth per second; of several counters added up; a fall is a new beginning at 0.
pub async fn rates_survive_resets(store: &dyn MetricsStore) {
    let counter = |host: &'static str| {
        move |&(at, number): &(i64, i64)| point("m", &[("host", host)], &[("value", FieldValue::Integer(number))], at)
    };
    let a = [(0, 100), (5, 110), (10, 120), (15, 150), (20, 160)];
    let b = [(0, 1000), (4, 1004), (8, 12), (12, 16)];
    let points: Vec<Point> = a.iter().map(counter("a")).chain(b.iter().map(counter("b"))).collect();
    put(store, &points).await;
    let all = SeriesRequest { aggregate: Aggregate::Rate, ..request("m") };
    assert_eq!(ask(store, &all).await, [(vec![], vec![(0, 4.0), (10, 5.0), (20, 2.0)])]);
    let each = SeriesRequest { group_by: vec!["host".to_owned()], ..all.clone() };
    let expected_a = (vec!["a".to_owned()], vec![(0, 2.0), (10, 4.0), (20, 2.0)]);
    assert_eq!(ask(store, &each).await, [expected_a, (vec!["b".to_owned()], vec![(0, 2.0), (10, 1.0)])]);
    let only_a = SeriesRequest { tags: vec![("host".to_owned(), "a".to_owned())], range: range(5, 20), ..all };
    assert_eq!(ask(store, &only_a).await, [(vec![], vec![(10, 4.0)])], "growth is between points of the range");
}

/// One series for each combination of the values of the tags asked for, in their order; empty where there is none.
pub async fn groups_are_by_tags(store: &dyn MetricsStore) {
    put(
        store,
        &[
            value("m", &[("host", "b"), ("dc", "x"), ("rack", "1")], 1.0, 0),
            value("m", &[("host", "a"), ("dc", "x"), ("rack", "2")], 2.0, 0),
            value("m", &[("host", "a"), ("dc", "y"), ("rack", "3")], 4.0, 0),
            value("m", &[("host", "a"), ("dc", "y"), ("rack", "4")], 8.0, 0),
            value("m", &[("dc", "x")], 16.0, 0),
            value("m", &[], 32.0, 0),
        ],
    )
    .await;
    let grouped = |by: &[&str]| SeriesRequest {
        aggregate: Aggregate::Sum,
        group_by: by.iter().map(|key| (*key).to_owned()).collect(),
        ..request("m")
    };
    let expected = |rows: &[(&[&str], f64)]| -> Vec<super::Plain> {
        let row = |(tags, sum): &(&[&str], f64)| (tags.iter().map(|tag| (*tag).to_owned()).collect(), vec![(0, *sum)]);
        rows.iter().map(row).collect()
    };
    assert_eq!(ask(store, &grouped(&[])).await, expected(&[(&[], 63.0)]));
    assert_eq!(ask(store, &grouped(&["host"])).await, expected(&[(&[""], 48.0), (&["a"], 14.0), (&["b"], 1.0)]));
    assert_eq!(
        ask(store, &grouped(&["host", "dc"])).await,
        expected(&[(&["", ""], 32.0), (&["", "x"], 16.0), (&["a", "x"], 2.0), (&["a", "y"], 12.0), (&["b", "x"], 1.0)])
    );
    assert_eq!(
        ask(store, &grouped(&["dc", "host"])).await,
        expected(&[(&["", ""], 32.0), (&["x", ""], 16.0), (&["x", "a"], 2.0), (&["x", "b"], 1.0), (&["y", "a"], 12.0)])
    );
    assert_eq!(ask(store, &grouped(&["nothing"])).await, expected(&[(&[""], 63.0)]));
}

/// Only points with the values asked for; an empty value stands for points without the tag.
pub async fn tags_select(store: &dyn MetricsStore) {
    put(
        store,
        &[
            value("m", &[("host", "a"), ("dc", "x")], 1.0, 0),
            value("m", &[("host", "b"), ("dc", "x")], 2.0, 0),
            value("m", &[("host", "b")], 4.0, 0),
            value("other", &[("host", "b")], 8.0, 0),
        ],
    )
    .await;
    type Case = (&'static [(&'static str, &'static str)], Option<f64>);
    let table: [Case; 6] = [
        (&[("host", "b")], Some(6.0)),
        (&[("host", "b"), ("dc", "x")], Some(2.0)),
        (&[("dc", "")], Some(4.0)),
        (&[("host", "a"), ("dc", "")], None),
        (&[("host", "B")], None),
        (&[("nothing", "")], Some(7.0)),
    ];
    for (tags, expected) in table {
        let owned = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let request = SeriesRequest { aggregate: Aggregate::Sum, tags: owned, ..request("m") };
        let expected: Vec<_> = expected.map(|sum| (vec![], vec![(0, sum)])).into_iter().collect();
        assert_eq!(ask(store, &request).await, expected, "{tags:?}");
    }
}

/// The first moment of a range is in it, the last is not.
pub async fn ranges_are_half_open(store: &dyn MetricsStore) {
    let points: Vec<Point> = (0..40).map(|second| value("m", &[], 1.0, second)).collect();
    put(store, &points).await;
    let counted =
        |since, until| SeriesRequest { aggregate: Aggregate::Count, range: range(since, until), ..request("m") };
    assert_eq!(ask(store, &counted(0, 40)).await[0].1, [(0, 10.0), (10, 10.0), (20, 10.0), (30, 10.0)]);
    assert_eq!(ask(store, &counted(5, 25)).await[0].1, [(0, 5.0), (10, 10.0), (20, 5.0)]);
    assert_eq!(ask(store, &counted(7, 8)).await[0].1, [(0, 1.0)]);
    assert_eq!(ask(store, &counted(7, 7)).await, []);
    let micro = TimeRange { since: EPOCH.plus_micros(1), until: EPOCH.plus_micros(1_000_001) };
    assert_eq!(ask(store, &SeriesRequest { range: micro, ..counted(0, 1) }).await[0].1, [(0, 1.0)]);
}

/// Steps begin at multiples of their length since 1970, whatever the range.
pub async fn steps_begin_at_multiples(store: &dyn MetricsStore) {
    put(store, &[value("m", &[], 1.0, 0), value("m", &[], 2.0, 100)]).await;
    for step in [7_000_000, 60_000_000, 3_600_000_000, 86_400_000_000] {
        let asked =
            SeriesRequest { step_micros: step, aggregate: Aggregate::Last, range: range(-3, 2000), ..request("m") };
        let answer = store.series(&asked).await.unwrap_or_else(|error| panic!("{step}: {error}"));
        let begins = |seconds: i64| {
            let at = EPOCH.as_micros() + seconds * 1_000_000;
            Timestamp::from_micros(at - at.rem_euclid(step))
        };
        let expected =
            if begins(0) == begins(100) { vec![(begins(0), 2.0)] } else { vec![(begins(0), 1.0), (begins(100), 2.0)] };
        assert_eq!(answer.series[0].points, expected, "{step}");
    }
}

/// No more series than asked for: the first by their tags, and the answer says that there are more.
pub async fn answers_are_bounded(store: &dyn MetricsStore) {
    let points: Vec<Point> =
        (0..30).map(|host| value("m", &[("host", &format!("h{host:02}"))], f64::from(host), 0)).collect();
    put(store, &points).await;
    let asked = |limit| SeriesRequest { limit, group_by: vec!["host".to_owned()], ..request("m") };
    let some = store.series(&asked(4)).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(!some.complete, "there are more than 4");
    let hosts: Vec<_> = super::plain(&some).into_iter().map(|(tags, _)| tags[0].clone()).collect();
    assert_eq!(hosts, ["h00", "h01", "h02", "h03"]);
    assert_eq!(ask(store, &asked(30)).await.len(), 30);
}

/// Numbers of every kind count; truth and text are kept, but are no numbers.
pub async fn kinds_of_values(store: &dyn MetricsStore) {
    let fields = [
        ("float", FieldValue::Float(-1.25e-3)),
        ("integer", FieldValue::Integer(-42)),
        ("unsigned", FieldValue::Unsigned(42)),
        ("truth", FieldValue::Boolean(true)),
        ("text", FieldValue::Text("a \"b\" \\ c,d=e f".to_owned())),
    ];
    put(store, &[point("m", &[], &fields, 0)]).await;
    let asked = |field: &str| SeriesRequest { field: field.to_owned(), aggregate: Aggregate::Sum, ..request("m") };
    for (field, expected) in [("float", -1.25e-3), ("integer", -42.0), ("unsigned", 42.0)] {
        assert_eq!(ask(store, &asked(field)).await, [(vec![], vec![(0, expected)])], "{field}");
    }
    for field in ["truth", "text"] {
        for aggregate in [Aggregate::Sum, Aggregate::Mean, Aggregate::Count, Aggregate::Last, Aggregate::Rate] {
            let request = SeriesRequest { aggregate, ..asked(field) };
            assert_eq!(ask(store, &request).await, [], "{field} {aggregate:?}");
        }
    }
    let infos = store.measurements().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(infos[0].fields, ["float", "integer", "unsigned"]);
}

/// Measurements by name, each with its tags and the fields that are numbers.
pub async fn measurements_tell_tags_and_fields(store: &dyn MetricsStore) {
    assert_eq!(store.measurements().await.unwrap_or_else(|error| panic!("{error}")), []);
    let number = FieldValue::Float(1.0);
    put(
        store,
        &[
            point("net", &[("host", "a"), ("interface", "eth0")], &[("rx", number.clone())], 0),
            point("net", &[("host", "b")], &[("tx", number.clone()), ("up", FieldValue::Boolean(true))], 1),
            point("cpu", &[], &[("usage", number)], 0),
        ],
    )
    .await;
    let info = |name: &str, tags: &[&str], fields: &[&str]| MeasurementInfo {
        name: name.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    let expected = [info("cpu", &[], &["usage"]), info("net", &["host", "interface"], &["rx", "tx"])];
    assert_eq!(store.measurements().await.unwrap_or_else(|error| panic!("{error}")), expected);
}

/// The values of one tag of one measurement, ascending, no more than asked for.
pub async fn tag_values_are_sorted_and_bounded(store: &dyn MetricsStore) {
    let hosts = ["c", "a", "B", "a", "ä", "b c"];
    let mut points: Vec<Point> =
        hosts.iter().zip(0..).map(|(host, at)| value("m", &[("host", host), ("x", "1")], 1.0, at)).collect();
    points.push(value("other", &[("host", "z")], 1.0, 0));
    put(store, &points).await;
    let values = async |measurement, tag, limit| {
        store.tag_values(measurement, tag, limit).await.unwrap_or_else(|error| panic!("{error}"))
    };
    assert_eq!(values("m", "host", 100).await, ["B", "a", "b c", "c", "ä"]);
    assert_eq!(values("m", "host", 2).await, ["B", "a"]);
    assert_eq!(values("m", "nothing", 10).await, [""; 0]);
    assert_eq!(values("nothing", "host", 10).await, [""; 0]);
}

/// Spaces, commas, quotes, backslashes, the words of query languages and other alphabets are names as any other.
pub async fn odd_names_come_back(store: &dyn MetricsStore) {
    let odd = [
        "a b",
        "a,b",
        "a=b",
        "a\"b",
        "a'b",
        r"a\b",
        "naïve 測定",
        "select",
        "a.b-c/d:e",
        "${x}",
        "r.a",
        "a;b",
        "-- a",
        "/a/",
    ];
    let points: Vec<Point> =
        odd.iter().map(|name| point(name, &[(name, name)], &[(name, FieldValue::Float(1.5))], 0)).collect();
    put(store, &points).await;
    let mut names: Vec<_> = odd.iter().map(|name| (*name).to_owned()).collect();
    names.sort_unstable();
    let infos = store.measurements().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(infos.iter().map(|info| info.name.clone()).collect::<Vec<_>>(), names);
    for info in infos {
        let name = info.name.clone();
        assert_eq!((&info.tags, &info.fields), (&vec![name.clone()], &vec![name.clone()]));
        let values = store.tag_values(&name, &name, 10).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(values, std::slice::from_ref(&name), "{name}");
        let asked = SeriesRequest {
            field: name.clone(),
            tags: vec![(name.clone(), name.clone())],
            group_by: vec![name.clone()],
            ..request(&name)
        };
        assert_eq!(ask(store, &asked).await, [(vec![name.clone()], vec![(0, 1.5)])], "{name}");
        let rate = SeriesRequest { aggregate: Aggregate::Rate, ..asked };
        assert_eq!(ask(store, &rate).await, [], "{name}");
    }
}

/// What can be no point is refused by its number, and so is what contradicts the type of a field, in stores that have
/// types; the others are taken.
pub async fn refusals_take_no_others_with_them(store: &dyn MetricsStore) {
    put(store, &[point("typed", &[], &[("value", FieldValue::Integer(1))], 0)]).await;
    let contradicts = |at| point("typed", &[], &[("value", FieldValue::Text("x".to_owned()))], at);
    let points = [
        value("m", &[], 1.0, 0),
        value("m", &[], f64::NAN, 1),
        contradicts(1),
        point("m", &[], &[], 2),
        value("m", &[("host", "a")], 2.0, 3),
        contradicts(2),
        value("", &[], 1.0, 4),
        point("typed", &[], &[("value", FieldValue::Integer(5))], 5),
        value("m", &[("host", "b")], 4.0, 5),
    ];
    let refusals = store.write(&points).await.unwrap_or_else(|error| panic!("{error}"));
    let refused: Vec<_> = refusals.iter().map(|refusal| refusal.point).collect();
    assert!([1, 3, 6].iter().all(|at| refused.contains(at)), "{refusals:?}");
    assert!(refused.iter().all(|at| [1, 2, 3, 5, 6].contains(at)), "{refusals:?}");
    assert!(refused.is_sorted_by(|a, b| a < b), "{refusals:?}");
    assert!(refusals.iter().all(|refusal| !refusal.reason.is_empty()), "{refusals:?}");
    let sum = |measurement| SeriesRequest { aggregate: Aggregate::Sum, ..request(measurement) };
    assert_eq!(ask(store, &sum("m")).await, [(vec![], vec![(0, 7.0)])]);
    assert_eq!(ask(store, &sum("typed")).await, [(vec![], vec![(0, 6.0)])]);
}

/// Thousands in one write.
pub async fn many_points_at_once(store: &dyn MetricsStore) {
    let count = 20_000;
    let tag = |number: i64| format!("h{}", number % 7);
    let points: Vec<Point> = (0..count).map(|at| value("m", &[("host", &tag(at))], at as f64, at)).collect();
    put(store, &points).await;
    let asked = SeriesRequest {
        aggregate: Aggregate::Sum,
        range: range(0, count),
        step_micros: 1_000_000_000_000,
        ..request("m")
    };
    let total: f64 = ask(store, &asked).await.iter().flat_map(|(_, points)| points).map(|(_, sum)| sum).sum();
    assert!((total - (count * (count - 1) / 2) as f64).abs() < 1e-6, "{total}");
    put(store, &[]).await;
}

/// What nobody wrote has no series, and is no error.
pub async fn what_is_not_there_is_empty(store: &dyn MetricsStore) {
    assert_eq!(ask(store, &request("m")).await, []);
    put(store, &[value("m", &[], 1.0, 0)]).await;
    assert_eq!(ask(store, &SeriesRequest { field: "other".to_owned(), ..request("m") }).await, []);
    assert_eq!(ask(store, &request("other")).await, []);
    assert_eq!(ask(store, &SeriesRequest { range: range(100, 200), ..request("m") }).await, []);
}

/// A request that cannot be right is told so.
pub async fn impossible_requests_are_refused(store: &dyn MetricsStore) {
    let good = request("m");
    let bad = [
        SeriesRequest { step_micros: 0, ..good.clone() },
        SeriesRequest { step_micros: -5, ..good.clone() },
        SeriesRequest { range: range(5, 4), ..good.clone() },
        SeriesRequest { range: TimeRange::ALL, ..good.clone() },
        SeriesRequest { limit: 0, ..good.clone() },
        SeriesRequest { limit: usize::MAX, ..good.clone() },
        SeriesRequest { measurement: String::new(), ..good.clone() },
        SeriesRequest { field: String::new(), ..good.clone() },
        SeriesRequest { group_by: vec!["a".to_owned(), "a".to_owned()], ..good },
    ];
    for request in bad {
        let answer = store.series(&request).await;
        assert!(matches!(answer, Err(StoreError::Invalid { .. })), "{request:?} gives {answer:?}");
    }
}
