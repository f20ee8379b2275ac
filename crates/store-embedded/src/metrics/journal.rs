//! What was written of late: frames with checksums, synced before anybody is told that they are written.
//!
//! Never added to after a restart: what is read ends at the first bad byte, and a new file begins.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base::Timestamp;
use model::wire::{Reader, WireError, Writer};
use model::{FieldValue, Point};
use store::StoreError;

use super::folder::{failed, sync_folder};

const MAGIC: &[u8; 8] = b"ldmetj1\n";

/// The journal that is written to.
pub(super) struct Journal {
    folder: PathBuf,
    /// Its number; chunks made of its points bear it.
    pub number: u64,
    file: Option<File>,
    len: u64,
}

pub(super) fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("journal-{number:08}.log"))
}

/// The number in the name of a journal.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.strip_suffix(".log")?.parse().ok()
}

impl Journal {
    /// The first of its folder will have this number; made when something is to be written.
    pub const fn new(folder: PathBuf, number: u64) -> Self {
        Self { folder, number, file: None, len: 0 }
    }

    /// Adds frames and makes them durable.
    pub fn append(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        let path = path_of(&self.folder, self.number);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let made =
                    OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed("make", &path))?;
                self.len = MAGIC.len() as u64;
                let file = self.file.insert(made);
                let begun = file.write_all(MAGIC).map_err(failed("write", &path));
                if let Err(error) = begun.and_then(|()| sync_folder(&self.folder)) {
                    self.leave();
                    return Err(error);
                }
                file
            }
        };
        let written = file.write_all(frames).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Nobody knows what of it is on the disk: what is good so far stays, the next goes to a new file.
            let cut = file.set_len(self.len);
            tracing::debug!(?cut, "the end of a journal was cut off");
            self.leave();
            return Err(failed("write", &path)(error));
        }
        self.len += frames.len() as u64;
        Ok(())
    }

    /// What follows goes to a new file.
    pub fn leave(&mut self) {
        self.file = None;
        self.number += 1;
    }
}

/// Appends a frame with points.
pub(super) fn frame<'a>(points: impl Iterator<Item = &'a Point>, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 8]);
    for point in points {
        encode(point, out);
    }
    let len = (out.len() - at - 8) as u32;
    let crc = crc32c::crc32c(&out[at + 8..]);
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
    out[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
}

/// The points of a journal, up to its first bad byte.
pub(super) fn read(path: &Path, mut take: impl FnMut(Point)) -> Result<(), StoreError> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else { return Ok(()) };
    while let Some((body, behind)) = unframe(rest) {
        let mut r = Reader::new(body);
        while r.remaining() > 0 {
            let point = decode(&mut r).map_err(|error| {
                let (path, reason) = (path.display().to_string(), error.to_string());
                StoreError::Corrupt { path, reason }
            })?;
            take(point);
        }
        rest = behind;
    }
    if !rest.is_empty() {
        tracing::warn!(path = %path.display(), bytes = rest.len(), "the end of a journal is torn; nobody was told that it was written");
    }
    Ok(())
}

fn unframe(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (body, behind) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some((body, behind))
}

fn encode(point: &Point, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.text(&point.measurement);
    w.varint(point.tags.len() as u64);
    for (key, value) in &point.tags {
        w.text(key);
        w.text(value);
    }
    w.signed(point.time.as_micros());
    w.varint(point.fields.len() as u64);
    for (key, value) in &point.fields {
        w.text(key);
        put_value(&mut w, value);
    }
}

fn decode(r: &mut Reader<'_>) -> Result<Point, WireError> {
    let measurement = r.text()?.to_owned();
    let mut tags = Vec::new();
    for _ in 0..r.varint()? {
        tags.push((r.text()?.to_owned(), r.text()?.to_owned()));
    }
    let time = Timestamp::from_micros(r.signed()?);
    let mut fields = Vec::new();
    for _ in 0..r.varint()? {
        fields.push((r.text()?.to_owned(), take_value(r)?));
    }
    Ok(Point { measurement, tags, fields, time })
}

fn put_value(w: &mut Writer<'_>, value: &FieldValue) {
    match value {
        FieldValue::Float(value) => {
            w.u8(0);
            w.u64(value.to_bits());
        }
        FieldValue::Integer(value) => {
            w.u8(1);
            w.signed(*value);
        }
        FieldValue::Unsigned(value) => {
            w.u8(2);
            w.varint(*value);
        }
        FieldValue::Boolean(value) => {
            w.u8(3);
            w.u8(u8::from(*value));
        }
        FieldValue::Text(value) => {
            w.u8(4);
            w.text(value);
        }
    }
}

fn take_value(r: &mut Reader<'_>) -> Result<FieldValue, WireError> {
    Ok(match r.u8()? {
        0 => FieldValue::Float(f64::from_bits(r.u64()?)),
        1 => FieldValue::Integer(r.signed()?),
        2 => FieldValue::Unsigned(r.varint()?),
        3 => FieldValue::Boolean(r.u8()? == 1),
        4 => FieldValue::Text(r.text()?.to_owned()),
        kind => return Err(WireError::Unknown { what: "value", code: u64::from(kind) }),
    })
}
