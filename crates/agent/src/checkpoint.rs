//! The checkpoints: what makes a restart fast, and what reports of finished sources live from.
//!
//! Decision: a log of entries, the last of a key wins, each with its checksum; a tear ends it. It is written anew
//! (beside, synced, renamed, folder synced) once most of it is outdated.
//!
//! Where the queue knows how far it holds each source, this is a cache: it may be lost, torn or old at any time without
//! a line being lost or sent twice, and is not synced as it grows. Where it does not, this is the truth: the header of
//! each batch is in the log before the batch is appended ([`Checkpoints::note_ahead`]), until it is acknowledged, so
//! that a restart sends what may have been sent in the very same batches.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Timestamp;
use model::wire::{Reader, WireError, Writer};
use model::{BatchHeader, FileState, Format, Generation, Missed, MissedReason, SourceId, SourceKey, SourceReport};
use parking_lot::Mutex;

use crate::AgentError;
use crate::identity::Witness;
use crate::ledger::{Entry, Ledger};

const MAGIC: &[u8; 7] = b"ldckpt\n";
const VERSION: u8 = 1;
/// The file is written anew once it is this long and twice as long as it need be.
const COMPACT_AT: u64 = 4 << 20;

/// Beside the format: it is not looked for any more.
const GAVE_UP: u8 = 0x80;

/// The open file.
pub struct Checkpoints {
    path: PathBuf,
    file: File,
    len: u64,
    base_len: u64,
    /// So much of it is on the disk for sure.
    synced: u64,
    room: Vec<u8>,
    /// It may end in a tear: nothing is added before it was written anew.
    is_torn: bool,
}

impl Checkpoints {
    /// Opens (or makes) the file in `folder` and reads what it has into `ledger`. Says until when every file that
    /// appeared is known: where there was no file, until `now`.
    pub fn open(folder: &Path, ledger: &mut Ledger, now: Timestamp) -> Result<(Self, Timestamp), AgentError> {
        let failed = |action, path: &Path, source| AgentError::Io { action, path: path.display().to_string(), source };
        fs::create_dir_all(folder).map_err(|error| failed("make", folder, error))?;
        let path = folder.join("checkpoints.log");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed("read", &path, error)),
        };
        let known_until = load(&bytes, ledger).map_err(|found| AgentError::Version {
            path: path.display().to_string(),
            found,
            known: VERSION,
        })?;
        let known_until = known_until.unwrap_or(now);
        let mut this = Self {
            file: OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)
                .map_err(|error| failed("open", &path, error))?,
            path: path.clone(),
            len: 0,
            base_len: 0,
            synced: 0,
            room: Vec::new(),
            // Behind a tear nothing would be found again: begin with what could be read.
            is_torn: true,
        };
        match this.compact(ledger, known_until) {
            // A cache is no reason not to start: it is written once there is room.
            Err(error) if is_full(&error) => {
                tracing::warn!(path = %path.display(), %error, "checkpoints cannot be written yet")
            }
            written => written.map_err(|error| failed("write", &path, error))?,
        }
        Ok((this, known_until))
    }

    /// Adds entries, and that every file that appeared before `now` is known.
    pub fn append<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>, now: Timestamp) -> io::Result<()> {
        self.room.clear();
        for entry in entries {
            frame(&mut self.room, |out| encode(entry, out));
        }
        frame(&mut self.room, |out| encode_alive(now, out));
        if self.is_torn { Ok(()) } else { self.write_room() }
    }

    /// Notes batches that are about to be appended, after `entries`. Once this returns, a crash of this process does
    /// not take the note; with `sync`, nor does one of the machine.
    pub fn note_ahead(
        &mut self,
        entries: &[Entry],
        sent: &[Arc<BatchHeader>],
        sync: bool,
        (ledger, now): (&Mutex<Ledger>, Timestamp),
    ) -> io::Result<()> {
        if self.is_torn {
            self.compact(&ledger.lock(), now)?;
        }
        self.room.clear();
        for entry in entries {
            frame(&mut self.room, |out| encode(entry, out));
        }
        for header in sent {
            frame(&mut self.room, |out| encode_sent(header, out));
        }
        self.write_room()?;
        if sync { self.sync() } else { Ok(()) }
    }

    /// Makes sure that what was added survives a crash of the machine.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.synced < self.len && !self.is_torn {
            // After a failed sync nobody knows what is on the disk: it is written anew.
            self.file.sync_data().inspect_err(|_| self.is_torn = true)?;
            self.synced = self.len;
        }
        Ok(())
    }

    /// How much of the log survives a crash of the machine for sure.
    pub const fn synced(&self) -> u64 {
        self.synced
    }

    fn write_room(&mut self) -> io::Result<()> {
        self.file.write_all(&self.room).inspect_err(|_| self.is_torn = true)?;
        self.len += self.room.len() as u64;
        if self.room.capacity() > (1 << 20) {
            self.room = Vec::new();
        }
        Ok(())
    }

    /// Whether most of the file is outdated, or it may not be added to.
    pub const fn wants_compaction(&self) -> bool {
        self.is_torn || self.len > COMPACT_AT && self.len > 2 * self.base_len
    }

    /// Writes the file anew.
    pub fn compact(&mut self, ledger: &Ledger, now: Timestamp) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        for entry in ledger.entries() {
            frame(&mut out, |out| encode(entry, out));
            for header in &entry.sent {
                frame(&mut out, |out| encode_sent(header, out));
            }
        }
        frame(&mut out, |out| encode_alive(now, out));
        let mut file = File::create(&beside)?;
        file.write_all(&out)?;
        file.sync_all()?;
        // Until the end of this, what is open is not what is at the path.
        self.is_torn = true;
        fs::rename(&beside, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        (self.len, self.base_len, self.synced) = (out.len() as u64, out.len() as u64, out.len() as u64);
        self.is_torn = false;
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Reads entries until the bytes end or are damaged. The error is a version that is not known.
fn load(bytes: &[u8], ledger: &mut Ledger) -> Result<Option<Timestamp>, u8> {
    let mut known_until = None;
    let Some(rest) = bytes.strip_prefix(MAGIC) else { return Ok(known_until) };
    let Some((&version, mut rest)) = rest.split_first() else { return Ok(known_until) };
    if version > VERSION {
        return Err(version);
    }
    while let Some((body, behind)) = unframe(rest) {
        match decode(body) {
            Ok(Item::Entry(entry)) => ledger.put(*entry),
            Ok(Item::Sent(header)) => ledger.note_sent(header),
            Ok(Item::Alive(at)) => known_until = Some(at),
            Err(error) => {
                tracing::warn!(%error, "a checkpoint is damaged; what follows it is not known");
                break;
            }
        }
        rest = behind;
    }
    Ok(known_until)
}

fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 8]);
    body(out);
    let len = (out.len() - at - 8) as u32;
    let crc = crc32c::crc32c(&out[at + 8..]);
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
    out[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
}

fn unframe(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (body, behind) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some((body, behind))
}

enum Item {
    Entry(Box<Entry>),
    Sent(Arc<BatchHeader>),
    Alive(Timestamp),
}

fn encode_alive(at: Timestamp, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.u8(2);
    w.signed(at.as_micros());
}

fn encode_sent(header: &BatchHeader, out: &mut Vec<u8>) {
    out.push(3);
    header.encode(out);
}

fn encode(entry: &Entry, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    let report = &entry.report;
    w.u8(1);
    put_key(&mut w, report.key);
    w.text(&report.host);
    w.text(&report.stream);
    w.text(&report.path);
    w.varint(report.size);
    w.varint(report.read);
    w.varint(report.queued);
    w.signed(report.changed_at.as_micros());
    w.u8(u8::from(report.state == FileState::Finished));
    w.varint(report.missed.len() as u64);
    for missed in &report.missed {
        w.varint(missed.start);
        w.varint(missed.end);
        w.u8(reason_code(missed.reason));
    }
    w.varint(entry.open_line.map_or(0, |at| at + 1));
    w.u8(entry.format as u8 | if entry.gave_up { GAVE_UP } else { 0 });
    put_witness(&mut w, entry.witness);
    put_witness(&mut w, Some(entry.prefix));
    w.text(&entry.home);
    w.varint(entry.inode);
    w.u8(u8::from(entry.copy_of.is_some()));
    if let Some(key) = entry.copy_of {
        put_key(&mut w, key);
    }
}

fn decode(body: &[u8]) -> Result<Item, WireError> {
    let mut r = Reader::new(body);
    match r.u8()? {
        1 => decode_entry(&mut r).map(|entry| Item::Entry(Box::new(entry))),
        2 => Ok(Item::Alive(Timestamp::from_micros(r.signed()?))),
        3 => BatchHeader::decode(&body[1..]).map(|header| Item::Sent(Arc::new(header))),
        kind => Err(WireError::Unknown { what: "checkpoint", code: u64::from(kind) }),
    }
}

fn decode_entry(r: &mut Reader<'_>) -> Result<Entry, WireError> {
    let key = take_key(r)?;
    let (host, stream, path) = (r.text()?.into(), r.text()?.into(), r.text()?.into());
    let (size, read, queued) = (r.varint()?, r.varint()?, r.varint()?);
    let changed_at = Timestamp::from_micros(r.signed()?);
    let state = if r.u8()? == 1 { FileState::Finished } else { FileState::Following };
    let mut missed = Vec::new();
    for _ in 0..r.varint()? {
        let (start, end) = (r.varint()?, r.varint()?);
        missed.push(Missed { start, end, reason: reason_of(r.u8()?)? });
    }
    let report = SourceReport {
        key,
        host,
        stream,
        path,
        size,
        read,
        queued,
        missed,
        state,
        changed_at,
        file: Default::default(),
    };
    let open_line = r.varint()?.checked_sub(1);
    let format = r.u8()?;
    let (format, gave_up) = (Format::from_code(format & !GAVE_UP), format & GAVE_UP != 0);
    let witness = take_witness(r)?;
    let prefix = take_witness(r)?.unwrap_or_default();
    let home = r.text()?.into();
    let inode = r.varint()?;
    let copy_of = if r.u8()? == 1 { Some(take_key(r)?) } else { None };
    r.finish()?;
    // What was sent follows.
    let sent = std::collections::VecDeque::new();
    Ok(Entry { report, open_line, format, gave_up, witness, prefix, home, inode, copy_of, sent })
}

fn put_key(w: &mut Writer<'_>, key: SourceKey) {
    w.u128(key.source.0);
    w.varint(u64::from(key.generation.0));
}

fn take_key(r: &mut Reader<'_>) -> Result<SourceKey, WireError> {
    Ok(SourceKey::new(SourceId(r.u128()?), Generation(r.varint_u32()?)))
}

fn put_witness(w: &mut Writer<'_>, witness: Option<Witness>) {
    w.varint(witness.map_or(0, |witness| u64::from(witness.len) + 1));
    w.u64(witness.map_or(0, |witness| witness.hash));
}

fn take_witness(r: &mut Reader<'_>) -> Result<Option<Witness>, WireError> {
    let (len, hash) = (r.varint()?, r.u64()?);
    let len = len.checked_sub(1).map(u16::try_from).transpose().map_err(|_| WireError::Malformed("witness"))?;
    Ok(len.map(|len| Witness { len, hash }))
}

const REASONS: [MissedReason; 4] =
    [MissedReason::DeletedUnread, MissedReason::TruncatedUnread, MissedReason::HeldTooMuch, MissedReason::BeforeStart];

fn reason_code(reason: MissedReason) -> u8 {
    REASONS.iter().position(|other| *other == reason).unwrap_or(0) as u8
}

fn reason_of(code: u8) -> Result<MissedReason, WireError> {
    let unknown = WireError::Unknown { what: "reason", code: u64::from(code) };
    REASONS.get(usize::from(code)).copied().ok_or(unknown)
}

#[cfg(test)]
mod tests;
