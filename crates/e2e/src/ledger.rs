//! Writers that know every byte they wrote.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Random;

/// What was written: the bytes of each file, by the mark at its beginning.
#[derive(Debug, Default)]
pub struct Ledger(pub BTreeMap<String, Vec<u8>>);

impl Ledger {
    /// How many bytes in all.
    pub fn bytes(&self) -> u64 {
        self.0.values().map(|file| file.len() as u64).sum()
    }

    /// The mark at the beginning of a file.
    pub fn mark(bytes: &[u8]) -> String {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()).min(64);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    /// Takes over what another writer wrote.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Compares with what was found.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare<'a>(&self, found: impl IntoIterator<Item = &'a [u8]>) -> Result<(), String> {
        let mut left: BTreeMap<&str, &Vec<u8>> = self.0.iter().map(|(mark, bytes)| (&**mark, bytes)).collect();
        for bytes in found {
            let mark = Self::mark(bytes);
            let written = left.remove(&*mark).ok_or_else(|| format!("'{mark}' was found twice or never written"))?;
            // The newline at the very end belongs to the last record and is not shown.
            let written = written.strip_suffix(b"\n").unwrap_or(written);
            let bytes =
                if bytes.len() == written.len() + 1 { bytes.strip_suffix(b"\n").unwrap_or(bytes) } else { bytes };
            let same = written.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            if same < written.len() || bytes.len() != written.len() {
                return Err(format!(
                    "'{mark}': {} bytes written, {} found, the same up to {same}",
                    written.len(),
                    bytes.len()
                ));
            }
        }
        match left.keys().next() {
            None => Ok(()),
            Some(mark) => Err(format!("'{mark}' was not found, nor {} other(s)", left.len() - 1)),
        }
    }
}

/// Appends to one path as services do: lines of every length and kind, in pieces, with rotations.
pub struct Writer {
    name: String,
    path: PathBuf,
    random: Random,
    file: File,
    /// What the present file holds.
    bytes: Vec<u8>,
    ledger: Ledger,
    rotations: u32,
    lines: u64,
    /// Renamed files get higher numbers with each rotation, as logrotate does; otherwise a number for good.
    shifts: bool,
}

impl Writer {
    /// Begins the file `NAME.log` in `folder`.
    ///
    /// # Panics
    /// Where it cannot be created.
    pub fn new(folder: &Path, name: &str, seed: u64) -> Self {
        let path = folder.join(format!("{name}.log"));
        let mut random = Random::new(seed);
        let (file, shifts) = (create(&path), random.percent(50));
        let mut writer = Self {
            name: name.to_owned(),
            path,
            random,
            file,
            bytes: Vec::new(),
            ledger: Ledger::default(),
            rotations: 0,
            lines: 0,
            shifts,
        };
        writer.mark();
        writer
    }

    fn mark(&mut self) {
        let mark = format!("# file {} of {}\n", self.rotations, self.name);
        self.write(mark.as_bytes());
    }

    fn write(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).expect("our own folder");
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes some lines.
    pub fn burst(&mut self) {
        for _ in 0..1 + self.random.below(40) {
            let line = self.line();
            if line.len() > 1 && self.random.percent(3) {
                // A reader may see any part of a line.
                let (first, rest) = line.split_at(1 + self.random.below(line.len() as u64 - 1) as usize);
                self.write(first);
                std::thread::sleep(Duration::from_millis(self.random.below(30)));
                self.write(rest);
            } else {
                self.write(&line);
            }
        }
    }

    /// Renames the file and begins a new one.
    ///
    /// # Panics
    /// Where that cannot be done.
    pub fn rotate(&mut self) {
        let numbered = |n: u32| self.path.with_extension(format!("log.{n}"));
        if self.shifts {
            for n in (1..=self.rotations).rev() {
                std::fs::rename(numbered(n), numbered(n + 1)).expect("our own folder");
            }
            std::fs::rename(&self.path, numbered(1)).expect("our own folder");
        } else {
            std::fs::rename(&self.path, numbered(self.rotations + 1)).expect("our own folder");
        }
        if self.random.percent(30) {
            // A service goes on with the old file until it is told.
            self.burst();
        }
        if self.random.percent(30) {
            self.write(b"the last line, without a newline");
        }
        self.finish_file();
        self.rotations += 1;
        self.file = create(&self.path);
        self.mark();
    }

    fn finish_file(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.ledger.0.insert(Ledger::mark(&bytes), bytes);
    }

    /// Ends, and says what was written.
    pub fn finish(mut self) -> Ledger {
        self.finish_file();
        self.ledger
    }

    fn line(&mut self) -> Vec<u8> {
        self.lines += 1;
        let head = format!("{} {} {:016x} ", self.name, self.lines, self.random.number());
        let mut line = head.into_bytes();
        match self.random.below(1000) {
            0 => self.fill(&mut line, (1 << 20) - 40, 1 << 20, false),
            1..10 => self.fill(&mut line, 1, 64 << 10, false),
            10..60 => self.fill(&mut line, 1, 300, true),
            60..90 => line.clear(),
            90..120 => line = b"x".to_vec(),
            120..170 => {
                self.fill(&mut line, 1, 100, false);
                line.push(b'\r');
            }
            170..230 => {
                let second = self.lines % 60;
                line = format!("2026-11-21 08:00:{second:02},123 ERROR [main] c.e.App - failed {}\n", self.lines)
                    .into_bytes();
                line.extend_from_slice(b"java.lang.IllegalStateException: no\n");
                for n in 0..self.random.below(20) {
                    line.extend_from_slice(format!("\tat c.e.Some.method{n}(Some.java:{n})\n").as_bytes());
                }
                line.pop();
            }
            _ => self.fill(&mut line, 1, 200, false),
        }
        line.push(b'\n');
        line
    }

    fn fill(&mut self, line: &mut Vec<u8>, least: u64, more: u64, any: bool) {
        let len = least + self.random.below(more);
        for _ in 0..len {
            let byte = if any { self.random.below(256) as u8 } else { b' ' + self.random.below(95) as u8 };
            line.push(if byte == b'\n' { 0 } else { byte });
        }
    }
}

fn create(path: &Path) -> File {
    OpenOptions::new().append(true).create_new(true).open(path).expect("our own folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_on_disk_and_finds_every_difference() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(folder.path(), "w", 7);
        for _ in 0..3 {
            writer.burst();
            writer.rotate();
        }
        let ledger = writer.finish();
        let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.unwrap().path()).unwrap();
        let files: Vec<Vec<u8>> = std::fs::read_dir(folder.path()).unwrap().map(read).collect();
        let compare = |files: &[Vec<u8>]| ledger.compare(files.iter().map(|file| &**file));
        assert_eq!((files.len(), compare(&files)), (4, Ok(())));
        assert!(compare(&files[1..]).is_err());
        assert!(compare(&[&files[..], &files[..1]].concat()).is_err());
        let mut changed = files.clone();
        let last = changed[0].len() - 2;
        changed[0][last] ^= 1;
        assert!(compare(&changed).is_err());
        changed[0] = files[0][..last].to_vec();
        assert!(compare(&changed).is_err());
    }
}
