//! What queries become.

use serde_json::json;
use store::query::compile;
use store::{Query, Scope, TimeRange};

use super::*;

fn of(text: &str) -> Bounds {
    node(compile(&Query::parse(text).unwrap()).unwrap().root())
}

fn is(value: Value) -> Clause {
    Clause::Is(value)
}

#[test]
fn what_the_server_can_say_is_said_exactly() {
    for text in [
        "",
        "timeout",
        "timeout connection",
        "timeout OR -reset",
        "time*",
        "*out",
        "*meo*",
        "status:*",
        "status:>=404",
        "level:>=warn",
        "-level:*",
        "stream:=web",
        "generation:1",
        "mark:unparsed",
        "format:json",
        "host:h2",
        "time:2024-05-01",
    ] {
        let bounds = of(text);
        let raw = bounds.upper.to_json().to_string().contains(RAW_NAMES);
        assert!(bounds.doubtful() == Clause::Nothing || raw, "{text}: {bounds:?}");
    }
}

#[test]
fn what_it_cannot_is_looked_at() {
    for text in ["\"connection reset\"", "10.0.0.1", "[ERROR]", "größe", "/time(out)?/", "t?meout", "a*b", "user:/x/"]
    {
        assert_eq!(of(text).lower, Clause::Nothing, "{text}");
        let not = of(&format!("NOT {text}"));
        assert_eq!(not.upper, Clause::All, "{text}");
        assert_ne!(not.lower, Clause::All, "{text}");
    }
    assert_eq!(of("/x/").upper, Clause::All);
    assert_eq!(of("\"a b\"").upper, is(json!({"match_phrase": {"message": {"query": "a b"}}})));
    assert_eq!(of("[ERROR]").upper, is(json!({"term": {"message": {"value": "error"}}})));
}

#[test]
fn names_with_dots_are_one_level_deep() {
    let text = of("http.status:>=500").upper.to_json().to_string();
    assert!(text.contains("numbers.http/status"), "{text}");
}

#[test]
fn a_range_of_time_lets_indices_be_left_out() {
    let (since, until) = (Timestamp::from_micros(1_000_000), Timestamp::from_micros(2_000_000));
    let text = range(TimeRange { since, until }).to_json().to_string();
    assert!(text.contains(r#""logdrive.time":{"gte":1000000,"lt":2000000}"#), "{text}");
    assert!(text.contains(r#""@timestamp":{"gte":"1970-01-01T00:00:01Z","lte":"1970-01-01T00:00:02Z"}"#), "{text}");
    assert_eq!(range(TimeRange::ALL), Clause::All);
    let matcher = compile(&Query::all()).unwrap();
    assert_eq!(bounds(&Scope::everything(), &matcher), Bounds::exact(ours()));
}
