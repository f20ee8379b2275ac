//! What a person does on the page to see logs for the first time: add a stream, start the demo; and what stays.

use std::time::Duration;

use e2e::{Folder, Start, until};
use serde_json::{Value, json};

fn send(method: &str, url: &str, body: &Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let request = ureq::http::Request::builder().method(method).uri(url).header("content-type", "application/json");
    let mut answer = agent.run(request.body(body.to_string()).unwrap()).unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap())
}

#[test]
fn a_stream_added_on_the_page_is_searchable_at_once_and_after_a_restart() {
    let folder = Folder::new();
    let own = folder.log("own.log", "started\n");
    let shop = folder.path("shop");
    std::fs::create_dir_all(&shop).unwrap();
    std::fs::write(shop.join("a.log"), "2026-11-21 08:00:00 INFO first sale\n").unwrap();
    let server = Start::up(&folder, &[&own]).start();
    let client = server.client();
    client.hits("started", 1);
    let url = format!("{}/api/v1/streams", client.address);
    let wanted = json!({ "name": "shop", "paths": [shop.to_str().unwrap()] });
    let (status, followed) = send("POST", &url, &wanted);
    assert_eq!((status, &followed["files"], &followed["streams"][0]["origin"]), (200, &json!(1), &json!("page")));
    client.hits("stream:shop sale", 1);
    let (status, problem) = send("POST", &url, &wanted);
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")));
    let (status, problem) = send("POST", &url, &json!({ "paths": ["/tmp/x"], "parse": "jsn" }));
    assert_eq!((status, &problem["parameter"]), (400, &json!("parse")));
    assert_eq!(server.stop().code(), Some(0));

    std::fs::write(shop.join("b.log"), "2026-11-21 08:00:01 INFO second sale\n").unwrap();
    let server = Start::up(&folder, &[&own]).start();
    let client = server.client();
    client.hits("stream:shop sale", 2);
    let sizes: u64 = ["own", "a", "b"]
        .iter()
        .map(|name| {
            let path = if *name == "own" { own.clone() } else { shop.join(format!("{name}.log")) };
            std::fs::metadata(path).unwrap().len()
        })
        .sum();
    client.complete(3, sizes);
    let listed: Value = serde_json::from_str(&client.get("/api/v1/streams").unwrap()).unwrap();
    let of = |name: &str| listed["streams"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!((&of("shop")["origin"], &of("own")["origin"]), (&json!("page"), &json!("command line")));

    let url = format!("{}/api/v1/streams", client.address);
    assert_eq!(send("DELETE", &format!("{url}/own"), &json!({})).0, 409);
    assert_eq!(send("DELETE", &format!("{url}/shop"), &json!({})).0, 200);
    until("its files are over", || {
        let sources: Value = serde_json::from_str(&client.get("/api/v1/sources?stream=shop")?).unwrap();
        let open = sources["sources"].as_array().unwrap().iter().filter(|source| source["state"] != "finished").count();
        if open == 0 { Ok(()) } else { Err(format!("{open} are open")) }
    });
    // What was collected stays, and its account is whole.
    client.hits("stream:shop sale", 2);
    client.complete(3, sizes);
    let (status, _) = send("GET", &format!("{}/api/v1/suggestions", client.address), &json!({}));
    assert_eq!(status, 200);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn the_demo_starts_in_a_running_process_and_ends_without_a_gap() {
    let folder = Folder::new();
    let own = folder.log("own.log", "started\n");
    let server = Start::up(&folder, &[&own]).env("TMPDIR", folder.path("").to_str().unwrap()).start();
    let client = server.client();
    let url = format!("{}/api/v1/streams", client.address);
    let (status, followed) = send("POST", &url, &json!({ "demo": true }));
    assert_eq!((status, followed["streams"].as_array().unwrap().len()), (200, 5));
    assert_eq!(send("POST", &url, &json!({ "demo": true })).0, 409);
    until("the demo's lines are found", || {
        let found = client.search(&["stream:web", "--limit", "1"])?;
        if found.is_empty() { Err("nothing yet".to_owned()) } else { Ok(()) }
    });
    assert_eq!(server.stop().code(), Some(0));
    let left = std::fs::read_dir(folder.path("")).unwrap().flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("logdrive-demo")).collect();
    assert!(left.is_empty(), "its files are removed: {left:?}");

    let server = Start::up(&folder, &[&own]).start();
    let client = server.client();
    until("every byte of the demo is accounted for", || {
        let open: Vec<_> = client.audit(&[])?.into_iter().filter(|account| !account.complete).collect();
        if open.is_empty() { Ok(()) } else { Err(format!("{}", open[0].json)) }
    });
    assert_eq!(server.stop().code(), Some(0));
}
