//! What neither the compiler nor clippy checks: the map is true, and the habits are kept.
//!
//! Decision: a remark made twice in review becomes a rule here, with the replacement in its message; what was there
//! before a rule is listed in `ratchet.json`, which may only shrink.

mod calls;
mod crates;
mod docs;
mod edges;
mod page;
mod ratchet;
mod script;
mod source;
mod tree;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run::root;

/// Something that is not as it should be, in words for whoever reads the terminal.
pub type Problem = String;

/// `cargo xtask tidy`
pub fn command(args: &[String]) -> Result<()> {
    let shrink = match args {
        [] => false,
        [one] if one == "--shrink" => true,
        _ => bail!("tidy takes --shrink or nothing"),
    };
    let root = root();
    let tree = tree::read(&root)?;
    let map = read(&root, "ARCHITECTURE.md")?;
    let crates = crates::metadata(&root)?;

    let mut problems = edges::check(&map, &crates);
    problems.extend(crates::check(&crates, &tree));
    problems.extend(tree::check(&root, &tree));
    problems.extend(docs::check(&tree));
    problems.extend(page::check(&root, &tree)?);
    let sources = source::all(&tree);
    problems.extend(ratchet::check(&root, ratchet::measure(&sources), shrink)?);
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    if !problems.is_empty() {
        bail!("tidy found {} problem(s)", problems.len());
    }
    println!("tidy: {} crates, {} Rust files, {} files: ok", crates.len(), sources.len(), tree.len());
    Ok(())
}

fn read(root: &Path, path: &str) -> Result<String> {
    std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
}
