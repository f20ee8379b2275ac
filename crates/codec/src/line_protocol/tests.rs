use base::Timestamp;
use model::{FieldValue, Point};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(7);

fn read(line: &str) -> Point {
    parse(line.as_bytes(), Precision::Nanoseconds, NOW).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn point(measurement: &str, tags: &[(&str, &str)], fields: &[(&str, FieldValue)], micros: i64) -> Point {
    Point {
        measurement: measurement.to_owned(),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        fields: fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        time: Timestamp::from_micros(micros),
    }
}

#[test]
fn reads_what_the_reference_of_the_protocol_shows() {
    use FieldValue::{Boolean, Float, Integer, Text, Unsigned};
    let text = |text: &str| Text(text.to_owned());
    let table = [
        ("cpu value=1", point("cpu", &[], &[("value", Float(1.0))], 7)),
        ("cpu value=1 1000", point("cpu", &[], &[("value", Float(1.0))], 1)),
        ("cpu value=1 -1\r\n", point("cpu", &[], &[("value", Float(1.0))], -1)),
        ("  cpu  value=1  2000  ", point("cpu", &[], &[("value", Float(1.0))], 2)),
        ("c,z=1,a=2 v=-1.5e3", point("c", &[("a", "2"), ("z", "1")], &[("v", Float(-1500.0))], 7)),
        ("c a=1i,b=2u,c=t,d=FALSE", {
            point("c", &[], &[("a", Integer(1)), ("b", Unsigned(2)), ("c", Boolean(true)), ("d", Boolean(false))], 7)
        }),
        ("c s=\"a b,c=d\",t=\"\" 3000", point("c", &[], &[("s", text("a b,c=d")), ("t", text(""))], 3)),
        (r#"c s="q\"q\\b\n""#, point("c", &[], &[("s", text(r#"q"q\b\n"#))], 7)),
        (r"my\ m\,x,t\=k=v\ v\,\= f\ k=1", point("my m,x", &[("t=k", "v v,=")], &[("f k", Float(1.0))], 7)),
        (r"a\b=c,p=C:\dir,q=x\\,y v=1", point(r"a\b=c", &[("p", r"C:\dir"), ("q", r"x\,y")], &[("v", Float(1.0))], 7)),
        ("\"m\",h=\"a\" v=1", point("\"m\"", &[("h", "\"a\"")], &[("v", Float(1.0))], 7)),
        ("wetter,ort=Köln wärme=1", point("wetter", &[("ort", "Köln")], &[("wärme", Float(1.0))], 7)),
        ("c v=1,v=2", point("c", &[], &[("v", Float(2.0))], 7)),
        ("c v=9223372036854775807i,w=18446744073709551615u", {
            point("c", &[], &[("v", Integer(i64::MAX)), ("w", Unsigned(u64::MAX))], 7)
        }),
    ];
    for (line, expected) in table {
        assert_eq!(read(line), expected, "{line}");
    }
}

#[test]
fn counts_time_in_the_unit_asked() {
    let units = [
        (Precision::Nanoseconds, 1),
        (Precision::Microseconds, 1500),
        (Precision::Milliseconds, 1_500_000),
        (Precision::Seconds, 1_500_000_000),
    ];
    for (precision, micros) in units {
        let point = parse(b"c v=1 1500", precision, NOW).map(|point| point.time.as_micros());
        assert_eq!(point, Ok(micros), "{precision:?}");
    }
}

#[test]
fn says_where_it_is_wrong() {
    let table: [(&[u8], usize, &str); 17] = [
        (b"", 1, "measurement is missing"),
        (b"# hello", 1, "comment"),
        (b"cpu", 4, "key of a field is missing"),
        (b",a=b v=1", 1, "measurement is missing"),
        (b"cpu, v=1", 5, "key of a tag is missing"),
        (b"cpu,a v=1", 6, "no value"),
        (b"cpu,a= v=1", 7, "value of a tag is missing"),
        (b"cpu,a=b=c v=1", 8, "\\="),
        (b"cpu,a=1,a=2 v=1", 9, "was there before"),
        (b"cpu v", 6, "no value"),
        (b"cpu v=", 7, "value of a field is missing"),
        (b"cpu v=abc", 7, "'abc'"),
        (b"cpu v=nan", 7, "'nan'"),
        (b"cpu v=9223372036854775808i", 7, "out of range"),
        (b"cpu v=\"abc", 7, "no quote"),
        (b"cpu v=1 12x", 9, "whole number"),
        (b"c\xc3\xa4u v=\xff", 7, "UTF-8"),
    ];
    for (line, column, part) in table {
        let shown = String::from_utf8_lossy(line);
        match parse(line, Precision::Seconds, NOW) {
            Ok(point) => panic!("{shown} gives {point:?}"),
            Err(error) => {
                assert!(error.reason.contains(part), "{shown}: {error}");
                assert_eq!(error.column, column, "{shown}: {error}");
            }
        }
    }
    assert!(parse(b"c v=1 9223372036854775807", Precision::Seconds, NOW).is_err());
}

#[test]
fn takes_a_text_apart_into_lines() {
    let text = b"\n# \"comment\nc v=1\r\n  \nd s=\"a\nb\\\"\nc\",t=2 5\ne,q=\"x v=1\nf v=1";
    let found: Vec<_> = lines(text).map(String::from_utf8_lossy).collect();
    assert_eq!(found, ["c v=1", "d s=\"a\nb\\\"\nc\",t=2 5", "e,q=\"x v=1", "f v=1"]);
}

#[test]
fn refuses_to_write_what_would_come_back_as_something_else() {
    let good = point("m", &[("t", "v")], &[("f", FieldValue::Float(1.0))], 0);
    let with = |change: &dyn Fn(&mut Point)| {
        let mut point = good.clone();
        change(&mut point);
        point
    };
    let bad = [
        with(&|p| p.measurement = String::new()),
        with(&|p| p.measurement = "#m".to_owned()),
        with(&|p| p.measurement = "m\\".to_owned()),
        with(&|p| p.tags[0].0 = "a\nb".to_owned()),
        with(&|p| p.tags[0].1 = "c:\\".to_owned()),
        with(&|p| p.tags[0].1 = String::new()),
        with(&|p| p.fields.clear()),
        with(&|p| p.fields[0].1 = FieldValue::Float(f64::NAN)),
        with(&|p| p.time = Timestamp::MAX),
    ];
    let mut out = b"before".to_vec();
    for point in bad {
        assert!(encode(&point, Precision::Nanoseconds, &mut out).is_err(), "{point:?}");
        assert_eq!(out, b"before");
    }
    assert!(encode(&good, Precision::Nanoseconds, &mut out).is_ok());
    assert_eq!(out, b"beforem,t=v f=1 0\n");
    assert_eq!(fit("a\r\nb\\\\"), "a  b");
}

fn name() -> impl Strategy<Value = String> {
    r#"[a-z,= "\\ä#'.]{0,8}[a-zé"'=, ]"#
}

fn value() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        prop::num::f64::NORMAL.prop_map(FieldValue::Float),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(FieldValue::Float),
        any::<i64>().prop_map(FieldValue::Integer),
        any::<u64>().prop_map(FieldValue::Unsigned),
        any::<bool>().prop_map(FieldValue::Boolean),
        any::<String>().prop_map(FieldValue::Text),
    ]
}

fn points() -> impl Strategy<Value = Point> {
    let measurement = name().prop_filter("no comment", |name| !name.starts_with('#'));
    let tags = prop::collection::btree_map(name(), name(), 0..4);
    let fields = prop::collection::btree_map(name(), value(), 1..5);
    (measurement, tags, fields, i64::MIN / 1000..i64::MAX / 1000).prop_map(|(measurement, tags, fields, micros)| {
        Point {
            measurement,
            tags: tags.into_iter().collect(),
            fields: fields.into_iter().collect(),
            time: Timestamp::from_micros(micros),
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(many in prop::collection::vec(points(), 1..4)) {
        for precision in [Precision::Nanoseconds, Precision::Microseconds] {
            let mut out = Vec::new();
            for point in &many {
                prop_assert_eq!(encode(point, precision, &mut out), Ok(()));
            }
            let read: Vec<_> = lines(&out).map(|line| parse(line, precision, NOW)).collect();
            prop_assert_eq!(read, many.iter().cloned().map(Ok).collect::<Vec<_>>());
        }
    }

    #[test]
    fn never_panics_on_rubbish(line in prop::collection::vec(any::<u8>(), 0..60), text in r#"[a,=" \\1iu\n]{0,30}"#) {
        let _ = parse(&line, Precision::Seconds, NOW);
        let _ = lines(&line).count();
        if let Ok(point) = parse(text.as_bytes(), Precision::Microseconds, NOW) {
            let mut out = Vec::new();
            if encode(&point, Precision::Microseconds, &mut out).is_ok() {
                prop_assert_eq!(parse(&out, Precision::Microseconds, NOW), Ok(point));
            }
        }
        let _ = lines(text.as_bytes()).count();
    }

    #[test]
    fn what_was_made_to_fit_can_be_written(text in any::<String>()) {
        let fitting = fit(&text);
        prop_assume!(!fitting.is_empty());
        let point = Point {
            measurement: "m".to_owned(),
            tags: vec![("t".to_owned(), fitting.into_owned())],
            fields: vec![("f".to_owned(), FieldValue::Boolean(true))],
            time: NOW,
        };
        prop_assert_eq!(encode(&point, Precision::Nanoseconds, &mut Vec::new()), Ok(()));
    }
}
