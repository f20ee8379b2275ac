//! `cpu`: what the processors spent their time on since the last look. From `/proc/stat`.

use super::points::{Points, float};

/// Time spent by one processor since the machine started, in ticks, by the kernel's columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times([u64; 10]);

/// The kernel's columns, in its order.
const COLUMNS: [&str; 10] = [
    "usage_user",
    "usage_nice",
    "usage_system",
    "usage_idle",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];
/// The last two are parts of the first two.
const WHOLE: usize = 8;

/// What each processor had spent at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent(Vec<(String, Times)>);

impl Spent {
    /// From the text of `/proc/stat`.
    pub fn read(stat: &str) -> Self {
        let cpus = stat.lines().take_while(|line| line.starts_with("cpu")).map(|line| {
            let mut columns = line.split_ascii_whitespace();
            let name = match columns.next() {
                Some("cpu") | None => "cpu-total",
                Some(name) => name,
            };
            let mut times = Times::default();
            for (time, column) in times.0.iter_mut().zip(columns) {
                *time = column.parse().unwrap_or(0);
            }
            (name.to_owned(), times)
        });
        Self(cpus.collect())
    }

    /// How many processors there are.
    pub fn processors(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// Adds what was done since `before`, in percent of the time that has passed.
    pub fn add_since(&self, before: &Self, points: &mut Points) {
        for (name, now) in &self.0 {
            let Some((_, before)) = before.0.iter().find(|(known, _)| known == name) else { continue };
            if let Some(usage) = usage(before, now) {
                points.add("cpu", [("cpu", name.as_str())], COLUMNS.into_iter().zip(usage.map(float)));
            }
        }
    }
}

/// In percent; nothing where no time has passed. The kernel may take back a little idle time: then there was none.
fn usage(before: &Times, now: &Times) -> Option<[f64; 10]> {
    let mut spent = [0; 10];
    for (spent, (now, before)) in spent.iter_mut().zip(now.0.iter().zip(before.0)) {
        *spent = now.saturating_sub(before);
    }
    let whole: u64 = spent[..WHOLE].iter().sum();
    if whole == 0 {
        return None;
    }
    spent[0] = spent[0].saturating_sub(spent[8]);
    spent[1] = spent[1].saturating_sub(spent[9]);
    Some(spent.map(|spent| spent as f64 * 100.0 / whole as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "cpu  1377565 84876 225960 1259966 9727 0 4334 2863 0 0\n\
        cpu0 690593 43216 106714 636641 3050 0 726 1464 0 0\n\
        cpu1 686971 41659 119245 623325 6677 0 3608 1399 0 0\nintr 19033268 0\nctxt 1\n";

    #[test]
    fn usage_is_what_was_spent_since() {
        let now = "cpu  1377665 84876 225980 1260036 9737 0 4334 2863 50 0\n\
            cpu0 690643 43216 106724 636681 3050 0 726 1464 50 0\n\
            cpu1 686971 41659 119245 623320 6677 0 3608 1399 0 0\nintr 1\n";
        let (before, now) = (Spent::read(BEFORE), Spent::read(now));
        assert_eq!(now.processors(), 2);
        let mut points = Points::none();
        now.add_since(&before, &mut points);
        assert_eq!(
            points.shown(),
            [
                "cpu,cpu=cpu-total usage_user=25,usage_nice=0,usage_system=10,usage_idle=35,usage_iowait=5,usage_irq=0,\
                 usage_softirq=0,usage_steal=0,usage_guest=25,usage_guest_nice=0",
                "cpu,cpu=cpu0 usage_user=0,usage_nice=0,usage_system=10,usage_idle=40,usage_iowait=0,usage_irq=0,\
                 usage_softirq=0,usage_steal=0,usage_guest=50,usage_guest_nice=0",
            ]
        );
    }

    #[test]
    fn old_kernels_and_rubbish_are_no_harm() {
        for text in ["", "cpu", "cpu  1 2 3 4\n", "cpu  x y z\ncpu0\n", "intr 1 2 3"] {
            let spent = Spent::read(text);
            let mut points = Points::none();
            spent.add_since(&Spent::default(), &mut points);
            spent.add_since(&spent, &mut points);
            assert_eq!(points.shown(), Vec::<String>::new(), "{text}");
        }
    }
}
