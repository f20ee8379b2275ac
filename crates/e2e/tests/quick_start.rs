//! What the README says a user does first, and what then happens.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;

use e2e::{Folder, Start, logdrive, until};

#[test]
fn up_follows_a_folder_and_everything_is_found() {
    let folder = Folder::new();
    let mut text = String::new();
    for n in 0..100 {
        let level = if n % 10 == 0 { "error" } else { "info" };
        let _ = writeln!(
            text,
            "{{\"time\":\"2026-11-21T08:00:{:02}Z\",\"level\":\"{level}\",\"msg\":\"request {n} done\"}}",
            n % 60
        );
    }
    let path = folder.log("shop.log", &text);
    let server = Start::up(&folder, &[&folder.logs()]).start();
    let client = server.client();

    assert_eq!(client.hits("level:error", 10).len(), 10);
    let one = client.hits("\"request 42\"", 1).remove(0);
    assert_eq!(one.line, text.lines().nth(42).unwrap().as_bytes());
    assert_eq!(
        (one.json["level"].as_str(), one.json["fields"]["msg"].as_str()),
        (Some("info"), Some("request 42 done"))
    );
    assert_eq!(one.json["time"].as_str(), Some("2026-11-21T08:00:42Z"));
    assert_eq!(one.json["path"].as_str(), path.to_str());

    let accounts = client.complete(1, text.len() as u64);
    assert_eq!((accounts[0].bytes("stored"), accounts[0].path.as_str()), (text.len() as u64, path.to_str().unwrap()));
    let shown = client.says(&["audit", path.to_str().unwrap()]).unwrap();
    assert!(shown.contains("shop.log"), "{shown}");
    let tailed = client.says(&["search", "request", "--limit", "3"]).unwrap();
    assert_eq!(tailed.lines().count(), 3, "{tailed}");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn follow_shows_what_comes_in() {
    let folder = Folder::new();
    let path = folder.log("a.log", "before\n");
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("before", 1);
    let mut follow = logdrive(&["search", "apple", "--follow", "--json", "--server", &server.client().address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    // The follower says nothing before something comes, so it is fed until it speaks.
    let (found, answer) = std::sync::mpsc::sync_channel(1);
    let reader = std::thread::spawn(move || found.send(lines.next().unwrap().unwrap()));
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    let first = until("the follower shows a line", || {
        file.write_all(b"a pear\nan apple\n").unwrap();
        answer.try_recv().map_err(|_| "nothing yet".to_owned())
    });
    assert!(first.contains("an apple"), "{first}");
    follow.kill().unwrap();
    follow.wait().unwrap();
    reader.join().unwrap().unwrap();
}

#[test]
fn standard_input_is_a_source() {
    let folder = Folder::new();
    let mut server = Start::up(&folder, &["-".as_ref()]).stdin(Stdio::piped()).start();
    let mut stdin = server.stdin().unwrap();
    stdin.write_all(b"first line of a program\nsecond line of a program\nno newline").unwrap();
    server.client().hits("program", 2);
    drop(stdin);
    server.client().hits("newline", 1);
    let tail = server.client().says(&["search", "--json", "--all"]).unwrap();
    assert!(tail.contains("\"path\":\"-\""), "{tail}");
}

#[test]
fn demo_writes_and_finds_its_own_lines() {
    let folder = Folder::new();
    let server = Start::up(&folder, &[]).arg("--demo").start();
    until("the demo's services are found", || {
        let hits = server.client().search(&["--limit", "2000"])?;
        let streams: std::collections::BTreeSet<_> = hits.iter().filter_map(|hit| hit.json["path"].as_str()).collect();
        if streams.len() >= 5 { Ok(()) } else { Err(format!("{streams:?}")) }
    });
    assert_eq!(server.stop().code(), Some(0));
}
