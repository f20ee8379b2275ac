//! Bulks as shippers send them.

use serde_json::json;

use super::lines::{Op, read};
use super::*;

fn items(body: &str) -> Result<Vec<String>, EsError> {
    let items = read(body.as_bytes(), "default", 10)?;
    Ok(items
        .iter()
        .map(|item| {
            let Action { op, index, id } = &item.action;
            let head = format!("{} {index} {}", op.name(), id.as_deref().unwrap_or("-"));
            match item.document.as_ref().map_err(Clone::clone).and_then(|bytes| document::read(&item.action, bytes)) {
                Ok(document) => format!("{head} {}", String::from_utf8_lossy(&document.line).trim_end()),
                Err(error) => format!("{head} {} {}", error.status, error.reason),
            }
        })
        .collect())
}

#[test]
fn as_shippers_send_them() {
    for (sent, is) in [
        // Filebeat
        (
            "{\"create\":{\"_index\":\"filebeat-8.11.0\"}}\n{\"@timestamp\":\"2026-01-31T10:00:00.000Z\",\"message\":\"m\",\"host\":{\"name\":\"h\"},\"log\":{\"offset\":5,\"file\":{\"path\":\"/var/log/a\"}}}\n",
            "create filebeat-8.11.0 - {\"@timestamp\":\"2026-01-31T10:00:00.000Z\",\"message\":\"m\",\"host\":{\"name\":\"h\"},\"log\":{\"offset\":5,\"file\":{\"path\":\"/var/log/a\"}}}",
        ),
        // Fluent Bit
        (
            "{\"create\":{\"_index\":\"fluent-bit\",\"_id\":\"b4c1\"}}\n{\"@timestamp\":\"2026-01-31T10:00:00.000Z\",\"log\":\"x\"}\n",
            "create fluent-bit b4c1 {\"_id\":\"b4c1\",\"@timestamp\":\"2026-01-31T10:00:00.000Z\",\"log\":\"x\"}",
        ),
        // Vector
        (
            "{\"index\":{\"_index\":\"vector-2026.01.31\",\"_type\":\"_doc\"}}\n{\"file\":\"/a\",\"host\":\"h\",\"message\":\"m\",\"timestamp\":\"2026-01-31T10:00:00Z\"}\n",
            "index vector-2026.01.31 - {\"file\":\"/a\",\"host\":\"h\",\"message\":\"m\",\"timestamp\":\"2026-01-31T10:00:00Z\"}",
        ),
        // Logstash
        (
            "{\"create\":{\"_id\":null,\"_index\":\"logs-generic-default\",\"routing\":null}}\n{\"@version\":\"1\",\"message\":\"a\\nb \\\" c\"}\n",
            "create logs-generic-default - {\"@version\":\"1\",\"message\":\"a\\nb \\\" c\"}",
        ),
        ("{\"index\":{}}\r\n{ \"a b\" : [ 1 , 2 ] }\r\n", "index default - {\"a b\":[1,2]}"),
        ("{\"index\":{\"_id\":7}}\n{}\n", "index default 7 {\"_id\":\"7\"}"),
        ("{\"index\":{\"_index\":\"Web\"}}\n{}\n", "index Web - 400 Invalid index name [Web], must be lowercase"),
        ("{\"index\":{}}\n[1]\n", "index default - 400 failed to parse: the document is not an object"),
        (
            "{\"index\":{}}\n{\"_id\":1}\n",
            "index default - 400 Field [_id] is a metadata field and cannot be added inside a document. Use the index API request parameters.",
        ),
    ] {
        assert_eq!(items(sent).as_deref(), Ok(&[is.to_owned()][..]), "{sent}");
    }
    let many = items(
        "{\"delete\":{\"_id\":\"1\"}}\n\n{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n{\"index\":{\"pipeline\":\"p\"}}\n{}\n",
    );
    let many = many.expect("right");
    for (item, says) in
        many.iter().zip(["delete default 1 400 [delete]", "update default 1 400 [update]", "ingest pipelines"])
    {
        assert!(item.contains(says), "{item}");
    }
}

#[test]
fn bulks_that_cannot_be_read() {
    for (sent, status, says) in [
        ("", 400, "required"),
        ("\n\n", 400, "required"),
        ("{\"index\":{}}\n{}", 400, "terminated by a newline"),
        ("{\"index\":{}}\n", 400, "line [1] is missing"),
        ("{}\n{}\n", 400, "Malformed action/metadata line [1]"),
        ("{\"index\":5}\n{}\n", 400, "Malformed action/metadata line [1]"),
        ("{\"upsert\":{}}\n{}\n", 400, "found [upsert]"),
        ("nonsense\n{}\n", 400, "Malformed action/metadata line [1]"),
        (&"{\"index\":{}}\n{}\n".repeat(11), 413, "at most 10"),
    ] {
        let error = items(sent).expect_err(sent);
        assert_eq!(error.status, status, "{sent}");
        assert!(error.reason.contains(says), "{sent}: {}", error.reason);
    }
    assert!(read(b"{\"index\":{}}\n{}\n", "", 10).expect_err("no index").reason.contains("index is missing"));
}

#[test]
fn where_documents_come_from() {
    let action = Action { op: Op::Index, index: "a".to_owned(), id: None };
    for (sent, host, path) in [
        (json!({"host": {"name": "h"}, "log": {"file": {"path": "/p"}}}), Some("h"), Some("/p")),
        (json!({"host": "h", "file": "/p"}), Some("h"), Some("/p")),
        (json!({"hostname": "h", "source": "C:\\p"}), Some("h"), Some("C:\\p")),
        (json!({"host": "", "path": "relative"}), None, None),
        (json!({"host": {"ip": "1"}}), None, None),
    ] {
        let document = document::read(&action, sent.to_string().as_bytes()).expect("right");
        assert_eq!((document.host.as_deref(), document.path.as_deref()), (host, path), "{sent}");
    }
    let long = json!({"m": "x".repeat(1 << 20)}).to_string();
    assert_eq!(document::read(&action, long.as_bytes()).map(drop).map_err(|error| error.status), Err(413));
}

#[test]
fn all_busy_is_busy() {
    let items = read(b"{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n", "a", 10).expect("right");
    let busy = || Some(Written::Refused(EsError::busy("full")));
    let reply = answer(&items, vec![busy(), busy()], Instant::now());
    assert_eq!((reply.status, reply.retry_after), (429, Some(1)));
    let done = Some(Written::Created { id: "x".to_owned(), offset: 7 });
    let reply = answer(&items, vec![done, busy()], Instant::now());
    let value: Value = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!((reply.status, &value["errors"]), (200, &json!(true)));
    assert_eq!(
        (&value["items"][0]["index"]["status"], &value["items"][1]["index"]["status"]),
        (&json!(201), &json!(429))
    );
}

proptest::proptest! {
    #[test]
    fn a_document_is_one_line_that_means_the_same(
        keys in proptest::collection::vec("[a-zä \"\\\\\n]{0,5}", 0..5),
        value in "[a-z{}\\[\\]:, \"\\\\\n\tä]{0,20}",
        pretty: bool,
        id in proptest::option::of("[a-z\"\\\\]{1,5}"),
    ) {
        let document = Value::Object(keys.iter().map(|key| (key.clone(), json!([value, {"a": value}, 1.5]))).collect());
        let sent = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }.expect("has a form");
        let action = Action { op: Op::Index, index: "a".to_owned(), id: id.clone() };
        let read = document::read(&action, &sent).expect("right");
        let line = read.line.strip_suffix(b"\n").expect("ends");
        proptest::prop_assert!(!line.contains(&b'\n'));
        let mut found: Value = serde_json::from_slice(line).expect("JSON");
        let kept = found.as_object_mut().expect("an object").shift_remove("_id");
        proptest::prop_assert_eq!(kept, id.map(Value::from));
        proptest::prop_assert_eq!(found, document);
        proptest::prop_assert_eq!(read.content, document::content_of(line));
    }
}
