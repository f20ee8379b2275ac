//! `cargo xtask page`: how the page is proven. Its types, its pure modules, the whole of it in a browser against the
//! real binary, its figures, its pictures.
//!
//! Decision: the page has no build step, so none of this is needed to build or run logdrive. The tools are npm packages
//! by a lock file, kept in the cache; the browser is the machine's own Chromium.

mod npm;
pub mod size;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{BINARY_VAR, cargo, root, run, target};

/// Tells the specs which browser to drive.
const CHROMIUM_VAR: &str = "LOGDRIVE_TEST_CHROMIUM";
/// Tells other tests where the npm packages are.
pub const MODULES_VAR: &str = "LOGDRIVE_TEST_NODE_MODULES";

/// As Playwright says.
const NODE_MIN: u32 = 20;

const USAGE: &str = "usage: cargo xtask page [WHAT] [-- ARGS…]

  all               types, unit and browser (what cargo xtask test does)
  types             the JSDoc types, by TypeScript
  unit              the pure modules, by node's own test runner
  browser           the specs against target/debug/logdrive in Chromium; ARGS go to playwright test: explore, -g tail
  figures           the table of figures, against a release build; ARGS name some: paint first-rows live idle
  shots             the pictures under docs/screenshots; ARGS name some
  size              what everything that the page loads weighs
  install           the npm packages";

/// `cargo xtask page`
pub fn command(args: &[String]) -> Result<()> {
    let (what, rest) = args.split_first().map_or(("all", args), |(what, rest)| (what.as_str(), rest));
    let rest = rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest);
    match what {
        "all" => {
            let tools = Tools::find()?;
            tools.types()?;
            tools.unit()?;
            tools.browser(&debug_binary()?, rest)
        }
        "types" => Tools::find()?.types(),
        "unit" => Tools::find()?.unit(),
        "browser" => Tools::find()?.browser(&debug_binary()?, rest),
        "figures" => {
            size::print()?;
            let (tools, binary) = (Tools::find()?, release_binary()?);
            tools.script("figures.js", &binary, rest)?;
            // The same of the list, with bounds. It is asked for when all is.
            if rest.is_empty() { tools.bounds(&binary) } else { Ok(()) }
        }
        "shots" => Tools::find()?.script("shots.js", &debug_binary()?, rest),
        "size" => size::print(),
        "install" => Tools::find().map(|_| ()),
        "--help" | "-h" | "help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("page knows no '{other}'\n{USAGE}"),
    }
}

fn debug_binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os(BINARY_VAR) {
        return Ok(binary.into());
    }
    run(cargo(&["build", "--locked", "-p", "logdrive"]))?;
    Ok(target().join("debug/logdrive"))
}

fn release_binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os(BINARY_VAR) {
        return Ok(binary.into());
    }
    run(cargo(&["build", "--release", "--locked", "-p", "logdrive"]))?;
    Ok(target().join("release/logdrive"))
}

/// Whether a failure to find the tools is one of the test: where everything must be there.
pub fn tools_or_note() -> Result<Option<Tools>> {
    match Tools::find() {
        Ok(tools) => Ok(Some(tools)),
        Err(failed) if std::env::var_os("CI").is_some() => Err(failed),
        Err(failed) => {
            eprintln!("note: {failed:#}; the page is not tested");
            Ok(None)
        }
    }
}

/// What the page is proven with.
pub struct Tools {
    chromium: PathBuf,
    modules: PathBuf,
}

impl Tools {
    /// Finds and installs them.
    pub fn find() -> Result<Self> {
        let named = std::env::var_os(CHROMIUM_VAR).map(PathBuf::from);
        let chromium = named
            .or_else(|| ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(in_path))
            .context("there is no chromium (Debian: apt-get install chromium)")?;
        for program in ["node", "npm"] {
            in_path(program).with_context(|| format!("there is no {program} (Debian: apt-get install nodejs npm)"))?;
        }
        if node_version()? < NODE_MIN {
            bail!("node is older than {NODE_MIN}, which the tools of the page want");
        }
        Ok(Self { chromium, modules: npm::modules(&folder())? })
    }

    /// Where the npm packages are.
    pub fn modules(&self) -> &Path {
        &self.modules
    }

    /// JSDoc types of the page and of its tests.
    pub fn types(&self) -> Result<()> {
        for project in ["tsconfig.page.json", "tsconfig.json"] {
            let mut tsc = Command::new(self.modules.join(".bin/tsc"));
            tsc.args(["--project", project]).current_dir(folder());
            run(tsc)?;
        }
        Ok(())
    }

    /// Pure modules.
    pub fn unit(&self) -> Result<()> {
        let mut files: Vec<OsString> = std::fs::read_dir(folder().join("unit"))
            .context("crates/e2e/page/unit")?
            .map(|entry| Ok(entry?.path().into_os_string()))
            .collect::<Result<_>>()?;
        files.retain(|path| path.to_string_lossy().ends_with(".test.js"));
        files.sort();
        let mut node = Command::new("node");
        node.args(["--test", "--test-reporter=spec"]).args(modules_by_default()?).args(files).current_dir(folder());
        run(node)
    }

    /// The specs.
    pub fn browser(&self, binary: &Path, args: &[String]) -> Result<()> {
        let mut playwright = Command::new(self.modules.join(".bin/playwright"));
        playwright.arg("test").args(args).current_dir(folder());
        run(self.with(playwright, binary))
    }

    /// The specs that measure, alone and at full size.
    fn bounds(&self, binary: &Path) -> Result<()> {
        let mut playwright = Command::new(self.modules.join(".bin/playwright"));
        playwright.args(["test", "figures", "--workers", "1"]).env("LOGDRIVE_FIGURES", "full").current_dir(folder());
        run(self.with(playwright, binary))
    }

    fn script(&self, script: &str, binary: &Path, args: &[String]) -> Result<()> {
        let mut node = Command::new("node");
        node.arg(script).args(args).current_dir(folder());
        run(self.with(node, binary))
    }

    fn with(&self, mut command: Command, binary: &Path) -> Command {
        command.env(BINARY_VAR, binary).env(CHROMIUM_VAR, &self.chromium).env(MODULES_VAR, &self.modules);
        command
    }
}

/// Where specs and their tools are.
fn folder() -> PathBuf {
    root().join("crates/e2e/page")
}

/// The page's folder has no package.json: what its files are, newer nodes see by themselves.
fn modules_by_default() -> Result<Option<&'static str>> {
    Ok((node_version()? < 22).then_some("--experimental-default-type=module"))
}

fn node_version() -> Result<u32> {
    let version = Command::new("node").arg("--version").output().context("cannot start node")?;
    let version = String::from_utf8_lossy(&version.stdout);
    version.trim_start_matches('v').split('.').next().unwrap_or_default().parse().context("node has no version")
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
