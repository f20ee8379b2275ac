//! The streams of `logdrive up PATH…`: named after what is followed, grouped by name.

use std::path::Path;

use crate::paths::{self, PathKind};
use crate::sections::stream::EXCLUDE;
use crate::{StreamConfig, pattern, revision};

/// Streams for paths of a command line. A path that cannot be right comes back with the reason.
pub(crate) fn streams(given: &[String], folder: &Path) -> Result<Vec<StreamConfig>, (String, String)> {
    let mut streams = Vec::new();
    for path in given {
        let wrong = |reason: String| (path.clone(), reason);
        let absolute = paths::absolute(path, folder).map_err(wrong)?;
        let found = std::fs::metadata(&absolute).ok();
        let kind = match &found {
            Some(found) if found.is_dir() => PathKind::Folder,
            // What is not there yet is a folder if it is written like one.
            None if path.ends_with('/') => PathKind::Folder,
            _ => PathKind::File,
        };
        // A file that is there is meant itself, whatever wildcards its name has.
        let literal = found.is_some() && paths::is_glob(&absolute);
        let plain = if literal { absolute.replace(['*', '?', '[', '{'], "-") } else { absolute.clone() };
        let name = paths::stream_name(&plain, kind);
        if !literal {
            pattern::check_glob(&absolute).map_err(wrong)?;
        }
        // A file that is named is wanted, even if it looks compressed.
        let wide = kind == PathKind::Folder || (!literal && paths::is_glob(&absolute));
        add(&mut streams, name, absolute, wide);
    }
    Ok(finish(streams))
}

/// Streams for everything in a machine's log folder: one for each name found at its top, and one for the rest.
pub(crate) fn machine(folder: &Path) -> Vec<StreamConfig> {
    let mut streams = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(String, bool)> = entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path().is_dir())))
        .filter(|(name, _)| !name.starts_with('.') && !paths::is_glob(name) && !NO_LOGS.contains(&name.as_str()))
        .collect();
    found.sort();
    for (name, is_folder) in found {
        let path = folder.join(&name).display().to_string();
        let kind = if is_folder { PathKind::Folder } else { PathKind::File };
        add(&mut streams, paths::stream_name(&path, kind), path, true);
    }
    // Whatever appears later under a new name. What another stream follows is not followed again.
    add(&mut streams, "machine".to_owned(), folder.display().to_string(), true);
    for stream in &mut streams {
        stream.exclude.extend(NO_LOGS.map(str::to_owned));
    }
    finish(streams)
}

/// What lives in a machine's log folder and is no log: accounting, and what explains the folder.
const NO_LOGS: [&str; 5] = ["README", "btmp", "faillog", "lastlog", "wtmp"];

fn add(streams: &mut Vec<StreamConfig>, name: String, path: String, wide: bool) {
    let at = streams.iter().position(|stream| stream.name == name).unwrap_or_else(|| {
        streams.push(StreamConfig::new(name, Vec::new()));
        streams.len() - 1
    });
    let stream = &mut streams[at];
    if !stream.paths.contains(&path) {
        stream.paths.push(path);
    }
    if wide && stream.exclude.is_empty() {
        stream.exclude = EXCLUDE.iter().map(|glob| (*glob).to_owned()).collect();
    }
}

fn finish(mut streams: Vec<StreamConfig>) -> Vec<StreamConfig> {
    for stream in &mut streams {
        stream.revision = revision::revision_of(stream);
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_name_share_a_stream() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir_all(at("nginx")).unwrap();
        std::fs::write(at("a[1].log"), "").unwrap();
        let given = ["nginx", "nginx", "nginx/*.log", "a[1].log", "-", "gone/"].map(str::to_owned);
        let streams = streams(&given, folder.path()).unwrap();
        let shown: Vec<(&str, Vec<String>, bool)> =
            streams.iter().map(|s| (s.name.as_str(), s.paths.clone(), s.exclude.is_empty())).collect();
        let own = paths::stream_name(&at("nginx/*.log"), PathKind::File);
        assert_eq!(own, "nginx");
        assert_eq!(
            shown,
            [
                ("nginx", vec![at("nginx"), at("nginx/*.log")], false),
                ("a-1", vec![at("a[1].log")], true),
                ("stdin", vec!["-".to_owned()], true),
                ("gone", vec![at("gone")], false),
            ]
        );
        assert!(super::streams(&["x[".to_owned()], folder.path()).is_err());
    }

    #[test]
    fn a_machine_has_a_stream_for_each_name_and_one_for_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::create_dir_all(log.join("nginx")).unwrap();
        for name in ["syslog", "syslog.1", "dpkg.log", "wtmp"] {
            std::fs::write(log.join(name), "").unwrap();
        }
        let streams = machine(&log);
        let names: Vec<(&str, usize)> = streams.iter().map(|s| (s.name.as_str(), s.paths.len())).collect();
        assert_eq!(names, [("dpkg", 1), ("nginx", 1), ("syslog", 2), ("machine", 1)]);
        assert!(streams.iter().all(|stream| stream.exclude.contains(&"*.gz".to_owned()) && stream.revision.0 != 0));
    }
}
