//! The files of the checkout: no leftovers, nothing huge, no link into the void.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Problem;

/// A file of the checkout.
#[derive(Debug)]
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    /// Its text; empty where it is not UTF-8 or too big to be a source.
    pub text: String,
    pub bytes: u64,
}

const BYTES_MAX: u64 = 1_000_000;
/// What git leaves where a merge was not finished.
const MARKERS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];

/// Every file under `root` that is not built or git's own.
pub fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(root.join(&folder)).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !["target", ".git"].contains(&&*entry.file_name().to_string_lossy()) {
                    folders.push(path);
                }
            } else if kind.is_file() {
                files.push(file(root, &path)?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn file(root: &Path, path: &Path) -> Result<File> {
    let full = root.join(path);
    let bytes = std::fs::metadata(&full).with_context(|| format!("cannot look at {}", path.display()))?.len();
    let text = if bytes > BYTES_MAX { Vec::new() } else { std::fs::read(&full)? };
    Ok(File { path: path.to_string_lossy().into_owned(), text: String::from_utf8(text).unwrap_or_default(), bytes })
}

/// Checks every file.
pub fn check(root: &Path, files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        if file.bytes > BYTES_MAX {
            problems.push(format!("{} has {} bytes: generate it under target/ instead", file.path, file.bytes));
        }
        for (n, line) in file.text.lines().enumerate() {
            if MARKERS.iter().any(|marker| line.starts_with(marker)) {
                problems.push(format!("{}:{}: a merge was not finished", file.path, n + 1));
            }
        }
        if file.path.ends_with(".md") {
            problems.extend(
                links(file)
                    .filter(|(_, link)| !exists(root, &file.path, link))
                    .map(|(line, link)| format!("{}:{line}: links to {link}, which does not exist", file.path)),
            );
        }
    }
    problems
}

/// Links to files, with the number of their line; code blocks aside.
fn links(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    let lines = file.text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    lines.flat_map(|(n, line)| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
        let files = targets.filter(|target| {
            !target.contains("://") && !target.starts_with(['#', '<']) && !target.starts_with("mailto:")
        });
        files.map(move |target| (n + 1, target.split('#').next().unwrap_or(target)))
    })
}

fn exists(root: &Path, from: &str, link: &str) -> bool {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    root.join(folder).join(link).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_example() {
        let root = crate::run::root();
        for (path, text, bytes, expected) in [
            ("big.bin", "", BYTES_MAX + 1, "generate it"),
            ("a.rs", "fn x() {}\n<<<<<<< HEAD\n", 9, "a.rs:2: a merge"),
            ("docs/a.md", "see [b](nowhere.md#x)\n", 9, "docs/a.md:1: links to nowhere.md"),
        ] {
            let problems = check(&root, &[File { path: path.into(), text: text.into(), bytes }]);
            assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:?}");
        }
        let fine = "[a](Cargo.toml) [b](https://x.y/z) [c](#d)\n```\n[x](nowhere)\n```\n";
        assert_eq!(check(&root, &[File { path: "a.md".into(), text: fine.into(), bytes: 9 }]), Vec::<Problem>::new());
    }
}
