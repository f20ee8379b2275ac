//! Numbers for the names of fields, so that no name is compared, hashed or copied twice.
//!
//! Decision: services write the same names in the same order line after line. So each name remembers which came after
//! it, and the guess is checked with one load and one compare. Numbers are a cache and never reach an answer: a name
//! that gets none (the table is bounded) is spelled out and means the same.

/// A name's number: of a fixed name, of one met before, or (from [`SPELLED`] on) of one that this line spells out.
pub(crate) type Slot = u16;
/// The first slot of names that have no number beyond their line.
pub(crate) const SPELLED: Slot = 4096;
/// So many of them a line may have; further fields of it are not looked at.
pub(crate) const SPELLED_MAX: usize = (ROOT - SPELLED) as usize;
/// The parent of names that are not nested.
pub(crate) const ROOT: Slot = u16::MAX - 1;
/// No name.
pub(crate) const NONE: Slot = u16::MAX;
/// Names numbered at most.
pub(crate) const NAMES_MAX: usize = 512;
/// Slots of the index, so that it is never more than half full.
const INDEX_LEN: usize = 2 * NAMES_MAX;

macro_rules! keys {
    ($($key:ident = $name:literal,)*) => {
        /// Names that formats with fixed fields use.
        #[derive(Clone, Copy, Debug)]
        #[repr(u16)]
        pub(crate) enum Key { $($key,)* }
        const FIXED: &[&str] = &[$($name,)*];
    };
}

keys! {
    App = "app",
    Bytes = "bytes",
    Cid = "cid",
    Client = "client",
    Code = "code",
    Exception = "exception",
    Extra1 = "extra1",
    Extra2 = "extra2",
    Extra3 = "extra3",
    Extra4 = "extra4",
    Extra5 = "extra5",
    Extra6 = "extra6",
    Extra7 = "extra7",
    Extra8 = "extra8",
    Facility = "facility",
    Host = "host",
    Ident = "ident",
    Logger = "logger",
    Login = "login",
    Method = "method",
    Module = "module",
    MsgId = "msgid",
    Path = "path",
    Pid = "pid",
    Protocol = "protocol",
    Referer = "referer",
    Referrer = "referrer",
    Request = "request",
    RequestId = "request_id",
    RequestTime = "request_time",
    Role = "role",
    Server = "server",
    Severity = "severity",
    Status = "status",
    Stream = "stream",
    Subrequest = "subrequest",
    Thread = "thread",
    Tid = "tid",
    Upstream = "upstream",
    User = "user",
    UserAgent = "user_agent",
    Vhost = "vhost",
}

/// How many names are numbered from the start.
pub(crate) const FIXED_LEN: usize = FIXED.len();

/// Whether a slot is of a fixed name or of one met before.
#[inline]
pub(crate) const fn is_numbered(slot: Slot) -> bool {
    slot < SPELLED
}

/// What a name means for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    None,
    /// Its time, with how good a name for it this is (lower is better).
    Time(u8),
    /// Its level, likewise.
    Level(u8),
}

/// The rank of names under which a number is syslog's.
pub(crate) const SYSLOG_RANK: u8 = 5;
/// The rank of MongoDB's `s`, which is a letter.
pub(crate) const LETTER_RANK: u8 = 4;

/// What the name of a field of JSON or logfmt means.
pub(crate) fn role(name: &[u8]) -> Role {
    match name {
        b"time" | b"timestamp" | b"@timestamp" | b"Timestamp" | b"@t" => Role::Time(1),
        b"ts" | b"datetime" | b"time_iso8601" | b"timeMillis" | b"asctime" | b"t.$date" | b"eventTime"
        | b"event_time" | b"time_local" | b"Time" => Role::Time(2),
        b"t" | b"date" | b"start_time" | b"msec" | b"dt" => Role::Time(3),
        b"__REALTIME_TIMESTAMP"
        | b"created"
        | b"created_at"
        | b"record.time.timestamp"
        | b"instant.epochSecond"
        | b"timestamp.seconds" => Role::Time(4),
        b"level" | b"severity" | b"lvl" | b"log.level" | b"levelname" | b"loglevel" | b"log_level" | b"Level"
        | b"severity_text" | b"SeverityText" | b"severityText" => Role::Level(1),
        b"@l" | b"@level" | b"level_name" | b"logLevel" | b"LogLevel" | b"error_severity" | b"record.level.name" => {
            Role::Level(2)
        }
        b"s" => Role::Level(LETTER_RANK),
        b"PRIORITY" | b"priority" | b"syslog.severity" => Role::Level(SYSLOG_RANK),
        _ => Role::None,
    }
}

/// The numbered names. By default there is no room for any besides the fixed ones.
#[derive(Default)]
pub(crate) struct Names {
    /// Those behind the fixed ones.
    entries: Vec<Entry>,
    /// Their names, whole.
    text: Vec<u8>,
    /// Open addressing over `entries`; 0 where empty. Empty where there is no room.
    index: Vec<u16>,
    /// Which name came first in the last line.
    first: Slot,
}

struct Entry {
    /// The first bytes of the key with its closing quote, to compare at once; and which of them count.
    head: u128,
    mask: u128,
    key_len: u32,
    parent: Slot,
    /// Which name came after this one the last time, in the same object.
    next: Slot,
    /// Which name came first within it the last time.
    child: Slot,
    role: Role,
    /// In the names' text: the whole name, which ends with the key.
    start: u32,
    end: u32,
}

impl Names {
    /// With room for names.
    pub fn with_room() -> Self {
        Self { entries: Vec::new(), text: Vec::new(), index: vec![0; INDEX_LEN], first: NONE }
    }

    /// Between batches: forgets all if there is little room left, so that every batch finds room for its first names.
    pub fn make_room(&mut self) {
        if self.entries.len() > NAMES_MAX / 2 {
            self.entries.clear();
            self.text.clear();
            self.index.fill(0);
            self.first = NONE;
        }
    }

    /// The whole name of a number.
    pub fn full(&self, slot: Slot) -> &[u8] {
        match FIXED.get(usize::from(slot)) {
            Some(name) => name.as_bytes(),
            None => {
                let entry = &self.entries[usize::from(slot) - FIXED_LEN];
                &self.text[entry.start as usize..entry.end as usize]
            }
        }
    }

    #[inline]
    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(usize::from(slot).wrapping_sub(FIXED_LEN))
    }

    /// What a numbered name means.
    #[inline]
    pub fn role(&self, slot: Slot) -> Role {
        self.entry(slot).map_or(Role::None, |entry| entry.role)
    }

    /// The name expected behind `before` in `parent`, if it stands at `at` with its closing quote: its number and
    /// where the quote is.
    #[inline]
    pub fn expected(&self, line: &[u8], at: usize, parent: Slot, before: Slot) -> Option<(Slot, usize)> {
        let slot = match before {
            NONE if parent == ROOT => self.first,
            NONE => self.entry(parent)?.child,
            before => self.entry(before)?.next,
        };
        let entry = self.entry(slot)?;
        let end = at + entry.key_len as usize;
        let rest = line.get(at..)?;
        let chunk = match rest.first_chunk::<16>() {
            Some(chunk) => u128::from_le_bytes(*chunk),
            None => short(rest),
        };
        if entry.parent != parent || chunk & entry.mask != entry.head {
            return None;
        }
        if entry.key_len > 15 {
            let key = &self.text[(entry.end - entry.key_len) as usize..entry.end as usize];
            if line.get(at..end)? != key || line.get(end) != Some(&b'"') {
                return None;
            }
        }
        Some((slot, end))
    }

    /// Remembers that `slot` came after `before` in `parent`.
    pub fn learn(&mut self, parent: Slot, before: Slot, slot: Slot) {
        let at = |slot: Slot| usize::from(slot).wrapping_sub(FIXED_LEN);
        match before {
            NONE if parent == ROOT => self.first = slot,
            NONE => {
                if let Some(entry) = self.entries.get_mut(at(parent)) {
                    entry.child = slot;
                }
            }
            before => {
                if let Some(entry) = self.entries.get_mut(at(before)) {
                    entry.next = slot;
                }
            }
        }
    }

    /// The number of `key` within `parent`; none where there is no room for one more.
    pub fn number(&mut self, parent: Slot, key: &[u8]) -> Option<Slot> {
        if self.index.is_empty() {
            return None;
        }
        let mut at = hash(parent, key) & (INDEX_LEN - 1);
        while let Some(found) = self.index[at].checked_sub(1) {
            let entry = &self.entries[usize::from(found)];
            let known = &self.text[(entry.end - entry.key_len) as usize..entry.end as usize];
            if entry.parent == parent && known == key {
                return Some(found + FIXED_LEN as Slot);
            }
            at = (at + 1) & (INDEX_LEN - 1);
        }
        if self.entries.len() == NAMES_MAX {
            return None;
        }
        self.insert(parent, key);
        self.index[at] = self.entries.len() as u16;
        Some((self.entries.len() - 1 + FIXED_LEN) as Slot)
    }

    fn insert(&mut self, parent: Slot, key: &[u8]) {
        let start = self.text.len();
        if let Some(above) = self.entry(parent) {
            let (from, to) = (above.start as usize, above.end as usize);
            self.text.extend_from_within(from..to);
            self.text.push(b'.');
        }
        self.text.extend_from_slice(key);
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        for (n, byte) in key.iter().chain(b"\"").take(16).enumerate() {
            head[n] = *byte;
            mask[n] = 0xff;
        }
        self.entries.push(Entry {
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            key_len: key.len() as u32,
            parent,
            next: NONE,
            child: NONE,
            role: role(&self.text[start..]),
            start: start as u32,
            end: self.text.len() as u32,
        });
    }
}

/// Fewer than sixteen bytes, as if zeros followed.
#[inline(never)]
fn short(rest: &[u8]) -> u128 {
    rest.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte))
}

fn hash(parent: Slot, key: &[u8]) -> usize {
    let start = u32::from(parent) ^ 0x811c_9dc5;
    key.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)) as usize
}
