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

/// Prints what there is and what a visit of each page loads; fails where that is too much.
pub fn print() -> Result<()> {
    let page = root().join(PAGE);
    let loaded = all(&page)?;
    for file in &loaded {
        println!("{:>8} {:>8}  {}", file.bytes, file.compressed, file.path);
    }
    let (bytes, compressed) = sum(&loaded);
    println!("{bytes:>8} {compressed:>8}  all pages in all languages: {:.1} KB gz", compressed as f64 / 1024.0);
    for (name, bytes, compressed) in visits(&page)? {
        println!("{bytes:>8} {compressed:>8}  a visit of {name}: {:.1} KB gz", compressed as f64 / 1024.0);
        if compressed > BYTES_MAX {
            bail!("{name} weighs {compressed} bytes compressed, at most {BYTES_MAX}");
        }
    }
    Ok(())
}

/// Bytes, plain and compressed.
pub fn sum(loaded: &[Loaded]) -> (u64, u64) {
    loaded.iter().fold((0, 0), |(bytes, gz), file| (bytes + file.bytes, gz + file.compressed))
}

/// Every file that is reached from index.html.
pub fn all(page: &Path) -> Result<Vec<Loaded>> {
    reached(page, |_| true)
}

/// What whoever opens one page in English loads, but for what a module loads later, when it is asked for (another page,
/// Live, another language): its name, bytes, and bytes compressed.
pub fn visits(page: &Path) -> Result<Vec<(String, u64, u64)>> {
    let frame = std::fs::read_to_string(page.join("widgets/frame.js")).context("widgets/frame.js")?;
    let named = frame.split("import(\"../").skip(1).filter_map(|rest| rest.split('"').next());
    named
        .filter(|path| path.starts_with("pages/"))
        .map(|own| {
            let is_other = |path: &str| path.starts_with("pages/") && path.matches('/').count() == 1 && path != own;
            // What a page imports of another one is loaded; the other page itself is not, unless it is imported.
            let loaded = reached(page, |edge| match edge {
                Edge { from: "widgets/frame.js", to, .. } => !is_other(to),
                Edge { later, .. } => !later,
            })?;
            let (bytes, compressed) = sum(&loaded);
            Ok((own.to_owned(), bytes, compressed))
        })
        .collect()
}

/// One file loads another.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    later: bool,
}

/// Every file that is reached from index.html by edges that are gone.
fn reached(page: &Path, goes: impl Fn(&Edge) -> bool) -> Result<Vec<Loaded>> {
    let (mut seen, mut todo) = (BTreeSet::new(), vec!["index.html".to_owned()]);
    let mut loaded = Vec::new();
    while let Some(path) = todo.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let text = std::fs::read(page.join(&path)).with_context(|| format!("{PAGE}/{path}, which the page loads"))?;
        let text_of = String::from_utf8_lossy(&text);
        let code = without_docs(&text_of);
        let later = |to: &str| {
            let name = to.rsplit('/').next().unwrap_or(to);
            code.split("import(\"").skip(1).any(|rest| rest.split('"').next().is_some_and(|one| one.ends_with(name)))
        };
        let named = references(&path, &text_of);
        todo.extend(named.into_iter().filter(|to| goes(&Edge { from: &path, to, later: later(to) })));
        let sent = sent(&path, &text_of);
        loaded.push(Loaded { compressed: gzip(sent.as_bytes())?, bytes: sent.len() as u64, path });
    }
    loaded.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(loaded)
}

/// What the server sends of a file: see `content` in the dashboard's routes/page.rs.
fn sent(path: &str, text: &str) -> String {
    if !path.ends_with(".js") || path.starts_with("vendor/") {
        return text.to_owned();
    }
    let mut within = false;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let bare = line.trim();
        let ends = bare.ends_with("*/");
        if within || (bare.starts_with("/**") && (ends || !bare.contains("*/"))) {
            within = !ends;
        } else if !bare.starts_with("//") {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

fn gzip(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

/// The text without what stands in `/** … */`, where types are imported that are loaded by nobody.
fn without_docs(text: &str) -> String {
    let mut parts = text.split("/**");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("*/").map_or("", |(_, code)| code))
}

/// The assets that a file names.
fn references(path: &str, text: &str) -> Vec<String> {
    let text = without_docs(text);
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
        assert_eq!(sent("a.js", "// a\nb; // c\n/**\n * d\n */\ne;\n"), "\nb; // c\n\n\n\ne;\n");
        for (path, text, expected) in [
            ("index.html", r#"<a href="/files"><script src="/assets/main.js"><a href="https://x/">"#, vec!["main.js"]),
            (
                "pages/a.js",
                r#"import { x } from "../lib/x.js"; /** {import("./t.js")} */ import("./b.js"); style("a")"#,
                vec!["lib/x.js", "pages/b.js", "css/a.css"],
            ),
            ("vendor/a.js", r#"import{a as b}from"./p.js";let x = "from here""#, vec!["vendor/p.js"]),
            ("css/a.css", "@import \"./b.css\"; a { background: url(/assets/x.svg) }", vec!["x.svg", "css/b.css"]),
        ] {
            assert_eq!(references(path, text), expected, "{path}");
        }
    }
}
