//! A part is plain Parquet: pyarrow from PyPI opens it, and finds the schema and the rows.

use std::path::{Path, PathBuf};
use std::process::Command;

use base::ByteSize;
use model::{Format, Level};
use serde_json::json;
use store::testing::{BatchBuilder, everything};
use store::{Reader, Writer};
use store_embedded::{EmbeddedStore, Options};

const CHECK: &str = r#"
import json, sys
import pyarrow as pa, pyarrow.parquet as pq, pyarrow.dataset as ds
folder, expected_path = sys.argv[1:]
expected = json.load(open(expected_path))
files = ds.dataset(folder, format="parquet", partitioning="hive").files
assert len(files) > 1, files
rows, columns = [], set()
for file in files:
    parquet = pq.ParquetFile(file)
    assert parquet.metadata.metadata[b"logdrive.format_version"] == b"1"
    types = {field.name: field.type for field in parquet.schema_arrow}
    assert types["time"] == pa.timestamp("us", tz="UTC"), types
    assert types["line"] == pa.binary() and types["source"] == pa.string() and types["level"] == pa.string(), types
    assert types["offset"] == pa.int64() and types["generation"] == pa.int32(), types
    table = parquet.read()
    columns |= set(table.column_names)
    table = table.set_column(0, "time", table["time"].cast(pa.int64()))
    found = table.to_pylist()
    order = [(row["stream"], row["time"], row["source"], row["generation"], row["offset"]) for row in found]
    assert order == sorted(order), "rows are sorted"
    times = [parquet.metadata.row_group(n).column(0).statistics for n in range(parquet.num_row_groups)]
    assert all(time.has_min_max for time in times)
    rows += found
assert len(rows) == len(expected), (len(rows), len(expected))
as_bytes = lambda value: value.encode() if isinstance(value, str) else value
for row in rows:
    want = expected[f"{row['source']}.{row['generation']}.{row['offset']}"]
    assert row["line"] == bytes.fromhex(want["line"]), (row, want)
    for name in ["time", "stream", "host", "path", "level", "format", "marks", "newline"]:
        assert row[name] == want[name], (name, row, want)
    if want["overflows"]:
        assert [(k, as_bytes(v) if isinstance(v, str) else bytes(v)) for k, v in json.loads(row["fields"]).items()] == [
            (k, bytes.fromhex(v)) for k, v in want["fields"]], (row, want)
    else:
        assert row["fields"] is None, row
    fields = dict(want["fields"])
    for name in columns:
        if name.startswith("f_") and row.get(name) is not None:
            assert as_bytes(row[name]) == bytes.fromhex(fields[name[2:]]), (name, row, want)
for name in ["f_status", "f_method"]:
    have = sum(row.get(name) is not None for row in rows)
    want = sum(name[2:] in dict(row["fields"]) for row in expected.values())
    assert have == want > 0, (name, have, want)
in_dataset = ds.dataset(folder, format="parquet", partitioning="hive").to_table(columns=["day", "level"])
assert in_dataset.num_rows == len(rows) and "2026-11-20" in in_dataset["day"].to_pylist()
print("ok", len(rows))
"#;

/// A Python with pyarrow, made under `target/` once.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pyarrow");
    let python = folder.join("bin/python");
    let works = || run(Command::new(&python).args(["-c", "import pyarrow.parquet"]));
    if works().is_err() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "pyarrow"]))?;
        works()?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Lines that read back, lines that do not, odd bytes, several streams, days and parts.
async fn fill(store: &EmbeddedStore) {
    let day = 1_795_219_200_000_000;
    for n in 0..3u64 {
        let mut access =
            BatchBuilder::new(1, 0, n * 1_000_000).origin("web", "h1", "/var/log/access.log").place(0, n * 2);
        for i in 0..3000i64 {
            let (status, bytes) = ([b"200", b"404", b"500"][i as usize % 3], (i * 7919).to_string());
            let line = format!(
                "10.0.0.{} - - [21/Nov/2026:10:00:00 +0000] \"GET /p/{i} HTTP/1.1\" {} {bytes} \"-\" \"curl/8\"",
                i % 200,
                String::from_utf8_lossy(status)
            );
            let mut fields = Vec::new();
            codec::fields(Format::Access, line.as_bytes(), &mut |name, value| {
                fields.push((name.to_owned(), value.into_owned()));
            });
            let fields: Vec<(&str, &[u8])> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            access.line(line.as_bytes(), day + i * 1000, Level::Info, Format::Access, &fields);
        }
        let mut odd = BatchBuilder::new(2, 1, n * 1_000_000).origin("app", "h2", "/ä/app.log").place(0, n * 2 + 1);
        for i in 0..200i64 {
            odd.line(b"odd \xff\x00 bytes", day - i, Level::Error, Format::Plain, &[("a", b"\xfe"), ("b", b"x")]);
            odd.plain("Grüße".as_bytes(), day + 86_400_000_000 * i);
        }
        odd.plain(b"the end", day).open();
        store.write(&[access.build(), odd.build()]).await.unwrap();
        store.flush().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyarrow_reads_what_was_written() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("pyarrow is needed: {reason}"),
        Err(reason) => {
            eprintln!("SKIPPED: no pyarrow here ({reason})");
            return;
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let options = Options { free_bytes_min: ByteSize(0), merge: false, ..Options::default() };
    let store = EmbeddedStore::open(&dir.path().join("store"), options).unwrap();
    fill(&store).await;
    assert_eq!(store.stats().await.unwrap().head_bytes, 0);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut expected = serde_json::Map::new();
    for hit in everything(&*store).await {
        let fields: Vec<_> = hit.fields.iter().map(|(name, value)| json!([name, hex(value)])).collect();
        let record = json!({
            "time": hit.time.as_micros(), "stream": hit.stream, "host": hit.host, "path": hit.path,
            "level": hit.level.name(), "format": hit.format.name(), "marks": hit.marks.0, "line": hex(&hit.line),
            "newline": hit.size - hit.line.len() as u32, "fields": fields, "overflows": hit.stream == "app",
        });
        expected.insert(hit.id.to_string(), record);
    }
    assert_eq!(expected.len(), 3 * 3401);
    let path = dir.path().join("expected.json");
    std::fs::write(&path, serde_json::to_vec(&expected).unwrap()).unwrap();
    let said = run(Command::new(python).args(["-c", CHECK]).arg(dir.path().join("store")).arg(&path)).unwrap();
    assert_eq!(said.trim(), "ok 10203");
}
