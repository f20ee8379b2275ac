//! `system`: load and how long the machine has been up, from `/proc/loadavg` and `/proc/uptime`; `kernel`: what it has
//! counted since, from `/proc/stat`.

use super::points::{Points, float, integer};
use model::FieldValue;

/// Adds `system`.
pub fn add_system(loadavg: &str, uptime: &str, processors: usize, points: &mut Points) {
    let mut columns = loadavg.split_ascii_whitespace();
    let mut fields = Vec::new();
    for name in ["load1", "load5", "load15"] {
        if let Some(load) = columns.next().and_then(|column| column.parse().ok()) {
            fields.push((name, float(load)));
        }
    }
    if processors > 0 {
        fields.push(("n_cpus", integer(processors as u64)));
    }
    if let Some(seconds) = uptime.split('.').next().and_then(|whole| whole.trim().parse().ok()) {
        fields.push(("uptime", integer(seconds)));
        fields.push(("uptime_format", FieldValue::Text(formatted(seconds))));
    }
    points.add("system", [], fields);
}

/// As `uptime` shows it.
fn formatted(seconds: u64) -> String {
    let (days, minutes) = (seconds / 86_400, seconds / 60);
    let of_day = format!("{:2}:{:02}", minutes / 60 % 24, minutes % 60);
    match days {
        0 => of_day,
        1 => format!("1 day, {of_day}"),
        days => format!("{days} days, {of_day}"),
    }
}

/// Threads of all processes, from `/proc/loadavg`.
pub fn threads(loadavg: &str) -> Option<u64> {
    loadavg.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// Adds `kernel`.
pub fn add_kernel(stat: &str, entropy: &str, points: &mut Points) {
    let names = [
        ("btime", "boot_time"),
        ("ctxt", "context_switches"),
        ("intr", "interrupts"),
        ("processes", "processes_forked"),
    ];
    let fields = stat.lines().filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let (key, value) = (columns.next()?, columns.next()?);
        let (_, name) = names.iter().find(|(known, _)| *known == key)?;
        Some((*name, integer(value.parse().ok()?)))
    });
    let entropy = entropy.trim().parse().ok().map(|bits| ("entropy_avail", integer(bits)));
    points.add("kernel", [], fields.chain(entropy));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_uptime() {
        let mut points = Points::none();
        add_system("2.93 3.62 2.92 3/353 19440\n", "14884.81 12599.66\n", 2, &mut points);
        assert_eq!(
            points.shown(),
            ["system load1=2.93,load5=3.62,load15=2.92,n_cpus=2i,uptime=14884i,uptime_format=\" 4:08\""]
        );
        assert_eq!(threads("2.93 3.62 2.92 3/353 19440\n"), Some(353));
        assert_eq!((threads(""), threads("1 2 3 4 5")), (None, None));
    }

    #[test]
    fn uptime_is_shown_as_usual() {
        let table =
            [(0, " 0:00"), (59, " 0:00"), (86_399, "23:59"), (86_400, "1 day,  0:00"), (200_000, "2 days,  7:33")];
        for (seconds, expected) in table {
            assert_eq!(formatted(seconds), expected);
        }
    }

    #[test]
    fn counters_of_the_kernel() {
        let mut points = Points::none();
        let stat = "cpu 1 2\nintr 19033268 0 0 1\nctxt 34693475\nbtime 1795245506\nprocesses 570179\nprocs_running 3\n";
        add_kernel(stat, "256\n", &mut points);
        add_kernel("rubbish\n\nctxt\nbtime x", "", &mut points);
        assert_eq!(
            points.shown(),
            ["kernel interrupts=19033268i,context_switches=34693475i,boot_time=1795245506i,processes_forked=570179i,\
              entropy_avail=256i"]
        );
    }
}
