//! Logs found on this machine that one could follow: what is in the usual places, by name.
//!
//! Decision: places, not a search of the disk. A look has a bound, and what it did not get to is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use config::PathKind;
use dashboard::{Suggestion, Suggestions};

/// So many names are looked at.
const ENTRIES_MAX: usize = 20_000;
/// So many suggestions are made.
const SUGGESTIONS_MAX: usize = 200;
/// Folders are looked into so deep.
const DEPTH: usize = 4;
/// What is compressed, binary, or accounting.
const NOT_LOGS: [&str; 15] = [
    "gz", "bz2", "xz", "zst", "zip", "lz4", "journal", "journal~", "tgz", "pid", "sock", "lock", "db", "swp", "sqlite",
];
const NOT_LOG_NAMES: [&str; 6] = ["README", "btmp", "faillog", "lastlog", "wtmp", "journal"];

/// Folders in which each entry is something of its own.
const LOG_ROOTS: [&str; 2] = ["var/log", "usr/local/var/log"];
/// Folders whose entries may have logs of their own in a folder of these names.
const APP_ROOTS: [&str; 3] = ["opt", "srv", "var/www"];
const APP_LOGS: [&str; 2] = ["log", "logs"];
/// Single places: the folder that says it is there, what to follow, and a name.
const PLACES: [(&str, &str, &str); 2] =
    [("var/lib/docker/containers", "*/*-json.log", "docker"), ("var/log/pods", "*/*/*.log", "pods")];

/// A look at the places below `root`; `follower` says which stream follows a path already.
pub(crate) fn suggestions(root: &Path, home: Option<&Path>, follower: &dyn Fn(&Path) -> Option<String>) -> Suggestions {
    let mut look = Look { left: ENTRIES_MAX, found: BTreeMap::new() };
    for log_root in LOG_ROOTS {
        look.entries(&root.join(log_root));
    }
    for app_root in APP_ROOTS {
        for app in look.list(&root.join(app_root)) {
            let name = config::stream_name(&app.display().to_string(), PathKind::Folder);
            for logs in APP_LOGS {
                look.folder(&app.join(logs), Some((app.join(logs), &name)));
            }
        }
    }
    for (folder, glob, name) in PLACES {
        let folder = root.join(folder);
        look.folder(&folder, Some((folder.join(glob), name)));
    }
    if let Some(home) = home {
        let logs = home.join(".pm2/logs");
        look.folder(&logs, Some((logs.clone(), "pm2")));
    }
    let complete = look.left > 0;
    let mut files: Vec<Suggestion> = look.found.into_values().collect();
    for suggestion in &mut files {
        suggestion.followed_by = follower(Path::new(&suggestion.path));
    }
    files.sort_by_key(|found| (found.followed_by.is_some(), !found.readable, std::cmp::Reverse(found.bytes)));
    files.truncate(SUGGESTIONS_MAX);
    Suggestions { demo: true, files, complete }
}

struct Look {
    /// Names that may still be looked at.
    left: usize,
    /// By what would be followed.
    found: BTreeMap<String, Suggestion>,
}

impl Look {
    fn list(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).take(self.left).collect();
        self.left -= paths.len();
        paths.sort();
        paths
    }

    /// Each entry of a folder of logs is something of its own.
    fn entries(&mut self, folder: &Path) {
        for path in self.list(folder) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with('.') || NOT_LOG_NAMES.contains(&name) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(at) if at.is_dir() => self.folder(&path, None),
                Ok(at) if at.is_file() && is_log(&path) => self.file(&path, at.len()),
                _ => {}
            }
        }
    }

    fn file(&mut self, path: &Path, bytes: u64) {
        let shown = path.display().to_string();
        let stream = config::stream_name(&shown, PathKind::File);
        let readable = fs::File::open(path).is_ok();
        // What it was rotated to belongs to it.
        let rotated = shown.rsplit_once('.').filter(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(known) = rotated.and_then(|(base, _)| self.found.get_mut(base)) {
            known.bytes += bytes;
            known.files += 1;
            return;
        }
        let suggestion = Suggestion {
            path: shown.clone(),
            glob: shown.clone(),
            bytes,
            files: 1,
            readable,
            stream,
            followed_by: None,
        };
        self.found.insert(shown, suggestion);
    }

    /// A folder whose files belong together.
    fn folder(&mut self, folder: &Path, special: Option<(PathBuf, &str)>) {
        let mut sum = Sum { readable: true, ..Sum::default() };
        self.measure(folder, DEPTH, &mut sum);
        if sum.files == 0 && sum.readable {
            return;
        }
        let path = folder.display().to_string();
        let (glob, stream) = match special {
            Some((glob, name)) => (glob.display().to_string(), name.to_owned()),
            None => (path.clone(), config::stream_name(&path, PathKind::Folder)),
        };
        let Sum { bytes, files, readable } = sum;
        self.found.insert(glob.clone(), Suggestion { path, glob, bytes, files, readable, stream, followed_by: None });
    }

    fn measure(&mut self, folder: &Path, depth: usize, sum: &mut Sum) {
        match fs::read_dir(folder) {
            Ok(_) => {}
            Err(error) => {
                sum.readable &= error.kind() == std::io::ErrorKind::NotFound;
                return;
            }
        }
        for path in self.list(folder) {
            match fs::metadata(&path) {
                Ok(at) if at.is_dir() && depth > 0 => self.measure(&path, depth - 1, sum),
                Ok(at) if at.is_file() && is_log(&path) => {
                    sum.readable &= sum.files > 0 || fs::File::open(&path).is_ok();
                    sum.bytes += at.len();
                    sum.files += 1;
                }
                _ => {}
            }
        }
    }
}

#[derive(Default)]
struct Sum {
    bytes: u64,
    files: usize,
    readable: bool,
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    !name.starts_with('.') && !NOT_LOGS.contains(&ending) && !NOT_LOG_NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_places_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: usize| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x".repeat(bytes)).unwrap();
        };
        for (path, bytes) in [
            ("var/log/syslog", 50),
            ("var/log/syslog.1", 40),
            ("var/log/wtmp", 1000),
            ("var/log/dpkg.log.2.gz", 1000),
            ("var/log/nginx/access.log", 300),
            ("var/log/nginx/error.log", 20),
            ("var/log/empty/x.gz", 7),
            ("opt/shop/logs/shop.log", 500),
            ("opt/shop/bin/shop", 9000),
            ("var/lib/docker/containers/ab/ab-json.log", 5),
            ("root/.pm2/logs/api.log", 6),
        ] {
            write(path, bytes);
        }
        let follower = |path: &Path| path.ends_with("nginx").then(|| "web".to_owned());
        let found = suggestions(folder.path(), Some(&folder.path().join("root")), &follower);
        let shown: Vec<_> = found.files.iter().map(|f| (f.stream.as_str(), f.bytes, f.files, f.readable)).collect();
        assert!(found.complete && found.demo);
        assert_eq!(
            shown,
            [
                ("shop", 500, 1, true),
                ("syslog", 90, 2, true),
                ("pm2", 6, 1, true),
                ("docker", 5, 1, true),
                ("nginx", 320, 2, true)
            ]
        );
        assert_eq!(found.files[4].followed_by.as_deref(), Some("web"));
        assert!(found.files[3].glob.ends_with("containers/*/*-json.log"));
    }
}
