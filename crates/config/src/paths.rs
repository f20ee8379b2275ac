//! Paths as people give them: made absolute, and named.
//!
//! The rule for names, which a person should be able to guess: a folder is called by its name; a file or glob below
//! a folder `log` or `logs` is called by the folder directly below that (`/var/log/nginx/access.log` → `nginx`);
//! any other file by its own name without ending, date and number (`/var/log/syslog.1` → `syslog`); any other glob by
//! the last folder that has no wildcard.

use std::path::{Component, Path, PathBuf};

/// What a path leads to, as far as it is known when it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A folder.
    Folder,
    /// A file, or nothing yet.
    File,
}

/// Whether a part of a path has a wildcard.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// An absolute path or glob without `.` and `..`; `-` stays as it is.
///
/// # Errors
/// Where it is empty.
pub fn absolute(path: &str, folder: &Path) -> Result<String, String> {
    match path {
        "" => return Err("a path must not be empty".to_owned()),
        "-" => return Ok("-".to_owned()),
        _ => {}
    }
    let mut out = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                // Where the parent of a link is meant, the link is followed, as every other program does.
                out = if out.is_symlink() { out.canonicalize().unwrap_or(out) } else { out };
                out.pop();
            }
            part => out.push(part),
        }
    }
    Ok(out.display().to_string())
}

/// The name of the stream for an absolute path or glob.
pub fn stream_name(path: &str, kind: PathKind) -> String {
    if path == "-" {
        return "stdin".to_owned();
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let fixed = parts.iter().position(|part| is_glob(part)).unwrap_or(parts.len());
    let globbed = fixed < parts.len();
    // The folder whose files these are.
    let folders = if globbed || kind == PathKind::Folder { &parts[..fixed] } else { &parts[..fixed.saturating_sub(1)] };
    let below_root = folders.iter().rposition(|part| is_log_root(part)).and_then(|root| folders.get(root + 1));
    let name = match (below_root, globbed, kind) {
        (_, false, PathKind::Folder) => parts.last().copied().unwrap_or_default(),
        (Some(folder), _, _) => folder,
        (None, true, _) => {
            let start = parts[fixed].split(['*', '?', '[', '{']).next().unwrap_or_default();
            let last = folders.last().copied().unwrap_or_default();
            // `/var/log/app-*.log` is about app, not about log.
            if is_log_root(last) && start.len() > 1 { stem(start) } else { last }
        }
        (None, false, PathKind::File) => stem(parts.last().copied().unwrap_or_default()),
    };
    clean_name(name)
}

fn is_log_root(part: &str) -> bool {
    matches!(part, "log" | "logs" | "Logs")
}

/// A file's name without ending, date and number: `app.log.1`, `app-20240131.log`, `app.2024-01-31` → `app`.
fn stem(name: &str) -> &str {
    let mut name = name;
    loop {
        let cut = name.rfind(['.', '-', '_']).filter(|at| *at > 0);
        let Some(at) = cut else { return name };
        let end = &name[at + 1..];
        let number = !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit());
        let ending = name.as_bytes()[at] == b'.'
            && matches!(end, "log" | "txt" | "json" | "jsonl" | "ndjson" | "out" | "err" | "gz" | "old" | "LOG");
        if !(number || ending || end.is_empty()) {
            return name;
        }
        name = &name[..at];
    }
}

/// The nearest text that may be a stream's name.
pub fn clean_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let mapped: String = lower
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-' { c } else { '-' })
        .collect();
    let name: String = mapped.trim_matches(['-', '_']).chars().take(100).collect();
    if name.is_empty() { "logs".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_person_would_guess() {
        for (path, kind, want) in [
            ("-", PathKind::File, "stdin"),
            ("/var/log/nginx/access.log", PathKind::File, "nginx"),
            ("/var/log/nginx/*.log", PathKind::File, "nginx"),
            ("/var/log/nginx", PathKind::Folder, "nginx"),
            ("/var/log/syslog", PathKind::File, "syslog"),
            ("/var/log/syslog.1", PathKind::File, "syslog"),
            ("/var/log/syslog*", PathKind::File, "syslog"),
            ("/var/log/dpkg.log", PathKind::File, "dpkg"),
            ("/var/log/*.log", PathKind::File, "log"),
            ("/var/log/app-*.log", PathKind::File, "app"),
            ("/var/log/postgresql/16/main.log", PathKind::File, "postgresql"),
            ("/var/log/**/access*", PathKind::File, "log"),
            ("/home/u/proj/logs/**/*.log", PathKind::File, "logs"),
            ("/home/u/proj/logs", PathKind::Folder, "logs"),
            ("/home/u/proj/app.log", PathKind::File, "app"),
            ("/home/u/proj/app-2024-01-31.log", PathKind::File, "app"),
            ("/home/u/proj/*.log", PathKind::File, "proj"),
            ("/srv/Web Shop/", PathKind::Folder, "web-shop"),
            ("/tmp/Äpfel.log", PathKind::File, "pfel"),
            ("/tmp/2024.log", PathKind::File, "2024"),
            ("/tmp/error_log", PathKind::File, "error_log"),
            ("/", PathKind::Folder, "logs"),
            ("/*", PathKind::File, "logs"),
        ] {
            assert_eq!(stream_name(path, kind), want, "{path}");
        }
    }

    #[test]
    fn paths_become_absolute() {
        let folder = Path::new("/nowhere/here");
        for (path, want) in [
            ("a.log", "/nowhere/here/a.log"),
            ("./x/../a*.log", "/nowhere/here/a*.log"),
            ("../b/", "/nowhere/b"),
            ("/var//log/./x", "/var/log/x"),
            ("-", "-"),
        ] {
            assert_eq!(absolute(path, folder).as_deref(), Ok(want), "{path}");
        }
        assert!(absolute("", folder).is_err());
    }
}
