//! What everything that the page loads weighs, compressed: a budget, since it is what a person waits for.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

use crate::run::root;

/// The page's folder.
pub const PAGE: &str = "crates/dashboard/page";
/// Everything together.
pub const BYTES_MAX: u64 = 120 * 1024;

/// A file that the page loads.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Below the page's folder.
    pub path: String,
    pub bytes: u64,
    pub compressed: u64,
}

/// Prints the table; fails where it is too much.
pub fn print() -> Result<()> {
    let loaded = all(&root().join(PAGE))?;
    for file in &loaded {
        println!("{:>8} {:>8}  {}", file.bytes, file.compressed, file.path);
    }
    let (bytes, compressed) = sum(&loaded);
    println!("{bytes:>8} {compressed:>8}  everything that the page loads: {:.1} KB gz", compressed as f64 / 1024.0);
    if compressed > BYTES_MAX {
        bail!("the page weighs {compressed} bytes compressed, at most {BYTES_MAX}");
    }
    Ok(())
}

/// Bytes, plain and compressed.
pub fn sum(loaded: &[Loaded]) -> (u64, u64) {
    loaded.iter().fold((0, 0), |(bytes, gz), file| (bytes + file.bytes, gz + file.compressed))
}

/// Every file that is reached from index.html.
pub fn all(page: &Path) -> Result<Vec<Loaded>> {
    let (mut seen, mut todo) = (BTreeSet::new(), vec!["index.html".to_owned()]);
    let mut loaded = Vec::new();
    while let Some(path) = todo.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let text = std::fs::read(page.join(&path)).with_context(|| format!("{PAGE}/{path}, which the page loads"))?;
        todo.extend(references(&path, &String::from_utf8_lossy(&text)));
        loaded.push(Loaded { compressed: gzip(&text)?, bytes: text.len() as u64, path });
    }
    loaded.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(loaded)
}

fn gzip(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

/// The assets that a file names.
fn references(path: &str, text: &str) -> Vec<String> {
    let (markers, is_html): (&[&str], bool) = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => (&["href=\"", "src=\""], true),
        Some("css") => (&["url(\"", "url(", "@import \""], false),
        Some("js") => (&["from \"", "from\"", "import \"", "import(\"", "import\""], false),
        _ => return Vec::new(),
    };
    let after = |marker| text.split(marker).skip(1).filter_map(|rest: &str| rest.split(['"', ')', '\n']).next());
    let targets = markers.iter().flat_map(|marker| after(*marker));
    let mut found: Vec<String> = targets.filter_map(|target| resolve(path, target, is_html)).collect();
    if path.ends_with(".js") {
        // What lib/style.js makes of a name.
        found.extend(after("style(\"").map(|name| match name {
            "uplot" => "vendor/uplot.css".to_owned(),
            name => format!("css/{name}.css"),
        }));
    }
    found
}

/// Below the page's folder; `None` for what is not an asset of it.
fn resolve(from: &str, target: &str, is_html: bool) -> Option<String> {
    if let Some(asset) = target.strip_prefix("/assets/") {
        return Some(asset.to_owned());
    }
    if is_html || !target.starts_with('.') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_file_loads() {
        for (path, text, expected) in [
            ("index.html", r#"<a href="/files"><script src="/assets/main.js"><a href="https://x/">"#, vec!["main.js"]),
            (
                "pages/a.js",
                r#"import { x } from "../lib/x.js"; import("./b.js"); style("a")"#,
                vec!["lib/x.js", "pages/b.js", "css/a.css"],
            ),
            ("vendor/a.js", r#"import{a as b}from"./p.js";let x = "from here""#, vec!["vendor/p.js"]),
            ("css/a.css", "@import \"./b.css\"; a { background: url(/assets/x.svg) }", vec!["x.svg", "css/b.css"]),
        ] {
            assert_eq!(references(path, text), expected, "{path}");
        }
    }
}
