use std::sync::Arc;

use dashboard::{Control, Followed, FollowedStream, NewStream, Refused, Suggestions};
use parking_lot::Mutex;
use serde_json::json;

use crate::support::Server;

/// Follows whatever it is told to, except `taken`.
#[derive(Default)]
struct Told(Mutex<Vec<NewStream>>);

impl Control for Told {
    fn suggestions(&self) -> Suggestions {
        Suggestions { demo: true, complete: true, ..Suggestions::default() }
    }

    fn streams(&self) -> Vec<FollowedStream> {
        vec![FollowedStream { name: "new".into(), origin: "page".into(), paths: vec!["/new".into()] }]
    }

    fn follow(&self, stream: &NewStream) -> Result<Followed, Refused> {
        if stream.name.as_deref() == Some("taken") {
            return Err(Refused::Conflict("there is a stream 'taken'".into()));
        }
        if stream.paths.is_empty() {
            return Err(Refused::Wrong { key: "paths".into(), detail: "paths: write one".into() });
        }
        self.0.lock().push(stream.clone());
        Ok(Followed { streams: self.streams(), files: 1, notes: Vec::new() })
    }

    fn demo(&self) -> Result<Followed, Refused> {
        Ok(Followed { files: 6, ..Followed::default() })
    }

    fn unfollow(&self, name: &str) -> Result<(), Refused> {
        if name == "new" { Ok(()) } else { Err(Refused::Missing(format!("no '{name}'"))) }
    }
}

#[test]
fn streams_are_followed_and_let_go() {
    let told = Arc::new(Told::default());
    let server = Server::with(|parts| parts.control = told.clone());
    let post =
        |body: serde_json::Value| server.post("/api/v1/streams", "application/json", body.to_string().as_bytes());
    let answer = post(json!({ "name": "new", "paths": ["/new"], "parse": "json" }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({ "streams": [{ "name": "new", "origin": "page", "paths": ["/new"] }], "files": 1, "notes": [] })
    );
    assert_eq!(told.0.lock()[0].parse.as_deref(), Some("json"));
    assert_eq!(post(json!({ "demo": true })).json()["files"], 6);
    for (body, status, kind) in [
        (json!({ "name": "taken", "paths": ["/x"] }), 409, "/problems/conflict"),
        (json!({ "name": "x" }), 400, "/problems/body"),
        (json!({ "demo": true, "paths": ["/x"] }), 400, "/problems/body"),
        (json!({ "pathes": ["/x"] }), 400, "/problems/body"),
    ] {
        let answer = post(body);
        assert_eq!((answer.status, &answer.json()["type"]), (status, &json!(kind)), "{}", answer.text());
    }
    assert_eq!(post(json!({ "name": "x" })).json()["parameter"], "paths");
    let listed = server.json("/api/v1/streams");
    assert_eq!(listed["streams"][0]["name"], "new");
    assert_eq!((&listed["streams"][0]["origin"], &listed["streams"][0]["paths"]), (&json!("page"), &json!(["/new"])));
    assert_eq!(server.delete("/api/v1/streams/new").json(), json!({ "name": "new" }));
    assert_eq!(server.delete("/api/v1/streams/old").status, 404);
    assert_eq!(server.json("/api/v1/suggestions"), json!({ "demo": true, "files": [], "complete": true }));
}

#[test]
fn where_no_agent_runs_it_says_so() {
    let server = Server::start();
    let answer = server.post("/api/v1/streams", "application/json", br#"{"paths":["/x"]}"#);
    assert_eq!(answer.status, 501);
    assert!(answer.text().contains("no agent runs in this process"), "{}", answer.text());
    assert_eq!(server.post("/api/v1/streams", "text/plain", br#"{"paths":["/x"]}"#).status, 400);
    assert_eq!(server.delete("/api/v1/streams/x").status, 501);
    assert_eq!(server.json("/api/v1/suggestions")["demo"], false);
}
