//! What becomes of points, and what is said, for every kind of answer: against a server that answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{v1, v2};
use base::{Explain as _, Retry};
use parking_lot::Mutex;
use store::StoreError;
use store::metrics::testing::value;
use store::metrics::{PointReader as _, PointWriter as _};
use store_influxdb::{InfluxStore, Options, Server};

/// Path with query, and body; what to answer: status, more headers, body.
type Answering = dyn Fn(&str, &str) -> (u16, &'static str, String) + Send + Sync;

/// Starts a server that answers so; its address, and what it was asked.
fn serve(answering: impl Fn(&str, &str) -> (u16, &'static str, String) + Send + Sync + 'static) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let (asked, answering): (Asked, Arc<Answering>) = (Asked::default(), Arc::new(answering));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (seen, answering) = (seen.clone(), answering.clone());
            std::thread::spawn(move || answer(stream, &seen, &*answering));
        }
    });
    (address, asked)
}

type Asked = Arc<Mutex<Vec<(String, String)>>>;

fn answer(stream: TcpStream, seen: &Asked, answering: &Answering) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        let body = String::from_utf8(body).expect("text");
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, headers, text) = answering(&path, &body);
        seen.lock().push((path, body));
        let length = text.len();
        let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n");
        let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(text.as_bytes()));
    }
}

const PONG1: (u16, &str, String) = (204, "X-Influxdb-Version: 1.8.10\r\n", String::new());
const PONG2: (u16, &str, String) = (204, "X-Influxdb-Version: v2.7.12\r\n", String::new());

fn store(address: &str, server: Server) -> InfluxStore {
    let options = Options { gzip: false, timeout: Duration::from_secs(5), ..Options::new(address, server) };
    InfluxStore::new(options).unwrap_or_else(|error| panic!("{error}"))
}

async fn fails(address: &str, server: Server) -> StoreError {
    let written = store(address, server).write(&[value("m", &[], 1.0, 0)]).await;
    let error = written.expect_err("it must be refused");
    assert!(error.to_string().contains(address), "{error}");
    assert!(!error.to_string().contains("secret") && !error.to_string().contains('\n'), "{error}");
    error
}

#[tokio::test]
async fn points_that_are_refused_are_found_among_the_others() {
    let bad = |line: &&str| line.contains("=13 ") || line.contains("=40 ");
    let (address, asked) = serve(move |path, body| match path {
        "/ping" => PONG1,
        _ if body.lines().any(|line| bad(&line)) => {
            (400, "", r#"{"error":"partial write: field type conflict: no dropped=1"}"#.to_owned())
        }
        _ => (204, "", String::new()),
    });
    let points: Vec<_> = (0..64).map(|number| value("m", &[], f64::from(number), i64::from(number))).collect();
    let refusals = store(&address, v1("d")).write(&points).await.expect("taken");
    assert_eq!(refusals.iter().map(|refusal| refusal.point).collect::<Vec<_>>(), [13, 40]);
    assert!(refusals[0].reason.contains("field type conflict"), "{refusals:?}");
    let asked = asked.lock();
    assert!(asked.len() <= 2 + 2 * 2 * 6, "{} requests", asked.len());
    assert_eq!(asked[1].0, "/write?db=d&precision=ns");
}

#[tokio::test]
async fn where_all_are_refused_they_are_not_asked_one_by_one() {
    let (address, asked) = serve(|path, body| match path {
        "/ping" => PONG2,
        _ => (
            422,
            "",
            format!(r#"{{"code":"x","message":"points beyond retention policy dropped={}"}}"#, body.lines().count()),
        ),
    });
    let points: Vec<_> = (0..100).map(|number| value("m", &[], 1.0, number)).collect();
    let refusals = store(&address, v2("b")).write(&points).await.expect("taken");
    assert_eq!(refusals.len(), 100);
    assert_eq!(asked.lock().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_busy_is_left_alone_for_as_long_as_it_asks() {
    for status in [429, 503] {
        let count = std::sync::atomic::AtomicU32::new(0);
        let (address, _) = serve(move |path, _| match path {
            "/ping" => PONG2,
            _ if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
                (status, "Retry-After: 1\r\n", r#"{"message":"too many"}"#.to_owned())
            }
            _ => (204, "", String::new()),
        });
        let store = store(&address, v2("b"));
        let points = [value("m", &[], 1.0, 0)];
        let error = store.write(&points).await.expect_err("busy");
        assert_eq!(error.retry(), Retry::Later);
        assert!(error.to_string().contains(&format!("{status}: too many")), "{error}");
        let began = Instant::now();
        assert_eq!(store.write(&points).await.expect("taken"), []);
        assert!(began.elapsed() >= Duration::from_millis(900), "{status}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn what_must_be_set_right_is_named() {
    let says = |status: u16, text: &'static str| {
        serve(move |path, _| if path == "/ping" { PONG2 } else { (status, "", text.to_owned()) }).0
    };
    let table = [
        (401, r#"{"code":"unauthorized","message":"unauthorized access"}"#, "check the token"),
        (403, r#"{"code":"forbidden","message":"insufficient permissions"}"#, "rights of the token"),
        (
            404,
            r#"{"code":"not found","message":"bucket \"b\" not found"}"#,
            "influx bucket create --org logdrive --name b",
        ),
        (500, r#"{"code":"internal error","message":"timeout"}"#, "it answered 500: timeout"),
        (302, "", "it answered 302"),
    ];
    for (status, text, part) in table {
        let error = fails(&says(status, text), v2("b")).await;
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.retry(), Retry::Later, "{error}");
    }
    let database =
        serve(
            |path, _| {
                if path == "/ping" { PONG1 } else { (404, "", r#"{"error":"database not found: \"d\""}"#.to_owned()) }
            },
        );
    let error = fails(&database.0, v1("d")).await;
    assert!(
        error.to_string().contains("CREATE DATABASE \"d\"") && error.to_string().contains("create = true"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_of_another_kind_is_named_with_what_was_expected() {
    let one = serve(|_, _| PONG1).0;
    let two = serve(|_, _| PONG2).0;
    let web = serve(|_, _| (200, "", "<html>".to_owned())).0;
    let error = fails(&one, v2("b")).await.to_string();
    assert!(error.contains("InfluxDB 1.8.10") && error.contains("influxdb://"), "{error}");
    let error = fails(&two, v1("d")).await.to_string();
    assert!(error.contains("InfluxDB 2.7.12") && error.contains("influxdb2://"), "{error}");
    let error = fails(&web, v1("d")).await.to_string();
    assert!(error.contains("it is no InfluxDB"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_a_matter_of_time() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let error = fails(&format!("http://{free}"), v1("d")).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("is InfluxDB running there"), "{error}");
    assert_eq!(error.retry(), Retry::Later);
}

#[test]
fn addresses_that_can_be_none_are_refused_without_being_shown() {
    for address in ["h:8086", "http://", "http://me:secret@h:8086", "http://h:8086/?u=secret", "influxdb://h"] {
        let error = InfluxStore::new(Options::new(address, v1("d"))).err().expect("refused");
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(InfluxStore::new(Options::new("http://h", v1(""))).is_err());
}

#[tokio::test]
async fn a_missing_database_is_made_where_that_is_wished() {
    for (variable, server) in
        [("INFLUXDB1", v1(&crate::common::unique("made"))), ("INFLUXDB2", v2(&crate::common::unique("made")))]
    {
        let Some(address) = crate::common::address(variable) else { continue };
        let point = [value("m", &[], 1.0, 0)];
        let wary = store(&address, server.clone());
        let error = wary.write(&point).await.expect_err("nothing to write into");
        assert!(error.to_string().contains("create = true"), "{error}");
        let error = wary.check().await.expect_err("nothing to read from");
        assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains("create = true"), "{error}");
        let making = crate::common::open(&address, server);
        assert_eq!(making.write(&point).await.expect("taken"), []);
        assert_eq!(wary.measurements().await.expect("read")[0].name, "m");
        wary.check().await.expect("there");
    }
}

#[tokio::test]
async fn a_missing_retention_policy_is_made_where_that_is_wished() {
    let Some(address) = crate::common::address("INFLUXDB1") else { return };
    let database = crate::common::unique("policies");
    let with = |policy: &str| match v1(&database) {
        Server::V1 { database, .. } => {
            Server::V1 { database, retention_policy: Some(policy.to_owned()), username: None, password: None }
        }
        other => other,
    };
    let point = [value("m", &[], 1.0, 0)];
    assert_eq!(crate::common::open(&address, with("short")).write(&point).await.expect("taken"), []);
    let wary = store(&address, with("other"));
    for error in [wary.write(&point).await.err(), wary.check().await.err()] {
        let error = error.expect("no such policy").to_string();
        assert!(error.contains("CREATE RETENTION POLICY \"other\""), "{error}");
    }
    for _ in 0..2 {
        crate::common::open(&address, with("other")).check().await.expect("made, once");
    }
    assert_eq!(wary.write(&point).await.expect("taken"), []);
}

#[tokio::test]
async fn a_wrong_token_is_named() {
    let Some(address) = crate::common::address("INFLUXDB2") else { return };
    let bucket = "logdrive".to_owned();
    let error =
        fails(&address, Server::V2 { org: crate::common::ORG.to_owned(), bucket, token: "secret".to_owned() }).await;
    assert!(error.to_string().contains("check the token"), "{error}");
}
