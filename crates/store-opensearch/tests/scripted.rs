//! A server that answers by a script: overload, failures, half a bulk, wrong products, certificates.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Explain, Retry};
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use store::testing::BatchBuilder;
use store::{Reader, StoreBatch, StoreError, Writer};
use store_opensearch::{Auth, Compression, OpenSearchStore, Options, Product, Tls};

const ROOT: &str = r#"{"version":{"distribution":"opensearch","number":"2.19.1"},"tagline":"The OpenSearch Project"}"#;

/// A request: its first line, its headers in lower case, its body.
struct Asked {
    line: String,
    headers: String,
    body: Vec<u8>,
}

impl Asked {
    /// The ids of a bulk.
    fn ids(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        let ids = text
            .lines()
            .filter_map(|line| Some(line.strip_prefix(r#"{"create":{"_id":""#)?.split('"').next()?.to_owned()));
        ids.collect()
    }
}

type Script = Arc<dyn Fn(&Asked) -> (u16, String) + Send + Sync>;

/// Serves by a script, for as long as the test runs.
fn serve(script: Script, tls: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (script, tls) = (script.clone(), tls.clone());
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || match tls {
                None => answer(stream, &script),
                Some(config) => {
                    let connection = ServerConnection::new(config).expect("a connection");
                    answer(rustls::StreamOwned::new(connection, stream), &script);
                }
            });
        }
    });
    port
}

fn answer(mut stream: impl Read + Write, script: &Script) {
    let mut read: Vec<u8> = Vec::new();
    let mut more = [0; 65536];
    loop {
        let head = loop {
            if read.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                return;
            }
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut more) {
                Ok(0) | Err(_) => return,
                Ok(n) => read.extend_from_slice(&more[..n]),
            }
        };
        let text = String::from_utf8_lossy(&read[..head]).into_owned();
        let headers = text.to_ascii_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let end = head + length.unwrap_or(0);
        while read.len() < end {
            match stream.read(&mut more) {
                Ok(0) | Err(_) => return,
                Ok(n) => read.extend_from_slice(&more[..n]),
            }
        }
        let line = text.lines().next().unwrap_or_default().to_owned();
        let (status, body) = script(&Asked { line, headers, body: read[head..end].to_vec() });
        read.drain(..end);
        let retry = if status == 429 { "retry-after: 1\r\n" } else { "" };
        let answer = format!("HTTP/1.1 {status} X\r\n{retry}content-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() || stream.flush().is_err() {
            return;
        }
    }
}

/// A script that only says what bulks are answered.
fn bulks(bulk: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Script {
    Arc::new(move |asked| match asked.line.split(' ').nth(1).unwrap_or_default() {
        "/" => (200, ROOT.to_owned()),
        path if path.contains("/_bulk") => bulk(asked),
        _ => (200, r#"{"acknowledged":true}"#.to_owned()),
    })
}

fn options(port: u16) -> Options {
    Options { install: true, patience: Duration::from_secs(20), ..Options::new([format!("http://127.0.0.1:{port}")]) }
}

fn batch(count: usize, len: usize) -> StoreBatch {
    let mut batch = BatchBuilder::new(1, 0, 0);
    (0..count).for_each(|n| {
        batch.plain(format!("{n} {}", "x".repeat(len)).as_bytes(), 1_700_000_000_000_000);
    });
    batch.build()
}

fn items(list: impl IntoIterator<Item = String>) -> (u16, String) {
    let items: Vec<String> = list.into_iter().map(|item| format!("{{\"create\":{item}}}")).collect();
    (200, format!("{{\"took\":1,\"errors\":true,\"items\":[{}]}}", items.join(",")))
}

fn created() -> String {
    r#"{"status":201}"#.to_owned()
}

fn failed(status: u16, kind: &str) -> String {
    format!("{{\"status\":{status},\"error\":{{\"type\":\"{kind}\",\"reason\":\"of {kind}\"}}}}")
}

#[tokio::test]
async fn only_what_was_not_taken_is_sent_again() {
    let seen: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let log = seen.clone();
    let port = serve(
        bulks(move |asked| {
            let ids = asked.ids();
            let mut seen = log.lock();
            seen.push(ids.clone());
            match seen.len() {
                1 => (429, r#"{"error":{"type":"rejected_execution_exception","reason":"full"}}"#.to_owned()),
                2 => (503, "busy".to_owned()),
                3 => items(ids.iter().enumerate().map(|(n, _)| match n % 4 {
                    0 => created(),
                    1 => failed(429, "rejected_execution_exception"),
                    2 => failed(503, "unavailable_shards_exception"),
                    _ => failed(400, "mapper_parsing_exception"),
                })),
                _ => items(ids.iter().map(|_| failed(409, "version_conflict_engine_exception"))),
            }
        }),
        None,
    );
    let store = OpenSearchStore::connect(options(port)).expect("options");
    let began = Instant::now();
    let batch = batch(8, 10);
    let refused = store.write(std::slice::from_ref(&batch)).await.expect("write");
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is heeded");
    let rows: Vec<_> = refused.iter().map(|refusal| refusal.record).collect();
    assert_eq!(rows, [3, 7]);
    assert!(refused[0].reason.contains("mapper_parsing_exception"));
    let seen = seen.lock();
    let sent: Vec<usize> = seen.iter().map(Vec::len).collect();
    assert_eq!(sent, [8, 8, 8, 4], "what was taken or refused does not go again");
    let id = |row: usize| batch.batch.id(&batch.batch.records[row]).to_string();
    assert_eq!(seen[3], [1, 2, 5, 6].map(id));
}

#[tokio::test]
async fn what_is_too_big_for_one_request_goes_in_several() {
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = taken.clone();
    let port = serve(
        bulks(move |asked| {
            if asked.body.len() > 5_000 {
                return (413, String::new());
            }
            log.lock().extend(asked.ids());
            (200, r#"{"took":1,"errors":false,"items":[]}"#.to_owned())
        }),
        None,
    );
    let store = OpenSearchStore::connect(options(port)).expect("options");
    let mut big = BatchBuilder::new(1, 0, 0);
    for n in 0..40 {
        big.plain("y".repeat(if n == 17 { 8_000 } else { 200 }).as_bytes(), 1_700_000_000_000_000);
    }
    let batch = big.build();
    let refused = store.write(std::slice::from_ref(&batch)).await.expect("write");
    assert_eq!(refused.len(), 1);
    assert!(refused[0].record == 17 && refused[0].reason.contains("413"), "{refused:?}");
    let ids = (0..40).filter(|n| *n != 17).map(|n| batch.batch.id(&batch.batch.records[n]).to_string());
    let mut taken = taken.lock().clone();
    let mut wanted: Vec<String> = ids.collect();
    taken.sort();
    wanted.sort();
    assert_eq!(taken, wanted);
}

#[tokio::test]
async fn a_document_over_which_the_server_breaks_is_refused_in_the_end() {
    let port = serve(
        bulks(|asked| {
            let poison = |id: &String| id.ends_with(".0");
            items(
                asked.ids().iter().map(|id| if poison(id) { failed(500, "null_pointer_exception") } else { created() }),
            )
        }),
        None,
    );
    let store = OpenSearchStore::connect(options(port)).expect("options");
    let refused = store.write(&[batch(5, 10)]).await.expect("write");
    assert_eq!(refused.iter().map(|refusal| refusal.record).collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn cursors_pass_what_is_taken_and_nothing_else() {
    let down = Arc::new(Mutex::new(true));
    let is_down = down.clone();
    let port = serve(
        bulks(move |_| match *is_down.lock() {
            true => (503, "not now".to_owned()),
            false => (200, r#"{"errors":false}"#.to_owned()),
        }),
        None,
    );
    let patience = Duration::from_millis(300);
    let store = OpenSearchStore::connect(Options { patience, ..options(port) }).expect("options");
    store.attach(model::QueueId(5)).await.expect("attach");
    let durable = store.durable();
    let batch = batch(5, 10);
    let error = store.write(std::slice::from_ref(&batch)).await.expect_err("it is down");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(durable.borrow().get(model::Partition(0)), 0);
    *down.lock() = false;
    store.write(&[batch]).await.expect("write");
    assert_eq!((durable.borrow().get(model::Partition(0)), durable.borrow().queue), (1, model::QueueId(5)));
}

#[tokio::test]
async fn the_cursor_waits_until_the_refused_are_put_aside() {
    let refusing = bulks(|asked| match asked.line.contains("ranges") {
        true => (200, r#"{"errors":false}"#.to_owned()),
        false => items(asked.ids().iter().map(|_| failed(400, "mapper_parsing_exception"))),
    });
    let store = OpenSearchStore::connect(options(serve(refusing, None))).expect("options");
    store.attach(model::QueueId(5)).await.expect("attach");
    let durable = store.durable();
    let reached = || durable.borrow().get(model::Partition(0));
    let batch = batch(2, 10);
    let refused = store.write(std::slice::from_ref(&batch)).await.expect("write");
    assert_eq!(refused.len(), 2);
    assert_eq!(reached(), 0, "a crash now must bring them back");
    for (record, wanted) in [(0, 0), (1, 1)] {
        let record = &batch.batch.records[record];
        let start = batch.batch.id(record).offset;
        let range = base::Intervals::from_iter([(start, start + u64::from(record.size))]);
        store.note_dead_letters(batch.batch.header.key, &range).await.expect("note");
        assert_eq!(reached(), wanted);
    }
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    for (auth, header) in [
        (
            Auth::Basic { username: "ann".to_owned(), password: "secret".to_owned() },
            "authorization: basic yw5uonnly3jlda==",
        ),
        (Auth::ApiKey("c2VjcmV0OmtleQ==".to_owned()), "authorization: apikey c2vjcmv0omtleq=="),
    ] {
        let log = seen.clone();
        let script: Script = Arc::new(move |asked| {
            log.lock().push(asked.headers.clone());
            (401, r#"{"error":{"type":"security_exception","reason":"unable to authenticate"}}"#.to_owned())
        });
        let options = Options { auth, ..options(serve(script, None)) };
        assert!(!format!("{options:?}").contains("ecret"));
        let store = OpenSearchStore::connect(options).expect("options");
        let error = store.write(&[batch(1, 1)]).await.expect_err("refused");
        let text = error.to_string();
        assert!(text.contains("unable to authenticate") && text.contains("http://127.0.0.1:"), "{text}");
        assert!(!text.contains("ecret") && !text.contains('\n') && error.retry() == Retry::Later, "{text}");
        assert!(seen.lock().last().is_some_and(|headers| headers.contains(header)));
    }
}

#[tokio::test]
async fn strangers_are_named_with_what_was_expected() {
    let old = r#"{"version":{"number":"6.8.23","build_flavor":"default"},"tagline":"You Know, for Search"}"#;
    for (root, product, words) in [
        (old, None, ["Elasticsearch 6.8.23", "expected is OpenSearch 1 to 3"]),
        ("hello", None, ["neither OpenSearch nor Elasticsearch", "expected"]),
        (ROOT, Some(Product::Elasticsearch), ["OpenSearch 2.19.1, not Elasticsearch", "opensearch://"]),
    ] {
        let script: Script = Arc::new(move |_| (200, root.to_owned()));
        let store = OpenSearchStore::connect(Options { product, ..options(serve(script, None)) }).expect("options");
        for error in [store.write(&[batch(1, 1)]).await.err(), store.stats().await.err()] {
            let text = error.expect("an error").to_string();
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }
}

#[tokio::test]
async fn who_may_write_and_nothing_else_writes() {
    let forbidden = r#"{"error":{"type":"security_exception","reason":"no permissions for [cluster:monitor/main]"}}"#;
    let script: Script = Arc::new(move |asked| match asked.line.contains("/_bulk") {
        true => (200, r#"{"errors":false}"#.to_owned()),
        false => (403, forbidden.to_owned()),
    });
    let options = Options { install: false, ..options(serve(script, None)) };
    let store = OpenSearchStore::connect(options.clone()).expect("options");
    store.write(&[batch(1, 1)]).await.expect("it may write");
    let store = OpenSearchStore::connect(Options { install: true, ..options }).expect("options");
    let text = store.write(&[batch(1, 1)]).await.expect_err("it may not install").to_string();
    assert!(text.contains("index template") && text.contains("403") && text.contains("role"), "{text}");
}

#[tokio::test]
async fn gzip_is_what_it_says() {
    let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
    let log = seen.clone();
    let port = serve(
        bulks(move |asked| {
            assert!(asked.headers.contains("content-encoding: gzip"));
            *log.lock() = asked.body.clone();
            (200, r#"{"errors":false}"#.to_owned())
        }),
        None,
    );
    let options = Options { compression: Compression::Gzip, ..options(port) };
    OpenSearchStore::connect(options).expect("options").write(&[batch(50, 100)]).await.expect("write");
    let packed = seen.lock().clone();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("it is gzip");
    assert_eq!(text.lines().count(), 100);
}

/// A server with a certificate for this name; the files of its authority, and fingerprints of both.
fn secure(name: &str) -> (u16, tempfile::TempDir, [String; 2]) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().expect("a key");
    let ca = params.self_signed(&ca_key).expect("an authority");
    let issuer = rcgen::Issuer::new(params, ca_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("params").signed_by(&key, &issuer);
    let own = own.expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), ca.pem()).expect("a file");
    let chain: Vec<CertificateDer<'static>> = vec![own.der().clone(), ca.der().clone()];
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(chain, private).expect("a config");
    let prints = [own.der(), ca.der()].map(|der| {
        use sha2::Digest;
        sha2::Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    let script = bulks(|_| (200, r#"{"errors":false}"#.to_owned()));
    (serve(script, Some(Arc::new(config))), folder, prints)
}

#[tokio::test]
async fn certificates_are_checked() {
    let (right, folder, [own, authority]) = secure("127.0.0.1");
    let (wrong, other, [other_own, other_authority]) = secure("elsewhere.example");
    let ca = |folder: &tempfile::TempDir| Tls { ca: Some(folder.path().join("ca.pem")), fingerprint: None };
    let print = |text: &str| Tls { ca: None, fingerprint: Some(text.to_owned()) };
    for (port, tls, hint) in [
        (right, ca(&folder), None),
        (right, print(&own), None),
        (right, print(&authority), None),
        // Whose very certificate is known may bear any name.
        (wrong, print(&other_own), None),
        (wrong, print(&other_authority), Some("use a name that the certificate bears")),
        (wrong, ca(&other), Some("use a name that the certificate bears")),
        (right, ca(&other), Some("set ca")),
        (right, print(&other_own), Some(own.as_str())),
        (right, Tls::default(), Some("set ca")),
    ] {
        let nodes = vec![format!("https://127.0.0.1:{port}")];
        let patience = Duration::from_millis(100);
        let options = Options { nodes, tls: tls.clone(), patience, ..options(port) };
        let written = OpenSearchStore::connect(options).expect("options").write(&[batch(1, 1)]).await;
        match (written, hint) {
            (Ok(_), None) => {}
            (Err(error), Some(hint)) => {
                let text = error.to_string();
                assert!(text.contains(hint) && text.contains(&format!("https://127.0.0.1:{port}")), "{tls:?}: {text}");
                assert_eq!(error.retry(), Retry::Later);
            }
            (written, hint) => panic!("{tls:?}: {written:?}, and {hint:?} was wanted"),
        }
    }
}

#[tokio::test]
async fn the_wrong_scheme_is_told() {
    let port = serve(bulks(|_| (200, String::new())), None);
    let nodes = vec![format!("https://127.0.0.1:{port}")];
    let error = OpenSearchStore::connect(Options { nodes, ..options(port) }).expect("options").stats().await;
    let text = error.expect_err("it speaks no TLS").to_string();
    assert!(text.contains("leave +https out"), "{text}");
    let (port, ..) = secure("127.0.0.1");
    let error = OpenSearchStore::connect(options(port)).expect("options").stats().await;
    let text = error.expect_err("it speaks TLS").to_string();
    assert!(text.contains("+https://"), "{text}");
}
