//! What every crate must have: a purpose in its first lines, the workspace's versions and lints.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Problem;
use super::tree::File;

/// One of our crates.
#[derive(Debug)]
pub struct Crate {
    pub name: String,
    /// From the root, with `/`.
    pub folder: String,
    /// Our crates that it uses.
    pub uses: BTreeSet<String>,
    /// Our crates that only its tests use.
    pub in_tests: BTreeSet<String>,
}

/// The crates whose first lines say what they must not know.
const FLOORS_0_TO_2: [&str; 11] = [
    "base",
    "model",
    "codec",
    "config",
    "runtime",
    "telemetry",
    "queue",
    "store",
    "queue-embedded",
    "queue-remote",
    "store-embedded",
];

/// The crates of the workspace as cargo knows them.
pub fn metadata(root: &Path) -> Result<Vec<Crate>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let output = cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root).output()?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    packages.iter().map(|package| one(root, package).context("cargo metadata has another shape")).collect()
}

fn one(root: &Path, package: &Value) -> Option<Crate> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let folder = manifest.parent()?.strip_prefix(root).ok()?.to_str()?.to_owned();
    let mut one =
        Crate { name: package["name"].as_str()?.to_owned(), folder, uses: BTreeSet::new(), in_tests: BTreeSet::new() };
    for dependency in package["dependencies"].as_array()?.iter().filter(|dependency| dependency["path"].is_string()) {
        let list = if dependency["kind"] == "dev" { &mut one.in_tests } else { &mut one.uses };
        list.insert(dependency["name"].as_str()?.to_owned());
    }
    one.in_tests.retain(|name| !one.uses.contains(name));
    Some(one)
}

/// Checks what every crate must have.
pub fn check(crates: &[Crate], tree: &[File]) -> Vec<Problem> {
    let text = |path: String| tree.iter().find(|file| file.path == path).map_or("", |file| &*file.text);
    let mut problems = Vec::new();
    for one in crates {
        let (lib, main) = (text(format!("{}/src/lib.rs", one.folder)), text(format!("{}/src/main.rs", one.folder)));
        problems.extend(first_lines(one, if lib.is_empty() { main } else { lib }));
        problems.extend(manifest(one, text(format!("{}/Cargo.toml", one.folder))));
    }
    problems
}

fn first_lines(one: &Crate, source: &str) -> Option<Problem> {
    let doc: String = source.lines().take_while(|line| line.starts_with("//!")).collect();
    if doc.is_empty() {
        return Some(format!("{}: the first line says with `//!` what the crate is for", one.folder));
    }
    let must = FLOORS_0_TO_2.contains(&&*one.name);
    (must && !doc.contains("Must not know")).then(|| {
        format!(
            "{}: its `//!` needs a sentence that begins with 'Must not know', naming what it must not know",
            one.folder
        )
    })
}

fn manifest(one: &Crate, manifest: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !manifest.contains("[lints]\nworkspace = true") {
        problems.push(format!("{}/Cargo.toml: add '[lints]' with 'workspace = true'", one.folder));
    }
    let mut in_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
            problems.push(format!(
                "{}/Cargo.toml: '{line}': versions stand in the workspace's Cargo.toml, here 'workspace = true'",
                one.folder
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[dependencies]\nbytes = { workspace = true }\n[lints]\nworkspace = true\n";

    fn problems(name: &str, lib: &str, manifest: &str) -> Vec<Problem> {
        let one =
            Crate { name: name.into(), folder: "crates/x".into(), uses: BTreeSet::new(), in_tests: BTreeSet::new() };
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), bytes: 1 };
        check(&[one], &[file("crates/x/src/lib.rs", lib), file("crates/x/Cargo.toml", manifest)])
    }

    #[test]
    fn each_rule_finds_its_example() {
        assert_eq!(problems("base", "//! For this.\n//!\n//! Must not know: that.\n", MANIFEST), Vec::<Problem>::new());
        assert_eq!(problems("agent", "//! For this.\n", MANIFEST), Vec::<Problem>::new());
        for (name, lib, manifest, expected) in [
            ("base", "mod x;\n", MANIFEST, "says with `//!`"),
            ("base", "//! For this.\nmod x;\n//! Must not know\n", MANIFEST, "Must not know"),
            ("agent", "//! x\n", "[dependencies]\n", "add '[lints]'"),
            ("agent", "//! x\n", "[dev-dependencies]\nbytes = \"1\"\n[lints]\nworkspace = true\n", "versions stand in"),
        ] {
            let found = problems(name, lib, manifest);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
    }
}
