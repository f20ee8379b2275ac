//! The page's rules: short files and functions, data never becomes markup, one door to the server, the same words in
//! every language, nothing that nobody loads, and a bound for all of it together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::Problem;
use super::script::Script;
use super::tree::File;
use crate::page::size::{self, BYTES_MAX, PAGE};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Types only: imported by comments.
const TYPES: &str = "lib/types.js";

/// What is not written in the page, where it may be, and what to use instead.
const FORBIDDEN: [(&[&str], &str, &str); 4] = [
    (
        &["innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML", "document.write", "srcdoc"],
        "",
        "text nodes and htm: what a line holds never becomes markup",
    ),
    (&["eval(", "new Function", "setTimeout(\""], "", "functions: the content policy refuses code in texts"),
    (&["fetch(", "XMLHttpRequest"], "lib/api.js", "lib/api.js, which knows what a lost server means"),
    (&["EventSource"], "lib/status.js", "lib/status.js: one stream of events for each tab"),
];

/// Checks all of it; nothing where there is no page.
pub fn check(root: &Path, tree: &[File]) -> Result<Vec<Problem>> {
    let below = |file: &&File| file.path.starts_with(&format!("{PAGE}/"));
    let files: Vec<(&str, &str)> =
        tree.iter().filter(below).map(|file| (&file.path[PAGE.len() + 1..], &*file.text)).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let scripts: Vec<(&str, &str)> =
        files.iter().copied().filter(|(path, _)| path.ends_with(".js") && !path.starts_with("vendor/")).collect();
    let mut problems: Vec<Problem> = scripts.iter().flat_map(|(path, text)| one(path, text)).collect();
    let server: Vec<&str> = tree
        .iter()
        .filter(|file| file.path.starts_with("crates/dashboard/src/") && file.path.ends_with(".rs"))
        .map(|file| &*file.text)
        .collect();
    problems.extend(words(&scripts, &server));
    problems.extend(weight(root, &files)?);
    Ok(problems.into_iter().map(|problem| format!("{PAGE}/{problem}")).collect())
}

fn one(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let script = Script::new(text);
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX && !path.starts_with("strings/") {
        problems.push(format!("{path} has {lines} lines, at most {FILE_LINES_MAX}: split it by purpose"));
    }
    for function in script.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
        let (name, lines) = (function.name, function.lines);
        problems.push(format!("{path}: {name} has {lines} lines, at most {FUNCTION_LINES_MAX}: give its parts names"));
    }
    for (patterns, except, instead) in FORBIDDEN.iter().filter(|(_, except, _)| *except != path) {
        for (pattern, at) in
            patterns.iter().flat_map(|pattern| script.places(pattern).into_iter().map(move |at| (pattern, at)))
        {
            problems.push(format!(
                "{path}:{}: {pattern}: use {}{instead}",
                script.line_of(at),
                if except.is_empty() { "" } else { "what is in " }
            ));
        }
    }
    problems
}

/// The keys of a file of words, with the names in braces in each.
fn keys(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let entry = |line: &'_ str| -> Option<(usize, usize)> {
        let inner = line.trim_start().strip_prefix('"')?;
        let end = inner.find("\":")?;
        let is_key = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !inner[..end].chars().all(is_key) {
            return None;
        }
        Some((line.len() - inner.len(), end))
    };
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<(usize, (usize, usize))> =
        lines.iter().enumerate().filter_map(|(n, line)| Some((n, entry(line)?))).collect();
    let mut keys = BTreeMap::new();
    for (i, (n, (start, length))) in starts.iter().enumerate() {
        let until = starts.get(i + 1).map_or(lines.len(), |(next, _)| *next);
        let names = lines[*n..until].iter().flat_map(|line| placeholders(line)).collect();
        keys.insert(&lines[*n][*start..start + length], names);
    }
    keys
}

fn placeholders(line: &str) -> impl Iterator<Item = &str> {
    let inside = line.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    inside.filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Every language has the same keys, each of which is used.
fn words(scripts: &[(&str, &str)], server: &[&str]) -> Vec<Problem> {
    let languages: Vec<(&str, BTreeMap<&str, BTreeSet<&str>>)> = scripts
        .iter()
        .filter(|(path, _)| path.starts_with("strings/"))
        .map(|(path, text)| (*path, keys(text)))
        .collect();
    let Some((_, english)) = languages.iter().find(|(path, _)| *path == "strings/en.js") else {
        return vec!["strings/en.js is not there".to_owned()];
    };
    let mut problems = Vec::new();
    for (path, own) in &languages {
        let missing = english.keys().filter(|key| !own.contains_key(*key)).map(|key| format!("{path} lacks \"{key}\""));
        let extra = own
            .keys()
            .filter(|key| !english.contains_key(*key))
            .map(|key| format!("strings/en.js lacks \"{key}\", which {path} has"));
        let other = own.iter().filter(|(key, names)| english.get(*key).is_some_and(|english| english != *names));
        let other = other.map(|(key, _)| format!("{path}: \"{key}\" has other names in braces than the English one"));
        problems.extend(missing.chain(extra).chain(other));
    }
    let code: Vec<&str> = scripts
        .iter()
        .filter(|(path, _)| !path.starts_with("strings/"))
        .map(|(_, text)| *text)
        .chain(server.iter().copied())
        .collect();
    let unused = english.keys().filter(|key| !is_used(key, &code));
    problems.extend(unused.map(|key| format!("strings/en.js: nothing says \"{key}\"")));
    problems.extend(unknown(scripts, english));
    problems
}

/// As a text of its own, or as one that a template makes from its first parts.
fn is_used(key: &str, code: &[&str]) -> bool {
    let mut made = key.match_indices('.').map(|(at, _)| format!("`{}${{", &key[..=at])).collect::<Vec<_>>();
    made.extend(["\"", "'", "`"].map(|quote| format!("{quote}{key}{quote}")));
    code.iter().any(|text| made.iter().any(|made| text.contains(made.as_str())))
}

/// Keys that are asked for and not there.
fn unknown(scripts: &[(&str, &str)], english: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in scripts.iter().filter(|(path, _)| !path.starts_with("strings/")) {
        for call in ["t(\"", "named(\""] {
            for at in super::source::words(text, call) {
                let key = text[at + call.len()..].split('"').next().unwrap_or_default();
                if !english.contains_key(key) {
                    problems.push(format!("{path}: strings/en.js lacks \"{key}\""));
                }
            }
        }
    }
    problems
}

/// What is loaded is there, what is there is loaded, and all of it is small.
fn weight(root: &Path, files: &[(&str, &str)]) -> Result<Vec<Problem>> {
    let loaded = size::all(&root.join(PAGE))?;
    let mut problems = Vec::new();
    let heavy = size::visits(&root.join(PAGE))?.into_iter().filter(|(_, _, compressed)| *compressed > BYTES_MAX);
    problems.extend(heavy.map(|(name, _, compressed)| {
        format!("{name}: a visit loads {compressed} bytes compressed, at most {BYTES_MAX}: cargo xtask page size")
    }));
    let is_asset = |path: &str| [".js", ".css", ".svg", ".html"].iter().any(|ending| path.ends_with(ending));
    for (path, _) in files.iter().filter(|(path, _)| is_asset(path)) {
        if !loaded.iter().any(|file| file.path == *path) && *path != TYPES {
            problems.push(format!("{path}: nothing loads it"));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_example() {
        for (path, text, expected) in [
            ("pages/a.js", "\nx.innerHTML = y;", "pages/a.js:2: innerHTML"),
            ("pages/a.js", "eval(x)", "eval("),
            ("pages/a.js", "await fetch(x)", "lib/api.js"),
            ("pages/a.js", "new EventSource(x)", "lib/status.js"),
        ] {
            let problems = one(path, text);
            assert!(problems.len() == 1 && problems[0].contains(expected), "{text}: {problems:?}");
        }
        assert_eq!(one("lib/api.js", "fetch(x) // innerHTML"), Vec::<Problem>::new());
        assert_eq!(one("a.js", &"\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
        assert_eq!(one("a.js", &format!("function a() {{\n{}}}\n", "x;\n".repeat(FUNCTION_LINES_MAX))).len(), 1);
    }

    #[test]
    fn words_agree() {
        let en = "export default {\n  \"a.x\": \"X {n}\",\n  \"b\":\n    \"B\",\n};";
        let code = ("pages/p.js", "t(`a.${kind}`); t(\"b\");");
        let check =
            |en: &str, zh: &str, code: (&str, &str)| words(&[("strings/en.js", en), ("strings/zh.js", zh), code], &[]);
        assert_eq!(check(en, en, ("pages/p.js", "t(`a.${kind}`); t(\"b\")")), Vec::<Problem>::new());
        for (zh, code, expected) in [
            ("{\n  \"a.x\": \"{n}\",\n}", code, "strings/zh.js lacks \"b\""),
            ("{\n  \"a.x\": \"X\",\n  \"b\": \"B\",\n}", code, "other names in braces"),
            (&en.replace("};", "  \"c\": \"C\",\n};"), code, "strings/en.js lacks \"c\""),
            (en, ("pages/p.js", "t(\"b\")"), "nothing says \"a.x\""),
            (en, ("pages/p.js", "t(`a.${kind}`); t(\"b\"); t(\"d\")"), "strings/en.js lacks \"d\""),
        ] {
            let problems = check(en, zh, code);
            assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:?}");
        }
    }
}
