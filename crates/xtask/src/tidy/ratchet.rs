//! Sizes of files and functions, and forbidden calls: what exceeds a rule is listed, and the list may only shrink.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;
use super::calls::{RULES, broken};
use super::source::Source;

const LIST: &str = "crates/xtask/ratchet.json";
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// How far something is over a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Excess {
    /// Lines, or calls.
    count: usize,
    /// What to tell where it is not in the list.
    message: Problem,
}

/// Everything that exceeds a rule, by its name in the list.
pub fn measure(sources: &[Source]) -> BTreeMap<String, Excess> {
    let mut found: BTreeMap<String, Excess> = BTreeMap::new();
    for source in sources {
        let path = &source.path;
        for rule in &RULES {
            let lines = broken(rule, source);
            if let Some(first) = lines.first() {
                let message = format!("{path}:{first}: {} ({} place(s)): use {}", rule.name, lines.len(), rule.instead);
                found.insert(format!("{}: {path}", rule.name), Excess { count: lines.len(), message });
            }
        }
        if source.is_test {
            continue;
        }
        let lines = source.lines();
        if lines > FILE_LINES_MAX {
            let message =
                format!("{path} has {lines} lines without tests, at most {FILE_LINES_MAX}: split it by purpose");
            found.insert(format!("lines: {path}"), Excess { count: lines, message });
        }
        for function in source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
            let (name, lines) = (&function.name, function.lines);
            let message =
                format!("{path}: fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}: give its parts names");
            let excess = found.entry(format!("fn: {path}: {name}")).or_insert(Excess { count: lines, message });
            excess.count = excess.count.max(lines);
        }
    }
    found
}

/// Compares with the list; `shrink` lowers the list to what is there.
pub fn check(root: &Path, found: BTreeMap<String, Excess>, shrink: bool) -> Result<Vec<Problem>> {
    let path = root.join(LIST);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {LIST}"))?;
    let list: BTreeMap<String, usize> = serde_json::from_str(&text).context(LIST)?;
    if shrink {
        let smaller = shrunk(&list, &found);
        std::fs::write(&path, serde_json::to_string_pretty(&smaller)? + "\n")?;
        return Ok(compare(&smaller, &found));
    }
    Ok(compare(&list, &found))
}

fn shrunk(list: &BTreeMap<String, usize>, found: &BTreeMap<String, Excess>) -> BTreeMap<String, usize> {
    let both = list.iter().filter_map(|(name, count)| Some((name.clone(), found.get(name)?.count.min(*count))));
    both.collect()
}

fn compare(list: &BTreeMap<String, usize>, found: &BTreeMap<String, Excess>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, excess) in found {
        match list.get(name) {
            None => problems.push(excess.message.clone()),
            Some(count) if excess.count > *count => {
                problems.push(format!("{} (it was {count} in {LIST}, which may only shrink)", excess.message));
            }
            Some(_) => {}
        }
    }
    for (name, count) in list {
        if found.get(name).is_none_or(|excess| excess.count < *count) {
            problems.push(format!("{LIST} lists '{name}' with {count}, it is less now: cargo xtask tidy --shrink"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> BTreeMap<String, Excess> {
        measure(&[Source::new(path, text)])
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let long = format!("fn a() {{\n{}}}\n", "x;\n".repeat(FUNCTION_LINES_MAX));
        assert!(found("crates/x/src/a.rs", &long).contains_key("fn: crates/x/src/a.rs: a"));
        let short = format!("fn a() {{\n{}}}\n", "x;\n".repeat(FUNCTION_LINES_MAX - 2));
        assert!(found("crates/x/src/a.rs", &short).is_empty());
        assert!(found("crates/x/src/a.rs", &"\n".repeat(FILE_LINES_MAX + 1)).contains_key("lines: crates/x/src/a.rs"));
        assert!(found("crates/x/src/tests.rs", &"\n".repeat(FILE_LINES_MAX + 1)).is_empty());
        assert!(found("crates/x/src/a.rs", "fn a() { b.unwrap() }").contains_key("unwrap: crates/x/src/a.rs"));
    }

    #[test]
    fn the_list_may_only_shrink() {
        let at = |count: usize| BTreeMap::from([("a".to_owned(), Excess { count, message: "too long".into() })]);
        let list = |count: usize| BTreeMap::from([("a".to_owned(), count)]);
        assert_eq!(compare(&list(9), &at(9)), Vec::<Problem>::new());
        assert!(compare(&list(9), &at(10))[0].contains("may only shrink"));
        assert!(compare(&list(9), &at(8))[0].contains("--shrink"));
        assert!(compare(&list(9), &BTreeMap::new())[0].contains("--shrink"));
        assert_eq!(compare(&BTreeMap::new(), &at(9)), ["too long"]);
        assert_eq!(
            (shrunk(&list(9), &at(8)), shrunk(&list(9), &at(10)), shrunk(&list(9), &BTreeMap::new())),
            (list(8), list(9), BTreeMap::new())
        );
    }
}
