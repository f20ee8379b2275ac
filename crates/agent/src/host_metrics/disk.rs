//! `disk`: how full mounted filesystems are, from `/proc/self/mountinfo` and what the kernel says of each; `diskio`: what
//! devices have read and written, from `/proc/diskstats`.

use std::collections::BTreeMap;

use model::FieldValue;

use super::points::{Points, float, integer, percent};

/// A filesystem that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub path: String,
    pub device: String,
    pub kind: String,
    pub read_only: bool,
}

/// How full a filesystem is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    pub total: u64,
    /// What ordinary users may still take.
    pub free: u64,
    pub used: u64,
    pub inodes_total: u64,
    pub inodes_free: u64,
}

/// At most so many filesystems, and devices.
const MANY: usize = 256;
/// The unit of `/proc/diskstats`, whatever the device's own sectors are.
const SECTOR: u64 = 512;

/// What is mounted and holds files of its own: on a real device, once each, or the root. `filesystems` is the text of
/// `/proc/filesystems`, which marks those without a device.
pub fn mounts(mountinfo: &str, filesystems: &str) -> Vec<Mount> {
    let real = |kind: &str| kind == "zfs" || filesystems.lines().any(|line| line.strip_prefix('\t') == Some(kind));
    let mut mounts: BTreeMap<&str, Mount> = BTreeMap::new();
    for (number, mount) in mountinfo.lines().filter_map(mount) {
        let wanted = mount.path == "/" || real(&mount.kind) && mount.kind != "squashfs";
        // The same filesystem may be mounted at many places, as in containers: the shortest path is the one meant.
        let known = mounts.get(number).is_some_and(|known| known.path.len() <= mount.path.len());
        if wanted && !known && (mounts.len() < MANY || mounts.contains_key(number)) {
            mounts.insert(number, mount);
        }
    }
    mounts.into_values().collect()
}

/// `27 1 254:0 / /home rw,relatime shared:1 - ext4 /dev/vda rw,discard`
fn mount(line: &str) -> Option<(&str, Mount)> {
    let (place, what) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(2);
    let (number, _root, path, options) = (place.next()?, place.next()?, place.next()?, place.next()?);
    let mut what = what.split(' ');
    let (kind, device) = (what.next()?, what.next()?);
    let read_only = options.split(',').any(|option| option == "ro");
    let device = unescaped(device).replace("/dev/", "");
    Some((number, Mount { path: unescaped(path), device, kind: kind.to_owned(), read_only }))
}

/// The kernel writes spaces and the like as `\040`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Adds `disk` for one filesystem. One without any room is none.
pub fn add_disk(mount: &Mount, room: Room, points: &mut Points) {
    if room.total == 0 {
        return;
    }
    let mode = if mount.read_only { "ro" } else { "rw" };
    let tags = [
        ("path", mount.path.as_str()),
        ("device", mount.device.as_str()),
        ("fstype", mount.kind.as_str()),
        ("mode", mode),
    ];
    let inodes_used = room.inodes_total.saturating_sub(room.inodes_free);
    let fields = [
        ("total", integer(room.total)),
        ("free", integer(room.free)),
        ("used", integer(room.used)),
        ("used_percent", percent(room.used, room.used.saturating_add(room.free))),
        ("inodes_total", integer(room.inodes_total)),
        ("inodes_free", integer(room.inodes_free)),
        ("inodes_used", integer(inodes_used)),
        ("inodes_used_percent", percent(inodes_used, room.inodes_total)),
    ];
    points.add("disk", tags, fields);
}

/// What devices had done at the last look, in the kernel's columns.
#[derive(Clone, Debug, Default)]
pub struct Done(BTreeMap<String, [u64; COLUMNS]>);

const COLUMNS: usize = 11;

impl Done {
    /// Adds `diskio` for each device that has ever done anything: what it has done in all, and how busy it was in the
    /// `micros` since the last look, which this one replaces.
    pub fn add(&mut self, diskstats: &str, micros: i64, points: &mut Points) {
        let mut now = BTreeMap::new();
        for (name, counts) in diskstats.lines().filter_map(device) {
            if now.len() == MANY {
                break;
            }
            let mut fields = totals(counts).to_vec();
            if let Some(before) = self.0.get(name) {
                fields.extend(since(before, &counts, micros));
            }
            points.add("diskio", [("name", name)], fields);
            now.insert(name.to_owned(), counts);
        }
        self.0 = now;
    }
}

/// `254 0 vda 44186 8033 68780010 20911 …`
fn device(line: &str) -> Option<(&str, [u64; COLUMNS])> {
    let mut columns = line.split_ascii_whitespace().skip(2);
    let name = columns.next()?;
    let mut counts = [0; COLUMNS];
    for count in &mut counts {
        *count = columns.next()?.parse().ok()?;
    }
    (counts[0] > 0 || counts[4] > 0).then_some((name, counts))
}

fn totals(counts: [u64; COLUMNS]) -> [(&'static str, FieldValue); COLUMNS] {
    let [reads, reads_merged, read, read_ms, writes, writes_merged, written, write_ms, running, ms, weighted] = counts;
    [
        ("reads", integer(reads)),
        ("writes", integer(writes)),
        ("read_bytes", integer(read.saturating_mul(SECTOR))),
        ("write_bytes", integer(written.saturating_mul(SECTOR))),
        ("read_time", integer(read_ms)),
        ("write_time", integer(write_ms)),
        ("io_time", integer(ms)),
        ("weighted_io_time", integer(weighted)),
        ("iops_in_progress", integer(running)),
        ("merged_reads", integer(reads_merged)),
        ("merged_writes", integer(writes_merged)),
    ]
}

/// How busy it was, in percent, and how many milliseconds an operation took: in all, and of the device's time.
fn since(before: &[u64; COLUMNS], now: &[u64; COLUMNS], micros: i64) -> Vec<(&'static str, FieldValue)> {
    let growth = |at: usize| Some(now[at].checked_sub(before[at])? as f64);
    // All but what is running now. Where a count has fallen, the device is another one.
    let done: Option<Vec<f64>> = (0..COLUMNS).filter(|at| *at != 8).map(growth).collect();
    let Some(done) = done else { return Vec::new() };
    let (operations, waited, busy) = (done[0] + done[4], done[3] + done[7], done[8]);
    let mut fields = Vec::new();
    if operations > 0.0 {
        fields.extend([("io_await", float(waited / operations)), ("io_svctm", float(busy / operations))]);
    }
    if micros > 0 {
        fields.push(("io_util", float(100_000.0 * busy / micros as f64)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILESYSTEMS: &str = "nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n\text4\n\txfs\n\tsquashfs\n";

    #[test]
    fn finds_what_holds_files() {
        let mountinfo = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
            28 27 0:25 / /run rw - tmpfs tmpfs rw\n\
            29 27 8:1 / /my\\040disk ro,noatime shared:3 master:1 - xfs /dev/mapper/a-b rw\n\
            30 27 8:1 /sub /m rw - xfs /dev/mapper/a-b rw\n\
            31 27 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw\n\
            32 27 7:1 / /snap/x ro - squashfs /dev/loop1 ro\nrubbish\n";
        let mount = |path: &str, device: &str, kind: &str| Mount {
            path: path.to_owned(),
            device: device.to_owned(),
            kind: kind.to_owned(),
            read_only: false,
        };
        assert_eq!(mounts(mountinfo, FILESYSTEMS), [mount("/", "vda", "ext4"), mount("/m", "mapper/a-b", "xfs")]);
        let container = "500 400 0:100 / / rw,relatime - overlay overlay rw,lowerdir=/x\n";
        assert_eq!(mounts(container, FILESYSTEMS), [mount("/", "overlay", "overlay")]);
        assert_eq!(unescaped(r"a\040b\134c\9\04"), "a b\\c\\9\\04");
    }

    #[test]
    fn how_full() {
        let mount =
            Mount { path: "/my disk".to_owned(), device: "sda1".to_owned(), kind: "xfs".to_owned(), read_only: true };
        let mut points = Points::none();
        add_disk(&mount, Room { total: 1000, free: 200, used: 600, inodes_total: 10, inodes_free: 9 }, &mut points);
        add_disk(&mount, Room::default(), &mut points);
        assert_eq!(
            points.shown(),
            ["disk,device=sda1,fstype=xfs,mode=ro,path=/my\\ disk total=1000i,free=200i,used=600i,used_percent=75,\
              inodes_total=10i,inodes_free=9i,inodes_used=1i,inodes_used_percent=10"]
        );
    }

    #[test]
    fn what_was_read_and_written() {
        let diskstats = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n \
            254       0 vda 44186 8033 68780010 20911 1048573 2031247 533001768 6100310 2 600740 6121222 0 0 0 0 0 0\n \
            8 1 short 1 2 3\nrubbish\n";
        let (mut done, mut points) = (Done::default(), Points::none());
        done.add(diskstats, 0, &mut points);
        assert_eq!(
            points.shown(),
            ["diskio,name=vda reads=44186i,writes=1048573i,read_bytes=35215365120i,write_bytes=272896905216i,\
              read_time=20911i,write_time=6100310i,io_time=600740i,weighted_io_time=6121222i,iops_in_progress=2i,\
              merged_reads=8033i,merged_writes=2031247i"]
        );
    }

    #[test]
    fn how_busy() {
        let line = |counts: &str| format!("254 0 vda {counts}\n");
        let (mut done, mut points) = (Done::default(), Points::none());
        done.add(&line("100 0 0 1000 50 0 0 500 3 2000 0"), 0, &mut points);
        for counts in ["110 0 0 1100 60 0 0 700 0 7000 0", "110 0 0 1100 60 0 0 700 0 7000 0", "1 0 0 1 1 0 0 1 0 1 0"]
        {
            done.add(&line(counts), 10_000_000, &mut points);
        }
        let busy: Vec<_> =
            points.shown().iter().map(|line| line.split("merged_writes=0i").nth(1).map(str::to_owned)).collect();
        let expected = ["", ",io_await=15,io_svctm=250,io_util=50", ",io_util=0", ""];
        assert_eq!(busy, expected.map(|text| Some(text.to_owned())));
    }
}
