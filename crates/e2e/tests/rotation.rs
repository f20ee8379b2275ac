//! Files that move, shrink and vanish, while we look and while we do not.

use std::fs;
use std::io::Write;

use e2e::{Folder, Start, until};

fn lines(name: &str, count: usize) -> String {
    (0..count).map(|n| format!("{name} line {n}\n")).collect()
}

#[test]
fn several_rotations_while_down_lose_nothing() {
    let folder = Folder::new();
    let log = folder.log("a.log", lines("zero", 10));
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("zero", 10);
    // More comes that it may or may not see, then it is gone while three rotations happen.
    fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(lines("late", 5).as_bytes()).unwrap();
    server.kill();
    for (n, name) in ["one", "two", "three"].iter().enumerate() {
        for k in (1..=n).rev() {
            fs::rename(folder.logs().join(format!("a.log.{k}")), folder.logs().join(format!("a.log.{}", k + 1)))
                .unwrap();
        }
        fs::rename(&log, folder.logs().join("a.log.1")).unwrap();
        fs::write(&log, lines(name, 10)).unwrap();
    }
    let server = Start::up(&folder, &[&folder.logs()]).start();
    for (name, count) in [("zero", 10), ("late", 5), ("one", 10), ("two", 10), ("three", 10)] {
        server.client().hits(name, count);
    }
    let bytes = fs::read_dir(folder.logs()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    server.client().complete(4, bytes);
}

#[test]
fn truncation_begins_a_new_generation() {
    let folder = Folder::new();
    let log = folder.log("a.log", lines("first", 10));
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("first", 10);
    fs::File::options().write(true).truncate(true).open(&log).unwrap();
    fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(lines("second", 3).as_bytes()).unwrap();
    let second = server.client().hits("second", 3);
    let first = server.client().hits("first", 10);
    assert_ne!(first[0].key, second[0].key);
    assert_eq!(first[0].key.split('.').next(), second[0].key.split('.').next());
    let all = (lines("first", 10).len() + lines("second", 3).len()) as u64;
    server.client().complete(2, all);
}

#[test]
fn a_deleted_file_is_read_to_its_end() {
    let folder = Folder::new();
    let log = folder.log("a.log", lines("early", 10));
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("early", 10);
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    fs::remove_file(&log).unwrap();
    file.write_all(lines("posthumous", 2000).as_bytes()).unwrap();
    drop(file);
    server.client().hits("posthumous", 2000);
}

#[test]
fn a_file_deleted_unread_while_down_is_counted_as_missed() {
    let folder = Folder::new();
    let log = folder.log("a.log", lines("seen", 10));
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("seen", 10);
    server.client().complete(1, lines("seen", 10).len() as u64);
    server.kill();
    fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(lines("unseen", 10).as_bytes()).unwrap();
    fs::remove_file(&log).unwrap();
    let server = Start::up(&folder, &[&folder.logs()]).start();
    server.client().hits("seen", 10);
    // Nobody can know how much was appended; what was stored stays accounted for.
    let accounts = server.client().audit(&[]).unwrap();
    assert!(accounts.iter().all(|account| account.bytes("stored") == lines("seen", 10).len() as u64), "{accounts:?}");
}

#[test]
fn the_same_file_by_two_paths_is_read_once_and_odd_files_do_no_harm() {
    let folder = Folder::new();
    let log = folder.log("a.log", lines("once", 10));
    fs::hard_link(&log, folder.logs().join("b.log")).unwrap();
    std::os::unix::fs::symlink(&log, folder.logs().join("c.log")).unwrap();
    std::os::unix::fs::symlink("loop.log", folder.logs().join("loop.log")).unwrap();
    folder.log("empty.log", "");
    folder.log("odd.log", b"crlf\r\nnul\0\nnot utf-8 \xff\xfe\n");
    // In a folder, a file that begins like a binary would be left alone (and named); a glob means what it says.
    let server = Start::up(&folder, &[&folder.logs().join("*")]).start();
    server.client().hits("once", 10);
    let odd = server.client().hits("path:*odd.log", 3);
    let mut found: Vec<&[u8]> = odd.iter().map(|hit| &*hit.line).collect();
    found.sort_unstable();
    assert_eq!(found, [&b"crlf\r"[..], b"not utf-8 \xff\xfe", b"nul\0"]);
    let raw = odd.iter().find(|hit| hit.line.starts_with(b"not")).unwrap();
    assert!(raw.json["line_base64"].is_string());
}

#[test]
fn a_path_that_comes_later_is_followed() {
    let folder = Folder::new();
    let later = folder.path("later/deep/a.log");
    let server = Start::up(&folder, &[&later]).start();
    let said = until("it says that it waits", || {
        let said = server.output();
        if said.contains("later/deep/a.log") { Ok(said) } else { Err(said) }
    });
    assert!(said.contains("wait"), "{said}");
    fs::create_dir_all(later.parent().unwrap()).unwrap();
    fs::write(&later, lines("finally", 3)).unwrap();
    server.client().hits("finally", 3);
}
