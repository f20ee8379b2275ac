//! Tables: what is asked, in Elasticsearch's words and in ours.

use base::Timestamp;
use serde_json::json;

use super::*;

const NOW: i64 = 1_769_853_600_000_000; // 2026-01-31T10:00:00Z

fn read(value: Value) -> Result<Clause, EsError> {
    Reader::new(Timestamp::from_micros(NOW)).read(&value)
}

fn shown(value: Value) -> String {
    match read(value.clone()) {
        Ok(clause) => clause.into_query().to_string(),
        Err(error) => panic!("{value}: {error}"),
    }
}

fn lucene(text: &str) -> String {
    match lucene::parse(text, &lucene::Options::new(Timestamp::from_micros(NOW))) {
        Ok(query) => query.to_string(),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn lucene_in_our_words() {
    for (asked, is) in [
        ("", "NOT *"),
        ("*", "*"),
        ("*:*", "*"),
        ("a b", "a OR b"),
        ("a AND b", "a b"),
        ("a OR b AND c", "b c"),
        ("a AND b OR c", "a b"),
        ("+a b", "a"),
        ("a -b", "a NOT b"),
        ("NOT a", "NOT a"),
        ("a && !b", "a NOT b"),
        ("(a OR b) AND c", "(a OR b) c"),
        ("\"a b\"", "\"a b\""),
        ("status:500", "status:500"),
        ("status:(500 OR 502)", "status:500 OR status:502"),
        ("status:[500 TO 599]", "status:[500 TO 599]"),
        ("status:{500 TO *}", "status:{500 TO *]"),
        ("status:>=500", "status:[500 TO *]"),
        ("status:>500 AND status:<600", "status:{500 TO *] status:[* TO 600}"),
        ("_exists_:trace_id", "trace_id:*"),
        ("trace_id:*", "trace_id:*"),
        ("name:web*", "name:web*"),
        ("path:\\/api\\/v1", "path:\"/api/v1\""),
        ("user.keyword:\"ann\"", "user:ann"),
        ("level:error", "level:error"),
        ("level:purple", "NOT *"),
        ("name:/we.+/", "name:/^(?s:we.+)$/"),
        ("title:a^2", "title:a"),
        ("_index:web", "stream:web"),
        ("time*out", "time*out"),
        ("a\\:b", "\"a:b\""),
    ] {
        assert_eq!(lucene(asked), is, "{asked}");
    }
    assert!(
        lucene("@timestamp:[2026-01-31 TO 2026-02-01]").starts_with("time:["),
        "{}",
        lucene("@timestamp:2026-01-31")
    );
    let strict = lucene::Options { all: true, ..lucene::Options::new(Timestamp::from_micros(NOW)) };
    for (asked, is) in [("a b", "a b"), ("a OR b", "a OR b"), ("a b OR c", "a")] {
        assert_eq!(lucene::parse(asked, &strict).map(|q| q.to_string()).as_deref(), Ok(is), "{asked}");
    }
}

#[test]
fn wrong_lucene_is_refused() {
    for (asked, says) in [
        ("a AND", "a term is missing"),
        ("AND a", "before any term"),
        ("(a", "never closed"),
        ("a)", "unexpected [)]"),
        ("\"a", "never closed"),
        ("/a", "never closed"),
        ("[1 TO 2]", "needs a field"),
        ("status:[1 2]", "TO is missing"),
        ("status:[1 TO 2", "never closed"),
        ("roam~", "fuzzy"),
        ("\"a b\"~2", "nearness"),
        ("a:", "a value is missing"),
        ("x:/a~b/", "operator [~]"),
        ("x:/(/", "unclosed group"),
    ] {
        let refused = lucene::parse(asked, &lucene::Options::new(Timestamp::from_micros(NOW)));
        let error = refused.map(|query| query.to_string()).expect_err(asked);
        assert!(error.reason.contains(says), "{asked}: {}", error.reason);
    }
}

#[test]
fn clauses_in_our_words() {
    for (asked, is) in [
        (json!({"match_all": {}}), "*"),
        (json!({"match_none": {}}), "NOT *"),
        (json!({"term": {"user": "ann"}}), "user:=ann"),
        (json!({"term": {"status": {"value": 500, "boost": 2}}}), "status:=500"),
        (json!({"terms": {"status": [500, 502]}}), "status:=500 OR status:=502"),
        (json!({"terms": {"status": []}}), "NOT *"),
        (json!({"exists": {"field": "user"}}), "user:*"),
        (json!({"match": {"msg": "connection refused"}}), "msg:connection OR msg:refused"),
        (json!({"match": {"msg": {"query": "a b", "operator": "AND"}}}), "msg:a msg:b"),
        (json!({"match_phrase": {"msg": "a b"}}), "msg:\"a b\""),
        (json!({"multi_match": {"query": "x", "fields": ["a", "b^3"]}}), "a:x OR b:x"),
        (json!({"prefix": {"user": "an"}}), "user:/(?is)^an.*$/"),
        (json!({"wildcard": {"user": {"value": "a?n*"}}}), "user:/(?is)^a.n.*$/"),
        (json!({"wildcard": {"user": "*"}}), "user:*"),
        (json!({"regexp": {"user": "a.n"}}), "user:/^(?s:a.n)$/"),
        (json!({"ids": {"values": ["1"]}}), "_id:=1 OR id:=1"),
        (json!({"range": {"took": {"gte": 5, "lt": 10.5}}}), "took:[5 TO \"10.5\"}"),
        (json!({"constant_score": {"filter": {"term": {"a": true}}}}), "a:=true"),
        (json!({"bool": {}}), "*"),
        (json!({"bool": {"filter": {"term": {"a": 1}}}}), "a:=1"),
        (
            json!({"bool": {"must": [{"term": {"a": 1}}], "must_not": [{"term": {"b": 2}}], "should": [{"term": {"c": 3}}]}}),
            "a:=1 NOT b:=2",
        ),
        (json!({"bool": {"should": [{"term": {"a": 1}}, {"term": {"b": 2}}]}}), "a:=1 OR b:=2"),
        (
            json!({"bool": {"should": [{"term": {"a": 1}}, {"term": {"b": 2}}], "filter": [{"term": {"c": 3}}], "minimum_should_match": 1}}),
            "c:=3 (a:=1 OR b:=2)",
        ),
        (
            json!({"bool": {"should": [{"term": {"a": 1}}, {"term": {"b": 2}}], "minimum_should_match": "100%"}}),
            "a:=1 b:=2",
        ),
    ] {
        assert_eq!(shown(asked.clone()).replace("\"10.5\"", "10.5"), is.replace("\"10.5\"", "10.5"), "{asked}");
    }
}

#[test]
fn the_time_of_all_becomes_the_range() {
    let clause = read(json!({"bool": {"filter": [
        {"range": {"@timestamp": {"gte": 1_769_850_000_000i64, "lte": 1_769_853_600_000i64, "format": "epoch_millis"}}},
        {"query_string": {"query": "level:error", "analyze_wildcard": true}},
    ]}}))
    .expect("right");
    assert_eq!(clause.query.to_string(), "level:error");
    assert_eq!(clause.range.since.to_string(), "2026-01-31T09:00:00Z");
    assert_eq!(clause.range.until.to_string(), "2026-01-31T10:00:00.001Z");
    let clause = read(json!({"range": {"@timestamp": {"gt": "now-15m", "lt": "now"}}})).expect("right");
    assert_eq!(
        (clause.range.since.to_string(), clause.range.until.to_string()),
        ("2026-01-31T09:45:00.000001Z".to_owned(), "2026-01-31T10:00:00Z".to_owned())
    );
    let not = read(json!({"bool": {"must_not": {"range": {"@timestamp": {"gte": "2026-01-31"}}}}})).expect("right");
    assert_eq!(
        (not.range, not.query.to_string().as_str()),
        (TimeRange::ALL, "NOT time:[\"2026-01-31T00:00:00Z\" TO *]")
    );
    let none = read(json!({"range": {"@timestamp": {"gte": "now", "lt": "now-1h"}}})).expect("right");
    assert_eq!(none.range.since, none.range.until);
}

#[test]
fn what_is_not_known_is_refused() {
    for (asked, says) in [
        (json!({"fuzzy": {"a": "b"}}), "[fuzzy] is not supported"),
        (json!({"nested": {}}), "not supported"),
        (json!({"script": {}}), "not supported"),
        (json!({}), "empty clause"),
        (json!({"term": {"a": 1}, "match_all": {}}), "malformed"),
        (json!({"term": {"a": 1, "b": 2}}), "exactly one field"),
        (json!({"term": {"a": [1]}}), "single value"),
        (json!({"terms": {"a": "x"}}), "list of values"),
        (json!({"match": {"a": {"query": "x", "fuzziness": "AUTO"}}}), "does not support [fuzziness]"),
        (json!({"match_phrase": {"a": {"query": "x y", "slop": 2}}}), "[slop]"),
        (json!({"bool": {"must": [], "filtre": []}}), "does not support [filtre]"),
        (
            json!({"bool": {"should": [{"match_all": {}}, {"match_all": {}}, {"match_all": {}}], "minimum_should_match": 2}}),
            "minimum_should_match",
        ),
        (json!({"range": {"@timestamp": {"gte": "yesterday"}}}), "failed to parse date"),
        (json!({"range": {"@timestamp": {"gte": 1, "format": "yyyy.MM.dd"}}}), "format [yyyy.MM.dd]"),
        (json!({"query_string": {"query": "a", "fuzziness": 1}}), "does not support [fuzziness]"),
        (json!("x"), "must be an object"),
    ] {
        let error = read(asked.clone()).map(|clause| clause.query).expect_err("is refused");
        assert!(error.reason.contains(says), "{asked}: {}", error.reason);
        assert_eq!(error.status, 400, "{asked}");
    }
    let deep = (0..40).fold(json!({"match_all": {}}), |inner, _| json!({"bool": {"must": inner}}));
    assert!(read(deep).expect_err("is too deep").reason.contains("deep"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_understood_or_refused(text in "[a-z\\-+!&|(){}\\[\\]^\"~*?:\\\\/<>= ä0-9ATONDR]{0,40}") {
        let options = lucene::Options::new(Timestamp::from_micros(NOW));
        if let Ok(query) = lucene::parse(&text, &options) {
            proptest::prop_assert!(store::query::compile(&query).is_ok());
        }
    }

    #[test]
    fn any_date_is_understood_or_refused(text in "(now|[0-9]{1,5}(-[0-9]{1,2}){0,2}([T ][0-9:.,Z+-]{0,18})?)?(\\|\\|)?[-+/]?[0-9]{0,20}[a-zA-Zä]?") {
        let zone = jiff::tz::TimeZone::UTC;
        let value = Value::String(text);
        if let Ok((first, last)) = crate::date::read(&value, &crate::date::Format::default(), &zone, Timestamp::from_micros(NOW)) {
            proptest::prop_assert!(first <= last);
        }
    }
}
