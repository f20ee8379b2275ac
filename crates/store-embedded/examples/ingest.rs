//! Takes files into a store in a temporary folder and says what that cost.
//!
//! ```text
//! cargo run --release -p store-embedded --example ingest -- target/bench/lines-v1-1000000000/*/*.log
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use base::Timestamp;
use bytes::Bytes;
use codec::{Framing, ParseRules, Parser};
use model::{
    Batch, BatchFlags, BatchHeader, Codec, Generation, Partition, Place, QueueId, Revision, SourceId, SourceKey,
};
use store::{Reader, StoreBatch, Writer};
use store_embedded::{EmbeddedStore, Options};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const BLOCK: usize = 256 << 10;

/// A file being read as an agent does.
struct Source {
    key: SourceKey,
    name: Arc<str>,
    path: Arc<str>,
    file: File,
    format: model::Format,
    offset: u64,
    len: u64,
    rest: Vec<u8>,
}

impl Source {
    fn open(number: usize, path: &Path) -> Outcome<Self> {
        let file = File::open(path)?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("stream");
        Ok(Self {
            key: SourceKey::new(SourceId(0x1234_5678_9abc_def0 << 64 | number as u128), Generation(0)),
            name: name.into(),
            path: path.to_string_lossy().into(),
            len: file.metadata()?.len(),
            file,
            format: model::Format::Unknown,
            offset: 0,
            rest: Vec::new(),
        })
    }

    fn next(&mut self) -> Outcome<Option<Batch>> {
        let mut block = std::mem::take(&mut self.rest);
        let held = block.len();
        block.resize(BLOCK, 0);
        let mut len = held;
        while len < BLOCK {
            match self.file.read(&mut block[len..])? {
                0 => break,
                read => len += read,
            }
        }
        block.truncate(len);
        let Some(end) = codec::cut_last_newline(&block) else { return Ok(None) };
        self.rest = block.split_off(end);
        if self.format == model::Format::Unknown {
            self.format = codec::detect(&block);
        }
        let mut continuations = Vec::new();
        let framing = Framing { format: self.format, join: self.format != model::Format::Unknown };
        let cut = codec::cut(&block, framing, true, &mut continuations);
        let start = self.offset;
        self.offset += block.len() as u64;
        let header = BatchHeader {
            key: self.key,
            start,
            end: self.offset,
            line_start: start,
            lines: cut.lines,
            records: cut.records,
            flags: BatchFlags::default(),
            codec: Codec::None,
            payload_len: block.len() as u32,
            payload_crc: crc32c::crc32c(&block),
            format: self.format,
            utc_offset_secs: 0,
            read_at: Timestamp::from_micros(1_795_200_000_000_000),
            revision: Revision(0),
            stream: self.name.clone(),
            host: "example".into(),
            path: self.path.clone(),
            continuations: continuations.into(),
        };
        Ok(Some(Batch { header: Arc::new(header), payload: Bytes::from(block) }))
    }
}

/// All files, each as far as the others in proportion.
fn read_all(paths: &[PathBuf], mut visit: impl FnMut(Batch) -> Outcome<()>) -> Outcome<u64> {
    let mut sources = paths.iter().enumerate().map(|(n, path)| Source::open(n, path)).collect::<Outcome<Vec<_>>>()?;
    let mut bytes = 0;
    while !sources.is_empty() {
        let behind = |source: &Source| (source.offset as u128 * 1_000_000 / u128::from(source.len.max(1))) as u64;
        let least = (0..sources.len()).min_by_key(|n| behind(&sources[*n])).unwrap_or(0);
        match sources[least].next()? {
            Some(batch) => {
                bytes += batch.payload.len() as u64;
                visit(batch)?;
            }
            None => drop(sources.remove(least)),
        }
    }
    Ok(bytes)
}

/// CPU seconds by thread name, so far.
fn cpu() -> BTreeMap<String, f64> {
    let mut by_thread = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((head, rest)) = stat.rsplit_once(')') else { continue };
        let name = head.split_once('(').map_or("", |(_, name)| name);
        let numbers: Vec<f64> = rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse().ok()).collect();
        *by_thread.entry(name.to_owned()).or_default() += numbers.iter().sum::<f64>() / 100.0;
    }
    by_thread
}

fn cpu_total() -> f64 {
    cpu().values().sum()
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        return Err("name the files to take".into());
    }
    let before = cpu_total();
    let bytes = read_all(&paths, |_| Ok(()))?;
    let reading = cpu_total() - before;
    let gb = bytes as f64 / 1e9;
    let before = cpu_total();
    let (mut parser, mut records) = (Parser::new(), 0u64);
    read_all(&paths, |batch| {
        records += parser.parse(&batch, &ParseRules::default())?.records.len() as u64;
        Ok(())
    })?;
    let parsing = cpu_total() - before - reading;
    println!("{bytes} bytes, {records} records; cut and read {:.2} CPU-s/GB, parse {:.2}", reading / gb, parsing / gb);

    // STORE_DIR keeps the store, to be asked by the example `ask`.
    let temporary = tempfile::tempdir()?;
    let folder = std::env::var_os("STORE_DIR").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let mut options = Options { merge: false, ..Options::default() };
    if let Some(mib) = std::env::var("HEAD_MIB").ok().and_then(|mib| mib.parse().ok()) {
        options.head_bytes = base::ByteSize::mib(mib);
    }
    if let Some(threads) = std::env::var("SEAL_THREADS").ok().and_then(|threads| threads.parse().ok()) {
        options.seal_threads = threads;
    }
    let store = EmbeddedStore::open(&folder, options)?;
    store.attach(QueueId(1)).await?;
    let (before, wall) = (cpu(), Instant::now());
    let mut offset = 0;
    let mut group = Vec::new();
    let mut groups: Vec<Batch> = Vec::new();
    let mut sources = paths.iter().enumerate().map(|(n, path)| Source::open(n, path)).collect::<Outcome<Vec<_>>>()?;
    loop {
        groups.clear();
        for source in &mut sources {
            let share = (source.len as f64 / bytes as f64 * 8.0).round().max(1.0) as usize;
            for _ in 0..share {
                groups.extend(source.next()?);
            }
        }
        if groups.is_empty() {
            break;
        }
        for batch in &groups {
            let batch = Arc::new(parser.parse(batch, &ParseRules::default())?);
            group.push(StoreBatch { place: Place { partition: Partition(0), offset }, batch });
            offset += 1;
        }
        store.write(&group).await?;
        group.clear();
    }
    store.flush().await?;
    let wall = wall.elapsed().as_secs_f64();
    let by_thread: Vec<String> = cpu()
        .iter()
        .map(|(name, seconds)| format!("{name} {:.2}", (seconds - before.get(name).unwrap_or(&0.0)) / gb))
        .collect();
    println!("all: {:.0} MB/s wall; CPU-s/GB by thread: {}", bytes as f64 / 1e6 / wall, by_thread.join(", "));
    println!("peak RSS {:.0} MiB; stats {:?}", peak_mib(), store.stats().await?);
    components(&store, &folder, &paths)
}

fn components(store: &EmbeddedStore, folder: &Path, paths: &[PathBuf]) -> Outcome<()> {
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for part in store.snapshot().parts {
        for (component, bytes) in part.open()?.sizes() {
            *sizes.entry(component).or_default() += bytes;
        }
    }
    let mut all: Vec<_> = sizes.into_iter().collect();
    all.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let mut total = 0;
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.path().is_dir() {
            for file in std::fs::read_dir(entry.path())?.flatten() {
                total += file.metadata()?.len();
            }
        } else {
            println!("{} {}", entry.file_name().to_string_lossy(), entry.metadata()?.len());
        }
    }
    let known: u64 = all.iter().map(|(_, bytes)| bytes).sum();
    all.push(("(footers and headers)".to_owned(), total.saturating_sub(known)));
    let before = cpu_total();
    let mut packed = 0;
    for path in paths {
        let mut count = Count(0);
        zstd::stream::copy_encode(File::open(path)?, &mut count, 1)?;
        packed += count.0;
    }
    let seconds = cpu_total() - before;
    for (component, bytes) in &all {
        println!("{:>12} {:>5.1} %  {component}", bytes, *bytes as f64 / packed as f64 * 100.0);
    }
    println!("{total} bytes on disk, {:.3} of zstd -1 ({packed} in {seconds:.2} CPU-s)", total as f64 / packed as f64);
    Ok(())
}

struct Count(u64);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
