//! What goes wrong is said, with the fix, and loses nothing.

use std::fs;

use e2e::{Folder, Start, logdrive, until};

#[test]
fn a_port_in_use_is_named() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = logdrive(&["up"])
        .arg(folder.logs())
        .args(["--listen", &address, "--data"])
        .arg(folder.path("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
}

#[test]
fn a_data_folder_in_use_names_who_uses_it() {
    let folder = Folder::new();
    let first = Start::up(&folder, &[&folder.logs()]).start();
    let second = logdrive(&["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path("data"))
        .arg(folder.logs())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&first.pid().to_string()) && said.contains("data"), "{said}");
}

#[test]
fn mistakes_in_the_configuration_are_shown_where_they_are() {
    for (text, place, expected) in [
        ("[agent]\nblock_bites = \"1MiB\"\n", "logdrive.toml:2:1", "block_bytes"),
        ("[agent]\nblock_bytes = \"soon\"\n", "logdrive.toml:2:15", "'soon' is not a size"),
        ("listen = \n", "logdrive.toml:1:", ""),
        ("[[stream]]\nname = \"a\"\npaths = [\"/x/[\"]\n", "logdrive.toml:3:", "/x/["),
        ("[[stream]]\nname = \"a\"\npaths = [\"/x\"]\ndrop = [\"(\"]\n", "logdrive.toml:4:", "("),
    ] {
        let folder = Folder::new();
        let path = folder.path("logdrive.toml");
        fs::write(&path, text).unwrap();
        let output = logdrive(&["validate", path.to_str().unwrap()]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{text}: {said}");
        assert!(said.contains(place) && said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn a_query_that_does_not_parse_shows_the_place() {
    let folder = Folder::new();
    let server = Start::up(&folder, &[&folder.logs()]).start();
    for query in ["level:[500 TO", "a AND (b", "/[/"] {
        let output = server.client().run(&["search", query]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{query}: {said}");
        assert!(said.contains('^') && said.contains(query), "{query}: {said}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_a_server_that_is_not_there_with_1() {
    for args in [&["serach"][..], &["search", "--limit", "many"], &["up", "--nonsense"]] {
        let output = logdrive(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = logdrive(&["search", "x", "--server", &format!("http://{free}")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(&free), "{said}");
}

#[test]
fn data_of_a_newer_version_is_left_alone() {
    let folder = Folder::new();
    folder.log("a.log", "a line\n");
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("line", 1);
    assert_eq!(server.stop().code(), Some(0));
    let version = folder.path("data/version");
    let present: u32 = fs::read_to_string(&version).unwrap().trim().parse().unwrap();
    fs::write(&version, format!("{}\n", present + 1)).unwrap();
    let (status, said) = Start::up(&folder, &[&folder.logs()]).fails();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("newer") && said.contains("data"), "{said}");
    fs::write(&version, format!("{present}\n")).unwrap();
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("line", 1);
}

#[test]
fn what_cannot_be_read_is_named_and_harms_nobody_else() {
    let folder = Folder::new();
    folder.log("fine.log", "a fine line\n");
    std::os::unix::fs::symlink("loop.log", folder.logs().join("loop.log")).unwrap();
    let server = Start::up(&folder, &[&folder.logs().join("loop.log"), &folder.logs().join("fine.log")]).start();
    server.client().hits("fine", 1);
    until("the loop is named", || {
        let said = server.output() + &server.client().says(&["audit"])?;
        if said.contains("loop.log") { Ok(()) } else { Err(said) }
    });
}

#[test]
fn a_full_disk_pauses_and_resumes() {
    let folder = Folder::new();
    folder.log("a.log", "a line\n");
    let full = "[store]\nfree_bytes_min = \"900TiB\"\n";
    let server = Start::up(&folder, &[&folder.logs()]).config(full).start();
    until("it says that it pauses", || {
        let said = server.output() + &server.client().get("/api/v1/stats").unwrap_or_default();
        if said.contains("free") { Ok(()) } else { Err(said) }
    });
    server.stop();
    let server = Start::up(&folder, &[&folder.logs()]).config("").start();
    server.client().hits("line", 1);
    server.client().complete(1, 7);
}
