//! The store is a folder of Parquet files: a reader that is not ours finds in them what was written.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Folder, Start};
use serde_json::Value;

/// Prints every row of every part as one JSON object a line.
const SCRIPT: &str = r#"
import json, sys, glob
import pyarrow.parquet as parquet
for path in glob.glob(sys.argv[1] + "/**/*.parquet", recursive=True):
    for row in parquet.read_table(path).to_pylist():
        row["time"] = row["time"].isoformat()
        row["line"] = row["line"].hex() if isinstance(row["line"], bytes) else row["line"].encode().hex()
        print(json.dumps(row, default=str))
"#;

#[test]
fn pyarrow_reads_what_was_written() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let json = (0..50).map(|n| {
        format!("{{\"time\":\"2026-11-21T08:00:00.{n:06}Z\",\"level\":\"warn\",\"status\":{}}}\n", 200 + n % 5)
    });
    let json: String = json.collect();
    folder.log("a.log", &json);
    let odd = b"not utf-8 \xff\xfe and a nul \0\n";
    folder.log("b.log", odd);
    let server = Start::up(&folder, &[&folder.logs().join("*")]).start();
    server.client().complete(2, (json.len() + odd.len()) as u64);
    assert_eq!(server.stop().code(), Some(0));

    let output =
        Command::new(&python).args(["-c", SCRIPT]).arg(folder.path("data/store")).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 51);
    let with =
        |line: &[u8]| rows.iter().find(|row| row["line"] == hex(line)).unwrap_or_else(|| panic!("{line:?}: {text}"));
    for (n, line) in json.lines().enumerate() {
        let row = with(line.as_bytes());
        assert_eq!(
            (&row["offset"], &row["level"]),
            (&n.saturating_mul(line.len() + 1).into(), &"warn".into()),
            "{row}"
        );
        assert_eq!(row["f_status"], (200 + n % 5).to_string(), "{row}");
        let fraction = if n == 0 { "08:00:00".to_owned() } else { format!("08:00:00.{n:06}") };
        assert!(
            row["time"].as_str().is_some_and(|time| time.starts_with("2026-11-21T") && time.contains(&fraction)),
            "{row}"
        );
    }
    assert_eq!(with(odd.strip_suffix(b"\n").unwrap())["offset"], 0);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The python that `cargo xtask test` made.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python3");
    let python = std::env::var_os("LOGDRIVE_TEST_PYTHON").map(PathBuf::from).or_else(|| made.exists().then_some(made));
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "LOGDRIVE_TEST_PYTHON is not set: run cargo xtask test");
        eprintln!("left out: there is no python with pyarrow; cargo xtask test makes one");
    }
    python
}
