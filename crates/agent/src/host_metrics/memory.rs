//! `mem` and `swap`, from `/proc/meminfo` and `/proc/vmstat`.

use super::points::{Points, integer, percent};

/// Fields of `mem` that are lines of `/proc/meminfo` in bytes, by the kernel's names.
const BYTES: [(&str, &str); 26] = [
    ("Active", "active"),
    ("Buffers", "buffered"),
    ("CommitLimit", "commit_limit"),
    ("Committed_AS", "committed_as"),
    ("Dirty", "dirty"),
    ("MemFree", "free"),
    ("HighFree", "high_free"),
    ("HighTotal", "high_total"),
    ("Hugepagesize", "huge_page_size"),
    ("Inactive", "inactive"),
    ("LowFree", "low_free"),
    ("LowTotal", "low_total"),
    ("Mapped", "mapped"),
    ("PageTables", "page_tables"),
    ("Shmem", "shared"),
    ("Slab", "slab"),
    ("SReclaimable", "sreclaimable"),
    ("SUnreclaim", "sunreclaim"),
    ("SwapCached", "swap_cached"),
    ("SwapFree", "swap_free"),
    ("SwapTotal", "swap_total"),
    ("VmallocChunk", "vmalloc_chunk"),
    ("VmallocTotal", "vmalloc_total"),
    ("VmallocUsed", "vmalloc_used"),
    ("Writeback", "write_back"),
    ("WritebackTmp", "write_back_tmp"),
];
/// Those that are counts.
const COUNTS: [(&str, &str); 2] = [("HugePages_Free", "huge_pages_free"), ("HugePages_Total", "huge_pages_total")];
/// Of what the kernel counts pages moved to and from swap.
const PAGE: u64 = 4096;

/// Adds `mem` and `swap`.
pub fn add(meminfo: &str, vmstat: &str, points: &mut Points) {
    let lines: Vec<(&str, u64)> = meminfo.lines().filter_map(line).collect();
    let find = |key: &str| lines.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
    let bytes = |key: &str| find(key).map(|kib| kib.saturating_mul(1024));
    if let (Some(total), Some(free)) = (bytes("MemTotal"), bytes("MemFree")) {
        let (buffers, reclaimable) = (bytes("Buffers").unwrap_or(0), bytes("SReclaimable").unwrap_or(0));
        let cached = bytes("Cached").unwrap_or(0).saturating_add(reclaimable);
        let used = total.saturating_sub(free).saturating_sub(buffers).saturating_sub(cached);
        let available = bytes("MemAvailable").unwrap_or(free.saturating_add(buffers).saturating_add(cached));
        let mut fields = vec![
            ("total", integer(total)),
            ("available", integer(available)),
            ("used", integer(used)),
            ("cached", integer(cached)),
            ("available_percent", percent(available, total)),
            ("used_percent", percent(used, total)),
        ];
        fields.extend(BYTES.iter().filter_map(|(key, name)| Some((*name, integer(bytes(key)?)))));
        fields.extend(COUNTS.iter().filter_map(|(key, name)| Some((*name, integer(find(key)?)))));
        points.add("mem", [], fields);
    }
    if let (Some(total), Some(free)) = (bytes("SwapTotal"), bytes("SwapFree")) {
        let used = total.saturating_sub(free);
        let mut fields = vec![
            ("total", integer(total)),
            ("used", integer(used)),
            ("free", integer(free)),
            ("used_percent", percent(used, total)),
        ];
        for (key, name) in [("pswpin ", "in"), ("pswpout ", "out")] {
            let pages = vmstat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
            fields.extend(pages.map(|pages| (name, integer(pages.saturating_mul(PAGE)))));
        }
        points.add("swap", [], fields);
    }
}

/// `MemTotal:       24684096 kB`
fn line(line: &str) -> Option<(&str, u64)> {
    let (key, rest) = line.split_once(':')?;
    Some((key, rest.split_ascii_whitespace().next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_swap() {
        let meminfo = "MemTotal:       24684096 kB\nMemFree:         6594828 kB\nMemAvailable:   21976608 kB\n\
            Buffers:          226104 kB\nCached:         14544068 kB\nActive:          5816700 kB\n\
            Active(anon):       1656 kB\nSwapTotal:       1000 kB\nSwapFree:       750 kB\n\
            SReclaimable:    1021664 kB\nHugePages_Total:       4\nHugePages_Free:        3\n\
            Hugepagesize:       2048 kB\n";
        let mut points = Points::none();
        add(meminfo, "pgpgin 1\npswpin 2\npswpout 3\n", &mut points);
        assert_eq!(
            points.shown(),
            [
                "mem total=25276514304i,available=22504046592i,used=2352570368i,cached=15939309568i,\
                 available_percent=89.03144761712157,used_percent=9.307336999499597,active=5956300800i,\
                 buffered=231530496i,free=6753103872i,huge_page_size=2097152i,sreclaimable=1046183936i,\
                 swap_free=768000i,swap_total=1024000i,huge_pages_free=3i,huge_pages_total=4i",
                "swap total=1024000i,used=256000i,free=768000i,used_percent=25,in=8192i,out=12288i",
            ]
        );
    }

    #[test]
    fn a_machine_without_swap_uses_nothing_of_it() {
        let mut points = Points::none();
        add("SwapTotal: 0 kB\nSwapFree: 0 kB\nrubbish\nMemTotal: x kB\n", "", &mut points);
        assert_eq!(points.shown(), ["swap total=0i,used=0i,free=0i,used_percent=0"]);
    }
}
