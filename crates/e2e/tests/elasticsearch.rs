//! What speaks Elasticsearch is understood: its official clients, and shippers that send again what was not answered.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{Client, Folder, Random, Server, Start, until};
use serde_json::Value;

/// A server that follows one small file.
fn server(folder: &Folder) -> Server {
    folder.log("a.log", "one line\n");
    Start::up(folder, &[&folder.logs()]).start()
}

fn runs(mut command: Command, what: &str) {
    let output = command.output().unwrap_or_else(|failed| panic!("{what}: {failed}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("all well"), "{what}: {said}");
}

#[test]
fn the_python_client_is_understood() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let server = server(&folder);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/elasticsearch_client.py");
    let mut command = Command::new(python);
    command.arg(script).arg(&server.client().address);
    runs(command, "the python client");
    for account in server.client().audit(&[]).expect("answers") {
        assert!(account.complete, "{}", account.json);
    }
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn the_node_client_is_understood() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/elasticsearch.mjs");
    if !script.with_file_name("node_modules/@elastic/elasticsearch").exists() {
        assert!(std::env::var_os("CI").is_none(), "the node client is missing: run cargo xtask test");
        eprintln!("left out: there is no @elastic/elasticsearch; cargo xtask test installs it");
        return;
    }
    let folder = Folder::new();
    let server = server(&folder);
    let mut command = Command::new("node");
    command.arg(script).arg(&server.client().address);
    runs(command, "the node client");
    assert_eq!(server.stop().code(), Some(0));
}

/// Bulks of a shipper.
const BULKS: usize = 60;
/// Documents of a bulk.
const DOCUMENTS: usize = 100;
const SHIPPERS: usize = 3;

/// Sends bulk after bulk to whoever listens, each again until all of it is answered; as shippers do.
fn ship(shipper: usize, address: &dyn Fn() -> String, over: &AtomicBool) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for bulk in 0..BULKS {
        let body: String = (0..DOCUMENTS)
            .map(|n| {
                let id = format!("{shipper}-{bulk}-{n}");
                format!(
                    "{{\"create\":{{\"_index\":\"shipped\",\"_id\":\"{id}\"}}}}\n{{\"@timestamp\":\"2026-01-31T10:00:00Z\",\"number\":\"{id}\"}}\n"
                )
            })
            .collect();
        until("a bulk is answered", || {
            assert!(!over.load(Ordering::SeqCst), "the test failed elsewhere");
            let answer =
                agent.post(format!("{}/es/_bulk", address())).send(&body).map_err(|failed| failed.to_string())?;
            let text = answer.into_body().read_to_string().map_err(|failed| failed.to_string())?;
            let value: Value = serde_json::from_str(&text).map_err(|failed| format!("{failed}: {text}"))?;
            let items = value["items"].as_array().ok_or(text)?;
            match items.iter().find(|item| !matches!(item["create"]["status"].as_u64(), Some(201 | 409))) {
                None => Ok(()),
                Some(item) => Err(item.to_string()),
            }
        });
    }
}

#[test]
fn documents_that_are_sent_again_over_kills_are_there_once() {
    let folder = Folder::new();
    folder.log("a.log", "one line\n");
    let start = || Start::up(&folder, &[&folder.logs()]).start();
    let server = start();
    let address = Arc::new(parking_lot::Mutex::new(server.client().address.clone()));
    let over = AtomicBool::new(false);
    let mut random = Random::new(Random::seed());
    let now = || address.lock().clone();
    let shippers_done = std::sync::atomic::AtomicUsize::new(0);
    let server = std::thread::scope(|scope| {
        let mut server = server;
        for shipper in 0..SHIPPERS {
            let (now, over, done) = (&now, &over, &shippers_done);
            scope.spawn(move || {
                ship(shipper, now, over);
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        for _ in 0..4 {
            // Killed once so many more documents are there, or the shippers have come to their end.
            let wanted = count(server.client()) + 200 + random.below(800);
            until("more documents are there", || {
                let here = count(server.client());
                let done = shippers_done.load(Ordering::SeqCst) == SHIPPERS;
                if here >= wanted || done { Ok(()) } else { Err(format!("{here} of {wanted}")) }
            });
            server.kill();
            server = start();
            *address.lock() = server.client().address.clone();
        }
        server
    });
    let expected = (SHIPPERS * BULKS * DOCUMENTS) as u64;
    until("all documents are found", || {
        let here = count(server.client());
        if here >= expected { Ok(()) } else { Err(format!("{here} of {expected}")) }
    });
    assert_eq!(count(server.client()), expected, "each is there once");
    let account = until("the account is complete", || {
        let accounts = server.client().audit(&["shipped"])?;
        let open = accounts.iter().find(|account| !account.complete).map(|account| account.json.to_string());
        open.map_or(Ok(accounts), Err)
    });
    assert_eq!(account.len(), 1, "one index is one stream of bytes, whoever ran");
    assert_eq!(server.stop().code(), Some(0));
}

/// How many documents are found.
fn count(client: &Client) -> u64 {
    let text = client.get("/es/shipped/_count?ignore_unavailable=true").unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    value["count"].as_u64().unwrap_or(0)
}

/// The python that `cargo xtask test` made.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python3");
    let python = std::env::var_os("LOGDRIVE_TEST_PYTHON").map(PathBuf::from).or_else(|| made.exists().then_some(made));
    let python = python.filter(|python| {
        Command::new(python).args(["-c", "import elasticsearch"]).output().is_ok_and(|output| output.status.success())
    });
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no python with elasticsearch: run cargo xtask test");
        eprintln!("left out: there is no python with elasticsearch; cargo xtask test makes one");
    }
    python
}
