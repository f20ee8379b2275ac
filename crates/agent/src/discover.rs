//! Which files are followed: paths, folders and globs against what is on the disk.
//!
//! Decision: a pattern is asked in two ways that must agree: "does it claim this path?" for a hint about one name, and
//! "walk everything it may claim" for the scan. Both end in [`Follow::claim`]. A file that merely looks like a rotated
//! one (`app.log.1`, `app-20240101.log`) next to a followed path is no claim; [`Follow::bases`] names what it may have
//! been.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use config::StreamConfig;
use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use crate::AgentError;

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// The patterns of all streams.
pub struct Follow {
    streams: Vec<Arc<Rules>>,
    own: PathBuf,
}

#[derive(Default)]
struct Rules {
    patterns: Vec<Pattern>,
    exclude_paths: GlobSet,
    exclude_names: GlobSet,
}

enum Pattern {
    /// A file, or a folder with everything in it.
    Path(PathBuf),
    /// What matches below `base`, at most so many folders deep.
    Glob { base: PathBuf, matcher: GlobMatcher, depth: usize },
}

/// Who follows a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The stream.
    pub stream: usize,
    /// Found in a followed folder, not named by path or glob: binary and compressed files are left alone.
    pub in_folder: bool,
}

/// Something that a walk came upon.
pub enum Found<'a> {
    /// A file (or what a symlink to one leads to), with its inode in the folder, and who follows it.
    File(&'a Path, u64, Option<Claim>),
    /// A folder that hints are wanted of.
    Folder(&'a Path),
    /// A path that cannot be looked at, or is not there.
    Problem(&'a Path, io::Error),
}

/// Folders nested deeper than this are not looked into.
const DEPTH_MAX: usize = 64;
/// Files in followed folders that are not text.
const NOT_TEXT: [&str; 12] = ["gz", "bz2", "xz", "zst", "zip", "lz4", "lzma", "Z", "tgz", "journal", "journal~", "swp"];
/// Accounting files of the system, which are not text either.
const NOT_TEXT_NAMES: [&str; 5] = ["wtmp", "btmp", "lastlog", "faillog", "utmp"];

impl Follow {
    /// Compiles the patterns. Nothing in the folder `own` is ever followed.
    pub fn new(streams: &[StreamConfig], own: &Path) -> Result<Self, AgentError> {
        let own = fs::canonicalize(own).unwrap_or_else(|_| own.to_owned());
        let streams = streams.iter().map(|stream| Rules::new(stream).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { streams, own })
    }

    /// These, and one more behind them.
    pub fn with(&self, stream: &StreamConfig) -> Result<Self, AgentError> {
        let more = Arc::new(Rules::new(stream)?);
        Ok(Self { streams: self.streams.iter().cloned().chain([more]).collect(), own: self.own.clone() })
    }

    /// These, without the patterns of one, whose place stays.
    pub fn without(&self, stream: usize) -> Self {
        let mut streams = self.streams.clone();
        streams[stream] = Arc::default();
        Self { streams, own: self.own.clone() }
    }

    /// Who follows `path`: the first stream that claims it.
    pub fn claim(&self, path: &Path) -> Option<Claim> {
        if path.starts_with(&self.own) {
            return None;
        }
        self.streams.iter().enumerate().find_map(|(stream, rules)| {
            let in_folder = rules.claims(path)?;
            (!rules.excludes(path)).then_some(Claim { stream, in_folder })
        })
    }

    /// The followed paths that a file named `path` may have been before it was rotated, with their claims.
    pub fn bases(&self, path: &Path) -> Vec<(PathBuf, Claim)> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Vec::new();
        };
        if !is_text_name(path) {
            return Vec::new();
        }
        let named = base_names(name).into_iter().map(|name| folder.join(name));
        named.filter_map(|base| self.claim(&base).map(|claim| (base, claim))).collect()
    }

    /// Goes through everything that may be claimed.
    pub fn walk(&self, found: &mut dyn FnMut(Found<'_>)) {
        for rules in &self.streams {
            self.walk_rules(rules, found);
        }
    }

    /// Goes through everything that one stream may claim.
    pub fn walk_one(&self, stream: usize, found: &mut dyn FnMut(Found<'_>)) {
        self.walk_rules(&self.streams[stream], found);
    }

    fn walk_rules(&self, rules: &Rules, found: &mut dyn FnMut(Found<'_>)) {
        for pattern in &rules.patterns {
            let mut seen = HashSet::new();
            match pattern {
                Pattern::Path(path) => match fs::metadata(path) {
                    Ok(at) if at.is_dir() => self.walk_folder(path, DEPTH_MAX, &mut seen, found),
                    Ok(_) => {
                        found(Found::File(path, 0, self.claim(path)));
                        if let Some(folder) = path.parent() {
                            self.walk_folder(folder, 0, &mut seen, found);
                        }
                    }
                    Err(error) => {
                        found(Found::Problem(path, error));
                        self.walk_where_it_would_be(path, found);
                    }
                },
                Pattern::Glob { base, depth, .. } => {
                    if base.is_dir() {
                        self.walk_folder(base, *depth, &mut seen, found);
                    } else {
                        found(Found::Problem(base, io::ErrorKind::NotFound.into()));
                        self.walk_where_it_would_be(base, found);
                    }
                }
            }
        }
    }

    /// Whether everything in `folder` may be claimed, so that it is worth going through when it appears.
    pub fn reaches_into(&self, folder: &Path) -> bool {
        self.streams.iter().flat_map(|rules| &rules.patterns).any(|pattern| match pattern {
            Pattern::Path(named) => folder.starts_with(named),
            Pattern::Glob { base, depth, .. } => {
                folder.strip_prefix(base).is_ok_and(|below| below.components().count() <= *depth)
            }
        })
    }

    /// Goes through a folder that appeared, with all its folders.
    pub fn walk_from(&self, folder: &Path, found: &mut dyn FnMut(Found<'_>)) {
        self.walk_folder(folder, DEPTH_MAX, &mut HashSet::new(), found);
    }

    /// Goes through the files of one folder.
    pub fn list(&self, folder: &Path, found: &mut dyn FnMut(Found<'_>)) {
        self.walk_folder(folder, 0, &mut HashSet::new(), found);
    }

    /// A path that is not there may come: its folder, or the nearest there is, will tell. Its siblings may be what it
    /// was before a rotation.
    fn walk_where_it_would_be(&self, path: &Path, found: &mut dyn FnMut(Found<'_>)) {
        let parent = path.parent().unwrap_or(path);
        if parent.is_dir() {
            self.walk_folder(parent, 0, &mut HashSet::new(), found);
        } else if let Some(nearest) = parent.ancestors().find(|folder| folder.is_dir()) {
            found(Found::Folder(nearest));
        }
    }

    fn walk_folder(
        &self,
        folder: &Path,
        depth: usize,
        seen: &mut HashSet<(u64, u64)>,
        found: &mut dyn FnMut(Found<'_>),
    ) {
        let listed = fs::metadata(folder).and_then(|at| {
            let entered = seen.insert((at.dev(), at.ino()));
            if entered && !self.is_own(folder) { fs::read_dir(folder).map(Some) } else { Ok(None) }
        });
        let entries = match listed {
            Ok(Some(entries)) => entries,
            Ok(None) => return,
            Err(error) => return found(Found::Problem(folder, error)),
        };
        found(Found::Folder(folder));
        for entry in entries {
            let Ok(entry) = entry else { break };
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            let (is_folder, inode) = if kind.is_symlink() {
                match fs::metadata(&path) {
                    Ok(at) => (at.is_dir(), at.ino()),
                    // It leads nowhere now; a later scan sees whether that changed.
                    Err(_) => continue,
                }
            } else {
                (kind.is_dir(), entry.ino())
            };
            if !is_folder {
                found(Found::File(&path, inode, self.claim(&path)));
            } else if depth > 0 {
                self.walk_folder(&path, depth - 1, seen, found);
            }
        }
    }

    fn is_own(&self, folder: &Path) -> bool {
        folder.starts_with(&self.own) || fs::canonicalize(folder).is_ok_and(|folder| folder.starts_with(&self.own))
    }
}

impl Rules {
    fn new(stream: &StreamConfig) -> Result<Self, AgentError> {
        let glob = |key: &'static str, pattern: &str| {
            GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build().map_err(|error| {
                AgentError::Glob {
                    stream: stream.name.clone(),
                    key,
                    pattern: pattern.to_owned(),
                    reason: error.kind().to_string(),
                }
            })
        };
        let mut patterns = Vec::new();
        for path in stream.paths.iter().filter(|path| *path != STDIN) {
            if !path.starts_with('/') {
                return Err(AgentError::Relative { stream: stream.name.clone(), path: path.clone() });
            }
            // A name that is there is that name, whatever characters it has.
            if path.contains(['*', '?', '[', '{']) && !Path::new(path).exists() {
                let (base, depth) = glob_reach(path);
                patterns.push(Pattern::Glob { base, matcher: glob("paths", path)?.compile_matcher(), depth });
            } else {
                patterns.push(Pattern::Path(Path::new(path).components().collect()));
            }
        }
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in &stream.exclude {
            let set = if pattern.contains('/') { &mut paths } else { &mut names };
            set.add(glob("exclude", pattern)?);
        }
        let build = |set: GlobSetBuilder| {
            set.build().map_err(|error| AgentError::Glob {
                stream: stream.name.clone(),
                key: "exclude",
                pattern: stream.exclude.join(" "),
                reason: error.to_string(),
            })
        };
        Ok(Self { patterns, exclude_paths: build(paths)?, exclude_names: build(names)? })
    }

    /// Whether a pattern claims the path: then, whether it is by way of a folder.
    fn claims(&self, path: &Path) -> Option<bool> {
        let mut in_folder = None;
        for pattern in &self.patterns {
            match pattern {
                Pattern::Path(named) if named == path => return Some(false),
                Pattern::Path(named) if path.starts_with(named) => in_folder = is_text_name(path).then_some(true),
                Pattern::Glob { matcher, .. } if matcher.is_match(path) => return Some(false),
                _ => {}
            }
        }
        in_folder
    }

    fn excludes(&self, path: &Path) -> bool {
        self.exclude_paths.is_match(path) || path.file_name().is_some_and(|name| self.exclude_names.is_match(name))
    }
}

/// The folder below which a glob matches, and how many folders deep.
fn glob_reach(pattern: &str) -> (PathBuf, usize) {
    let parts: Vec<Component<'_>> = Path::new(pattern).components().collect();
    let wild =
        |part: &Component<'_>| part.as_os_str().to_str().is_none_or(|text| text.contains(['*', '?', '[', '{', '\\']));
    let fixed = parts.iter().position(wild).unwrap_or(parts.len()).min(parts.len() - 1);
    let base = parts[..fixed].iter().collect();
    let deep = pattern.contains("**") || pattern.contains('{');
    (base, if deep { DEPTH_MAX } else { parts.len() - fixed - 1 })
}

/// Whether a file found in a folder may be text, by its name.
fn is_text_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !extension.is_some_and(|extension| NOT_TEXT.contains(&extension))
        && !NOT_TEXT_NAMES.iter().any(|not_text| {
            name.strip_prefix(not_text).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        })
}

/// The names that a rotated file may have had: `app.log.1`, `app.log-20240101`, `app.log_old` were `app.log`;
/// `app.1.log`, `app-2024-01-01.log` were `app.log` too.
fn base_names(name: &str) -> Vec<String> {
    let mut bases = Vec::new();
    for (at, _) in name.char_indices().filter(|(at, c)| *at > 0 && matches!(c, '.' | '-' | '_' | '~')) {
        bases.push(name[..at].to_owned());
    }
    if let Some((stem, extension)) = name.rsplit_once('.') {
        let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | 'T');
        let base = stem.trim_end_matches(digits);
        if base.len() < stem.len() && !base.is_empty() && stem[base.len()..].starts_with(['.', '-', '_']) {
            bases.push(format!("{base}.{extension}"));
        }
    }
    bases
}

#[cfg(test)]
mod tests;
